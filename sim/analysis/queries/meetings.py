"""Which of many drawn queries meet something: an absent object, or data that is missing.

Streams and durations are drawn only of queries that arrive where they may meet something. A draw
is named by the number of its query, so that none depends on which others are made.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints, Spans, merge, merge_groups
from sim.conventions.queries import Queries, StreamSets
from sim.core.arrays import pairs
from sim.core.arrivals import bits_of_one
from sim.core.law import Law

__all__ = ["Meetings", "Rows"]

_AT_ONCE: Final = 2_000_000
"""Meetings that are looked at together, so that memory stays small."""
_UNIFORMS: Final = (1.0 - 2.0**-5, 1.0 - 2.0**-11, 1.0 - 2.0**-53)
"""Where durations are cut: the few long ones come from far, the many short ones do not."""


class Rows(NamedTuple):
    """Rows (n,): what queries of ``stream`` meet that arrive in [start_us, end_us).

    They do so if reading has not ended before ``absent_us``: t + takes >= absent_us. ``what`` is a
    number >= 0 by which the caller knows it.
    """

    what: Ints
    stream: Ints
    start_us: Ints
    end_us: Ints
    absent_us: Ints

    def where(self, keep: npt.NDArray[np.bool_] | Ints) -> "Rows":
        """Some of the rows."""
        return Rows(*(column[keep] for column in self))


class _Slice(NamedTuple):
    """Durations of the uniforms [low, high), and the rows that no shorter ones are enough for.

    Queries that are that long, arrive in [start_us, end_us) of a row, and so in ``spans``, may
    meet it.
    """

    low: float
    high: float
    rows: Rows
    spans: Spans


class _Stretches(NamedTuple):
    """Stretches of time (n,) on which the same ``streams`` meet ``what``, whatever is drawn."""

    what: Ints
    streams: StreamSets
    start_us: Ints
    end_us: Ints


class Meetings:
    """What queries of one class meet.

    Parameters
    ----------
    queries : Queries
        Of the class.
    takes : Law
        How long they take.
    n_streams : int
        Streams that there are.
    rows : Rows
        What there is to meet.
    """

    def __init__(self, queries: Queries, takes: Law, n_streams: int, rows: Rows) -> None:
        self._queries = queries
        if queries.asks_for_all:
            rows, n_streams = rows._replace(stream=np.zeros_like(rows.stream)), 1
        shortest_us = takes.draw_us(0.5) if takes.is_constant else 0
        begin_us = np.maximum(rows.start_us, rows.absent_us - shortest_us)
        sure = merge_groups(rows.what * n_streams + rows.stream, begin_us, rows.end_us)
        what, stream = np.divmod(sure.group, n_streams)
        self._sure = _stretches(what, bits_of_one(stream, n_streams), sure.start, sure.end)
        self._alone = StreamSets(bits_of_one(np.arange(n_streams), n_streams))
        self._slices: list[_Slice] = []
        if not takes.is_constant:
            early = rows._replace(end_us=np.minimum(rows.end_us, rows.absent_us))
            self._slices = _slices(takes, _distinct(early))

    def of(self, query: Ints, at_us: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Say what each of some queries meets.

        Parameters
        ----------
        query : array of int64, shape (n,)
            Their numbers, ascending.
        at_us : array of int64, shape (n,)
            When they arrive.

        Yields
        ------
        what, position : array of int64
            Position in ``query``; a pair may come again.
        """
        if not at_us.size:
            return
        sure = self._sure
        here = np.flatnonzero((sure.end_us > at_us[0]) & (sure.start_us <= at_us[-1]))
        first, last = _members(at_us, sure.start_us[here], sure.end_us[here])
        late = self._late(query, at_us)
        asks = self._asking(query, first, last, late.position)
        for part in _portions(first, last):
            row, position = pairs(first[part], last[part])
            row = here[part[row]]
            yield from asks.met(_Pairs(sure.what[row], row, position), sure.streams)
        yield from asks.met(late, self._alone)

    def _late(self, query: Ints, at_us: Ints) -> "_Pairs":
        """What queries meet that come before it is absent, and read until then."""
        found = [_Pairs(*(np.zeros(0, np.int64) for _ in _Pairs._fields))]
        if self._slices:
            # The longest queries come from wherever any do.
            near = _inside(at_us, self._slices[-1].spans)
            uniforms = self._queries.takes_uniforms(query[near])
            for part in self._slices:
                those = near[(uniforms >= part.low) & (uniforms < part.high)]
                those = those[_inside(at_us[those], part.spans)]
                takes_us = self._queries.takes_us(query[those])
                found += _late_of(part.rows, those, at_us[those], takes_us)
        return _Pairs(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    def _asking(self, query: Ints, first: Ints, last: Ints, late: Ints) -> "_Asking":
        """What those queries ask for that are in any of [first, last), or late."""
        if self._queries.asks_for_all:
            return _Asking(None, late)
        is_needed = np.zeros(query.size, np.bool_)
        spans = merge(first, last)
        is_needed[pairs(*spans)[1]] = True
        is_needed[late] = True
        needed = np.flatnonzero(is_needed)
        place = np.empty(query.size, np.int64)
        place[needed] = np.arange(needed.size)
        return _Asking(self._queries.stream_sets(query[needed]), place)


class _Pairs(NamedTuple):
    """Pairs (n,): the query at ``position`` meets ``what``, if it asks for any of some streams.

    ``row`` says which: those of a stretch, or the stream of this number.
    """

    what: Ints
    row: Ints
    position: Ints


class _Asking(NamedTuple):
    """Streams that queries ask for, of each at its ``place``; without ``sets`` all."""

    sets: StreamSets | None
    place: Ints

    def met(self, found: _Pairs, streams: StreamSets) -> Iterator[tuple[Ints, Ints]]:
        """Those pairs (what, position) of which the query asks for any of the streams."""
        what, row, position = found
        if self.sets is not None:
            keep = self.sets.meet(self.place[position], streams, row)
            what, position = what[keep], position[keep]
        if what.size:
            yield what, position


def _late_of(rows: Rows, position: Ints, at_us: Ints, takes_us: Ints) -> list[_Pairs]:
    """What some queries meet that read until it is absent."""
    if not position.size:
        return []
    rows = rows.where((rows.end_us > at_us[0]) & (rows.start_us <= at_us[-1]))
    first, last = _members(at_us, rows.start_us, rows.end_us)
    until_us, found = at_us + takes_us, []
    for part in _portions(first, last):
        left, member = pairs(first[part], last[part])
        row = part[left]
        late = until_us[member] >= rows.absent_us[row]
        row = row[late]
        found.append(_Pairs(rows.what[row], rows.stream[row], position[member[late]]))
    return found


def _stretches(
    what: Ints, bits: npt.NDArray[np.uint64], start_us: Ints, end_us: Ints
) -> _Stretches:
    """Rows of one stream each, of which none that are alike overlap, as stretches of many."""
    number, edge_us = np.concatenate([what, what]), np.concatenate([start_us, end_us])
    order = np.lexsort((edge_us, number))
    number, edge_us = number[order], edge_us[order]
    # Each row turns its bit on and off again, so that nothing is on where the next number begins.
    bits = np.bitwise_xor.accumulate(np.concatenate([bits, bits])[order], axis=0)
    keep = np.flatnonzero(bits.any(axis=1))
    keep = keep[edge_us[keep] < edge_us[keep + 1]]
    return _Stretches(number[keep], StreamSets(bits[keep]), edge_us[keep], edge_us[keep + 1])


def _slices(takes: Law, rows: Rows) -> list[_Slice]:
    """Durations cut where :data:`_UNIFORMS` says; the last slice has the longest ones."""
    found, low = [], 0.0
    for high in _UNIFORMS:
        longest_us = takes.draw_us(high)
        # Drawn by the many, the last digits may differ.
        longest_us += (longest_us >> 30) + 1
        near = rows._replace(start_us=np.maximum(rows.start_us, rows.absent_us - longest_us))
        near = near.where(near.start_us < near.end_us)
        found.append(_Slice(low, high, near, merge(near.start_us, near.end_us)))
        low = high
    # The last uniform that there is belongs to the last slice.
    return [*found[:-1], found[-1]._replace(high=1.0)]


def _distinct(rows: Rows) -> Rows:
    """Without rows that say less than one beside them: objects of a block go at about one time."""
    keys = (rows.end_us, rows.start_us, rows.stream, rows.what)
    order = np.lexsort((rows.absent_us, *keys))
    is_new = np.ones(order.size, np.bool_)
    is_new[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    return rows.where(order[is_new])


def _members(at_us: Ints, start_us: Ints, end_us: Ints) -> tuple[Ints, Ints]:
    """Positions [first, last) in ``at_us``, ascending, of each interval [start, end)."""
    first, last = (np.searchsorted(at_us, edge_us) for edge_us in (start_us, end_us))
    return first.astype(np.int64), last.astype(np.int64)


def _inside(at_us: Ints, spans: Spans) -> Ints:
    """Positions in ``at_us``, ascending, that lie in any of some intervals."""
    return pairs(*_members(at_us, *spans))[1]


def _portions(first: Ints, last: Ints) -> list[Ints]:
    """Rows in portions whose [first, last) together have some :data:`_AT_ONCE` members."""
    portion = np.cumsum(np.maximum(last - first, 0)) // _AT_ONCE
    edges = np.unique(np.append(portion, -1))
    return [np.flatnonzero((portion > a) & (portion <= b)) for a, b in pairwise(edges.tolist())]
