"""The product-limit estimator, against a published table, scipy and what it must not change."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import CensoredData, ecdf

from sim.core.productlimit import QuantileBand, product_limit

# Weeks in remission under 6-MP, those that ended and those that had not. E. J. Freireich et al.,
# Blood 21 (1963), 699; the estimate: D. G. Kleinbaum and M. Klein, Survival Analysis, ch. 2.
OVER = (6, 6, 6, 7, 10, 13, 16, 22, 23)
NOT_OVER = (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
# Its standard errors by Greenwood, as statistical software prints them for these data.
ERRORS = {6: 0.0764, 7: 0.0869, 10: 0.0963, 13: 0.1068, 16: 0.1141, 22: 0.1282, 23: 0.1346}
SURVIVAL = {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}


def test_it_gives_the_published_survival_of_the_6mp_trial() -> None:
    is_censored = [False] * len(OVER) + [True] * len(NOT_OVER)
    found = product_limit(OVER + NOT_OVER, is_censored)
    assert found.values_us == tuple(SURVIVAL)
    survival = 1.0 - np.cumsum(found.weights)
    assert survival == pytest.approx(list(SURVIVAL.values()), abs=6e-5)
    assert found.beyond == pytest.approx(0.4482, abs=6e-5)


def test_it_agrees_with_scipy_on_drawn_durations() -> None:
    drawn = np.random.default_rng(5)
    for size in (1, 2, 7, 200):
        lasts, watched = drawn.integers(0, 30, size), drawn.integers(0, 30, size)
        is_censored = watched < lasts
        seen = np.minimum(lasts, watched)
        found = product_limit([int(us) for us in seen], [bool(c) for c in is_censored])
        theirs = ecdf(CensoredData.right_censored(seen, is_censored)).sf
        ours = [
            1.0 - sum(w for v, w in zip(found.values_us, found.weights, strict=True) if v <= x)
            for x in theirs.quantiles
        ]
        assert ours == pytest.approx(list(theirs.probabilities), abs=1e-12)
        assert sum(found.weights) + found.beyond == pytest.approx(1.0, abs=1e-12)


def test_what_was_over_altogether_weighs_alike() -> None:
    found = product_limit([3, 1, 3, 2], [False] * 4)
    assert found.values_us == (1, 2, 3)
    assert found.weights == pytest.approx((0.25, 0.25, 0.5))
    assert found.beyond == 0.0


def test_of_equal_durations_one_that_was_not_over_lasted_longer() -> None:
    found = product_limit([5, 5], [False, True])
    assert (found.values_us, found.weights, found.beyond) == ((5,), (0.5,), 0.5)


def test_where_nothing_was_over_nothing_is_known() -> None:
    assert product_limit([4, 9], [True, True]).beyond == 1.0
    assert product_limit([], []).beyond == 1.0


def test_as_many_marks_as_durations_are_wanted() -> None:
    with pytest.raises(ValueError, match="shorter"):
        product_limit([1, 2], [False])


def test_it_gives_the_published_errors_of_the_6mp_trial() -> None:
    found = product_limit(OVER + NOT_OVER, [False] * len(OVER) + [True] * len(NOT_OVER))
    survival = 1.0 - np.cumsum(found.weights)
    assert survival * np.sqrt(found.greenwood) == pytest.approx(list(ERRORS.values()), abs=6e-5)
    # The median with its bounds, of which the upper one was not reached.
    assert found.quantile(0.5) == QuantileBand(23, 13, None)
    assert found.quantile(0.25) == QuantileBand(13, 6, 22)
    assert found.quantile(0.9) == QuantileBand(None, None, None)


def test_intervals_cover_the_quantile_as_often_as_they_say() -> None:
    drawn = np.random.default_rng(7)
    n_worlds, n_covering, n_narrow = 400, 0, 0
    for _ in range(n_worlds):
        lasts, watched = drawn.exponential(1e6, 60), drawn.exponential(3e6, 60)
        seen = [round(us) for us in np.minimum(lasts, watched)]
        found = product_limit(seen, [bool(c) for c in watched < lasts])
        value_us, low_us, high_us = found.quantile(0.5)
        median_us = 1e6 * np.log(2)
        assert low_us is not None
        n_covering += low_us <= median_us <= (high_us or np.inf)
        n_narrow += value_us is not None and low_us < value_us < (high_us or np.inf)
    # 95 %, give or take three standard errors of 400 worlds.
    assert 0.917 < n_covering / n_worlds < 0.983
    assert n_narrow > 0.95 * n_worlds


def test_where_all_has_ended_the_last_is_no_upper_bound() -> None:
    found = product_limit([1, 2, 3], [False] * 3)
    assert found.greenwood == pytest.approx((1 / 6, 2 / 3, float("inf")))
    assert found.quantile(0.99) == QuantileBand(3, 2, None)
    assert product_limit([4], [True]).quantile(0.5) == QuantileBand(None, None, None)
