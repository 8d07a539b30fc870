"""The four session guarantees, as clients can see them, in each plane.

A session is all that one client does. Its own LISTs are held against its LISTs alone, and its GETs
and HEADs against GETs and HEADs: that listings follow later than reads is another matter.

- *read your writes*: a read is not older than the newest change of the key that the session had
  an answer for.
- *monotonic reads*: a read is not older than what the session has read of the key.
- *monotonic writes*: who has seen a change of a session sees all that the session had changed
  before it; and the versions of a key are in the order in which a session made them.
- *writes follow reads*: who has seen a change sees all that its session had read before it; and a
  version that a session makes is newer than what it had read of the key.

A read that fits several versions breaks a guarantee only if none of them would keep it, and it
shows a change only if it fits nothing else.

Source
------
D. Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994. There
guarantees are about servers, which no client can tell apart; for those who see changes the
wording follows Jepsen's pages on consistency models.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from sim.analysis.consistency.reads import NEVER_THERE, Change, Plane, Reading, Written
from sim.trace.history import NO_VERSION, History, Op

__all__ = ["GUARANTEES", "Guarantee", "Kept", "guarantees"]

Guarantee = Literal[
    "read-your-writes", "monotonic-reads", "monotonic-writes", "writes-follow-reads"
]
GUARANTEES: Final[tuple[Guarantee, ...]] = (
    "read-your-writes",
    "monotonic-reads",
    "monotonic-writes",
    "writes-follow-reads",
)


class Kept(NamedTuple):
    """How a guarantee was kept in one plane.

    Attributes
    ----------
    asked : int
        Reads, and changes, of which the guarantee demanded something.
    broken : tuple of Op
        Those that broke it, in order; a LIST once for each key.
    """

    asked: int
    broken: tuple[Op, ...]


class _Found:
    """What one guarantee demanded, and got."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken: list[Op] = []

    def note(self, op: Op, *, keeps: bool) -> None:
        self.asked += 1
        if not keeps:
            self.broken.append(op)


class _Past:
    """What was before the changes of each session: its versions of keys, by place in it.

    ``places[process, key]`` are ascending, ``versions`` the newest version up to each.
    """

    def __init__(self) -> None:
        self._places: defaultdict[str, dict[int, list[int]]] = defaultdict(dict)
        self._versions: dict[tuple[str, int], list[int]] = {}

    def note(self, process: int, place: int, key: str, version: int) -> None:
        """At its place in a session the session knows a version of a key."""
        places = self._places[key].setdefault(process, [])
        versions = self._versions.setdefault((key, process), [])
        places.append(place)
        versions.append(max(version, versions[-1] if versions else NEVER_THERE))

    def demands(self, key: str, seen: dict[int, int]) -> int:
        """The newest version of a key before the changes, by session, that somebody has seen."""
        demanded = NEVER_THERE
        for process, places in self._places[key].items():
            before = bisect_left(places, seen.get(process, 0))
            if before:
                demanded = max(demanded, self._versions[key, process][before - 1])
        return demanded


def guarantees(
    history: History, written: Written, readings: Sequence[Reading], plane: Plane
) -> dict[Guarantee, Kept]:
    """How each guarantee was kept in one plane."""
    of_op: defaultdict[tuple[int, int], list[Reading]] = defaultdict(list)
    for reading in readings:
        if reading.plane == plane:
            of_op[reading.op.process, reading.op.call_us].append(reading)
    places = _places(history)
    made = {
        (key, change.version): (change, places[change.process, change.call_us])
        for key, change in written.changes()
    }
    changed, read = _pasts(history, of_op, places)
    found = {name: _Found() for name in GUARANTEES}
    for process in range(len(history.clients)):
        own = [op for op in history.ops if op.process == process]
        _judge_own(own, of_op, found)
        _judge_seen(
            own, of_op, made, {"monotonic-writes": changed, "writes-follow-reads": read}, found
        )
    return {name: Kept(one.asked, tuple(one.broken)) for name, one in found.items()}


def _places(history: History) -> dict[tuple[int, int], int]:
    """The place of each operation in its session, by process and call; from 1."""
    counts: defaultdict[int, int] = defaultdict(int)
    places = {}
    for op in history.ops:
        counts[op.process] += 1
        places[op.process, op.call_us] = counts[op.process]
    return places


def _is_answered_change(op: Op) -> bool:
    return op.status == "ok" and op.version != NO_VERSION


def _pasts(
    history: History,
    of_op: dict[tuple[int, int], list[Reading]],
    places: dict[tuple[int, int], int],
) -> tuple[_Past, _Past]:
    """What sessions had changed, and what they had certainly read, by place."""
    changed, read = _Past(), _Past()
    for op in history.ops:
        place = places[op.process, op.call_us]
        if _is_answered_change(op):
            changed.note(op.process, place, op.key, op.version)
        for reading in of_op.get((op.process, op.call_us), ()):
            if reading.fits.only is not None:
                read.note(op.process, place, reading.key, reading.fits.only)
    return changed, read


def _judge_own(
    own: list[Op],
    of_op: dict[tuple[int, int], list[Reading]],
    found: dict[Guarantee, _Found],
) -> None:
    """Hold a session against what it has changed and read itself."""
    changed: dict[str, int] = {}
    least: dict[str, int] = {}
    sure: dict[str, int] = {}
    for op in own:
        if _is_answered_change(op):
            if op.key in changed:
                found["monotonic-writes"].note(op, keeps=op.version > changed[op.key])
            if op.key in sure:
                found["writes-follow-reads"].note(op, keeps=op.version > sure[op.key])
            changed[op.key] = max(op.version, changed.get(op.key, NEVER_THERE))
        for reading in of_op.get((op.process, op.call_us), ()):
            key, newest, only = reading.key, reading.fits.newest, reading.fits.only
            if newest is None:
                continue
            if key in changed:
                found["read-your-writes"].note(op, keeps=newest >= changed[key])
            if key in least:
                found["monotonic-reads"].note(op, keeps=newest >= least[key])
            # Of the versions that it may have read the oldest that is not older than before.
            floor = least.get(key, NEVER_THERE)
            meant = reading.fits.not_before(floor)
            least[key] = floor if meant is None else meant
            if only is not None:
                sure[key] = max(only, sure.get(key, NEVER_THERE))


def _judge_seen(
    own: list[Op],
    of_op: dict[tuple[int, int], list[Reading]],
    made: dict[tuple[str, int], tuple[Change, int]],
    pasts: dict[Guarantee, _Past],
    found: dict[Guarantee, _Found],
) -> None:
    """Hold what a session reads against what was before the changes that it has seen."""
    seen: dict[int, int] = {}
    for op in own:
        here = of_op.get((op.process, op.call_us), ())
        for reading in here:
            if reading.fits.only is not None:
                change, place = made[reading.key, reading.fits.only]
                seen[change.process] = max(place, seen.get(change.process, 0))
        for name, past in pasts.items():
            for reading in here:
                demanded, newest = past.demands(reading.key, seen), reading.fits.newest
                if demanded != NEVER_THERE and newest is not None:
                    found[name].note(op, keeps=newest >= demanded)
