"""Figures over all deletions of a run, as functions ``(data, ax) -> ax``.

Each title asks the question that its picture answers.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sim.analysis.estimators import Interval
from sim.core.laws import Law
from sim.core.units import US_PER_S
from sim.report.style import (
    GREY,
    OUTCOME_COLOURS,
    OUTCOME_MARKERS,
    PALETTE,
    escaped,
    legend_below,
    time_unit,
)

__all__ = ["OutcomeFraction", "WindowLengths", "outcome_fractions", "window_lengths"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFraction:
    """How often queries of a scheme had an outcome."""

    scheme: str
    outcome: str
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLengths:
    """Lengths of error windows of one scheme, sorted, shape (n,) in µs, a sample of ``count``.

    ``reference`` is the closed form of their law, if one applies.
    """

    scheme: str
    lengths_us: np.ndarray
    count: int
    reference: Law | None = None


def outcome_fractions(data: Sequence[OutcomeFraction], ax: Axes) -> Axes:
    """Draw fractions with their intervals on a log scale; a zero is its upper bound and an arrow.

    Parameters
    ----------
    data : sequence of OutcomeFraction
        Schemes and outcomes in the order they are to be shown; fractions that are nan are left
        out.
    ax : Axes
    """
    known = [row for row in data if not math.isnan(row.interval.fraction)]
    schemes = list(dict.fromkeys(row.scheme for row in data))
    outcomes = list(dict.fromkeys(row.outcome for row in data))
    floor = _floor(known)
    step = 0.5 / max(1, len(outcomes))
    for row in known:
        interval = row.interval
        x = (
            schemes.index(row.scheme)
            + (outcomes.index(row.outcome) - (len(outcomes) - 1) / 2) * step
        )
        style: dict[str, Any] = {"color": OUTCOME_COLOURS[row.outcome], "linewidth": 1.4}
        if interval.fraction > 0:
            low = max(interval.low, floor)
            ax.plot([x, x], [low, interval.high], **style)
            ax.plot(
                [x],
                [interval.fraction],
                marker=OUTCOME_MARKERS[row.outcome],
                markersize=5.5,
                **style,
            )
        else:
            ax.plot([x - step * 0.3, x + step * 0.3], [interval.high] * 2, **style)
            ax.annotate(
                "",
                xy=(x, interval.high / 2.5),
                xytext=(x, interval.high),
                arrowprops={"arrowstyle": "->", "color": style["color"], "shrinkA": 0},
            )
    ax.set_yscale("log")
    ax.set_ylim(floor, min(1.5, 3 * max((row.interval.high for row in known), default=1.0)))
    ax.set_xlim(-0.6, len(schemes) - 0.4)
    width = 16 if len(schemes) <= 6 else 11
    ax.set_xticks(range(len(schemes)), [_folded(name, width) for name in schemes])
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylabel("fraction of queries (95 % interval)")
    ax.set_title("How often does a query not get a complete answer?", loc="left")
    handles = [
        Line2D([], [], color=OUTCOME_COLOURS[o], marker=OUTCOME_MARKERS[o], markersize=5.5, label=o)
        for o in outcomes
    ]
    if any(row.interval.fraction == 0 for row in known):
        label = "none: at most the bar"
        handles.append(
            Line2D([], [], color=GREY, marker=r"$\downarrow$", linestyle="", label=label)
        )
    legend_below(ax, handles)
    return ax


def window_lengths(data: Sequence[WindowLengths], ax: Axes) -> Axes:
    """Draw, per scheme, the share of deletions whose error window was at most so long.

    Dashed: the closed form, where one applies. A scheme without deletions is named in the legend.
    """
    longest_us = max(_longest_us(row) for row in data)
    unit, unit_s = time_unit(max(longest_us, US_PER_S))
    end_us = max(longest_us, US_PER_S) * 1.08
    scale = US_PER_S * unit_s
    for index, row in enumerate(data):
        colour = PALETTE[index % len(PALETTE)]
        n = len(row.lengths_us)
        if not n:
            ax.plot([], [], color=colour, label=f"{escaped(row.scheme)}: no deletions")
            continue
        edges = np.concatenate(([0], row.lengths_us, [end_us])) / scale
        steps = np.concatenate(([0], np.arange(1, n + 1), [n])) / n
        # Equal curves lie on each other: the earlier ones are wider, so that each is seen.
        width = 1.6 + 1.2 * (len(data) - 1 - index)
        ax.step(edges, steps, where="post", color=colour, linewidth=width, label=_counted(row))
    for law in dict.fromkeys(row.reference for row in data if row.reference is not None):
        grid = np.linspace(0.0, end_us, 400)
        values = [law.cdf(float(length_us)) for length_us in grid]
        ax.plot(
            grid / scale, values, color="black", linestyle="--", linewidth=1.1, label="closed form"
        )
    if not any(row.reference for row in data):
        ax.plot([], [], linestyle="none", label="(no closed form applies)")
    ax.set_xlim(-0.01 * end_us / scale, end_us / scale)
    ax.set_ylim(0, 1.03)
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"time a gateway reads a block that is gone ({unit})")
    ax.set_ylabel("share of deletions, at most so long")
    ax.set_title("For how long does a reader use a deleted block?", loc="left")
    legend_below(ax, ax.get_legend_handles_labels()[0], columns=2)
    return ax


def _longest_us(row: WindowLengths) -> float:
    """Give the longest length of a scheme, or of its closed form; 0 if it has none."""
    longest_us = float(row.lengths_us.max(initial=0))
    if row.reference is None or not len(row.lengths_us):
        return longest_us
    return max(longest_us, row.reference.ppf(1.0 - 2.0**-53))


def _counted(row: WindowLengths) -> str:
    """Name a scheme, the number of its lengths, and how many of them are zero."""
    zero = float((row.lengths_us == 0).mean())
    none = f", {100 * zero:.4g} % without a window" if zero else ""
    return f"{escaped(row.scheme)} ({row.count} seen{none})"


def _floor(rows: Sequence[OutcomeFraction]) -> float:
    """Lower end of the axis: below everything that has to be seen."""
    seen = [
        bound
        for row in rows
        for bound in (row.interval.low, row.interval.fraction, row.interval.high / 3)
        if bound > 0
    ]
    return max(1e-15, min(seen, default=1e-6) / 2)


def _folded(name: str, width: int) -> str:
    return escaped("\n".join(textwrap.wrap(name, width) or [name]))
