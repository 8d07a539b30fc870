"""Failure modes and schemes as a grid: what is seen, what is not, and what nobody can say."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from sim.analysis.expect import Verdict
from sim.report.formats import format_amount
from sim.report.style import Axes, escaped, new_panels
from sim.scenario.metrics import MEASURES, METRICS
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.matrix import Cell

__all__ = ["cell_row", "cell_text", "matrix_figure"]

# From pale to dark: a fraction of 1e-6 or less, and all queries.
_SEEN: Final = ("#fde5d0", "#f8b98a", "#e76300", "#bd1f01")
_DECADES: Final = (1e-4, 1e-2, 1e-1)
_COUNTED: Final = "#ffa90e"
_PROVEN: Final = "#3f90da"
_UNSEEN: Final = "#bcdcf3"
_UNKNOWN: Final = "#e8e8e8"
_CELL_INCHES: Final = (0.6, 0.28)
_DARK: Final = (_SEEN[2], _SEEN[3], _PROVEN)


def cell_text(cell: "Cell") -> str:
    """A cell in a few letters: how often or how much of it is seen, 0, or a question mark."""
    if cell.verdict is Verdict.UNKNOWN:
        return "?"
    if cell.verdict is Verdict.VALID and cell.symptom not in MEASURES:
        return "0"
    unit = "fraction" if cell.symptom in OUTCOMES else METRICS[cell.symptom].unit
    text = format_amount(cell.amount, unit)
    return f"{text} x" if unit == "count" else text


def cell_row(cell: "Cell") -> dict[str, object]:
    """What a table has of a cell, by column."""
    return {
        "mode": cell.row.mode,
        "scenario": cell.row.path.stem,
        "scheme": cell.scheme,
        "verdict_of_never": str(cell.verdict),
        "symptom": cell.symptom,
        "amount": cell.amount,
        "high": cell.high,
        "reason": cell.reason,
    }


def matrix_figure(cells: Sequence["Cell"]) -> Figure:
    """Draw all cells, rows and columns in the order in which they come."""
    rows = list(dict.fromkeys(cell.row.path.stem for cell in cells))
    schemes = list(dict.fromkeys(cell.scheme for cell in cells))
    width, height = _CELL_INCHES

    def draw(figure: Figure) -> None:
        ax = figure.add_subplot()
        for cell in cells:
            _draw(ax, cell, schemes.index(cell.scheme), rows.index(cell.row.path.stem))
        ax.set_xlim(-0.5, len(schemes) - 0.5)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.set_xticks(range(len(schemes)), list(map(escaped, schemes)))
        ax.set_yticks(range(len(rows)), list(map(escaped, rows)))
        ax.tick_params(length=0, labeltop=True, labelbottom=False, labelsize=8)
        for spine in ax.spines.values():
            spine.set_visible(False)
        figure.legend(handles=_legend(), loc="outside lower left", ncols=4, frameon=False)

    size = {"width": max(7.2, 3 + width * len(schemes)), "height": 1.5 + height * len(rows)}
    return new_panels(draw, **size)


def _draw(ax: Axes, cell: "Cell", x: int, y: int) -> None:
    colour = _colour(cell)
    ax.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor="white"))
    ink = "white" if colour in _DARK else "black"
    text = cell_text(cell).replace(" ", "")
    ax.text(x, y, text, ha="center", va="center", fontsize=7, color=ink)


def _colour(cell: "Cell") -> str:
    if cell.verdict is Verdict.UNKNOWN:
        return _UNKNOWN
    if cell.verdict is Verdict.VALID:
        return _PROVEN if cell.is_proven else _UNSEEN
    if cell.symptom not in OUTCOMES or math.isnan(cell.amount):
        return _COUNTED
    return _SEEN[sum(cell.amount >= bound for bound in _DECADES)]


def _legend() -> list[Patch]:
    return [
        Patch(facecolor=_SEEN[3], label="fraction of queries: from 10 %"),
        Patch(facecolor=_SEEN[2], label="from 1 %"),
        Patch(facecolor=_SEEN[1], label="from 0.01 %"),
        Patch(facecolor=_SEEN[0], label="less"),
        Patch(facecolor=_COUNTED, label="x: times in a trial; or an amount"),
        Patch(facecolor=_UNSEEN, label="0 (or an amount): tried, and not seen"),
        Patch(facecolor=_PROVEN, label="0: proven by rules"),
        Patch(facecolor=_UNKNOWN, label="?: nothing could show it"),
    ]
