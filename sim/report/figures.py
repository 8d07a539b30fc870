"""The figure of outcomes: how often a query does not get a complete answer.

Its title asks the question that the picture answers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation, blended_transform_factory

from sim.analysis.estimators import Interval
from sim.report.style import (
    GREY,
    OUTCOME_COLOURS,
    OUTCOME_MARKERS,
    folded,
    label_spans,
    legend_below,
)

__all__ = ["OutcomeFraction", "outcome_fractions", "outcomes_width"]

_NAMES_MAX: Final = 3
# Between the outcomes of one scheme, in points; less where schemes stand close together.
_APART: Final = 9.0
_APART_ON_DELAYS: Final = 6.0
# Height of what is ruled out, as a share of the axis.
_FOOT: Final = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFraction:
    """How often queries of a scheme had an outcome.

    ``delay_us`` is the delay by which the scheme may be placed on an axis; None where its name says
    more.
    """

    scheme: str
    outcome: str
    interval: Interval
    delay_us: int | None = None


def outcomes_width(data: Sequence[OutcomeFraction]) -> float:
    """Width in inches of the figure that :func:`outcome_fractions` draws."""
    schemes = len({row.scheme for row in data})
    return max(7.2, 0.0 if _delays_us(data) else 1.2 * schemes)


def outcome_fractions(data: Sequence[OutcomeFraction], ax: Axes) -> Axes:
    """Draw fractions with their intervals on a log scale; a zero is its upper bound and an arrow.

    More than three schemes that differ by their delays stand where their delay is, others side by
    side.

    Parameters
    ----------
    data : sequence of OutcomeFraction
        Schemes and outcomes in the order they are to be shown; fractions that are nan are left
        out.
    ax : Axes
    """
    known = [row for row in data if not math.isnan(row.interval.fraction)]
    outcomes = list(dict.fromkeys(row.outcome for row in data))
    floor = _floor(known)
    ax.set_yscale("log")
    highest = max((row.interval.high for row in known), default=0.0)
    ax.set_ylim(floor, min(1.5, 3 * highest) if highest else 1.5)
    delays_us = _delays_us(data)
    place = _delay_axis(delays_us, ax) if delays_us else _name_axis(data, ax)
    apart = _APART_ON_DELAYS if delays_us else _APART
    for row in known:
        shift = outcomes.index(row.outcome) - (len(outcomes) - 1) / 2
        _draw(row, place[row.scheme], shift * apart, floor, ax)
    ax.grid(axis="y", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_ylabel("fraction of queries (95 % interval)")
    ax.set_title("How often does a query not get a complete answer?", loc="left")
    handles = [
        Line2D([], [], color=OUTCOME_COLOURS[o], marker=OUTCOME_MARKERS[o], markersize=5.5, label=o)
        for o in outcomes
    ]
    legend_below(ax, [*handles, *_zero_handles(known)])
    return ax


def _zero_handles(known: Sequence[OutcomeFraction]) -> list[Line2D]:
    """Explain the kinds of zeros that are drawn."""
    zeros = [row.interval.high for row in known if row.interval.fraction == 0]
    kinds = (
        (any(high > 0 for high in zeros), r"$\downarrow$", "none: at most the bar"),
        (any(high == 0 for high in zeros), "o", "ruled out"),
    )
    return [
        Line2D([], [], color=GREY, marker=marker, fillstyle="none", linestyle="", label=label)
        for is_there, marker, label in kinds
        if is_there
    ]


def _draw(row: OutcomeFraction, x: float, shift_points: float, floor: float, ax: Axes) -> None:
    """Draw one fraction, beside its place so that outcomes do not cover each other."""
    interval = row.interval
    scale = ax.figure.dpi_scale_trans
    beside = ax.transData + ScaledTranslation(shift_points / 72, 0, scale)
    style: dict[str, Any] = {"color": OUTCOME_COLOURS[row.outcome], "transform": beside}
    if interval.fraction > 0:
        low = max(interval.low, floor)
        ax.plot([x, x], [low, interval.high], linewidth=1.4, **style)
        marker = OUTCOME_MARKERS[row.outcome]
        ax.plot([x], [interval.fraction], marker=marker, markersize=5.5, **style)
    elif interval.high == 0:
        # There is no zero on a logarithmic axis: what is ruled out stands open at its foot.
        style["transform"] = blended_transform_factory(beside, ax.transAxes)
        marker = OUTCOME_MARKERS[row.outcome]
        ax.plot([x], [_FOOT], marker=marker, markersize=5.5, fillstyle="none", **style)
    else:
        ax.plot([x], [interval.high], marker="_", markersize=_APART_ON_DELAYS, **style)
        ax.annotate(
            "",
            xy=(x, interval.high / 2.5),
            xytext=(x, interval.high),
            xycoords=beside,
            textcoords=beside,
            arrowprops={"arrowstyle": "->", "color": style["color"], "shrinkA": 0},
        )


def _name_axis(data: Sequence[OutcomeFraction], ax: Axes) -> Mapping[str, float]:
    """Put the schemes side by side, in order."""
    schemes = list(dict.fromkeys(row.scheme for row in data))
    width = 16 if len(schemes) <= 6 else 11
    ax.set_xlim(-0.6, len(schemes) - 0.4)
    ax.set_xticks(range(len(schemes)), [folded(name, width) for name in schemes])
    ax.tick_params(axis="x", length=0)
    return {scheme: float(i) for i, scheme in enumerate(schemes)}


def _delay_axis(delays_us: Mapping[str, float], ax: Axes) -> Mapping[str, float]:
    """Put every scheme where its delay is."""
    shortest_us = min(delay_us for delay_us in delays_us.values() if delay_us > 0)
    # Linear below the shortest delay, as there is no logarithm of "at once".
    ax.set_xscale("symlog", linthresh=shortest_us, linscale=0.5)
    ax.set_xlim(-0.4 * shortest_us, 1.6 * max(delays_us.values()))
    label_spans(ax, list(delays_us.values()))
    ax.set_xlabel("delay until a retired block is deleted (0s: at once)")
    return delays_us


def _delays_us(data: Sequence[OutcomeFraction]) -> dict[str, float]:
    """Delay of every scheme, if there are many and each has one of its own; else none."""
    found = {row.scheme: row.delay_us for row in data}
    delays_us = {scheme: float(us) for scheme, us in found.items() if us is not None}
    tell_apart = len(set(delays_us.values())) == len(found)
    return delays_us if tell_apart and len(found) > _NAMES_MAX else {}


def _floor(rows: Sequence[OutcomeFraction]) -> float:
    """Lower end of the axis: below everything that has to be seen."""
    seen = [
        bound
        for row in rows
        for bound in (row.interval.low, row.interval.fraction, row.interval.high / 3)
        if bound > 0
    ]
    return max(1e-15, min(seen, default=1e-6) / 4)
