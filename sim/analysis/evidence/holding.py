"""Why an object is still there, what that costs, and which failures the next hour would save."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.evidence.windows import back_us
from sim.analysis.intervals import merge
from sim.analysis.queries.evaluate import worst_takes_us
from sim.core.units import NEVER, US_PER_S
from sim.trace.records import RETIRE_REASONS, DeleteRecord, HaltRecord, PutRecord, ResumeRecord

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = ["Buys", "Failing", "Holding", "Why", "failing_if_deleted", "holding"]

HOUR_US: Final = 3_600 * US_PER_S


class Why(StrEnum):
    """What holds an object."""

    NOT_YET = "not-yet"
    PARTIAL = "partial"
    LIVE = "live"
    DELAY = "delete-delay"
    PASS = "next-pass"
    DELETING = "deleting"
    LEAKED = "leaked"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Fraction of queries of a class that would fail, were blocks deleted at an age, or later."""

    query: str
    now: float
    later: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Buys:
    """What an hour more of waiting buys, from all blocks that were retired in the trial.

    Attributes
    ----------
    age_us : int
        How long ago the block in question was retired.
    readers : int
        Pairs of a retired block and a gateway that answered from it, of which it is known whether
        it still did an hour after that age.
    using_now, using_later : int
        Those that still did at that age, and an hour later.
    failing : tuple of Failing
        Per query class, of queries for all streams.
    """

    age_us: int
    readers: int
    using_now: int
    using_later: int
    failing: tuple[Failing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Why ``key`` is there, or not, at ``at_us``.

    Attributes
    ----------
    key, block : str
        What was asked about, and its block.
    why : Why
    since_us, until_us : int
        How long that holds, NEVER beyond the run. ``until_us`` of a delay and of a partial upload
        is when they are over; a pass must come after it.
    gone_us : int
        When the object was deleted; NEVER if it was not.
    retired_us, retired_why
        NEVER and empty if the block was not retired.
    due_us : int
        When its mark is older than the delay; NEVER without a mark.
    delay_us : int or None
        The scheme's delay; None where it has no marks.
    size_bytes : int
        Of the whole block.
    garbage_byte_seconds : float
        What it has cost since it was retired.
    buys : Buys or None
        None unless the block is retired and still there.
    """

    key: str
    block: str
    at_us: int
    why: Why
    since_us: int
    until_us: int
    gone_us: int
    retired_us: int
    retired_why: str
    due_us: int
    delay_us: int | None
    size_bytes: int
    garbage_byte_seconds: float
    buys: Buys | None


def holding(
    scenario: "Scenario",
    trace: "Trace",
    timelines: "Timelines",
    exposed: "Sequence[Exposure]",
    key: str,
    at_us: int,
    *,
    scheme_index: int,
) -> Holding:
    """Say why an object is still there.

    Parameters
    ----------
    scenario, trace, timelines, exposed, scheme_index
        Of one scheme and trial.
    key : str
        A block's id, or the key of one of its objects.
    at_us : int
        In [0, horizon].

    Raises
    ------
    KeyError
        If the run had no block or object of that name.
    """
    block_id, _, name = key.partition("/")
    ids = timelines.blocks.id
    if block_id not in ids or (name and name not in timelines.objects.names):
        raise KeyError(key)
    block = ids.index(block_id)
    came_us = back_us(timelines, block, at_us)
    case = _Case(scenario, trace, timelines, scheme_index, block, name, came_us)
    why, since_us, until_us = case.why(at_us)
    blocks = timelines.blocks
    retired_us = int(blocks.retired_us[case.block])
    is_garbage = retired_us <= at_us and why is not Why.GONE
    held_us = min(at_us, case.gone_us) - max(retired_us, came_us)
    return Holding(
        key=key,
        block=block_id,
        at_us=at_us,
        why=why,
        since_us=since_us,
        until_us=until_us,
        gone_us=case.gone_us,
        retired_us=retired_us,
        retired_why=RETIRE_REASONS[int(blocks.retired_why[case.block])],
        due_us=case.due_us,
        delay_us=case.delay_us,
        size_bytes=int(blocks.bytes[case.block]),
        garbage_byte_seconds=max(0, held_us) * int(blocks.bytes[case.block]) / US_PER_S,
        buys=_buys(timelines, exposed, at_us - retired_us) if is_garbage else None,
    )


class _Case:
    """One block, or one object of it, and what the trace says of it."""

    def __init__(
        self,
        scenario: "Scenario",
        trace: "Trace",
        timelines: "Timelines",
        scheme_index: int,
        block: int,
        name: str,
        came_us: int,
    ) -> None:
        spec = scenario.schemes[scheme_index]
        self.block = block
        self.delay_us = None if spec.hide_delay_us is None else spec.delete_delay_us
        self._timelines = timelines
        self._partial_age_us = scenario.compactor.partial_age_us
        is_every = scenario.cleanup(scheme_index).when == "every"
        self._is_cleaner = self.delay_us is not None and is_every
        changes = (r for r in trace.records if isinstance(r, PutRecord | DeleteRecord))
        self._changes = [r for r in changes if r.block == block and r.t_us >= came_us]
        names = timelines.objects.names
        self._meta = timelines.objects.meta
        # A block is there as long as any of its objects is.
        self._wanted = {names.index(name)} if name else set(range(len(names)))
        self._compactors = scenario.compactor
        self._stream = int(timelines.blocks.stream[block])
        self._turns_us: dict[str, list[int]] = {}
        for record in trace.records:
            if isinstance(record, HaltRecord | ResumeRecord):
                self._turns_us.setdefault(record.actor, []).append(record.t_us)
        self.gone_us = self._gone_us()
        marks = timelines.marks
        stamps = marks.stamp_us[(marks.block == block) & (marks.acknowledged_us >= came_us)]
        self.due_us = NEVER
        if self.delay_us is not None and stamps.size:
            # Whoever deletes may have seen any of several marks; none is older than the first.
            self.due_us = int(stamps.min()) + self.delay_us + 1

    def _held(self, at_us: int) -> set[int]:
        """Objects whose newest change by then was a put."""
        held: set[int] = set()
        for record in self._changes:
            if record.t_us <= at_us:
                is_put = isinstance(record, PutRecord)
                held = held | set(record.objects) if is_put else held - set(record.objects)
        return held

    def _gone_us(self) -> int:
        if not self._changes or self._held(self._changes[-1].t_us) & self._wanted:
            return NEVER
        mine = [r for r in self._changes if self._wanted & set(r.objects)]
        return mine[-1].t_us if mine else NEVER

    def _halted(self, at_us: int, *, is_partial: bool) -> tuple[int, int] | None:
        """Since and until when all have halted who delete it: of its stream; anybody if partial."""
        spec = self._compactors
        spans = []
        for name in spec.names if is_partial else spec.of_stream(self._stream):
            turns_us = self._turns_us.get(name, [])
            # Halts and restarts take turns; the last halt may be for ever.
            halts = zip(turns_us[::2], [*turns_us[1::2], NEVER], strict=False)
            spans += [span for span in halts if span[0] <= at_us < span[1]] or [(NEVER, NEVER)]
        since_us, until_us = max(s for s, _ in spans), min(e for _, e in spans)
        return (since_us, until_us) if since_us < NEVER else None

    def why(self, at_us: int) -> tuple[Why, int, int]:
        """What holds it at ``at_us``, since when, until when."""
        blocks = self._timelines.blocks
        mine = [r.t_us for r in self._changes if self._wanted & set(r.objects)]
        first_us = min(mine, default=NEVER)
        if first_us > at_us:
            return Why.NOT_YET, 0, first_us
        held = self._held(at_us)
        if not held & self._wanted:
            last_us = max(t for t in mine if t <= at_us)
            return Why.GONE, last_us, min((t for t in mine if t > at_us), default=NEVER)
        committed_us = int(blocks.committed_us[self.block])
        retired_us = int(blocks.retired_us[self.block])
        puts = [r.t_us for r in self._changes if isinstance(r, PutRecord) and r.t_us <= at_us]
        deletes = [r.t_us for r in self._changes if isinstance(r, DeleteRecord)]
        began = [t for t in deletes if t <= at_us]
        if began and any(t > at_us for t in deletes) and self._meta not in held:
            return Why.DELETING, began[0], deletes[-1]
        is_waste = retired_us <= at_us or (self._meta not in held and committed_us > at_us)
        halted = self._halted(at_us, is_partial=self._meta not in held)
        if is_waste and not self._is_cleaner and halted is not None:
            return Why.LEAKED, *halted
        if self._meta not in held:
            over_us = max(puts) + self._partial_age_us
            is_whole_soon = at_us < committed_us < over_us
            return Why.PARTIAL, first_us, committed_us if is_whole_soon else over_us
        if retired_us > at_us:
            return Why.LIVE, committed_us, retired_us
        next_us = min((t for t in deletes if t > at_us), default=NEVER)
        if self.due_us == NEVER:
            return Why.PASS, retired_us, next_us
        if at_us < self.due_us:
            return Why.DELAY, retired_us, self.due_us
        return Why.PASS, self.due_us, next_us


def _buys(timelines: "Timelines", exposed: "Sequence[Exposure]", age_us: int) -> Buys:
    """How many readers, and queries, an hour beyond an age saves."""
    loads, retired = timelines.loads, timelines.blocks.retired_us
    low, high = timelines.warmup_us, timelines.horizon_us
    rows = np.flatnonzero(
        (retired[loads.block] >= low)
        & (retired[loads.block] < high)
        & (loads.drop_us > retired[loads.block])
        & (loads.load_us < high)
    )
    later_us = age_us + HOUR_US
    pair = loads.block[rows] * timelines.n_gateways + loads.gateway[rows]
    pairs, place = np.unique(pair, return_inverse=True)
    dropped = np.zeros(pairs.size, np.int64)
    np.maximum.at(dropped, place, loads.drop_us[rows])
    since = retired[pairs // timelines.n_gateways]
    known = (dropped < high) | (since + later_us < high)
    used_us = (dropped - since)[known]
    return Buys(
        age_us=age_us,
        readers=int(known.sum()),
        using_now=int((used_us > age_us).sum()),
        using_later=int((used_us > later_us).sum()),
        failing=tuple(
            Failing(
                query=exposure.query_class.name,
                now=failing_if_deleted(exposure, age_us),
                later=failing_if_deleted(exposure, later_us),
            )
            for exposure in exposed
        ),
    )


def failing_if_deleted(exposure: "Exposure", age_us: int) -> float:
    """Fraction of queries for all streams that read a retired block of at least this age.

    So many would fail if every block went at that age, at once and everywhere, and nothing else
    changed; nan for an empty window [warm-up, horizon).
    """
    timelines = exposure.timelines
    loads, blocks = timelines.loads, timelines.blocks
    length_us = timelines.horizon_us - timelines.warmup_us
    if length_us <= 0:
        return float("nan")
    used = exposure.uses
    block = loads.block[used.load]
    gone_us = np.where(blocks.retired_us[block] < NEVER, blocks.retired_us[block] + age_us, NEVER)
    start = np.maximum(used.start_us, gone_us - worst_takes_us(exposure.query_class))
    here = gone_us < timelines.horizon_us
    return merge(start[here], used.end_us[here]).measure() / length_us
