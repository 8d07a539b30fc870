"""Effects of knobs on a screen, as a document and table, and as a picture."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from sim import __version__
from sim.analysis.effects import KnobEffects
from sim.report.csvtable import csv_text
from sim.report.document import SCHEMA_VERSION, plain, to_json
from sim.report.formats import format_amount, format_count
from sim.report.names import KNOBS_MARKER, csv_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sim.report.style import Axes

__all__ = [
    "effect_bars",
    "effect_files",
    "effect_lines",
    "effect_rows",
    "effects_document",
    "effects_figure",
]

_COLUMNS: Final = ("knob", "low", "high", "first", "first_error", "total", "total_error")
_KNOB_WIDTH: Final = 34
_RANGE_WIDTH: Final = 16
_BAR: Final = 0.36
_LABEL_WIDTH: Final = 26


def effect_lines(found: KnobEffects) -> Iterator[str]:
    """Say what each knob does, how sure that is, and which matters most; 80 columns wide."""
    yield f"{found.name}: {found.scheme}, {found.measure}"
    mean, least, most = (_amount(found, value) for value in (found.mean, found.least, found.most))
    yield f"  {mean} over {format_count(found.settings)} settings, from {least} to {most}"
    if not found.effects:
        yield "  unknown: no setting differs from another, or some have no such number"
        return
    yield f"{'knob':{_KNOB_WIDTH}} {'range':{_RANGE_WIDTH}} {'first order':>13} {'total':>13}"
    for effect in found.effects:
        span = _cut(f"{effect.low}..{effect.high}", _RANGE_WIDTH)
        first = _share(effect.first, effect.first_error)
        total = _share(effect.total, effect.total_error)
        name = _cut(effect.knob, _KNOB_WIDTH)
        yield f"{name:{_KNOB_WIDTH}} {span:{_RANGE_WIDTH}} {first:>13} {total:>13}"
    yield "  shares of the variance over settings, with 95 % intervals"
    if found.strongest:
        yield f"  {found.strongest} matters most"
    else:
        yield "  which one matters most is not sure: take more --samples"


def _amount(found: KnobEffects, value: float) -> str:
    return format_amount(value, "bytes" if found.measure == "garbage-bytes" else "fraction")


def _share(share: float, error: float) -> str:
    # No minus before a zero.
    return f"{round(share, 2) + 0.0:.2f} ± {error:.2f}"


def _cut(text: str, width: int) -> str:
    """The text with its middle left out where it is too long."""
    if len(text) <= width:
        return text
    kept = (width - 1) // 2
    return f"{text[: width - 1 - kept]}…{text[len(text) - kept :]}"


def _folded_path(path: str) -> str:
    """A long path in two lines, the second its last key."""
    place, _, key = path.rpartition(".")
    return f"{place}.\n{key}" if place and len(path) > _LABEL_WIDTH else path


def effect_rows(found: KnobEffects) -> Iterator[Mapping[str, Any]]:
    """Give a row for each knob, the largest total effect first."""
    for effect in found.effects:
        yield {column: getattr(effect, column) for column in _COLUMNS}


def effects_document(found: KnobEffects) -> dict[str, Any]:
    """Give the numbers as plain data; what is unknown is None."""
    content = plain(
        {
            "schema": SCHEMA_VERSION,
            "version": __version__,
            "scenario": found.name,
            "scheme": found.scheme,
            "measure": found.measure,
            "unit": "bytes" if found.measure == "garbage-bytes" else "fraction",
            "seed": found.seed,
            "trials": found.trials,
            "samples": found.samples,
            "settings": found.settings,
            "mean": found.mean,
            "least": found.least,
            "most": found.most,
            "strongest": found.strongest or None,
            "effects": list(effect_rows(found)),
        }
    )
    assert isinstance(content, dict)
    return content


def effect_files(found: KnobEffects) -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the folder; no picture without effects."""
    from sim.report.style import to_png, to_svg

    yield KNOBS_MARKER, to_json(effects_document(found)).encode()
    named = ("knob", "low", "high")
    rows = ({**row, **{key: csv_name(row[key]) for key in named}} for row in effect_rows(found))
    yield "knobs.csv", csv_text(_COLUMNS, rows).encode()
    if found.effects:
        figure = effects_figure(found)
        yield "knobs.svg", to_svg(figure)
        yield "knobs.png", to_png(figure)


def effects_figure(found: KnobEffects) -> "Figure":
    """Draw the figure of effects, as high as there are knobs."""
    from sim.report.style import new_figure

    height = 1.9 + 0.62 * len(found.effects)
    return new_figure(lambda ax: effect_bars(found, ax), height=height)


def effect_bars(found: KnobEffects, ax: "Axes") -> "Axes":
    """Draw two bars for each knob, first-order and total effect, with their intervals.

    Parameters
    ----------
    found : KnobEffects
        With at least one effect.
    ax : Axes
    """
    from matplotlib.patches import Patch

    from sim.report.style import GREY, PALETTE, escaped, folded, legend_below

    looks: tuple[tuple[str, float, dict[str, Any]], ...] = (
        ("first", -0.5, {"facecolor": PALETTE[0], "edgecolor": PALETTE[0]}),
        ("total", 0.5, {"facecolor": "white", "edgecolor": PALETTE[6], "hatch": "////"}),
    )
    ends = [0.0, 1.0]
    for row, effect in enumerate(found.effects):
        for kind, side, look in looks:
            share, error = getattr(effect, kind), getattr(effect, f"{kind}_error")
            y = row + side * _BAR
            ax.barh([y], [share], height=0.9 * _BAR, linewidth=1.0, **look)
            ax.errorbar([share], [y], xerr=[error], color="#333333", capsize=3.0, linewidth=1.1)
            ends += [share - error, share + error]
    labels = [
        f"{escaped(_folded_path(effect.knob))}\n{effect.low} to {effect.high}"
        for effect in found.effects
    ]
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    room = 0.03 * (max(ends) - min(ends))
    ax.set_xlim(min(ends) - (room if min(ends) < 0.0 else 0.0), max(ends) + room)
    ax.axvline(0.0, color=GREY, linewidth=1.0, zorder=0)
    ax.grid(axis="x", color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.set_xlabel(
        f"share of the variance over {format_count(found.settings)} settings (95 % interval)\n"
        f"{folded(f'{found.name}: {found.scheme}', 90)}"
    )
    ax.set_title(f"Which knob matters most to {found.measure}?", loc="left")
    names = ("alone (first order)", "with others as well (total)")
    handles = [Patch(label=name, **look) for name, (_, _, look) in zip(names, looks, strict=True)]
    legend_below(ax, handles)
    return ax
