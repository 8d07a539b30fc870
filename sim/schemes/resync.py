"""A reader whose query finds an object gone syncs at once, and the query is tried once more (S5c).

Queries then act on the world, so that the world has to know which will: the arrivals of a class are
a named stream, and of each block that a reader has loaded and that lacks an object the next query
is looked for that misses it (``SEMANTICS.md`` D12). Only queries that are drawn can be judged.
Source: thanos proposal 201901, alternatives, where a missing object is tolerated; the second look
is what is added here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from sim.conventions.placement import fixed_replica
from sim.conventions.queries import Queries, reach
from sim.core.kernel import Phase
from sim.core.units import NEVER, US_PER_S
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.model.store.transfer import Steps
from sim.scenario.language.primitives import Misses, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import QueryClass, Scenario
from sim.trace.absences import hidden_spans
from sim.trace.timelines import Ints

__all__ = ["Resynced"]

_AT_HAND: Final = 4_096
"""Arrivals that are expected in a stretch of time that is looked through at once."""


@register("miss")
class Resynced(Misses):
    """The reader syncs once more, and the query is tried once more."""

    source: ClassVar = "thanos proposal 201901, alternatives; the second look is our own"
    kind: Literal["resync"] = Field(
        "resync", description="It syncs at once, and the query is tried once more."
    )
    rest_us: Duration = Field(
        "1m",
        validate_default=True,
        alias="rest",
        description="After such a sync no query asks for another for so long; it fails.",
    )
    reads_one_replica: ClassVar = True
    tries_again: ClassVar = True

    @property
    def apart_us(self) -> int:
        """For how long after such a sync no query asks for another."""
        return self.rest_us

    def made(self, scenario: Scenario) -> "_Resyncs":
        """Nobody has loaded anything yet."""
        return _Resyncs(scenario, self.rest_us)


@dataclass(slots=True, eq=False)
class _Load:
    """``block`` answers in [since_us, until_us); ``stop`` calls off the sync that it will need."""

    block: Block
    since_us: int
    until_us: int = NEVER
    stop: Callable[[], None] | None = None


@dataclass(slots=True, eq=False)
class _Reader:
    """A reader with what it answers from, and what queries under way may still read.

    ``lacking``: those of which an object is absent at times, with these times. ``stop`` ends the
    sync for which queries wait, if there is one.
    """

    holder: Holder
    replica: int
    loads: dict[int, _Load] = field(default_factory=dict)
    dropped: list[_Load] = field(default_factory=list)
    lacking: dict[_Load, list[tuple[int, int]]] = field(default_factory=dict)
    is_serving: bool = False
    is_syncing: bool = False
    stop: Callable[[], None] | None = None


class _Resyncs:
    """For each reader the next query that finds an object gone, and the sync that it asks for."""

    def __init__(self, scenario: Scenario, rest_us: int) -> None:
        self._scenario = scenario
        self._rest_us = rest_us
        self._readers: dict[Holder, _Reader] = {}
        self._arrivals: list[_Arrivals] = []
        self._rested_us: dict[int, int] = {}

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """Blocks may lack an object from the start."""
        reader = self._reader(holder)
        for block in blocks:
            reader.loads[block.index] = _Load(block, holder.kernel.now_us)
            self._look(reader, reader.loads[block.index])

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        """Queries that arrived before may still read them."""
        reader, now_us = self._reader(holder), holder.kernel.now_us
        longest_us = max(query_class.takes.longest_us for query_class in self._scenario.queries)
        reader.dropped = [d for d in reader.dropped if d.until_us + longest_us >= now_us]
        for block in blocks:
            load = reader.loads.pop(block.index)
            load.until_us = now_us
            reader.dropped.append(load)
            self._look(reader, load)

    def returned(self, holder: Holder) -> None:
        """It answers from what its first sync loaded."""
        reader = self._reader(holder)
        reader.is_serving = True
        for load in reader.loads.values():
            load.since_us = holder.kernel.now_us
            self._look(reader, load)

    def lost(self, holder: Holder) -> None:
        """Queries that were under way there fail, and ask for nothing."""
        reader = self._readers.pop(holder, None)
        if reader is None:
            return
        for load in reader.lacking:
            _call_off(load)
        if reader.stop is not None:
            reader.stop()

    def changed(self, block: Block) -> None:
        """Readers of the block may meet what it lacks now, and no longer what it lacked."""
        for reader in self._readers.values():
            loads = [load for load in reader.dropped if load.block is block]
            if block.index in reader.loads:
                loads.append(reader.loads[block.index])
            for load in loads:
                self._look(reader, load)

    def _reader(self, holder: Holder) -> _Reader:
        if holder not in self._readers:
            name, streams = f"gateway/{holder.number}", holder.view.client.streams
            store = self._scenario.store
            replica = fixed_replica(store, name, streams, gateway=holder.number)
            assert replica is not None
            if not self._arrivals:
                self._arrivals = [
                    _Arrivals(Queries(self._scenario, query_class, streams), query_class)
                    for query_class in self._scenario.queries
                ]
            self._readers[holder] = _Reader(holder, replica)
        return self._readers[holder]

    def _look(self, reader: _Reader, load: _Load) -> None:
        """See what the block lacks, and let the reader sync after the next query that misses it."""
        n_data = reader.holder.view.client.store.catalog.meta_object
        absences = [] if load.block.resolution else _absences(load.block, n_data, reader.replica)
        later = [absent for absent in absences if absent[1] > load.since_us]
        _call_off(load)
        if later:
            reader.lacking[load] = later
            self._await(reader, load)
        else:
            reader.lacking.pop(load, None)

    def _await(self, reader: _Reader, load: _Load) -> None:
        _call_off(load)
        if reader.is_syncing or not reader.is_serving:
            return
        horizon_us = self._scenario.horizon_us
        rested_us = self._rested_us.get(reader.holder.number, 0)
        ends_us = min(
            arrivals.first_end_us(load, min(back_us, horizon_us), max(absent_us, rested_us))
            for absent_us, back_us in reader.lacking[load]
            for arrivals in self._arrivals
        )
        if ends_us < horizon_us:
            kernel = reader.holder.kernel
            steps = self._synced(reader, load)
            process = kernel.spawn(steps, at_us=ends_us + 1, phase=Phase.GATEWAY)
            load.stop = partial(kernel.stop, process)

    def _synced(self, reader: _Reader, load: _Load) -> Steps:
        if reader.is_syncing:
            return
        reader.is_syncing, reader.stop, load.stop = True, load.stop, None
        yield from reader.holder.sync_again()
        reader.is_syncing, reader.stop = False, None
        now_us = reader.holder.kernel.now_us
        self._rested_us[reader.holder.number] = now_us + self._rest_us
        for lacking in reader.lacking:
            self._await(reader, lacking)


class _Arrivals:
    """The queries of a class, of which a stretch is at hand."""

    def __init__(self, queries: Queries, spec: QueryClass) -> None:
        self._queries = queries
        self._spec = spec
        self._stretch_us = int(_AT_HAND / spec.rate_per_s * US_PER_S) + 1 if spec.rate_per_s else 0
        self._at_hand = (0, 0)
        self._number = 0
        self._at_us = np.zeros(0, np.int64)

    def first_end_us(self, load: _Load, until_us: int, least_us: int) -> int:
        """When a query first ends, at ``least_us`` or later, that reads a block; else NEVER.

        It arrives before ``until_us``.
        """
        block, longest_us = load.block, self._spec.takes.longest_us
        low, high = reach(self._spec, np.array([block.min_us]), np.array([block.max_us]))
        start_us = int(max(low[0], load.since_us, least_us - longest_us))
        until_us = min(int(high[0]), load.until_us, until_us)
        first_us = NEVER
        while self._stretch_us and start_us < min(until_us, first_us):
            number, at_us = self._from(start_us)
            end_us = min(self._at_hand[1], until_us)
            at_us = at_us[: np.searchsorted(at_us, end_us)]
            query = np.arange(number, number + at_us.size, dtype=np.int64)
            ends_us = at_us + self._queries.takes_us(query)
            late = ends_us >= least_us
            query, ends_us = query[late], ends_us[late]
            asks = self._queries.asks_for(query, np.full(query.size, block.stream))
            first_us = min(first_us, int(ends_us[asks].min(initial=NEVER)))
            start_us = end_us
        return first_us

    def _from(self, start_us: int) -> tuple[int, Ints]:
        """Arrivals from an instant to the end of what is at hand, and the number of the first."""
        if not self._at_hand[0] <= start_us < self._at_hand[1]:
            self._at_hand = (start_us, start_us + self._stretch_us)
            self._number, self._at_us = self._queries.arrivals_within(*self._at_hand)
        first = int(np.searchsorted(self._at_us, start_us))
        return self._number + first, self._at_us[first:]


def _absences(block: Block, n_data: int, replica: int) -> list[tuple[int, int]]:
    """When a replica lacks one of the chunks of a block, or its index, each once."""
    spans = set()
    for versions in block.history[:n_data]:
        seen = [(v.is_put, v.ack_us if v.get is None else v.get[replica]) for v in versions]
        spans.update(hidden_spans(seen))
    return sorted(spans)


def _call_off(load: _Load) -> None:
    if load.stop is not None:
        load.stop()
        load.stop = None
