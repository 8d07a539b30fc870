"""The events of a tale: what happened to a block, at a gateway or to a query, and who did it."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Event", "What"]


class What(StrEnum):
    """What happened; of one instant, causes first."""

    UPLOADED = "uploaded"
    COMPACTED = "compacted"
    SHOWN = "shown"
    LISTED = "listed"
    RETIRED = "retired"
    MARKED = "marked"
    MAY_HIDE = "may-hide"
    MAY_DELETE = "may-delete"
    DELETING = "deleting"
    DELETED = "deleted"
    GONE = "gone"
    UNLISTED = "unlisted"
    HALTED = "halted"
    RESUMED = "resumed"
    DOWN = "down"
    SYNCED = "synced"
    ABORTED = "aborted"
    LOADED = "loaded"
    UNLOADED = "unloaded"
    DROPPED = "dropped"
    UP = "up"
    ASKED = "asked"
    FAILED = "failed"
    MISSED = "missed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened at ``t_us``; ``actor`` did it, to ``blocks`` (ids).

    Actors are called as in the trace: producer/2, compactor, cleaner, gateway/0; store/0 is a
    replica, store a rule of the bucket, and query the query. ``record`` is the place in the trace,
    from 0, of what changed the world; None for what only follows. ``detail`` is the reason of a
    retirement, the key of an object, the kind of a request that failed, why the compactor halted,
    or an outcome. ``until_us`` is the end of what lasts, else 0.
    """

    t_us: int
    what: What
    actor: str
    blocks: tuple[str, ...] = ()
    record: int | None = None
    detail: str = ""
    until_us: int = 0
