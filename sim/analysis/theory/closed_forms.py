"""Closed forms: numbers the simulator must reproduce, none of which it produced.

Times are in µs, rates per second. Each function states the setting in which its formula is
exact. The forms that belong to deletion schemes are in `sim.analysis.theory.deletion` and
re-exported here; `sim.analysis.theory.wars` is the one oracle that is a sampler and no formula.
"""

import math
from typing import NamedTuple

from sim.analysis.theory.deletion import (
    compactions_per_day,
    error_window_immediate,
    marked_blocks_present,
    retired_blocks_per_day,
    safe_delay_us,
)
from sim.core.laws import Law
from sim.core.units import US_PER_S

__all__ = [
    "Moments",
    "compactions_per_day",
    "error_window_immediate",
    "in_flight_pmf",
    "little",
    "marked_blocks_present",
    "polling_delay",
    "quorum_miss",
    "retired_blocks_per_day",
    "safe_delay_us",
    "stale_fraction_constant",
    "stale_fraction_exponential",
    "version_lag_exponential",
]


class Moments(NamedTuple):
    """Mean (µs) and variance (µs²) of a time."""

    mean: float
    variance: float


def _not_negative(**values: float) -> None:
    """Raise ValueError for a value that is negative or not finite."""
    for name, value in values.items():
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{name}={value!r} must be finite and >= 0")


def _positive(**values: float) -> None:
    """Raise ValueError for a value that is not above 0 or not finite."""
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name}={value!r} must be finite and > 0")


def stale_fraction_exponential(writes_per_s: float, visible_per_s: float) -> float:
    """Return P(a read of one key misses the newest write), exponential visibility delay.

    Parameters
    ----------
    writes_per_s : float
        Rate w of the Poisson writes, >= 0.
    visible_per_s : float
        Rate l of the exponential delay, > 0.

    Returns
    -------
    float
        w / (w + l).

    Raises
    ------
    ValueError
        If a rate is out of its range.

    Source
    ------
    The age of the newest write is exponential with rate w; its delay outlives that age with
    probability w / (w + l).
    """
    _not_negative(writes_per_s=writes_per_s)
    _positive(visible_per_s=visible_per_s)
    return writes_per_s / (writes_per_s + visible_per_s)


def stale_fraction_constant(writes_per_s: float, delay_us: float) -> float:
    """Return P(a read of one key misses the newest write), constant visibility delay.

    Parameters
    ----------
    writes_per_s : float
        Rate w of the Poisson writes, >= 0.
    delay_us : float
        The delay d, >= 0.

    Returns
    -------
    float
        1 - exp(-w d): some write fell into the last d.

    Raises
    ------
    ValueError
        If an argument is negative or not finite.
    """
    _not_negative(writes_per_s=writes_per_s, delay_us=delay_us)
    return -math.expm1(-little(writes_per_s, delay_us))


def little(arrivals_per_s: float, mean_stay_us: float) -> float:
    """Return the mean number present, L = λ W.

    Parameters
    ----------
    arrivals_per_s, mean_stay_us : float
        Both >= 0; any process in steady state.

    Returns
    -------
    float
        A number of things, not necessarily whole.

    Raises
    ------
    ValueError
        If an argument is negative or not finite.

    Source
    ------
    J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9(3), 1961.
    """
    _not_negative(arrivals_per_s=arrivals_per_s, mean_stay_us=mean_stay_us)
    return arrivals_per_s * mean_stay_us / US_PER_S


def in_flight_pmf(writes_per_s: float, mean_delay_us: float, count: int) -> float:
    """Return P(exactly `count` versions are written but not visible).

    Parameters
    ----------
    writes_per_s : float
        Rate of the Poisson writes, >= 0.
    mean_delay_us : float
        Mean of the visibility delay, >= 0; only the mean of its law matters.
    count : int
        At least 0.

    Returns
    -------
    float
        The Poisson probability with mean w · m.

    Raises
    ------
    ValueError
        If an argument is negative.

    Source
    ------
    Insensitivity of M/G/∞: L. Takács, "Introduction to the Theory of Queues", 1962.
    """
    mean = little(writes_per_s, mean_delay_us)
    if count < 0:
        raise ValueError(f"count={count!r} must be >= 0")
    if mean == 0.0:
        return 1.0 if count == 0 else 0.0
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1.0))


def version_lag_exponential(writes_per_s: float, visible_per_s: float, versions: int) -> float:
    """Return P(a read is at least `versions` versions behind), exponential visibility delay.

    Parameters
    ----------
    writes_per_s, visible_per_s : float
        Rates w >= 0 of the Poisson writes and l > 0 of the delay.
    versions : int
        k >= 0; 0 gives 1.

    Returns
    -------
    float
        The product over j = 1..k of w / (w + j l): the newest j versions are all in flight.

    Raises
    ------
    ValueError
        If an argument is out of its range.
    """
    _not_negative(writes_per_s=writes_per_s)
    _positive(visible_per_s=visible_per_s)
    if versions < 0:
        raise ValueError(f"versions={versions!r} must be >= 0")
    steps = range(1, versions + 1)
    return math.prod(writes_per_s / (writes_per_s + j * visible_per_s) for j in steps)


def quorum_miss(replicas: int, read: int, write: int, versions: int = 1) -> float:
    """Return P(a quorum read sees none of the last `versions` versions), instant transfer.

    Parameters
    ----------
    replicas, read, write : int
        N >= 1 replicas, R and W of them, in [1, N]; both quorums uniform and independent.
    versions : int
        k >= 1: how many versions back count as fresh.

    Returns
    -------
    float
        (C(N - W, R) / C(N, R))^k; the read is within k versions with 1 minus that.

    Raises
    ------
    ValueError
        If an argument is out of its range.

    Source
    ------
    P. Bailis et al., "Probabilistically Bounded Staleness for Practical Partial Quorums",
    VLDB 2012, section 3.
    """
    if replicas < 1 or not (1 <= read <= replicas and 1 <= write <= replicas):
        raise ValueError(f"read={read!r}, write={write!r} must be in [1, replicas={replicas!r}]")
    if versions < 1:
        raise ValueError(f"versions={versions!r} must be >= 1")
    miss = math.comb(replicas - write, read) / math.comb(replicas, read)
    return float(miss**versions)


def polling_delay(period_us: float, delay: Law) -> Moments:
    """Return the moments of the time until a poller discovers a change.

    Parameters
    ----------
    period_us : float
        Period P of the poller, > 0; its phase is uniform against the change.
    delay : Law
        Visibility delay D of the change.

    Returns
    -------
    Moments
        Mean E[D] + P/2, variance Var[D] + P²/12: the wait for the next poll is uniform on
        (0, P) whatever D is, hence independent of it.

    Raises
    ------
    ValueError
        If `period_us` is not above 0.
    """
    _positive(period_us=period_us)
    return Moments(delay.mean + period_us / 2.0, delay.variance + period_us**2 / 12.0)
