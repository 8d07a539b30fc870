"""What a query class is exposed to: where reads fail and where data is missing.

Everything here is a set of arrival times *t*, worked out from the timelines by ``SEMANTICS.md``
Q2, Q3 and Q5; no query is looked at. :class:`Exposure` answers two questions for one class:

- :meth:`Exposure.failures`: when would a query find an object absent at a gateway?
- :meth:`Exposure.missing`: when would data be missing, were some gateways left out?
"""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import GroupedSpans, Ints, Spans, merge
from sim.analysis.queries.failures import Failures, Met
from sim.analysis.queries.lapses import Gone, Lapses
from sim.analysis.queries.needs import Needs
from sim.analysis.queries.outcomes import NOBODY, SILENCE, WARNING, OutcomeRule
from sim.analysis.queries.remembered import RememberedChunks
from sim.analysis.queries.unanswered import unanswered
from sim.analysis.queries.uses import Uses, uses
from sim.conventions.placement import candidates, fixed_replica
from sim.conventions.queries import n_asked, reach
from sim.core.arrays import pairs
from sim.core.objects import RESOLUTIONS
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.language.primitives import Misses
from sim.scenario.language.schemes import Composed
from sim.scenario.schema import QueryClass, Scenario
from sim.trace.timelines import Timelines


