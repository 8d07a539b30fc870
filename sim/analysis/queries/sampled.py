"""Outcomes of actual arrivals, evaluated as vectors (``SEMANTICS.md`` Q1-Q6)."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints, pairs
from sim.analysis.queries.every_stream import gateway_bits, gateways_of, whole_hazards
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.failures import Failures
from sim.analysis.queries.outcomes import CODE
from sim.analysis.queries.retries import Arrived, Retries
from sim.conventions.queries import Queries
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.schema import OUTCOMES

Codes = npt.NDArray[np.int8]
_MEETINGS: Final = 4_000_000
_AT_ONCE: Final = 1 << 20
"""Queries that are evaluated together; what there is to gain by more is less than the noise."""


def outcomes(
    exposure: Exposure, streams: Streams, start_us: int = 0, end_us: int = NEVER
) -> tuple[Ints, Codes]:
    """Arrivals in [warm-up, horizon), µs ascending, and the outcome code of each.

    Only those in [start_us, end_us) are drawn, if that is given.
    """
    spec, timelines = exposure.query_class, exposure.timelines
    queries = Queries(exposure.scenario, spec, streams)
    first, at_us = queries.arrivals_within(max(start_us, timelines.warmup_us), end_us)
    if is_function_of_time(exposure):
        codes = np.full(at_us.size, CODE["ok"], np.int8)
        hazards = whole_hazards(exposure, spec.takes.draw_us(0.5))
        begin = np.searchsorted(at_us, hazards.start_us)
        finish = np.searchsorted(at_us, hazards.end_us)
        for a, b, outcome in zip(begin, finish, hazards.outcome, strict=True):
            codes[a:b] = CODE[outcome]
        return at_us, codes
    return at_us, _Draws(exposure, queries, at_us, first).codes()


def count_outcomes(exposure: Exposure, streams: Streams) -> Ints:
    """How many arrivals in [warm-up, horizon) end in each outcome, shape (6,).

    They are looked at piece by piece: memory does not grow with their number.
    """
    spec, warmup_us = exposure.query_class, exposure.timelines.warmup_us
    queries = Queries(exposure.scenario, spec, streams)
    if not is_function_of_time(exposure):
        return _count_draws(exposure, queries)
    hazards = whole_hazards(exposure, spec.takes.draw_us(0.5))
    code = np.array([CODE[name] for name in hazards.outcome], np.int64)
    counts = np.zeros(len(OUTCOMES), np.int64)
    for batch in queries.arrival_batches():
        begin = np.searchsorted(batch, hazards.start_us)
        finish = np.searchsorted(batch, hazards.end_us)
        np.add.at(counts, code, finish - begin)
        counts[CODE["ok"]] += batch.size - np.searchsorted(batch, warmup_us)
        counts[CODE["ok"]] -= int((finish - begin).sum())
    return counts


def _count_draws(exposure: Exposure, queries: Queries) -> Ints:
    """As :func:`count_outcomes`, for queries that differ by their draws."""
    counts = np.zeros(len(OUTCOMES), np.int64)
    seen = 0
    for at_us in _together(queries.arrival_batches()):
        first = int(np.searchsorted(at_us, exposure.timelines.warmup_us))
        codes = _Draws(exposure, queries, at_us[first:], seen + first).codes()
        counts += np.bincount(codes, minlength=len(OUTCOMES))
        seen += at_us.size
    return counts


def _together(batches: Iterable[Ints]) -> Iterator[Ints]:
    """Batches of arrivals, joined until they are :data:`_AT_ONCE` or more."""
    waiting: list[Ints] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += batch.size
        if size >= _AT_ONCE:
            yield np.concatenate(waiting)
            waiting, size = [], 0
    if waiting:
        yield np.concatenate(waiting)


def is_function_of_time(exposure: Exposure) -> bool:
    """Whether nothing about a query but its arrival decides its outcome."""
    is_whole = exposure.n_drawn == exposure.n_streams
    is_plain = is_whole and not exposure.draws_replicas and not exposure.tries_again
    return is_plain and exposure.query_class.takes.is_constant


class _Draws:
    """Queries that differ by their draws: streams, duration, replicas."""

    def __init__(self, exposure: Exposure, queries: Queries, at_us: Ints, first: int) -> None:
        self._exposure = exposure
        self._queries = queries
        self._at_us = at_us
        self._first = first
        self._takes_us = queries.takes_us(np.arange(first, first + at_us.size, dtype=np.int64))

    def codes(self) -> Codes:
        """The outcome code of every arrival."""
        if self._exposure.tries_again:
            return self._codes_of_retries()
        return self._codes(self._failing_gateways(self._exposure.failures))

    def _codes(self, failing: npt.NDArray[Any]) -> Codes:
        """The outcome codes if these gateways fail, as bit sets."""
        codes = np.full(self._at_us.size, CODE["ok"], np.int8)
        rule = self._exposure.rule
        for mask in np.unique(np.append(failing, 0)).tolist():
            members = np.flatnonzero(failing == mask)
            lost_gateways = gateways_of(mask)
            codes[members] = rule.code(lost_gateways, is_missing=False)
            if lost_gateways and rule.failing_decides:
                continue
            lost = members[self._misses(members, lost_gateways)]
            codes[lost] = rule.code(lost_gateways, is_missing=True)
        return codes

    def _codes_of_retries(self) -> Codes:
        """The outcome codes where a query that finds an object gone is tried again."""
        rows, rule = self._exposure.failures, self._exposure.rule
        down = self._failing_gateways(rows.where(rows.object < 0), is_told_apart=True)
        missed = self._failing_gateways(rows.where(rows.object >= 0), is_told_apart=True)
        missed = missed & ~down
        found = np.flatnonzero(missed)
        arrived = Arrived(found + self._first, self._at_us[found], self._takes_us[found])
        retries = Retries(self._exposure, self._queries, arrived, down[found], missed[found])
        codes = self._codes(down)
        lacks = retries.missing()
        for mask in np.unique(retries.failing).tolist():
            for is_missing in (False, True):
                rows_alike = found[(retries.failing == mask) & (lacks == is_missing)]
                codes[rows_alike] = rule.code(gateways_of(mask), is_missing=is_missing)
        return codes

    def _failing_gateways(self, rows: Failures, *, is_told_apart: bool = False) -> npt.NDArray[Any]:
        """Bit set of the gateways that fail each query.

        One stands for all that decide alike, unless they are to be told apart.
        """
        longest_us = int(self._takes_us.max(initial=0))
        start, end = rows.during(longest_us)
        is_any = self._exposure.rule.failing_decides and not is_told_apart
        bits = gateway_bits(np.zeros_like(rows.lost) if is_any else rows.lost)
        masks = np.zeros(self._at_us.size, bits.dtype)
        for part in _portions(start, end, self._at_us):
            row, query = self._meetings(part, start[part], end[part])
            late = self._at_us[query] + self._takes_us[query] >= rows.absent_us[row]
            row, query = row[late], query[late]
            chosen = self._queries.asks_for(query + self._first, rows.stream[row])
            row, query = row[chosen], query[chosen]
            drawn = self._reads(query, row, rows)
            row, query = row[drawn], query[drawn]
            np.bitwise_or.at(masks, query, bits[row])
        return masks

    def _misses(self, members: Ints, left_out: frozenset[int]) -> npt.NDArray[np.bool_]:
        """Which of the queries (ascending) miss data without the gateways left out."""
        at_us = self._at_us[members]
        if self._exposure.n_drawn == self._exposure.n_streams and not self._exposure.lacks_blocks:
            return self._exposure.missing_any(0, left_out).holds(at_us)
        takes_us = self._takes_us[members]
        lapses = self._exposure.lapses(left_out)
        start, end = lapses.during(int(takes_us.max(initial=0)))
        lost = np.zeros(members.size, np.bool_)
        for part in _portions(start, end, at_us):
            first = np.searchsorted(at_us, start[part])
            last = np.searchsorted(at_us, end[part])
            left, position = pairs(first.astype(np.int64), last.astype(np.int64))
            row = part[left]
            late = at_us[position] + takes_us[position] >= lapses.absent_us[row]
            row, position = row[late], position[late]
            asking = members[position] + self._first
            chosen = self._queries.asks_for(asking, lapses.stream[row])
            lost[position[chosen]] = True
        return lost

    def _meetings(self, part: Ints, start: Ints, end: Ints) -> tuple[Ints, Ints]:
        first = np.searchsorted(self._at_us, start).astype(np.int64)
        last = np.searchsorted(self._at_us, end).astype(np.int64)
        row, query = pairs(first, last)
        return part[row], query

    def _reads(self, query: Ints, row: Ints, rows: Failures) -> npt.NDArray[np.bool_]:
        """Whether each query draws the replica of the row beside it."""
        replica = rows.replica[row]
        keep = replica < 0
        readable = self._exposure.readable
        for i in np.flatnonzero(~keep).tolist():
            key = self._exposure.key(int(rows.block[row[i]]), int(rows.object[row[i]]))
            number, gateway = int(query[i]) + self._first, int(rows.gateway[row[i]])
            keep[i] = self._queries.replica(number, gateway, key, readable) == replica[i]
        return keep


def _portions(start: Ints, end: Ints, at_us: Ints) -> list[Ints]:
    """Rows in portions that meet a few million queries each, so that memory stays small."""
    met = np.searchsorted(at_us, end) - np.searchsorted(at_us, start)
    portion = np.cumsum(np.maximum(met, 0)) // _MEETINGS
    edges = np.unique(np.append(portion, -1))
    return [np.flatnonzero((portion > a) & (portion <= b)) for a, b in pairwise(edges.tolist())]
