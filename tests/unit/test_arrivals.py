from __future__ import annotations

import math
from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.core.arrivals import (
    arrival_batches,
    arrivals,
    arrivals_within,
    bits_of_one,
    choose,
    choose_bits,
)
from sim.core.streams import Stream, Streams
from tests.stats import assert_power, ks_within, mean_within, share_within

SECOND = 1_000_000


def test_known_answers() -> None:
    times = arrivals(Streams(0).stream("query", "a"), 0.5, 60 * SECOND)
    assert times.tolist() == [
        3074195, 10507887, 14148164, 14901625, 18835030, 19173825, 19648858, 23376628, 25399217,
        27243967, 34410167, 44429775, 46693581, 47853625, 51718907, 57686817, 57796248, 59052732,
    ]  # fmt: skip


def test_known_choices() -> None:
    stream = Streams(0).stream("query", "last-week", "streams")
    rows = choose(stream, np.arange(4), 10, 3)
    assert rows.tolist() == [[4, 5, 9], [1, 5, 7], [0, 4, 5], [0, 1, 6]]


@pytest.mark.parametrize(("rate_per_s", "stop_us"), [(0.0, SECOND), (5.0, 0), (1e-12, SECOND)])
def test_nothing_arrives(rate_per_s: float, stop_us: int) -> None:
    times = arrivals(Stream(1), rate_per_s, stop_us)
    assert times.shape == (0,)
    assert times.dtype == np.int64


@pytest.mark.parametrize("rate_per_s", [1e-3, 0.3, 1.0, 777.7, 1e6, 3e7, 1e9])
def test_sorted_inside_and_at_the_right_rate(rate_per_s: float) -> None:
    expected = 200_000
    stop_us = round(expected / rate_per_s * SECOND)
    times = arrivals(Stream(2), rate_per_s, stop_us)
    assert bool((np.diff(times) >= 0).all())
    assert times[0] >= 0
    assert times[-1] < stop_us
    assert abs(times.size - expected) < 4.0 * math.sqrt(expected)


def test_a_longer_run_only_adds_arrivals() -> None:
    longest = arrivals(Stream(3), 2.0, 100_000 * SECOND)
    for stop_us in (1, 7 * SECOND, 8 * SECOND, 65_536 * SECOND, 99_999 * SECOND + 1):
        assert np.array_equal(arrivals(Stream(3), 2.0, stop_us), longest[longest < stop_us])


def test_batches_are_the_arrivals_in_pieces() -> None:
    pieces = list(arrival_batches(Stream(4), 1.0, 100_000 * SECOND))
    assert len(pieces) > 3
    assert all(a[-1] < b[0] for a, b in pairwise(pieces))
    assert np.array_equal(np.concatenate(pieces), arrivals(Stream(4), 1.0, 100_000 * SECOND))


def test_gaps_are_exponential() -> None:
    times = arrivals(Streams(5).stream("gaps"), 2.0, 50_000 * SECOND)
    gaps = np.diff(times) / SECOND
    assert_power(lambda rate: ks_within(gaps, lambda x: -np.expm1(-rate * x)), 2.0)


def test_gaps_are_independent() -> None:
    gaps = np.diff(arrivals(Streams(6).stream("gaps"), 1.0, 100_000 * SECOND)) / SECOND
    for lag in (1, 2, 15, 16, 17):
        assert mean_within((gaps[lag:] - 1.0) * (gaps[:-lag] - 1.0), 0.0)


@pytest.mark.parametrize("width_s", [3, 16, 50])
def test_counts_are_poisson(width_s: int) -> None:
    times = arrivals(Streams(7).stream("counts"), 1.0, 150_000 * SECOND)
    counts = np.bincount(times // (width_s * SECOND), minlength=150_000 // width_s)
    counts = counts[: 150_000 // width_s].astype(np.float64)
    assert_power(lambda mean: mean_within(counts, mean), float(width_s))
    assert mean_within((counts - width_s) ** 2, float(width_s))


@pytest.mark.parametrize("rate_per_s", [-1.0, float("nan"), float("inf"), 2e9])
def test_refuses_bad_rates(rate_per_s: float) -> None:
    with pytest.raises(ValueError, match=r"^rate_per_s="):
        arrivals(Stream(0), rate_per_s, 1)


@pytest.mark.parametrize("stop_us", [-1, 2**62 + 1])
def test_refuses_bad_stops(stop_us: int) -> None:
    with pytest.raises(ValueError, match=r"^stop_us="):
        arrivals(Stream(0), 1.0, stop_us)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (4, 1), (5, 2), (5, 4), (6, 6)])
