"""Rare events by splitting: ways that come nearer to a failure than most go on from there.

The chance of a failure is a product of chances that are not small: of coming as near as the best
tenth of all ways, of coming as near as the best tenth of those, and so on. Each factor is counted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

import numpy as np

from sim.analysis.estimators import CONFIDENCE

__all__ = ["RareEstimate", "Split", "Stage", "Way", "of_repeats", "split", "stages"]

_SHARE: Final = 0.2
"""Of the ways that reach one score, the share that reaches the next."""
_ACCEPTED: Final = 0.44
"""Share of steps that a chain takes at best."""
_LEVELS_MAX: Final = 200
_SAMPLES_MIN: Final = 20
_WIDTH_MIN: Final = 1e-3
_NEGLIGIBLE: Final = 1e-3


class Way(Protocol):
    """One way how everything may happen."""

    @property
    def score(self) -> float:
        """How near it comes to a failure, in any unit; above 0 if it fails of itself."""

    @property
    def damage(self) -> float:
        """Share of the queries that fail, in [0, 1]."""

    @property
    def weight(self) -> float:
        """How likely it is, relative to how likely it was made: 1 where nothing was."""


W = TypeVar("W", bound=Way)


@dataclass(frozen=True, slots=True)
class Stage:
    """A score to reach, and how wide the steps of those are that have reached it."""

    level: float
    width: float


@dataclass(frozen=True, slots=True)
class Split(Generic[W]):
    """What one run of the splitting found.

    Attributes
    ----------
    fraction : float
        Expected damage.
    ways : int
        How many ways were looked at.
    worst : Way
        One of largest damage, or else of largest score.
    is_whole : bool
        Whether some way reached every level. If none did, the rest may be missing.
    """

    fraction: float
    ways: int
    worst: W
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class RareEstimate:
    """Mean of independent repetitions, its 95 % interval and its relative standard error."""

    fraction: float
    low: float
    high: float
    relative_error: float


def stages(
    drawn: Callable[[int], W], moved: Callable[[W, float | None, int], W], *, samples: int
) -> tuple[Stage, ...]:
    """Find scores each of which about a tenth of the ways reach that have reached the one before.

    Parameters
    ----------
    drawn, moved, samples
        As for `split`.

    Returns
    -------
    tuple of Stage
        Up to the score from which on a tenth fail, or beyond which no way was found.

    Source
    ------
    S.-K. Au, J. L. Beck, "Estimation of small failure probabilities in high dimensions by subset
    simulation", Probabilistic Engineering Mechanics 16, 2001; the width of steps: I. Papaioannou,
    W. Betz, K. Zwirglmaier, D. Straub, "MCMC algorithms for subset simulation", ibid. 41, 2015.
    """
    if samples < _SAMPLES_MIN:
        raise ValueError(f"samples={samples} must be at least {_SAMPLES_MIN}")
    ways = [drawn(number) for number in range(samples)]
    found: list[Stage] = []
    width, count, chance, fraction = 0.6, samples, 1.0, 0.0
    # What has a chance that is no part of the sum worth mentioning needs no more levels.
    while len(found) < _LEVELS_MAX and chance > _NEGLIGIBLE * fraction:
        level = _next_level([way.score for way in ways])
        if level is None:
            break
        starts = [way for way in ways if way.score >= level]
        fraction += chance * _mean_damage(ways, level)
        chance *= len(starts) / len(ways)
        ways, width = _walk(starts, level, moved, math.ceil(samples / len(starts)), count, width)
        count += len(ways)
        found.append(Stage(level, width))
    return tuple(found)


def _next_level(scores: Sequence[float]) -> float | None:
    """The score that about a tenth of the ways reach; None if as many fail, or all are alike."""
    ordered = sorted(scores, reverse=True)
    found = ordered[math.ceil(_SHARE * len(ordered)) - 1]
    if found > 0.0:
        return None
    if found == ordered[-1]:
        # So many have the same score that the next one is rarer than a tenth.
        found = min((score for score in ordered if score > ordered[-1]), default=math.inf)
    return found if found <= ordered[0] else None


def _walk(
    starts: Sequence[W],
    level: float,
    moved: Callable[[W, float | None, int], W],
    steps: int,
    count: int,
    width: float,
    *,
    is_width_fixed: bool = False,
) -> tuple[list[W], float]:
    """Go so many steps from each way that reaches a level, and never below it; give all steps."""
    here = list(starts)
    ways: list[W] = []
    for round_ in range(1, steps + 1):
        accepted = 0
        # Every third step moves some things further, which is how one more of several goes wrong.
        kept = math.sqrt(1.0 - width * width) if round_ % 3 else None
        for i in range(len(here)):
            proposed = moved(here[i], kept, count + len(ways))
            if proposed.score >= level:
                here[i] = proposed
                accepted += 1
            ways.append(here[i])
        if kept is not None and not is_width_fixed:
            width *= math.exp((accepted / len(here) - _ACCEPTED) / math.sqrt(round_))
            width = min(max(width, _WIDTH_MIN), 1.0)
    return ways, width


def split(
    drawn: Callable[[int], W],
    moved: Callable[[W, float | None, int], W],
    by: Sequence[Stage],
    *,
    samples: int,
) -> Split[W]:
    """Estimate the expected damage of all ways.

    Parameters
    ----------
    drawn : callable
        Gives an independent way for a number.
    moved : callable
        Gives, for a way, a correlation in [0, 1] and a number, another one near it; for None one
        in which some things are elsewhere. The law of ways must stay what it is, and both
        directions be equally likely.
    by : sequence of Stage
        Found by other ways than these.
    samples : int
        Ways to begin with.

    Returns
    -------
    Split
        A way that has reached a level is one of those that do, and so is every step from it: no
        step has to lead far away for the fraction to be right in the mean, but for the spread.
        Numbers that are given are all different.

    Source
    ------
    Z. I. Botev, D. P. Kroese, "Efficient Monte Carlo simulation via the generalized splitting
    method", Statistics and Computing 22, 2012: steps from levels that are fixed beforehand, here
    as many in all from each level.
    """
    ways = [drawn(number) for number in range(samples)]
    worst = max(ways, key=_badness)
    count, chance, fraction = samples, 1.0, 0.0
    for stage in by:
        starts = [way for way in ways if way.score >= stage.level]
        fraction += chance * _mean_damage(ways, stage.level)
        if not starts:
            return Split(fraction, count, worst, is_whole=False)
        chance *= len(starts) / len(ways)
        steps = math.ceil(samples / len(starts))
        ways, _ = _walk(starts, stage.level, moved, steps, count, stage.width, is_width_fixed=True)
        count += len(ways)
        worst = max([worst, *ways], key=_badness)
    return Split(fraction + chance * _mean_damage(ways, math.inf), count, worst)


def _mean_damage(ways: Sequence[Way], below: float) -> float:
    """Mean over ways of the damage of those whose score is below some level."""
    return math.fsum(way.damage * way.weight for way in ways if way.score < below) / len(ways)


def _badness(way: Way) -> tuple[float, float]:
    return way.damage, way.score


def of_repeats(fractions: Sequence[float], *, are_whole: bool = True) -> RareEstimate:
    """Put independent repetitions together.

    Parameters
    ----------
    fractions : sequence of float
        At least three, each an unbiased estimate >= 0.
    are_whole : bool
        Whether each has counted all there is to count.

    Returns
    -------
    RareEstimate
        The mean, with an interval for the mean of a lognormal law, which products of counted
        factors have. Where a repetition found nothing, or not all, the others say too little: from
        0 to 1.

    Source
    ------
    X.-H. Zhou, S. Gao, "Confidence intervals for the log-normal mean", Statistics in Medicine 16,
    1997 (the method of Cox).
    """
    from scipy.special import stdtrit

    values = np.asarray(fractions, np.float64)
    n = values.size
    if n < 3:
        raise ValueError(f"fractions={n} must be at least 3")
    mean = math.fsum(values) / n
    quantile = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2.0))
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    if not (are_whole and values.all()):
        return RareEstimate(mean, 0.0, 1.0, error / mean if mean else math.inf)
    logs = np.log(values)
    variance = float(np.var(logs, ddof=1))
    middle = float(logs.mean()) + variance / 2.0
    half = quantile * math.sqrt(variance / n + variance**2 / (2.0 * (n - 1)))
    low, high = math.exp(middle - half), min(1.0, math.exp(min(0.0, middle + half)))
    return RareEstimate(mean, min(low, mean), max(high, mean), error / mean)
