"""The laws of durations: constant, uniform, exponential, lognormal, Weibull, Pareto.

`sim.core.composite` has the laws made of other laws or of data; they are re-exported here.
Adding a law: a frozen dataclass below `Law`, its name in `__all__`, a case in the scenario
schema, a line in ``tests/property/test_laws_property.py``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final

from sim.core.arrays import Floats, np
from sim.core.composite import Adjusted, Empirical, Mixture
from sim.core.law import Law, Power, checked_many, checked_u, number

__all__ = [
    "Adjusted",
    "Constant",
    "Empirical",
    "Exponential",
    "Floats",
    "Law",
    "Lognormal",
    "Mixture",
    "Pareto",
    "Power",
    "Uniform",
    "Weibull",
]

_NORMAL: Final = NormalDist()
_Z_P99: Final = _NORMAL.inv_cdf(0.99)
_SQRT_2: Final = math.sqrt(2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant(Law):
    """Always `value_us` (µs, >= 0)."""

    value_us: float

    def __post_init__(self) -> None:
        number(self, "value_us", 0.0, "be a number of µs >= 0")

    def cdf(self, x: float) -> float:
        return 1.0 if x >= self.value_us else 0.0

    def cdf_many(self, x: Floats) -> Floats:
        return (np.asarray(x) >= self.value_us).astype(np.float64)

    def ppf(self, u: float) -> float:
        checked_u(u)
        return self.value_us

    def ppf_many(self, u: Floats) -> Floats:
        return np.full(checked_many(u).shape, self.value_us)

    def moment_to(self, u: float, power: Power) -> float:
        return checked_u(u) * self.value_us**power

    @property
    def is_constant(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform(Law):
    """Uniform on [`low_us`, `high_us`] (µs, 0 <= low <= high)."""

    low_us: float
    high_us: float

    def __post_init__(self) -> None:
        low = number(self, "low_us", 0.0, "be a number of µs >= 0")
        number(self, "high_us", low, f"be a number of µs >= low_us={low:g}")

    def cdf(self, x: float) -> float:
        if x >= self.high_us:
            return 1.0
        return max(0.0, x - self.low_us) / (self.high_us - self.low_us) if x > self.low_us else 0.0

    def cdf_many(self, x: Floats) -> Floats:
        if self.is_constant:
            return (np.asarray(x) >= self.high_us).astype(np.float64)
        return np.clip((x - self.low_us) / (self.high_us - self.low_us), 0.0, 1.0)

    def ppf(self, u: float) -> float:
        return self.low_us + checked_u(u) * (self.high_us - self.low_us)

    def ppf_many(self, u: Floats) -> Floats:
        return self.low_us + checked_many(u) * (self.high_us - self.low_us)

    def moment_to(self, u: float, power: Power) -> float:
        end = self.ppf(u)
        if power == 1:
            return u * (self.low_us + end) / 2.0
        return u * (self.low_us**2 + self.low_us * end + end**2) / 3.0

    @property
    def is_constant(self) -> bool:
        return self.low_us == self.high_us


def _gamma_moment(scale: float, shape: float, u: float, power: Power) -> float:
    """Return `moment_to` of a Weibull law, without the cancellation of the elementary form."""
    a = 1.0 + power / shape
    whole = scale**power * math.gamma(a)
    if checked_u(u) == 0.0 or u == 1.0:
        return whole * u
    from scipy.special import gammainc

    return whole * float(gammainc(a, -math.log1p(-u)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential(Law):
    """Exponential with mean `mean_us` (µs, >= 0; 0 is the constant 0)."""

    mean_us: float

    def __post_init__(self) -> None:
        number(self, "mean_us", 0.0, "be a number of µs >= 0")

    def cdf(self, x: float) -> float:
        if x <= 0.0 or self.mean_us == 0.0:
            return 0.0 if x < 0.0 or self.mean_us else 1.0
        return -math.expm1(-x / self.mean_us)

    def cdf_many(self, x: Floats) -> Floats:
        if self.mean_us == 0.0:
            return (np.asarray(x) >= 0.0).astype(np.float64)
        return -np.expm1(-np.maximum(x, 0.0) / self.mean_us)

    def ppf(self, u: float) -> float:
        if u == 1.0:
            return math.inf if self.mean_us else 0.0
        return -self.mean_us * math.log1p(-checked_u(u))

    def ppf_many(self, u: Floats) -> Floats:
        if self.mean_us == 0.0:
            return np.zeros(checked_many(u).shape)
        with np.errstate(divide="ignore"):
            return -self.mean_us * np.log1p(-checked_many(u))

    def moment_to(self, u: float, power: Power) -> float:
        return _gamma_moment(self.mean_us, 1.0, u, power)

    @property
    def is_constant(self) -> bool:
        return self.mean_us == 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lognormal(Law):
    """Lognormal with median `median_us` and 99th percentile `p99_us`.

    In µs, 0 < median <= p99 <= 1e9 medians.
    """

    median_us: float
    p99_us: float
    _sigma: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        median = number(self, "median_us", 0.0, "be a number of µs > 0", above=True)
        rule = f"be a number of µs in [median_us={median:g}, 1e9 median_us]"
        p99 = number(self, "p99_us", median, rule, high=1e9 * median)
        object.__setattr__(self, "_sigma", math.log(p99 / median) / _Z_P99)

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm."""
        return self._sigma

    def cdf(self, x: float) -> float:
        sigma = self.sigma
        if x <= 0.0 or sigma == 0.0:
            return 1.0 if x >= self.median_us else 0.0
        return 0.5 * math.erfc(-math.log(x / self.median_us) / (sigma * _SQRT_2))

    def cdf_many(self, x: Floats) -> Floats:
        if self.is_constant:
            return (np.asarray(x) >= self.median_us).astype(np.float64)
        from scipy.special import ndtr

        with np.errstate(divide="ignore"):
            z = np.log(np.maximum(x, 0.0) / self.median_us) / self.sigma
        return np.asarray(ndtr(z), np.float64)

    def ppf(self, u: float) -> float:
        if 0.0 < u < 1.0:
            return self.median_us * math.exp(self._sigma * _NORMAL.inv_cdf(u))
        checked_u(u)
        return self.median_us if self.is_constant else (math.inf if u else 0.0)

    def ppf_each(self, uniforms: Sequence[float]) -> list[float]:
        if not uniforms or not 0.0 < min(uniforms) <= max(uniforms) < 1.0:
            return list(map(self.ppf, uniforms))
        median, sigma, exp = self.median_us, self._sigma, math.exp
        return [median * exp(sigma * z) for z in map(_NORMAL.inv_cdf, uniforms)]

    def ppf_many(self, u: Floats) -> Floats:
        values = checked_many(u)
        if self.is_constant:
            return np.full(values.shape, self.median_us)
        # The same inverse as the scalar form; no other one agrees with it to the last bits.
        inside = np.clip(values, 5e-324, 1.0 - 2.0**-53)
        z = np.fromiter(map(_NORMAL.inv_cdf, inside.ravel().tolist()), np.float64, values.size)
        x = self.median_us * np.exp(self.sigma * z.reshape(values.shape))
        return np.where(values == 1.0, np.inf, np.where(values == 0.0, 0.0, x))

    def moment_to(self, u: float, power: Power) -> float:
        sigma = self.sigma
        whole = self.median_us**power * math.exp((power * sigma) ** 2 / 2.0)
        if u == 0.0 or u == 1.0:
            return whole * u
        z = _NORMAL.inv_cdf(checked_u(u)) - power * sigma
        return whole * 0.5 * math.erfc(-z / _SQRT_2)

    @property
    def is_constant(self) -> bool:
        return self.median_us == self.p99_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Weibull(Law):
    """Weibull with `scale_us` (µs, > 0) and `shape` (0.05 to 1000; below 1 the tail is heavy)."""

    scale_us: float
    shape: float

    def __post_init__(self) -> None:
        number(self, "scale_us", 0.0, "be a number of µs > 0", above=True)
        number(self, "shape", 0.05, "be a number in [0.05, 1000]", high=1000.0)

    def cdf(self, x: float) -> float:
        if x <= 0.0:
            return 0.0
        log = self.shape * math.log(x / self.scale_us)
        return -math.expm1(-math.exp(log)) if log < 700.0 else 1.0

    def cdf_many(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return -np.expm1(-((np.maximum(x, 0.0) / self.scale_us) ** self.shape))

    def ppf(self, u: float) -> float:
        if u == 1.0:
            return math.inf
        return self.scale_us * float((-math.log1p(-checked_u(u))) ** (1.0 / self.shape))

    def ppf_many(self, u: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return self.scale_us * (-np.log1p(-checked_many(u))) ** (1.0 / self.shape)

    def moment_to(self, u: float, power: Power) -> float:
        return _gamma_moment(self.scale_us, self.shape, u, power)

    @property
    def is_constant(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pareto(Law):
    """Pareto on [`minimum_us`, ∞) (µs, > 0) with tail index `alpha` (0.1 to 1000).

    P(X > x) = (minimum / x)^alpha; the mean is infinite up to alpha = 1, the variance up to 2.
    """

    minimum_us: float
    alpha: float

    def __post_init__(self) -> None:
        number(self, "minimum_us", 0.0, "be a number of µs > 0", above=True)
        number(self, "alpha", 0.1, "be a number in [0.1, 1000]", high=1000.0)

    def cdf(self, x: float) -> float:
        if x <= self.minimum_us or x == math.inf:
            return 0.0 if x <= self.minimum_us else 1.0
        return -math.expm1(self.alpha * math.log(self.minimum_us / x))

    def cdf_many(self, x: Floats) -> Floats:
        return -np.expm1(self.alpha * np.log(self.minimum_us / np.maximum(x, self.minimum_us)))

    def ppf(self, u: float) -> float:
        if u == 1.0:
            return math.inf
        return self.minimum_us * float((1.0 - checked_u(u)) ** (-1.0 / self.alpha))

    def ppf_many(self, u: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            return self.minimum_us * (1.0 - checked_many(u)) ** (-1.0 / self.alpha)

    def moment_to(self, u: float, power: Power) -> float:
        if checked_u(u) == 1.0 and self.alpha <= power:
            return math.inf
        log = math.log1p(-u) if u < 1.0 else -math.inf
        if self.alpha == power:
            return self.minimum_us**power * -log
        tail = 1.0 - power / self.alpha
        return self.minimum_us**power * -math.expm1(tail * log) / tail

    @property
    def is_constant(self) -> bool:
        return False
