from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.estimators import Interval, fraction_interval, vector_of
from sim.analysis.queries.outcomes import Bound


def assert_interval(interval: Interval, expected: tuple[float, float, float, str]) -> None:
    fraction, low, high, method = expected
    assert interval.method == method
    assert [interval.fraction, interval.low, interval.high] == pytest.approx(
        [fraction, low, high], rel=1e-5, nan_ok=True
    )


def test_many_trials_give_a_t_interval() -> None:
    # Student's t with 2 degrees of freedom, one less than for normal values: 4.302653.
    half = 4.302652730 * math.sqrt(0.005 / 3) / 2.0
    assert_interval(
        fraction_interval([0.40, 0.45, 0.45, 0.50], 100.0), (0.45, 0.45 - half, 0.45 + half, "t")
    )


def test_a_t_interval_stays_a_fraction() -> None:
    wide = fraction_interval([0.0, 0.0, 0.3, 0.4], 100.0)
    assert wide.method == "t"
    assert wide.low == 0.0
    high = fraction_interval([1.0, 1.0, 0.7, 0.6], 100.0)
    assert high.method == "t"
    assert high.high == 1.0


@pytest.mark.parametrize("trials", [1, 2, 8])
@pytest.mark.parametrize("queries", [10.0, 1e9])
def test_nothing_seen_says_how_many_clusters_were_looked_at(trials: int, queries: float) -> None:
    bounds = [Bound(clusters=3, most=0.01)] * trials
    limit = 0.01 * (1.0 - 0.05 ** (1.0 / (3.0 * trials)))
    interval = fraction_interval(np.zeros(trials), queries, bounds)
    assert_interval(interval, (0.0, 0.0, limit, "clusters"))


def test_nothing_seen_and_nothing_known_counts_trials() -> None:
    assert_interval(fraction_interval([0.0] * 4, 1e9), (0.0, 0.0, 1.0 - 0.05**0.25, "clusters"))


def test_what_a_rule_proves_is_zero() -> None:
    proven, unproven = Bound(proof="R1"), Bound()
    assert fraction_interval([0.0, 0.0], 9.0, [proven] * 2) == Interval(0.0, 0.0, 0.0, "rule")
    assert fraction_interval([0.0, 0.0], 9.0, [proven, unproven]).high > 0.7
    # Whoever has seen it knows better than the rule.
    assert fraction_interval([0.0, 0.1], 9.0, [proven] * 2).method == "clusters"


def test_phases_that_are_all_that_chance_decides_give_the_answer() -> None:
    bounds = [Bound(over_phases=0.25, is_certain=True)] * 4
    assert fraction_interval([0.0] * 4, 9.0, bounds) == Interval(0.0, 0.0, 0.25, "phases")
    assert fraction_interval([0.0, 0.0, 0.0, 0.4], 9.0, bounds) == Interval(
        0.1, 0.1, 0.25, "phases"
    )


def test_integrated_phases_of_different_trials_have_a_spread() -> None:
    values = [0.10, 0.15, 0.20]
    bounds = [Bound(over_phases=value) for value in values]
    half = 12.70620474 * 0.05 / math.sqrt(3.0)
    assert_interval(
        fraction_interval([0.0, 0.0, 0.3], 9.0, bounds), (0.1, 0.0, 0.15 + half, "phases")
    )
    known_of_two = [*bounds[:2], Bound()]
    assert fraction_interval([0.0, 0.0, 0.3], 9.0, known_of_two).method == "clusters"


def test_a_bound_of_few_drawn_queries_counts_the_queries() -> None:
    # Four clusters with a quarter query each: one chance that would always go wrong, or less.
    few = Bound(clusters=4, most=1.0).of_sample(1.0)
    assert few.most == pytest.approx(1.0 / (1.0 - math.exp(-0.25)))
    assert fraction_interval([0.0], 1.0, [few]).high == 1.0
    # With many queries and a rare failure, the rule of three over them all.
    rare = Bound(clusters=1000, most=1e-6).of_sample(1e5)
    assert fraction_interval([0.0], 1e5, [rare]).high == pytest.approx(3e-5, rel=0.01)
    many = Bound(clusters=4, most=0.1)
    assert many.of_sample(1e9).most == pytest.approx(0.1)
    assert many.of_sample(0.0) == many


def test_everything_seen_mirrors_nothing_seen() -> None:
    nothing = fraction_interval([0.0, 0.0], 50.0)
    everything = fraction_interval([1.0, 1.0], 50.0)
    assert everything == Interval(1.0, 1.0 - nothing.high, 1.0, "clusters")


@pytest.mark.parametrize("queries", [0.0, [0.0, 0.0]])
def test_nothing_asked_is_unknown(queries: float | list[float]) -> None:
    interval = fraction_interval([math.nan, math.nan], queries)
    assert_interval(interval, (math.nan, math.nan, math.nan, "none"))
    assert fraction_interval([], 5.0).method == "none"


def test_trials_without_queries_are_left_out() -> None:
    with_them = fraction_interval([0.1, math.nan, 0.15, 0.2], [9.0, 0.0, 9.0, 9.0])
    assert with_them == fraction_interval([0.1, 0.15, 0.2], 9.0)


def test_clusters_give_the_exact_binomial_interval() -> None:
    # Clopper and Pearson for 3 of 20, from their published charts and any table since.
    bounds = [Bound(clusters=20)]
    assert_interval(
        fraction_interval([0.15], 9.0, bounds), (0.15, 0.0320709, 0.3789268, "clusters")
    )
    # A cluster of which a tenth can go wrong weighs a tenth.
    bounds = [Bound(clusters=20, most=0.1)]
    assert_interval(
        fraction_interval([0.015], 9.0, bounds), (0.015, 0.00320709, 0.03789268, "clusters")
    )


def test_few_trials_are_few_clusters() -> None:
    rare = fraction_interval([0.0, 0.0, 0.0, 0.0, 0.01], 1e6)
    assert rare.method == "clusters"
    assert rare.high > 0.5
    nearly_all = fraction_interval([1.0, 1.0, 1.0, 1.0, 0.99], 1e6)
    assert nearly_all.method == "clusters"
    assert nearly_all.low == pytest.approx(1.0 - rare.high)
    known = fraction_interval([0.0, 0.0, 0.0, 0.0, 0.01], 1e6, [Bound(most=0.02)] * 5)
    assert known.high == pytest.approx(rare.high / 50, rel=0.2)


@pytest.mark.parametrize(
    "fractions", [[0.5], [1e-300, 1e-300], [1.0 - 1e-15], [0.2, 0.4], [0.1, 0.0, 1.0]]
)
@pytest.mark.parametrize("queries", [0.5, 7.0, 1e12])
def test_the_fraction_is_always_inside(fractions: list[float], queries: float) -> None:
    interval = fraction_interval(fractions, queries)
    assert 0.0 <= interval.low <= interval.fraction <= interval.high <= 1.0


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


def test_there_is_a_bound_for_every_trial() -> None:
    with pytest.raises(ValueError, match=r"^bounds=1 must be one per trial, 2"):
        fraction_interval([0.0, 0.0], 1.0, [Bound()])


def test_rounding_is_no_error() -> None:
    assert fraction_interval([1.0 + 1e-15, 1.0], 5.0).fraction == 1.0


def test_whole_numbers_become_floats() -> None:
    vector = vector_of("values", [1, 2])
    assert vector.dtype == np.float64
    assert vector.tolist() == [1.0, 2.0]
