"""Outcomes of actual arrivals, evaluated as vectors (``SEMANTICS.md`` Q1-Q6)."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import Ints
from sim.analysis.queries.every_stream import gateway_bits, gateways_of, whole_hazards
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.failures import Failures
from sim.analysis.queries.meetings import Meetings, Rows
from sim.analysis.queries.outcomes import CODE, NOBODY
from sim.analysis.queries.retries import Arrived, Retries
from sim.conventions.queries import Queries
from sim.core.streams import Streams
from sim.core.units import NEVER
from sim.scenario.schema import OUTCOMES

Codes = npt.NDArray[np.int8]
_AT_ONCE: Final = 1 << 18
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
    draws, parts = _Draws(exposure, queries), range(0, at_us.size, _AT_ONCE)
    found = [draws.codes(first + low, at_us[low : low + _AT_ONCE]) for low in parts]
    return at_us, np.concatenate([np.zeros(0, np.int8), *found])


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
    draws, seen = _Draws(exposure, queries), 0
    for at_us in _together(queries.arrival_batches()):
        first = int(np.searchsorted(at_us, exposure.timelines.warmup_us))
        codes = draws.codes(seen + first, at_us[first:])
        counts += [np.count_nonzero(codes == code) for code in range(len(OUTCOMES))]
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

    def __init__(self, exposure: Exposure, queries: Queries) -> None:
        self._exposure = exposure
        self._queries = queries
        self._lacking: dict[frozenset[int], Meetings] = {}

    @cached_property
    def _failing(self) -> "_Failing":
        return _Failing(self._exposure, self._queries, self._exposure.failures)

    @cached_property
    def _failing_apart(self) -> tuple["_Failing", "_Failing"]:
        """Which gateways go down, and which find an object gone."""
        rows = self._exposure.failures
        down, missed = rows.where(rows.object < 0), rows.where(rows.object >= 0)
        return (
            _Failing(self._exposure, self._queries, down, is_told_apart=True),
            _Failing(self._exposure, self._queries, missed, is_told_apart=True),
        )

    def codes(self, first: int, at_us: Ints) -> Codes:
        """The outcome code of every arrival, of which the first has the number ``first``."""
        query = np.arange(first, first + at_us.size, dtype=np.int64)
        if self._exposure.tries_again:
            return self._codes_of_retries(query, at_us)
        return self._codes(query, at_us, self._failing.gateways(query, at_us))

    def _codes(self, query: Ints, at_us: Ints, failing: npt.NDArray[Any]) -> Codes:
        """The outcome codes if these gateways fail, as bit sets."""
        codes, rule = np.full(at_us.size, CODE["ok"], np.int8), self._exposure.rule
        codes[self._missing(query, at_us, NOBODY)] = rule.code(NOBODY, is_missing=True)
        failed = np.flatnonzero(failing != 0)
        sets = failing[failed]
        for mask in np.unique(sets).tolist():
            members, lost_gateways = failed[sets == mask], gateways_of(mask)
            codes[members] = rule.code(lost_gateways, is_missing=False)
            if rule.failing_decides:
                continue
            lost = members[self._missing(query[members], at_us[members], lost_gateways)]
            codes[lost] = rule.code(lost_gateways, is_missing=True)
        return codes

    def _codes_of_retries(self, query: Ints, at_us: Ints) -> Codes:
        """The outcome codes where a query that finds an object gone is tried again."""
        down, missed = (f.gateways(query, at_us) for f in self._failing_apart)
        missed = missed & ~down
        found = np.flatnonzero(missed != 0)
        arrived = Arrived(query[found], at_us[found], self._queries.takes_us(query[found]))
        retries = Retries(self._exposure, self._queries, arrived, down[found], missed[found])
        codes, rule = self._codes(query, at_us, down), self._exposure.rule
        lacks = retries.missing()
        for mask in np.unique(retries.failing).tolist():
            for is_missing in (False, True):
                rows_alike = found[(retries.failing == mask) & (lacks == is_missing)]
                codes[rows_alike] = rule.code(gateways_of(mask), is_missing=is_missing)
        return codes

    def _missing(self, query: Ints, at_us: Ints, left_out: frozenset[int]) -> Ints:
        """Positions of the queries that miss data without the gateways left out."""
        if left_out not in self._lacking:
            lapses = self._exposure.lapses(left_out)
            rows = Rows(np.zeros_like(lapses.stream), *lapses)
            self._lacking[left_out] = _meetings(self._exposure, self._queries, rows)
        met = self._lacking[left_out].of(query, at_us)
        return np.concatenate([np.zeros(0, np.int64), *(position for _, position in met)])


class _Failing:
    """Which gateways fail queries.

    One stands for all that decide alike, unless they are to be told apart.
    """

    def __init__(
        self, exposure: Exposure, queries: Queries, rows: Failures, *, is_told_apart: bool = False
    ) -> None:
        self._exposure, self._queries, self._rows = exposure, queries, rows
        is_any = exposure.rule.failing_decides and not is_told_apart
        lost = np.zeros_like(rows.lost) if is_any else rows.lost
        kinds, kind = np.unique(lost, return_inverse=True)
        # Where a replica must have been drawn too, each row is looked at by itself.
        self._first_row = kinds.size
        what = np.where(rows.replica < 0, kind, self._first_row + np.arange(lost.size))
        self._bits = gateway_bits(np.concatenate([kinds, lost]))
        columns = Rows(what, rows.stream, rows.start_us, rows.end_us, rows.absent_us)
        self._meetings = _meetings(exposure, queries, columns)

    def gateways(self, query: Ints, at_us: Ints) -> npt.NDArray[Any]:
        """Bit set of those that fail each of the queries."""
        failing = np.zeros(query.size, self._bits.dtype)
        for what, position in self._meetings.of(query, at_us):
            drawn = self._reads(query[position], what - self._first_row)
            what, position = what[drawn], position[drawn]
            np.bitwise_or.at(failing, position, self._bits[what])
        return failing

    def _reads(self, query: Ints, row: Ints) -> npt.NDArray[np.bool_]:
        """Whether each query draws the replica of the row beside it; none is needed below 0."""
        keep, rows, exposure = row < 0, self._rows, self._exposure
        for i in np.flatnonzero(~keep).tolist():
            r = int(row[i])
            key = exposure.key(int(rows.block[r]), int(rows.object[r]))
            gateway = int(rows.gateway[r])
            drawn = self._queries.replica(int(query[i]), gateway, key, exposure.readable)
            keep[i] = drawn == rows.replica[r]
        return keep


def _meetings(exposure: Exposure, queries: Queries, rows: Rows) -> Meetings:
    return Meetings(queries, exposure.query_class.takes, exposure.n_streams, rows)
