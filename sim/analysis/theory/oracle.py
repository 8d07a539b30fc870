"""A number that others found, held against what the simulator finds, in standard errors.

An oracle that every sample passes proves nothing, so each one also says how wrong a formula is
that the same sample refuses.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from sim.core.laws import Floats

__all__ = [
    "Finding",
    "LawSample",
    "Oracle",
    "Sample",
    "exactly",
    "judge",
    "mean_of",
    "quantile_of",
    "share_of",
    "variance_of",
]

_SIGMAS: Final = 4.0
"""At which one re-seeding in ten thousand would fail."""
_KS_LIMIT: Final = 1.95
"""Of √n · D (Kolmogorov-Smirnov): one re-seeding in a thousand would fail."""
_SAMPLE_MIN: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the simulator found for one number.

    Attributes
    ----------
    found : float
        In the unit of the oracle.
    error : float
        Its standard error; 0 where nothing is left to chance.
    size : int
        Independent values behind it; 0 where nothing is left to chance.
    limit : float
        How many standard errors a right number is away at most.
    """

    found: float
    error: float = 0.0
    size: int = 0
    limit: float = _SIGMAS

    def off(self, claim: float, rounding: float = 0.0) -> float:
        """Return how many standard errors the found lies above a claim known up to `rounding`."""
        apart = self.found - claim
        apart = math.copysign(max(0.0, abs(apart) - rounding), apart)
        if apart == 0.0:
            return 0.0
        return apart / self.error if self.error > 0.0 else math.copysign(math.inf, apart)


@dataclass(frozen=True, slots=True, kw_only=True)
class LawSample(Sample):
    """Values held against a whole law, by the largest distance of the distribution functions.

    Attributes
    ----------
    values : array of float64
        Ascending, independent.
    cdf : callable
        Of values and the claimed number, which the law must depend on: P(X <= value).
    """

    limit: float = _KS_LIMIT
    values: Floats = field(repr=False)
    cdf: Callable[[Floats, float], Floats] = field(repr=False)

    def off(self, claim: float, rounding: float = 0.0) -> float:
        """Return √n · D."""
        n = self.values.size
        expected = self.cdf(self.values, claim)
        above = float(np.max(np.arange(1, n + 1) / n - expected))
        below = float(np.max(expected - np.arange(n) / n))
        return math.sqrt(n) * max(above, below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    """A number that others found.

    Attributes
    ----------
    quantity, setting : str
        What it is of what; together its name.
    value : float
        In `unit`.
    source : str
        Who found it.
    sample : callable
        Has the simulator find it.
    rounding : float
        How far the value may be off: half of its last digit, or an error of whoever found it.
    wrong : float
        The power: a value by this share larger or smaller must be refused.
    """

    quantity: str
    setting: str
    value: float
    source: str
    sample: Callable[[], Sample]
    unit: str = ""
    rounding: float = 0.0
    wrong: float = 0.1

    @property
    def name(self) -> str:
        """What tells it from all others."""
        return f"{self.quantity}: {self.setting}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An oracle and what the simulator says."""

    oracle: Oracle
    sample: Sample

    @property
    def off(self) -> float:
        """How many standard errors the simulator's value lies above the oracle's."""
        return self.sample.off(self.oracle.value, self.oracle.rounding)

    @property
    def passes(self) -> bool:
        """Whether the simulator agrees."""
        return self._accepts(1.0)

    @property
    def has_power(self) -> bool:
        """Whether the same data refuse the value made wrong, to either side."""
        wrong = self.oracle.wrong
        return not (self._accepts(1.0 + wrong) or self._accepts(1.0 - wrong))

    def _accepts(self, factor: float) -> bool:
        oracle = self.oracle
        return abs(self.sample.off(oracle.value * factor, oracle.rounding)) <= self.sample.limit


def judge(oracle: Oracle) -> Finding:
    """Have the simulator find the number."""
    return Finding(oracle=oracle, sample=oracle.sample())


def _checked(values: Floats) -> Floats:
    if values.size < _SAMPLE_MIN:
        raise ValueError(f"sample of {values.size} must have at least {_SAMPLE_MIN} values")
    return values


def mean_of(values: Floats) -> Sample:
    """Return the mean of independent values of finite variance."""
    n = _checked(values).size
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    return Sample(found=float(np.mean(values)), error=error, size=n)


def variance_of(values: Floats, mean: float) -> Sample:
    """Return the variance of independent values around a mean that is known."""
    return mean_of((values - mean) ** 2)


def share_of(hits: int, size: int) -> Sample:
    """Return the share of hits among independent values; of all or none, nothing is left to chance.

    Raises
    ------
    ValueError
        If there are too few values.
    """
    if size < _SAMPLE_MIN:
        raise ValueError(f"sample of {size} must have at least {_SAMPLE_MIN} values")
    share = hits / size
    return Sample(found=share, error=math.sqrt(share * (1.0 - share) / size), size=size)


def quantile_of(values: Floats, share: float) -> Sample:
    """Return the value below which a share of independent values lies."""
    n = _checked(values).size
    rank, spread = n * share, math.sqrt(n * share * (1.0 - share))
    places = [min(n - 1, int(place)) for place in (rank - 2 * spread, rank, rank + 2 * spread)]
    low, found, high = (float(x) for x in np.partition(values, places)[places])
    return Sample(found=found, error=(high - low) / 4.0, size=n)


def exactly(found: float) -> Sample:
    """Return a number that is the same whatever is drawn."""
    return Sample(found=found)
