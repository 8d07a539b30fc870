"""Every delete delay out of one trace: the study behind curves, sweeps and advice.

The delays of one scheme are gone through from the shortest up. Each is simulated until the run of
one is proven to say everything about the longer ones (:mod:`sim.analysis.curve.every_delay`): by
the settings, or, where they prove nothing, by comparing it with the run of the longest delay,
record by record, deletions left aside. From there on nothing more is simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sim.analysis.curve.every_delay import EveryDelay
from sim.analysis.curve.feedback import (
    could_not_load,
    deletions_aside,
    entanglement,
    feedback,
    with_delay,
)
from sim.analysis.queries.exposure import exposures
from sim.analysis.results import TrialResult
from sim.core.collector import collector_paused
from sim.core.units import US_PER_S
from sim.model.world import simulate
from sim.study.run import judge_trace
from sim.trace.columns import build

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure
    from sim.scenario.schema import Scenario
    from sim.study.run import Mode
    from sim.trace.recorder import Trace
    from sim.trace.timelines import Timelines

__all__ = [
    "CURVE",
    "SIMULATED",
    "DelayCurve",
    "DelayFunction",
    "schemes_alike",
    "trials_over_delays",
]

_BASES_US: Final = (0, 60 * US_PER_S, 600 * US_PER_S)
"""Delays from which on a curve is looked for: deletion at once is often a world of its own."""

SIMULATED: Final = "simulated"
CURVE: Final = "curve"


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayCurve:
    """One scheme in one trial over several delete delays.

    Attributes
    ----------
    delays_us : tuple of int
        As they were asked for.
    results : tuple of TrialResult
        One per delay. What came from the trace of another delay has no digest, records, windows,
        witnesses or story of its own.
    origins : tuple of str
        Per delay, "simulated" or "curve".
    reason : str
        What proves that the curve is right, or why every delay was simulated; a sentence.
    """

    delays_us: tuple[int, ...]
    results: tuple[TrialResult, ...]
    origins: tuple[str, ...]
    reason: str


def schemes_alike(scenario: "Scenario") -> tuple[tuple[int, ...], ...]:
    """Group the schemes that have a delete delay by the curve that they lie on, in order.

    Schemes that differ in their delays alone share a run where settings prove that no delay
    reaches more than deletions: then it does not matter either when a marked block is hidden.
    """
    marked = [i for i, scheme in enumerate(scenario.schemes) if scheme.kind == "deletion-mark"]
    if marked and not feedback(scenario):
        return (tuple(marked),)
    return tuple((i,) for i in marked)


@collector_paused()
def trials_over_delays(
    scenario: "Scenario",
    scheme_index: int,
    trial: int,
    delays_us: Sequence[int],
    *,
    mode: "Mode" = "exact",
) -> DelayCurve:
    """Give the result of one scheme in one trial for each delete delay.

    Parameters
    ----------
    scenario : Scenario
    scheme_index, trial : int
        From 0.
    delays_us : sequence of int
        In any order; >= 0.
    mode : "exact" or "sampled"
        Sampled outcomes are simulated one by one.

    Raises
    ------
    ValueError
        If the scheme has no delete delay.
    """
    rising = sorted(set(delays_us))
    found: dict[int, tuple[TrialResult, str]] = {}
    longest = _Run(scenario, scheme_index, trial, rising[-1])
    every: EveryDelay | None = None
    reason = "one delay" if len(rising) < 2 else "sampled queries are drawn anew for every delay"
    for delay_us in rising:
        if every is not None:
            found[delay_us] = (every.judged(delay_us, trial), CURVE)
            continue
        is_longest = delay_us == rising[-1]
        run = longest if is_longest else _Run(scenario, scheme_index, trial, delay_us)
        found[delay_us] = (run.result(mode), SIMULATED)
        if mode == "exact" and not is_longest:
            is_proven, reason = _proof(run, longest)
            every = run.every if is_proven else None
    return DelayCurve(
        delays_us=tuple(delays_us),
        results=tuple(found[delay_us][0] for delay_us in delays_us),
        origins=tuple(found[delay_us][1] for delay_us in delays_us),
        reason=reason,
    )


class DelayFunction:
    """The result of one scheme in one trial as a function of the delete delay.

    Parameters
    ----------
    scenario : Scenario
    scheme_index, trial : int
    longest_us : int
        Where a curve has to be proven by comparing runs, it is proven up to this delay.
    bases_us : sequence of int
        Delays from which on a curve is looked for, rising.

    Attributes
    ----------
    base_us : int or None
        Delays from this one on are read off one run; None if each is simulated.
    reason : str
        Why that is so.
    critical_us : int or None
        Largest critical delay of any query class; None without a curve.
    """

    def __init__(
        self,
        scenario: "Scenario",
        scheme_index: int,
        trial: int,
        longest_us: int,
        bases_us: Sequence[int] = _BASES_US,
    ) -> None:
        self._own = (scenario, scheme_index, trial)
        self._trial = trial
        self._known: dict[int, TrialResult] = {}
        self._every: EveryDelay | None = None
        self.base_us: int | None = None
        self.reason = _worlds_apart(scenario)
        if self.reason:
            return
        longest = _Run(*self._own, longest_us)
        for delay_us in bases_us:
            if delay_us >= longest_us:
                break
            run = _Run(*self._own, delay_us)
            is_proven, self.reason = _proof(run, longest)
            if is_proven:
                self._every, self.base_us = run.every, delay_us
                break

    @property
    def critical_us(self) -> int | None:
        if self._every is None:
            return None
        return max(critical.largest_us for critical in self._every.critical)

    def __call__(self, delay_us: int) -> TrialResult:
        """Give the result at a delay; each is worked out once."""
        if delay_us not in self._known:
            self._known[delay_us] = self._result(delay_us)
        return self._known[delay_us]

    def _result(self, delay_us: int) -> TrialResult:
        if self._every is not None and self.base_us is not None and delay_us >= self.base_us:
            return self._every.judged(delay_us, self._trial)
        return _Run(*self._own, delay_us).result("exact")


class _Run:
    """The run of one scheme in one trial at one delay, as far as anybody has asked for it."""

    def __init__(self, scenario: "Scenario", scheme_index: int, trial: int, delay_us: int) -> None:
        self.scenario = with_delay(scenario, scheme_index, delay_us)
        self._index = scheme_index
        self._trial = trial

    @cached_property
    def trace(self) -> "Trace":
        return simulate(self.scenario, self._index, self._trial)

    @cached_property
    def timelines(self) -> "Timelines":
        return build(self.trace)

    @cached_property
    def _exposed(self) -> "tuple[Exposure, ...]":
        return exposures(self.scenario, self.timelines)

    def result(self, mode: "Mode") -> TrialResult:
        """What all judges say."""
        own = (self.scenario, self._index, self._trial, mode)
        return judge_trace(*own, self.trace, self.timelines, self._exposed)

    @cached_property
    def every(self) -> EveryDelay:
        """The run as one of every longer delay, if it is proven to be."""
        own = (self.scenario, self._index, self.trace, self.timelines)
        return EveryDelay(*own, self._exposed)


def _worlds_apart(scenario: "Scenario") -> str:
    """Why no run can say anything about another delay; empty if it may."""
    entangled = entanglement(scenario)
    return f"every delay is a world of its own here: {', '.join(entangled)}" if entangled else ""


def _proof(run: _Run, longest: _Run) -> tuple[bool, str]:
    """Whether a run says everything about longer delays; why it does, or does not."""
    if reason := _worlds_apart(run.scenario):
        return False, reason
    if not run.every.is_predictable:
        return False, "deletions are not where the passes of whoever deletes say"
    reasons = feedback(run.every.scenario)
    if not reasons:
        if could_not_load(run.trace):
            return False, "a gateway could not load a block that a longer delay had kept"
        return True, "settings prove that a delete delay moves deletions and nothing else"
    why = ", ".join(reasons)
    if deletions_aside(run.trace) != deletions_aside(longest.trace):
        return False, f"a delete delay reaches more than deletions here: {why}"
    if not run.every.predicts(longest.every.delay_us, longest.timelines):
        return False, f"deletions are not only moved here: {why}"
    return True, f"the shortest and the longest delay differ in deletions alone, though {why}"
