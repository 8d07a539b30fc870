"""The delete delay that a scenario needs: the least that simulations found, beside the rules."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.analysis.results import TrialResult
from sim.analysis.rules.safety import rules, safe_delay_us
from sim.core.units import US_PER_S
from sim.study.curve import DelayFunction
from sim.study.executors import run_jobs

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["Needed", "needed_delays", "with_least_hiding"]

# Where no trace says it for every delay, so many are tried up to the worst case.
_STEPS: Final = 8
# The longest delay that is tried where the worst case has no bound.
_UNBOUNDED_US: Final = 3_600 * US_PER_S
_MINUTE_US: Final = 60 * US_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What the first scheme of a scenario needs so that no read fails.

    Attributes
    ----------
    lag_us : float
        Longest time until a put shows (V of the rules); inf without a bound.
    hide_us : int
        Its ignore_deletion_marks_delay, which is kept.
    above_us, delay_us : int
        Bounds of the least delete delay at which no query failed in any trial. Equal where
        critical delays say it to the microsecond; else it is above the first (unless that is 0),
        and at most the second. A longer run may find that more is needed.
    is_found : bool
        False if reads failed at every delay that was tried, up to ``delay_us``.
    deleted, trials : int
        How much it was looked for in.
    rule_us : float
        The least delete delay for which rules prove it, inf if for none.
    terms_us : float
        What the terms of rules R1 and R2 add up to, whether or not something stands against a
        proof; inf where one has no bound.
    """

    lag_us: float
    hide_us: int
    above_us: int
    delay_us: int
    is_found: bool
    deleted: int
    trials: int
    rule_us: float
    terms_us: float


@dataclass(frozen=True, slots=True)
class _Found:
    """One trial: bounds of the least delay, and how many deletions there were."""

    above_us: int
    delay_us: int
    is_found: bool
    deleted: int


def with_least_hiding(scenario: "Scenario") -> "Scenario":
    """The scenario with its first scheme alone, hiding as early as rule R3 allows.

    In whole minutes, at least one; one minute where R3 has no bound.

    Raises
    ------
    ValueError
        If the scheme has no hide delay.
    """
    spec = scenario.schemes[0]
    if spec.kind != "deletion-mark":
        raise ValueError(f"scheme {spec.name!r} ({spec.kind}) has no hide delay")
    needed_us = next((rule.required_us for rule in rules(scenario, 0) if rule.name == "R3"), 0.0)
    minutes = math.ceil(needed_us / _MINUTE_US) if math.isfinite(needed_us) else 1
    hide_us = max(1, minutes) * _MINUTE_US
    hidden = spec.model_copy(update={"ignore_deletion_marks_delay_us": hide_us})
    return scenario.model_copy(update={"schemes": (hidden,), "expect": {}})


def needed_delays(
    scenarios: "Sequence[Scenario]", *, workers: int | None = 1
) -> tuple[Needed, ...]:
    """Find the delete delay that the first scheme of each scenario needs, over its trials.

    Where one trace says it for every delay, it is the largest critical delay of a retired block
    and a reader; elsewhere delays are tried one by one, up to what the rules ask for.

    Parameters
    ----------
    scenarios : sequence of Scenario
        Their first schemes have a delete delay.
    workers : int or None
        As for ``run_scenario``; never changes a result.
    """
    jobs = [(scenario, trial) for scenario in scenarios for trial in range(scenario.trials)]
    found = iter(run_jobs(_least, jobs, count=len(jobs), workers=workers))
    return tuple(_needed(scenario, found) for scenario in scenarios)


def _needed(scenario: "Scenario", found: Iterator[_Found]) -> Needed:
    own = [next(found) for _ in range(scenario.trials)]
    hide_us = scenario.schemes[0].hide_delay_us
    assert hide_us is not None
    third = next(rule for rule in rules(scenario, 0) if rule.name == "R3")
    return Needed(
        lag_us=next(term.span_us for term in third.terms if term.symbol == "V"),
        hide_us=hide_us,
        above_us=max(one.above_us for one in own),
        delay_us=max(one.delay_us for one in own),
        is_found=all(one.is_found for one in own),
        deleted=sum(one.deleted for one in own),
        trials=len(own),
        rule_us=safe_delay_us(scenario, 0),
        terms_us=_terms_us(scenario),
    )


def _terms_us(scenario: "Scenario") -> float:
    met = [rule for rule in rules(scenario, 0) if rule.name in ("R1", "R2") and rule.is_met]
    return max((rule.required_us for rule in met), default=0.0)


def _least(job: "tuple[Scenario, int]") -> _Found:
    """Find the least delay in one trial."""
    scenario, trial = job
    terms_us = _terms_us(scenario)
    most_us = round(terms_us) if math.isfinite(terms_us) else _UNBOUNDED_US
    function = DelayFunction(scenario, 0, trial, most_us)
    base_us, critical_us = function.base_us, function.critical_us
    deleted = function(most_us).exercised.deleted
    if base_us is not None and critical_us is not None:
        # A run speaks of longer delays than its own.
        if critical_us > base_us or base_us == 0:
            return _Found(critical_us, critical_us, True, deleted)
        most_us = base_us
    tried_us = [most_us * step // _STEPS for step in range(_STEPS + 1)]
    enough_us = most_us
    for delay_us in reversed(tried_us):
        if _fails(function(delay_us)):
            return _Found(delay_us, enough_us, delay_us < most_us, deleted)
        enough_us = delay_us
    return _Found(0, 0, True, deleted)


def _fails(result: TrialResult) -> bool:
    return any(c.fractions["query-error"] > 0 for c in result.classes if c.queries)
