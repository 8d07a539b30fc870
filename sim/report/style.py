"""How figures look, and their bytes: colours, fonts, SVG and PNG that repeat.

Colours are Petroff's ten, which stay apart for colour-blind readers; what colour says, shape or
text says too. Equal data give equal bytes.
"""

import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.core.units import US_PER_S
from sim.report.formats import format_span

__all__ = [
    "GREY",
    "MARKERS",
    "OUTCOME_COLOURS",
    "OUTCOME_MARKERS",
    "PALETTE",
    "Axes",
    "escaped",
    "folded",
    "label_spans",
    "label_ticks",
    "legend_below",
    "new_axes",
    "new_figure",
    "new_panels",
    "time_unit",
    "to_png",
    "to_svg",
]

# M. A. Petroff, "Accessible color sequences for data visualization", arXiv:2107.02270.
PALETTE: Final = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
OUTCOME_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "query-error": "#bd1f01",
        "partial-response": "#ffa90e",
        "silent-gap": "#832db6",
        "duplicated": "#a96b59",
        "warned": "#b9ac70",
        "ok": "#3f90da",
    }
)
OUTCOME_MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "query-error": "o",
        "partial-response": "s",
        "silent-gap": "D",
        "duplicated": "^",
        "warned": "P",
        "ok": "X",
    }
)
GREY: Final = "#717581"
MARKERS: Final = ("o", "s", "D", "^", "P", "X")
"""Of lines and schemes, in the order of PALETTE; a triangle that points down is a bound."""

_DPI: Final = 150
_RC: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "svg.hashsalt": "consistency-sim",
        "font.family": "DejaVu Sans",
        "font.size": 9.0,
        "axes.titlesize": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
_ROUND_S: Final = (
    *(0.001, 0.01, 0.1, 1, 3, 10, 30, 60, 180, 600, 1_800),
    *(3_600 * hours for hours in (1, 3, 6, 12, 24, 48, 24 * 7, 24 * 14, 24 * 30)),
)
# Width of a letter of a label, relative to the axes of a figure 7.2 inches wide.
_LETTER: Final = 0.011
_TIME_UNITS: Final = (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0), ("s", 1.0))


def _settings() -> Any:
    """Settings as matplotlib wants them: a dict, whose keys its type lists one by one."""
    return dict(_RC)


def new_figure(draw: Callable[[Axes], Any], *, width: float = 7.2, height: float = 4.0) -> Figure:
    """Draw on the axes of a new figure of that size in inches, with this module's looks."""
    return new_panels(lambda figure: draw(figure.add_subplot()), width=width, height=height)


def new_axes() -> Axes:
    """Axes of a new figure in the caller's own style, as in a notebook."""
    return Figure(layout="constrained").add_subplot()


def new_panels(draw: Callable[[Figure], Any], *, width: float = 7.2, height: float = 4.0) -> Figure:
    """Draw on a new figure of that size in inches, as many axes as are needed."""
    with matplotlib.rc_context(_settings()):
        figure = Figure(figsize=(width, height), layout="constrained")
        draw(figure)
    return figure


def to_svg(figure: Figure) -> bytes:
    """Bytes of the figure as SVG, without date or version."""
    return _saved(figure, FigureCanvasSVG, {"Date": None, "Creator": None})


def to_png(figure: Figure) -> bytes:
    """Bytes of the figure as PNG, without date or version."""
    return _saved(figure, FigureCanvasAgg, {"Software": None})


def _saved(
    figure: Figure, kind: type[FigureCanvasAgg | FigureCanvasSVG], metadata: dict[str, None]
) -> bytes:
    """The figure as a canvas prints it; to lay it out, `savefig` would draw all of it once more."""
    buffer = io.BytesIO()
    before, dpi, layout = figure.canvas, figure.dpi, figure.get_layout_engine()
    with matplotlib.rc_context(_settings()):
        canvas = kind(figure)
        try:
            if layout is not None:
                figure.dpi = canvas.fixed_dpi or _DPI
                layout.execute(figure)
                figure.set_layout_engine(None)
            canvas.print_figure(buffer, dpi=_DPI, metadata=metadata)
        finally:
            figure.dpi = dpi
            figure.set_layout_engine(layout)
            figure.set_canvas(before)
    return buffer.getvalue()


def time_unit(span_us: float) -> tuple[str, float]:
    """Unit in which the span is a handy number, and its length in seconds."""
    for name, length_s in _TIME_UNITS:
        if span_us >= 2 * length_s * US_PER_S:
            return name, length_s
    return _TIME_UNITS[-1]


def label_spans(ax: Axes, ticks_us: Sequence[float] | None = None) -> None:
    """Label an x axis in µs with spans: at ``ticks_us``, or at round ones within its limits.

    A label that would touch the one before it is left out; its tick stays.
    """
    low, high = ax.get_xlim()
    if ticks_us is None:
        wanted = [s * US_PER_S for s in _ROUND_S] if ax.get_xscale() == "log" else _even_us(high)
        ticks_us = [tick for tick in wanted if low <= tick <= high]
    label_ticks(ax, {tick: format_span(tick) for tick in sorted(ticks_us)})


def label_ticks(ax: Axes, texts: Mapping[float, str], *, share: float = 1.0) -> None:
    """Label an x axis at places in ascending order; one that would touch the last is left out.

    ``share`` is how much of the usual width the axes have.
    """
    ticks = list(texts)
    places = ax.transAxes.inverted().transform(
        ax.transData.transform([(tick, ax.get_ylim()[1]) for tick in ticks])
    )[:, 0]
    labels, free_from = [], -1.0
    for text, place in zip(texts.values(), places, strict=True):
        room = _LETTER / share * (max(map(len, text.split("\n"))) + 1)
        labels.append(text if place - room / 2 >= free_from else "")
        free_from = place + room / 2 if labels[-1] else free_from
    ax.set_xticks(ticks, labels)
    ax.set_xticks([], minor=True)


def _even_us(high_us: float) -> list[float]:
    """At most eight ticks at equal distances from 0, which are handy in the unit of the longest."""
    unit_us = time_unit(high_us)[1] * US_PER_S
    ticks = MaxNLocator(7, steps=[1, 2, 3, 5, 10]).tick_values(0, high_us / unit_us)
    return [float(tick) * unit_us for tick in ticks]


def folded(name: str, width: int) -> str:
    """A user's text in lines of at most so many characters, where words allow it."""
    return escaped("\n".join(textwrap.wrap(name, width) or [name]))


def escaped(name: str) -> str:
    """A user's text, in which a dollar sign is no formula.

    Matplotlib leaves labels out of legends that begin with an underscore; one that no longer
    does, by a hair, stays in.
    """
    text = name.replace("$", r"\$")
    return f"\N{HAIR SPACE}{text}" if text.startswith("_") else text


def legend_below(ax: Axes, handles: Sequence[Any], *, columns: int = 3) -> None:
    """Put a legend below the axes, where it covers nothing; none without handles."""
    if handles:
        ax.figure.legend(
            handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=8
        )
