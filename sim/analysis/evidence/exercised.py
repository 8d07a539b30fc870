"""What of all that may fail was tried: a zero that nothing exercised says nothing.

Queries can fail of a deletion only if a reader had loaded the block, and a query asked for its time
when it went; data can be missing only if only the bucket had it; and a world that stopped, or fell
ever further behind, shows none of what its delays would do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.evidence.windows import absent_from_us, windows_by_gateway
from sim.analysis.queries.exposure import Exposure
from sim.core.units import NEVER

if TYPE_CHECKING:
    from sim.core.laws import Law
    from sim.scenario.schema import Scenario
    from sim.trace.timelines import Timelines

__all__ = ["Exercised", "exercised", "lacking"]

_BEHIND: Final = 0.1
"""Share of level-1 blocks overdue at the horizon from which the compactor does not keep up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exercised:
    """What one trial tried in [warm-up, horizon), or several together; all of it is counts.

    Attributes
    ----------
    trials : int
    queries : float
        Expected number of queries.
    compactions : int
    retired : int
        Blocks declared obsolete.
    deleted : int
        Blocks of which objects went.
    read : int
        Those among the deleted that some gateway had loaded before.
    asked : int
        Those among the read whose time some query asked for when they went.
    late : int
        Those among the read that a gateway still answered from when they went.
    needed : int
        Level-1 blocks that a query asked for while only the bucket had their data.
    halted : int
        Trials in which the compactor halted, whenever that was.
    behind : int
        Trials in which the compactors did not keep up: at the horizon a tenth of the level-1
        blocks was overdue, or the backlog had grown without an end.
    """

    trials: int = 0
    queries: float = 0.0
    compactions: int = 0
    retired: int = 0
    deleted: int = 0
    read: int = 0
    asked: int = 0
    late: int = 0
    needed: int = 0
    halted: int = 0
    behind: int = 0

    def __add__(self, other: "Exercised") -> "Exercised":
        """Add the counts of several trials."""
        return Exercised(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


def exercised(
    scenario: "Scenario",
    timelines: "Timelines",
    queries: float,
    exposed: Sequence[Exposure],
    *,
    grows: bool,
) -> Exercised:
    """Count what one trial tried.

    Parameters
    ----------
    queries : float
        The number of its queries.
    grows : bool
        Whether its backlog grows, see `sim.analysis.backlog`.
    """
    blocks, loads = timelines.blocks, timelines.loads
    low, high = timelines.warmup_us, timelines.horizon_us
    gone_us = absent_from_us(timelines)
    was_retired = (blocks.retired_us >= low) & (blocks.retired_us < high)
    # What was never whole, or is only half shown, was not deleted.
    was_deleted = (blocks.retired_us < NEVER) & (gone_us >= low) & (gone_us < high)
    was_read = np.zeros_like(was_deleted)
    was_read[loads.block[loads.load_us < gone_us[loads.block]]] = True
    was_read &= was_deleted
    was_asked = np.zeros_like(was_deleted)
    needed = 0
    for exposure in exposed if high > low else ():
        start, end = exposure.asks(np.arange(gone_us.size))
        was_asked |= (start <= gone_us) & (gone_us < end) & exposure.may_use(blocks.resolution)
        needed = max(needed, exposure.n_needed)
    met = [w.block[w.length_us > 0] for w in windows_by_gateway(timelines)]
    late = np.unique(np.concatenate(met))
    return Exercised(
        trials=1,
        queries=queries,
        compactions=timelines.counters["compactions"],
        retired=int(was_retired.sum()),
        deleted=int(was_deleted.sum()),
        read=int(was_read.sum()),
        asked=int((was_read & was_asked).sum()),
        late=int(was_read[late].sum()),
        needed=needed,
        halted=int(timelines.counters["compactor-halt"] > 0),
        behind=int(grows or _is_behind(scenario, timelines)),
    )


def _is_behind(scenario: "Scenario", timelines: "Timelines") -> bool:
    """Whether many level-1 blocks should have been compacted long before the horizon.

    A block is due once its window and one more block are complete and old enough to be looked at;
    another window's length and two passes are allowed for the work itself.
    """
    spec, producers = scenario.compactor, scenario.producers
    if len(spec.ranges_us) < 2:
        return False
    uploaded_us = _allowed_us(producers.upload_after) + _allowed_us(producers.upload_takes)
    allowed_us = (
        2 * spec.ranges_us[1]
        + 2 * producers.block_length_us
        + uploaded_us
        + spec.consistency_delay_us
        + 2 * spec.wait_interval.mean
    )
    blocks = timelines.blocks
    rows = blocks.of_producers
    overdue = blocks.retired_us[rows] == NEVER
    overdue &= blocks.max_us[rows] + allowed_us < timelines.horizon_us
    return bool(overdue.sum() > _BEHIND * rows.size)


def _allowed_us(law: "Law") -> float:
    """Upper end of a law, or where it has none ten times its mean, µs."""
    longest = law.longest_us
    return longest if longest < NEVER else min(10.0 * law.mean, float(NEVER))


def lacking(found: Exercised, *, is_gap: bool) -> str:
    """Say what was not tried, so that never having seen an outcome says nothing; empty if all was.

    Parameters
    ----------
    found : Exercised
        Of all trials of a scheme.
    is_gap : bool
        Whether the outcome is that data is missing.
    """
    return next(_lacks(found, is_gap=is_gap), "")


def _lacks(found: Exercised, *, is_gap: bool) -> Iterator[str]:
    trials = "the trial" if found.trials == 1 else f"{{}} of {found.trials} trials"
    if found.queries < 1.0:
        yield "no query was asked"
    if found.halted:
        yield f"the compactor halted in {trials.format(found.halted)}"
    if found.behind:
        more = "are compactor.count and concurrency too small?"
        yield f"the compactor fell behind in {trials.format(found.behind)} ({more})"
    if not found.retired and not found.deleted:
        yield "no block was retired after the warm-up"
    if not found.deleted:
        yield "no block was deleted after the warm-up"
    if not found.read:
        yield "no gateway had loaded a block that was deleted"
    if not found.asked:
        yield "no query asked for the time of a deleted block when it went"
    if is_gap and not found.needed:
        yield "no query asked for data that only the bucket had"
