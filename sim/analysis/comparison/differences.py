"""Differences of two means over trials, with 95 % intervals: of pairs, and of runs apart.

Pairs are trials that met the same draws. What they share then cancels, and their difference is much
sharper than two intervals held side by side.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.analysis.estimators import Interval, t_half_width, vector_of

__all__ = ["Difference", "difference_limits", "paired_difference", "unpaired_difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two means and its 95 % interval.

    Attributes
    ----------
    difference : float
        nan if there is nothing to compare.
    low, high : float
        nan if there were fewer than two trials: one says nothing about trials.
    method : str
        "t" or "bounds" of pairs, "intervals" without pairs, "same" where both sides are the same
        runs, "none".
    variance_reduction : float
        Of pairs: the share of the variance that the difference would have without pairs, and does
        not have with them, 1 - var(a - b) / (var a + var b). At most 1; below 0 where pairs make
        it worse; nan where neither side varies, or there are no two pairs.
    """

    difference: float
    low: float
    high: float
    method: str
    variance_reduction: float = math.nan


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, limits: tuple[float, float] | None = None
) -> Difference:
    """Estimate the mean of a - b from pairs that met the same draws.

    Parameters
    ----------
    a, b : array of float, shape (n,)
        The same quantity of two schemes, trial by trial. Pairs with a nan are left out.
    limits : (float, float), optional
        How far below and above 0 the difference may be where no pair differs at all, and the
        spread of the pairs says nothing: low <= 0 <= high.

    Returns
    -------
    Difference
        "t" from two pairs on; "bounds" where no pair differs and ``limits`` are given. With one
        pair the difference else stands without an interval ("none", low and high are nan), with
        no pair everything is nan.

    Raises
    ------
    ValueError
        If shapes differ or a value is infinite.
    """
    first, second = vector_of("a", a), vector_of("b", b)
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
    taken = _taken_off(first[there], second[there])
    if limits is not None and not differences.any():
        return Difference(0.0, *limits, "bounds", taken)
    if n == 1:
        return Difference(mean, math.nan, math.nan, "none")
    half = t_half_width(differences)
    return Difference(mean, mean - half, mean + half, "t", taken)


def _taken_off(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Share of the variance of a - b that pairing takes off."""
    if a.size < 2:
        return math.nan
    apart = float(np.var(a, ddof=1)) + float(np.var(b, ddof=1))
    return 1.0 - float(np.var(a - b, ddof=1)) / apart if apart > 0.0 else math.nan


def difference_limits(a: Interval, b: Interval) -> tuple[float, float]:
    """How far a difference that no pair shows may be from 0: as far as either interval goes."""
    reach = [(i.fraction - i.low, i.high - i.fraction) for i in (a, b)]
    return 0.0 - (reach[0][0] + reach[1][1]), reach[0][1] + reach[1][0]


def unpaired_difference(a: Interval, b: Interval) -> Difference:
    """Estimate a - b from an interval of each, of runs that share no draws.

    Parameters
    ----------
    a, b : Interval
        Made in any way; they need not be symmetric.

    Returns
    -------
    Difference
        "intervals": each bound is as far from the difference as the two bounds that make it are
        from their estimates, root of the sum of squares. "none" where an interval is missing.

    Source
    ------
    G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures", Statistics in
    Medicine 27, 2008; for proportions R. G. Newcombe, "Interval estimation for the difference
    between independent proportions", ibid. 17, 1998.
    """
    difference = a.fraction - b.fraction
    low = difference - math.hypot(a.fraction - a.low, b.high - b.fraction)
    high = difference + math.hypot(a.high - a.fraction, b.fraction - b.low)
    method = "none" if math.isnan(low) or math.isnan(high) else "intervals"
    return Difference(difference, low, high, method)