class Exposure:
    """One query class on the timelines of one run; arrivals in [warm-up, horizon)."""

    def __init__(self, scenario: Scenario, timelines: Timelines, query_class: QueryClass) -> None:
        self.scenario = scenario
        self.timelines = timelines
        self.query_class = query_class
        self.n_streams = scenario.producers.count
        self._allowed = RESOLUTIONS.index(query_class.max_resolution)

    def moved(self, scenario: Scenario, timelines: Timelines) -> "Exposure":
        """The same class on a run in which only the deletions were at other times.

        What does not depend on deletions is shared.
        """
        other = Exposure(scenario, timelines, self.query_class)
        for name in ("_replicas", "_counted_on", "uses", "_used", "_needs"):
            other.__dict__[name] = getattr(self, name)
        return other

    @property
    def rule(self) -> OutcomeRule:
        """How failures and missing data become an outcome."""
        return OutcomeRule(self.scenario.gateways.partial_response, self._misses.may_warn)

    @cached_property
    def _misses(self) -> Misses:
        """What readers of the run do that find an object gone."""
        return self._scheme.misses

    @cached_property
    def _scheme(self) -> Composed:
        scheme = self.scenario.schemes[self.scenario.scheme_index(self.timelines.scheme)]
        return scheme.composed

    @property
    def lacks_blocks(self) -> bool:
        """Whether an absent object takes its block alone out of an answer."""
        return not self._misses.loses_gateway

    @property
    def tries_again(self) -> bool:
        """Whether a query that finds an object gone is tried again."""
        return self._misses.tries_again

    @property
    def apart_us(self) -> int:
        """For how long after a second try no query is tried again."""
        return self._misses.apart_us

    @property
    def streams(self) -> Streams:
        """All draws of the trial."""
        return self.scenario.streams(self.timelines.seed)

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
        streams, store = self.streams, self.scenario.store
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
        within_us = self.timelines.warmup_us, self.timelines.horizon_us
        return uses(self.timelines, self.query_class, until_us, within_us)

    @cached_property
    def uses(self) -> Uses:
        """When queries of this class use each load; arrivals in [warm-up, horizon)."""
        found, loads = self._counted_on, self.timelines.loads
        if not loads.crashed.any():
            return found
        return found.clipped(found.start_us, loads.drop_us[found.load])

    def last_used_us(self) -> Ints:
        """Per load, the end of the arrivals that use it; 0 without any."""
        last_us = np.zeros(self.timelines.loads.load_us.size, np.int64)
        np.maximum.at(last_us, self.uses.load, self.uses.end_us)
        return last_us

    @cached_property
    def _used(self) -> tuple[Ints, Ints]:
        """Per block, when queries first and last used it."""
        loads, used = self.timelines.loads, self.uses
        block = loads.block[used.load]
        n_blocks = len(self.timelines.blocks.id)
        earliest, latest = np.full(n_blocks, NEVER), np.zeros(n_blocks, np.int64)
        np.maximum.at(latest, block, used.end_us)
        np.minimum.at(earliest, block, used.start_us)
        return earliest, latest

    def _uses_of(self, blocks: Ints) -> Uses:
        """The uses of some blocks, block by block."""
        used, block = self.uses, self.timelines.loads.block[self.uses.load]
        rows = np.flatnonzero(np.isin(block, blocks))
        rows = rows[np.argsort(block[rows], kind="stable")]
        return Uses(*(column[rows] for column in used))

    @cached_property
    def failures(self) -> Failures:
        """What fails an answer, or makes it carry a warning."""
        is_told = self.met.lost != SILENCE
        return self.met if is_told.all() else self.met.where(is_told)

    @cached_property
    def _gone(self) -> Gone:
        """What absent objects take out of answers."""
        rows, keep = self.met, self.met.object >= 0
        return Gone(*(c[keep] for c in (rows.load, rows.start_us, rows.end_us, rows.absent_us)))

    def _lost(self, gateway: Ints, object_index: Ints) -> Ints:
        """Whose answer is lost where an object is absent (>= 0), or the gateway goes down."""
        if not self.lacks_blocks:
            return gateway
        told = WARNING if self._misses.may_warn else SILENCE
        return np.where(object_index >= 0, told, gateway)

    @cached_property
    def met(self) -> Failures:
        """What queries meet, told or not."""
        demands = self._scheme.checks.demands
        read = self._met_by_reads()
        return read if demands is None else read.beside(unanswered(self, demands))

    def _met_by_reads(self) -> Failures:
        """Absent objects, and gateways that go down."""
        absent, down = self._seen(self._absent_rows()), self._down_rows()
        rows = Met(*(np.concatenate(columns) for columns in zip(absent, down, strict=True)))
        # A query arrives at the latest when its reading would begin to meet the absence.
        keep = (rows.end_us > rows.start_us) & (rows.end_us > rows.absent_us - self.takes_us_max)
        rows = Met(*(column[keep] for column in rows))
        loads, blocks = self.timelines.loads, self.timelines.blocks
        block, gateway = loads.block[rows.load], loads.gateway[rows.load]
        objects = self.timelines.objects.mark
        return Failures(
            stream=blocks.stream[block],
            gateway=gateway,
            lost=self._lost(gateway, rows.object),
            unit=(block * self.timelines.n_gateways + gateway) * objects + rows.object + 1,
            block=block,
            **rows._asdict(),
        )

    @cached_property
    def takes_us_max(self) -> int:
        """No query of the class takes longer, as far as it matters before the horizon."""
        law = self.query_class.takes
        return law.draw_us(0.5) if law.is_constant else self.timelines.horizon_us

    def _absent_rows(self) -> Met:
        """Uses joined with the absences of their blocks at the replicas they may be read from."""
        loads, absences = self.timelines.loads, self.timelines.absences
        earliest, latest = self._used
        met = np.flatnonzero(
            (absences.end_us > earliest[absences.block])
            & (absences.start_us - self.takes_us_max < latest[absences.block])
        )
        used = self._uses_of(absences.block[met])
        absences = absences.each(met)
        by_block = loads.block[used.load]
        first = np.searchsorted(by_block, absences.block, side="left")
        last = np.searchsorted(by_block, absences.block, side="right")
        row, use = pairs(first.astype(np.int64), last.astype(np.int64))
        fixed = np.array([-1 if r is None else r for r in self._replicas], np.int64)
        wanted = fixed[loads.gateway[used.load[use]]]
        replica = absences.replica[row]
        readable = np.isin(replica, np.array(self.readable))
        keep = np.where(wanted < 0, readable, replica == wanted)
        row, use, replica, wanted = row[keep], use[keep], replica[keep], wanted[keep]
        return Met(
            load=used.load[use],
            object=absences.object[row],
            replica=np.where(wanted < 0, replica, -1),
            start_us=used.start_us[use],
            end_us=np.minimum(used.end_us[use], absences.end_us[row]),
            absent_us=absences.start_us[row],
        )

    def _seen(self, rows: Met) -> Met:
        """What caches of chunks do not hide of it."""
        cache = self.scenario.gateways.cache
        if cache is None or not cache.chunks_us:
            return rows
        chunks = RememberedChunks(self.scenario, self.timelines, self.query_class, cache.chunks_us)
        row, start_us, end_us = chunks.seen(rows.load, rows.object, rows.start_us, rows.end_us)
        left = Met(*(column[row] for column in rows))
        return left._replace(start_us=start_us, end_us=end_us)

    def _down_rows(self) -> Met:
        """Blocks that a gateway had loaded when it went down, as long as it is counted on."""
        loads, used = self.timelines.loads, self._counted_on
        load, start_us, end_us = (column[loads.crashed[used.load]] for column in used)
        none = np.full(load.size, -1)
        return Met(load, none, none, start_us, end_us, loads.drop_us[load])

    @property
    def n_needed(self) -> int:
        """Level-1 blocks that some query asks for while only the bucket has their data."""
        return len(self._needs)

    @cached_property
    def _needs(self) -> Needs:
        return Needs(self, self._gone if self.lacks_blocks else None)

    def missing(self, takes_us: int, left_out: frozenset[int] = NOBODY) -> GroupedSpans:
        """Arrivals for which data of a stream is missing if ``left_out`` gateways give nothing.

        How long queries take matters only where :attr:`lacks_blocks`.
        """
        return self._needs.missing(takes_us, left_out)

    def missing_any(self, takes_us: int, left_out: frozenset[int] = NOBODY) -> Spans:
        """Arrivals for which data of any stream is missing."""
        found = self.missing(takes_us, left_out)
        return merge(found.start, found.end)

    def lapses(self, left_out: frozenset[int]) -> Lapses:
        """Arrivals for which data of a stream is missing, for queries of any duration."""
        return self._needs.lapses(left_out)

    def unserved(self, left_out: frozenset[int] = NOBODY) -> Lapses:
        """The same by level-1 block, whose ordinal stands for the stream."""
        return self._needs.unserved(left_out)

    def lacking(self, at_us: int, takes_us: int, left_out: frozenset[int]) -> Ints:
        """Level-1 blocks whose data is missing for an arrival if ``left_out`` give nothing.

        Ordinals, ascending, of all streams; :meth:`missing` says when that is so of any.
        """
        return self._needs.lacking(at_us, takes_us, left_out)


def exposures(scenario: Scenario, timelines: Timelines) -> tuple[Exposure, ...]:
    """What each query class is exposed to, in the scenario's order.

    Judges of one trial share them: what one has worked out the next finds there.
    """
    return tuple(Exposure(scenario, timelines, query_class) for query_class in scenario.queries)
