"""One screen about a run: a table of the schemes, the verdicts, and how to have it again.

A cell holds a number and, below it, its interval. Where the table is wider than the screen, every
scheme has lines of its own instead. Returns values for a rich console and plain lines, and prints
nothing itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Estimate, Result, SchemeResult, estimate
from sim.analysis.totals import total_counts
from sim.analysis.warmup import unsettled
from sim.core.units import US_PER_S
from sim.report.costtable import cost_cells, cost_titles
from sim.report.formats import (
    UNKNOWN,
    format_count,
    format_fraction,
    format_interval,
    format_span,
)
from sim.report.lint import unsettled_words
from sim.report.plan import sweep_line
from sim.report.sentences import sentence
from sim.scenario.schema import OBSERVATIONS, OUTCOMES

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

    from sim.scenario.schema import SchemeSpec

__all__ = [
    "FAILED",
    "GAPS",
    "VERDICT_WIDTH",
    "SchemeTable",
    "caption",
    "delays",
    "estimate_cell",
    "exposure_lines",
    "judgement_lines",
    "observation_lines",
    "scheme_table",
    "verdict_line",
    "warning_lines",
]

FAILED: Final = ("query-error",)
GAPS: Final = ("partial-response", "silent-gap")

# Short names of the delays of a scheme, as in the rule D > I + P + s + Q; others have their key's.
_LETTERS: Final[Mapping[str, str]] = MappingProxyType(
    {"delete_delay": "D", "ignore_deletion_marks_delay": "I"}
)

_STYLES: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        Verdict.VALID: "green",
        Verdict.INVALID: "bold red",
        Verdict.UNKNOWN: "yellow",
    }
)
VERDICT_WIDTH: Final = 8
"""Columns of a verdict; what explains it is indented as far."""

_US_PER_DAY: Final = 86_400 * US_PER_S
_NAME_WIDTHS: Final = (12, 24)
"""A name may be folded to the first, and is beyond the second."""
_GAP: Final = 2


def delays(scheme: "SchemeSpec") -> dict[str, int]:
    """Every duration that the scenario gives a scheme, in µs, by its key."""
    own = (scheme.delete_key, scheme.hide_key)
    return {
        field.alias or name: getattr(scheme, name)
        for name, field in type(scheme).model_fields.items()
        if name.endswith("_us") or name in own
    }


def caption(result: Result) -> str:
    """Say what the columns of the table of schemes are."""
    keys = _delay_keys(_specs(result))
    letters = [f"{_LETTERS[key]}: {key}" for key in keys if key in _LETTERS]
    rest = "gaps: data is missing, with or without a warning; below: 95 % interval"
    return "; ".join([*letters, rest])


def _specs(result: Result) -> "list[SchemeSpec]":
    return [result.scenario.schemes[scheme.index] for scheme in result.schemes]


def _delay_keys(schemes: "Iterable[SchemeSpec]") -> list[str]:
    return list(dict.fromkeys(key for scheme in schemes for key in delays(scheme)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeTable:
    """The table of schemes, for a rich console: a row each, or lines each if that is too wide.

    Attributes
    ----------
    heading : str
        What a row is.
    titles : tuple of (str, str)
        Per column what its numbers are, and what stands below them; "" is the interval.
    names : tuple of str
        Per row, in order.
    rows : tuple of tuple of (str, str)
        Per row the cell of each column: a number and what stands below it.
    """

    titles: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]
    heading: str = "scheme"

    def width_needed(self) -> int:
        """Columns of the screen that the table takes with its names folded to the utmost."""
        from rich.cells import cell_len

        columns = zip(self.titles, *self.rows, strict=True)
        widths = [max(cell_len(text) for cell in column for text in cell) for column in columns]
        name = max(map(cell_len, (self.heading, *self.names)))
        return min(name, _NAME_WIDTHS[0]) + sum(_GAP + width for width in widths)

    def __rich_console__(
        self, console: "Console", options: "ConsoleOptions"
    ) -> "Iterator[RenderableType]":
        is_wide = self.width_needed() <= options.max_width
        yield from ([self._table()] if is_wide else self._lists())

    def _table(self) -> "Table":
        from rich import box
        from rich.table import Table

        table = Table(box=box.SIMPLE, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
        table.add_column(self.heading, overflow="fold", max_width=_NAME_WIDTHS[1])
        for title, below in self.titles:
            table.add_column(_stacked(title, below), justify="right", no_wrap=True)
        for name, cells in zip(self.names, self.rows, strict=True):
            table.add_row(_text(name), *(_stacked(*cell, below_style="dim") for cell in cells))
        return table

    def _lists(self) -> "Iterator[RenderableType]":
        """Lines for each scheme: its name, and below it one number with its interval a line."""
        from rich.table import Table

        for index, (name, cells) in enumerate(zip(self.names, self.rows, strict=True)):
            if index:
                yield ""
            yield _text(name, "bold")
            lines = Table.grid(padding=(0, _GAP, 0, 0))
            lines.add_column(overflow="fold")
            lines.add_column(overflow="fold")
            for (title, title_below), (number, below) in zip(self.titles, cells, strict=True):
                if title_below:
                    lines.add_row(f"  {title}", number)
                    lines.add_row(f"  {title_below}", below)
                else:
                    line = _text(number)
                    lines.add_row(f"  {title}", line.append(f"  {below}" if below else "", "dim"))
            yield lines


def scheme_table(result: Result) -> SchemeTable:
    """Build the table of schemes: their delays, how often queries fail, and what waiting costs.

    Garbage is the mean amount of retired data still stored, requests are those of producers,
    compactor and gateways per simulated day, both over all trials.
    """
    scenario = result.scenario
    specs = _specs(result)
    keys = _delay_keys(specs)
    titles = [(_LETTERS.get(key, key), "") for key in keys]
    titles += [("failed", ""), ("gaps", "")]
    return SchemeTable(
        titles=(*titles, *cost_titles(scenario)),
        names=tuple(scheme.name for scheme in result.schemes),
        rows=tuple(
            (
                *(_delay_cell(delays(spec).get(key)) for key in keys),
                estimate_cell(estimate(scheme, FAILED)),
                estimate_cell(estimate(scheme, GAPS)),
                *cost_cells(scenario, scheme),
            )
            for scheme, spec in zip(result.schemes, specs, strict=True)
        ),
    )


def _delay_cell(delay_us: int | None) -> tuple[str, str]:
    return (UNKNOWN if delay_us is None else format_span(delay_us)), ""


def warning_lines(result: Result) -> "list[Text]":
    """One line per scheme whose world stopped, fell behind, or had not settled.

    What follows says little then.
    """
    lines = []
    for scheme in result.schemes:
        drift = unsettled(result.scenario, scheme)
        if drift is not None:
            text = f"warning: {scheme.name}: {unsettled_words(drift, result.scenario.warmup_us)}"
            lines.append(_text(text, "red"))
        tried = scheme.exercised
        counts = total_counts([trial.counts for trial in scheme.trials])
        due, swept = (counts.get(name, {}) for name in ("backlog", "sweep-backlog"))
        for count, what in (
            (tried.halted, "halted: it merges, retires and deletes nothing until a restart"),
            (tried.behind, f"never catches up: {_behind_words(due.get('last', 0.0))}"),
        ):
            if count:
                text = f"warning: {scheme.name}: the compactor {what}"
                lines.append(_text(f"{text} (in {count} of {tried.trials} trials)", "red"))
        if line := sweep_line(result.scenario, scheme.index) or _sweep_words(swept):
            lines.append(_text(f"warning: {scheme.name}: {line}", "red"))
    return lines


def _sweep_words(due: "Mapping[str, float]") -> str:
    """Say that deletions that are due are more and more; empty if they are not."""
    if not due.get("grows"):
        return ""
    return f"deletions never catch up: {format_count(due['last'])} blocks are due at the end"


def _behind_words(due: float) -> str:
    """Say how much is left undone, and what to set."""
    return (
        f"{format_count(due)} compactions are due at the end, and what waits for the last of them, "
        "as retention does, waits for ever; are compactor.count and concurrency too small?"
    )


def exposure_lines(schemes: Sequence[SchemeResult]) -> list[str]:
    """One line per scheme: what was seen of how much that was tried, beside which a zero stands."""
    return [f"seen in {_exposure(scheme)}: {scheme.name}" for scheme in schemes]


def _exposure(scheme: SchemeResult) -> str:
    """Say in how many trials queries were not ok, and how many deletions met a reader."""
    tried = scheme.exercised
    found = estimate(scheme, [outcome for outcome in OUTCOMES if outcome != "ok"])
    trials = f"{found.seen_in_trials} of {tried.trials} trials"
    if not tried.asked:
        return f"{trials}, no deletion that a query could meet"
    late = min(tried.late, tried.asked)
    return f"{trials}, {format_count(late)} of {format_count(tried.asked)} deletions"


def judgement_lines(judgements: Iterable[Judgement]) -> "list[Text]":
    """One line per rule, and more for its reason and its witness."""
    from rich.text import Text

    lines = []
    for judgement in judgements:
        lines.append(verdict_line(judgement.verdict, f"{judgement.scheme}: {judgement.rule}"))
        if judgement.reason:
            lines.append(Text(" " * VERDICT_WIDTH + judgement.reason, "dim"))
        if judgement.witness is not None and judgement.verdict is not Verdict.UNKNOWN:
            shown = sentence(judgement.witness)
            lines.append(Text(" " * VERDICT_WIDTH + shown, "dim"))
    return lines


def verdict_line(verdict: Verdict, claim: str) -> "Text":
    """One line: a verdict, in its colour, and what it is about."""
    from rich.text import Text

    line = Text()
    line.append(f"{verdict:<{VERDICT_WIDTH}}", style=_STYLES[verdict])
    return line.append(claim)


def observation_lines(schemes: Sequence[SchemeResult]) -> list[str]:
    """One line per scheme of which the table does not say all; none if all is well."""
    lines = []
    for scheme in schemes:
        counts = total_counts([trial.counts for trial in scheme.trials])
        seen = [f"{format_count(counts[o])} {o}" for o in OBSERVATIONS if counts.get(o)]
        for outcome in ("duplicated", "warned"):
            found = estimate(scheme, (outcome,))
            if found.expected:
                seen.append(f"{format_fraction(found.interval.fraction)} {outcome}")
        if seen:
            lines.append(f"{scheme.name}: {', '.join(seen)}")
    return lines


def estimate_cell(found: Estimate) -> tuple[str, str]:
    """A fraction, and its interval below."""
    return format_fraction(found.interval.fraction), format_interval(found.interval)


def _stacked(number: str, below: str, *, below_style: str = "") -> "Text":
    """Two lines; the second is left out if it is empty."""
    text = _text(number)
    if below:
        text.append(f"\n{below}", style=below_style)
    return text


def _text(content: str, style: str = "") -> "Text":
    """Text that is no markup, whatever brackets it holds."""
    from rich.text import Text

    return Text(content, style)
