"""Figures about what delays are needed: by interval, by store, and when they are halved."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.analysis.estimators import Interval
from sim.report.failureaxis import FailureAxis, zero_handles
from sim.report.formats import format_span
from sim.report.style import GREY, MARKERS, PALETTE, escaped, label_spans, label_ticks, legend_below

__all__ = ["NeededDelay", "failing_ladder", "needed_by_interval", "needed_by_store", "store_height"]

_SPANS_US: Final = tuple(1e6 * s for s in (1, 10, 60, 180, 600, 1_800, 3_600, 21_600, 172_800))
_DASHED: Final = (0, (4, 2))
_GRID: Final[dict[str, Any]] = {"color": "#dddddd", "linewidth": 0.6}
_LAG: Final[dict[str, Any]] = {
    "color": PALETTE[2],
    "marker": "D",
    "markersize": 4.5,
    "linestyle": "",
}
_INTERVAL_COLOURS: Final = (PALETTE[0], PALETTE[4], PALETTE[5])


@dataclass(frozen=True, slots=True, kw_only=True)
class NeededDelay:
    """The delete delay that one store and sync interval need.

    Attributes
    ----------
    store : str
    interval_us : int
        Of the readers' syncs.
    lag_us : float
        Longest time until a put shows; inf without a bound.
    found_us : float
        The least delay with which simulations had no failing read; inf if all of them had some.
    terms_us : float
        What the worst case adds up to; inf without a bound.
    is_proven : bool
        Whether rules prove that no read fails with it.
    """

    store: str
    interval_us: int
    lag_us: float
    found_us: float
    terms_us: float
    is_proven: bool


def needed_by_interval(rows: Sequence[NeededDelay], ax: Axes) -> Axes:
    """Draw the delete delay that is needed over the sync interval, a colour for each store.

    Lines are what simulations found, dashes what the worst case adds up to.
    """
    handles = []
    for number, store in enumerate(dict.fromkeys(row.store for row in rows)):
        own = [row for row in rows if row.store == store]
        bounded = [row for row in own if math.isfinite(row.terms_us)]
        style: dict[str, Any] = {
            "color": PALETTE[number % len(PALETTE)],
            "marker": MARKERS[number % len(MARKERS)],
            "markersize": 5,
        }
        found = [max(row.found_us, 1) for row in own]
        ax.plot([row.interval_us for row in own], found, linewidth=1.4, **style)
        x = [row.interval_us for row in bounded]
        dashed: dict[str, Any] = {"linewidth": 1.0, "linestyle": _DASHED, "fillstyle": "none"}
        ax.plot(x, [row.terms_us for row in bounded], **dashed, **style)
        handles.append(Line2D([], [], linewidth=1.4, label=escaped(store), **style))
    ax.set_xscale("log")
    ax.set_yscale("log")
    intervals = sorted({row.interval_us for row in rows})
    ax.set_xlim(intervals[0] / 1.15, intervals[-1] * 1.15)
    label_spans(ax, intervals)
    low, high = ax.get_ylim()
    ticks = [tick for tick in _SPANS_US if low <= tick <= high]
    ax.set_yticks(ticks, [format_span(tick) for tick in ticks])
    ax.set_yticks([], minor=True)
    ax.grid(axis="y", **_GRID)
    ax.set_axisbelow(True)
    ax.set_xlabel("sync_interval of the readers (duration)")
    ax.set_ylabel("delete delay needed (duration)")
    ax.set_title("How long must deletion wait?", loc="left")
    handles += [
        Line2D([], [], color=GREY, linewidth=1.4, label="found in simulations"),
        Line2D([], [], color=GREY, linewidth=1.0, linestyle=_DASHED, label="worst case"),
    ]
    legend_below(ax, handles, columns=5)
    return ax


def store_height(rows: Sequence[NeededDelay]) -> float:
    """Height in inches of the figure that :func:`needed_by_store` draws."""
    return 1.8 + 0.36 * len({row.store for row in rows})


def needed_by_store(rows: Sequence[NeededDelay], ax: Axes) -> Axes:
    """Draw for every store its longest lag, and the delays it needs, on one axis of spans.

    What is 0 stands at the left edge; what has no bound, or was not found, is not drawn.
    """
    stores = list(dict.fromkeys(row.store for row in rows))
    intervals = sorted({row.interval_us for row in rows})
    known = [v for r in rows for v in (r.lag_us, r.found_us, r.terms_us) if 0 < v < math.inf]
    edge = 10.0 ** math.floor(math.log10(min(known) / 2))
    ax.set_xscale("log")
    ax.set_xlim(edge / 1.5, 2 * max(known))
    for row in rows:
        y = stores.index(row.store)
        if math.isfinite(row.lag_us):
            ax.plot([max(row.lag_us, edge)], [y - 0.25], **_LAG)
        number = intervals.index(row.interval_us)
        height = y + 0.5 / len(intervals) * number
        colour = _INTERVAL_COLOURS[number % 3]
        found_us, terms_us = max(row.found_us, edge), max(row.terms_us, edge)
        if math.isfinite(terms_us):
            line = "-" if row.is_proven else ":"
            ends = [found_us, terms_us]
            ax.plot(ends, [height] * 2, color=colour, linewidth=1.1, linestyle=line)
            ax.plot([terms_us], [height], color=colour, marker="|", markersize=7)
        ax.plot([found_us], [height], color=colour, marker=MARKERS[number % 2], markersize=4.5)
    ax.set_yticks(range(len(stores)), [escaped(store) for store in stores])
    ax.set_ylim(len(stores) - 0.4, -0.6)
    spans = {tick: format_span(tick) for tick in _SPANS_US if edge < tick <= ax.get_xlim()[1]}
    label_ticks(ax, {edge: "0", **spans})
    ax.grid(axis="x", **_GRID)
    ax.set_axisbelow(True)
    ax.set_xlabel("duration")
    ax.set_title("How late is the store, and how long must deletion wait for it?", loc="left")
    legend_below(ax, _store_handles(intervals), columns=3)
    return ax


def _store_handles(intervals: Sequence[int]) -> list[Line2D]:
    found = [
        Line2D(
            [],
            [],
            color=_INTERVAL_COLOURS[number % 3],
            marker=MARKERS[number % 2],
            markersize=4.5,
            linestyle="",
            label=f"found, sync every {format_span(interval)}",
        )
        for number, interval in enumerate(intervals)
    ]
    to_worst: dict[str, Any] = {"color": GREY, "marker": "|", "markersize": 7}
    return [
        Line2D([], [], label="longest lag of the store", **_LAG),
        *found,
        Line2D([], [], label="up to the worst case, proven", **to_worst),
        Line2D([], [], linestyle=":", label="up to the worst case, not proven", **to_worst),
    ]


def failing_ladder(
    rungs: Sequence[str],
    found: Mapping[str, Mapping[str, Sequence[Interval]]],
    figure: Figure,
) -> Figure:
    """Draw failing fractions over settings that are halved step by step, axes for each store.

    Parameters
    ----------
    rungs : sequence of str
        Names of the settings, in order.
    found : mapping of str to mapping of str to sequence of Interval
        By store, by sync interval: one for each rung. At least one store.
    figure : Figure
    """
    axes = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    names = list(next(iter(found.values())))
    many = colormaps["viridis"]
    colours = [to_hex(many(0.9 * i / max(1, len(names) - 1))) for i in range(len(names))]
    every = [i for own in found.values() for line in own.values() for i in line]
    for ax, (store, own) in zip(axes, found.items(), strict=True):
        axis = FailureAxis.on(ax, every, rows=len(names))
        for number, line in enumerate(own.values()):
            shift = 0.13 * (number - (len(own) - 1) / 2)
            _draw_rungs(axis, line, number, shift, colours[number])
        ax.set_xlim(-0.6, len(rungs) - 0.4)
        ax.set_xticks(range(len(rungs)), [escaped(rung) for rung in rungs])
        ax.set_title(escaped(store), loc="left", fontsize=9)
    axes[-1].set_xlabel("delete delay / hide delay (duration)")
    figure.supylabel("fraction of queries without a complete answer (95 % interval)", fontsize=9)
    figure.suptitle("What does halving the delays cost?", x=0.01, ha="left", fontsize=10.5)
    handles = [
        Line2D([], [], color=colours[i], marker=MARKERS[i % len(MARKERS)], linestyle="", label=name)
        for i, name in enumerate(names)
    ]
    figure.legend(
        title="sync_interval of the readers",
        title_fontsize=8,
        alignment="left",
        handles=[*handles, *zero_handles(every)],
        loc="outside lower left",
        ncols=7,
        frameon=False,
        fontsize=8,
    )
    return figure


def _draw_rungs(
    axis: FailureAxis, line: Sequence[Interval], row: int, shift: float, colour: str
) -> None:
    """Draw each fraction as a mark on the bar of its interval; nothing where none is known."""
    for rung, interval in enumerate(line):
        if math.isnan(interval.fraction):
            continue
        is_zero = interval.fraction == 0
        own = MARKERS[row % len(MARKERS)]
        if not is_zero:
            ends = [max(interval.low, axis.floor), interval.high]
            axis.ax.plot([rung + shift] * 2, ends, color=colour, linewidth=1.2)
        axis.ax.plot(
            [rung + shift],
            [axis.place(interval, row)],
            marker="v" if is_zero and interval.high > 0 else "o" if is_zero else own,
            fillstyle="none" if is_zero else "full",
            color=colour,
            markersize=4.0,
            linestyle="",
        )
