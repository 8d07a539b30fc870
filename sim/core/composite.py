"""Laws made of other laws, or of observed values."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from sim.core.arrays import Floats, np
from sim.core.lattice import least_above, least_above_many
from sim.core.law import Law, Power, bounded, checked_many, checked_u, number

__all__ = ["Adjusted", "Empirical", "Mixture"]

_BELOW_1: Final = 1.0 - 2.0**-53
_LARGEST_WEIGHT: Final = 1e200


def _whole(law: Law, u: float, power: Power) -> float:
    """Return the moment of a law up to `u`."""
    return law.moment_to(u, power)


def _inside(law: Law, u: float, power: Power) -> float:
    """Return the moment of a law up to an end that is finite, however near to 1 `u` came.

    Where a heavy tail begins beyond that end, its share may be less than a float tells from none
    while its moment is infinite: it is left out.
    """
    moment = law.moment_to(u, power)
    return moment if math.isfinite(moment) else law.moment_to(_BELOW_1, power)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture(Law):
    """With probability `weights[i]` the law `parts[i]`.

    One uniform decides both which part and the value in it: `ppf` is the inverse of the mixed
    distribution function, so that a larger uniform never gives a smaller value and runs that
    share their draws stay comparable. It is found on a lattice of 2^-20 µs, coarser than
    that for values above a second (40 significant bits).

    Parameters
    ----------
    weights : tuple of float
        Each > 0; any positive sum, they are divided by it.
    parts : tuple of Law
        As many.
    """

    weights: tuple[float, ...]
    parts: tuple[Law, ...]

    def __post_init__(self) -> None:
        weights, parts = tuple(self.weights), tuple(self.parts)
        if not parts or len(weights) != len(parts):
            raise ValueError(f"weights={weights!r} must be as many as the parts, at least one")
        for weight in weights:
            if isinstance(weight, bool) or not (0.0 < weight < math.inf):
                raise ValueError(f"weights={weights!r} must be finite numbers > 0")
        for part in parts:
            if not isinstance(part, Law):
                raise ValueError(f"parts={parts!r} must be laws")
        if max(weights) > _LARGEST_WEIGHT:
            # Their sum may be beyond what a float holds.
            weights = tuple(weight / max(weights) for weight in weights)
        total = math.fsum(weights)
        exact = abs(total - 1.0) < 1e-15
        scaled = tuple(float(w) if exact else w / total for w in weights)
        if 0.0 in scaled:
            # Too small beside the others for a float to tell it from none.
            parts = tuple(part for part, w in zip(parts, scaled, strict=True) if w)
            scaled = tuple(w for w in scaled if w)
        object.__setattr__(self, "weights", scaled)
        object.__setattr__(self, "parts", parts)

    def cdf(self, x: float) -> float:
        total = 0.0
        for i, part in enumerate(self.parts):
            total += self.weights[i] * part.cdf(x)
        # Rounding may leave the sum of the weights just below 1.
        return total if total < 1.0 - 1e-15 else 1.0

    def cdf_many(self, x: Floats) -> Floats:
        total = np.zeros(np.shape(x))
        for weight, part in zip(self.weights, self.parts, strict=True):
            total += weight * part.cdf_many(x)
        return np.where(total < 1.0 - 1e-15, total, 1.0)

    def ppf(self, u: float) -> float:
        ends = [part.ppf(u) for part in self.parts]
        low, high = min(ends), max(ends)
        if low == high or u == 0.0:
            return low
        # The lattice may lie just beyond the ends, and no law leaves its support.
        return high if u == 1.0 else min(least_above(self.cdf, u, low, high), high)

    def ppf_many(self, u: Floats) -> Floats:
        values = checked_many(u)
        ends = np.stack([part.ppf_many(values) for part in self.parts])
        low, high = ends.min(axis=0), ends.max(axis=0)
        fixed: Floats = np.where(values == 0.0, low, high)
        open_ = (low < high) & (values > 0.0) & (values < 1.0)
        if open_.any():
            found = least_above_many(self.cdf_many, values[open_], low[open_], high[open_])
            fixed[open_] = np.minimum(found, high[open_])
        return fixed

    def moment_to(self, u: float, power: Power) -> float:
        pairs = zip(self.weights, self.parts, strict=True)
        if checked_u(u) == 1.0:
            return math.fsum(weight * part.moment_to(1.0, power) for weight, part in pairs)
        if u == 0.0:
            return 0.0
        end = self.ppf(u)
        # Each part up to the common end; what a jump there brings beyond u is taken off again.
        reached = [(weight, part, part.cdf(end)) for weight, part in pairs]
        excess = math.fsum(weight * share for weight, _, share in reached) - u
        inside = math.fsum(weight * _inside(part, share, power) for weight, part, share in reached)
        return inside - excess * end**power

    @property
    def is_constant(self) -> bool:
        first = self.parts[0]
        return all(part.is_constant and part.mean == first.mean for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Empirical(Law):
    """The observed values themselves, each equally likely unless weights say otherwise.

    Parameters
    ----------
    samples_us : tuple of float
        At least one value >= 0, in µs; kept sorted.
    weights : tuple of float
        One > 0 for each value, their sum being 1 after scaling; empty for equal ones. Kept in the
        order of the values.
    """

    samples_us: tuple[float, ...]
    weights: tuple[float, ...] = ()
    _sums: tuple[tuple[float, ...], tuple[float, ...]] = field(init=False, compare=False)
    _ends: tuple[float, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        samples = [bounded("samples_us", x, 0.0, "be numbers of µs >= 0") for x in self.samples_us]
        if not samples:
            raise ValueError("samples_us=() must hold at least one value")
        rule = "be numbers > 0"
        weights = [bounded("weights", w, 0.0, rule, above=True) for w in self.weights]
        if weights and len(weights) != len(samples):
            raise ValueError(f"weights must be as many as samples_us, not {len(weights)}")
        if weights:
            pairs = sorted(zip(samples, weights, strict=True))
            samples, weights = [x for x, _ in pairs], [w for _, w in pairs]
            total = math.fsum(weights)
            ends = [min(w / total, 1.0) for w in accumulate(weights)]
            ends[-1] = 1.0
        else:
            samples.sort()
            n = len(samples)
            ends = [(k + 1) / n for k in range(n)]
        object.__setattr__(self, "samples_us", tuple(samples))
        object.__setattr__(self, "weights", tuple(weights))
        object.__setattr__(self, "_ends", tuple(ends))
        own = weights or [1.0] * len(samples)
        sums = tuple(accumulate((w * x for w, x in zip(own, samples, strict=True)), initial=0.0))
        squares = tuple(
            accumulate((w * (x * x) for w, x in zip(own, samples, strict=True)), initial=0.0)
        )
        object.__setattr__(self, "_sums", (sums, squares))

    def __repr__(self) -> str:
        weights = f", weights={self.weights!r}" if self.weights else ""
        return f"Empirical(samples_us={self.samples_us!r}{weights})"

    def cdf(self, x: float) -> float:
        k = bisect_right(self.samples_us, x)
        return self._ends[k - 1] if k else 0.0

    def cdf_many(self, x: Floats) -> Floats:
        below = np.searchsorted(self.samples_us, x, side="right")
        return np.asarray((0.0, *self._ends), np.float64)[below]

    def ppf(self, u: float) -> float:
        return self.samples_us[bisect_left(self._ends, checked_u(u))]

    def ppf_many(self, u: Floats) -> Floats:
        k = np.searchsorted(self._ends, checked_many(u), side="left")
        return np.asarray(self.samples_us)[k]

    def moment_to(self, u: float, power: Power) -> float:
        k = bisect_left(self._ends, checked_u(u))
        last = self.samples_us[k] ** power
        if self.weights:
            total = math.fsum(self.weights)
            done = self._ends[k - 1] if k else 0.0
            return self._sums[power - 1][k] / total + (u - done) * last
        n = len(self.samples_us)
        return (self._sums[power - 1][k] + (u * n - k) * last) / n

    @property
    def is_constant(self) -> bool:
        return self.samples_us[0] == self.samples_us[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted(Law):
    """Another law, shifted and then capped: min(X + `plus_us`, `at_most_us`).

    Parameters
    ----------
    law : Law
        The law of X.
    plus_us : float
        The shift, µs, >= 0.
    at_most_us : float
        The cap, µs, >= 0; inf for none. All the probability beyond it sits on it.
    """

    law: Law
    plus_us: float = 0.0
    at_most_us: float = math.inf

    def __post_init__(self) -> None:
        if not isinstance(self.law, Law):
            raise ValueError(f"law={self.law!r} must be a law")
        number(self, "plus_us", 0.0, "be a number of µs >= 0")
        if self.at_most_us != math.inf:
            number(self, "at_most_us", 0.0, "be a number of µs >= 0, or inf")

    def cdf(self, x: float) -> float:
        return 1.0 if x >= self.at_most_us else self.law.cdf(x - self.plus_us)

    def cdf_many(self, x: Floats) -> Floats:
        values = np.asarray(x, dtype=np.float64)
        return np.where(values >= self.at_most_us, 1.0, self.law.cdf_many(values - self.plus_us))

    def ppf(self, u: float) -> float:
        x = self.law.ppf(u) + self.plus_us
        return x if x < self.at_most_us else self.at_most_us

    def ppf_each(self, uniforms: Sequence[float]) -> list[float]:
        plus_us, cap = self.plus_us, self.at_most_us
        shifted = [x + plus_us for x in self.law.ppf_each(uniforms)]
        return [x if x < cap else cap for x in shifted]

    def ppf_many(self, u: Floats) -> Floats:
        return np.minimum(self.law.ppf_many(u) + self.plus_us, self.at_most_us)

    def moment_to(self, u: float, power: Power) -> float:
        checked_u(u)
        cap = self.at_most_us
        below = min(u, self.law.cdf(cap - self.plus_us))
        # Without a cap an infinite moment is the truth.
        moment = _inside if cap < math.inf else _whole
        capped = (u - below) * cap**power if u > below else 0.0
        first = moment(self.law, below, 1)
        if power == 1:
            return first + self.plus_us * below + capped
        second = moment(self.law, below, 2)
        return second + 2.0 * self.plus_us * first + self.plus_us**2 * below + capped

    @property
    def is_constant(self) -> bool:
        return self.law.is_constant or self.law.ppf(0.0) + self.plus_us >= self.at_most_us
