"""Costs made of what was measured, their table, and what became worse."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from tests.bench.cases import COSTS, GROWTHS, Cost, Growth
from tests.bench.work import Measured

BEGIN: Final = "<!-- speed: begin -->"
END: Final = "<!-- speed: end -->"
TOLERATED: Final = 0.1
"""How much worse a cost may be, as a part of it; an exponent, by itself."""

Round = Mapping[str, Measured]
"""What was measured in one round, by the name of its case."""


class Figure(NamedTuple):
    """A cost over several rounds: the median, and the quartiles around it."""

    low: float
    median: float
    high: float


def _cost(cost: Cost, round_: Round) -> float:
    found = round_[cost.case]
    per_unit_s = found.cpu_s / found.units
    match cost.basis:
        case "events":
            return per_unit_s * found.events_per_s
        case "arrivals":
            return per_unit_s * found.arrivals_per_s
        case "plain":
            plain = round_["plain"]
            # Each in events of its own process: the machine may have been slower for one.
            plain_s = plain.cpu_s / plain.units
            return per_unit_s * found.events_per_s / (plain_s * plain.events_per_s)
        case "units":
            return per_unit_s
        case "wall":
            return found.wall_s / found.units
        case "memory":
            return found.peak_bytes / round_["nothing"].peak_bytes


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Slope of the straight line through the logarithms of sizes and costs (least squares)."""
    xs, ys = ([math.log(value) for value in values] for values in zip(*points, strict=True))
    return statistics.linear_regression(xs, ys).slope


def _growth(growth: Growth, round_: Round) -> float:
    found = [(size, round_[case]) for size, case in growth.points]
    return exponent([(size, one.cpu_s * one.events_per_s) for size, one in found])


def cases_of(name: str) -> set[str]:
    """Which cases have to be measured for a figure."""
    if name in GROWTHS:
        return {case for _, case in GROWTHS[name].points}
    cost = COSTS[name]
    also = {"plain": {"plain"}, "memory": {"nothing"}}.get(cost.basis, set())
    return {cost.case, *also}


def meaning(name: str) -> str:
    """What a figure says."""
    return GROWTHS[name].meaning if name in GROWTHS else COSTS[name].meaning


def figures(rounds: Sequence[Round]) -> dict[str, Figure]:
    """Every figure for which all was measured, over all rounds that did."""
    found = {}
    for name in (*COSTS, *GROWTHS):
        whole = [round_ for round_ in rounds if cases_of(name) <= set(round_)]
        values = [
            _growth(GROWTHS[name], one) if name in GROWTHS else _cost(COSTS[name], one)
            for one in whole
        ]
        if len(values) == 1:
            found[name] = Figure(*values * 3)
        elif values:
            found[name] = Figure(*statistics.quantiles(values, n=4, method="inclusive"))
    return found


def worse(before: Mapping[str, Figure], now: Mapping[str, Figure]) -> dict[str, str]:
    """What is more than a tenth worse than it was, and not by noise.

    The median must be, and the better quarter of the rounds must be worse than the worse quarter
    of those before.
    """
    found = {}
    for name in sorted(set(before) & set(now)):
        old, new = before[name], now[name]
        limit = old.median + (TOLERATED if name in GROWTHS else TOLERATED * old.median)
        if new.median > limit and new.low > old.high:
            found[name] = f"{meaning(name)}: {old.median:.3g} → {new.median:.3g}"
    return found


def absent(before: Mapping[str, Figure], now: Mapping[str, Figure]) -> list[str]:
    """Figures that only one of two measurements has: they cannot be compared."""
    return sorted(set(before) ^ set(now))


def table(found: Mapping[str, Figure], machine: str) -> str:
    """Render what stands between the markers of the page."""
    names = [name for name in (*COSTS, *GROWTHS) if name in found]
    rows = (
        f"| {meaning(name)} | {_short(found[name].median)} | "
        f"{_short(found[name].low)} – {_short(found[name].high)} |"
        for name in names
    )
    head = f"| measured on {machine} | median | quartiles |"
    return "\n".join((head, "| --- | --- | --- |", *rows))


def _short(value: float) -> str:
    """Three digits, and never a power of ten."""
    if 0 < value < 0.01:
        return f"1/{1 / value:,.0f}"
    if value >= 100:
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(value)) if value > 0 else 2
    return f"{value:.{max(digits, 0)}f}"


def with_table(page: str, rows: str) -> str:
    """Put a table between the markers of a page."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page has not one {BEGIN} and one {END}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{rows}\n{END}{rest.partition(END)[2]}"
