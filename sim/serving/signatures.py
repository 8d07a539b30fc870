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


def signer(request: Signed, own: KeyPair, now: datetime) -> str:
    """The access key with which a request is signed.

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
    credentials = Credentials(access_key, own.secret_key)
    expected = _signature(request, {name: headers[name] for name in signed}, credentials, region)
    if not hmac.compare_digest(expected, signature):
        message = "The signature is not that of the request with the endpoint's secret key."
        raise Refused(403, "SignatureDoesNotMatch", message)
    _check_body(headers[_DIGEST], request.body)
    return access_key


def _signature(
    request: Signed, headers: dict[str, str], credentials: Credentials, region: str
) -> str:
    aws = AWSRequest(request.method, f"http://{headers['host']}{request.target}", headers)
    aws.context["timestamp"] = headers[_DATE]
    auth = S3SigV4Auth(credentials, "s3", region)
    text: str = auth.signature(auth.string_to_sign(aws, auth.canonical_request(aws)), aws)
    return text


def _read_date(stamp: str) -> datetime:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(403, "AccessDenied", "X-Amz-Date must be as 20260131T235959Z.") from None


def _check_body(digest: str, body: bytes) -> None:
    if digest.startswith("STREAMING-"):
        raise Refused.unknown("A body in signed chunks")
    if digest != _UNSIGNED and digest != hashlib.sha256(body).hexdigest():
        message = "The body is not the one that was signed."
        raise Refused(400, "XAmzContentSHA256Mismatch", message)
