"""Bootstrap-t: when it is taken, and what it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sim.analysis.bootstrap import bootstrap_interval, is_skewed
from sim.analysis.estimators import fraction_interval, t_half_width

LEANING = np.array([0.01] * 11 + [0.4])
EVEN = np.linspace(0.1, 0.5, 12)


def test_it_is_for_enough_trials_that_lean_to_one_side() -> None:
    assert is_skewed(LEANING)
    assert is_skewed(1.0 - LEANING)
    assert not is_skewed(LEANING[1:])
    assert not is_skewed(EVEN)
    assert not is_skewed(np.full(12, 0.3))
    # With more trials the mean is normal all the same: skewness 3.2 of 1100.
    assert not is_skewed(np.tile(np.r_[np.full(11, 0.01), 0.4], 100))
    assert fraction_interval(LEANING, 1.0).method == "bootstrap"
    assert fraction_interval(EVEN, 1.0).method == "t"


def test_it_reaches_further_to_the_side_of_the_tail() -> None:
    values = np.exp(np.linspace(-2.0, 2.0, 16))
    low, high = bootstrap_interval(values, 0.025)
    mean = float(values.mean())
    assert low < mean < high
    assert high - mean > 1.5 * (mean - low)
    turned = bootstrap_interval(-values, 0.025)
    assert turned == pytest.approx((-high, -low))


def test_of_even_values_it_is_about_t() -> None:
    low, high = bootstrap_interval(EVEN, 0.025)
    half = t_half_width(EVEN)
    assert (low, high) == pytest.approx((0.3 - half, 0.3 + half), abs=0.15 * half)


def test_it_is_the_same_every_time_and_stays_a_fraction() -> None:
    assert bootstrap_interval(LEANING, 0.025) == bootstrap_interval(LEANING, 0.025)
    found = fraction_interval(LEANING, 1.0)
    assert 0.0 <= found.low < found.fraction < found.high <= 1.0
    assert math.isfinite(found.high)
