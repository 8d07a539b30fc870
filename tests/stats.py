"""Checks of a sample against a formula, and of the check itself.

Seeds are fixed, so no test here is flaky: either it always passes or never. The limits are those
at which one re-seeding in ten thousand (mean, share) or in a thousand (distribution) would fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["assert_power", "ks_within", "mean_within", "share_within"]

_SIGMAS = 4.0
_KS_LIMIT = 1.95
_SAMPLE_MIN = 30


def _sample(values: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64).ravel()
    if sample.size < _SAMPLE_MIN:
        raise ValueError(f"sample of {sample.size} must have at least {_SAMPLE_MIN} values")
    return sample


def mean_within(values: ArrayLike, mean: float, *, sigmas: float = _SIGMAS) -> bool:
    """Whether |x̄ - mean| <= sigmas · s/√n, for independent values of finite variance."""
    sample = _sample(values)
    error = float(np.std(sample, ddof=1)) / math.sqrt(sample.size)
    return abs(float(np.mean(sample)) - mean) <= sigmas * error


def share_within(hits: ArrayLike, share: float, *, rounding: float = 0.0) -> bool:
    """Whether the share of true values fits `share`, which is known up to `rounding`."""
    sample = _sample(hits)
    error = math.sqrt(max(share * (1.0 - share), 0.0) / sample.size)
    return abs(float(np.mean(sample)) - share) <= _SIGMAS * error + rounding


def ks_within(values: ArrayLike, cdf: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> bool:
    """Whether √n · D < 1.95 (Kolmogorov-Smirnov), for independent values of a continuous law."""
    sample = np.sort(_sample(values))
    n = sample.size
    expected = cdf(sample)
    above = np.arange(1, n + 1) / n - expected
    below = expected - np.arange(n) / n
    distance = max(float(above.max()), float(below.max()))
    return math.sqrt(n) * distance < _KS_LIMIT


def assert_power(check: Callable[[float], bool], truth: float = 1.0, wrong: float = 0.1) -> None:
    """Assert that `check` accepts `truth` and refuses it made `wrong` larger or smaller."""
    assert check(truth), f"the data do not fit {truth:g}"
    for factor in (1.0 + wrong, 1.0 - wrong):
        claim = truth * factor
        assert not check(claim), f"the data fit {claim:g} as well as {truth:g}: too few"
