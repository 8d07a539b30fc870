"""When the caches of gateways serve chunks that are gone (``SEMANTICS.md`` G9).

Which chunks are remembered depends on the queries before, and on those of the class alone that
were drawn; the few that fill a cache are looked for one by one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

import numpy as np

from sim.analysis.intervals import EMPTY, Ints, Spans, complement, intersect, merge, subtract
from sim.analysis.queries.uses import uses
from sim.conventions.placement import fixed_replica
from sim.conventions.queries import Queries
from sim.core.units import NEVER, US_PER_S
from sim.scenario.schema import QueryClass, Scenario
from sim.trace.timelines import Timelines

__all__ = ["RememberedChunks"]

_LOOKED_AT: Final = 1_024
"""Arrivals that are expected in the first stretch of time that is looked through."""


class RememberedChunks:
    """What queries of one class find in the caches of gateways.

    Parameters
    ----------
    scenario : Scenario
        Each of its gateways has a cache of its own, and reads one replica.
    timelines : Timelines
    query_class : QueryClass
    lifetime_us : int
        How long chunks are remembered.
    """

    def __init__(
        self, scenario: Scenario, timelines: Timelines, query_class: QueryClass, lifetime_us: int
    ) -> None:
        streams = scenario.streams(timelines.seed)
        self._timelines = timelines
        self._lifetime_us = lifetime_us
        self._rate_per_s = query_class.rate_per_s
        self._queries = Queries(scenario, query_class, streams)
        self._used = uses(timelines, query_class, timelines.loads.drop_us)
        self._replicas = [
            fixed_replica(scenario.store, f"gateway/{g}", streams, gateway=g)
            for g in range(timelines.n_gateways)
        ]

    def seen(
        self, load: Ints, object_index: Ints, start_us: Ints, end_us: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """What queries see of absences that they would meet, rows (n,), were there no cache.

        Returns
        -------
        row, start_us, end_us : arrays of int64
            Per piece of a row that is left: its number, and the arrivals [start, end).
        """
        loads = self._timelines.loads
        is_chunk = object_index < self._timelines.objects.index
        hidden: dict[tuple[int, int], Spans] = {}
        rows, starts, ends = [], [], []
        for row in range(load.size):
            left = merge(start_us[row : row + 1], end_us[row : row + 1])
            if is_chunk[row]:
                key = (int(loads.gateway[load[row]]), int(loads.block[load[row]]))
                if key not in hidden:
                    hidden[key] = self._served(*key)
                left = subtract(left, hidden[key])
            rows.append(np.full(left.start.size, row))
            starts.append(left.start)
            ends.append(left.end)
        none = np.zeros(0, np.int64)
        row_of, start, end = (np.concatenate([none, *column]) for column in (rows, starts, ends))
        return row_of, start, end

    def _served(self, gateway: int, block: int) -> Spans:
        """Arrivals that the cache of a gateway serves with the chunks of a block."""
        timelines = self._timelines
        downs, stream = timelines.downs, int(timelines.blocks.stream[block])
        down_us = [*np.sort(downs.start_us[downs.gateway == gateway]).tolist(), NEVER]
        filling = self._filling(gateway, block)
        start, end, at_us = [], [], 0
        while asking := self._asking(filling, stream, at_us):
            place = 0
            while place < len(asking):
                fill_us = asking[place]
                at_us = min(fill_us + self._lifetime_us, down_us[bisect_right(down_us, fill_us)])
                start.append(fill_us + 1)
                end.append(at_us)
                place = bisect_left(asking, at_us, place)
        return merge(np.array(start, np.int64), np.array(end, np.int64))

    def _filling(self, gateway: int, block: int) -> Spans:
        """Arrivals that use a block at a gateway while it can read all of its chunks."""
        timelines, used = self._timelines, self._used
        loads = timelines.loads
        mine = (loads.gateway[used.load] == gateway) & (loads.block[used.load] == block)
        asked = merge(used.start_us[mine], used.end_us[mine])
        if not asked.start.size:
            return EMPTY
        absences = timelines.absences.of(block)
        gone = absences.replica == self._replicas[gateway]
        gone &= absences.object < timelines.objects.index
        span = (int(asked.start[0]), int(asked.end[-1]))
        absent = merge(
            np.clip(absences.start_us[gone], *span), np.clip(absences.end_us[gone], *span)
        )
        return intersect(asked, complement(absent, *span))

    def _asking(self, filling: Spans, stream: int, from_us: int) -> list[int]:
        """The next arrivals, of some and from an instant on, that ask for a stream."""
        for start_us, end_us in _pieces(filling, from_us, self._rate_per_s):
            number, at_us = self._queries.arrivals_within(start_us, end_us)
            query = np.arange(number, number + at_us.size, dtype=np.int64)
            asking = at_us[self._queries.asks_for(query, np.full(query.size, stream))]
            if asking.size:
                found: list[int] = asking.tolist()
                return found
        return []


def _pieces(spans: Spans, from_us: int, rate_per_s: float) -> Iterator[tuple[int, int]]:
    """Stretches of what of the spans lies behind an instant, each twice as long as the last."""
    length_us = int(_LOOKED_AT / rate_per_s * US_PER_S) + 1 if rate_per_s else 0
    for start_us, end_us in zip(spans.start.tolist(), spans.end.tolist(), strict=True):
        begin_us = max(start_us, from_us)
        while begin_us < end_us and length_us:
            yield begin_us, min(begin_us + length_us, end_us)
            begin_us += length_us
            length_us *= 2
