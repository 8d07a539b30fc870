"""When queries of a class use a block that a gateway has loaded (``SEMANTICS.md`` Q2).

With one resolution allowed that is whenever their range meets the block. Else they use a block only
for time that the coarser ones leave between them. What they leave is a set of *gaps*; it is
constant while a gateway neither loads nor drops one of them, and as a rule the same for every
query. Only where coarse blocks overlap does a gap also depend on where the range begins.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints, merge_groups
from sim.conventions.queries import reach
from sim.core.arrays import pairs
from sim.core.objects import RESOLUTIONS
from sim.core.units import NEVER
from sim.scenario.schema import QueryClass
from sim.trace.timelines import Timelines

__all__ = ["Uses", "uses"]

_ROWS_MAX: Final = 1 << 18
"""Rows that are looked at together, to bound memory."""

_FAR: Final = 2**61
"""Beyond every time, in µs, and small enough to be added to one."""


class Uses(NamedTuple):
    """Rows (n,): queries arriving in [start_us, end_us) use what row ``load`` of the table says.

    No row is empty, and those of one load are disjoint.
    """

    load: Ints
    start_us: Ints
    end_us: Ints

    def clipped(self, start_us: Ints | int, end_us: Ints | int) -> "Uses":
        """What of each row lies in [start_us, end_us), of each its own or the same for all."""
        start, end = np.maximum(self.start_us, start_us), np.minimum(self.end_us, end_us)
        keep = end > start
        return Uses(self.load[keep], start[keep], end[keep])


class _Gaps(NamedTuple):
    """[low_us, high_us) is left of a piece of time to finer blocks.

    It is so for queries whose range begins in [from_us, to_us).
    """

    piece: Ints
    low_us: Ints
    high_us: Ints
    from_us: Ints
    to_us: Ints

    def where(self, keep: Ints | npt.NDArray[np.bool_]) -> "_Gaps":
        """Some of the rows."""
        return _Gaps(*(column[keep] for column in self))


def uses(
    timelines: Timelines,
    query_class: QueryClass,
    until_us: Ints,
    within_us: tuple[int, int] = (-_FAR, _FAR),
) -> Uses:
    """When queries of a class use the rows of the load table.

    Parameters
    ----------
    timelines : Timelines
    query_class : QueryClass
    until_us : int64 array of shape (n_loads,)
        Until when each load counts, for example ``loads.drop_us``.
    within_us : tuple of int
        Arrivals [start, end) that matter.

    They are in no order.
    """
    loads, blocks = timelines.loads, timelines.blocks
    allowed = RESOLUTIONS.index(query_class.max_resolution)
    resolution = blocks.resolution[loads.block]
    rows = np.flatnonzero((resolution <= allowed) & (loads.load_us < until_us))
    coarse = rows[resolution[rows] > 0]
    if not coarse.size:
        return _whole(timelines, query_class, until_us, within_us, rows)
    beside = _Beside(timelines, until_us, rows, coarse)
    cut = np.unique(beside.fine)
    rows = np.setdiff1d(rows, cut) if cut.size else rows
    plain = _whole(timelines, query_class, until_us, within_us, rows)
    if not cut.size:
        return plain
    parts = _Pieces(timelines, query_class, until_us, beside, allowed).uses().clipped(*within_us)
    return Uses(*(np.concatenate(columns) for columns in zip(plain, parts, strict=True)))


def _whole(
    timelines: Timelines, spec: QueryClass, until_us: Ints, within_us: tuple[int, int], rows: Ints
) -> Uses:
    """When queries use rows of which coarser blocks take nothing."""
    loads, blocks = timelines.loads, timelines.blocks
    found, end = Uses(*(np.empty(rows.size, np.int64) for _ in range(3))), 0
    for first in range(0, rows.size, _ROWS_MAX):
        some = rows[first : first + _ROWS_MAX]
        block = loads.block[some]
        asked = Uses(some, *reach(spec, blocks.min_us[block], blocks.max_us[block]))
        used = asked.clipped(loads.load_us[some], until_us[some]).clipped(*within_us)
        for column, part in zip(found, used, strict=True):
            column[end : end + part.size] = part
        end += used.load.size
    return Uses(*(column[:end] for column in found))


class _Beside:
    """Which coarse loads matter to which finer ones, at the same gateway and time.

    Rows ``fine`` and ``coarse`` (n,) of the load table, sorted by ``fine``. A finer load that no
    coarser block meets has no row; of the others all coarse blocks that meet them are there, and
    those that may overlap these (:meth:`_near`).
    """

    def __init__(self, timelines: Timelines, until_us: Ints, rows: Ints, coarse: Ints) -> None:
        loads, blocks = timelines.loads, timelines.blocks
        block = loads.block
        self._min_us, self._max_us = blocks.min_us[block], blocks.max_us[block]
        self._resolution = blocks.resolution[block]
        n_streams = int(blocks.stream.max(initial=0)) + 1
        self._place = loads.gateway * n_streams + blocks.stream[block]
        self._load_us, self._until_us = loads.load_us, until_us
        self.fine = self.coarse = np.empty(0, np.int64)
        fine = rows[self._resolution[rows] < self._resolution[coarse].max(initial=0)]
        fine = fine[self._until_us[fine] > self._first_us(fine, coarse)]
        if fine.size:
            self.fine, self.coarse = self._near(*self._pairs(fine, coarse))

    def _first_us(self, fine: Ints, coarse: Ints) -> Ints:
        """When the first coarse block that ends later than each finer one was loaded there."""
        if not coarse.size:
            return np.full(fine.size, NEVER)
        coarse = coarse[np.lexsort((self._max_us[coarse], self._place[coarse]))]
        instants, rank = np.unique(self._load_us[coarse], return_inverse=True)
        # Every place has its own stretch of ranks, so that the least does not reach another.
        width = instants.size
        least = np.minimum.accumulate((rank + self._place[coarse] * width)[::-1])[::-1]
        at = _search(
            self._place[coarse], self._max_us[coarse], self._place[fine], self._min_us[fine]
        )
        at = np.minimum(at, coarse.size - 1)
        same = (self._place[coarse[at]] == self._place[fine]) & (
            self._max_us[coarse[at]] > self._min_us[fine]
        )
        return np.where(same, instants[least[at] % width], NEVER)

    def _pairs(self, fine: Ints, coarse: Ints) -> tuple[Ints, Ints]:
        """Finer loads beside coarser ones that are not far, loaded at the same time."""
        coarse = coarse[np.lexsort((self._min_us[coarse], self._place[coarse]))]
        far_us = 3 * int((self._max_us[coarse] - self._min_us[coarse]).max())
        ordered = (self._place[coarse], self._min_us[coarse])
        first = _search(*ordered, self._place[fine], self._min_us[fine] - far_us)
        last = _search(*ordered, self._place[fine], self._max_us[fine] - 1)
        left, right = pairs(first, last)
        left, right = fine[left], coarse[right]
        keep = (
            (self._resolution[right] > self._resolution[left])
            & (self._load_us[right] < self._until_us[left])
            & (self._load_us[left] < self._until_us[right])
        )
        return left[keep], right[keep]

    def _near(self, fine: Ints, coarse: Ints) -> tuple[Ints, Ints]:
        """Leave out finer loads that no coarse block meets, and coarse ones too far to matter.

        A coarse block that ends before the finer one matters if it lies within one that does not,
        for the gap begins again at its end; so, too, for those in whose gaps it lies itself.
        """
        meets = np.zeros(self._min_us.size, np.bool_)
        meets[fine[self._max_us[coarse] > self._min_us[fine]]] = True
        fine, coarse = fine[meets[fine]], coarse[meets[fine]]
        low_us = self._min_us.copy()
        for _ in RESOLUTIONS[1:]:
            near = self._max_us[coarse] > low_us[fine]
            reached = low_us.copy()
            np.minimum.at(reached, fine[near], self._min_us[coarse[near]])
            low_us = reached
        near = self._max_us[coarse] > low_us[fine]
        fine, coarse = fine[near], coarse[near]
        order = np.argsort(fine, kind="stable")
        return fine[order], coarse[order]


class _Pieces:
    """Stretches of time in which no coarse block beside a finer load comes or goes."""

    def __init__(
        self,
        timelines: Timelines,
        query_class: QueryClass,
        until_us: Ints,
        beside: _Beside,
        allowed: int,
    ) -> None:
        loads, blocks = timelines.loads, timelines.blocks
        self._query_class = query_class
        self._allowed = allowed
        load_us = loads.load_us
        fine, coarse = beside.fine, beside.coarse
        own = np.unique(fine)
        at_us = np.concatenate([load_us[own], until_us[own], load_us[coarse], until_us[coarse]])
        whose = np.concatenate([own, own, fine, fine])
        at_us = np.clip(at_us, load_us[whose], until_us[whose])
        order = np.lexsort((at_us, whose))
        whose, at_us = whose[order], at_us[order]
        same = (whose[1:] == whose[:-1]) & (at_us[1:] > at_us[:-1])
        self._load = whose[:-1][same]
        self._start_us, self._end_us = at_us[:-1][same], at_us[1:][same]
        first = np.searchsorted(fine, self._load, side="left")
        last = np.searchsorted(fine, self._load, side="right")
        piece, row = pairs(first, last)
        there = (load_us[coarse[row]] <= self._start_us[piece]) & (
            until_us[coarse[row]] > self._start_us[piece]
        )
        piece, block = piece[there], loads.block[coarse[row[there]]]
        min_us, max_us = blocks.min_us[block], blocks.max_us[block]
        order = np.lexsort((max_us, min_us, piece))
        self._coarse = piece[order], min_us[order], max_us[order]
        self._coarse_resolution = blocks.resolution[block[order]]
        own_block = loads.block[self._load]
        self._min_us, self._max_us = blocks.min_us[own_block], blocks.max_us[own_block]
        self._resolution = blocks.resolution[own_block]

    def uses(self) -> Uses:
        """When queries use the finer loads."""
        n = self._load.size
        everything = [np.full(n, value) for value in (-_FAR, _FAR, -_FAR, _FAR)]
        gaps = _Gaps(np.arange(n), *everything)
        for resolution in range(self._allowed, 0, -1):
            # A block leaves gaps to finer ones alone.
            finer = self._resolution[gaps.piece] < resolution
            inner = self._within(gaps.where(finer), self._left_by(resolution))
            gaps = _Gaps(*(np.concatenate(c) for c in zip(gaps.where(~finer), inner, strict=True)))
        piece, spec = gaps.piece, self._query_class
        start, end = reach(
            spec,
            np.maximum(gaps.low_us, self._min_us[piece]),
            np.minimum(gaps.high_us, self._max_us[piece]),
        )
        begins_us = spec.offset_us + spec.range_us
        start = np.maximum(np.maximum(start, self._start_us[piece]), gaps.from_us + begins_us)
        end = np.minimum(np.minimum(end, self._end_us[piece]), gaps.to_us + begins_us)
        return Uses(*merge_groups(self._load[piece], start, end))

    def _within(self, gaps: _Gaps, left: _Gaps) -> _Gaps:
        """Gaps that blocks leave in what coarser ones left."""
        first = np.searchsorted(left.piece, gaps.piece, side="left")
        last = np.searchsorted(left.piece, gaps.piece, side="right")
        outer, inner = pairs(first, last)
        gaps, left = gaps.where(outer), left.where(inner)
        # To the finer blocks a range begins where the gap does, or later.
        later = np.where(left.from_us > gaps.low_us, left.from_us, -_FAR)
        found = _Gaps(
            gaps.piece,
            np.maximum(gaps.low_us, left.low_us),
            np.minimum(gaps.high_us, left.high_us),
            np.maximum(gaps.from_us, later),
            np.where(left.to_us > gaps.low_us, np.minimum(gaps.to_us, left.to_us), -_FAR),
        )
        own_min, own_max = self._min_us[found.piece], self._max_us[found.piece]
        is_met = np.maximum(found.low_us, own_min) < np.minimum(found.high_us, own_max)
        return found.where(is_met & (found.from_us < found.to_us))

    def _left_by(self, resolution: int) -> _Gaps:
        """What the blocks of one resolution leave of each piece, sorted by piece.

        Before each of them, and after the last, a gap begins at the end of the nearest earlier
        block that the range reaches; that is another one the further on the range begins.
        """
        mine = self._coarse_resolution == resolution
        piece, min_us, max_us = (column[mine] for column in self._coarse)
        bare = np.setdiff1d(np.arange(self._load.size), piece)
        is_first = np.ones(piece.size, np.bool_)
        is_first[1:] = piece[1:] != piece[:-1]
        is_last = np.append(is_first[1:], True)[: piece.size]
        until_us = np.where(is_last, _FAR, np.roll(min_us, -1))
        first = np.flatnonzero(is_first)
        rows = [
            (bare, *(np.full(bare.size, value) for value in (-_FAR, _FAR, -_FAR, _FAR))),
            (
                piece[first],
                np.full(first.size, -_FAR),
                min_us[first],
                *(np.full(first.size, value) for value in (-_FAR, _FAR)),
            ),
        ]
        longer = _nearest_longer(piece, max_us)
        before = block = np.arange(piece.size)
        from_us = np.full(piece.size, -_FAR)
        while block.size:
            further = longer[before] >= 0
            to_us = np.where(further, max_us[before], _FAR)
            rows.append((piece[block], max_us[before], until_us[block], from_us, to_us))
            from_us = max_us[before[further]]
            before, block = longer[before[further]], block[further]
        found = _Gaps(*(np.concatenate(columns) for columns in zip(*rows, strict=True)))
        found = found.where(found.low_us < found.high_us)
        return found.where(np.argsort(found.piece, kind="stable"))


def _search(groups: Ints, values: Ints, group: Ints, value: Ints) -> Ints:
    """Where among rows sorted by (group, value) the first beyond each (group, value) stands."""
    known, rank = np.unique(np.concatenate([values, value]), return_inverse=True)
    width = known.size
    ordered = groups * width + rank[: values.size]
    at = np.searchsorted(ordered, group * width + rank[values.size :], side="right")
    return at.astype(np.int64)


def _nearest_longer(piece: Ints, max_us: Ints) -> Ints:
    """The nearest row before each, of the same piece, that ends later; -1 without any."""
    found = np.arange(-1, piece.size - 1)
    while True:
        found = np.where((found >= 0) & (piece[found] == piece), found, -1)
        short = (found >= 0) & (max_us[found] <= max_us)
        if not short.any():
            return found
        found = found - short
