"""Where a sweep wants more values: between neighbours whose failing fractions are far apart."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sim.analysis.sweep import lines_of

if TYPE_CHECKING:
    from sim.analysis.sweep import Point, Sweep

__all__ = ["refinement"]

# A change by less than a quarter needs no point between.
_GAIN_MIN: Final = math.log10(1.25)
# Neighbours closer than this share of the whole range are not moved closer.
_CLOSEST: Final = 1 / 512


def refinement(sweep: "Sweep", most: int) -> list[tuple[float, str]]:
    """Choose values of the first knob, each between two neighbours that differ most.

    What counts is the change of the failing fraction of a line, in powers of ten, where it
    changes most. A zero stands a power of ten below the smallest fraction of the whole sweep.

    Parameters
    ----------
    sweep : Sweep
        A grid, whose first knob has ascending numbers.
    most : int
        Number of values, >= 0.

    Returns
    -------
    list of (float, str)
        Numbers and texts, largest change first; empty if there is nothing to gain.
    """
    knob = sweep.knobs[0]
    assert knob.numbers is not None
    numbers = [math.log(n) for n in knob.numbers] if knob.is_log else list(knob.numbers)
    near = (numbers[-1] - numbers[0]) * _CLOSEST
    lines = [line.points for line in lines_of(sweep)]
    seen = [p.failing.interval.fraction for points in lines for p in points]
    floor = min((fraction for fraction in seen if fraction > 0), default=1.0) / 10
    gains = [
        (max((_change(points, i, floor) for points in lines), default=0.0), i)
        for i in range(len(knob) - 1)
        if numbers[i + 1] - numbers[i] > near
    ]
    chosen: list[tuple[float, str]] = []
    for gain, i in sorted(gains, key=lambda pair: (-pair[0], pair[1])):
        found = knob.middle(i) if gain > _GAIN_MIN else None
        if found is not None and len(chosen) < most:
            chosen.append(found)
    return chosen


def _change(points: "Sequence[Point]", index: int, floor: float) -> float:
    """Powers of ten between the failing fractions of two neighbours; 0 where one is unknown."""
    low, high = (point.failing.interval.fraction for point in points[index : index + 2])
    if math.isnan(low) or math.isnan(high):
        return 0.0
    return abs(math.log10(max(low, floor)) - math.log10(max(high, floor)))
