"""Intervals over trials: what a few independent runs say about a fraction or another mean.

All intervals are at 95 %. Trials are independent; the queries of one trial are not, for what
chance decides are phases, durations and lags. So queries are never counted: trials speak for
themselves where enough of them saw the outcome (t), and where few or none did, clusters are counted
(``bounds.py``), each weighed with the largest damage that one can do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.analysis.bootstrap import bootstrap_interval, is_skewed
from sim.analysis.queries.outcomes import Bound

__all__ = [
    "CONFIDENCE",
    "Interval",
    "asked_fractions",
    "fraction_interval",
    "mean_interval",
    "t_half_width",
    "vector_of",
]

CONFIDENCE: Final = 0.95

_TAIL: Final = (1.0 - CONFIDENCE) / 2.0
_TRIALS_FOR_T: Final = 3
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """A fraction and its 95 % interval.

    Attributes
    ----------
    fraction : float
        Mean of the fractions of the trials, in [0, 1]; nan if nothing was asked.
    low, high : float
        In [0, 1] with low <= fraction <= high; nan if nothing was asked.
    method : str
        "t", "stratified", "bootstrap", "phases", "clusters", "rule" or "none"; "sequence" of runs
        that went on until it was narrow enough (``sequences.py``).
    """

    fraction: float
    low: float
    high: float
    method: str


def fraction_interval(
    per_trial: ArrayLike,
    queries_per_trial: ArrayLike,
    bounds: Sequence[Bound] | None = None,
    groups: Sequence[int] | None = None,
) -> Interval:
    """Estimate a fraction from its value in each trial.

    Parameters
    ----------
    per_trial : array of float, shape (n,)
        Fraction of the queries of each trial that had the outcome, in [0, 1]. An expected
        fraction is as good as a counted one.
    queries_per_trial : float or array of float, shape (n,)
        Queries asked in each trial, >= 0, not necessarily whole. Trials without queries are
        left out, whatever their fraction.
    bounds : sequence of Bound or None
        What is known of each trial beyond its fraction, n of them; None: nothing is.
    groups : sequence of int or None
        Of each trial, in which group it is: those of one group are spread evenly, and groups are
        independent of each other. None: so are all trials.

    Returns
    -------
    Interval
        By the first of these that applies:

        - "none": nothing was asked; everything is nan.
        - "rule": no query had the outcome, and in every trial a rule proves that none can; low
          and high are 0.
        - "t": at least three trials of which at least half saw the outcome, and at least half
          saw something else; cut to [0, 1].
        - "stratified": the same, of trials in groups: a t interval of the means of the groups.
        - "bootstrap": the same, but from 12 trials on where their skewness says that t is not right
          (`bootstrap.is_skewed`).
        - "phases": as integrated over the phases of the readers, where every trial could be: the
          one value if nothing else is drawn, else a t interval, under the same condition as
          above. Stretched to hold the fraction that was seen.
        - "clusters": the rest. m clusters, the largest fraction of one of them being b, count as
          m chances of which m · fraction / b went wrong (Clopper-Pearson, times b); where that is
          none, high is b (1 - 0.05^(1/m)). Likewise from above where every query had it.

    Raises
    ------
    ValueError
        If shapes differ, a fraction is outside [0, 1] or a number of queries is negative.

    Source
    ------
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
    That a bounded variable deviates less than a coin of the same mean: W. Hoeffding, "Probability
    inequalities for sums of bounded random variables", JASA 58, 1963. Their coverage is measured
    in ``tests/theory/test_coverage.py``.
    """
    fractions, asked = asked_fractions(per_trial, queries_per_trial)
    known = [Bound()] * asked.size if bounds is None else list(bounds)
    if len(known) != asked.size:
        raise ValueError(f"bounds={len(known)} must be one per trial, {asked.size}")
    known = [bound for bound, is_asked in zip(known, asked, strict=True) if is_asked]
    if fractions.size == 0:
        return Interval(math.nan, math.nan, math.nan, "none")
    if not fractions.any() and all(bound.proof for bound in known):
        return Interval(0.0, 0.0, 0.0, "rule")
    mean = math.fsum(fractions) / fractions.size
    if _speaks(fractions):
        if groups is not None:
            low, high = _t_interval(_means(fractions, np.asarray(groups)[asked]))
            return Interval(mean, min(low, mean), max(high, mean), "stratified")
        if is_skewed(fractions):
            low, high = bootstrap_interval(fractions, _TAIL)
            return Interval(mean, max(0.0, min(low, mean)), min(1.0, max(high, mean)), "bootstrap")
        low, high = _t_interval(fractions)
        return Interval(mean, low, high, "t")
    phases = [bound.over_phases for bound in known if bound.over_phases is not None]
    if len(phases) == len(known):
        integrated = np.array(phases)
        if all(bound.is_certain for bound in known):
            low, high = float(integrated.min()), float(integrated.max())
            return Interval(mean, min(low, mean), max(high, mean), "phases")
        if _speaks(integrated):
            low, high = _t_interval(integrated)
            return Interval(mean, min(low, mean), max(high, mean), "phases")
    clusters = sum(bound.clusters for bound in known)
    low, high = _of_clusters(mean, clusters, max(bound.most for bound in known))
    return Interval(mean, min(low, mean), max(high, mean), "clusters")


def mean_interval(values: ArrayLike) -> Interval:
    """Estimate the mean of any quantity from its value in each trial.

    Parameters
    ----------
    values : array of float, shape (n,)
        Trials with a nan are left out.

    Returns
    -------
    Interval
        Its ``fraction`` is the mean, in the unit of the values. "t" from two trials on; with one
        low and high are nan, with none everything is ("none").
    """
    vector = vector_of("values", values)
    there = vector[~np.isnan(vector)]
    if there.size == 0:
        return Interval(math.nan, math.nan, math.nan, "none")
    mean = math.fsum(there) / there.size
    if there.size == 1:
        return Interval(mean, math.nan, math.nan, "none")
    half = t_half_width(there)
    return Interval(mean, mean - half, mean + half, "t")


def vector_of(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return `values` as a float vector; ValueError, with the name, if they are none."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name}={vector.shape} array must have one dimension")
    return vector


def _spread(name: str, values: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return one number or `n` numbers >= 0 as a vector of `n`."""
    vector = np.asarray(values, dtype=np.float64)
    if vector.shape not in ((), (n,)):
        raise ValueError(f"{name}={vector.shape} array must be one number or one per trial, {n}")
    if not bool((np.isfinite(vector) & (vector >= 0.0)).all()):
        raise ValueError(f"{name}={values!r} must be finite and >= 0")
    return np.broadcast_to(vector, (n,))


