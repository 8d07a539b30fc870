"""What an endpoint answers request by request, above all what it refuses."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.test import Client, TestResponse

from tests.serving import BUCKET, SECRET, Served, serving
from tests.worlds import world

HOST = "http://localhost"


def signed(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    access_key: str = "sim",
    secret: str = SECRET,
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a request as botocore signs it."""
    request = AWSRequest(method, f"{HOST}{target}", headers or {}, body)
    S3SigV4Auth(Credentials(access_key, secret), "s3", "eu-north-1").add_auth(request)
    return dict(request.headers.items())


def ask(
    served: Served,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    send: bytes | None = None,
    change: dict[str, str | None] | None = None,
    **how: Any,
) -> TestResponse:
    """Sign a request, change it if so wanted, and ask."""
    headers = {**signed(method, target, body, **how), **(change or {})}
    sent = {name: value for name, value in headers.items() if value is not None}
    client = Client(served.endpoint)
    return client.open(
        target, method=method, data=body if send is None else send, headers=sent, base_url=HOST
    )


def code(response: TestResponse) -> str:
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.fixture
def served() -> Served:
    return Served(world(), body_bytes=100, document_bytes=80, page=2)


def test_a_signed_request_is_answered(served: Served) -> None:
    assert ask(served, "PUT", f"/{BUCKET}/k", b"abc").status_code == 200
    assert ask(served, "GET", f"/{BUCKET}/k").data == b"abc"
    assert ask(served, "HEAD", f"/{BUCKET}/k").headers["Content-Length"] == "3"
    assert ask(served, "HEAD", f"/{BUCKET}").status_code == 200
    assert f"<Bucket><Name>{BUCKET}</Name>" in ask(served, "GET", "/").text
    assert code(ask(served, "GET", "/", secret="another")) == "SignatureDoesNotMatch"
    assert b"LocationConstraint" in ask(served, "GET", f"/{BUCKET}?location").data


@pytest.mark.parametrize(
    ("how", "change", "refusal"),
    [
        ({"secret": "another"}, {}, "SignatureDoesNotMatch"),
        ({"access_key": "nobody"}, {}, "InvalidAccessKeyId"),
        ({"access_key": "sim-gateway-7"}, {}, "InvalidAccessKeyId"),
        ({}, {"Authorization": None}, "AccessDenied"),
        ({}, {"Authorization": "AWS sim:abc"}, "AccessDenied"),
        ({}, {"X-Amz-Date": "20200101T000000Z"}, "RequestTimeTooSkewed"),
        ({}, {"X-Amz-Date": "yesterday"}, "RequestTimeTooSkewed"),
        ({}, {"X-Amz-Meta-Else": "unsigned"}, "AccessDenied"),
        ({}, {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}, "SignatureDoesNotMatch"),
    ],
)
def test_a_request_that_is_not_rightly_signed_is_refused(
    served: Served, how: dict[str, Any], change: dict[str, str | None], refusal: str
) -> None:
    response = ask(served, "PUT", f"/{BUCKET}/k", b"abc", change=change, **how)
    assert (response.status_code, code(response)) == (403, refusal)
    assert code(ask(served, "GET", f"/{BUCKET}/k")) == "NoSuchKey"


def test_another_body_or_target_than_was_signed_is_refused(served: Served) -> None:
    response = ask(served, "PUT", f"/{BUCKET}/k", b"abc", send=b"abd")
    assert code(response) == "XAmzContentSHA256Mismatch"
    headers = signed("GET", f"/{BUCKET}/k")
    other = Client(served.endpoint).get(f"/{BUCKET}/other", headers=headers, base_url=HOST)
    assert code(other) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(("minutes", "status"), [(14, 404), (-14, 404), (16, 403), (-16, 403)])
def test_a_signature_is_good_for_a_quarter_of_an_hour(minutes: int, status: int) -> None:
    served = Served(world())
    served.endpoint._date = lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    assert ask(served, "GET", f"/{BUCKET}/k").status_code == status


