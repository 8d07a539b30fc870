"""The worst that a scenario allows: search for an outcome, and tell the smallest story of it."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sim.analysis.evidence.counterexample import Counterexample, Span, Worst
from sim.analysis.evidence.tale import Explained
from sim.analysis.expect import Verdict, judge
from sim.analysis.queries.evaluate import inexact
from sim.analysis.rules.safety import proof
from sim.core.units import parse_duration
from sim.errors import Problem, ScenarioError
from sim.scenario.complaints.nearest import one_of
from sim.scenario.overrides import overridden
from sim.scenario.schema import OBSERVATIONS, OUTCOMES
from sim.study.attack import TRIES, Attack, alone, listed, search
from sim.study.explain import explain, untold
from sim.study.run import Mode, run_scenario
from sim.study.shrink import shrink

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["ATTACKED", "find_worst", "proven", "span_of"]

ATTACKED = (*(outcome for outcome in OUTCOMES if outcome != "ok"), *OBSERVATIONS)
"""What may be looked for."""


def find_worst(
    scenario: "Scenario",
    outcome: str,
    *,
    scheme_index: int = 0,
    trial: int = 0,
    spans: Sequence[Span] = (),
    tries: int = TRIES,
    extreme: float = 1e-6,
    before: Callable[[Attack], None] | None = None,
    on_step: Callable[[str], None] | None = None,
) -> Worst:
    """Choose draws, and times within spans, against one scheme of a scenario.

    Parameters
    ----------
    scenario : Scenario
        Its pinned draws stay as they are.
    outcome : str
        One of :data:`ATTACKED`.
    scheme_index, trial : int
        From 0; the seed of the trial makes the draws that are not chosen.
    spans : sequence of Span
        Times that may be moved.
    tries : int
        How many schedules to play at most, at least 1.
    extreme : float
        Uniforms stay in [extreme, 1 - extreme], but for exact zeros.
    before : callable or None
        Another way to search, which comes first and has half of the tries.
    on_step : callable or None
        Called with a sentence before each part.

    Raises
    ------
    ValueError
        If there is no such outcome.
    """
    if outcome not in ATTACKED:
        raise ValueError(f"outcome={outcome!r} must {one_of(ATTACKED)}")
    say = on_step or (lambda _: None)
    attack = Attack(
        alone(scenario, scheme_index, trial, outcome),
        outcome,
        spans=spans,
        tries=tries,
        extreme=extreme,
    )
    say(f"attacking {scenario.schemes[scheme_index].name}: {outcome}")
    search(attack, tries=tries if before is None else -(-tries // 2))
    if before is not None and not attack.is_over:
        before(attack)
        search(attack)
    found = None
    if attack.found is not None:
        say(f"found after {attack.tried} schedules; looking for the smallest story")
        found = _smallest(attack)
    assert attack.nearest is not None
    return Worst(
        scheme=scenario.schemes[scheme_index].name,
        outcome=outcome,
        tried=attack.tried,
        drawn=len(attack.nearest.played.asked),
        slack_us=attack.nearest.played.slack_us,
        proof=proven(scenario, scheme_index, outcome),
        found=found,
    )


def proven(scenario: "Scenario", scheme_index: int, outcome: str) -> str:
    """Names of the rules that exclude an outcome of queries; empty if none do."""
    return proof(scenario, scheme_index, outcome) if outcome in OUTCOMES else ""


def span_of(scenario: "Scenario", key: str, low: str, high: str) -> Span:
    """The span of a time of a scenario: of ``"faults.0.at"``, from ``"1h"`` to ``"6h"``.

    Raises
    ------
    ScenarioError
        If the scenario has no constant time of that key, or a bound is no duration.
    """
    try:
        ends_us = parse_duration(low), parse_duration(high)
    except ValueError as error:
        raise ScenarioError([Problem(key, f"{low}..{high}", str(error))]) from None
    raw = listed(scenario.raw())
    _, paths, refused = overridden(raw, {key: low})
    if refused:
        raise ScenarioError(
            [Problem(path, value, rule, hint=hint) for path, value, rule, hint in refused]
        )
    value: Any = raw
    for part in paths[0]:
        value = value.get(part) if isinstance(value, dict) else value[part]
    if not isinstance(value, str):
        raise ScenarioError([Problem(key, value, "be a constant time, to be moved")])
    try:
        before_us = parse_duration(value)
    except ValueError as error:
        raise ScenarioError([Problem(key, value, str(error))]) from None
    return Span(key=key, before_us=before_us, low_us=min(ends_us), high_us=max(ends_us))


def _smallest(attack: Attack) -> Counterexample:
    shrunk = shrink(attack)
    scenario = shrunk.scenario
    mode: Mode = "sampled" if inexact(scenario) else "exact"
    judgements = judge(run_scenario(scenario, mode=mode))
    judgement = next(one for one in judgements if one.verdict is Verdict.INVALID)
    explained = None
    if attack.outcome in OUTCOMES and not untold(scenario, None):
        told = explain(scenario, outcome=attack.outcome, mode=mode)
        explained = told if isinstance(told, Explained) else None
    small = {one.name: getattr(shrunk, one.name) for one in fields(shrunk)}
    return Counterexample(**small, outcome=attack.outcome, explained=explained, judgement=judgement)
