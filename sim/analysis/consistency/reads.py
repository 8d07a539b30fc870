"""What each read of a history says about the versions of a key, and how old that is.

An operation precedes another if it returned before the other was called; what touches is
concurrent. An answer may fit several versions: a key that is not there may never have been, or be
deleted, and HEAD and LIST say no more than that a key is there. A read is *stale* if even the
newest version that fits is older than the newest change that was acknowledged before its call.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Final, Literal, NamedTuple

from sim.trace.history import NO_VERSION, History, Op

__all__ = [
    "NEVER_THERE",
    "Change",
    "ChangeKind",
    "Fits",
    "Plane",
    "Reading",
    "Written",
    "readings",
]

Plane = Literal["get", "list"]
ChangeKind = Literal["create", "overwrite", "delete"]

NEVER_THERE: Final = -1
"""The state of a key before its first version."""


class Change(NamedTuple):
    """A version of a key; ``ack_us`` is None if no answer came."""

    version: int
    kind: ChangeKind
    value: int | None
    call_us: int
    ack_us: int | None
    process: int


class Fits(NamedTuple):
    """Versions that an answer fits: the first ``size`` of ``versions``, which ascend."""

    versions: tuple[int, ...]
    size: int

    @property
    def newest(self) -> int | None:
        """The newest; None if nothing that was ever written fits."""
        return self.versions[self.size - 1] if self.size else None

    @property
    def only(self) -> int | None:
        """The version that it is, if there is only one, and it was written."""
        is_sure = self.size == 1 and self.versions[0] != NEVER_THERE
        return self.versions[0] if is_sure else None

    def not_before(self, version: int) -> int | None:
        """The oldest that is not older than a version."""
        place = bisect_left(self.versions, version, 0, self.size)
        return self.versions[place] if place < self.size else None


class Reading(NamedTuple):
    """What one read says of one key.

    Attributes
    ----------
    op : Op
    plane : "get" or "list"
    key : str
    fits : Fits
        Of the versions that were called before it returned.
    newest : Change or None
        The newest change that was acknowledged before the call.
    """

    op: Op
    plane: Plane
    key: str
    fits: Fits
    newest: Change | None

    @property
    def behind(self) -> int:
        """How many versions it is behind, at least; 0 if it is not stale."""
        if self.newest is None or self.fits.newest is None:
            return 0
        return max(0, self.newest.version - self.fits.newest)

    @property
    def age_us(self) -> int:
        """How long ago the newest change was acknowledged, of which there must be one."""
        assert self.newest is not None
        assert self.newest.ack_us is not None
        return self.op.call_us - self.newest.ack_us


class _Key:
    """The versions of a key, and when they were there."""

    def __init__(self, changes: tuple[Change, ...]) -> None:
        self.changes = changes
        acked = sorted((c.ack_us, c) for c in changes if c.ack_us is not None)
        self._acked_us = [t_us for t_us, _ in acked]
        self._newest = list(accumulate((change for _, change in acked), max))
        self._states = {
            True: [(c.call_us, c.version) for c in changes if c.kind != "delete"],
            False: [(-1, NEVER_THERE)]
            + [(c.call_us, c.version) for c in changes if c.kind == "delete"],
        }
        self._versions = {is_there: tuple(v for _, v in s) for is_there, s in self._states.items()}
        self._in_order = all(s == sorted(s) for s in self._states.values())

    def newest_before(self, t_us: int) -> Change | None:
        """The newest change that was acknowledged before an instant."""
        place = bisect_left(self._acked_us, t_us)
        return self._newest[place - 1] if place else None

    def fits(self, t_us: int, *, is_there: bool) -> Fits:
        """States, called by an instant, in which the key is there, or not."""
        states = self._states[is_there]
        if self._in_order:
            return Fits(self._versions[is_there], bisect_left(states, (t_us + 1, NEVER_THERE)))
        called = tuple(version for call_us, version in states if call_us <= t_us)
        return Fits(called, len(called))


class Written:
    """The versions of every key of a history."""

    def __init__(self, history: History) -> None:
        made: defaultdict[str, list[Op]] = defaultdict(list)
        for op in history.ops:
            if op.f in ("put", "delete") and op.version != NO_VERSION:
                made[op.key].append(op)
        self.keys = {key: _key(ops) for key, ops in made.items()}
        self._by_value: dict[int, tuple[str, Change | None]] = {
            change.value: (key, change)
            for key, one in self.keys.items()
            for change in one.changes
            if change.value is not None
        }

    def changes(self) -> Iterator[tuple[str, Change]]:
        """Every version of every key, in order, with its key."""
        for key, one in self.keys.items():
            for change in one.changes:
                yield key, change

    def readings(self, op: Op) -> Iterator[Reading]:
        """What an operation says of each key; nothing unless it is a read that was answered."""
        if op.status != "ok" or op.f in ("put", "delete"):
            return
        if op.f == "list":
            assert isinstance(op.value, tuple)
            listed = frozenset(op.value)
            for key, one in self.keys.items():
                fits = one.fits(op.return_us, is_there=key in listed)
                yield Reading(op, "list", key, fits, one.newest_before(op.call_us))
            return
        known = self.keys.get(op.key, _NO_KEY)
        newest = known.newest_before(op.call_us)
        yield Reading(op, "get", op.key, self._fits(op, known), newest)

    def _fits(self, op: Op, known: _Key) -> Fits:
        if op.f == "head" or op.value is None:
            return known.fits(op.return_us, is_there=bool(op.value))
        assert isinstance(op.value, int)
        key, change = self._by_value.get(op.value, ("", None))
        if change is None or key != op.key or change.call_us > op.return_us:
            return _NOTHING
        return Fits((change.version,), 1)


_NOTHING: Final = Fits((), 0)
_NO_KEY: Final = _Key(())


def _key(ops: list[Op]) -> _Key:
    ops.sort(key=lambda op: op.version)
    changes: list[Change] = []
    for op in ops:
        is_there = bool(changes) and changes[-1].kind != "delete"
        kind: ChangeKind = "overwrite" if is_there else "create"
        ack_us = op.return_us if op.status == "ok" else None
        value = op.value if isinstance(op.value, int) else None
        changes.append(
            Change(
                op.version,
                "delete" if op.f == "delete" else kind,
                value,
                op.call_us,
                ack_us,
                op.process,
            )
        )
    return _Key(tuple(changes))


def readings(history: History, written: Written) -> list[Reading]:
    """What every read says of every key, in order of the calls."""
    return [reading for op in history.ops for reading in written.readings(op)]
