"""The figure of failures over the first knob of a sweep."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, Transform

from sim.analysis.rules.safety import safe_delay_us
from sim.analysis.sweep import Line, Point, Sweep, lines_of
from sim.report.failureaxis import FailureAxis, knob_positions, label_knob, zero_handles
from sim.report.names import knob_name, mark_id
from sim.report.style import GREY, MARKERS, PALETTE, escaped

__all__ = [
    "draw_lines",
    "failure_lines",
    "failures_height",
    "failures_over_knob",
    "line_styles",
    "panels_of",
    "rule_handles",
    "safe_at",
]

_LINES_MAX: Final = 6
# Lines of one figure stand so far apart, in points, where their marks would cover each other.
_APART: Final = 3.0


def panels_of(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Give the lines by panel: all in one if few, else one for each scheme that is touched."""
    if len(lines) <= _LINES_MAX or not any(line.others for line in lines):
        return {"": list(lines)}
    touched = [line for line in lines if not line.is_flat] or list(lines)
    return {
        name: [line for line in touched if line.scheme == name]
        for name in dict.fromkeys(line.scheme for line in touched)
    }


def failures_height(lines: Sequence[Line]) -> float:
    """Height in inches of the figure that :func:`failures_over_knob` draws."""
    panels = panels_of(lines)
    return 1.6 + 2.9 * len(panels)


def failure_lines(sweep: Sweep, ax: Axes) -> Axes:
    """Draw the same on axes that somebody has, all lines together, with a legend in them."""
    lines = lines_of(sweep)
    styles = line_styles(sweep, lines, is_alone=True)
    scenario = sweep.cells[0].result.scenario
    label_knob(sweep.knobs[0], knob_name(sweep.knobs[0].path, scenario), ax)
    handles = draw_lines(sweep, lines, styles, ax)
    ax.set_ylabel("fraction of queries (95 % interval)")
    ax.set_title("How often does a query not get a complete answer?", loc="left")
    zeros = zero_handles(point.failing.interval for line in lines for point in line.points)
    shown = [*handles.values(), *zeros, *rule_handles(sweep, lines)]
    ax.legend(handles=shown, frameon=False, fontsize=8)
    return ax


