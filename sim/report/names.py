"""Names of what a report shows: the files of a bundle, and blocks; loads no plotting."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.report.formats import format_span

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = [
    "FIGURES",
    "FILES",
    "INDEX",
    "INDEX_FILES",
    "KNOBS_FILES",
    "KNOBS_MARKER",
    "MARKER",
    "PAGE",
    "SWEEP_FIGURES",
    "SWEEP_FILES",
    "SWEEP_MARKER",
    "block_name",
    "csv_name",
    "knob_name",
    "mark_id",
]

MARKER: Final = "result.json"
"""The file by which a folder is known to be a bundle."""

INDEX: Final = "index.json"
"""The file by which a folder is known to hold several runs."""

INDEX_FILES: Final = (INDEX, "index.md")

PAGE: Final = "page.html"
"""The page of a run or of a sweep."""

FIGURES: Final = ("outcomes", "costs", "deletion", "day", "windows", "headline")

FILES: Final = (
    MARKER,
    "result.csv",
    PAGE,
    *(f"{name}.{kind}" for name in FIGURES for kind in ("svg", "png")),
)

SWEEP_MARKER: Final = "sweep.json"
"""The file by which a folder is known to be that of a sweep."""

SWEEP_FIGURES: Final = ("headline", "failures", "map", "prices")

SWEEP_FILES: Final = (
    SWEEP_MARKER,
    "sweep.csv",
    PAGE,
    *(f"{name}.{kind}" for name in SWEEP_FIGURES for kind in ("svg", "png")),
)

KNOBS_MARKER: Final = "knobs.json"
"""The file by which a folder is known to hold effects of knobs."""

KNOBS_FILES: Final = (KNOBS_MARKER, "knobs.csv", "knobs.svg", "knobs.png")

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_name(name: str) -> str:
    """Return a user's name as a cell that no spreadsheet takes for a formula.

    Where it begins as a formula does, an apostrophe is put before it; a number stays a number.

    >>> csv_name("=1+1"), csv_name("-1e-3"), csv_name("mark, 48h")
    ("'=1+1", '-1e-3', 'mark, 48h')
    """
    if not name.startswith(_FORMULA):
        return name
    try:
        float(name)
    except ValueError:
        return f"'{name}"
    return name


def block_name(block_id: str) -> str:
    """A block's id as a person reads it.

    >>> block_name("0.raw.316800000000-324000000000.1.0")
    'stream 0, 3d16h to 3d18h, level 1'
    >>> block_name("3.5m.0-172800000000.4.1")
    'stream 3, 5m, 0s to 2d, level 4, copy 2'
    """
    stream, resolution, span, level, ordinal = block_id.split(".")
    low, high = (format_span(int(t_us)) for t_us in span.split("-"))
    parts = [f"stream {stream}", f"{low} to {high}", f"level {level}"]
    if resolution != "raw":
        parts.insert(1, resolution)
    if ordinal != "0":
        parts.append(f"copy {int(ordinal) + 1}")
    return ", ".join(parts)


def knob_name(path: str, scenario: "Scenario") -> str:
    """A knob's path as a person reads it: "delete_delay of mark first" for that of a scheme."""
    for position, scheme in enumerate(scenario.schemes):
        for place in (f".{position}.", f"[{position}].", f".{scheme.name}.", f'."{scheme.name}".'):
            if path.startswith(f"schemes{place}"):
                return f"{path.removeprefix(f'schemes{place}')} of {scheme.name}"
    return path


def mark_id(kind: str, position: int, setting: Sequence[int]) -> str:
    """Id of the mark of a cell in a figure.

    >>> mark_id("failing", 1, (3, 0))
    'failing-1-3-0'
    """
    return "-".join(map(str, (kind, position, *setting)))
