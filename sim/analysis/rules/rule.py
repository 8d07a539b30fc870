"""The shape of a safety rule: terms that add up to what a delay must be, and what comes of it."""

import math
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Rule", "Status", "Term"]


class Status(StrEnum):
    """What can be said of a rule in one scenario."""

    HOLDS = "holds"
    BROKEN = "broken"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Term:
    """One part of what a rule asks for; ``span_us`` is inf where nothing bounds it."""

    symbol: str
    meaning: str
    span_us: float

    def twice(self) -> "Term":
        """The term where half of the configured delay counts."""
        return Term(f"2{self.symbol}", f"twice: {self.meaning}", 2 * self.span_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, with the numbers of one scheme of a scenario.

    Attributes
    ----------
    name : str
        "R1" and so on, as in the table of this module.
    key : str
        Key of the scenario whose value is compared.
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
        """Sum of the terms, µs; inf if one is unbounded."""
        return math.fsum(term.span_us for term in self.terms)

    @property
    def slack_us(self) -> float:
        """What is configured beyond what is required, µs; below 0 if the rule is broken."""
        return self.configured_us - self.required_us

    @property
    def status(self) -> Status:
        """Broken if the delay is too short, open if nothing can be said, else holds."""
        if math.isinf(self.required_us):
            return Status.OPEN
        if self.slack_us < 0:
            return Status.BROKEN
        return Status.OPEN if self.obstacles else Status.HOLDS
