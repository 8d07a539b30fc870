"""Requests of S3, as an application of WSGI on a bucket (``SEMANTICS.md`` V1-V8)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from werkzeug.exceptions import HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from sim.scenario.schema import Scenario
from sim.serving import documents, listings
from sim.serving.bucket import ServedBucket
from sim.serving.clients import client_of
from sim.serving.clock import today
from sim.serving.contents import Condition
from sim.serving.limits import Limits
from sim.serving.problems import Refused
from sim.serving.signatures import KeyPair, Signed, signer
from sim.serving.uploads import Uploads, content_of

__all__ = ["Endpoint"]

_KEY_BYTES_MAX: Final = 1024
_XML: Final = "application/xml"
# What a reader is told as the writer said it, beside what begins as the other.
_KEPT: Final = ("cache-control", "content-disposition", "content-encoding", "content-language")
_KEPT_PREFIX: Final = "x-amz-meta-"


@dataclass(frozen=True, slots=True)
class _Call:
    """A request whose signature is right, and who sent it."""

    request: Request
    body: bytes
    who: str
    key: str

    @property
    def asked(self) -> frozenset[str]:
        """Names of the query; how an SDK calls the operation tells nothing."""
        return frozenset(self.request.args) - {"x-id"}


class Endpoint:
    """The application.

    Parameters
    ----------
    scenario : Scenario
        Whose clients these are.
    bucket : ServedBucket
    name : str
        Of the bucket.
    own : KeyPair
    limits : Limits
    date : callable
        The date by which signatures are judged, in UTC.
    """

    def __init__(
        self,
        scenario: Scenario,
        bucket: ServedBucket,
        *,
        name: str,
        own: KeyPair,
        limits: Limits,
        date: Callable[[], datetime] = today,
    ) -> None:
        self._scenario = scenario
        self._bucket = bucket
        self._name = name
        self._own = own
        self._limits = limits
        self._date = date
        self._uploads = Uploads(limits)
        self._of_objects: dict[tuple[str, frozenset[str]], Callable[[_Call], Response]] = {
            ("GET", frozenset()): self._get,
            ("HEAD", frozenset()): self._head,
            ("PUT", frozenset()): self._put,
            ("DELETE", frozenset()): self._delete,
            ("POST", frozenset({"uploads"})): self._begin,
            ("PUT", frozenset({"uploadId", "partNumber"})): self._add,
            ("POST", frozenset({"uploadId"})): self._complete,
            ("DELETE", frozenset({"uploadId"})): self._abort,
        }

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        """Answer a request, as WSGI wants it."""
        request = Request(environ)
        request.max_content_length = self._limits.body_bytes
        try:
            response = self._answered(request)
        except Refused as refused:
            response = _refusal(refused)
        except RequestEntityTooLarge:
            response = _refusal(Refused(413, "EntityTooLarge", "The body is too large."))
        except RequestedRangeNotSatisfiable:
            response = _refusal(Refused(416, "InvalidRange", "The object has no such range."))
        except HTTPException as error:
            response = _refusal(Refused(error.code or 400, "InvalidRequest", error.name))
        return response(environ, start)

    def _answered(self, request: Request) -> Response:
        target = str(request.environ.get("REQUEST_URI", ""))
        sent = request.get_data(cache=False)
        signed = Signed(request.method, target, dict(request.headers), sent)
        access_key, body = signer(signed, self._own, self._date())
        who = client_of(self._scenario, access_key, self._own.access_key)
        bucket, key = _place(target)
        call = _Call(request, body, who, key)
        if not (bucket or key):
            return self._of_all(call)
        self._check_bucket(bucket)
        if not key:
            return self._of_bucket(call)
        answer = self._of_objects.get((request.method, call.asked))
        if answer is None:
            raise Refused.unknown(f"{request.method} of an object with {sorted(call.asked)}")
        return answer(call)

    def _check_bucket(self, name: str) -> None:
        if name != self._name:
            raise Refused(404, "NoSuchBucket", f"The only bucket is {self._name}.")

    def _of_all(self, call: _Call) -> Response:
        if call.request.method == "GET" and not call.asked:
            text = documents.buckets(self._name, self._bucket.began)
            return Response(text, content_type=_XML)
        raise Refused.unknown(f"{call.request.method} of / with {sorted(call.asked)}")

    def _of_bucket(self, call: _Call) -> Response:
        method, asked = call.request.method, call.asked
        if method == "HEAD" and not asked:
            return Response()
        if method == "GET" and asked == {"location"}:
            return Response(documents.location(), content_type=_XML)
        if method == "GET" and listings.is_listing(call.request.args, asked):
            return self._list(call)
        if method == "POST" and asked == {"delete"}:
            return self._delete_many(call)
        raise Refused.unknown(f"{method} of the bucket with {sorted(asked)}")

    def _get(self, call: _Call) -> Response:
        return self._read(call, "get")

    def _head(self, call: _Call) -> Response:
        return self._read(call, "head")

    def _read(self, call: _Call, kind: str) -> Response:
        content = self._bucket.read(call.who, kind, call.key)
        response = Response(content.body, headers=list(content.headers))
        response.set_etag(content.etag)
        response.last_modified = content.written
        response.make_conditional(
            call.request.environ, accept_ranges=True, complete_length=len(content.body)
        )
        if response.status_code == 412:
            raise Refused.unmet()
        return response

    def _put(self, call: _Call) -> Response:
        headers = call.request.headers
        if "x-amz-copy-source" in headers:
            raise Refused.unknown("A copy")
        content = content_of(call.body, _kept(call.request))
        self._bucket.put(call.who, call.key, content, _condition(call.request))
        return Response(headers={"ETag": f'"{content.etag}"'})

    def _delete(self, call: _Call) -> Response:
        self._bucket.delete(call.who, call.key)
        return Response(status=204)

    def _delete_many(self, call: _Call) -> Response:
        keys, is_quiet = documents.keys_to_delete(self._document(call))
        if not 0 < len(keys) <= self._limits.page:
            raise Refused(400, "MalformedXML", f"Between 1 and {self._limits.page} keys, please.")
        outcomes: list[tuple[str, Refused | None]] = []
        for key in keys:
            try:
                _check_key(key)
                self._bucket.delete(call.who, key)
            except Refused as refused:
                outcomes.append((key, refused))
            else:
                outcomes.append((key, None))
        return Response(documents.deleted(outcomes, is_quiet=is_quiet), content_type=_XML)

    def _list(self, call: _Call) -> Response:
        args = call.request.args
        wanted = listings.wanted_by(args, self._limits.page)
        page = self._bucket.list(call.who, wanted)
        return Response(listings.page_of(self._name, args, wanted, page), content_type=_XML)

    def _begin(self, call: _Call) -> Response:
        name = self._uploads.begin(call.key, _kept(call.request))
        return Response(documents.begun(self._name, call.key, name), content_type=_XML)

    def _add(self, call: _Call) -> Response:
        args = call.request.args
        number = args["partNumber"]
        if not (number.isascii() and number.isdecimal() and len(number) <= 5):
            raise Refused(400, "InvalidArgument", "partNumber is a number.")
        if "x-amz-copy-source" in call.request.headers:
            raise Refused.unknown("A copy")
        etag = self._uploads.add(args["uploadId"], call.key, int(number), call.body)
        return Response(headers={"ETag": f'"{etag}"'})

    def _complete(self, call: _Call) -> Response:
        name = call.request.args["uploadId"]
        wanted = documents.parts_to_join(self._document(call))
        content = self._uploads.joined(name, call.key, wanted)
        self._bucket.put(call.who, call.key, content, _condition(call.request))
        self._uploads.end(name, call.key)
        text = documents.completed(self._name, call.key, content.etag)
        return Response(text, content_type=_XML)

    def _abort(self, call: _Call) -> Response:
        self._uploads.end(call.request.args["uploadId"], call.key)
        return Response(status=204)

    def _document(self, call: _Call) -> bytes:
        if len(call.body) > self._limits.document_bytes:
            raise Refused(413, "EntityTooLarge", "The document is too large.")
        return call.body


def _refusal(refused: Refused) -> Response:
    return Response(documents.error(refused), status=refused.status, content_type=_XML)


def _place(target: str) -> tuple[str, str]:
    """Bucket and key of a target; the key is empty for the bucket itself."""
    path = target.partition("?")[0]
    try:
        text = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        text = ""
    if not text.startswith("/"):
        raise Refused(400, "InvalidURI", "The path is /bucket/key, in UTF-8.")
    bucket, _, key = text[1:].partition("/")
    if key:
        _check_key(key)
    return bucket, key


def _check_key(key: str) -> None:
    """Refuse a key that is too long, or that XML cannot say."""
    if len(key.encode("utf-8", "surrogatepass")) > _KEY_BYTES_MAX:
        raise Refused(400, "KeyTooLongError", f"A key has at most {_KEY_BYTES_MAX} bytes.")
    if not key.isprintable():
        raise Refused(400, "InvalidArgument", "A key has printable characters only.")


def _kept(request: Request) -> tuple[tuple[str, str], ...]:
    """What readers are told of an object beside its body."""
    kept = [("Content-Type", request.headers.get("Content-Type", "binary/octet-stream"))]
    for name, value in request.headers.items():
        if name.lower() in _KEPT or name.lower().startswith(_KEPT_PREFIX):
            kept.append((name.lower(), value))
    # That is how it came, not what it is.
    return tuple(pair for pair in kept if pair != ("content-encoding", "aws-chunked"))


def _condition(request: Request) -> Condition:
    is_new = request.headers.get("If-None-Match")
    if is_new not in (None, "*"):
        raise Refused.unknown("A put where a tag does not match")
    etag = request.headers.get("If-Match")
    return Condition(is_new=is_new is not None, etag=None if etag is None else etag.strip('"'))
