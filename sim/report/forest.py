"""The figure of a comparison: how much more often B has each outcome than A, with intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from sim.analysis.comparison.compare import Comparison, Row
from sim.report.comparison import pair_name, pairing_line, shown_rows
from sim.report.style import (
    GREY,
    OUTCOME_COLOURS,
    OUTCOME_MARKERS,
    escaped,
    legend_below,
    new_figure,
)

__all__ = ["DifferenceGroup", "difference_figure", "difference_groups", "outcome_differences"]

_DECADES_MAX: Final = 6
_TICKS_A_SIDE: Final = 4
_NAME_LENGTH: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceGroup:
    """What is drawn of two schemes: a title, and rows about outcomes from top to bottom."""

    title: str
    rows: tuple[Row, ...]


def difference_groups(comparison: Comparison) -> tuple[DifferenceGroup, ...]:
    """Give what a picture shows of a comparison: the outcomes that its table has, if measured."""
    return tuple(
        DifferenceGroup(
            title=pair_name(pair),
            rows=tuple(
                row
                for row in shown_rows(pair)
                if row.is_outcome and not math.isnan(row.difference.difference)
            ),
        )
        for pair in comparison.schemes
    )


def difference_figure(comparison: Comparison) -> Figure:
    """Draw the figure of a comparison, as high as it has rows."""
    groups = difference_groups(comparison)
    height = 1.9 + 0.27 * sum(1 + len(group.rows) for group in groups)
    return new_figure(
        lambda ax: outcome_differences(groups, ax, comparison=comparison), height=height
    )


def outcome_differences(
    groups: Sequence[DifferenceGroup], ax: Axes, *, comparison: Comparison
) -> Axes:
    """Draw differences with their intervals, a line each, on an axis that is logarithmic both ways.

    Between the smallest powers of ten that matter the axis is linear, so that 0 has a place; a
    difference that cannot be other than 0 is an open marker.

    Parameters
    ----------
    groups : sequence of DifferenceGroup
        From top to bottom.
    ax : Axes
    comparison : Comparison
        Says what the sides are and whether their trials are pairs.
    """
    rows = [row for group in groups for row in group.rows]
    least, most = _range(rows)
    ax.set_xscale("symlog", linthresh=least, linscale=1.2)
    ax.set_xlim(-2.0 * most, 2.0 * most)
    _label_powers(ax, least, most)
    labels: list[tuple[float, str]] = []
    y = 0.0
    for group in groups:
        title = escaped(_cut(group.title))
        ax.text(0.008, y, title, transform=ax.get_yaxis_transform(), weight="bold", va="center")
        for row in group.rows:
            y += 1.0
            _draw(row, y, ax)
            labels.append((y, row.metric if row.query is None else escaped(_cut(row.query))))
        y += 1.2
    ax.set_yticks([place for place, _ in labels], [text for _, text in labels])
    ax.set_ylim(max(y - 0.5, 0.7), -0.8)
    ax.tick_params(axis="y", length=0)
    ax.axvline(0.0, color=GREY, linewidth=1.0, zorder=0)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(
        "B − A, as a fraction of queries (95 % interval); left of 0: B has fewer\n"
        f"{_sides(comparison)}; {escaped(pairing_line(comparison))}"
    )
    ax.set_title("How much more often does B not give a complete answer?", loc="left")
    legend_below(ax, _handles(rows))
    return ax


def _sides(comparison: Comparison) -> str:
    a, b = (escaped(_cut(side.scenario)) for side in (comparison.a, comparison.b))
    return f"A: {a}, B: {b}"


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 1]}…"


def _handles(rows: Sequence[Row]) -> list[Line2D]:
    """Explain colours and markers, and the open ones if there are any."""
    handles = [
        Line2D([], [], color=OUTCOME_COLOURS[o], marker=OUTCOME_MARKERS[o], markersize=5.5, label=o)
        for o in dict.fromkeys(row.metric for row in rows)
    ]
    if any(_is_exact(row) for row in rows):
        handles.append(
            Line2D(
                *([], []),
                color=GREY,
                marker="o",
                markersize=5.5,
                fillstyle="none",
                linestyle="",
                label="ruled out",
            )
        )
    return handles


def _is_exact(row: Row) -> bool:
    return row.difference.low == row.difference.high == 0


def _draw(row: Row, y: float, ax: Axes) -> None:
    found = row.difference
    style: dict[str, Any] = {"color": OUTCOME_COLOURS[row.metric]}
    if not math.isnan(found.low):
        ax.plot([found.low, found.high], [y, y], linewidth=1.4, **style)
        ax.plot([found.low, found.high], [y, y], marker="|", markersize=7.0, linestyle="", **style)
    marker = OUTCOME_MARKERS[row.metric]
    fill = "none" if _is_exact(row) else "full"
    ax.plot([found.difference], [y], marker=marker, markersize=5.5, fillstyle=fill, **style)


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Powers of ten around the magnitudes that matter: where the axis turns linear, and its end."""
    sizes = [
        abs(value)
        for row in rows
        for value in (row.difference.difference, row.difference.low, row.difference.high)
        if value and math.isfinite(value)
    ]
    most = 10.0 ** math.ceil(math.log10(max(sizes, default=1e-3)))
    least = 10.0 ** math.floor(math.log10(min(sizes, default=1e-4)))
    least = min(max(least, most * 10.0**-_DECADES_MAX), most / 10.0)
    return least, most


def _label_powers(ax: Axes, least: float, most: float) -> None:
    """Put ticks at 0 and at a few powers of ten on both sides."""
    low, high = round(math.log10(least)), round(math.log10(most))
    step = max(1, math.ceil((high - low + 1) / _TICKS_A_SIDE))
    powers = range(high, low - 1, -step)
    ticks = [0.0, *(sign * 10.0**power for power in powers for sign in (-1.0, 1.0))]
    ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(_power))


def _power(value: float, _: int) -> str:
    """A power of ten with its sign."""
    if value == 0:
        return "0"
    sign = "−" if value < 0 else "+"
    return rf"{sign}$10^{{{round(math.log10(abs(value)))}}}$"
