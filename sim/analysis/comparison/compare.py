"""Compares two results: how much more B has than A, of every outcome and of everything counted.

Where both had the same seeds, every trial of B met the draws of the same trial of A, and what
counts is the difference trial by trial. Limits say how much more is too much.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sim.analysis.comparison.differences import (
    Difference,
    difference_limits,
    paired_difference,
    unpaired_difference,
)
from sim.analysis.comparison.numbers import Numbers, OutcomeNumbers, SchemeNumbers
from sim.analysis.estimators import mean_interval
from sim.scenario.metrics import METRICS
from sim.scenario.schema import OUTCOMES

__all__ = [
    "Comparison",
    "Pair",
    "Row",
    "SchemePair",
    "compare",
    "only_one_has",
    "paired_outcome",
    "unpaired_because",
]

Pair = tuple[str, str]
"""Name of a scheme of A, and of the scheme of B that it is compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number of both sides, and how much more B has.

    Attributes
    ----------
    query : str or None
        Query class; None for all of them, and for what is not about queries.
    metric : str
        An outcome or the name of a metric.
    unit : str
        "fraction", or that of the metric.
    a, b : float
        Mean over the trials of each side; nan where nothing was asked or counted.
    difference : Difference
        b - a.
    """

    query: str | None
    metric: str
    unit: str
    a: float
    b: float
    difference: Difference

    @property
    def relative(self) -> float:
        """The difference as a share of ``a``; nan where that is 0 or unknown."""
        return self.difference.difference / self.a if self.a else math.nan

    @property
    def is_outcome(self) -> bool:
        """Whether it is about queries."""
        return self.metric in OUTCOMES


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemePair:
    """The rows of two schemes: outcomes of all queries, of each class, and metrics, in order."""

    a: str
    b: str
    rows: tuple[Row, ...]

    @property
    def is_same(self) -> bool:
        """Whether both are the same runs."""
        return all(row.difference.method in ("same", "none") for row in self.rows) and any(
            row.difference.method == "same" for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two results side by side.

    Attributes
    ----------
    a, b : Numbers
    unpaired_because : str
        Why trials are not compared one by one; empty where they are.
    schemes : tuple of SchemePair
    left_out : tuple of str
        Sentences about what only one side has.
    """

    a: Numbers
    b: Numbers
    unpaired_because: str
    schemes: tuple[SchemePair, ...]
    left_out: tuple[str, ...]


def compare(
    a: Numbers, b: Numbers, pairs: Sequence[Pair], *, left_out: Sequence[str] = ()
) -> Comparison:
    """Compare two results.

    Parameters
    ----------
    a, b : Numbers
    pairs : sequence of (str, str)
        Which schemes; each must exist on its side.
    left_out : sequence of str
        Sentences about what is not compared; those about query classes are added.

    Returns
    -------
    Comparison
        Per pair a row for each outcome, of all queries together and of each class that both
        sides have, and one for each metric that both have counted.
    """
    reason = unpaired_because(a, b)
    of_a = {scheme.name: scheme for scheme in a.schemes}
    of_b = {scheme.name: scheme for scheme in b.schemes}
    compared = []
    for name_a, name_b in pairs:
        one, two = of_a[name_a], of_b[name_b]
        is_same = _is_same(a, b, one, two)
        rows = tuple(_rows(one, two, is_paired=not reason, is_same=is_same))
        compared.append(SchemePair(a=name_a, b=name_b, rows=rows))
    return Comparison(
        a=a,
        b=b,
        unpaired_because=reason,
        schemes=tuple(compared),
        left_out=(*left_out, *only_one_has("query class", _queries(a), _queries(b))),
    )


def _queries(numbers: Numbers) -> tuple[str, ...]:
    return numbers.schemes[0].queries if numbers.schemes else ()


def unpaired_because(a: Numbers, b: Numbers) -> str:
    """Say why the trials of two results are not pairs; empty where they are."""
    for what, one, two in (
        ("seeds", a.seed, b.seed),
        ("numbers of trials", a.trials, b.trials),
        ("modes", a.mode, b.mode),
    ):
        if one != two:
            return f"their {what} differ: {one} and {two}"
    return ""


def only_one_has(what: str, a: Iterable[str], b: Iterable[str]) -> Iterator[str]:
    """Say which names only one side has; `what` says what is named."""
    names_a, names_b = list(a), list(b)
    for side, names, others in (("A", names_a, names_b), ("B", names_b, names_a)):
        yield from (f"only {side} has the {what} {name}" for name in names if name not in others)


def _is_same(a: Numbers, b: Numbers, one: SchemeNumbers, two: SchemeNumbers) -> bool:
    """Whether both are the same runs, by the same program, which no other trial tells apart."""
    runs = [(n.version, n.seed, n.trials, n.mode) for n in (a, b)]
    return runs[0] == runs[1] and one.world_digest == two.world_digest


def _rows(
    one: SchemeNumbers, two: SchemeNumbers, *, is_paired: bool, is_same: bool
) -> Iterator[Row]:
    for query in one.outcomes:
        if query in two.outcomes:
            for outcome in OUTCOMES:
                found = (two.outcomes[query][outcome], one.outcomes[query][outcome])
                yield Row(
                    query=query,
                    metric=outcome,
                    unit="fraction",
                    a=found[1].interval.fraction,
                    b=found[0].interval.fraction,
                    difference=_exact(
                        paired_outcome(*found)
                        if is_paired
                        else unpaired_difference(found[0].interval, found[1].interval),
                        is_same=is_same,
                    ),
                )
    for name in METRICS:
        if name in one.counts and name in two.counts:
            yield _counted(name, one, two, is_paired=is_paired, is_same=is_same)


def _counted(
    name: str, one: SchemeNumbers, two: SchemeNumbers, *, is_paired: bool, is_same: bool
) -> Row:
    """Compare what was counted beside the queries, per trial."""
    a, b = mean_interval(one.counts[name]), mean_interval(two.counts[name])
    if is_paired:
        difference = paired_difference(two.counts[name], one.counts[name])
    else:
        difference = unpaired_difference(b, a)
    return Row(
        query=None,
        metric=name,
        unit=METRICS[name].unit,
        a=a.fraction,
        b=b.fraction,
        difference=_exact(difference, is_same=is_same),
    )


def paired_outcome(a: OutcomeNumbers, b: OutcomeNumbers) -> Difference:
    """Estimate how much more often `a` had an outcome than `b`, trial by trial.

    Where fewer than half of the pairs differ, their spread says little about the damage that is
    rare: then the interval goes at least as far as those of both sides let it ("intervals"). Where
    the number of trials was decided by looking at them, it goes as far as both intervals do.
    """
    limits = difference_limits(a.interval, b.interval)
    found = paired_difference(a.per_trial, b.per_trial, limits=limits)
    if "sequence" in (a.interval.method, b.interval.method):
        mean = a.interval.fraction - b.interval.fraction
        low, high = mean + limits[0], mean + limits[1]
        return replace(found, difference=mean, low=low, high=high, method="intervals")
    pairs = [(x, y) for x, y in zip(a.per_trial, b.per_trial, strict=True) if x == x and y == y]
    if found.method != "t" or 2 * sum(x != y for x, y in pairs) >= len(pairs):
        return found
    apart = unpaired_difference(a.interval, b.interval)
    low, high = min(found.low, apart.low), max(found.high, apart.high)
    return replace(found, low=low, high=high, method=apart.method)


def _exact(found: Difference, *, is_same: bool) -> Difference:
    """Take the chance out of the difference of a run and itself."""
    return Difference(0.0, 0.0, 0.0, "same") if is_same and found.difference == 0.0 else found
