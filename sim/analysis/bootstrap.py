"""Bootstrap-t: the interval of a mean where trials lean so far to one side that t is not right.

The mean of few skewed values and their spread depend on each other: where the tail was missed both
are too small. Drawing from the values again and again shows how far off their t value tends to be.
"""

import functools
import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.core.streams import Streams

__all__ = ["bootstrap_interval", "is_skewed"]

_RESAMPLES: Final = 999
_TRIALS_MIN: Final = 12
_SKEW_MIN: Final = 0.6
_SKEW: Final = 0.1
_ROUNDING: Final = 1e-9


def is_skewed(values: NDArray[np.float64]) -> bool:
    """Whether there are n >= 12 values, whose skewness is beyond 0.6 and beyond 0.1 √n.

    The error of t goes with skewness over root of n; fewer values do not show their law well
    enough to be drawn from.
    """
    if values.size < _TRIALS_MIN:
        return False
    apart = values - values.mean()
    spread = float(np.sqrt(np.mean(apart**2)))
    if spread <= _ROUNDING * float(np.abs(values).max()):
        return False
    skewness = float(np.mean(apart**3)) / spread**3
    return abs(skewness) > max(_SKEW_MIN, _SKEW * math.sqrt(values.size))


def bootstrap_interval(values: NDArray[np.float64], tail: float) -> tuple[float, float]:
    """Bound the mean of independent values.

    Parameters
    ----------
    values : array of float, shape (n,)
        At least two that differ.
    tail : float
        Probability that is left out on each side, in (0, 0.5).

    Returns
    -------
    low, high : float
        Infinite where too many resamples have no spread.

    Source
    ------
    B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 12.5; that it is
    right to second order, P. Hall, "Theoretical comparison of bootstrap confidence intervals",
    Annals of Statistics 16, 1988. It draws the same trials again whatever the values are.
    """
    root = math.sqrt(values.size)
    mean, error = float(values.mean()), float(np.std(values, ddof=1)) / root
    again = values[_places(values.size)]
    apart = again.mean(axis=1) - mean
    errors = np.std(again, axis=1, ddof=1) / root
    with np.errstate(divide="ignore", invalid="ignore"):
        studentised = np.where(errors > 0.0, apart / errors, np.copysign(np.inf, apart))
    ordered = np.sort(studentised)
    rank = round(tail * (_RESAMPLES + 1)) - 1
    return mean - float(ordered[-1 - rank]) * error, mean - float(ordered[rank]) * error


@functools.lru_cache(maxsize=4)
def _places(n: int) -> NDArray[np.int64]:
    """Which of n values each resample has."""
    uniforms = Streams(0).stream("bootstrap", n).run(0, _RESAMPLES * n)
    return np.floor(uniforms * n).astype(np.int64).reshape(_RESAMPLES, n)
