"""The shape of a safety rule: terms that add up to what a delay must be, and what comes of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sim.core.laws import Law

__all__ = ["ONCE_IN", "Rule", "Span", "Status", "Term", "fixed", "longest_of"]

ONCE_IN: Final = 1_000_000
"""Where nothing bounds a law, rules also say what one draw in so many exceeds."""


class Status(StrEnum):
    """What can be said of a rule in one scenario."""

    HOLDS = "holds"
    BROKEN = "broken"
    OPEN = "open"


class Span(NamedTuple):
    """How long something can last, in µs.

    Attributes
    ----------
    most_us : float
        No draw is longer; inf where nothing bounds it.
    usual_us : float
        One draw in `ONCE_IN` is longer; `most_us` where that is finite. inf where no law says.
    """

    most_us: float
    usual_us: float

    def plus(self, *others: "Span") -> "Span":
        """One after the other."""
        spans = (self, *others)
        return Span(math.fsum(s.most_us for s in spans), math.fsum(s.usual_us for s in spans))

    def times(self, factor: float) -> "Span":
        """So many of them, or a part; none of what has no end is nothing."""
        return Span(*(factor and factor * us for us in self))

    def or_longer(self, *others: "Span") -> "Span":
        """Whichever is longer."""
        spans = (self, *others)
        return Span(max(s.most_us for s in spans), max(s.usual_us for s in spans))


def fixed(span_us: float) -> Span:
    """A span that nothing draws."""
    return Span(float(span_us), float(span_us))


def longest_of(*laws: Law) -> Span:
    """The longest draw of any of some laws."""
    spans = [
        fixed(law.longest_us)
        if math.isfinite(law.longest_us)
        else Span(math.inf, float(math.ceil(law.ppf(1.0 - 1.0 / ONCE_IN))))
        for law in laws
    ]
    return spans[0].or_longer(*spans[1:])


@dataclass(frozen=True, slots=True)
class Term:
    """One part of what a rule asks for; below 0 where it takes something off."""

    symbol: str
    meaning: str
    span: Span

    @property
    def span_us(self) -> float:
        """The worst case, µs; inf where nothing bounds it."""
        return self.span.most_us

    def twice(self) -> "Term":
        """The term where half of the configured delay counts."""
        return Term(f"2{self.symbol}", f"twice: {self.meaning}", self.span.times(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with the numbers of one scheme of a scenario.

    Attributes
    ----------
    name : str
        "R1" and so on, as in the table of this module.
    key : str
        Key of the scenario whose value is compared, or what a constant of the world is called.
    protects : str
        What the rule keeps from happening.
    terms : tuple of Term
        Their sum is what is required.
    configured_us : float
        What the scenario has.
    is_met : bool
        Whether the scenario has anything that the rule protects: without retention, for example,
        no block is hidden by its mark alone.
    obstacles : tuple of str
        What makes the worst case unbounded or unknown, whatever the delays.
    """

    name: str
    key: str
    protects: str
    terms: tuple[Term, ...]
    configured_us: float
    is_met: bool = True
    obstacles: tuple[str, ...] = ()

    @property
    def required_us(self) -> float:
        """Sum of the terms, µs, at least 0; inf if one is unbounded."""
        return max(0.0, math.fsum(term.span.most_us for term in self.terms))

    @property
    def usual_us(self) -> float:
        """What is required while every draw stays below what one in `ONCE_IN` exceeds, µs."""
        return max(0.0, math.fsum(term.span.usual_us for term in self.terms))

    @property
    def slack_us(self) -> float:
        """What is configured beyond what is required, µs; below 0 if the rule is broken."""
        return self.configured_us - self.required_us

    @property
    def dominant(self) -> Term | None:
        """The largest term, by its usual span where one is unbounded; None if all are 0."""
        term = max(self.terms, key=lambda term: (term.span.most_us, term.span.usual_us))
        return term if term.span.most_us > 0 else None

    @property
    def status(self) -> Status:
        """Broken if the delay is too short, open if nothing can be said, else holds."""
        if math.isinf(self.required_us):
            return Status.OPEN
        if self.slack_us < 0:
            return Status.BROKEN
        return Status.OPEN if self.obstacles else Status.HOLDS

    @property
    def troubles(self) -> Iterator[str]:
        """Why the rule is open: what nothing bounds, and what stands in the way."""
        for term in self.terms:
            if math.isinf(term.span.most_us):
                yield f"nothing bounds: {term.meaning}"
        yield from self.obstacles
