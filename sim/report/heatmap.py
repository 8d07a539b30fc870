"""The map of two knobs: how often queries fail at each setting, and where they stop."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from sim.analysis.sweep import Line, Point, Sweep
from sim.report.formats import format_fraction
from sim.report.names import knob_name
from sim.report.style import escaped, label_ticks

__all__ = ["failure_map", "map_height", "mapped"]

_ROW_INCHES: Final = 0.3
_COLUMNS_WITH_TEXT: Final = 8
# Of the width of other axes: the rest is for the scale of colours.
_MAP_SHARE: Final = 0.75
_PROVEN: Final[Mapping[str, Any]] = {"color": "black", "linewidth": 3.6}
_FOUND: Final[Mapping[str, Any]] = {"color": "#ffa90e", "linewidth": 1.6}
_UNSEEN: Final = "#e8e8e8"

Grid = Mapping[tuple[int, int], Point]


def mapped(sweep: Sweep, lines: Sequence[Line]) -> list[str]:
    """Names of the schemes that a map shows: those that the first of two knobs touches."""
    if sweep.is_together or len(sweep.knobs) != 2 or min(map(len, sweep.knobs)) < 2:
        return []
    return list(dict.fromkeys(line.scheme for line in lines if not line.is_flat))


def map_height(sweep: Sweep, lines: Sequence[Line]) -> float:
    """Height in inches of the figure that :func:`failure_map` draws."""
    panels = len(mapped(sweep, lines))
    return 1.5 + panels * (0.5 + _ROW_INCHES * max(5, len(sweep.knobs[1])))


def failure_map(sweep: Sweep, lines: Sequence[Line], figure: Figure) -> Figure:
    """Draw a map for each scheme: settings as boxes, and two frontiers between them.

    One frontier is where rules begin to prove that every query gets a complete answer, one where
    none was seen any more that does not.

    Parameters
    ----------
    sweep : Sweep
        A grid of two knobs.
    lines : sequence of Line
        Of the sweep.
    figure : Figure
    """
    schemes = mapped(sweep, lines)
    grids = {
        name: {
            (point.setting[0], point.setting[1]): point
            for line in lines
            if line.scheme == name
            for point in line.points
        }
        for name in schemes
    }
    seen = [
        point.failing.interval.fraction
        for grid in grids.values()
        for point in grid.values()
        if point.failing.interval.fraction > 0
    ]
    low, high = (min(seen), max(seen)) if seen else (1e-6, 1.0)
    norm = LogNorm(low, high if high > low else 10 * low)
    axes = figure.subplots(len(schemes), 1, sharex=True, squeeze=False)[:, 0]
    scenario = sweep.cells[0].result.scenario
    for ax, (name, grid) in zip(axes, grids.items(), strict=True):
        _draw_map(sweep, grid, norm, ax)
        ax.set_ylabel(escaped(knob_name(sweep.knobs[1].path, scenario)))
        if len(schemes) > 1:
            ax.set_title(escaped(name), loc="left", fontsize=9)
    axes[-1].set_xlabel(escaped(knob_name(sweep.knobs[0].path, scenario)))
    if seen:
        figure.colorbar(
            ScalarMappable(norm, colormaps["cividis"]),
            ax=list(axes),
            label="fraction of queries",
            fraction=0.05,
        )
    figure.suptitle("Where do queries stop failing?", x=0.01, ha="left", fontsize=10.5)
    figure.legend(
        handles=[
            Line2D([], [], label="proven from here on, by the rules", **_PROVEN),
            Line2D([], [], label="none seen from here on", **_FOUND),
            Patch(facecolor=_UNSEEN, edgecolor="#999999", label="none seen"),
            Patch(facecolor="white", edgecolor="#999999", label="0: ruled out"),
        ],
        loc="outside lower left",
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    return figure


def _draw_map(sweep: Sweep, grid: Grid, norm: LogNorm, ax: Axes) -> None:
    columns, rows = map(len, sweep.knobs)
    colours = np.ones((rows, columns, 4))
    for (x, y), point in grid.items():
        colours[y, x] = _colour(point, norm)
    ax.imshow(colours, origin="lower", aspect="auto", interpolation="nearest")
    ax.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
    ax.set_yticks(range(rows), [escaped(text) for text in sweep.knobs[1].texts])
    texts = {float(i): escaped(text) for i, text in enumerate(sweep.knobs[0].texts)}
    label_ticks(ax, texts, share=_MAP_SHARE)
    ax.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="#bbbbbb", linewidth=0.5)
    ax.tick_params(which="both", length=0)
    if columns <= _COLUMNS_WITH_TEXT:
        for (x, y), point in grid.items():
            _write(x, y, point, norm, ax)
    proven = {place for place, point in grid.items() if point.is_ruled_out}
    unseen = {place for place, point in grid.items() if point.failing.interval.fraction == 0}
    for places, style in ((proven, _PROVEN), (unseen, _FOUND)):
        ax.add_collection(
            LineCollection(
                list(_frontier(places, columns, rows)),
                colors=style["color"],
                linewidths=style["linewidth"],
                capstyle="projecting",
            )
        )


def _colour(point: Point, norm: LogNorm) -> Any:
    interval = point.failing.interval
    if math.isnan(interval.fraction) or interval.high == 0:
        return to_rgba("white")
    if interval.fraction == 0:
        return to_rgba(_UNSEEN)
    return colormaps["cividis"](norm(interval.fraction))


def _write(x: int, y: int, point: Point, norm: LogNorm, ax: Axes) -> None:
    """Write the fraction into its box; for a zero that is not ruled out, its upper bound."""
    interval = point.failing.interval
    text = format_fraction(interval.fraction)
    if interval.fraction == 0 and interval.high > 0:
        text = f"< {format_fraction(interval.high)}"
    is_dark = interval.fraction > 0 and float(norm(interval.fraction)) < 0.5
    ax.text(x, y, text, ha="center", va="center", fontsize=7, color="white" if is_dark else "black")


def _frontier(
    places: set[tuple[int, int]], columns: int, rows: int
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Edges between boxes that belong to a set and boxes that do not; not the map's own edge."""
    for x in range(columns):
        for y in range(rows):
            is_in = (x, y) in places
            if x + 1 < columns and is_in != ((x + 1, y) in places):
                yield (x + 0.5, y - 0.5), (x + 0.5, y + 0.5)
            if y + 1 < rows and is_in != ((x, y + 1) in places):
                yield (x - 0.5, y + 0.5), (x + 0.5, y + 0.5)
