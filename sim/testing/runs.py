"""One scheme in one trial: what happened, and how its queries ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sim.analysis.checkers import observe
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, inexact
from sim.analysis.queries.exposure import Exposure, exposures
from sim.analysis.queries.outcomes import ClassOutcome
from sim.model.world import simulate
from sim.scenario.schema import OUTCOMES, Scenario
from sim.testing.invariants import check_trace
from sim.trace.columns import build
from sim.trace.recorder import Trace
from sim.trace.timelines import Timelines

__all__ = ["SmallRun", "simulate_small"]


@dataclass(frozen=True, kw_only=True, repr=False)
class SmallRun:
    """One scheme in one trial: its trace, checked, and what judges say of it, once it is asked for.

    Attributes
    ----------
    scenario : Scenario
    scheme_index, trial : int
    trace : Trace
        The record, see `sim.trace.records`.
    timelines : Timelines
        The columns made of it.
    """

    scenario: Scenario
    scheme_index: int
    trial: int
    trace: Trace
    timelines: Timelines

    def __repr__(self) -> str:
        """Return which run it is, in a line."""
        of, digest = f"trial {self.trial} of {self.scenario.name!r}", self.trace.digest
        return f"<SmallRun {self.timelines.scheme!r}, {of}, {digest[:8]}…>"

    @cached_property
    def exposed(self) -> tuple[Exposure, ...]:
        """What each query class is exposed to; judges share it."""
        return exposures(self.scenario, self.timelines)

    @cached_property
    def classes(self) -> tuple[ClassOutcome, ...]:
        """How the queries of each class end, in the scenario's order.

        Expected given the trace; of drawn queries where only those can be judged.
        """
        judge = evaluate_sampled if inexact(self.scenario) else evaluate_exact
        return judge(self.scenario, self.timelines, self.exposed)

    @cached_property
    def outcomes(self) -> Mapping[str, float]:
        """Fraction of all queries by outcome; they sum to 1. Without any query each is 0."""
        classes = [one for one in self.classes if one.queries]
        asked = sum(one.queries for one in classes) or 1.0
        return {n: sum(c.fractions[n] * c.queries for c in classes) / asked for n in OUTCOMES}

    @cached_property
    def counts(self) -> Mapping[str, Any]:
        """Everything that is counted, by the names of ``sim/scenario/metrics.py``."""
        return observe(self.scenario, self.timelines, self.exposed)

    def fraction(self, outcome: str, query: str) -> float:
        """Fraction of the queries of one class that have an outcome; raises KeyError for others."""
        return {one.name: one.fractions for one in self.classes}[query][outcome]


def simulate_small(
    scenario: Scenario, scheme_index: int = 0, trial: int = 0, *, shuffle: int | None = None
) -> SmallRun:
    """Simulate one scheme in one trial, check its trace and make its columns.

    Parameters
    ----------
    scenario : Scenario
    scheme_index, trial : int
        From 0.
    shuffle : int or None
        Seed of a random order of simultaneous events inside one phase, on which nothing that
        happens may depend.

    Raises
    ------
    ModelError
        If the trace breaks an invariant.
    """
    trace = simulate(scenario, scheme_index, trial, shuffle=shuffle)
    check_trace(trace)
    return SmallRun(
        scenario=scenario,
        scheme_index=scheme_index,
        trial=trial,
        trace=trace,
        timelines=build(trace),
    )