def asked_fractions(
    per_trial: ArrayLike, queries_per_trial: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the fractions of the trials that asked anything, and which trials those are.

    Parameters
    ----------
    per_trial, queries_per_trial
        As for :func:`fraction_interval`.

    Returns
    -------
    fractions : float64 array
        In [0, 1], of the trials with queries.
    asked : bool array of shape (n,)
        Whether a trial had queries.

    Raises
    ------
    ValueError
        As :func:`fraction_interval`.
    """
    fractions = vector_of("per_trial", per_trial)
    queries = _spread("queries_per_trial", queries_per_trial, fractions.size)
    asked: NDArray[np.bool_] = queries > 0.0
    fractions = fractions[asked]
    if not bool(((fractions >= -_ROUNDING) & (fractions <= 1.0 + _ROUNDING)).all()):
        raise ValueError(f"per_trial={fractions.tolist()!r} must be fractions in [0, 1]")
    return np.clip(fractions, 0.0, 1.0), asked


def _speaks(values: NDArray[np.float64]) -> bool:
    """Whether enough trials saw the outcome, and something else, for their spread to say much."""
    seen = min(int((values > 0.0).sum()), int((values < 1.0).sum()))
    return values.size >= _TRIALS_FOR_T and 2 * seen >= values.size


def _t_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the t interval of the mean of at least two fractions, cut to [0, 1]."""
    mean, half = math.fsum(values) / values.size, t_half_width(values)
    return max(0.0, mean - half), min(1.0, mean + half)


def _means(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean of each group of values."""
    return np.array([values[groups == group].mean() for group in np.unique(groups)])


def t_half_width(values: NDArray[np.float64]) -> float:
    """Return half the width of the t interval of a mean, for at least two values.

    It has a degree of freedom less than for normal values: fractions of trials are flat, or lean
    to one side (the latest of several readers decides), and the plain one then covers 91 to 93 %
    (``tests/theory/test_coverage.py``).
    """
    from scipy.special import stdtrit

    n = values.size
    quantile = float(stdtrit(max(1, n - 2), 1.0 - _TAIL))
    return quantile * float(np.std(values, ddof=1)) / math.sqrt(n)


def _of_clusters(fraction: float, clusters: int, most: float) -> tuple[float, float]:
    """Return the interval of a fraction seen in `clusters` parts, each at most `most`."""
    from scipy.special import betaincinv

    if fraction in (0.0, 1.0):
        none = min(1.0, most * (1.0 - (2.0 * _TAIL) ** (1.0 / clusters)))
        return (0.0, none) if fraction == 0.0 else (1.0 - none, 1.0)
    most = max(most, fraction)
    count = clusters * fraction / most
    low = float(betaincinv(count, clusters - count + 1.0, _TAIL))
    high = (
        float(betaincinv(count + 1.0, clusters - count, 1.0 - _TAIL)) if count < clusters else 1.0
    )
    # The quantile of next to nothing is next to nothing, and no number worth showing.
    low = low if low > _ROUNDING * fraction else 0.0
    return most * low, min(1.0, most * high)
