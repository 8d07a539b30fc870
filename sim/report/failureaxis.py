"""Axes that figures of sweeps share: failing fractions on a log scale with a row for zero, knobs.

There is no zero on a logarithmic axis. What rules exclude stands in a strip below it; a zero that
is not excluded is an open triangle at the upper end of its interval.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from sim.analysis.estimators import Interval
from sim.report.style import GREY, escaped, label_spans, label_ticks
from sim.scenario.knobs import Knob

__all__ = ["FailureAxis", "knob_positions", "label_knob", "zero_handles"]

_STRIP: Final = 0.09
_ROW: Final = 0.035
_ROWS_MAX: Final = 8
_DECADE_LABELS_MAX: Final = 8
# A knob whose values span more than this is on a logarithmic axis.
_WIDE: Final = 20.0
_TICKS_MAX: Final = 9


@dataclass(frozen=True, slots=True)
class FailureAxis:
    """A logarithmic y axis of fractions above a strip of rows for what is ruled out.

    Attributes
    ----------
    ax : Axes
    floor : float
        Where the strip begins: below every fraction that is drawn.
    rows : int
        Rows of the strip, counted from its top.
    """

    ax: Axes
    floor: float
    rows: int

    @classmethod
    def on(cls, ax: Axes, intervals: Iterable[Interval], *, rows: int = 1) -> "FailureAxis":
        """Give axes such a y axis, for some fractions with their intervals."""
        known = [i for i in intervals if not math.isnan(i.fraction)]
        lowest = [i.fraction if i.fraction > 0 else i.high for i in known]
        least = min((value for value in lowest if value > 0), default=1e-6)
        most = max((i.high for i in known if i.high > 0), default=1.0)
        floor = 10.0 ** math.floor(math.log10(max(least / 1.2, 1e-15)))
        top = max(min(1.5, 2 * most), 10 * floor)
        share = _STRIP + _ROW * min(rows, _ROWS_MAX)
        bottom = floor / (top / floor) ** (share / (1 - share))
        ax.set_yscale("log")
        ax.set_ylim(bottom, top)
        low, high = round(math.log10(floor)), math.floor(math.log10(top) + 1e-9)
        step = max(1, math.ceil((high - low + 1) / _DECADE_LABELS_MAX))
        powers = range(low, high + 1, step)
        ax.set_yticks([10.0**p for p in powers], [f"$10^{{{p}}}$" if p else "1" for p in powers])
        ax.yaxis.set_minor_locator(NullLocator())
        ax.axhspan(bottom, floor, color="#f2f2f2", zorder=0, linewidth=0)
        ax.axhline(floor, color=GREY, linewidth=0.8, zorder=1)
        ax.text(
            -0.012, share / 2, "0", transform=ax.transAxes, ha="right", va="center", color="black"
        )
        ax.grid(axis="y", color="#dddddd", linewidth=0.6)
        ax.set_axisbelow(True)
        return cls(ax, floor, min(rows, _ROWS_MAX))

    def row(self, number: int) -> float:
        """Height of a row of the strip, as a fraction on the axis."""
        bottom, _ = self.ax.get_ylim()
        part = (number % self.rows + 0.5) / self.rows
        return float(self.floor * (bottom / self.floor) ** (0.12 + 0.76 * part))

    def place(self, interval: Interval, row: int) -> float:
        """Height at which a fraction stands: itself, its upper bound, or a row of the strip."""
        if interval.fraction > 0:
            return interval.fraction
        return interval.high if interval.high > 0 else self.row(row)


def zero_handles(intervals: Iterable[Interval]) -> list[Line2D]:
    """Explain the kinds of zeros that are drawn."""
    zeros = [i.high for i in intervals if i.fraction == 0]
    kinds = (
        (any(high > 0 for high in zeros), "v", "none seen: at most this"),
        (any(high == 0 for high in zeros), "o", "0: ruled out"),
    )
    return [
        Line2D([], [], color=GREY, marker=marker, fillstyle="none", linestyle="", label=label)
        for is_there, marker, label in kinds
        if is_there
    ]


def knob_positions(knob: Knob) -> list[float]:
    """Where the values of a knob stand on an axis: their numbers, or their order."""
    return [float(i) for i in range(len(knob))] if knob.numbers is None else list(knob.numbers)


def label_knob(knob: Knob, name: str, ax: Axes) -> None:
    """Give axes an x axis for a knob: its scale, its limits and its labels."""
    numbers = knob_positions(knob)
    low, high = min(numbers), max(numbers)
    positive = [number for number in numbers if number > 0]
    if knob.numbers is None or not positive:
        ax.set_xlim(low - 0.5, high + 0.5)
    elif knob.is_log or (low > 0 and high / low > _WIDE):
        ax.set_xscale("log")
        edge = (high / low) ** 0.03
        ax.set_xlim(low / edge, high * edge)
    elif low == 0 and high / min(positive) > _WIDE:
        # Linear below the shortest, as there is no logarithm of "at once".
        ax.set_xscale("symlog", linthresh=min(positive), linscale=0.5)
        ax.set_xlim(-0.3 * min(positive), 1.35 * high)
    else:
        ax.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
    is_even = ax.get_xscale() == "linear" and len(numbers) > _TICKS_MAX
    if knob.unit == "us" and is_even:
        label_spans(ax)
    else:
        texts = {n: escaped(t) for n, t in zip(numbers, knob.texts, strict=True)}
        label_ticks(ax, dict(sorted(texts.items())))
    ax.set_xlabel(escaped(f"{name}{_UNIT_WORDS[knob.unit]}"))


_UNIT_WORDS: Final[Mapping[str, str]] = {
    "us": " (duration)",
    "per_s": " (rate)",
    "bytes": " (size)",
    "": "",
}
