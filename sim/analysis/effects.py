"""Effects of knobs: whose doing it is that a number differs between settings (Sobol's indices).

Settings are drawn evenly from the ranges of all knobs. The *first-order* effect of a knob is the
share of the variance that the knob has alone: by how much it would shrink, on average, if only that
knob was known. Its *total* effect has as well what it does together with others: what would be left
if only it was unknown. A knob that does nothing has 0 of both.

Settings and estimators are SALib's (extra ``search``): A. Saltelli et al., "Variance based
sensitivity analysis of model output", Computer Physics Communications 181 (2010), 259-270, on
Sobol's sequence, scrambled.
"""

import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "SEARCH_EXTRA",
    "Effect",
    "KnobEffects",
    "draw_shares",
    "effects_of",
    "has_library",
]

SEARCH_EXTRA: Final = (
    'effects of knobs need the extra "search": pip install "consistency-sim[search]"'
)
"""What to say where the library is missing."""

_RESAMPLES: Final = 1_000
# What differs by less than this share of its size differs by rounding.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one knob does.

    Attributes
    ----------
    knob : str
        Its path.
    low, high : str
        The ends of its range, as they were written.
    first, total : float
        Shares of the variance. Estimates may lie a little outside of [0, 1].
    first_error, total_error : float
        Half of their 95 % intervals, >= 0, by bootstrap over the samples.
    """

    knob: str
    low: str
    high: str
    first: float
    first_error: float
    total: float
    total_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KnobEffects:
    """What the knobs of a scenario do to one number of one scheme.

    Attributes
    ----------
    name, scheme : str
        Of the scenario, and of the scheme.
    measure : str
        An outcome, whose fraction it is, or "garbage-bytes".
    seed, trials : int
        Of every setting.
    samples : int
        Base samples; each takes a setting for every knob, and two more.
    settings : int
        How many of the settings differ.
    mean, least, most : float
        Of the measure over settings, in queries per query, or in bytes.
    effects : tuple of Effect
        The largest total effect first; empty if nothing differs between settings, or if the
        measure is unknown at some.
    """

    name: str
    scheme: str
    measure: str
    seed: int
    trials: int
    samples: int
    settings: int
    mean: float
    least: float
    most: float
    effects: tuple[Effect, ...]

    @property
    def strongest(self) -> str:
        """The knob whose interval of the total effect lies above all others; empty if none does."""
        if not self.effects:
            return ""
        first, *others = self.effects
        least = first.total - first.total_error
        is_sure = all(least > other.total + other.total_error for other in others)
        return first.knob if is_sure else ""


def has_library() -> bool:
    """Whether the library is installed."""
    return importlib.util.find_spec("SALib") is not None


def draw_shares(knobs: int, samples: int, seed: int) -> "NDArray[np.float64]":
    """Draw settings: a line each, for each knob the share of the way through its range.

    Parameters
    ----------
    knobs : int
        How many, > 0.
    samples : int
        A power of two.
    seed : int
        >= 0; equal seeds give equal settings.

    Returns
    -------
    array of float
        In [0, 1], of ``samples * (knobs + 2)`` lines.

    Raises
    ------
    ImportError
        Names the extra that brings SALib.
    ValueError
        If the number of samples is no power of two.
    """
    if samples < 2 or samples & (samples - 1):
        raise ValueError(f"samples={samples} must be a power of two, such as 64")
    if not has_library():
        raise ImportError(SEARCH_EXTRA)
    from SALib.sample import sobol

    shares = sobol.sample(_problem(knobs), samples, calc_second_order=False, seed=_seed(seed))
    return np.asarray(shares, dtype=np.float64)


def effects_of(
    knobs: Sequence[tuple[str, str, str]], values: Sequence[float], seed: int
) -> tuple[Effect, ...]:
    """Estimate effects from the value at each line of :func:`draw_shares`.

    Parameters
    ----------
    knobs : sequence of (str, str, str)
        Path and ends of each.
    values : sequence of float
        In the order of the lines.
    seed : int
        >= 0, of the bootstrap.

    Returns
    -------
    tuple of Effect
        The largest total effect first; empty if all values are the same, or one is nan.
    """
    from SALib.analyze import sobol

    number = np.asarray(values, dtype=np.float64)
    size = float(np.abs(number).max())
    if math.isnan(size) or float(np.ptp(number)) <= _ROUNDING * size:
        return ()
    found = sobol.analyze(
        _problem(len(knobs)),
        number,
        calc_second_order=False,
        num_resamples=_RESAMPLES,
        seed=_seed(seed),
    )
    columns = [[float(x) for x in found[name]] for name in ("S1", "S1_conf", "ST", "ST_conf")]
    effects = [
        Effect(
            knob=path,
            low=low,
            high=high,
            first=first,
            first_error=first_error,
            total=total,
            total_error=total_error,
        )
        for (path, low, high), first, first_error, total, total_error in zip(
            knobs, *columns, strict=True
        )
    ]
    return tuple(sorted(effects, key=lambda effect: -effect.total))


def _problem(knobs: int) -> dict[str, Any]:
    return {"num_vars": knobs, "names": [str(i) for i in range(knobs)], "bounds": [[0, 1]] * knobs}


def _seed(seed: int) -> int:
    # The library takes 0 for none, and draws what nobody can repeat.
    return seed + 1
