"""The shapes in which outcomes are handed on."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from sim.scenario.schema import OUTCOMES

if TYPE_CHECKING:
    from sim.analysis.evidence.witness import QueryWitness

CODE: Final = {name: code for code, name in enumerate(OUTCOMES)}
"""Number of each outcome: its place in the order in which outcomes are judged."""


NOBODY: Final[frozenset[int]] = frozenset()
"""No gateway fails."""
SOMEBODY: Final[frozenset[int]] = frozenset({0})
"""Some gateway fails, where it does not matter which."""
WARNING: Final = -1
"""Stands among failing gateways for an answer that lacks only blocks, and says so."""
SILENCE: Final = -2
"""Stands where such an answer does not say so; never among failing gateways."""


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """How a query ends, given what went wrong (``SEMANTICS.md`` Q4, Q6).

    Parameters
    ----------
    partial_response : {"abort", "warn"}
        Whether a failing gateway fails the query, or only gives nothing.
    may_warn : bool
        Whether :data:`WARNING` may stand among those that fail.
    """

    partial_response: str
    may_warn: bool = False

    @property
    def failing_decides(self) -> bool:
        """Whether it does not matter which gateways fail, nor what is missing then."""
        return self.partial_response == "abort" and not self.may_warn

    def outcome(self, failing: frozenset[int], *, is_missing: bool) -> str:
        """The outcome if these gateways fail, and if data that should be there is missing."""
        if self.partial_response == "abort" and failing - {WARNING}:
            return "query-error"
        if is_missing:
            return "partial-response" if failing else "silent-gap"
        return "warned" if failing else "ok"

    def code(self, failing: frozenset[int], *, is_missing: bool) -> int:
        """The same as its number in :data:`CODE`."""
        return CODE[self.outcome(failing, is_missing=is_missing)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """How much of an outcome there may be that few trials show.

    Attributes
    ----------
    proof : str
        What proves that there is none, see ``safety.proof``; empty if nothing does.
    clusters : int
        Parts of the trial that are as good as independent of each other.
    most : float
        The largest fraction of the queries of one such part that can have the outcome; above 1
        where the fractions are of so few drawn queries that they may miss it altogether.
    over_phases : float or None
        Expected fraction over all phases of the readers, given the rest of the trial, see
        ``phases``; an upper bound of it where queries ask for some of the streams. None
        where there is no such thing.
    is_certain : bool
        Whether ``over_phases`` is the same in every trial, since nothing else is drawn.
    """

    proof: str = ""
    clusters: int = 1
    most: float = 1.0
    over_phases: float | None = None
    is_certain: bool = False

    def of_sample(self, queries: float) -> "Bound":
        """What the bound says of a fraction among as many drawn queries of the trial, above 0.

        Of a cluster with n queries, of which the share f <= most would have the outcome, none of
        those drawn has it with probability exp(-n f). Its mean over f is largest where f is 0 or
        ``most``: as if it were seen only with probability 1 - exp(-n most).
        """
        seen = -math.expm1(-queries / self.clusters * self.most)
        return replace(self, most=self.most / seen) if seen > 0.0 else self


def added(parts: Iterable[tuple[float, Bound]]) -> Bound:
    """The bound of a weighed sum of fractions of which no two are of the same query."""
    weighed = list(parts)
    proofs = dict.fromkeys(bound.proof for _, bound in weighed)
    if all(proofs):
        return Bound(proof="; ".join(proofs))
    unproven = [(weight, bound) for weight, bound in weighed if not bound.proof]
    phases = [w * bound.over_phases for w, bound in unproven if bound.over_phases is not None]
    # Together they are no more than all, or than the one that a sample may miss most.
    together = max(1.0, *(bound.most for _, bound in unproven))
    return Bound(
        clusters=min(bound.clusters for _, bound in unproven),
        most=min(together, math.fsum(weight * bound.most for weight, bound in unproven)),
        over_phases=math.fsum(phases) if len(phases) == len(unproven) else None,
        is_certain=all(bound.is_certain for _, bound in unproven),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassOutcome:
    """Outcomes of one query class in one trial; ``fractions`` has every outcome and sums to 1.

    With ``queries == 0`` every fraction is nan. ``bounds`` has what is known beyond the fractions,
    by outcome; an outcome that is not there has the plain :class:`Bound`. ``witnesses`` has what
    shows each outcome but ``ok`` that the class had.
    """

    name: str
    queries: float
    fractions: dict[str, float]
    bounds: dict[str, Bound] = field(default_factory=dict)
    witnesses: "dict[str, QueryWitness]" = field(default_factory=dict)


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
