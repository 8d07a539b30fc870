"""What the queries of a class ask for, and when (``SEMANTICS.md`` Q1-Q3).

Queries of a class are numbered from 0 in order of arrival over [0, horizon). What chance decides
about one is drawn from its number, so judges, and a world that must know the next query that
touches a block, see the same queries.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from sim.core.arrivals import arrival_batches, arrivals, arrivals_within, choose
from sim.core.streams import Stream, Streams
from sim.scenario.schema import QueryClass, Scenario

Ints = npt.NDArray[np.int64]

_DRAWN_AT_ONCE: Final = 1 << 22
"""Streams that are drawn together, 8 bytes each."""


def n_asked(scenario: Scenario, query_class: QueryClass) -> int:
    """Streams that one query asks for."""
    streams = query_class.streams
    return scenario.producers.count if streams == "all" else int(streams)


def reach(query_class: QueryClass, min_us: Ints, max_us: Ints) -> tuple[Ints, Ints]:
    """Arrivals [start, end) of queries whose range intersects data of [min_us, max_us)."""
    return (
        min_us + query_class.offset_us + 1,
        max_us + query_class.offset_us + query_class.range_us,
    )


class Queries:
    """The queries of one class in one trial; ``streams`` are the trial's."""

    def __init__(self, scenario: Scenario, query_class: QueryClass, streams: Streams) -> None:
        self._horizon_us = scenario.horizon_us
        self._class = query_class
        self._streams = streams
        self._n_streams = scenario.producers.count
        self._n_asked = n_asked(scenario, query_class)

    def arrivals(self) -> Ints:
        """When each arrives, in µs, ascending: shape (number of queries,)."""
        return arrivals(self._stream("arrivals"), self._class.rate_per_s, self._horizon_us)

    def arrival_batches(self) -> Iterator[Ints]:
        """The same piece by piece, for horizons that do not fit memory."""
        return arrival_batches(self._stream("arrivals"), self._class.rate_per_s, self._horizon_us)

    def arrivals_within(self, start_us: int, end_us: int) -> tuple[int, Ints]:
        """Those that lie in [start_us, end_us), and the number of the first."""
        stream, rate_per_s = self._stream("arrivals"), self._class.rate_per_s
        return arrivals_within(stream, rate_per_s, self._horizon_us, start_us, end_us)

    def takes_us(self, query: Ints) -> Ints:
        """How long each of the queries takes, shape as ``query``."""
        takes = self._class.takes
        if takes.is_constant:
            return np.full(query.size, takes.draw_us(0.5), np.int64)
        return takes.draw_many_us(self._stream("takes").at_many(query))

    def asks_for(self, query: Ints, stream: Ints) -> npt.NDArray[np.bool_]:
        """Whether each query asks for the stream beside it."""
        if self._n_asked == self._n_streams or not query.size:
            return np.ones(query.size, np.bool_)
        draws, asked = self._stream("streams"), np.empty(query.size, np.bool_)
        # Query by query, in portions: each of them draws all of its streams.
        order, at_once = np.argsort(query, kind="stable"), max(1, _DRAWN_AT_ONCE // self._n_asked)
        for low in range(0, query.size, at_once):
            here = order[low : low + at_once]
            unique, position = np.unique(query[here], return_inverse=True)
            drawn = choose(draws, unique, self._n_streams, self._n_asked)
            asked[here] = (drawn[position] == stream[here][:, None]).any(axis=1)
        return asked

    def replica(self, query: int, gateway: int, key: str, candidates: range) -> int:
        """The replica from which a query reads an object at a gateway that draws one per read."""
        draw = self._streams.uniform("query", self._class.name, query, gateway, key)
        return candidates[int(draw * len(candidates))]

    def _stream(self, purpose: str) -> Stream:
        return self._streams.stream("query", self._class.name, purpose)
