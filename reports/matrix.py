"""The report ``thanos-matrix``: every failure mode under every scheme that is shipped."""

from collections.abc import Iterator, Sequence
from typing import Final

from reports.pages import ROOT, data, page, table
from sim.analysis.expect import Verdict
from sim.analysis.matrix import Cell, Price, Row
from sim.report.formats import format_bytes_short, format_count
from sim.report.matrix import cell_row, cell_text, matrix_figure
from sim.report.style import to_svg
from sim.scenario.presets import scheme_presets
from sim.study.matrix import cells, prices, rows

__all__ = ["files", "shown", "table_rows"]

TRIALS: Final = 2
_FOLDER: Final = ROOT / "scenarios" / "thanos"
_PRICED: Final = ROOT / "scenarios" / "thanos-2022.toml"


def files() -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the report."""
    asked, schemes = rows(sorted(_FOLDER.glob("*.toml"))), list(scheme_presets().values())
    found = cells(asked, schemes, trials=TRIALS, workers=None)
    costs = prices(_PRICED, schemes, trials=1, workers=None)
    yield "matrix.svg", to_svg(matrix_figure(found))
    yield "matrix.csv", data([cell_row(cell) for cell in found])
    parts = _parts(asked, found, costs)
    yield "README.md", page("# Failure modes and schemes", *parts, made_by="make matrix")


def _parts(asked: Sequence[Row], found: Sequence[Cell], costs: Sequence[Price]) -> Iterator[str]:
    names = [price.scheme for price in costs]
    yield (
        "Each row is a scenario that has a failure mode, each column a way to delete with its "
        "delays as it was built or proposed (`sim presets NAME`). A cell is what is seen, under "
        "that scheme, of what the scenario shows under its own: the fraction of queries or how "
        "often in a trial, of the symptom that is seen most. Other modes may show the same symptom "
        "(a scheme that deletes at once fails queries in every world); the cell says what "
        "happens there, not why. Where queries make readers sync (S5c) they are drawn."
    )
    yield "![Every failure mode under every scheme](matrix.svg)"
    yield (
        f"**0** was tried and never seen in {TRIALS} trials, **0!** is proven by rules, **?** is "
        "unknown, as nothing was tried that could have shown it. Reasons, and upper ends of "
        "intervals: [matrix.csv](matrix.csv)."
    )
    yield table(("failure mode", *names), [*table_rows(asked, found), *_price_rows(costs)])
    yield (
        f"Garbage and requests are of [{_PRICED.stem}](../../scenarios/{_PRICED.name}), where "
        "nothing goes wrong: the mean of what is retired and still stored, and requests of all "
        "kinds a day."
    )
    yield "\n".join(
        f"- **{preset.name}**: {preset.summary} ({preset.source})"
        for preset in scheme_presets().values()
    )


def table_rows(asked: Sequence[Row], found: Sequence[Cell]) -> Iterator[list[str]]:
    """The rows of the table, each with a link to its scenario."""
    for row in asked:
        link = f"[{row.mode}](../../scenarios/thanos/{row.path.name} '{row.summary}')"
        yield [link, *(shown(cell) for cell in found if cell.row.path == row.path)]


def shown(cell: Cell) -> str:
    """A cell of the table."""
    return cell_text(cell) + "!" * (cell.verdict is Verdict.VALID and cell.is_proven)


def _price_rows(costs: Sequence[Price]) -> Iterator[list[str]]:
    yield ["garbage", *(format_bytes_short(price.garbage_bytes) for price in costs)]
    yield ["requests a day", *(format_count(price.requests_per_day) for price in costs)]