def failures_over_knob(sweep: Sweep, lines: Sequence[Line], figure: Figure) -> Figure:
    """Draw the failing fraction over the first knob, a line for each scheme and other value.

    With more than six lines every scheme that the knob touches has axes of its own. A dashed
    vertical line is where the rules begin to prove that no read fails, if the knob is a delete
    delay.

    Parameters
    ----------
    sweep : Sweep
    lines : sequence of Line
        Of the sweep.
    figure : Figure
    """
    panels = panels_of(lines)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    scenario = sweep.cells[0].result.scenario
    names = [knob_name(knob.path, scenario) for knob in sweep.knobs]
    name = ", in step with ".join(names) if sweep.is_together else names[0]
    handles: dict[str, Line2D] = {}
    for ax, (scheme, members) in zip(axes, panels.items(), strict=True):
        styles = line_styles(sweep, members, is_alone=not scheme)
        label_knob(sweep.knobs[0], name if ax is axes[-1] else "", ax)
        handles |= draw_lines(sweep, members, styles, ax)
        if scheme:
            ax.set_title(escaped(scheme), loc="left", fontsize=9)
    figure.suptitle(
        "How often does a query not get a complete answer?", x=0.01, ha="left", fontsize=10.5
    )
    figure.supylabel("fraction of queries (95 % interval)", fontsize=9)
    shown = [line for members in panels.values() for line in members]
    zeros = zero_handles(p.failing.interval for line in shown for p in line.points)
    named = ["scheme", *names[1:]]
    is_listed = len(named) > 1 and not sweep.is_together
    figure.legend(
        title=escaped(", ".join(named[0 if "" in panels else 1 :])) if is_listed else "",
        title_fontsize=8,
        alignment="left",
        handles=[*handles.values(), *zeros, *rule_handles(sweep, shown)],
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    return figure


def line_styles(sweep: Sweep, lines: Sequence[Line], *, is_alone: bool) -> list[dict[str, Any]]:
    """Colour, marker and label of each line; a panel of one scheme names the other values only."""

    def label(line: Line) -> str:
        values = [sweep.knobs[k + 1].texts[i] for k, i in enumerate(line.others)]
        return ", ".join([line.scheme, *values] if is_alone else values)

    many = colormaps["viridis"]
    return [
        {
            "label": escaped(label(line)),
            "marker": MARKERS[i % len(MARKERS)],
            "color": PALETTE[i % len(PALETTE)]
            if is_alone
            else to_hex(many(0.9 * i / max(1, len(lines) - 1))),
        }
        for i, line in enumerate(lines)
    ]


def draw_lines(
    sweep: Sweep, lines: Sequence[Line], styles: Sequence[Mapping[str, Any]], ax: Axes
) -> dict[str, Line2D]:
    """Draw failures over the first knob, and give what explains each line, by its label."""
    intervals = [point.failing.interval for line in lines for point in line.points]
    axis = FailureAxis.on(ax, intervals, rows=len(lines))
    positions = knob_positions(sweep.knobs[0])
    handles = {}
    for number, (line, style) in enumerate(zip(lines, styles, strict=True)):
        shift = (number - (len(lines) - 1) / 2) * min(_APART, 12 / len(lines))
        points = [
            (positions[point.setting[0]], point)
            for point in line.points
            if not math.isnan(point.failing.interval.fraction)
        ]
        draw = _draw_bars if sweep.knobs[0].numbers is None else _draw_line
        draw(axis, sorted(points, key=lambda pair: pair[0]), number, shift, style, line)
        for x in safe_at(sweep, line):
            ax.axvline(x, color=style["color"], linestyle=(0, (4, 2)), linewidth=1.1, zorder=1)
        handles[style["label"]] = Line2D(
            [],
            [],
            color=style["color"],
            marker="" if line.is_flat and draw is _draw_line else style["marker"],
            markersize=5,
            linewidth=1.4,
            label=style["label"],
        )
    return handles


def _draw_line(
    axis: FailureAxis,
    points: Sequence[tuple[float, Point]],
    row: int,
    shift: float,
    style: Mapping[str, Any],
    line: Line,
) -> None:
    """Draw one line with its band; thin where it goes to or from a zero.

    What the knob does not touch has a bar at its end instead of a band.
    """
    ax, colour = axis.ax, style["color"]
    beside = ax.transData + ScaledTranslation(shift / 72, 0, ax.figure.dpi_scale_trans)
    seen = [p.failing.interval.fraction > 0 for _, p in points]
    heights = [axis.place(p.failing.interval, row) for _, p in points]
    for i in range(len(points) - 1):
        is_seen = seen[i] and seen[i + 1]
        ax.plot(
            [points[i][0], points[i + 1][0]],
            heights[i : i + 2],
            color=colour,
            linewidth=1.4 if is_seen else 0.7,
            linestyle="-" if is_seen else ":",
        )
    if not points:
        return
    if line.is_flat and all(seen):
        interval = points[-1][1].failing.interval
        ends = [max(interval.low, axis.floor), interval.high]
        ax.plot([points[-1][0]] * 2, ends, color=colour, linewidth=2.2, transform=beside)
        return
    ax.fill_between(
        [x for x, _ in points],
        [max(p.failing.interval.low, axis.floor) for _, p in points],
        [p.failing.interval.high for _, p in points],
        where=seen,
        color=colour,
        alpha=0.15,
        linewidth=0,
    )
    for (x, point), is_seen in zip(points, seen, strict=True):
        place = ax.transData if is_seen else beside
        _mark(axis, x, point, row, {**style, "gid": _gid(line, point)}, place)


def _draw_bars(
    axis: FailureAxis,
    points: Sequence[tuple[float, Point]],
    row: int,
    shift: float,
    style: Mapping[str, Any],
    line: Line,
) -> None:
    """Draw the cells of a knob without numbers, between whose values there is nothing."""
    ax, colour = axis.ax, style["color"]
    beside = ax.transData + ScaledTranslation(2 * shift / 72, 0, ax.figure.dpi_scale_trans)
    for x, point in points:
        interval = point.failing.interval
        if interval.fraction > 0:
            ends = [max(interval.low, axis.floor), interval.high]
            ax.plot([x, x], ends, color=colour, linewidth=1.4, transform=beside)
        _mark(axis, x, point, row, {**style, "gid": _gid(line, point)}, beside)


def _mark(
    axis: FailureAxis,
    x: float,
    point: Point,
    row: int,
    style: Mapping[str, Any],
    transform: Transform,
) -> None:
    interval = point.failing.interval
    is_zero = interval.fraction == 0
    axis.ax.plot(
        [x],
        [axis.place(interval, row)],
        marker="v" if is_zero and interval.high > 0 else "o" if is_zero else style["marker"],
        fillstyle="none" if is_zero else "full",
        color=style["color"],
        markersize=4.5,
        transform=transform,
        gid=style["gid"],
    )


def _gid(line: Line, point: Point) -> str:
    return mark_id("failing", line.position, point.setting)


def safe_at(sweep: Sweep, line: Line) -> list[float]:
    """Where, on the axis of the first knob, the rules begin to prove that no read fails."""
    knob = sweep.knobs[0]
    if line.is_flat or knob.numbers is None or not knob.path.endswith("delete_delay"):
        return []
    low, high = min(knob.numbers), max(knob.numbers)
    found = {safe_delay_us(point.result.scenario, point.scheme.index) for point in line.points}
    return sorted(x for x in found if len(found) == 1 and low <= x <= high)


def rule_handles(sweep: Sweep, lines: Sequence[Line]) -> list[Line2D]:
    """Explain the vertical line, if one is drawn."""
    if not any(safe_at(sweep, line) for line in lines):
        return []
    label = "from here on no read fails, by the rules"
    return [Line2D([], [], color=GREY, linestyle=(0, (4, 2)), linewidth=1.1, label=label)]
