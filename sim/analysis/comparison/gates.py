"""Limits of a comparison: how much more, or less, B may have than A.

A gate is written ``[CLASS.]outcome > LIMIT`` or ``metric > LIMIT``, where ``>`` may be ``<`` and
the limit may end in ``%``, a share of what A has. It is

- broken if the difference itself is beyond the limit: the same draws gave that much more;
- held if the whole interval of the difference is within the limit;
- else unknown: more trials may show either.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sim.analysis.comparison.compare import Comparison, Row
from sim.analysis.expect import Verdict
from sim.scenario.complaints.nearest import did_you_mean
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES

__all__ = ["Gate", "GateResult", "judge_gates", "named_number", "parse_gate"]

_FORM: Final = re.compile(
    r"\s*(?P<name>.*\S)\s*(?P<sign>[<>])\s*"
    r"(?P<limit>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<percent>%?)\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A limit of the difference B - A of one number.

    Attributes
    ----------
    text : str
        As it was written.
    query : str or None
        Query class; None for all of them, and for a metric.
    metric : str
        An outcome, or a name of `sim.scenario.metrics.METRICS`.
    sign : int
        1 if more than the limit is too much, -1 if less is.
    limit : float
        In the unit of the number, per trial; a share of A's number where `is_relative`.
    is_relative : bool
    """

    text: str
    query: str | None
    metric: str
    sign: int
    limit: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What became of a gate for one pair of schemes.

    ``limit`` is in the unit of the row; ``row`` is None where the number was not counted.
    """

    gate: Gate
    a: str
    b: str
    verdict: Verdict
    limit: float
    row: Row | None


def parse_gate(text: str, queries: Sequence[str]) -> Gate:
    """Read a gate.

    Parameters
    ----------
    text : str
    queries : sequence of str
        Query classes that both sides have.

    Raises
    ------
    ValueError
        Says what is wrong, and the nearest name where there is none of the name.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("must be like 'query-error > +1e-5' or 'requests.list > +10%'")
    query, metric = named_number(match["name"], queries)
    is_relative = match["percent"] == "%"
    limit = float(match["limit"])
    if not math.isfinite(limit):
        raise ValueError(f"{match['limit']} is no finite number")
    return Gate(
        text=text.strip(),
        query=query,
        metric=metric,
        sign=1 if match["sign"] == ">" else -1,
        limit=limit / 100.0 if is_relative else limit,
        is_relative=is_relative,
    )


def named_number(name: str, queries: Sequence[str]) -> tuple[str | None, str]:
    """Find the query class and the number that ``[CLASS.]OUTCOME`` or a metric's name means.

    Raises
    ------
    ValueError
        Names the nearest valid name.
    """
    if name in OUTCOMES or name in METRICS:
        return None, name
    query, _, outcome = name.rpartition(".")
    if query in queries and outcome in OUTCOMES:
        return query, outcome
    valid = [*OUTCOMES, *METRICS, *(f"{query}.{o}" for query in queries for o in OUTCOMES)]
    hint = did_you_mean(name, valid) or f"outcomes are {', '.join(OUTCOMES)}"
    raise ValueError(f"{name} must be an outcome, CLASS.outcome or a metric; {hint}")


def judge_gates(comparison: Comparison, gates: Iterable[Gate]) -> tuple[GateResult, ...]:
    """Hold every pair of schemes against every gate, in the order of the gates."""
    results = []
    for gate in gates:
        for pair in comparison.schemes:
            rows = (r for r in pair.rows if (r.query, r.metric) == (gate.query, gate.metric))
            row = next(rows, None)
            limit = math.nan if row is None else _limit(gate, row)
            verdict = Verdict.UNKNOWN if row is None else _verdict(gate, row, limit)
            results.append(
                GateResult(gate=gate, a=pair.a, b=pair.b, verdict=verdict, limit=limit, row=row)
            )
    return tuple(results)


def _limit(gate: Gate, row: Row) -> float:
    return gate.limit * row.a if gate.is_relative else gate.limit


def _verdict(gate: Gate, row: Row, limit: float) -> Verdict:
    found = row.difference
    if math.isnan(found.difference) or math.isnan(limit):
        return Verdict.UNKNOWN
    if gate.sign * found.difference > gate.sign * limit:
        return Verdict.INVALID
    farthest = found.high if gate.sign > 0 else found.low
    # A nan is on neither side.
    is_within = gate.sign * farthest <= gate.sign * limit
    return Verdict.VALID if is_within else Verdict.UNKNOWN
