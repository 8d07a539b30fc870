"""The shapes in which outcomes are handed on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sim.scenario.schema import OUTCOMES

CODE: Final = {name: code for code, name in enumerate(OUTCOMES)}
"""Number of each outcome: its place in the order in which outcomes are judged."""


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """How a query ends, given what went wrong (``SEMANTICS.md`` Q4, Q6).

    Parameters
    ----------
    partial_response : {"abort", "warn"}
        Whether a failing gateway fails the query, or only gives nothing.
    """

    partial_response: str

    @property
    def failing_decides(self) -> bool:
        """Whether it does not matter which gateways fail, nor what is missing then."""
        return self.partial_response == "abort"

    def outcome(self, *, is_failing: bool, is_missing: bool) -> str:
        """The outcome if some gateway fails, and if data that should be there is missing."""
        if is_failing and self.partial_response == "abort":
            return "query-error"
        if is_missing:
            return "partial-response" if is_failing else "silent-gap"
        return "warned" if is_failing else "ok"

    def code(self, *, is_failing: bool, is_missing: bool) -> int:
        """The same as its number in :data:`CODE`."""
        return CODE[self.outcome(is_failing=is_failing, is_missing=is_missing)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOutcome:
    """Outcomes of one query class in one trial; ``fractions`` has every outcome and sums to 1.

    With ``queries == 0`` every fraction is nan.
    """

    name: str
    queries: float
    fractions: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazards:
    """Disjoint intervals [start_us, end_us) of arrivals, ascending, and their outcome (not ok)."""

    start_us: npt.NDArray[np.int64]
    end_us: npt.NDArray[np.int64]
    outcome: tuple[str, ...]


def fractions_of_counts(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    """Counts of shape (6,) as fractions by name; nan without any query."""
    total = int(counts.sum())
    return {
        name: int(count) / total if total else float("nan")
        for name, count in zip(OUTCOMES, counts, strict=True)
    }
