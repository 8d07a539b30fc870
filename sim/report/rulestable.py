"""The safety rules of schemes as a table that fits a narrow screen, and as a document."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.rules.safety import Rule, Status, rules
from sim.errors import EXIT_BROKEN, EXIT_HOLDS, EXIT_UNKNOWN, printable
from sim.report.formats import UNKNOWN, format_span
from sim.report.lint import needs_words

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["rule_fields", "rules_document", "rules_exit_code", "rules_table"]

_TITLES: Final = ("rule", "status", "required", "configured", "slack", "dominating term")
_WIDTHS: Final = (4, 10, 10, 10, 10, 0)
_INDENT: Final = 6
_NOT_NEEDED: Final = "not needed"


def rules_table(
    scenario: "Scenario", schemes: Sequence[int], *, columns: int
) -> Iterator[tuple[str, bool]]:
    """Every rule of some schemes: its numbers, and below them what it compares and protects.

    Parameters
    ----------
    scenario : Scenario
    schemes : sequence of int
        Their positions.
    columns : int
        Width of the screen; the numbers take 56 and the longest term beside them.

    Yields
    ------
    (str, bool)
        A line, and whether it is about a rule that is broken and that something here needs.
    """
    for index in schemes:
        yield printable(scenario.schemes[index].name), False
        yield _row(_TITLES), False
        yield "─" * min(columns, 76), False
        for rule in rules(scenario, index):
            is_warning = rule.is_met and rule.status is Status.BROKEN
            yield _row(_cells(rule)), is_warning
            for text in (needs_words(rule), rule.protects, *_troubles(rule)):
                yield from ((line, False) for line in _folded(text, columns))
        yield "", False


def _row(cells: Sequence[str]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return "  ".join(padded).rstrip()


def _cells(rule: Rule) -> tuple[str, ...]:
    dominant = rule.dominant
    share = dominant.span_us / rule.required_us if dominant and rule.required_us else math.nan
    return (
        rule.name,
        str(rule.status) if rule.is_met else _NOT_NEEDED,
        _span(rule.required_us),
        _span(rule.configured_us),
        _span(rule.slack_us),
        UNKNOWN
        if dominant is None
        else f"{dominant.symbol} {_span(dominant.span_us)}"
        + (f", {100 * share:.0f} %" if math.isfinite(share) else ""),
    )


def _span(span_us: float) -> str:
    """A span in a cell; what has no end, or is not known for that, is a dash."""
    if math.isinf(span_us):
        return UNKNOWN
    return f"-{format_span(-span_us)}" if span_us < 0 else format_span(span_us)


def _troubles(rule: Rule) -> Iterator[str]:
    if rule.is_met and rule.status is Status.OPEN:
        yield from (f"open: {text}" for text in rule.troubles)


def _folded(text: str, columns: int) -> list[str]:
    indent = " " * _INDENT
    return textwrap.wrap(
        text,
        columns,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
    )


def rules_document(scenario: "Scenario", schemes: Sequence[int]) -> dict[str, Any]:
    """The rules of some schemes as plain data."""
    return {
        "scenario": scenario.name,
        "scenario_digest": scenario.digest,
        "schemes": [
            {
                "name": scenario.schemes[index].name,
                "kind": scenario.schemes[index].kind,
                "rules": [rule_fields(rule) for rule in rules(scenario, index)],
            }
            for index in schemes
        ],
    }


def rule_fields(rule: Rule) -> dict[str, Any]:
    """A rule as plain data; what is without end is None."""
    dominant = rule.dominant
    return {
        "rule": rule.name,
        "protects": rule.protects,
        "key": rule.key,
        "terms": [
            {
                "term": term.symbol,
                "meaning": term.meaning,
                "us": _finite(term.span.most_us),
                "usual_us": _finite(term.span.usual_us),
            }
            for term in rule.terms
        ],
        "required_us": _finite(rule.required_us),
        "usual_us": _finite(rule.usual_us),
        "configured_us": rule.configured_us,
        "slack_us": _finite(rule.slack_us),
        "dominant": None if dominant is None else dominant.symbol,
        "status": str(rule.status),
        "is_met": rule.is_met,
        "obstacles": list(rule.obstacles),
    }


def _finite(span_us: float) -> float | None:
    return span_us if math.isfinite(span_us) else None


def rules_exit_code(scenario: "Scenario", schemes: Sequence[int]) -> int:
    """Judge the rules that something here needs, as expectations are judged.

    Returns
    -------
    int
        `EXIT_BROKEN` if one is broken, else `EXIT_UNKNOWN` if one is open, else `EXIT_HOLDS`.
    """
    found = {rule.status for i in schemes for rule in rules(scenario, i) if rule.is_met}
    if Status.BROKEN in found:
        return EXIT_BROKEN
    return EXIT_UNKNOWN if Status.OPEN in found else EXIT_HOLDS
