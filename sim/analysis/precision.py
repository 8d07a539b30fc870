"""Reads how precise a run is to be: ``query-error=5%``, ``day.silent-gap=1e-4``."""

from collections.abc import Iterable, Sequence

from sim.analysis.comparison.gates import named_number
from sim.analysis.sequences import TRIALS_MAX, Goal, Precision
from sim.scenario.schema import OUTCOMES

__all__ = ["parse_precision"]


def parse_precision(
    texts: Iterable[str], queries: Sequence[str], trials_max: int | None = None
) -> Precision:
    """Read goals, each ``[CLASS.]OUTCOME=WIDTH``.

    Parameters
    ----------
    texts : iterable of str
        ``query-error=5%`` is an interval of ±5 % of the fraction, ``query-error=1e-4`` one of
        ±1e-4 of the queries.
    queries : sequence of str
        Names of the query classes.
    trials_max : int or None
        After so many trials the run ends in any case; None is `TRIALS_MAX`.

    Raises
    ------
    ValueError
        Says what is wrong, and the nearest name where there is none of the name.
    """
    if trials_max is not None and trials_max < 1:
        raise ValueError(f"trials_max={trials_max} must be at least 1")
    goals: dict[tuple[str | None, str], Goal] = {}
    for text in texts:
        goal = _goal(text, queries)
        if (goal.query, goal.outcome) in goals:
            raise ValueError(f"{text!r} asks for an outcome a second time")
        goals[goal.query, goal.outcome] = goal
    if not goals:
        raise ValueError("a precision must name at least one outcome")
    return Precision(
        goals=tuple(goals.values()), trials_max=TRIALS_MAX if trials_max is None else trials_max
    )


def _goal(text: str, queries: Sequence[str]) -> Goal:
    name, sign, width = text.rpartition("=")
    if not sign:
        raise ValueError(f"{text!r} must be like query-error=5%")
    query, outcome = named_number(name.strip(), queries)
    if outcome not in OUTCOMES or outcome == "ok":
        raise ValueError(f"{outcome!r} must be an outcome that is not ok")
    number, percent, rest = width.strip().partition("%")
    try:
        half_width = float(number) / (100.0 if percent else 1.0)
    except ValueError:
        half_width = 0.0
    if rest or not 0.0 < half_width < 1.0:
        raise ValueError(f"{text!r}: {width!r} must be like 5% or 1e-4, between 0 and 1")
    return Goal(
        text=text.strip(),
        query=query,
        outcome=outcome,
        half_width=half_width,
        is_relative=bool(percent),
    )
