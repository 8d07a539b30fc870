"""The first figure of a sweep's page: failures, garbage and requests over one knob."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.analysis.sweep import Line, Point, Sweep
from sim.report.failureaxis import knob_positions, label_knob, zero_handles
from sim.report.formats import byte_unit, format_count
from sim.report.names import knob_name, mark_id
from sim.report.style import escaped
from sim.report.sweepfigures import draw_lines, line_styles, panels_of, rule_handles, safe_at

__all__ = ["HEADLINE_HEIGHT", "headline"]

HEADLINE_HEIGHT: Final = 6.4
"""Inches."""

_HEADROOM: Final = 1.12


def headline(sweep: Sweep, lines: Sequence[Line], figure: Figure) -> Figure:
    """Draw what a knob does to failures, to garbage and to requests, one panel below the other.

    Where the lines are too many for one panel, those of the first scheme that the knob touches are
    drawn. The mark of every cell has the id that :func:`sim.report.names.mark_id` gives it, for
    "failing", "garbage" and "requests".

    Parameters
    ----------
    sweep : Sweep
    lines : sequence of Line
        Of the sweep.
    figure : Figure
    """
    scheme, members = next(iter(panels_of(lines).items()))
    styles = line_styles(sweep, members, is_alone=not scheme)
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(2.5, 1, 1))
    knob, scenario = sweep.knobs[0], sweep.cells[0].result.scenario
    names = [knob_name(knob.path, scenario) for knob in sweep.knobs]
    for ax in axes:
        shown = ", in step with ".join(names) if sweep.is_together else names[0]
        label_knob(knob, shown if ax is axes[-1] else "", ax)
        if ax is not axes[-1]:
            ax.set_xlabel("")
    handles = draw_lines(sweep, members, styles, axes[0])
    axes[0].set_ylabel("fraction that fails\n(95 % interval)")
    unit, unit_bytes = byte_unit(_most(members, lambda point: point.garbage_bytes))
    _draw_costs(sweep, members, styles, axes[1], "garbage", lambda p: p.garbage_bytes / unit_bytes)
    axes[1].set_ylabel(f"garbage\n({unit})")
    _draw_costs(sweep, members, styles, axes[2], "requests", lambda p: p.requests_per_day)
    axes[2].set_ylabel("requests\n(per day)")
    axes[2].yaxis.set_major_formatter(lambda number, _: format_count(number))
    under = f" under {scheme}" if scheme else ""
    figure.suptitle(
        escaped(f"How often does a query fail{under}, and what does it cost?"),
        x=0.01,
        ha="left",
        fontsize=10.5,
    )
    zeros = zero_handles(p.failing.interval for line in members for p in line.points)
    others = ["scheme", *names[1:]][1 if scheme else 0 :]
    figure.legend(
        title=escaped(", ".join(others)) if len(names) > 1 and not sweep.is_together else "",
        title_fontsize=8,
        alignment="left",
        handles=[*handles.values(), *zeros, *rule_handles(sweep, members)],
        loc="outside lower left",
        ncols=3,
        frameon=False,
        fontsize=8,
    )
    return figure


def _most(lines: Sequence[Line], cost_of: Callable[[Point], float]) -> float:
    costs = [cost_of(point) for line in lines for point in line.points]
    return max((cost for cost in costs if not math.isnan(cost)), default=0.0)


def _draw_costs(
    sweep: Sweep,
    lines: Sequence[Line],
    styles: Sequence[Mapping[str, Any]],
    ax: Axes,
    kind: str,
    cost_of: Callable[[Point], float],
) -> None:
    """Draw what each cell costs; a cell of which that is unknown is left out."""
    places = knob_positions(sweep.knobs[0])
    for line, style in zip(lines, styles, strict=True):
        points = sorted(line.points, key=lambda point: places[point.setting[0]])
        known = [p for p in points if not math.isnan(cost_of(p))]
        if sweep.knobs[0].numbers is not None:
            xs = [places[p.setting[0]] for p in known]
            ax.plot(xs, [cost_of(p) for p in known], color=style["color"], linewidth=1.2)
        for point in known:
            ax.plot(
                [places[point.setting[0]]],
                [cost_of(point)],
                marker=style["marker"],
                color=style["color"],
                markersize=3.5,
                gid=mark_id(kind, line.position, point.setting),
            )
        for x in safe_at(sweep, line):
            ax.axvline(x, color=style["color"], linestyle=(0, (4, 2)), linewidth=1.1, zorder=1)
    ax.set_ylim(0.0, _HEADROOM * (_most(lines, cost_of) or 1.0))
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
