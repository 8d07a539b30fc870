"""Uploads in parts, of which nobody sees anything before they are completed (V5)."""

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sim.serving.contents import Content
from sim.serving.limits import Limits
from sim.serving.problems import Refused

__all__ = ["Uploads", "content_of"]

_PARTS_MAX: Final = 10_000


def content_of(body: bytes, headers: tuple[tuple[str, str], ...]) -> Content:
    """What a put of a body at once writes."""
    return Content(body, hashlib.md5(body, usedforsecurity=False).hexdigest(), headers)


@dataclass(slots=True)
class _Upload:
    key: str
    headers: tuple[tuple[str, str], ...]
    parts: dict[int, Content] = field(default_factory=dict)


class Uploads:
    """Those under way; its methods may be called by many threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._under_way: dict[str, _Upload] = {}
        self._held_bytes = 0
        self._n_begun = 0

    def begin(self, key: str, headers: tuple[tuple[str, str], ...]) -> str:
        """Begin one; gives its id."""
        with self._lock:
            if len(self._under_way) >= self._limits.uploads:
                raise Refused.full("uploads under way")
            self._n_begun += 1
            name = f"upload-{self._n_begun}"
            self._under_way[name] = _Upload(key, headers)
            return name

    def add(self, name: str, key: str, number: int, body: bytes) -> str:
        """Add a part, or replace it; gives its tag."""
        if not 1 <= number <= _PARTS_MAX:
            message = f"A part has a number between 1 and {_PARTS_MAX}."
            raise Refused(400, "InvalidArgument", message)
        part = content_of(body, ())
        with self._lock:
            parts = self._known(name, key).parts
            before = len(parts[number].body) if number in parts else 0
            if self._held_bytes + len(body) - before > self._limits.held_bytes:
                raise Refused.full("bytes of parts")
            self._held_bytes += len(body) - before
            parts[number] = part
        return part.etag

    def joined(self, name: str, key: str, wanted: Sequence[tuple[int, str]]) -> Content:
        """What some of the parts make, given by number and tag."""
        with self._lock:
            upload = self._known(name, key)
            numbers = [number for number, _ in wanted]
            if not numbers or numbers != sorted(set(numbers)):
                raise Refused(400, "InvalidPartOrder", "Parts must ascend, and be at least one.")
            parts = [upload.parts.get(number) for number in numbers]
            chosen = [part for part in parts if part is not None]
            if [part.etag for part in chosen] != [etag for _, etag in wanted]:
                raise Refused(400, "InvalidPart", "A part was not uploaded, or has another tag.")
        digests = b"".join(bytes.fromhex(part.etag) for part in chosen)
        whole = content_of(digests, ()).etag
        body = b"".join(part.body for part in chosen)
        return Content(body, f"{whole}-{len(chosen)}", upload.headers)

    def end(self, name: str, key: str) -> None:
        """Let go of one, with all its parts."""
        with self._lock:
            upload = self._known(name, key)
            self._held_bytes -= sum(len(part.body) for part in upload.parts.values())
            del self._under_way[name]

    def _known(self, name: str, key: str) -> _Upload:
        upload = self._under_way.get(name)
        if upload is None or upload.key != key:
            raise Refused(404, "NoSuchUpload", "There is no such upload of this key.")
        return upload
