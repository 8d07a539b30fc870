"""Queries that found an object gone and were tried again once their gateway had synced.

What they do to a gateway is in the trace; what became of them is judged here, for those that were
drawn (``SEMANTICS.md`` D12).
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints
from sim.analysis.queries.every_stream import gateway_bits, gateways_of
from sim.analysis.queries.exposure import Exposure
from sim.conventions.queries import Queries, reach
from sim.core.arrays import pairs
from sim.core.units import NEVER
from sim.trace.timelines import EVERY

__all__ = ["Arrived", "Retries"]

_NONE: Final = -1


class Arrived(NamedTuple):
    """Queries of a class, ascending: ``query`` is their number, counted from 0."""

    query: Ints
    at_us: Ints
    takes_us: Ints

    def some(self, rows: Ints) -> "Arrived":
        """Those of some rows."""
        return Arrived(*(column[rows] for column in self))


class Retries:
    """The second tries of queries.

    Parameters
    ----------
    exposure : Exposure
        Of their class.
    queries : Queries
        What they ask for.
    arrived : Arrived
        Those that found an object gone.
    failing : array of shape (n,)
        Bit sets of the gateways that fail each of them whatever happens later.
    missed : array of shape (n,)
        Bit sets of the others at which it found an object gone.

    Attributes
    ----------
    failing : array of shape (n,)
        Bit sets of the gateways that fail each query in the end.
    """

    def __init__(
        self,
        exposure: Exposure,
        queries: Queries,
        arrived: Arrived,
        failing: npt.NDArray[Any],
        missed: npt.NDArray[Any],
    ) -> None:
        self._exposure = exposure
        self._queries = queries
        self._arrived = arrived
        n_gateways = exposure.timelines.n_gateways
        self._again_us = np.full((arrived.query.size, n_gateways), _NONE)
        self.failing = failing.copy()
        for gateway in range(n_gateways):
            bit = gateway_bits(np.array([gateway]))[0]
            rows = np.flatnonzero((missed & bit) != 0)
            again_us = self._answered_us(gateway, arrived.some(rows))
            self._again_us[rows, gateway] = again_us
            lost = rows[again_us == _NONE]
            self.failing[lost] = self.failing[lost] | bit

    def missing(self) -> npt.NDArray[np.bool_]:
        """Whether data that should be there is in no answer, first or second."""
        lost = np.zeros(self._arrived.query.size, np.bool_)
        if not lost.size:
            return lost
        tries, which = np.unique(self._again_us, axis=0, return_inverse=True)
        for number, again_us in enumerate(tries.tolist()):
            same = which.reshape(-1) == number
            for mask in np.unique(self.failing[same]).tolist():
                left_out = gateways_of(mask)
                if left_out and self._exposure.rule.failing_decides:
                    continue
                rows = np.flatnonzero(same & (self.failing == mask))
                lost[rows] = self._lacks(self._arrived.some(rows), left_out, again_us)
        return lost

    def _answered_us(self, gateway: int, arrived: Arrived) -> Ints:
        """When the second try of each begins that a gateway answers; -1 of one that fails."""
        retries, downs = self._exposure.timelines.retries, self._exposure.timelines.downs
        ends_us = np.append(retries.at_us[retries.gateway == gateway], NEVER)
        # A sync begins, or is waited for, in the microsecond after a query has read all.
        noticed_us = arrived.at_us + arrived.takes_us
        place = np.searchsorted(ends_us, noticed_us + 1)
        rested_us = np.append(ends_us[:-1] + self._exposure.apart_us, 0)[place - 1]
        again_us = np.where(noticed_us < rested_us, NEVER, ends_us[place])
        down_us = np.append(np.sort(downs.start_us[downs.gateway == gateway]), NEVER)
        lost_us = down_us[np.searchsorted(down_us, arrived.at_us, side="right")]
        until_us = np.where(again_us < NEVER, again_us + arrived.takes_us, NEVER)
        again_us = np.where(lost_us > until_us, again_us, _NONE)
        for instant_us in np.unique(again_us[again_us != _NONE]).tolist():
            rows = np.flatnonzero(again_us == instant_us)
            lost = self._meets_absence(gateway, instant_us, arrived.some(rows))
            again_us[rows[lost]] = _NONE
        return again_us

    def _loaded(self, gateway: int, at_us: int) -> Ints:
        """The raw blocks that a gateway answers from at an instant, ordinals."""
        loads, blocks = self._exposure.timelines.loads, self._exposure.timelines.blocks
        there = (loads.gateway == gateway) & (loads.load_us <= at_us) & (at_us < loads.drop_us)
        block = loads.block[there]
        found: Ints = block[blocks.resolution[block] == 0]
        return found

    def _meets_absence(
        self, gateway: int, again_us: int, arrived: Arrived
    ) -> npt.NDArray[np.bool_]:
        """Whether each query finds an object absent that it reads from ``again_us`` on."""
        timelines, lost = self._exposure.timelines, np.zeros(arrived.query.size, np.bool_)
        absences, blocks = timelines.absences, timelines.blocks
        replica = self._exposure.replica_of(gateway)
        rows = np.flatnonzero(
            np.isin(absences.block, self._loaded(gateway, again_us))
            & ((absences.replica == replica) | (absences.replica == EVERY))
            & (absences.end_us > again_us)
            & (absences.start_us <= again_us + int(arrived.takes_us.max()))
        )
        block = absences.block[rows]
        low, high = reach(self._exposure.query_class, blocks.min_us[block], blocks.max_us[block])
        for row, start_us, end_us in zip(rows.tolist(), low.tolist(), high.tolist(), strict=True):
            meets = (start_us <= arrived.at_us) & (arrived.at_us < end_us)
            meets &= absences.start_us[row] <= again_us + arrived.takes_us
            stream = np.full(arrived.query.size, blocks.stream[absences.block[row]])
            lost |= meets & self._queries.asks_for(arrived.query, stream)
        return lost

    def _lacks(
        self, arrived: Arrived, failing: frozenset[int], again_us: list[int]
    ) -> npt.NDArray[np.bool_]:
        """Which of the queries lack data if some gateways fail and some answer at another time."""
        answering = {g for g, t_us in enumerate(again_us) if t_us != _NONE}
        pieces = self._exposure.unserved(failing | answering)
        again = [self._held(self._loaded(g, again_us[g])) for g in sorted(answering)]
        served = np.isin(self._held(pieces.stream), np.concatenate([*again, np.zeros(0, np.int64)]))
        need, start_us, end_us, _ = (column[~served] for column in pieces)
        first, last = (np.searchsorted(arrived.at_us, edge) for edge in (start_us, end_us))
        piece, row = pairs(first.astype(np.int64), last.astype(np.int64))
        stream = self._exposure.timelines.blocks.stream[need[piece]]
        asks = self._queries.asks_for(arrived.query[row], stream)
        lost = np.zeros(arrived.query.size, np.bool_)
        lost[row[asks]] = True
        return lost

    def _held(self, block: Ints) -> Ints:
        """Names of the level-1 data in blocks, one after the other, as numbers."""
        blocks = self._exposure.timelines.blocks
        width = int(blocks.data_ordinal.max(initial=0)) + 1
        row, member = pairs(blocks.data_ptr[block], blocks.data_ptr[block + 1])
        return blocks.stream[block[row]] * width + blocks.data_ordinal[member]
