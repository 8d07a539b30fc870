"""The figure of prices: failures of a sweep against the garbage and the requests that they cost."""

import math
from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from sim.analysis.sweep import Line, Point, Sweep, pareto_front
from sim.report.failureaxis import FailureAxis, zero_handles
from sim.report.formats import byte_unit, format_count
from sim.report.names import knob_name
from sim.report.style import MARKERS, PALETTE, escaped, folded

__all__ = ["prices"]

_DARK: Final = "#333333"
_LABELS_MAX: Final = 7


def prices(sweep: Sweep, lines: Sequence[Line], figure: Figure) -> Figure:
    """Draw failures against what they cost, and mark the cells that no other beats in both.

    A zero that is not ruled out counts as the upper end of its interval.

    Parameters
    ----------
    sweep : Sweep
    lines : sequence of Line
        Of the sweep.
    figure : Figure
    """
    left, right = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(line.scheme for line in lines))
    points = [
        point
        for line in lines
        for point in (line.points[:1] if line.is_flat else line.points)
        if not math.isnan(point.failing.interval.fraction)
    ]
    unit, unit_bytes = byte_unit(max((p.garbage_bytes for p in points), default=0.0))
    garbage = [p.garbage_bytes / unit_bytes for p in points]
    requests = [p.requests_per_day for p in points]
    for ax, costs, label in (
        (left, garbage, f"retired data still stored, mean ({unit})"),
        (right, requests, "requests of all kinds (per simulated day)"),
    ):
        axis = FailureAxis.on(ax, [p.failing.interval for p in points])
        _draw_prices(sweep, points, costs, names, axis)
        ax.set_xlabel(label)
    right.tick_params(axis="y", length=0)
    right.xaxis.set_major_formatter(lambda number, _: format_count(number))
    left.set_ylabel("fraction of queries that fail")
    figure.suptitle("What does it cost that fewer queries fail?", x=0.01, ha="left", fontsize=10.5)
    handles = [
        Line2D(
            [],
            [],
            color=PALETTE[i % len(PALETTE)],
            marker=MARKERS[i % len(MARKERS)],
            linestyle="",
            markersize=5,
            label=escaped(name),
        )
        for i, name in enumerate(names)
    ]
    front = Line2D([], [], color=_DARK, linewidth=0.9, label="no other fails less for less")
    zeros = zero_handles(p.failing.interval for p in points)
    scenario = sweep.cells[0].result.scenario
    knobs = ", ".join(knob_name(knob.path, scenario) for knob in sweep.knobs)
    figure.legend(
        title=folded(f"labels: {knobs}", 110),
        title_fontsize=8,
        alignment="left",
        handles=[*handles, front, *zeros],
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    return figure


def _draw_prices(
    sweep: Sweep,
    points: Sequence[Point],
    costs: Sequence[float],
    names: Sequence[str],
    axis: FailureAxis,
) -> None:
    ax = axis.ax
    known = [cost for cost in costs if not math.isnan(cost)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    ax.set_xlim(low - room, high + 2.5 * room)
    touching = {
        scheme.name: sweep.touching(position)
        for position, scheme in enumerate(sweep.cells[0].result.schemes)
    }
    places = [
        (cost, axis.place(point.failing.interval, 0))
        for cost, point in zip(costs, points, strict=True)
    ]
    intervals = [point.failing.interval for point in points]
    most = [i.fraction if i.fraction > 0 else i.high for i in intervals]
    front = pareto_front(list(zip(most, costs, strict=True)))
    for i, (point, (x, y)) in enumerate(zip(points, places, strict=True)):
        number = names.index(point.scheme.name)
        interval = point.failing.interval
        is_zero = interval.fraction == 0
        ax.plot(
            [x],
            [y],
            marker="v" if is_zero and interval.high > 0 else MARKERS[number % len(MARKERS)],
            fillstyle="none" if is_zero else "full",
            color=PALETTE[number % len(PALETTE)],
            alpha=1.0 if i in front else 0.35,
            markersize=5,
            linestyle="",
        )
    ordered = sorted(places[i] for i in front)
    ax.step(
        [x for x, _ in ordered],
        [y for _, y in ordered],
        where="post",
        color=_DARK,
        linewidth=0.9,
        zorder=1,
    )
    texts = [
        sweep.text_of(points[i].setting, touching[points[i].scheme.name]) or points[i].scheme.name
        for i in front
    ]
    _label_apart(ax, list(zip((places[i] for i in front), texts, strict=True)))


def _label_apart(ax: Axes, labels: Sequence[tuple[tuple[float, float], str]]) -> None:
    """Write texts beside places, those at the ends first; one that would cover another is left."""
    order = sorted(range(len(labels)), key=lambda i: min(i, len(labels) - 1 - i))
    taken: list[tuple[float, float, float]] = []
    to_axes = ax.transData + ax.transAxes.inverted()
    for i in order[:_LABELS_MAX]:
        place, text = labels[i]
        x, y = to_axes.transform(place)
        width = 0.021 * len(text)
        if all(abs(y - b) > 0.06 or x + width < a or x > a + w for a, b, w in taken):
            taken.append((x, y, width))
            ax.annotate(
                escaped(text),
                place,
                xytext=(5, 4),
                textcoords="offset points",
                fontsize=7.5,
                color=_DARK,
                path_effects=[withStroke(linewidth=2.0, foreground="white")],
            )
