"""Confidence sequences: intervals of a mean that stay valid although one looks after every trial.

A t interval that is looked at until it is narrow stops where it is narrow by chance. An interval of
a sequence holds, with 95 %, at all numbers of trials at once, so a run may stop when it likes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.analysis.estimators import CONFIDENCE, Interval, asked_fractions
from sim.analysis.queries.outcomes import Bound

__all__ = ["TRIALS_MAX", "Goal", "Precision", "sequence_bounds", "sequence_interval"]

TRIALS_MAX: Final = 1000
"""Trials after which a run ends, precise or not, unless told otherwise."""

_EVIDENCE: Final = math.log(2.0 / (1.0 - CONFIDENCE))
_STAKE_MAX: Final = 0.75
"""Share of the money that is staked at most."""
_MARGIN: Final = 2.0
_TINY: Final = 1e-300
_STEPS: Final = 60
_ROUNDING: Final = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """How narrow the interval of an outcome is to be.

    Attributes
    ----------
    text : str
        As it was asked for.
    query : str or None
        Query class; None for all of them.
    outcome : str
    half_width : float
        Half the width of the interval, > 0.
    is_relative : bool
        Whether that is a share of the fraction, instead of a share of the queries.
    """

    text: str
    query: str | None
    outcome: str
    half_width: float
    is_relative: bool

    def is_reached(self, interval: Interval) -> bool:
        """Whether an interval is narrow enough; of nothing asked it never is."""
        scale = interval.fraction if self.is_relative else 1.0
        return interval.high - interval.low <= 2.0 * self.half_width * scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """What a run goes on for: its goals, each under every scheme, and the most trials."""

    goals: tuple[Goal, ...]
    trials_max: int = TRIALS_MAX

    def goal_of(self, outcomes: Sequence[str], query: str | None) -> Goal | None:
        """The goal for exactly these outcomes of a query class, if there is one."""
        found = (g for g in self.goals if (g.outcome,) == tuple(outcomes) and g.query == query)
        return next(found, None)


def sequence_interval(
    per_trial: ArrayLike,
    queries_per_trial: ArrayLike,
    bounds: Sequence[Bound],
    precision: Precision,
    goal: Goal | None = None,
) -> Interval:
    """Estimate a fraction from trials whose number was decided by looking at them.

    Parameters
    ----------
    per_trial, queries_per_trial, bounds
        As for `estimators.fraction_interval`; trials in their order.
    precision : Precision
    goal : Goal or None
        What is asked of this fraction; it decides how the sequence spends its trials, and never
        whether it is valid.

    Returns
    -------
    Interval
        By the first of these that applies:

        - "none", "rule": as in `estimators.fraction_interval`.
        - "sequence": `sequence_bounds`, stretched to hold the mean of the fractions.
    """
    fractions, asked = asked_fractions(per_trial, queries_per_trial)
    known = [bound for bound, is_asked in zip(bounds, asked, strict=True) if is_asked]
    if fractions.size == 0:
        return Interval(math.nan, math.nan, math.nan, "none")
    if not fractions.any() and all(bound.proof for bound in known):
        return Interval(0.0, 0.0, 0.0, "rule")
    mean = math.fsum(fractions) / fractions.size
    most = np.array([bound.most for bound in known])
    low, high = sequence_bounds(fractions, most, precision, goal)
    return Interval(mean, min(low, mean), max(high, mean), "sequence")


def sequence_bounds(
    values: Floats, most: Floats, precision: Precision, goal: Goal | None = None
) -> tuple[float, float]:
    """Bound the mean of values in [0, 1], by as many as there are.

    Parameters
    ----------
    values : array of float, shape (n,)
        Of independent trials, in their order.
    most : array of float, shape (n,)
        The largest that the value of each trial could have been, as far as the trial says. A value
        is taken to be at most twice as large as the largest of the trials before it says; if
        one is larger, all are taken to be anything up to 1.
    precision, goal
        As for `sequence_interval`.

    Returns
    -------
    low, high : float
        In [0, 1]. With a probability of at least 95 % the mean lies between them at every n.

    Source
    ------
    I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B
    86, 2024: a mean is refused once a gambler who bets against it, never more than he has, has
    multiplied his money by 2 / 0.05; one bets that the mean is larger, one that it is smaller. Who
    wants a half-width h stakes h / (σ² + h²), the best against a mean that is wrong by h.
    """
    ranges = _ranges(values, most)
    n = np.arange(1.0, values.size + 1.0)
    sums = np.cumsum(values)
    # What the trials before say of mean and variance; the first is taken for half its range.
    mean = (ranges / 2.0 + np.concatenate(([0.0], sums[:-1]))) / n
    squares = np.cumsum((values - sums / n) ** 2)
    variance = (ranges**2 / 4.0 + np.concatenate(([0.0], squares[:-1]))) / n
    if goal is None:
        stakes = np.sqrt(2.0 * _EVIDENCE / (variance * n * np.log1p(n)))
    else:
        half = goal.half_width * (mean if goal.is_relative else 1.0)
        last = np.sqrt(2.0 * _EVIDENCE / (variance * precision.trials_max))
        stakes = np.maximum(half / (variance + half**2), last)
    return _refused_below(values, stakes), _refused_above(values, stakes, ranges)


def _refused_below(values: Floats, stakes: Floats) -> float:
    """The largest mean that is refused since the values are too large for it; 0 if none is."""

    def won(mean: float) -> float:
        staked = np.minimum(stakes, _STAKE_MAX / max(mean, _TINY))
        return math.fsum(np.log1p(staked * (values - mean))) - _EVIDENCE

    return _edge(won, float(values.max()), 0.0)


def _refused_above(values: Floats, stakes: Floats, ranges: Floats) -> float:
    """The smallest mean that is refused since the values are too small for it; 1 if none is."""

    def won(mean: float) -> float:
        staked = np.minimum(stakes, _STAKE_MAX / np.maximum(ranges - mean, _TINY))
        return math.fsum(np.log1p(staked * (mean - values))) - _EVIDENCE

    return _edge(won, float(values.min()), 1.0)


def _edge(won: Callable[[float], float], held: float, refused: float) -> float:
    """Where ``won`` crosses 0, from a mean that is held to the utmost: itself if that is held.

    By false position; an end that stays twice counts half (Illinois).
    """
    at_held, at_refused = won(held), won(refused)
    if at_refused < 0.0:
        return refused
    was_refused = None
    for _ in range(_STEPS):
        if abs(refused - held) <= _ROUNDING * abs(refused):
            break
        middle = refused + (held - refused) * at_refused / (at_refused - at_held)
        at_middle = won(middle)
        is_refused = at_middle >= 0.0
        if is_refused:
            refused, at_refused = middle, at_middle
            at_held /= 2.0 if was_refused is True else 1.0
        else:
            held, at_held = middle, at_middle
            at_refused /= 2.0 if was_refused is False else 1.0
        was_refused = is_refused
    return refused


def _ranges(values: Floats, most: Floats) -> Floats:
    """The largest that each value is taken to be; it hangs on the trials before alone."""
    ranges = np.ones(values.size)
    ranges[1:] = np.minimum(1.0, _MARGIN * np.maximum.accumulate(most)[:-1])
    return ranges if bool((values <= ranges).all()) else np.ones(values.size)
