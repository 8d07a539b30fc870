"""The figure of one day of a bucket: blocks as lanes, from commit to deletion."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from sim.analysis.evidence.day import Day, Life
from sim.core.units import US_PER_S
from sim.report.formats import format_span
from sim.report.style import GREY, OUTCOME_COLOURS, PALETTE, legend_below

__all__ = ["bucket_day", "day_height"]

_US_PER_H: Final = 3_600 * US_PER_S
_MADE: Final = "black"
_IN_USE: Final = PALETTE[0]
_WAITS: Final[Mapping[str, Any]] = MappingProxyType(
    {"facecolor": "white", "edgecolor": GREY, "hatch": "/////"}
)


def day_height(day: Day) -> float:
    """Height in inches of the figure that :func:`bucket_day` draws."""
    return 2.1 + 0.16 * _lanes(day)


def _lanes(day: Day) -> int:
    return len(day.lives) + 2 * len(day.syncs_us)


def bucket_day(day: Day, ax: Axes) -> Axes:
    """Draw a day: per block its making, its use and its wait for deletion; syncs; what failed.

    Parameters
    ----------
    day : Day
    ax : Axes
    """

    def x(t_us: int) -> float:
        return (min(max(t_us, day.start_us), day.end_us) - day.start_us) / _US_PER_H

    for hazard in day.hazards:
        ax.axvspan(
            x(hazard.start_us), x(hazard.end_us), color=OUTCOME_COLOURS[hazard.outcome], alpha=0.35
        )
    for lane, life in enumerate(day.lives):
        _draw_life(life, lane, x, ax)
    labels = [_label(life) for life in day.lives]
    ticks: list[float] = list(range(len(labels)))
    lane = len(labels)
    for gateway, instants in day.syncs_us:
        ax.vlines([x(t) for t in instants], lane + 0.2, lane + 1.4, color=GREY, linewidth=0.6)
        ticks.append(lane + 0.8)
        labels.append(f"syncs of gateway {gateway}")
        lane += 2
    ax.set_yticks(ticks, labels, fontsize=7)
    ax.set_ylim(lane, -1)
    ax.set_xlim(0, x(day.end_us))
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 2, 3, 4, 6, 10]))
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(f"time since {format_span(day.start_us)} into the run (h)")
    more = f" ({day.left_out} more blocks left out)" if day.left_out else ""
    ax.set_title(f"What happens to the blocks of stream {day.stream} in a day?{more}", loc="left")
    legend_below(ax, _handles(day))
    return ax


def _draw_life(life: Life, lane: int, x: Any, ax: Axes) -> None:
    spans: tuple[tuple[int, int, dict[str, Any]], ...] = (
        (life.created_us, life.committed_us, {"color": _MADE, "height": 0.16}),
        (
            life.committed_us,
            min(life.retired_us, life.deleted_us),
            {"color": _IN_USE, "height": 0.66},
        ),
        (
            life.retired_us,
            life.deleted_us,
            {**_WAITS, "linewidth": 0.5, "height": 0.66},
        ),
    )
    for start_us, end_us, style in spans:
        begin, end = x(start_us), x(end_us)
        if end > begin:
            ax.barh(lane, end - begin, left=begin, **style)


def _label(life: Life) -> str:
    low, high = (int(part) for part in life.block.split(".")[2].split("-"))
    return f"level {life.level}, {format_span(high - low)}"


def _handles(day: Day) -> list[Any]:
    waits = any(life.retired_us < min(life.deleted_us, day.end_us) for life in day.lives)
    outcomes = dict.fromkeys(hazard.outcome for hazard in day.hazards)
    return [
        Line2D([], [], color=_MADE, label="being made"),
        Patch(color=_IN_USE, label="in use"),
        *(
            [Patch(facecolor="white", edgecolor=GREY, hatch="////", label="retired")]
            if waits
            else []
        ),
        *(
            Patch(color=OUTCOME_COLOURS[outcome], alpha=0.35, label=f"queries: {outcome}")
            for outcome in outcomes
        ),
    ]
