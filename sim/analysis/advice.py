"""What advice is made of: objectives, settings that meet them, and what they cost."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.analysis.comparison.gates import named_number
from sim.analysis.results import SchemeResult, estimate
from sim.analysis.rules.safety import Rule, Status, rules
from sim.core.units import US_PER_S, format_duration
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.evidence.witness import QueryWitness
    from sim.scenario.schema import Scenario

__all__ = [
    "Advice",
    "Below",
    "Choice",
    "Dominant",
    "Objective",
    "dominant_term",
    "meets",
    "parse_objective",
    "unmended_rules",
]

_KEYS: Final[Mapping[str, str]] = {
    "H": "ignore_deletion_marks_delay",
    "V": "store.lag.create",
    "n": "gateways.cache",
    "P": "gateways.sync_interval",
    "s": "gateways.sync_takes",
    "Q": "queries.takes",
}
"""Which key of a scenario a term of the rules for it comes from; the second of a stamp has none."""

_DELAYS: Final = ("delete_delay", "ignore_deletion_marks_delay")
"""Keys that are advised; what other keys break, no delay mends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """At most a share ``limit`` of the queries, of one class or of all, may have an outcome."""

    text: str
    query: str | None
    outcome: str
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A setting of the two delays, and what came out.

    Attributes
    ----------
    label : str
        "today", "proven", "confident" or "typical".
    scenario : Scenario
        With these delays.
    scheme : SchemeResult
    """

    label: str
    scenario: "Scenario"
    scheme: SchemeResult

    def __repr__(self) -> str:
        delete, hide = map(format_duration, (self.delete_delay_us, self.hide_delay_us))
        return f"<Choice {self.label!r}: delete_delay {delete}, hidden after {hide}>"

    @property
    def delete_delay_us(self) -> int:
        """Age of a mark from which the block goes."""
        return self.scenario.schemes[self.scheme.index].delete_delay_us

    @property
    def hide_delay_us(self) -> int:
        """Age of a mark from which gateways ignore the block."""
        hide_us = self.scenario.schemes[self.scheme.index].hide_delay_us
        assert hide_us is not None
        return hide_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Dominant:
    """The largest term of the rule that asks for most.

    ``saved_us`` is what half of it would take off the delay; ``key`` is empty where nobody can
    change it.
    """

    rule: Rule
    symbol: str
    meaning: str
    key: str
    span_us: float

    @property
    def share(self) -> float:
        """Part of what the rule requires."""
        return self.span_us / self.rule.required_us

    @property
    def saved_us(self) -> float:
        """What halving it takes off the delay that the rule asks for."""
        return self.span_us / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """What goes wrong one step below the typical delay, in the trial where most of it does."""

    delete_delay_us: int
    trial: int
    objective: Objective
    fraction: float
    witness: "QueryWitness | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The smallest delays that meet objectives, and how sure that is.

    Attributes
    ----------
    scenario : Scenario
        As it is today.
    scheme_index : int
    objectives : tuple of Objective
    today : Choice
    proven : Choice or None
        The delays from which on rules prove that no query has any of the outcomes; the worst case.
    confident : Choice or None
        The smallest delays of which the whole interval over trials meets the objectives.
    typical : Choice or None
        The smallest delays with which the trials, as they were, meet the objectives.
    below : Below or None
    dominant : Dominant or None
    unmended : tuple of Rule
        Broken rules about other keys, which no delay mends.
    reason : str
        How delays were answered: read off one trace each, or simulated.
    step_us : int
        Delays are exact to this.
    unmet : str
        Why no setting meets the objectives; empty if one does.
    untried : str
        What was not exercised, so that a zero says nothing; empty if all was.
    """

    scenario: "Scenario"
    scheme_index: int
    objectives: tuple[Objective, ...]
    today: Choice
    proven: Choice | None = None
    confident: Choice | None = None
    typical: Choice | None = None
    below: Below | None = None
    dominant: Dominant | None = None
    unmended: tuple[Rule, ...] = ()
    reason: str = ""
    step_us: int = US_PER_S
    unmet: str = ""
    untried: str = ""

    def __repr__(self) -> str:
        goals = ", ".join(objective.text for objective in self.objectives)
        found = self.unmet or self.untried or repr(self.recommended)
        return f"<Advice on {goals}: {found}>"

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Today's setting, then what is advised, the surest first."""
        found = (self.today, self.proven, self.confident, self.typical)
        return tuple(choice for choice in found if choice is not None)

    @property
    def recommended(self) -> Choice | None:
        """The setting that is advised: the smallest that is sure, else the typical one."""
        return self.confident or self.typical


def parse_objective(text: str, queries: Sequence[str]) -> Objective:
    """Read an objective, ``[CLASS.]OUTCOME=SHARE``.

    Raises
    ------
    ValueError
        Says what is wrong, and the nearest name where there is none of the name.
    """
    name, sign, share = text.rpartition("=")
    if not sign:
        raise ValueError(f"{text!r} must be like query-error=1e-6")
    query, outcome = named_number(name.strip(), queries)
    if outcome not in OUTCOMES or outcome == "ok":
        raise ValueError(f"{outcome!r} must be an outcome that is not ok")
    try:
        limit = float(share)
    except ValueError:
        raise ValueError(f"{text!r}: {share!r} must be a share from 0 to 1") from None
    if not 0.0 <= limit <= 1.0:
        raise ValueError(f"{text!r}: {share!r} must be a share from 0 to 1")
    return Objective(text=text, query=query, outcome=outcome, limit=limit)


def meets(scheme: SchemeResult, objectives: Sequence[Objective], *, surely: bool) -> bool:
    """Whether trials meet every objective: in their mean, or with the whole interval."""
    for objective in objectives:
        interval = estimate(scheme, (objective.outcome,), objective.query).interval
        found = interval.high if surely else interval.fraction
        if not found <= objective.limit:
            return False
    return True


def unmended_rules(scenario: "Scenario", scheme_index: int) -> tuple[Rule, ...]:
    """Rules that something depends on and that are broken, whatever the delays of the scheme."""
    return tuple(
        rule
        for rule in rules(scenario, scheme_index)
        if rule.is_met and rule.status is Status.BROKEN and rule.key not in _DELAYS
    )


def dominant_term(scenario: "Scenario", scheme_index: int) -> Dominant | None:
    """Find the largest term of the rule, of those for the delete delay, that asks for most."""
    asking = [
        rule
        for rule in rules(scenario, scheme_index)
        if rule.key == "delete_delay" and rule.is_met and math.isfinite(rule.required_us)
    ]
    if not asking:
        return None
    rule = max(asking, key=lambda rule: rule.required_us)
    term = rule.dominant
    if term is None:
        return None
    return Dominant(
        rule=rule,
        symbol=term.symbol,
        meaning=term.meaning,
        # Where half of the delay counts, terms are doubled, and so is their symbol.
        key=_KEYS.get(term.symbol.removeprefix("2"), ""),
        span_us=term.span_us,
    )
