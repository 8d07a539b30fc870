"""Intervals over trials: what a few independent runs say about a fraction or a difference.

All intervals are at 95 %. Trials are independent; the queries of one trial are not, so wherever
the trials can speak for themselves (a t interval) they do, and counting queries (binomial, rule
of three) is left for outcomes too rare for that.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CONFIDENCE", "Difference", "Interval", "fraction_interval", "paired_difference"]

CONFIDENCE: Final = 0.95

_TAIL: Final = (1.0 - CONFIDENCE) / 2.0
_TRIALS_FOR_T: Final = 3
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """A fraction and its 95 % interval.

    Attributes
    ----------
    fraction : float
        Mean of the fractions of the trials, in [0, 1]; nan if nothing was asked.
    low, high : float
        In [0, 1] with low <= fraction <= high; nan if nothing was asked.
    method : str
        "t", "rule-of-three", "binomial", "widest-of-t-and-binomial" or "none".
    """

    fraction: float
    low: float
    high: float
    method: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean paired difference and its 95 % interval.

    Attributes
    ----------
    difference : float
        nan if there was no pair.
    low, high : float
        nan if there were fewer than two pairs: one trial says nothing about trials.
    method : str
        "t", "rule-of-three" or "none".
    """

    difference: float
    low: float
    high: float
    method: str


def fraction_interval(per_trial: ArrayLike, queries_per_trial: ArrayLike) -> Interval:
    """Estimate a fraction from its value in each trial.

    Parameters
    ----------
    per_trial : array of float, shape (n,)
        Fraction of the queries of each trial that had the outcome, in [0, 1]. An expected
        fraction is as good as a counted one.
    queries_per_trial : float or array of float, shape (n,)
        Queries asked in each trial, >= 0, not necessarily whole. Trials without queries are
        left out, whatever their fraction.

    Returns
    -------
    Interval
        By the first of these that applies:

        - "none": nothing was asked; everything is nan.
        - "rule-of-three": no query had the outcome (high = 1 - 0.05^(1/queries), low = 0), or
          every query had it (low = 0.05^(1/queries), high = 1).
        - "binomial": one trial; exact (Clopper-Pearson) with the expected count.
        - "t": at least three trials of which at least half saw the outcome, and at least half
          saw something else; cut to [0, 1].
        - "widest-of-t-and-binomial": the rest, seen in so few trials that their spread says
          little; the union of both intervals.

    Raises
    ------
    ValueError
        If shapes differ, a fraction is outside [0, 1] or a number of queries is negative.

    Source
    ------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
    J. A. Hanley, A. Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249,
    1983.
    """
    fractions, queries = _checked(per_trial, queries_per_trial)
    total = math.fsum(queries)
    if fractions.size == 0:
        return Interval(math.nan, math.nan, math.nan, "none")
    limit = (2.0 * _TAIL) ** (1.0 / total)
    if not fractions.any():
        return Interval(0.0, 0.0, 1.0 - limit, "rule-of-three")
    if (fractions == 1.0).all():
        return Interval(1.0, limit, 1.0, "rule-of-three")
    mean = math.fsum(fractions) / fractions.size
    if fractions.size == 1:
        low, high = _binomial(mean, total)
        return Interval(mean, min(low, mean), max(high, mean), "binomial")
    half = _t_half_width(fractions)
    low, high = max(0.0, mean - half), min(1.0, mean + half)
    seen = min(int((fractions > 0.0).sum()), int((fractions < 1.0).sum()))
    if fractions.size >= _TRIALS_FOR_T and 2 * seen >= fractions.size:
        return Interval(mean, low, high, "t")
    low_binomial, high_binomial = _binomial(mean, total)
    return Interval(
        mean, min(low, low_binomial), max(high, high_binomial), "widest-of-t-and-binomial"
    )


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, queries_per_trial: ArrayLike | None = None
) -> Difference:
    """Estimate the mean of a - b from pairs that met the same draws.

    Parameters
    ----------
    a, b : array of float, shape (n,)
        The same quantity of two schemes, trial by trial. Pairs with a nan are left out.
    queries_per_trial : float or array of float, shape (n,), optional
        Where no pair differs at all, the spread of the pairs says nothing; with the number of
        queries the interval is then that of "no query in so many", to both sides.

    Returns
    -------
    Difference
        "t" from two pairs on. With one pair the difference stands without an interval ("none",
        low and high are nan), with no pair everything is nan. "rule-of-three" as above.

    Raises
    ------
    ValueError
        If shapes differ or a value is infinite.
    """
    first, second = _vector("a", a), _vector("b", b)
    if first.shape != second.shape:
        raise ValueError(f"b={second.shape} array must have the shape of a, {first.shape}")
    if np.isinf(first).any() or np.isinf(second).any():
        raise ValueError("a and b must be finite, or nan where nothing was asked")
    there = ~(np.isnan(first) | np.isnan(second))
    differences = (first - second)[there]
    n = differences.size
    if n == 0:
        return Difference(math.nan, math.nan, math.nan, "none")
    mean = math.fsum(differences) / n
    if queries_per_trial is not None and not differences.any():
        queries = _spread("queries_per_trial", queries_per_trial, first.size)[there]
        total = math.fsum(queries)
        if total > 0.0:
            limit = 1.0 - (2.0 * _TAIL) ** (1.0 / total)
            return Difference(0.0, -limit, limit, "rule-of-three")
    if n == 1:
        return Difference(mean, math.nan, math.nan, "none")
    half = _t_half_width(differences)
    return Difference(mean, mean - half, mean + half, "t")


def _vector(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as a float vector."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name}={vector.shape} array must have one dimension")
    return vector


def _spread(name: str, values: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return one number or `n` numbers >= 0 as a vector of `n`."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape not in ((), (n,)):
        raise ValueError(f"{name}={vector.shape} array must be one number or one per trial, {n}")
    if not bool((np.isfinite(vector) & (vector >= 0.0)).all()):
        raise ValueError(f"{name}={values!r} must be finite and >= 0")
    return np.broadcast_to(vector, (n,))


def _checked(
    per_trial: ArrayLike, queries_per_trial: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the fractions and queries of the trials that asked anything."""
    fractions = _vector("per_trial", per_trial)
    queries = _spread("queries_per_trial", queries_per_trial, fractions.size)
    asked = queries > 0.0
    fractions, queries = fractions[asked], queries[asked]
    if not bool(((fractions >= -_ROUNDING) & (fractions <= 1.0 + _ROUNDING)).all()):
        raise ValueError(f"per_trial={fractions.tolist()!r} must be fractions in [0, 1]")
    return np.clip(fractions, 0.0, 1.0), queries


def _t_half_width(values: NDArray[np.float64]) -> float:
    """Return half the width of the t interval of a mean, for at least two values."""
    from scipy.special import stdtrit

    n = values.size
    quantile = float(stdtrit(n - 1, 1.0 - _TAIL))
    return quantile * float(np.std(values, ddof=1)) / math.sqrt(n)


def _binomial(fraction: float, total: float) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a fraction in (0, 1) of `total` > 0 queries."""
    from scipy.special import betaincinv

    count = fraction * total
    low = float(betaincinv(count, total - count + 1.0, _TAIL))
    high = float(betaincinv(count + 1.0, total - count, 1.0 - _TAIL))
    return (0.0 if math.isnan(low) else low), (1.0 if math.isnan(high) else high)
