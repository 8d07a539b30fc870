"""What a query class is exposed to: where reads fail and where data is missing.

Everything here is a set of arrival times *t*, worked out from the timelines by ``SEMANTICS.md``
Q2, Q3 and Q5; no query is looked at. :class:`Exposure` answers two questions for one class:

- :meth:`Exposure.failures`: when would a query find an object absent at a gateway?
- :meth:`Exposure.missing`: when would data be missing, were some gateways left out?
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import GroupedSpans, Ints, Spans, merge, merge_groups, pairs
from sim.analysis.queries.outcomes import OutcomeRule
from sim.analysis.queries.uses import Uses, uses
from sim.conventions.placement import candidates, fixed_replica
from sim.conventions.queries import n_asked, reach
from sim.core.objects import RESOLUTIONS
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.schema import QueryClass, Scenario
from sim.trace.timelines import Timelines


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Rows (n,): a read of ``unit`` fails at ``gateway`` for queries of ``stream``.

    It does so for arrivals in [start_us, end_us) whose reading has not ended before
    ``absent_us``: t + takes >= absent_us. ``replica`` is the replica that must be read for it,
    -1 if the gateway reads only one; ``unit`` numbers (gateway, block, object).
    """

    stream: Ints
    gateway: Ints
    unit: Ints
    block: Ints
    object: Ints
    replica: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints

    def during(self, takes_us: int) -> tuple[Ints, Ints]:
        """Per row, the arrivals [start, end) of queries that take ``takes_us``; may be empty."""
        return np.maximum(self.start_us, self.absent_us - takes_us), self.end_us


