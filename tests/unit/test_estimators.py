from __future__ import annotations

import math
from itertools import count

import numpy as np
import pytest

from sim.analysis.estimators import Difference, Interval, fraction_interval, paired_difference
from sim.core.streams import Streams


def assert_interval(interval: Interval, expected: tuple[float, float, float, str]) -> None:
    fraction, low, high, method = expected
    assert interval.method == method
    assert [interval.fraction, interval.low, interval.high] == pytest.approx(
        [fraction, low, high], rel=1e-5, nan_ok=True
    )


def test_many_trials_give_a_t_interval() -> None:
    # Quantile of Student's t with 2 degrees of freedom: 4.302653.
    half = 4.302652730 * 0.05 / math.sqrt(3.0)
    assert_interval(
        fraction_interval([0.10, 0.15, 0.20], 100.0), (0.15, 0.15 - half, 0.15 + half, "t")
    )


def test_a_t_interval_stays_a_fraction() -> None:
    wide = fraction_interval([0.0, 0.0, 0.3, 0.4], 100.0)
    assert wide.method == "t"
    assert wide.low == 0.0
    high = fraction_interval([1.0, 1.0, 0.7, 0.6], 100.0)
    assert high.method == "t"
    assert high.high == 1.0


@pytest.mark.parametrize("trials", [1, 2, 8])
def test_nothing_seen_still_says_how_much_was_looked_at(trials: int) -> None:
    limit = 1.0 - 0.05 ** (1.0 / (1000.0 * trials))
    interval = fraction_interval(np.zeros(trials), 1000.0)
    assert_interval(interval, (0.0, 0.0, limit, "rule-of-three"))
    assert interval.high == pytest.approx(3.0 / (1000.0 * trials), rel=2e-2 / trials + 1e-2)


def test_everything_seen_mirrors_nothing_seen() -> None:
    nothing = fraction_interval([0.0, 0.0], 50.0)
    everything = fraction_interval([1.0, 1.0], 50.0)
    assert everything == Interval(1.0, 1.0 - nothing.high, 1.0, "rule-of-three")


@pytest.mark.parametrize("queries", [0.0, [0.0, 0.0]])
def test_nothing_asked_is_unknown(queries: float | list[float]) -> None:
    interval = fraction_interval([math.nan, math.nan], queries)
    assert_interval(interval, (math.nan, math.nan, math.nan, "none"))
    assert fraction_interval([], 5.0).method == "none"


def test_trials_without_queries_are_left_out() -> None:
    with_them = fraction_interval([0.1, math.nan, 0.15, 0.2], [9.0, 0.0, 9.0, 9.0])
    assert with_them == fraction_interval([0.1, 0.15, 0.2], 9.0)


def test_one_trial_gives_the_exact_binomial_interval() -> None:
    # Clopper and Pearson for 3 of 20, from their published charts and any table since.
    assert_interval(fraction_interval([0.15], 20.0), (0.15, 0.0320709, 0.3789268, "binomial"))


def test_one_trial_takes_expected_counts() -> None:
    rare = fraction_interval([1e-12], 1e6)
    assert rare.method == "binomial"
    assert 0.0 <= rare.low <= 1e-12 < rare.high < 4e-6
    few = fraction_interval([0.3], 0.5)
    assert 0.0 <= few.low < 0.3 < few.high <= 1.0


def test_few_trials_give_the_widest() -> None:
    two = fraction_interval([0.2, 0.2], 10.0)
    assert_interval(two, (0.2, 0.0573340, 0.4366140, "widest-of-t-and-binomial"))
    rare = fraction_interval([0.0, 0.0, 0.0, 0.0, 0.01], 1e6)
    assert rare.method == "widest-of-t-and-binomial"
    assert rare.low == 0.0
    assert rare.high > 0.0075
    nearly_all = fraction_interval([1.0, 1.0, 1.0, 1.0, 0.99], 1e6)
    assert nearly_all.method == "widest-of-t-and-binomial"
    assert nearly_all.low == pytest.approx(1.0 - rare.high)


