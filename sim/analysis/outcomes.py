"""The shapes in which outcomes are handed on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sim.scenario.schema import OUTCOMES

CODE: Final = {name: code for code, name in enumerate(OUTCOMES)}
"""Number of each outcome: its place in the order in which outcomes are judged."""


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
