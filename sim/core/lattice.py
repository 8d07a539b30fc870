"""Inverting a distribution function that has no closed inverse, exactly monotone.

A root finder that stops at a tolerance may give a smaller value for a larger probability. Here
the answer is defined instead: the least point of a fixed lattice whose distribution function
reaches the probability. The way of searching cannot change it.

The lattice: multiples of 2^-20 below 2^20 (a second, when the unit is µs), above that the
numbers with 40 significant bits.
"""

from collections.abc import Callable
from math import ceil, frexp, ldexp
from typing import Final

from sim.core.arrays import Floats, np

__all__ = ["least_above", "least_above_many"]

_BITS: Final = 40
_FINE_TO: Final = 2.0**20
_FINEST: Final = 2.0**-20
_FAR: Final = 2.0**1000
_SMALL: Final = 2.0**-1000


def _step(x: float) -> float:
    """Return the lattice step just below `x` > 0."""
    if x <= _FINE_TO:
        return _FINEST
    mantissa, exponent = frexp(x)
    return ldexp(1.0, exponent - _BITS - (mantissa == 0.5))


def _up(x: float) -> float:
    """Return the least lattice point >= x, for x >= 0."""
    if x <= _FINE_TO:
        return ceil(x * _FINE_TO) * _FINEST
    step = _step(x)
    return ceil(x / step) * step


def least_above(cdf: Callable[[float], float], u: float, low: float, high: float) -> float:
    """Return the least lattice point x with cdf(x) >= u.

    Parameters
    ----------
    cdf : callable
        A non-decreasing function.
    u : float
        In (0, 1).
    low, high : float
        cdf is below or at `u` everywhere below `low` >= 0, and reaches `u` at `high`, up to
        rounding.

    Returns
    -------
    float
        On the lattice, at least `low`. The point at `high` where rounding alone keeps the
        function below `u` there: it may be flat for ages beyond, so nothing is sought there.
    """
    right = _up(min(high, _FAR))
    reached = cdf(right)
    if reached < u:
        return right
    left = _up(low)
    start = cdf(left)
    if start >= u:
        return left
    below, above = start - u, reached - u
    side, turns, width = 0, 0, right - left
    while True:
        step = _step(right)
        if right - left <= step:
            return right
        turns += 1
        if turns == 4:
            # Regula falsi crawls at jumps and in heavy tails: halve where it does.
            crawls = right - left > 0.5 * width
            turns, width = 0, right - left
        else:
            crawls = False
        # Halving them again and again may leave nothing to divide by.
        spread = above - below
        share = 0.5 if crawls or spread < _SMALL else -below / spread
        middle = left + share * (right - left)
        middle = min(max(_up(middle), _up(left + 0.5 * step)), right - step)
        if middle <= left:
            return right
        at = cdf(middle) - u
        if at >= 0.0:
            right, above = middle, at
            below = 0.5 * below if side > 0 else below
            side = 1
        else:
            left, below = middle, at
            above = 0.5 * above if side < 0 else above
            side = -1


def least_above_many(
    cdf: Callable[[Floats], Floats],
    u: Floats,
    low: Floats,
    high: Floats,
) -> Floats:
    """Return `least_above` of every element, all of shape (n,)."""
    right = _up_many(np.minimum(high, _FAR))
    short = cdf(right) < u
    left = _up_many(low)
    at_left = ~short & (cdf(left) >= u)
    right = np.where(at_left, left, right)
    active = np.flatnonzero(~short & ~at_left)
    while active.size:
        a, b = left[active], right[active]
        middle = _up_many(0.5 * (a + b))
        middle = np.where(middle >= b, b - _step_many(b), middle)
        done = middle <= a
        reached = cdf(middle) >= u[active]
        right[active] = np.where(reached & ~done, middle, b)
        left[active] = np.where(reached | done, a, middle)
        active = active[~done]
    return right


def _step_many(x: Floats) -> Floats:
    """Return the lattice step just below each x."""
    mantissa, exponent = np.frexp(np.maximum(x, _FINE_TO))
    return np.asarray(np.ldexp(1.0, exponent - _BITS - (mantissa == 0.5)), np.float64)


def _up_many(x: Floats) -> Floats:
    """Return the least lattice point >= each x."""
    step = _step_many(x)
    return np.asarray(np.ceil(x / step) * step, np.float64)
