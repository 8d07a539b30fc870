"""What a law of waiting times is: the abstract base of the laws in `sim.core.laws`.

A concrete law gives its distribution function and the inverse of it, each for one number and
for an array, and the integral of the first two powers of the inverse. Everything else (mean,
variance, draws, slices) follows here.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, Literal, TypeGuard

from sim.core.arrays import Floats, Ints, np
from sim.core.units import LONGEST_US

__all__ = ["Floats", "Law", "Power"]

Power = Literal[1, 2]

_LONGEST: Final = float(LONGEST_US)


def bounded(
    name: str,
    value: object,
    low: float,
    rule: str,
    *,
    above: bool = False,
    high: float = _LONGEST,
) -> float:
    """Return `value` as a float if it is a number in [low, high].

    Parameters
    ----------
    name : str
        What the value is called.
    value : object
        Anything.
    low, high : float
        The smallest and the largest allowed value.
    rule : str
        Completes "name=value must …".
    above : bool
        Whether `low` itself is refused.

    Returns
    -------
    float
        The value.

    Raises
    ------
    ValueError
        If the value is not such a number.
    """
    if not _is_number(value) or not low <= value <= high or (above and value == low):
        raise ValueError(f"{name}={value!r} must {rule}")
    return float(value)


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is one of Python or of NumPy, which only others have to be asked for."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return isinstance(value, (np.integer, np.floating))


def number(
    owner: object, name: str, low: float, rule: str, *, above: bool = False, high: float = _LONGEST
) -> float:
    """Replace the field `name` of a frozen law under construction by its float; as `bounded`."""
    value = bounded(name, getattr(owner, name), low, rule, above=above, high=high)
    object.__setattr__(owner, name, value)
    return value


def checked_u(u: float) -> float:
    """Return `u` if it is a probability; raise ValueError otherwise."""
    if not 0.0 <= u <= 1.0:
        raise ValueError(f"u={u!r} must be in [0, 1]")
    return u


def checked_many(u: Floats) -> Floats:
    """Return `u` as float64 if all of it are probabilities; raise ValueError otherwise."""
    values = np.asarray(u, dtype=np.float64)
    if values.size and not bool(((values >= 0.0) & (values <= 1.0)).all()):
        raise ValueError("u must hold numbers in [0, 1] only")
    return values


class Law(ABC):
    """A law of a duration: a distribution on [0, ∞), in float µs.

    Laws are frozen values: equal parameters are equal laws, and a law can be hashed and pickled.
    """

    __slots__ = ()

    @abstractmethod
    def cdf(self, x: float) -> float:
        """Return P(X <= x), right-continuous; `x` in µs, 0 for negative `x`."""

    @abstractmethod
    def cdf_many(self, x: Floats) -> Floats:
        """Return `cdf` of every element; the last bit may differ from the scalar form."""

    @abstractmethod
    def ppf(self, u: float) -> float:
        """Return the smallest x (µs) with cdf(x) >= u, rising with `u`.

        Parameters
        ----------
        u : float
            In [0, 1]. 0 gives the lower end of the law, 1 the upper end (possibly inf).

        Returns
        -------
        float
            In µs.

        Raises
        ------
        ValueError
            If `u` is not in [0, 1].
        """

    def ppf_each(self, uniforms: Sequence[float]) -> list[float]:
        """Return `ppf` of each of a few numbers, to the bit; raises as it does."""
        return list(map(self.ppf, uniforms))

    @abstractmethod
    def ppf_many(self, u: Floats) -> Floats:
        """Return `ppf` of every element; the last bits may differ from the scalar form."""

    @abstractmethod
    def moment_to(self, u: float, power: Power) -> float:
        """Return the integral of ppf(w)^power over w in [0, u].

        Parameters
        ----------
        u : float
            In [0, 1].
        power : {1, 2}
            1 at u = 1 is the mean, 2 the second moment.

        Returns
        -------
        float
            In µs^power; inf where the integral does not converge.
        """

    @property
    @abstractmethod
    def is_constant(self) -> bool:
        """Whether the law has one value only, so that it needs no draw."""

    @property
    def mean(self) -> float:
        """The mean in µs; inf where there is none."""
        return self.moment_to(1.0, 1)

    @property
    def variance(self) -> float:
        """The variance in µs²; inf where there is none."""
        if self.is_constant:
            return 0.0
        second = self.moment_to(1.0, 2)
        return math.inf if math.isinf(second) else max(0.0, second - self.mean**2)

    @property
    def longest_us(self) -> float:
        """The longest draw, in whole µs; inf if the law has no upper end."""
        top = self.ppf(1.0)
        return math.inf if math.isinf(top) else math.floor(top + 0.5)

    def draw_us(self, u: float) -> int:
        """Return ⌊ppf(u) + 1/2⌋, the whole number of µs that the uniform `u` stands for.

        Parameters
        ----------
        u : float
            In [0, 1).

        Returns
        -------
        int
            In [0, LONGEST_US]: what a heavy tail gives beyond that is cut there.

        Raises
        ------
        ValueError
            If `u` is not in [0, 1].
        """
        x = self.ppf(u)
        return int(x + 0.5) if x < _LONGEST else LONGEST_US

    def draw_each_us(self, uniforms: Sequence[float]) -> list[int]:
        """Return `draw_us` of each of a few uniforms; raises as it does."""
        values = self.ppf_each(uniforms)
        return [int(x + 0.5) if x < _LONGEST else LONGEST_US for x in values]

    def draw_many_us(self, u: Floats) -> Ints:
        """Return `draw_us` of every element, the same shape; raises as `draw_us`."""
        return np.minimum(np.floor(self.ppf_many(u) + 0.5), _LONGEST).astype(np.int64)

    def slice_means(self, n: int) -> Floats:
        """Cut the law into `n` equally probable slices and return the mean of each.

        Parameters
        ----------
        n : int
            At least 1.

        Returns
        -------
        array of float64, shape (n,)
            In µs, ascending; their mean is the mean of the law. The last is inf if the mean is.

        Raises
        ------
        ValueError
            If `n` is below 1.
        """
        if n < 1:
            raise ValueError(f"n={n!r} must be at least 1")
        edges = [i / n for i in range(n + 1)]
        integrals = np.array([self.moment_to(edge, 1) for edge in edges])
        ends = np.array([self.ppf(edge) for edge in edges])
        # The differences lose digits where slices are thin; a mean never leaves its slice.
        means = np.clip(np.diff(integrals) * n, ends[:-1], ends[1:])
        return np.asarray(means, np.float64)
