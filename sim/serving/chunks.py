"""Bodies that come in chunks with a signature each, as the Go client of MinIO sends them."""

import hmac
import re
from collections.abc import Callable
from typing import Final

from sim.serving.problems import Refused

__all__ = ["unchunked"]

_HEAD: Final = re.compile(rb"([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})")
_HEAD_BYTES_MAX: Final = 128
_END: Final = b"\r\n"
# Only the last chunk may be smaller, so that a body has few; as at S3.
_CHUNK_BYTES_MIN: Final = 8 << 10


def unchunked(body: bytes, seed: str, sign: Callable[[str, bytes], str]) -> bytes:
    """What the chunks of a body are together.

    Parameters
    ----------
    body : bytes
    seed : str
        The signature of the request, with which the first chunk is signed.
    sign : callable
        The signature of a chunk, given the one before and the chunk.

    Raises
    ------
    Refused
        If a chunk is cut short, too small or not rightly signed, or none ends the body.
    """
    chunks: list[bytes] = []
    before, at = seed, 0
    while True:
        end = body.find(_END, at, at + _HEAD_BYTES_MAX)
        matched = _HEAD.fullmatch(body, at, end) if end >= 0 else None
        if matched is None:
            raise _broken()
        start, size = end + len(_END), int(matched[1], 16)
        at = start + size + len(_END)
        chunk = body[start : start + size]
        if len(chunk) != size or body[start + size : at] != _END:
            raise _broken()
        if size and chunks and len(chunks[-1]) < _CHUNK_BYTES_MIN:
            raise Refused(400, "InvalidChunkSizeError", "Only the last chunk may be small.")
        signature = matched[2].decode()
        if not hmac.compare_digest(sign(before, chunk), signature):
            message = "A chunk is not signed with the endpoint's secret key."
            raise Refused(403, "SignatureDoesNotMatch", message)
        before = signature
        if not size:
            break
        chunks.append(chunk)
    if at != len(body):
        raise _broken()
    return b"".join(chunks)


def _broken() -> Refused:
    return Refused(400, "IncompleteBody", "The body does not consist of whole chunks.")