def test_every_subset_is_equally_likely(n: int, k: int) -> None:
    rows = choose(Streams(8).stream("choose", n, k), np.arange(20_000), n, k)
    assert rows.shape == (20_000, k)
    subsets = list(combinations(range(n), k))
    seen = {subset: (rows == np.array(subset)).all(axis=1) for subset in subsets}
    assert sum(int(hits.sum()) for hits in seen.values()) == 20_000
    for hits in seen.values():
        assert share_within(hits, 1.0 / len(subsets))


def test_choices_follow_floyd() -> None:
    stream = Stream(9)
    n, k = 7, 4
    for ordinal in (0, 3, 1_000_000):
        chosen: set[int] = set()
        for j in range(k):
            last = n - k + j
            pick = int(stream.at(ordinal * k + j) * (last + 1))
            chosen.add(last if pick in chosen else pick)
        assert choose(stream, np.array([ordinal]), n, k).tolist() == [sorted(chosen)]


def test_a_choice_does_not_depend_on_the_others() -> None:
    everything = choose(Stream(10), np.arange(100), 9, 3)
    some = np.array([99, 0, 42, 42])
    assert np.array_equal(choose(Stream(10), some, 9, 3), everything[some])


@pytest.mark.parametrize(
    ("n", "k"), [(1, 1), (9, 3), (63, 62), (64, 2), (65, 64), (130, 1), (130, 130)]
)
def test_bits_are_set_where_streams_are_chosen(n: int, k: int) -> None:
    ordinals = np.array([0, 5, 5, 1_000_000, *range(40)])
    bits = choose_bits(Stream(11), ordinals, n, k)
    assert bits.shape == (ordinals.size, -(-n // 64))
    found = [[i for i in range(n) if int(row[i // 64]) >> i % 64 & 1] for row in bits]
    assert found == choose(Stream(11), ordinals, n, k).tolist()
    assert sum(int(word).bit_count() for word in bits.flat) == ordinals.size * k


def test_choosing_nothing() -> None:
    assert not choose_bits(Stream(0), np.arange(3), 5, 0).any()
    assert choose_bits(Stream(0), np.arange(0), 70, 2).shape == (0, 2)
    assert choose(Stream(0), np.arange(3), 5, 0).shape == (3, 0)
    assert choose(Stream(0), np.arange(0), 5, 2).shape == (0, 2)
    assert choose(Stream(0), np.arange(2), 0, 0).shape == (2, 0)


@pytest.mark.parametrize(("n", "k"), [(3, 4), (3, -1)])
def test_refuses_bad_sizes(n: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"^k="):
        choose(Stream(0), np.arange(3), n, k)
    with pytest.raises(ValueError, match=r"^k="):
        choose_bits(Stream(0), np.arange(3), n, k)


@pytest.mark.parametrize(
    "ordinals", [np.array([-1]), np.array([2**62]), np.zeros((2, 2), np.int64)]
)
def test_refuses_bad_ordinals(ordinals: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match=r"^ordinals="):
        choose(Stream(0), ordinals, 9, 3)
    with pytest.raises(ValueError, match=r"^ordinals="):
        choose_bits(Stream(0), ordinals, 9, 3)


@pytest.mark.parametrize("rate", [0.001, 3.0, 2e4])
def test_arrivals_within_a_span_are_a_slice_of_all(rate: float) -> None:
    stop_us = round(5e10 / max(rate, 1.0))
    stream = Streams(4).stream("slice")
    every = arrivals(stream, rate, stop_us)
    third = stop_us // 3
    spans = [(0, stop_us), (third, 2 * third), (0, 1), (stop_us - 1, 2**62), (third, third)]
    spans += [(int(every[7]), int(every[20])), (int(every[7]) + 1, int(every[8]) + 1)]
    for start_us, end_us in spans:
        first, found = arrivals_within(stream, rate, stop_us, start_us, end_us)
        low, high = np.searchsorted(every, (start_us, end_us))
        np.testing.assert_array_equal(found, every[low:high])
        assert first == low or not found.size


def test_there_are_no_arrivals_within_nothing() -> None:
    stream = Streams(4).stream("slice")
    for span in ((5, 5), (9, 3)):
        first, found = arrivals_within(stream, 1.0, 10**9, *span)
        assert (first, found.size) == (0, 0)
    assert arrivals_within(stream, 0.0, 10**9, 0, 10**9)[1].size == 0
    with pytest.raises(ValueError, match="^rate_per_s="):
        arrivals_within(stream, -1.0, 10**9, 0, 1)


def test_each_number_alone_is_one_bit() -> None:
    numbers = np.array([0, 5, 63, 64, 129, 5])
    bits = bits_of_one(numbers, 130)
    assert bits.shape == (6, 3)
    assert [[int(word) for word in row] for row in bits] == [
        [(1 << number) >> 64 * word & (1 << 64) - 1 for word in range(3)]
        for number in numbers.tolist()
    ]
