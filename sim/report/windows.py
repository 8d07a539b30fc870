"""The figure of error windows: for how long readers use blocks that are gone.

Up to three schemes are curves in one picture; more have a row each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from sim.core.laws import Law
from sim.core.units import US_PER_S
from sim.report.formats import format_count, format_fraction
from sim.report.style import (
    PALETTE,
    escaped,
    folded,
    label_spans,
    legend_below,
    time_unit,
)

__all__ = ["WindowLengths", "window_lengths", "windows_height"]

_CURVES_MAX: Final = 3
# From the shortest to the longest window of a row, its quarters, and its middle.
_QUANTILES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
# Windows that differ more are compared by their ratio.
_LINEAR_RATIO_MAX: Final = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLengths:
    """Lengths of error windows of one scheme, sorted, shape (n,) in µs, a sample of ``count``.

    ``reference`` is the closed form of their law, if one applies.
    """

    scheme: str
    lengths_us: np.ndarray
    count: int
    reference: Law | None = None


def windows_height(schemes: int) -> float:
    """Height in inches of the figure that :func:`window_lengths` draws."""
    return 4.2 if schemes <= _CURVES_MAX else 1.9 + 0.38 * schemes


def window_lengths(data: Sequence[WindowLengths], ax: Axes) -> Axes:
    """Draw how long the error windows of deletions were, per scheme.

    A scheme of three or fewer is a curve: the share of deletions whose window was at most so long,
    and dashed its closed form, where one applies. Of more schemes each is a row: the lengths of the
    windows that there were, and in words how many deletions had one.
    """
    (_curves if len(data) <= _CURVES_MAX else _rows)(data, ax)
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_title("For how long does a reader use a deleted block?", loc="left")
    return ax


def _curves(data: Sequence[WindowLengths], ax: Axes) -> None:
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
    ax.set_xlabel(f"time a gateway reads a block that is gone ({unit})")
    ax.set_ylabel("share of deletions, at most so long")
    legend_below(ax, ax.get_legend_handles_labels()[0], columns=2)


def _rows(data: Sequence[WindowLengths], ax: Axes) -> None:
    seen = [row.lengths_us[row.lengths_us > 0] for row in data]
    shortest_us, longest_us = _range_us([*seen, *(_closed_form_us(row) for row in data)])
    if longest_us > _LINEAR_RATIO_MAX * shortest_us:
        ax.set_xscale("log")
        ax.set_xlim(shortest_us / 1.5, longest_us * 1.5)
    else:
        ax.set_xlim(-0.01 * longest_us, 1.05 * longest_us)
    for y, (row, lengths_us) in enumerate(zip(data, seen, strict=True)):
        if lengths_us.size:
            low, first, middle, last, high = np.quantile(lengths_us, _QUANTILES)
            ax.plot([low, high], [y, y], color=PALETTE[0], linewidth=1.2)
            ax.plot([first, last], [y, y], color=PALETTE[0], linewidth=6.0, solid_capstyle="butt")
            ax.plot([middle], [y], color="black", marker="|", markersize=9)
        expected_us = _closed_form_us(row)
        if expected_us.size:
            below = [y + 0.3] * expected_us.size
            ax.plot(expected_us, below, color="black", linestyle="--", linewidth=1.0, marker="|")
        ax.annotate(
            _share(row),
            (1.01, y),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            annotation_clip=False,
        )
    ax.annotate("with a window", (1.01, 1.0), xycoords="axes fraction", fontsize=8)
    ax.set_yticks(range(len(data)), [folded(row.scheme, 24) for row in data])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(data) - 0.4, -0.6)
    label_spans(ax)
    ax.set_xlabel("time a gateway reads a block that is gone (windows that are not empty)")
    legend_below(ax, _row_legend(has_reference=any(row.reference for row in data)), columns=4)


def _row_legend(*, has_reference: bool) -> list[Line2D]:
    handles = [
        Line2D([], [], color=PALETTE[0], linewidth=1.2, label="shortest to longest"),
        Line2D([], [], color=PALETTE[0], linewidth=6.0, label="the middle half"),
        Line2D([], [], color="black", marker="|", linestyle="", markersize=9, label="median"),
    ]
    if has_reference:
        dashed = Line2D([], [], color="black", linestyle="--", marker="|", label="closed form")
        handles.append(dashed)
    return handles


def _range_us(samples: Sequence[np.ndarray]) -> tuple[float, float]:
    """Shortest and longest of all windows; one second where there are none."""
    found = [sample for sample in samples if sample.size]
    if not found:
        return US_PER_S, US_PER_S
    return float(min(s.min() for s in found)), float(max(s.max() for s in found))


def _closed_form_us(row: WindowLengths) -> np.ndarray:
    """Quantiles of the closed form that are longer than 0, as a row shows them; or none."""
    if row.reference is None or not len(row.lengths_us):
        return np.zeros(0)
    quantiles = np.array([row.reference.ppf(min(q, 1.0 - 2.0**-53)) for q in _QUANTILES])
    return quantiles[quantiles > 0]


def _share(row: WindowLengths) -> str:
    if not len(row.lengths_us):
        return "no deletions"
    share = float((row.lengths_us > 0).mean())
    return f"{format_fraction(share)} of {format_count(row.count)}"


def _longest_us(row: WindowLengths) -> float:
    """Give the longest length of a scheme, or of its closed form; 0 if it has none."""
    longest_us = float(row.lengths_us.max(initial=0))
    if row.reference is None or not len(row.lengths_us):
        return longest_us
    return max(longest_us, row.reference.ppf(1.0 - 2.0**-53))


def _counted(row: WindowLengths) -> str:
    """Name a scheme, the number of its lengths, and how many of them are zero."""
    zero = float((row.lengths_us == 0).mean())
    none = f", {format_fraction(zero)} without a window" if zero else ""
    return f"{escaped(row.scheme)} ({format_count(row.count)} seen{none})"
