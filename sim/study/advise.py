"""Advice: the smallest delays that meet objectives, what they cost, and what proves them.

The hide delay comes first: it decides whether readers let go of a block before what replaces it is
there, and how long a deletion must wait. Then the delete delay, by bisection over results that come
off one trace each where they can (:mod:`sim.study.curve`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.analysis.advice import (
    Advice,
    Below,
    Choice,
    Objective,
    dominant_term,
    meets,
    unmended_rules,
)
from sim.analysis.curve.feedback import feedback, with_delay
from sim.analysis.evidence.exercised import lacking
from sim.analysis.results import SchemeResult, TrialResult, collect, estimate
from sim.analysis.rules.rule import Status
from sim.analysis.rules.safety import rules, safe_delay_us
from sim.core.collector import collector_paused
from sim.core.units import US_PER_S, format_duration
from sim.study.delays import GAPS, SIMULATED_PART, Delays
from sim.study.run import run_trial

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["advise"]

Say = Callable[[str], None]


@collector_paused()
def advise(
    scenario: "Scenario",
    objectives: Sequence[Objective],
    *,
    scheme_index: int | None = None,
    say: Say = lambda _: None,
) -> Advice:
    """Find the smallest delays of a scheme with marks that meet objectives.

    Parameters
    ----------
    scenario : Scenario
    objectives : sequence of Objective
        At least one.
    scheme_index : int or None
        None takes the first scheme with a delete delay.
    say : callable
        Called with a sentence about each stage.

    Returns
    -------
    Advice
        Delays are in whole seconds. It takes for granted that a longer delay does no harm, which
        it checks at what it finds and at the longest delay it tries.

    Raises
    ------
    ValueError
        If no scheme has a delete delay, or the given one has not.
    """
    index = _marked(scenario) if scheme_index is None else scheme_index
    return _Adviser(scenario, index, tuple(objectives), say).advice()


def _marked(scenario: "Scenario") -> int:
    for index, scheme in enumerate(scenario.schemes):
        if scheme.kind == "deletion-mark":
            return index
    raise ValueError("no scheme has a delete delay (deletion-mark)")


def _with_hide(scenario: "Scenario", index: int, hide_us: int) -> "Scenario":
    scheme = scenario.schemes[index]
    changed = scheme.model_copy(update={"ignore_deletion_marks_delay_us": hide_us})
    schemes = (*scenario.schemes[:index], changed, *scenario.schemes[index + 1 :])
    return scenario.model_copy(update={"schemes": schemes})


def _seconds_up(span_us: float) -> int:
    """The next whole second, in µs."""
    return math.ceil(span_us / US_PER_S) * US_PER_S


class _Function(Delays):
    """All trials of one scheme as a function of the delete delay."""

    def choice(self, delay_us: int, label: str = "") -> Choice:
        """What comes out at a delay."""
        scenario = with_delay(self.scenario, self.index, delay_us)
        return Choice(label=label, scenario=scenario, scheme=self.scheme_at(delay_us))

    @property
    def step_us(self) -> int | None:
        """Whole seconds where all delays come off curves; None where they are simulated."""
        return US_PER_S if self.is_curve else None


class _Adviser:
    """Advice for one scheme."""

    def __init__(
        self, scenario: "Scenario", index: int, objectives: tuple[Objective, ...], say: Say
    ) -> None:
        if scenario.schemes[index].kind != "deletion-mark":
            raise ValueError(f"scheme {scenario.schemes[index].name!r} has no delete delay")
        self._scenario = scenario
        self._index = index
        self._objectives = objectives
        self._say = say
        self._steps = [US_PER_S]

    def advice(self) -> Advice:
        scenario, index, objectives = self._scenario, self._index, self._objectives
        scheme = scenario.schemes[index]
        longest_us = self._longest_us(scenario)
        function = _Function(scenario, index, longest_us, self._say)
        today = function.choice(scheme.delete_delay_us, "today")
        advice = Advice(
            scenario=scenario,
            scheme_index=index,
            objectives=objectives,
            today=today,
            dominant=dominant_term(scenario, index),
            unmended=unmended_rules(scenario, index),
            reason=function.reason,
            untried=self._untried(function, today),
        )
        at_most = function.choice(longest_us)
        if not meets(at_most.scheme, objectives, surely=False):
            return replace(advice, unmet=self._why_unmet(at_most.scheme, longest_us))
        hide_us = self._smallest_hide_us(longest_us)
        if hide_us != scheme.hide_delay_us and feedback(scenario):
            function = _Function(_with_hide(scenario, index, hide_us), index, longest_us, self._say)
        else:
            function.scenario = _with_hide(scenario, index, hide_us)
        proven = self._proven()
        typical_us = self._smallest(function, 0, longest_us, surely=False)
        assert typical_us is not None
        sure_us = longest_us if proven is None else proven.delete_delay_us
        confident_us = self._smallest(function, typical_us, sure_us, surely=True)
        return replace(
            advice,
            reason=function.reason,
            proven=proven,
            typical=function.choice(typical_us, "typical"),
            confident=None if confident_us is None else function.choice(confident_us, "confident"),
            below=self._below(function, typical_us),
            step_us=max(self._steps),
        )

    def _longest_us(self, scenario: "Scenario") -> int:
        """The longest delay that is tried: today's, or what the rules ask for if that is longer."""
        today_us = scenario.schemes[self._index].delete_delay_us
        safe_us = safe_delay_us(scenario, self._index)
        known_us = 0 if math.isinf(safe_us) else _seconds_up(safe_us)
        return max(today_us, known_us, US_PER_S)

    def _untried(self, function: _Function, today: Choice) -> str:
        """What no delay exercised; a long delay may let no deletion happen where a short one does.

        Outcomes of missing data are exercised or not whatever the delay.
        """
        critical_us = function.critical_us
        shortest = today.scheme if critical_us is None else function.choice(critical_us).scheme
        is_gap = any(objective.outcome in GAPS for objective in self._objectives)
        return lacking(shortest.exercised, is_gap=is_gap)

    def _why_unmet(self, scheme: SchemeResult, longest_us: int) -> str:
        broken = next(o for o in self._objectives if not meets(scheme, (o,), surely=False))
        found = estimate(scheme, (broken.outcome,), broken.query).interval.fraction
        return (
            f"{broken.text} is not met by any delete delay up to {format_duration(longest_us)}: "
            f"{found:.3g} of the queries still end so, whatever the delay"
        )

    def _proven(self) -> Choice | None:
        """The delays from which on rules exclude all outcomes, simulated to say what they cost."""
        scenario, index = self._scenario, self._index
        hide_us = self._proven_hide_us()
        if hide_us is None:
            return None
        scenario = _with_hide(scenario, index, hide_us)
        safe_us = safe_delay_us(scenario, index, with_compactor=True)
        if math.isinf(safe_us):
            return None
        choice = self._simulated(scenario, _seconds_up(safe_us), "proven")
        return choice if meets(choice.scheme, self._objectives, surely=True) else None

    def _simulated(self, scenario: "Scenario", delay_us: int, label: str = "") -> Choice:
        scenario = with_delay(scenario, self._index, delay_us)
        trials = [run_trial(scenario, self._index, trial) for trial in range(scenario.trials)]
        (scheme,) = collect(scenario, "exact", trials).schemes
        return Choice(label=label, scenario=scenario, scheme=scheme)

    def _proven_hide_us(self) -> int | None:
        """The hide delay that R3 asks for; today's where nothing is to be protected."""
        rule = next(r for r in rules(self._scenario, self._index) if r.name == "R3")
        if not rule.is_met:
            return self._scenario.schemes[self._index].hide_delay_us
        if math.isinf(rule.required_us) or rule.obstacles or rule.status is Status.OPEN:
            return None
        return _seconds_up(rule.required_us)

    def _smallest_hide_us(self, delete_us: int) -> int:
        """The smallest hide delay with which, at a delete delay, the objectives are met."""
        today_us = self._scenario.schemes[self._index].hide_delay_us
        assert today_us is not None
        if not feedback(self._scenario):
            # Settings prove that readers never look at the age of a mark that matters.
            return 0

        def is_met(hide_us: int) -> bool:
            self._say(f"hide delay {hide_us / US_PER_S:g}s")
            hidden = _with_hide(self._scenario, self._index, hide_us)
            choice = self._simulated(hidden, delete_us)
            return meets(choice.scheme, self._objectives, surely=False)

        if not is_met(today_us):
            return today_us
        found, step_us = _bisected(is_met, 0, today_us)
        self._steps.append(step_us)
        return found

    def _smallest(
        self, function: _Function, low_us: int, high_us: int, *, surely: bool
    ) -> int | None:
        """The smallest delete delay that meets the objectives; None if none up to ``high_us``."""

        def is_met(delay_us: int) -> bool:
            return meets(function.choice(delay_us).scheme, self._objectives, surely=surely)

        # Beyond the largest critical delay nothing changes any more but what rules say.
        critical_us = function.critical_us
        if not surely and critical_us is not None:
            high_us = min(high_us, _seconds_up(critical_us))
        if high_us < low_us or not is_met(high_us):
            return None
        found, step_us = _bisected(is_met, low_us, high_us, step_us=function.step_us)
        self._steps.append(step_us)
        return found

    def _below(self, function: _Function, typical_us: int) -> Below | None:
        """What happens a step below, in the trial that has most of it."""
        if typical_us < US_PER_S:
            return None
        delay_us = typical_us - US_PER_S
        scheme = function.choice(delay_us).scheme
        broken = [o for o in self._objectives if not meets(scheme, (o,), surely=False)]
        if not broken:
            return None
        objective = broken[0]

        def fraction(trial: TrialResult) -> float:
            own = replace(scheme, trials=(trial,))
            found = estimate(own, (objective.outcome,), objective.query).interval.fraction
            return 0.0 if math.isnan(found) else found

        worst = max(scheme.trials, key=fraction)
        scenario = with_delay(function.scenario, self._index, delay_us)
        seen = run_trial(scenario, self._index, worst.trial)
        witnesses = [
            outcome.witnesses[objective.outcome]
            for outcome in seen.classes
            if objective.query in (None, outcome.name) and objective.outcome in outcome.witnesses
        ]
        return Below(
            delete_delay_us=delay_us,
            trial=worst.trial,
            objective=objective,
            fraction=fraction(worst),
            witness=witnesses[0] if witnesses else None,
        )


def _bisected(
    is_met: Callable[[int], bool], low_us: int, high_us: int, *, step_us: int | None = None
) -> tuple[int, int]:
    """Find the smallest whole second at which a condition holds, and how exact that is, µs.

    It holds at ``high_us``. Without a step the search ends within a hundredth of what it finds.
    """
    if is_met(low_us):
        return low_us, US_PER_S
    while True:
        grain_us = step_us or max(US_PER_S, high_us // SIMULATED_PART // US_PER_S * US_PER_S)
        if high_us - low_us <= grain_us:
            return high_us, grain_us
        middle_us = max((low_us + high_us) // 2 // US_PER_S * US_PER_S, low_us + US_PER_S)
        if middle_us >= high_us:
            return high_us, grain_us
        if is_met(middle_us):
            high_us = middle_us
        else:
            low_us = middle_us
