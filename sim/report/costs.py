"""The figure of costs: what each scheme keeps stored, and what it asks of the store."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sim.report.formats import byte_unit, format_bytes_short, format_count
from sim.report.style import PALETTE, folded

__all__ = ["SchemeCost", "costs_height", "scheme_costs"]

_NAME_WIDTH: Final = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeCost:
    """What a scheme costs: means over time and trials; requests of all kinds, nan if unknown."""

    scheme: str
    garbage_bytes: float
    requests_per_day: float


def costs_height(data: Sequence[SchemeCost]) -> float:
    """Height in inches of the figure that :func:`scheme_costs` draws."""
    return 1.5 + 0.42 * len(data)


def scheme_costs(data: Sequence[SchemeCost], figure: Figure) -> Figure:
    """Draw a bar for each scheme, its number beside it: garbage on the left, requests on the right.

    Parameters
    ----------
    data : sequence of SchemeCost
        At least one, in the order they are to be shown.
    figure : Figure
    """
    left, right = figure.subplots(1, 2, sharey=True)
    unit, unit_bytes = byte_unit(max(row.garbage_bytes for row in data))
    _bars(
        left,
        [row.garbage_bytes / unit_bytes for row in data],
        [format_bytes_short(row.garbage_bytes) for row in data],
    )
    left.set_xlabel(f"retired data still stored, mean ({unit})")
    requests = [row.requests_per_day for row in data]
    _bars(
        right,
        [0.0 if math.isnan(number) else number for number in requests],
        ["unknown" if math.isnan(number) else format_count(number) for number in requests],
    )
    right.set_xlabel("requests of all kinds (per simulated day)")
    right.xaxis.set_major_formatter(lambda number, _: format_count(number))
    left.set_yticks(range(len(data)), [folded(row.scheme, _NAME_WIDTH) for row in data])
    left.set_ylim(len(data) - 0.4, -0.6)
    figure.suptitle("What does each scheme cost?", x=0.01, ha="left", fontsize=10.5)
    return figure


def _bars(ax: Axes, numbers: Sequence[float], texts: Sequence[str]) -> None:
    ax.barh(range(len(numbers)), numbers, height=0.6, color=PALETTE[0])
    # Room for the number beside the longest bar.
    ax.set_xlim(0, 1.35 * max(numbers) or 1.0)
    ax.tick_params(axis="y", length=0)
    ax.locator_params(axis="x", nbins=5)
    for lane, (number, text) in enumerate(zip(numbers, texts, strict=True)):
        ax.annotate(text, (number, lane), xytext=(4, 0), textcoords="offset points", va="center")
