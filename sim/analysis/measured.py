"""Holds measures against bounds: means over trials with their interval, or the largest of all."""

import math
from dataclasses import dataclass

from sim.analysis.estimators import Interval, mean_interval
from sim.analysis.evidence.witness import Measured
from sim.analysis.results import SchemeResult, TrialResult
from sim.analysis.totals import flat_counts
from sim.scenario.metrics import METRICS, Adding

__all__ = ["Held", "held", "measure", "measures"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Whether a measure keeps its bound; None where nobody can say, for a reason."""

    is_inside: bool | None
    reason: str = ""
    witness: Measured | None = None


def measures(scheme: SchemeResult, name: str) -> list[float]:
    """The measure of each trial, in its unit; nan where a trial has none, or nothing to measure."""
    return [_of_trial(trial, name) for trial in scheme.trials]


def measure(scheme: SchemeResult, name: str) -> Interval:
    """The mean over trials and its interval, or the largest of all, which is no estimate."""
    found = measures(scheme, name)
    if METRICS[name].adding is not Adding.LARGEST:
        return mean_interval(found)
    largest = max((value for value in found if not math.isnan(value)), default=math.nan)
    return Interval(largest, largest, largest, "none")


def held(scheme: SchemeResult, name: str, bound: float, *, sign: int) -> Held:
    """Hold a measure against a bound; ``sign`` 1 for at most, -1 for at least.

    The whole interval must lie on one side, in either mode.
    """
    found = measure(scheme, name)
    if math.isnan(found.fraction):
        return Held(is_inside=None, reason="nothing was measured")
    if sign > 0 and name == "garbage-bytes" and not scheme.exercised.retired:
        return Held(is_inside=None, reason="no block was retired after the warm-up")
    if math.isnan(found.low):
        return Held(is_inside=None, reason="one trial has no interval")
    best, worst = (found.low, found.high) if sign > 0 else (found.high, found.low)
    if sign * worst <= sign * bound:
        return Held(is_inside=True)
    if sign * best <= sign * bound:
        return Held(is_inside=None, reason="the bound lies in the interval over trials")
    return Held(is_inside=False, witness=_witness(scheme, name, found, sign))


def _of_trial(trial: TrialResult, name: str) -> float:
    counts = dict(flat_counts(trial.counts))
    group, _, _ = name.rpartition(".")
    is_empty = METRICS[name].unit == "s" and counts.get(f"{group}.n") == 0
    return math.nan if is_empty else counts.get(name, math.nan)


def _witness(scheme: SchemeResult, name: str, found: Interval, sign: int) -> Measured:
    of_trials = zip(scheme.trials, measures(scheme, name), strict=True)
    there = [(trial, value) for trial, value in of_trials if not math.isnan(value)]
    worst, worst_value = max(there, key=lambda item: sign * item[1])
    return Measured(
        unit=METRICS[name].unit,
        value=found.fraction,
        low=found.low,
        high=found.high,
        worst_trial=worst.trial,
        worst_seed=worst.seed,
        worst_value=worst_value,
    )
