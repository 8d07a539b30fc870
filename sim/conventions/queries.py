"""What the queries of a class ask for, and when (``SEMANTICS.md`` Q1-Q3).

Queries of a class are numbered from 0 in order of arrival over [0, horizon). What chance decides
about one is drawn from its number, so judges, and a world that must know the next query that
touches a block, see the same queries.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sim.core.arrivals import (
    arrival_batches,
    arrivals,
    arrivals_within,
    bits_of_one,
    choose,
    choose_bits,
)
from sim.core.streams import Stream, Streams
from sim.scenario.schema import QueryClass, Scenario

Ints = npt.NDArray[np.int64]


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


class StreamSets:
    """Sets of streams, a row of ``bits`` each, as `choose_bits` returns them."""

    def __init__(self, bits: npt.NDArray[np.uint64]) -> None:
        # One word is the rule, and a column of them costs less than rows of one.
        self._bits = bits[:, 0] if bits.shape[1] == 1 else bits

    def meet(self, row: Ints, others: "StreamSets", other: Ints) -> npt.NDArray[np.bool_]:
        """Whether each set of ``row`` shares a stream with that of ``others`` beside it."""
        shared: npt.NDArray[np.bool_] = (self._bits[row] & others._bits[other]) != 0
        return shared if shared.ndim == 1 else np.any(shared, axis=1)


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
        return takes.draw_many_us(self.takes_uniforms(query))

    def takes_uniforms(self, query: Ints) -> npt.NDArray[np.float64]:
        """The uniform from which each draws how long it takes, shape as ``query``."""
        return self._stream("takes").at_many(query)

    @property
    def asks_for_all(self) -> bool:
        """Whether each asks for every stream."""
        return self._n_asked == self._n_streams

    def streams_of(self, query: int) -> tuple[int, ...]:
        """The streams that a query asks for, ascending."""
        draws, one = self._stream("streams"), np.array([query])
        return tuple(choose(draws, one, self._n_streams, self._n_asked)[0].tolist())

    def stream_sets(self, query: Ints) -> StreamSets:
        """The streams that each of the queries asks for."""
        draws = self._stream("streams")
        return StreamSets(choose_bits(draws, query, self._n_streams, self._n_asked))

    def asks_for(self, query: Ints, stream: Ints) -> npt.NDArray[np.bool_]:
        """Whether each query asks for the stream beside it; drawn anew where one comes again."""
        if self.asks_for_all:
            return np.ones(query.size, np.bool_)
        every, alone = np.arange(query.size), StreamSets(bits_of_one(stream, self._n_streams))
        return self.stream_sets(query).meet(every, alone, every)

    def replica(self, query: int, gateway: int, key: str, candidates: range) -> int:
        """The replica from which a query reads an object at a gateway that draws one per read."""
        draw = self._streams.uniform("query", self._class.name, query, gateway, key)
        return candidates[int(draw * len(candidates))]

    def _stream(self, purpose: str) -> Stream:
        return self._streams.stream("query", self._class.name, purpose)
