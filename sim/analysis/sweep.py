"""What a sweep found: knobs, cells, and the lines and fronts that can be read off them.

A *setting* is one value for each knob, a *cell* one scheme at one setting. Nothing here knows how
a cell was computed, or how it will be shown.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sim.analysis.costs import garbage_bytes, requests_per_day
from sim.analysis.results import Estimate, SchemeResult, estimate
from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.results import Result
    from sim.scenario.knobs import Knob

__all__ = [
    "FAILING",
    "Cell",
    "Line",
    "Point",
    "Sweep",
    "lines_of",
    "origin_of",
    "pareto_front",
]

FAILING: Final = tuple(outcome for outcome in OUTCOMES if outcome not in ("ok", "warned"))
"""Outcomes of queries that get no complete answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """All schemes at one setting.

    Attributes
    ----------
    setting : tuple of int
        Per knob the position of its value.
    result : Result
        Of the scenario with those values; every scheme as if it was run in it. A trial without a
        digest was not simulated by itself, see :func:`origin_of`.
    """

    setting: tuple[int, ...]
    result: "Result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All cells, in the order of their settings.

    Attributes
    ----------
    name : str
        Of the scenario.
    knobs : tuple of Knob
        At least one.
    is_together : bool
        Whether the knobs move in step; otherwise there is a cell for every combination.
    cells : tuple of Cell
    """

    name: str
    knobs: "tuple[Knob, ...]"
    is_together: bool
    cells: tuple[Cell, ...]

    def __repr__(self) -> str:
        knobs = " and ".join(f"{knob.path} ({len(knob)} values)" for knob in self.knobs)
        step = " in step" if self.is_together else ""
        return f"<Sweep of {self.name!r} over {knobs}{step}, {len(self.cells)} cells>"

    def text_of(self, setting: tuple[int, ...], knobs: Iterable[int] | None = None) -> str:
        """Values at a setting, of all knobs or of some by position: "15m, 3m"."""
        chosen = range(len(self.knobs)) if knobs is None else knobs
        return ", ".join(self.knobs[k].texts[setting[k]] for k in chosen)

    def touching(self, position: int) -> tuple[int, ...]:
        """Positions of the knobs that change a result of a scheme; all, or none, if in step.

        ``position`` is that of the scheme among those that ran.
        """
        found = {cell.setting: cell.result.schemes[position].trials for cell in self.cells}
        if self.is_together:
            trials = list(found.values())
            return tuple(range(len(self.knobs))) if trials[1:] != trials[:-1] else ()
        return tuple(
            k
            for k in range(len(self.knobs))
            if any(
                trials != found[(*setting[:k], 0, *setting[k + 1 :])]
                for setting, trials in found.items()
            )
        )


def origin_of(scheme: SchemeResult) -> str:
    """How a cell was found: "simulated", or "curve" if a trial was read off that of another delay.

    What was simulated has the digest of its trace.
    """
    return "simulated" if all(trial.digest for trial in scheme.trials) else "curve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One cell: how often queries fail there, and what it costs.

    Attributes
    ----------
    setting : tuple of int
    result, scheme : Result, SchemeResult
        What it was taken from.
    failing : Estimate
        Of the queries without a complete answer.
    garbage_bytes, requests_per_day : float
        See :mod:`sim.analysis.costs`.
    """

    setting: tuple[int, ...]
    result: "Result"
    scheme: SchemeResult
    failing: Estimate
    garbage_bytes: float
    requests_per_day: float

    @property
    def is_ruled_out(self) -> bool:
        """Whether rules prove that every query gets a complete answer."""
        return self.failing.interval.method == "rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The cells of one scheme over the values of the first knob, the others being held.

    Attributes
    ----------
    scheme : str
    position : int
        Of the scheme among those that ran.
    others : tuple of int
        Positions of the values of the other knobs; empty if the knobs move in step.
    points : tuple of Point
        In the order of the values of the first knob.
    """

    scheme: str
    position: int
    others: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def is_flat(self) -> bool:
        """Whether the first knob changes nothing: all points are the same results."""
        first = self.points[0].scheme.trials
        return all(point.scheme.trials == first for point in self.points[1:])


def lines_of(sweep: Sweep) -> tuple[Line, ...]:
    """Take a sweep apart into lines, in the order of schemes, then of the other knobs."""
    found: dict[tuple[int, tuple[int, ...]], list[Point]] = {}
    for cell in sweep.cells:
        others = () if sweep.is_together else cell.setting[1:]
        for position, scheme in enumerate(cell.result.schemes):
            point = Point(
                setting=cell.setting,
                result=cell.result,
                scheme=scheme,
                failing=estimate(scheme, FAILING),
                garbage_bytes=garbage_bytes(cell.result.scenario, scheme),
                requests_per_day=requests_per_day(cell.result.scenario, scheme),
            )
            found.setdefault((position, others), []).append(point)
    return tuple(
        Line(scheme=points[0].scheme.name, position=position, others=others, points=tuple(points))
        for (position, others), points in sorted(found.items(), key=lambda item: item[0])
    )


def pareto_front(pairs: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the pairs that no other pair beats in both numbers, by the first number.

    Smaller is better. Of equal pairs the first counts; a pair with nan is left out.

    >>> pareto_front([(3.0, 0.0), (1.0, 2.0), (2.0, 2.0), (0.0, 5.0)])
    [3, 1, 0]
    """
    known = [i for i, pair in enumerate(pairs) if not any(map(math.isnan, pair))]
    front, lowest = list[int](), math.inf
    for i in sorted(known, key=lambda i: (*pairs[i], i)):
        if pairs[i][1] < lowest:
            front.append(i)
            lowest = pairs[i][1]
    return front