@pytest.mark.parametrize(
    "fractions", [[0.5], [1e-300, 1e-300], [1.0 - 1e-15], [0.2, 0.4], [0.1, 0.0, 1.0]]
)
@pytest.mark.parametrize("queries", [0.5, 7.0, 1e12])
def test_the_fraction_is_always_inside(fractions: list[float], queries: float) -> None:
    interval = fraction_interval(fractions, queries)
    assert 0.0 <= interval.low <= interval.fraction <= interval.high <= 1.0


def test_intervals_cover_the_truth() -> None:
    stream = Streams(1).stream("coverage")
    ordinals = count()
    for share, trials, queries in ((0.3, 6, 40), (0.02, 1, 100), (0.005, 4, 100)):
        rounds, covered = 400, 0
        for _ in range(rounds):
            start = next(ordinals) * 1_000_000
            hits = stream.run(start, trials * queries).reshape(trials, queries) < share
            interval = fraction_interval(hits.mean(axis=1), float(queries))
            covered += interval.low <= share <= interval.high
        assert covered / rounds > 0.95 - 4.0 * math.sqrt(0.95 * 0.05 / rounds)


@pytest.mark.parametrize(
    ("fractions", "queries", "message"),
    [
        ([0.5, 1.5], 1.0, r"^per_trial=\[0.5, 1.5\] must be fractions in \[0, 1\]"),
        ([-0.5], 1.0, r"^per_trial="),
        ([math.nan], 1.0, r"^per_trial="),
        ([0.5], -1.0, r"^queries_per_trial=-1.0 must be finite and >= 0"),
        ([0.5], math.inf, r"^queries_per_trial="),
        ([0.5, 0.5], [1.0], r"^queries_per_trial=\(1,\) array must be one number or one per"),
        ([[0.5]], 1.0, r"^per_trial=\(1, 1\) array must have one dimension"),
    ],
)
def test_refuses_what_are_no_fractions(
    fractions: list[float], queries: float | list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        fraction_interval(fractions, queries)


def test_rounding_is_no_error() -> None:
    assert fraction_interval([1.0 + 1e-15, 1.0], 5.0).fraction == 1.0


def test_pairs_give_a_t_interval_of_their_differences() -> None:
    found = paired_difference([0.3, 0.5, 0.4], [0.1, 0.2, 0.3])
    half = 4.302652730 * 0.1 / math.sqrt(3.0)
    assert found.method == "t"
    assert [found.difference, found.low, found.high] == pytest.approx([0.2, 0.2 - half, 0.2 + half])


def test_pairing_removes_what_the_trials_share() -> None:
    shared = Streams(2).stream("shared").run(0, 20)
    found = paired_difference(shared + 0.01, shared)
    assert found.high - found.low < 1e-12
    assert found.difference == pytest.approx(0.01)


def test_one_pair_has_a_difference_but_no_interval() -> None:
    found = paired_difference([0.3], [0.1])
    assert found.method == "none"
    assert found.difference == pytest.approx(0.2)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_no_pair_is_unknown() -> None:
    for a, b in (([], []), ([math.nan], [0.5])):
        found = paired_difference(a, b)
        assert math.isnan(found.difference)
        assert found.method == "none"


def test_no_difference_anywhere() -> None:
    assert paired_difference([0.5, 0.5], [0.5, 0.5]) == Difference(0.0, 0.0, 0.0, "t")
    found = paired_difference([0.0, 0.0], [0.0, 0.0], queries_per_trial=500.0)
    limit = 1.0 - 0.05 ** (1.0 / 1000.0)
    assert found == Difference(0.0, -limit, limit, "rule-of-three")
    assert paired_difference([0.1], [0.1], queries_per_trial=0.0).method == "none"


def test_pairs_with_an_unknown_side_are_left_out() -> None:
    found = paired_difference([0.3, math.nan, 0.5], [0.1, 0.2, 0.2])
    assert found == paired_difference([0.3, 0.5], [0.1, 0.2])


def test_refuses_what_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match=r"^b=\(2,\) array must have the shape of a"):
        paired_difference([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="must be finite"):
        paired_difference([math.inf], [0.1])
