"""Sets of intervals against sets of the whole numbers in them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.analysis.intervals import (
    EMPTY,
    GroupedSpans,
    Ints,
    Spans,
    complement,
    greatest,
    intersect,
    merge,
    merge_groups,
    steps,
    subtract,
    subtract_groups,
)
from sim.core.arrays import pairs
from sim.core.units import NEVER

Pairs = list[tuple[int, int]]
Rows = list[tuple[int, int, int]]
number = st.integers(-12, 12)
spans = st.lists(st.tuples(number, number), max_size=6)
rows = st.lists(st.tuples(st.integers(0, 3), number, number), max_size=8)


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


def merged(raw: Pairs) -> Spans:
    return merge(ints([a for a, _ in raw]), ints([b for _, b in raw]))


def grouped(raw: Rows) -> GroupedSpans:
    return merge_groups(*(ints([row[i] for row in raw]) for i in range(3)))


def points(raw: Pairs) -> set[int]:
    return {x for a, b in raw for x in range(a, b)}


def members(found: Spans) -> set[int]:
    return points(list(zip(found.start.tolist(), found.end.tolist(), strict=True)))


def is_merged(found: Spans) -> bool:
    return bool((found.start < found.end).all() and (found.end[:-1] < found.start[1:]).all())


@given(spans)
def test_merge(raw: Pairs) -> None:
    found = merged(raw)
    assert members(found) == points(raw)
    assert is_merged(found)
    assert found.measure() == len(points(raw))


@given(spans, spans)
def test_intersect_and_subtract(one: Pairs, two: Pairs) -> None:
    first, second = merged(one), merged(two)
    assert members(intersect(first, second)) == points(one) & points(two)
    assert members(subtract(first, second)) == points(one) - points(two)
    assert is_merged(intersect(first, second))
    assert is_merged(subtract(first, second))


@given(spans, st.lists(st.integers(-15, 15), max_size=5))
@example([(0, 5), (7, 9)], [-1, 0, 4, 5, 6, 7, 9])
def test_holds(raw: Pairs, at: list[int]) -> None:
    assert merged(raw).holds(ints(at)).tolist() == [x in points(raw) for x in at]


@given(spans)
def test_complement(raw: Pairs) -> None:
    assert members(complement(merged(raw), -12, 12)) == set(range(-12, 12)) - points(raw)


def by_group(found: GroupedSpans) -> dict[int, set[int]]:
    sets: dict[int, set[int]] = {}
    for g, a, b in zip(found.group.tolist(), found.start.tolist(), found.end.tolist(), strict=True):
        sets.setdefault(g, set()).update(range(a, b))
    return sets


def sets_of(raw: Rows) -> dict[int, set[int]]:
    return {g: found for g in range(4) if (found := points([(a, b) for h, a, b in raw if h == g]))}


@given(rows, rows)
def test_groups_are_kept_apart(one: Rows, two: Rows) -> None:
    assert by_group(grouped(one)) == sets_of(one)
    expected = {g: s - sets_of(two).get(g, set()) for g, s in sets_of(one).items()}
    found = by_group(subtract_groups(grouped(one), grouped(two)))
    assert found == {g: s for g, s in expected.items() if s}


@given(rows)
def test_groups_are_sorted_and_merged(raw: Rows) -> None:
    found = grouped(raw)
    assert (np.diff(found.group) >= 0).all()
    for g in range(4):
        assert is_merged(Spans(found.start[found.group == g], found.end[found.group == g]))


@given(st.lists(st.tuples(st.integers(1, 3), number, number), max_size=8))
def test_steps(raw: Rows) -> None:
    raw = [(w, a, b) for w, a, b in raw if a < b]
    pieces, sums = steps(*(ints([row[i] for row in raw]) for i in (1, 2, 0)))
    expected = Counter[int]()
    for weight, a, b in raw:
        for x in range(a, b):
            expected[x] += weight
    found = Counter[int]()
    for a, b, total in zip(pieces.start.tolist(), pieces.end.tolist(), sums.tolist(), strict=True):
        for x in range(a, b):
            found[x] += total
    assert +found == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=6))
def test_pairs(raw: Pairs) -> None:
    row, member = pairs(ints([a for a, _ in raw]), ints([b for _, b in raw]))
    expected = [(i, x) for i, (a, b) in enumerate(raw) for x in range(a, b)]
    assert list(zip(row.tolist(), member.tolist(), strict=True)) == expected


def test_no_overflow_at_the_end_of_time() -> None:
    found = merge_groups(ints([0, 5, 5]), ints([0, 1, NEVER - 1]), ints([NEVER, 2, NEVER]))
    assert found.group.tolist() == [0, 5, 5]
    assert found.end.tolist() == [NEVER, 2, NEVER]


def test_empty_sets() -> None:
    some = merged([(1, 2)])
    assert intersect(EMPTY, some).start.size == 0
    assert subtract(some, EMPTY) == some
    assert EMPTY.measure() == 0
    assert EMPTY.holds(ints([1])).tolist() == [False]


@pytest.mark.parametrize("size", [1, 2, 3, 16, 17, 100])
def test_the_greatest_value_is_that_of_all_intervals_that_hold(size: int) -> None:
    rng = np.random.default_rng(size)
    for number in (0, 1, 2 * size):
        first = rng.integers(0, size, number)
        last = rng.integers(first + 1, size + 1)
        value = rng.integers(-5, 1_000_000, number).astype(np.float64)
        rows = list(zip(first.tolist(), last.tolist(), value.tolist(), strict=True))
        expected = [
            max([v for a, b, v in rows if a <= i < b], default=-np.inf) for i in range(size)
        ]
        assert greatest(first, last, value, size).tolist() == expected
