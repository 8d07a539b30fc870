"""What would have saved a query: per knob, the smallest change that follows from its tale.

Closed forms only; whether a change does save the query is for a simulation to say. Each takes one
knob and leaves everything else as it was: the reads that failed must find their objects, or the
gateway must have let go of them, or the data that was missing must have been there.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.queries.one_query import Answer, Asked, BrokenRead, gateways_involved, judged
from sim.analysis.queries.syncs import Sync, first_sync_us, syncs
from sim.core.units import NEVER, US_PER_S
from sim.trace.records import CompactRecord, DeleteRecord, PutRecord

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.core.laws import Law
    from sim.scenario.schema import Scenario
    from sim.trace.recorder import Trace

__all__ = ["Knob", "knobs"]

_CANDIDATES_MAX: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """A key of the scenario, and values that would have saved the query, the nearest first.

    ``key`` is as in ``--set``; ``{scheme}`` and ``{query}`` stand for the ordinals. ``now_us`` is
    None for a law of more than one value, and for a scheme without the knob. With ``grows`` a
    larger value saves as well, else a smaller one, as far as nothing else comes in between.
    """

    key: str
    now_us: int | None
    values_us: tuple[int, ...]
    grows: bool


def knobs(
    scenario: "Scenario", trace: "Trace", exposure: "Exposure", asked: Asked, *, scheme_index: int
) -> list[Knob]:
    """Give the knobs that may have saved a query, in a fixed order; none that cannot."""
    answer = judged(exposure, asked)
    rescue = _Rescue(scenario, trace, exposure, asked, answer, scheme_index)
    return [knob for knob in rescue.knobs() if knob.values_us]


class _Rescue:
    """One query's answer, and what each knob would have to be."""

    def __init__(
        self,
        scenario: "Scenario",
        trace: "Trace",
        exposure: "Exposure",
        asked: Asked,
        answer: Answer,
        scheme_index: int,
    ) -> None:
        self._scenario = scenario
        self._trace = trace
        self._exposure = exposure
        self._timelines = exposure.timelines
        self._asked = asked
        self._answer = answer
        self._scheme = scenario.schemes[scheme_index]
        # Data that never came, and data that went while a query read it.
        self._went = [r for r in answer.reads if r.object >= 0 and r.absent_us > 0]
        self._early = [r for r in answer.reads if r.object >= 0 and r.absent_us == 0]
        self._down = [r for r in answer.reads if r.object < 0]
        self._gateways = gateways_involved(scenario, self._timelines, answer)

    def knobs(self) -> Iterator[Knob]:
        """Every knob, also those without a value that would help."""
        spec, gateways = self._scenario, self._scenario.gateways
        if self._scheme.delete_key is not None:
            yield self._delete_delay(f"schemes.{{scheme}}.{self._scheme.delete_key}")
        if self._scheme.hide_delay_us is not None and self._scheme.hide_key is not None:
            yield from self._hide_delay(self._scheme.hide_delay_us)
        if gateways.sync_interval.is_constant:
            yield self._sync_interval()
        yield self._knob("gateways.sync_takes", gateways.sync_takes, self._sync_takes())
        takes = self._exposure.query_class.takes
        yield self._knob("queries.{query}.takes", takes, self._query_takes())
        local_us = spec.producers.kept_us
        yield Knob(
            key="producers.local_retention",
            now_us=local_us,
            values_us=self._local_retention(),
            grows=True,
        )
        yield Knob(
            key="gateways.consistency_delay",
            now_us=gateways.consistency_delay_us,
            values_us=self._consistency_delay(),
            grows=True,
        )
        yield Knob(
            key="gateways.unhealthy_after",
            now_us=gateways.unhealthy_after_us,
            values_us=self._unhealthy_after(),
            grows=False,
        )
        lag = spec.store.lag
        for plane, law in (("get", lag.create.get), ("list", lag.create.list)):
            yield self._knob(f"store.lag.create.{plane}", law, self._create_lag(plane, law))

    def _knob(self, key: str, law: "Law", value_us: int | None) -> Knob:
        """A knob that is a law: one value in its place, if that is smaller than it can be."""
        now_us = law.draw_us(0.5) if law.is_constant else None
        is_smaller = value_us is not None and (now_us is None or value_us < now_us)
        values = (value_us,) if value_us is not None and value_us >= 0 and is_smaller else ()
        return Knob(key=key, now_us=now_us, values_us=values, grows=False)

    def _delete_delay(self, key: str) -> Knob:
        """Delay of the deletion until the query, or the gateways, were done with the blocks.

        A mark is due once its age exceeds the delay, at a pass. So the delay must be the age of
        the mark at the last pass before the instant from which the block may go.
        """
        is_delayed = self._scheme.kind != "immediate"
        now_us = self._scheme.delete_delay_us if is_delayed else None
        marks, retired = self._timelines.marks, self._timelines.blocks.retired_us
        found: list[tuple[int, ...]] = []
        for read in self._went:
            own = marks.stamp_us[marks.block == read.block]
            at_us = int(own[-1]) if own.size else int(retired[read.block])
            began_us = self._deletes_from(read.block)
            # The first instant at which the deletion may begin.
            free_us = began_us + self._asked.end_us + 1 - read.absent_us
            ages = [t - (at_us - at_us % US_PER_S) for t in self._passes_us(began_us, free_us)]
            found.append(tuple(ages) if at_us < NEVER else ())
        least_us = 0 if now_us is None else now_us + 1
        is_open = all(found) and not (self._early or self._down)
        # Of each kind of estimate the one that serves all reads.
        values = {max(ages) for ages in zip(*found, strict=False)} if is_open else set()
        if now_us is None and values:
            values.add(0)
        return Knob(
            key=key,
            now_us=now_us,
            values_us=tuple(sorted(v for v in values if v >= least_us)),
            grows=True,
        )

    def _deletes_from(self, block: int) -> int:
        """When whoever deletes began with a block; its first delete where that is not known."""
        times = [
            record.t_us
            for record in self._trace.records
            if isinstance(record, DeleteRecord) and record.block == block
        ]
        takes = self._scenario.compactor.delete_takes
        if not times or not takes.is_constant:
            return times[0] if times else self._asked.at_us
        return times[-1] - takes.draw_us(0.5)

    def _passes_us(self, began_us: int, free_us: int) -> tuple[int, ...]:
        """What may be the last pass before ``free_us``; an instant that is late enough comes last.

        Passes are on the grid of ticks since the start of the run, but for those that follow a
        compaction; the deletion itself began in one.
        """
        spec = self._scenario.compactor
        every = self._scheme.cleanup(spec.cleanup_rule).every_us
        if not every and not spec.wait_interval.is_constant:
            return (free_us - 1,)
        every = every or spec.wait_interval.draw_us(0.5)
        starts = (spec.sync_takes.draw_us(0.5), began_us)
        return *(start + (free_us - 1 - start) // every * every for start in starts), free_us - 1

    def _done(self, gateway: int) -> list[Sync]:
        """The last syncs of a gateway that were over when the query came, latest last."""
        spec = self._scenario.gateways
        reach_us = int(min(4 * (spec.sync_interval.mean + spec.sync_takes.mean), NEVER // 8))
        at_us = self._asked.at_us
        near = syncs(self._scenario, self._timelines, gateway, at_us - reach_us, at_us + 1)
        return [sync for sync in near if sync.end_us <= at_us]

    def _hide_delay(self, now_us: int) -> Iterator[Knob]:
        """Hide earlier what was read too long; hide later what was missing."""
        marks = self._timelines.marks
        sooner: list[int] = []
        for read in self._went:
            done = self._done(read.gateway)
            stamps = marks.stamp_us[marks.block == read.block]
            value = done[-1].marks_us - int(stamps[-1]) - 1 if done and stamps.size else -1
            sooner.append(value)
        value_us = min(sooner, default=-1)
        is_useful = not (self._early or self._down) and 0 <= value_us < now_us
        key = f"schemes.{{scheme}}.{self._scheme.hide_key}"
        if is_useful:
            yield Knob(key=key, now_us=now_us, values_us=(value_us,), grows=False)
        later = [
            sync.marks_us - int(stamps[-1])
            for block in self._holders()
            for stamps in [marks.stamp_us[marks.block == block]]
            for gateway in self._gateways
            for sync in self._done(gateway)[-1:]
            if stamps.size
        ]
        values = tuple(sorted({v for v in later if v > now_us}))[:_CANDIDATES_MAX]
        yield Knob(key=key, now_us=now_us, values_us=values, grows=True)

    def _holders(self) -> list[int]:
        """Marked blocks that hold the data that is missing."""
        blocks, found = self._timelines.blocks, []
        for block in self._answer.lacking:
            ordinal = int(blocks.data_ordinal[blocks.data_ptr[block]])
            same = np.flatnonzero(blocks.stream == blocks.stream[block])
            for other in same.tolist():
                own = blocks.data_ordinal[blocks.data_ptr[other] : blocks.data_ptr[other + 1]]
                if ordinal in own:
                    found.append(other)
        return found

    def _sync_interval(self) -> Knob:
        """The longest interval at which a sync in time would have seen what the next one saw.

        With a drawn phase of u intervals sync k starts at (u + k) intervals, when the first one,
        which comes before them, has ended.
        """
        spec = self._scenario.gateways
        now_us, takes_us = spec.sync_interval.draw_us(0.5), spec.sync_takes.draw_us(0.5)
        values: set[int] = set()
        streams = self._scenario.streams(self._timelines.seed)
        for gateway in self._gateways:
            first_us = first_sync_us(self._scenario, streams, gateway)
            is_share = spec.phase == "uniform"
            share = first_us / now_us if is_share else 0.0
            room_us = self._asked.at_us - 2 * takes_us - (0 if is_share else first_us)
            k = math.floor(room_us / now_us - share)
            for step in range(k, k + 3 * _CANDIDATES_MAX):
                if share + step > 0 and room_us > 0:
                    value = math.floor(room_us / (share + step))
                    if max(0, takes_us) < value < now_us:
                        values.add(value)
        nearest = tuple(sorted(values, reverse=True))[:_CANDIDATES_MAX]
        return Knob(key="gateways.sync_interval", now_us=now_us, values_us=nearest, grows=False)

    def _sync_takes(self) -> int | None:
        """As long as the sync under way when the query came may have taken.

        It begins sooner as well then, for the first one has taken less.
        """
        found = []
        at_us = self._asked.at_us
        for gateway in self._gateways:
            near = syncs(self._scenario, self._timelines, gateway, at_us, at_us + 1)
            running = [sync for sync in near if sync.start_us <= at_us < sync.end_us]
            found += [(at_us + sync.end_us - 2 * sync.start_us) // 2 for sync in running[:1]]
        return min(found, default=None)

    def _query_takes(self) -> int | None:
        """As long as the query may have read: until the first object went."""
        reads = self._answer.reads
        first_us = min((read.absent_us for read in reads), default=-1)
        return first_us - self._asked.at_us - 1 if first_us > self._asked.at_us else None

    def _local_retention(self) -> tuple[int, ...]:
        """As long as the producers must have answered for what was missing."""
        if self._answer.reads or not self._answer.lacking:
            return ()
        ends = self._timelines.blocks.max_us[list(self._answer.lacking)]
        return (self._asked.at_us - int(ends.min()) + 1,)

    def _consistency_delay(self) -> tuple[int, ...]:
        """Older than the blocks were that were loaded before all of their files were shown."""
        if not self._early or self._went or self._down:
            return ()
        needed = [self._age_when_checked(read) for read in self._early]
        return (max(needed) + 1,) if all(age >= 0 for age in needed) else ()

    def _age_when_checked(self, read: BrokenRead) -> int:
        done, blocks = self._done(read.gateway), self._timelines.blocks
        puts = self._uploaded_us(read.block)
        waits = blocks.level[read.block] == 1 or blocks.by_hand[read.block]
        return done[-1].check_us - puts if done and waits else -1

    def _uploaded_us(self, block: int) -> int:
        meta = self._timelines.objects.meta
        for record in self._trace.records:
            if isinstance(record, PutRecord) and record.block == block and meta in record.objects:
                return record.stamp_us
        return NEVER

    def _unhealthy_after(self) -> tuple[int, ...]:
        """Until when queriers may have counted on the gateways that were down."""
        at_us = self._asked.at_us
        if not self._down or self._went or self._early:
            return ()
        values = [at_us - read.absent_us for read in self._down]
        return (min(values),) if min(values) >= 0 else ()

    def _create_lag(self, plane: str, law: "Law") -> int | None:
        """As late as the replica may have shown a new block for the last sync to load it."""
        if law.is_constant and law.draw_us(0.5) == 0:
            return None
        ends = {
            record.block: record.t_us
            for record in self._trace.records
            if isinstance(record, CompactRecord) and record.t_us <= self._asked.at_us
        }
        made = [*(b for b in self._holders() if b in ends), *(r.block for r in self._early)]
        committed = self._timelines.blocks.committed_us
        room = [
            done[-1].start_us - int(committed[block])
            for block in made
            for gateway in self._gateways
            for done in [self._done(gateway)]
            if done and done[-1].start_us >= committed[block]
        ]
        if self._early:
            room += [self._asked.at_us - int(committed[read.block]) for read in self._early]
        if not room and self._went:
            room = [0]
        return min(room, default=None)
