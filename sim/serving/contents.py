"""What is in a bucket, and how it is asked for."""

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Condition", "Content", "Page", "Wanted"]


@dataclass(frozen=True, slots=True)
class Content:
    """What a put writes.

    Attributes
    ----------
    body : bytes
    etag : str
        Without quotation marks.
    headers : tuple
        What else is told to whoever reads it, as names and values.
    written : datetime or None
        When it was acknowledged, on the clocks of clients.
    """

    body: bytes
    etag: str
    headers: tuple[tuple[str, str], ...] = ()
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """When a put is to be applied: always, only on nothing, or only on a version with a tag."""

    is_new: bool = False
    etag: str | None = None

    def holds(self, present: Content | None) -> bool:
        """Whether it holds of the newest acknowledged version, a delete being ``None``."""
        if self.is_new and present is not None:
            return False
        if self.etag is None:
            return True
        return present is not None and self.etag in ("*", present.etag)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which keys a listing is of, and from where on.

    Attributes
    ----------
    prefix, delimiter : str
    after : str
        Only keys behind it; empty for all.
    passed : str
        A group of keys that was listed already, as their common beginning; empty for none.
    most : int
        Keys and groups in all.
    """

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    passed: str = ""
    most: int = 1_000

    def group(self, key: str) -> str:
        """The common beginning under which a key is listed; empty if by itself."""
        if not self.delimiter:
            return ""
        end = key.find(self.delimiter, len(self.prefix))
        return "" if end < 0 else key[: end + len(self.delimiter)]


@dataclass(frozen=True, slots=True)
class Page:
    """What one LIST shows: keys, groups of keys, and whether there is more."""

    keys: tuple[tuple[str, Content], ...]
    groups: tuple[str, ...]
    is_cut: bool
