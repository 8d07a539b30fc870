"""Signatures of requests: version 4 of AWS, checked by the signer of botocore."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sim.serving.chunks import unchunked
from sim.serving.problems import Refused

__all__ = ["KeyPair", "Signed", "signer"]

_AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^/,\s]{1,128})/(\d{8})/([\w-]{1,64})/s3/aws4_request *,"
    r" *SignedHeaders=([a-z0-9;_-]{1,4096}) *, *Signature=([0-9a-f]{64})"
)
_DATE: Final = "x-amz-date"
_DIGEST: Final = "x-amz-content-sha256"
_NEEDED: Final = frozenset({"host", _DATE, _DIGEST})
_UNSIGNED: Final = "UNSIGNED-PAYLOAD"
_IN_CHUNKS: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_NO_BYTES: Final = hashlib.sha256(b"").hexdigest()
# Clocks may be so far apart, as at S3.
_APART_MOST: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """What clients sign with."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A request, as far as its signature is about it.

    Attributes
    ----------
    method : str
    target : str
        Path and query as they came, still escaped.
    headers : mapping
        By name, whatever its case.
    body : bytes
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


def signer(request: Signed, own: KeyPair, now: datetime) -> tuple[str, bytes]:
    """The access key with which a request is signed, and the body without its signatures.

    Every access key has the secret of the endpoint's own; whose it is, is not asked here.

    Raises
    ------
    Refused
        If it is not signed by who has the secret, or not now, or with another body.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    matched = _AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    if matched is None:
        message = "Requests must be signed with AWS4-HMAC-SHA256, in their headers."
        raise Refused(403, "AccessDenied", message)
    access_key, day, region, names, signature = matched.groups()
    signed = names.split(";")
    needed = _NEEDED | {name for name in headers if name.startswith("x-amz-")}
    if not needed.issubset(signed) or not headers.keys() >= set(signed):
        raise Refused(403, "AccessDenied", "A header must be signed that is not.")
    stamp = headers[_DATE]
    if stamp[:8] != day or abs(_read_date(stamp) - now) > _APART_MOST:
        message = "The request was not signed at the time of the endpoint."
        raise Refused(403, "RequestTimeTooSkewed", message)
    pen = _Pen(request, {name: headers[name] for name in signed}, access_key, own, region)
    if not hmac.compare_digest(pen.of_request(), signature):
        message = "The signature is not that of the request with the endpoint's secret key."
        raise Refused(403, "SignatureDoesNotMatch", message)
    return access_key, _body(request.body, headers, pen, signature)


class _Pen:
    """Signs what is said to have been sent, as whoever sent it should have."""

    def __init__(
        self,
        request: Signed,
        headers: dict[str, str],
        access_key: str,
        own: KeyPair,
        region: str,
    ) -> None:
        url = f"http://{headers['host']}{request.target}"
        self._request = AWSRequest(request.method, url, headers)
        self._request.context["timestamp"] = headers[_DATE]
        self._auth = S3SigV4Auth(Credentials(access_key, own.secret_key), "s3", region)

    def of_request(self) -> str:
        canonical = self._auth.canonical_request(self._request)
        return self._signed(self._auth.string_to_sign(self._request, canonical))

    def of_chunk(self, before: str, chunk: bytes) -> str:
        """The signature of a chunk that comes after what has the signature ``before``."""
        stamp = self._request.context["timestamp"]
        scope = self._auth.credential_scope(self._request)
        digests = (_NO_BYTES, hashlib.sha256(chunk).hexdigest())
        return self._signed("\n".join(("AWS4-HMAC-SHA256-PAYLOAD", stamp, scope, before, *digests)))

    def _signed(self, text: str) -> str:
        signature: str = self._auth.signature(text, self._request)
        return signature


def _read_date(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(403, "AccessDenied", "X-Amz-Date must be as 20260131T235959Z.") from None


def _body(body: bytes, headers: Mapping[str, str], pen: _Pen, signature: str) -> bytes:
    """The body that is meant, if it is the one that was signed."""
    digest = headers[_DIGEST]
    if digest == _IN_CHUNKS:
        whole = unchunked(body, signature, pen.of_chunk)
        if headers.get("x-amz-decoded-content-length") != str(len(whole)):
            raise Refused(400, "IncompleteBody", "The body is not as long as it is said to be.")
        return whole
    if digest.startswith("STREAMING-"):
        raise Refused.unknown("A body in chunks with a trailer")
    if digest not in (_UNSIGNED, hashlib.sha256(body).hexdigest()):
        message = "The body is not the one that was signed."
        raise Refused(400, "XAmzContentSHA256Mismatch", message)
    return body
