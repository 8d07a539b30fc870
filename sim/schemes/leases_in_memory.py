"""Leases that stand in the memory of who deletes, and are gone when that starts again.

A reader takes a lease on what it loads, renews all of its leases from time to time, and never gives
one back: they run out. A process that has just started knows of none, and deletes what readers
think they hold, unless it waits until all of them have renewed (``SEMANTICS.md`` D21). Sources:
Neon, pageserver, GcInfo.leases, and compute_tools, lsn_lease.rs; neondatabase/neon#8817; Gray and
Cheriton, Leases, SOSP 1989, section 2: after a crash a server honours leases by a wait.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = ["LeasesInMemory"]


@register("hold")
class LeasesInMemory(Primitive):
    """A block that is due stays while the process that deletes knows of a lease on it."""

    source: ClassVar = "Neon, pageserver, LSN leases; Gray and Cheriton, SOSP 1989"
    needs_one_compactor: ClassVar = True
    ties_readers: ClassVar = True
    kind: Literal["leases-in-memory"] = Field(
        "leases-in-memory", description="What a reader has a lease on stays; a restart forgets."
    )
    lasts_us: Duration = Field(
        "10m", validate_default=True, alias="lasts", description="How long a lease lasts."
    )
    renewed_us: Annotated[Duration, Field(gt=0)] = Field(
        "9m",
        validate_default=True,
        alias="renewed",
        description="From one renewal of a reader's leases to the next.",
    )
    grace_us: Duration = Field(
        "0s",
        validate_default=True,
        alias="grace",
        description="For how long a process that starts deletes nothing.",
    )

    def made(self, scenario: Scenario) -> "_LeasesInMemory":
        """Nobody has asked for one yet."""
        return _LeasesInMemory(self)


class _Reader:
    """When one reader asks for leases.

    Per block when it last did while it had it, but for the renewals of its present life, and until
    when it had it; ``up_us`` is when it began to serve, from which renewals are on a grid.
    """

    def __init__(self, renewed_us: int) -> None:
        self._renewed_us = renewed_us
        self._asked: dict[int, tuple[int, int]] = {}
        self.up_us = NEVER

    def take(self, index: int, now_us: int) -> None:
        """Ask for one, with the block."""
        self._asked[index] = now_us, NEVER

    def drop(self, index: int, now_us: int) -> None:
        """Ask no more for one, from now on; a block that it has not is passed over."""
        if self._asked[index][1] == NEVER:
            self._asked[index] = self.asked_us(index, now_us), now_us

    def go_down(self, now_us: int) -> None:
        """Ask for nothing, until it is up again."""
        for index in self._asked:
            self.drop(index, now_us)
        self.up_us = NEVER

    def asked_us(self, index: int, t_us: int) -> int:
        """When it last asked for a lease on a block, before ``t_us``; -1: never."""
        asked_us, end_us = self._asked.get(index, (-1, -1))
        if end_us < NEVER:
            return asked_us
        renewals = max(0, (t_us - 1 - self.up_us) // self._renewed_us)
        return max(asked_us, self.up_us + renewals * self._renewed_us) if renewals else asked_us


class _LeasesInMemory(NoHold):
    """Since when the process that deletes knows, and who asked it for what."""

    def __init__(self, spec: LeasesInMemory) -> None:
        self._spec = spec
        self._began_us = 0
        self._readers: defaultdict[int, _Reader] = defaultdict(lambda: _Reader(spec.renewed_us))

    def began(self, at_us: int) -> None:
        self._began_us = at_us

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._readers[holder.number].take(block.index, holder.kernel.now_us)

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._readers[holder.number].drop(block.index, holder.kernel.now_us)

    def lost(self, holder: Holder) -> None:
        self._readers[holder.number].go_down(holder.kernel.now_us)

    def returned(self, holder: Holder) -> None:
        self._readers[holder.number].up_us = holder.kernel.now_us

    def may_delete(self, block: Block, t_us: int) -> bool:
        if t_us < self._began_us + self._spec.grace_us:
            return False
        asked_us = [reader.asked_us(block.index, t_us) for reader in self._readers.values()]
        return not any(
            asked >= self._began_us and t_us < asked + self._spec.lasts_us for asked in asked_us
        )
