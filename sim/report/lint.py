"""The safety rules of a scenario as lines: what each asks for, what it gets, what is missing."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.analysis.rules.rule import ONCE_IN, Term
from sim.analysis.rules.safety import Rule, Status, rules
from sim.analysis.warmup import Unsettled, needed_warmup
from sim.errors import printable
from sim.report.formats import format_bytes_short, format_span

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["needs_words", "rule_lines", "rule_words", "unsettled_words", "warmup_line"]


def rule_lines(scenario: "Scenario") -> Iterator[tuple[str, bool]]:
    """Give a line for the name of every scheme and for each of its rules.

    A rule that holds, and that nothing here depends on, is left out.

    Yields
    ------
    (str, bool)
        The line, and whether it is about a rule that is broken and that something here needs.
    """
    for index, scheme in enumerate(scenario.schemes):
        yield f"  {printable(scheme.name)}", False
        for rule in rules(scenario, index):
            if rule.is_met or rule.status is not Status.HOLDS:
                yield f"    {_line(rule)}", rule.is_met and rule.status is Status.BROKEN


def warmup_line(scenario: "Scenario") -> str:
    """Say which warm-up has all in it that happens again and again; empty if this one has."""
    needs = (needed_warmup(scenario, index) for index in range(len(scenario.schemes)))
    longest = max(needs, key=lambda needed: needed.span_us)
    if longest.span_us <= scenario.warmup_us:
        return ""
    has = f"warmup {_span(scenario.warmup_us)}"
    return f"  {has}, settled for certain after {_span(longest.span_us)} = {longest.because}"


def unsettled_words(found: Unsettled, warmup_us: int) -> str:
    """Say that garbage was still changing, how far that matters, and what would be long enough."""
    return (
        f"{found.metric} had not settled after the warm-up of {_span(warmup_us)}: "
        f"{format_bytes_short(found.mean)} in the mean, {format_bytes_short(found.settled_mean)} "
        f"from {_span(found.settled_us)} on; "
        f"{_span(found.needed_us)} is long enough ({found.because})"
    )


def _line(rule: Rule) -> str:
    return f"{rule.name} {rule.status:<6} {rule_words(rule)}"


def rule_words(rule: Rule) -> str:
    """Say what a rule compares, term by term, and what comes of it."""
    needs = needs_words(rule)
    if not rule.is_met:
        return f"{needs}; nothing here depends on it"
    if rule.status is Status.BROKEN:
        return f"{needs}: {_span(-rule.slack_us)} short; it protects {rule.protects}"
    if rule.status is Status.OPEN:
        return "; ".join([needs, *rule.troubles])
    return f"{needs}: slack {_span(rule.slack_us)}"


def needs_words(rule: Rule) -> str:
    """Say what a rule compares, term by term."""
    terms = [term for term in rule.terms if term.span_us]
    is_sum = rule.required_us > 0 and len(terms) > 1
    sum_of = "".join(f" {'-' if t.span_us < 0 else '+'} {_term(t)}" for t in terms)
    needs = f"{rule.key} {_span(rule.configured_us)}, needs {_span(rule.required_us)}"
    needs += f" = {sum_of.removeprefix(' + ')}" if is_sum else ""
    return "; ".join([needs, *_usual(rule)])


def _term(term: Term) -> str:
    return f"{term.symbol} {_span(abs(term.span_us))}"


def _usual(rule: Rule) -> Iterator[str]:
    """Say what is enough most of the time, where nothing is enough for certain."""
    if math.isinf(rule.required_us) and math.isfinite(rule.usual_us):
        yield f"{_span(rule.usual_us)} but for one draw in {ONCE_IN:,} of each"


def _span(span_us: float) -> str:
    return "without end" if math.isinf(span_us) else format_span(span_us)