class Exposure:
    """One query class on the timelines of one run; arrivals in [warm-up, horizon)."""

    def __init__(self, scenario: Scenario, timelines: Timelines, query_class: QueryClass) -> None:
        self.scenario = scenario
        self.timelines = timelines
        self.query_class = query_class
        self.n_streams = scenario.producers.count
        self.shards = scenario.gateways.shards
        self._allowed = RESOLUTIONS.index(query_class.max_resolution)
        self._missing: dict[frozenset[int], GroupedSpans] = {}

    def moved(self, scenario: Scenario, timelines: Timelines) -> "Exposure":
        """The same class on a run in which only the deletions were at other times.

        What does not depend on deletions is shared.
        """
        other = Exposure(scenario, timelines, self.query_class)
        other._missing = self._missing
        for name in ("_replicas", "_counted_on", "uses", "_readers", "_needed", "_covers"):
            other.__dict__[name] = getattr(self, name)
        return other

    @property
    def rule(self) -> OutcomeRule:
        """How failures and missing data become an outcome."""
        return OutcomeRule(self.scenario.gateways.partial_response)

    @property
    def n_drawn(self) -> int:
        """Streams that one query asks for."""
        return n_asked(self.scenario, self.query_class)

    @property
    def draws_replicas(self) -> bool:
        """Whether each read draws its replica, so that an outcome is a matter of chance."""
        return any(replica is None for replica in self._replicas)

    @cached_property
    def _replicas(self) -> list[int | None]:
        streams, store = Streams(self.timelines.seed), self.scenario.store
        return [
            fixed_replica(store, f"gateway/{g}", streams, gateway=g)
            for g in range(self.timelines.n_gateways)
        ]

    def replica_of(self, gateway: int) -> int | None:
        """The replica that a gateway reads; None if each of its reads draws one."""
        return self._replicas[gateway]

    def key(self, block: int, object_index: int) -> str:
        """Name of a data object in the store."""
        return self.timelines.objects.key(self.timelines.blocks.id[block], object_index)

    @property
    def readable(self) -> range:
        """Replicas that gateways may read."""
        return candidates(self.scenario.store, gateway=0)

    def asks(self, block: Ints) -> tuple[Ints, Ints]:
        """Arrivals [start, end) that count, of queries whose range intersects the block."""
        blocks = self.timelines.blocks
        start, end = reach(self.query_class, blocks.min_us[block], blocks.max_us[block])
        return (
            np.maximum(start, self.timelines.warmup_us),
            np.minimum(end, self.timelines.horizon_us),
        )

    def may_use(self, resolution: Ints) -> npt.NDArray[np.bool_]:
        """Whether queries of this class may use blocks of each resolution."""
        allowed: npt.NDArray[np.bool_] = resolution <= self._allowed
        return allowed

    @cached_property
    def _counted_on(self) -> Uses:
        """When queries would use each load, if a gateway answered while it is counted on."""
        loads, downs = self.timelines.loads, self.timelines.downs
        until_us = loads.drop_us.copy()
        end_us = np.minimum(downs.unhealthy_until_us, downs.end_us)
        counted = dict(
            zip(
                zip(downs.gateway.tolist(), downs.start_us.tolist(), strict=True),
                end_us,
                strict=True,
            )
        )
        for load in np.flatnonzero(loads.crashed).tolist():
            crash = (int(loads.gateway[load]), int(loads.drop_us[load]))
            until_us[load] = max(int(counted.get(crash, 0)), crash[1])
        found = uses(self.timelines, self.query_class, until_us)
        n = found.load.size
        return found.clipped(
            np.full(n, self.timelines.warmup_us), np.full(n, self.timelines.horizon_us)
        )

    @cached_property
    def uses(self) -> Uses:
        """When queries of this class use each load; arrivals in [warm-up, horizon)."""
        found = self._counted_on
        return found.clipped(found.start_us, self.timelines.loads.drop_us[found.load])

    @cached_property
    def last_used_us(self) -> Ints:
        """Per load, the end of the arrivals that use it; 0 without any."""
        last_us = np.zeros(self.timelines.loads.load_us.size, np.int64)
        np.maximum.at(last_us, self.uses.load, self.uses.end_us)
        return last_us

    @cached_property
    def _readers(self) -> tuple[Uses, Ints, Ints]:
        """:attr:`uses` by block; per block, when queries first and last used it."""
        loads, used = self.timelines.loads, self.uses
        block = loads.block[used.load]
        n_blocks = len(self.timelines.blocks.id)
        latest = np.zeros(n_blocks, np.int64)
        earliest = np.full(n_blocks, NEVER)
        np.maximum.at(latest, block, used.end_us)
        np.minimum.at(earliest, block, used.start_us)
        order = np.argsort(block, kind="stable")
        return Uses(*(column[order] for column in used)), earliest, latest

    @cached_property
    def failures(self) -> Failures:
        """Everything that may fail a read."""
        absent, down = self._absent_rows(), self._down_rows()
        columns = [np.concatenate([a, b]) for a, b in zip(absent, down, strict=True)]
        load, object_index, replica, start, end, absent_us = columns
        loads, blocks = self.timelines.loads, self.timelines.blocks
        # A query arrives at the latest when its reading would begin to meet the absence.
        keep = (end > start) & (end > absent_us - self.takes_us_max)
        load = load[keep]
        block, gateway = loads.block[load], loads.gateway[load]
        objects = self.timelines.objects.mark
        unit = (block * self.timelines.n_gateways + gateway) * objects + object_index[keep] + 1
        return Failures(
            stream=blocks.stream[block],
            gateway=gateway,
            unit=unit,
            block=block,
            object=object_index[keep],
            replica=replica[keep],
            start_us=start[keep],
            end_us=end[keep],
            absent_us=absent_us[keep],
        )

    @cached_property
    def takes_us_max(self) -> int:
        """No query of the class takes longer, as far as it matters before the horizon."""
        law = self.query_class.takes
        return law.draw_us(0.5) if law.is_constant else self.timelines.horizon_us

    def _absent_rows(self) -> tuple[Ints, ...]:
        """Uses joined with the absences of their blocks at the replicas they may be read from."""
        loads, absences = self.timelines.loads, self.timelines.absences
        used, earliest, latest = self._readers
        met = np.flatnonzero(
            (absences.end_us > earliest[absences.block])
            & (absences.start_us - self.takes_us_max < latest[absences.block])
        )
        by_block = loads.block[used.load]
        first = np.searchsorted(by_block, absences.block[met], side="left")
        last = np.searchsorted(by_block, absences.block[met], side="right")
        left, use = pairs(first.astype(np.int64), last.astype(np.int64))
        row = met[left]
        fixed = np.array([-1 if r is None else r for r in self._replicas], np.int64)
        wanted = fixed[loads.gateway[used.load[use]]]
        replica = absences.replica[row]
        readable = np.isin(replica, np.array(self.readable))
        keep = np.where(wanted < 0, readable, replica == wanted)
        row, use, replica, wanted = row[keep], use[keep], replica[keep], wanted[keep]
        return (
            used.load[use],
            absences.object[row],
            np.where(wanted < 0, replica, -1),
            used.start_us[use],
            np.minimum(used.end_us[use], absences.end_us[row]),
            absences.start_us[row],
        )

    def _down_rows(self) -> tuple[Ints, ...]:
        """Blocks that a gateway had loaded when it went down, as long as it is counted on."""
        loads, used = self.timelines.loads, self._counted_on
        load, start, end = (column[loads.crashed[used.load]] for column in used)
        none = np.full(load.size, -1)
        return load, none, none, start, end, loads.drop_us[load]

    @property
    def n_needed(self) -> int:
        """Level-1 blocks that some query asks for while only the bucket has their data."""
        return int(self._needed[0].size)

    @cached_property
    def _needed(self) -> tuple[Ints, Ints, Ints]:
        """Level-1 blocks and the arrivals [start, end) for which only the bucket has their data."""
        blocks, spec = self.timelines.blocks, self.scenario
        rows = np.flatnonzero((blocks.level == 1) & (blocks.committed_us < NEVER))
        start, end = self.asks(rows)
        local_until = blocks.max_us[rows] + spec.producers.local_retention_us
        start = np.maximum(np.maximum(start, blocks.committed_us[rows]), local_until)
        kept = spec.compactor.retention_us[: self._allowed + 1]
        if not spec.compactor.downsampling:
            kept = kept[:1]
        if all(kept):
            end = np.minimum(end, blocks.max_us[rows] + max(kept))
        keep = end > start
        return rows[keep], start[keep], end[keep]

    @cached_property
    def _covers(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(needed row, gateway, start, end): a block in use holds the needed block's data."""
        blocks, loads = self.timelines.blocks, self.timelines.loads
        rows, start, end = self._needed
        width = int(blocks.source_ordinal.max(initial=0)) + 1
        key = blocks.stream[rows] * width + blocks.source_ordinal[blocks.source_ptr[rows]]
        position = np.full(self.n_streams * width, -1)
        position[key] = np.arange(rows.size)
        used = self.uses
        block = loads.block[used.load]
        left, member = pairs(blocks.source_ptr[block], blocks.source_ptr[block + 1])
        row = position[blocks.stream[block[left]] * width + blocks.source_ordinal[member]]
        row, use = row[row >= 0], left[row >= 0]
        begin = np.maximum(used.start_us[use], start[row])
        finish = np.minimum(used.end_us[use], end[row])
        keep = finish > begin
        return row[keep], loads.gateway[used.load[use[keep]]], begin[keep], finish[keep]

    def missing(self, left_out: frozenset[int] = frozenset()) -> GroupedSpans:
        """Arrivals for which data of a stream is missing if ``left_out`` gateways give nothing."""
        if left_out not in self._missing:
            self._missing[left_out] = self._find_missing(left_out)
        return self._missing[left_out]

    def lacking(self, at_us: int, left_out: frozenset[int]) -> Ints:
        """Level-1 blocks whose data is missing for an arrival if ``left_out`` give nothing.

        Ordinals, ascending, of all streams; :meth:`missing` says when that is so of any.
        """
        rows, start, end = self._needed
        row, gateway, begin, finish = self._covers
        holds = (begin <= at_us) & (at_us < finish)
        holds &= ~np.isin(gateway, np.array(sorted(left_out), np.int64))
        asked = (start <= at_us) & (at_us < end)
        asked[row[holds]] = False
        return np.sort(rows[asked])

    def _find_missing(self, left_out: frozenset[int]) -> GroupedSpans:
        rows, start, end = self._needed
        row, gateway, begin, finish = self._covers
        keep = ~np.isin(gateway, np.array(sorted(left_out), np.int64))
        covered = merge_groups(row[keep], begin[keep], finish[keep])
        # What is left of each need runs from its start, or the end of a covered piece, to the
        # start of the next covered piece, or its end.
        group = np.concatenate([np.arange(rows.size), covered.group])
        opens = np.concatenate([start, covered.end])
        order = np.lexsort((opens, group))
        group, opens = group[order], opens[order]
        closes = end[group]
        closes[np.flatnonzero(order >= rows.size) - 1] = covered.start
        return merge_groups(self.timelines.blocks.stream[rows[group]], opens, closes)

    def missing_any(self, left_out: frozenset[int] = frozenset()) -> Spans:
        """Arrivals for which data of any stream is missing."""
        found = self.missing(left_out)
        return merge(found.start, found.end)


def exposures(scenario: Scenario, timelines: Timelines) -> tuple[Exposure, ...]:
    """What each query class is exposed to, in the scenario's order.

    Judges of one trial share them: what one has worked out the next finds there.
    """
    return tuple(Exposure(scenario, timelines, query_class) for query_class in scenario.queries)