@pytest.mark.parametrize(
    ("method", "target", "refusal"),
    [
        ("GET", "/other/k", "NoSuchBucket"),
        ("GET", f"/{BUCKET}/k?acl", "NotImplemented"),
        ("GET", f"/{BUCKET}?marker=a&start-after=b", "NotImplemented"),
        ("GET", f"/{BUCKET}?list-type=1", "NotImplemented"),
        ("GET", f"/{BUCKET}?list-type=2&marker=a", "NotImplemented"),
        ("GET", "/?prefix=a", "NotImplemented"),
        ("PUT", "/", "NotImplemented"),
        ("GET", "/other", "NoSuchBucket"),
        ("GET", f"/{BUCKET}?max-keys=many", "InvalidArgument"),
        ("PUT", f"/{BUCKET}", "NotImplemented"),
        ("GET", f"/{BUCKET}/%FF", "InvalidURI"),
        ("GET", f"/{BUCKET}/a%00", "InvalidArgument"),
        ("GET", f"/{BUCKET}/{'k' * 1025}", "KeyTooLongError"),
        ("GET", f"/{BUCKET}?list-type=2&max-keys=-1", "InvalidArgument"),
        ("GET", f"/{BUCKET}?list-type=2&encoding-type=x", "InvalidArgument"),
        ("GET", f"/{BUCKET}?list-type=2&continuation-token=bm8%3D", "InvalidArgument"),
        ("GET", f"/{BUCKET}?list-type=2&versions", "NotImplemented"),
        ("PUT", f"/{BUCKET}/k?partNumber=0&uploadId=x", "InvalidArgument"),
        ("PUT", f"/{BUCKET}/k?partNumber=1&uploadId=x", "NoSuchUpload"),
        ("DELETE", f"/{BUCKET}/k?uploadId=x", "NoSuchUpload"),
    ],
)
def test_what_is_not_served_is_refused(
    served: Served, method: str, target: str, refusal: str
) -> None:
    assert code(ask(served, method, target)) == refusal


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"x-amz-copy-source": "/sim/other"}, "NotImplemented"),
        ({"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, "SignatureDoesNotMatch"),
        ({"If-None-Match": '"tag"'}, "NotImplemented"),
        ({"If-Match": '"tag"'}, "PreconditionFailed"),
    ],
)
def test_puts_of_other_kinds_are_refused(
    served: Served, headers: dict[str, str], refusal: str
) -> None:
    change: dict[str, str | None] = {
        name: value for name, value in headers.items() if name == "x-amz-content-sha256"
    }
    assert code(ask(served, "PUT", f"/{BUCKET}/k", change=change, headers=headers)) == refusal


def test_a_request_has_bounds(served: Served) -> None:
    assert ask(served, "PUT", f"/{BUCKET}/k", bytes(100)).status_code == 200
    assert code(ask(served, "PUT", f"/{BUCKET}/k", bytes(101))) == "EntityTooLarge"
    entry = b"<Object><Key>k</Key></Object>"
    assert code(ask(served, "POST", f"/{BUCKET}?delete", entry * 3)) == "EntityTooLarge"
    many = b"<Delete>%s</Delete>" % (b"<Object><Key>k</Key></Object>" * 2)
    assert ask(served, "POST", f"/{BUCKET}?delete", many).status_code == 200
    assert code(ask(served, "POST", f"/{BUCKET}?delete", b"<Delete></Delete>")) == "MalformedXML"
    for number in range(3):
        ask(served, "PUT", f"/{BUCKET}/k{number}", b"")
    page = ask(served, "GET", f"/{BUCKET}?list-type=2&max-keys=1000").text
    assert page.count("<Contents>") == 2
    assert "<IsTruncated>true" in page


class InChunks(S3SigV4Auth):  # type: ignore[misc]
    """Signs a request whose body has signatures of its own."""

    def payload(self, request: AWSRequest) -> str:
        return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


def in_chunks(served: Served, said: int, *parts: bytes) -> TestResponse:
    """Put parts, signed one by one, that are said to be so long together."""
    headers = {"x-amz-decoded-content-length": str(said), "Content-Encoding": "aws-chunked"}
    request = AWSRequest("PUT", f"{HOST}/{BUCKET}/k", headers)
    auth = InChunks(Credentials("sim", SECRET), "s3", "eu-north-1")
    auth.add_auth(request)
    before = request.headers["Authorization"].rpartition("=")[2]
    body, stamp = b"", request.context["timestamp"]
    for part in (*parts, b""):
        digests = [sha256(text).hexdigest() for text in (b"", part)]
        lines = ["AWS4-HMAC-SHA256-PAYLOAD", stamp, auth.credential_scope(request), before]
        before = auth.signature("\n".join(lines + digests), request)
        body += b"%x;chunk-signature=%s\r\n%s\r\n" % (len(part), before.encode(), part)
    sent = dict(request.headers.items())
    return Client(served.endpoint).put(f"/{BUCKET}/k", data=body, headers=sent, base_url=HOST)


def test_a_body_may_come_in_signed_chunks() -> None:
    served, large = Served(world()), bytes(8192)
    assert in_chunks(served, 8195, large, b"abc").status_code == 200
    stored = ask(served, "GET", f"/{BUCKET}/k")
    assert stored.data == large + b"abc"
    assert "Content-Encoding" not in stored.headers
    assert code(in_chunks(served, 8196, large, b"abc")) == "IncompleteBody"
    assert code(in_chunks(served, 6, b"abc", b"def")) == "InvalidChunkSizeError"


def test_the_server_refuses_what_is_too_large_before_it_has_come() -> None:
    with serving(world(), body_bytes=1000, header_bytes=2000) as served:
        for headers, status in (
            ({"Content-Length": "1000000000"}, 413),
            ({"Content-Length": "1000000000", "Expect": "100-continue"}, 413),
            ({"X-Long": "x" * 3000}, 431),
            ({}, 403),
        ):
            connection = http.client.HTTPConnection(urlsplit(served.url).netloc, timeout=5.0)
            connection.putrequest("PUT", f"/{BUCKET}/k")
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            assert connection.getresponse().status == status
            connection.close()
