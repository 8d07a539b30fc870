"""Signatures are those of AWS' own example: a body of 65 KiB in two chunks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sim.serving.chunks import unchunked
from sim.serving.problems import Refused
from sim.serving.signatures import KeyPair, Signed, signer

# Amazon S3 API reference, "Transferring Payload in Multiple Chunks", the example calculations.
DATE = datetime(2013, 5, 24, tzinfo=UTC)
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
OWN = KeyPair(ACCESS_KEY, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
HEADERS = {
    "Host": "s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "Content-Encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
    "Content-Length": "66824",
    "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,"
    "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
    f"x-amz-decoded-content-length;x-amz-storage-class,Signature={SEED}",
}


def chunk(size: int, signature: str) -> bytes:
    return b"%x;chunk-signature=%s\r\n%s\r\n" % (size, signature.encode(), b"a" * size)


BODY = b"".join(map(chunk, (65536, 1024, 0), SIGNATURES))


def asked(body: bytes = BODY, said: str = "66560") -> tuple[str, bytes]:
    headers = {**HEADERS, "x-amz-decoded-content-length": said}
    request = Signed("PUT", "/examplebucket/chunkObject.txt", headers, body)
    return signer(request, OWN, DATE)


def test_the_example_is_accepted() -> None:
    assert asked() == (ACCESS_KEY, b"a" * 66560)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (BODY.replace(b"a" * 1024, b"a" * 1023 + b"b"), "SignatureDoesNotMatch"),
        (chunk(65536, SIGNATURES[0]) + chunk(0, SIGNATURES[2]), "SignatureDoesNotMatch"),
        (BODY[: -len(chunk(0, ""))], "IncompleteBody"),
        (BODY[:-1], "IncompleteBody"),
        (BODY + b"a", "IncompleteBody"),
        (BODY.replace(b"10000;", b"10001;"), "IncompleteBody"),
        (BODY.replace(b"10000;", b"fffffff;"), "IncompleteBody"),
        (b"", "IncompleteBody"),
    ],
)
def test_other_bodies_are_refused(body: bytes, refusal: str) -> None:
    with pytest.raises(Refused, match=refusal):
        asked(body)


def test_another_head_is_refused() -> None:
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        asked(said="66561")


def test_only_the_last_chunk_is_small() -> None:
    zeros = "0" * 64

    def sign(before: str, part: bytes) -> str:
        return zeros

    large, small, last = (chunk(size, zeros) for size in (8192, 8191, 0))
    assert unchunked(large + small + last, "", sign) == b"a" * (8192 + 8191)
    with pytest.raises(Refused, match="InvalidChunkSizeError"):
        unchunked(large + small + small + last, "", sign)
