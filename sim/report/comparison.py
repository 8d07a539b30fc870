"""A comparison on a screen, as a document and as CSV.

All of them say B - A, with a 95 % interval, beside the numbers of both sides. Counts are per trial.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sim import __version__
from sim.analysis.comparison.compare import Comparison, Row, SchemePair
from sim.analysis.comparison.gates import GateResult
from sim.analysis.comparison.numbers import Numbers
from sim.report.csvtable import ALL_QUERIES, csv_text
from sim.report.document import SCHEMA_VERSION, plain
from sim.report.formats import UNKNOWN, format_amount
from sim.report.names import csv_name
from sim.report.tables import VERDICT_WIDTH, verdict_line
from sim.scenario.metrics import OBSERVATIONS

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "CAPTION",
    "COMPARISON_COLUMNS",
    "comparison_csv",
    "comparison_document",
    "comparison_rows",
    "comparison_table",
    "gate_lines",
    "pair_name",
    "pairing_line",
    "shown_rows",
    "side_line",
]

COMPARISON_COLUMNS: Final = (
    *("scheme_a", "scheme_b", "query", "metric", "unit"),
    *("a", "b", "difference", "low", "high", "method", "variance_reduction", "relative"),
)

CAPTION: Final = (
    "change: of what A has; below: 95 % interval, left out where no trial differs; "
    "counts are per trial"
)

_ALWAYS: Final = ("query-error", "silent-gap", "garbage-bytes", "stored-bytes")
_COSTS: Final = tuple(f"requests.{kind}" for kind in ("get", "head", "list", "put", "delete"))
_NAME_WIDTH: Final = 24


def comparison_document(comparison: Comparison, gates: Sequence[GateResult] = ()) -> dict[str, Any]:
    """Build the document of a comparison as plain data; what is unknown is None."""
    content = plain(
        {
            "schema": SCHEMA_VERSION,
            "version": __version__,
            "a": _side(comparison.a),
            "b": _side(comparison.b),
            "paired": not comparison.unpaired_because,
            "unpaired_because": comparison.unpaired_because or None,
            "left_out": comparison.left_out,
            "schemes": [
                {"a": pair.a, "b": pair.b, "differences": [_row(row) for row in pair.rows]}
                for pair in comparison.schemes
            ],
            "fail_if": [
                {
                    "a": found.a,
                    "b": found.b,
                    "rule": found.gate.text,
                    "limit": found.limit,
                    "verdict": str(found.verdict),
                }
                for found in gates
            ],
        }
    )
    assert isinstance(content, dict)
    return content


def _side(numbers: Numbers) -> dict[str, Any]:
    names = ("scenario", "scenario_digest", "seed", "trials", "mode", "digest")
    return {name: getattr(numbers, name) for name in names}


def _row(row: Row) -> dict[str, Any]:
    return {
        "query": row.query,
        "metric": row.metric,
        "unit": row.unit,
        "a": row.a,
        "b": row.b,
        **asdict(row.difference),
        "relative": row.relative,
    }


def comparison_csv(comparison: Comparison) -> str:
    """Write every difference as a line of CSV; ``*`` is all query classes together."""
    return csv_text(COMPARISON_COLUMNS, comparison_rows(comparison))


def comparison_rows(comparison: Comparison) -> Iterator[Mapping[str, Any]]:
    """Give the lines of the CSV, by column; columns that do not apply are left out."""
    for pair in comparison.schemes:
        names = {"scheme_a": csv_name(pair.a), "scheme_b": csv_name(pair.b)}
        for row in pair.rows:
            everything = ALL_QUERIES if row.is_outcome else ""
            query = everything if row.query is None else csv_name(row.query)
            yield {**names, **_row(row), "query": query}


def side_line(letter: str, numbers: Numbers) -> str:
    """Say what a side is."""
    trials = "1 trial" if numbers.trials == 1 else f"{numbers.trials} trials"
    mode = "" if numbers.mode == "exact" else f", {numbers.mode}"
    digest = numbers.digest[:8]
    return f"{letter}  {numbers.scenario}: seed {numbers.seed}, {trials}{mode}, digest {digest}…"


def pairing_line(comparison: Comparison) -> str:
    """Say whether trials are compared one by one."""
    if comparison.unpaired_because:
        return f"unpaired: {comparison.unpaired_because}"
    found = [
        row.difference.variance_reduction
        for pair in comparison.schemes
        for row in pair.rows
        if (row.query, row.metric) == (None, "query-error")
    ]
    shares = sorted({f"{100.0 * share:.0f} %" for share in found if not math.isnan(share)})
    taken = f": {' and '.join(shares)} less variance of query-error" if shares else ""
    return f"paired: trial by trial, with the same seeds{taken}"


def pair_name(pair: SchemePair) -> str:
    """Name of what is compared: one scheme, or two."""
    return pair.a if pair.a == pair.b else f"{pair.a} → {pair.b}"


def shown_rows(pair: SchemePair) -> tuple[Row, ...]:
    """Rows for a screen: failures, gaps and costs always, the rest where a side has some of it.

    Those of a query class are left out where it is the only one.
    """
    classes = {row.query for row in pair.rows if row.query is not None}
    order = {name: i for i, name in enumerate(dict.fromkeys(row.metric for row in pair.rows))}
    shown = [
        row
        for row in pair.rows
        if (row.metric in (*_ALWAYS, *_COSTS) and row.query is None)
        or ((row.is_outcome or row.metric in OBSERVATIONS) and _is_seen(row))
    ]
    kept = [row for row in shown if row.metric != "ok" and (row.query is None or len(classes) > 1)]
    return tuple(sorted(kept, key=lambda row: order[row.metric]))


def _is_seen(row: Row) -> bool:
    return row.a > 0 or row.b > 0


def comparison_table(pair: SchemePair) -> "Table":
    """Build the table of two schemes: a number a row, its interval below the difference."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(Text(pair_name(pair)), overflow="fold", max_width=_NAME_WIDTH)
    for title in ("A", "B", "B − A", "change"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in shown_rows(pair):
        name = row.metric if row.query is None else f"  {row.query}"
        difference = Text(_signed(row.difference.difference, row.unit))
        if not _is_exact(row):
            difference.append(f"\n{_interval(row)}", "dim")
        table.add_row(
            Text(name),
            format_amount(row.a, row.unit),
            format_amount(row.b, row.unit),
            difference,
            _change(row),
        )
    return table


def gate_lines(gates: Sequence[GateResult]) -> "list[Text]":
    """One line per gate and pair of schemes, and one for the difference that it judges."""
    from rich.text import Text

    lines = []
    for found in gates:
        name = found.a if found.a == found.b else f"{found.a} → {found.b}"
        lines.append(verdict_line(found.verdict, f"{name}: not {found.gate.text}"))
        if found.row is None:
            said = "not counted on both sides"
        else:
            unit = found.row.unit
            said = f"{_signed(found.row.difference.difference, unit)} ({_interval(found.row)})"
            if found.gate.is_relative:
                said += f", the limit is {_signed(found.limit, unit)}"
        lines.append(Text(" " * VERDICT_WIDTH + said, "dim"))
    return lines


def _is_exact(row: Row) -> bool:
    """Whether there is no difference, and cannot be."""
    return row.difference.low == row.difference.high == 0


def _interval(row: Row) -> str:
    found = row.difference
    if math.isnan(found.difference):
        return "not measured"
    if found.method == "same":
        return "the same runs"
    if math.isnan(found.low):
        return "no interval"
    if _is_exact(row):
        return "exactly"
    return f"{_signed(found.low, row.unit)} to {_signed(found.high, row.unit)}"


def _change(row: Row) -> str:
    if math.isnan(row.relative):
        return UNKNOWN
    percent = 100.0 * row.relative
    return "0 %" if percent == 0 else f"{percent:+.3g} %".replace("-", "−")


def _signed(value: float, unit: str) -> str:
    if math.isnan(value):
        return UNKNOWN
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{format_amount(abs(value), unit)}"
