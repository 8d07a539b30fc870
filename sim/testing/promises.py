"""What a scheme should keep: each a function of a run that finds every breach of it.

A breach is no fault of the program, as `sim.testing.violations` are: schemes that delete too soon
have them. A test says which it will not have::

    run = simulate_small(scenario)
    assert not moved_marks(run.trace)
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from sim.analysis.damage import lost_data as lost_blocks
from sim.analysis.queries.evaluate import class_hazards, sample_outcomes
from sim.core.objects import BlockObjects
from sim.core.units import NEVER, format_duration
from sim.scenario.schema import OUTCOMES
from sim.testing.runs import SmallRun
from sim.trace.recorder import Trace
from sim.trace.records import (
    RETIRE_REASONS,
    BlockRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    LoadRecord,
    PutRecord,
    RetireRecord,
    UpRecord,
)
from sim.trace.timelines import Timelines

__all__ = [
    "Breach",
    "blocks_without_files",
    "failing_reads",
    "garbage_beyond",
    "lost_data",
    "moved_marks",
    "uncovered_data",
    "unretired_deletions",
]

_REPLACED: Final = ("compacted", "garbage")


class Breach(NamedTuple):
    """A promise that was not kept.

    Attributes
    ----------
    t_us : int
        When.
    block : int
        Which block, from 0; -1 if it is of none.
    what : str
        What happened.
    """

    t_us: int
    block: int
    what: str


def failing_reads(run: SmallRun) -> list[Breach]:
    """Queries that read an object that is gone, and fail for it: when they arrive.

    Of one that tries again only drawn queries can be judged, and those are looked at.
    """
    found = []
    for exposure in run.exposed:
        name = exposure.query_class.name
        if exposure.tries_again:
            times, codes = sample_outcomes(exposure)
            arrivals = times[codes == OUTCOMES.index("query-error")].tolist()
            found += [Breach(t, -1, f"a query of {name} fails") for t in arrivals]
            continue
        hazards = class_hazards(exposure)
        spans = zip(hazards.start_us.tolist(), hazards.end_us.tolist(), strict=True)
        for (start_us, end_us), outcome in zip(spans, hazards.outcome, strict=True):
            if outcome == "query-error":
                what = f"queries of {name} fail for {format_duration(end_us - start_us)}"
                found.append(Breach(start_us, -1, what))
    return found


def lost_data(run: SmallRun) -> list[Breach]:
    """Blocks of producers whose data was deleted, although it had not expired."""
    blocks, since_us = lost_blocks(run.scenario, run.timelines)
    pairs = zip(since_us.tolist(), blocks.tolist(), strict=True)
    return [Breach(t, block, "its data is in no block that is left") for t, block in pairs]


def moved_marks(trace: Trace) -> list[Breach]:
    """Blocks whose deletion-mark.json was written again with another time, while it was there."""
    mark = BlockObjects(trace.header.chunk_files).mark
    stamps_us: dict[int, int] = {}
    found = []
    for record in trace.records:
        if isinstance(record, PutRecord) and mark in record.objects:
            before_us = stamps_us.setdefault(record.block, record.stamp_us)
            if record.stamp_us != before_us:
                what = f"its mark moves by {(record.stamp_us - before_us) / 1e6:+g} s"
                found.append(Breach(record.t_us, record.block, what))
                stamps_us[record.block] = record.stamp_us
        elif isinstance(record, DeleteRecord) and mark in record.objects:
            stamps_us.pop(record.block, None)
    return found


def blocks_without_files(trace: Trace) -> list[Breach]:
    """Blocks that lose chunks or their index while their meta.json says that they are whole."""
    meta = BlockObjects(trace.header.chunk_files).meta
    held: dict[int, set[int]] = defaultdict(set)
    found = []
    for record in trace.records:
        if isinstance(record, PutRecord):
            held[record.block].update(record.objects)
        elif isinstance(record, DeleteRecord):
            left = held[record.block]
            left.difference_update(record.objects)
            if meta in left and not left.issuperset(range(meta)):
                what = "it loses files that its meta.json promises"
                found.append(Breach(record.t_us, record.block, what))
    return found


def unretired_deletions(trace: Trace) -> list[Breach]:
    """Blocks that were committed, and deleted though nobody had retired them."""
    meta = BlockObjects(trace.header.chunk_files).meta
    committed, retired = set[int](), set[int]()
    found = []
    for record in trace.records:
        if isinstance(record, PutRecord) and meta in record.objects:
            committed.add(record.block)
        elif isinstance(record, RetireRecord):
            retired.add(record.block)
        elif (
            isinstance(record, DeleteRecord)
            and min(record.objects) <= meta
            and record.block in committed - retired
        ):
            found.append(Breach(record.t_us, record.block, "it goes, and was not retired"))
            committed.discard(record.block)
    return found


def garbage_beyond(
    timelines: Timelines, *, most_bytes: float = float("inf"), longest_us: float = float("inf")
) -> list[Breach]:
    """When more is retired and still stored than it may be, and blocks that are so for too long.

    Parameters
    ----------
    most_bytes : float
        How much there may be at any instant.
    longest_us : float
        How long one block may wait for its deletion; those that wait at the horizon count.
    """
    blocks = timelines.blocks
    end_us = np.minimum(blocks.deleted_us, timelines.horizon_us)
    is_garbage = (blocks.retired_us < end_us) & (blocks.committed_us < NEVER)
    rows = np.flatnonzero(is_garbage).tolist()
    found = []
    steps: dict[int, float] = defaultdict(float)
    for row in rows:
        since_us, until_us = int(blocks.retired_us[row]), int(end_us[row])
        steps[since_us] += float(blocks.bytes[row])
        steps[until_us] -= float(blocks.bytes[row])
        if until_us - since_us > longest_us:
            what = f"it is garbage for {format_duration(until_us - since_us)}"
            found.append(Breach(since_us + int(longest_us) + 1, row, what))
    stored = 0.0
    for t_us in sorted(steps):
        before, stored = stored, stored + steps[t_us]
        if before <= most_bytes < stored:
            found.append(Breach(t_us, -1, f"{stored:.0f} bytes are garbage"))
    return sorted(found)


def uncovered_data(trace: Trace, within_us: int) -> list[Breach]:
    """Committed data that a gateway has not loaded, or no longer, for longer than it may.

    Parameters
    ----------
    within_us : int
        How long a serving gateway may take to load what is committed, or to find what replaces it:
        two intervals and the longest sync of a store that shows all at once.

    Notes
    -----
    A gateway is asked for the streams of which it ever loads a block, so gateways that share a
    stream block by block are not for this. Data that has expired, or that people deleted, need not
    be there.
    """
    meta = BlockObjects(trace.header.chunk_files).meta
    found: list[Breach] = []
    readers = _Readers(trace, within_us, found)
    for record in trace.records:
        if isinstance(record, PutRecord) and meta in record.objects:
            readers.wanted |= dict.fromkeys(readers.data[record.block], record.block)
            readers.look(record.t_us)
        elif isinstance(record, RetireRecord) and RETIRE_REASONS[record.why] not in _REPLACED:
            for item in readers.data[record.block]:
                readers.wanted.pop(item, None)
            readers.look(record.t_us)
        elif isinstance(record, LoadRecord):
            readers.loaded[record.gateway].update(record.blocks)
            readers.look(record.t_us, record.gateway)
        elif isinstance(record, DropRecord):
            readers.loaded[record.gateway].difference_update(record.blocks)
            readers.look(record.t_us, record.gateway)
        elif isinstance(record, DownRecord):
            readers.loaded[record.gateway].clear()
            readers.serving.discard(record.gateway)
            readers.look(record.t_us, record.gateway)
        elif isinstance(record, UpRecord):
            readers.serving.add(record.gateway)
            readers.look(record.t_us, record.gateway)
    readers.serving.clear()
    readers.look(trace.header.horizon_us)
    return sorted(found)


class _Readers:
    """What each gateway should answer from, and since when it lacks what of it."""

    def __init__(self, trace: Trace, within_us: int, found: list[Breach]) -> None:
        self._within_us, self._found = within_us, found
        blocks = [r for r in trace.records if isinstance(r, BlockRecord)]
        self.data = {r.block: [(r.stream, i) for i in _ordinals(r.data)] for r in blocks}
        streams = {r.block: r.stream for r in blocks}
        self._asked: dict[int, set[int]] = {g: set() for g in range(trace.header.gateways)}
        for record in trace.records:
            if isinstance(record, LoadRecord):
                self._asked[record.gateway].update(streams[block] for block in record.blocks)
        self.wanted: dict[tuple[int, int], int] = {}
        self.loaded: dict[int, set[int]] = {gateway: set() for gateway in self._asked}
        self.serving: set[int] = set()
        self._lacks_us: dict[int, dict[tuple[int, int], int]] = {g: {} for g in self._asked}

    def look(self, t_us: int, gateway: int | None = None) -> None:
        """See what one gateway lacks from now on, or each; what it lacked for too long is found."""
        for number in self._asked if gateway is None else (gateway,):
            has = {item for block in self.loaded[number] for item in self.data[block]}
            lacks = {
                item: self._lacks_us[number].get(item, t_us)
                for item in self.wanted
                if number in self.serving and item[0] in self._asked[number] and item not in has
            }
            for item, since_us in self._lacks_us[number].items():
                if item not in lacks and t_us - since_us > self._within_us:
                    stream, ordinal = item
                    what = f"gateway {number} lacks data {ordinal} of stream {stream} for "
                    what += format_duration(t_us - since_us)
                    self._found.append(Breach(since_us, -1, what))
            self._lacks_us[number] = lacks


def _ordinals(flat: Sequence[int]) -> Iterator[int]:
    """Numbers in flattened half-open ranges."""
    for low, high in zip(flat[::2], flat[1::2], strict=True):
        yield from range(low, high)
