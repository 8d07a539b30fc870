"""Nothing goes before each known reader has synced since it was retired.

Who deletes need not know how often readers look, only that each of them has looked; one that is
silent for long is given up (``SEMANTICS.md`` D16). Source: Duplicacy, Lock-Free Deduplication,
fossil collection: a fossil goes when each known client has finished a backup that began after it
was collected, and a client that has been idle for 7 days is ignored.
"""

from typing import ClassVar, Literal

from pydantic import Field

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = ["ReadersSynced"]


@register("hold")
class ReadersSynced(Primitive):
    """A block that is due stays until each reader has ended a sync that began after."""

    source: ClassVar = "Duplicacy, Lock-Free Deduplication, fossil collection"
    ties_readers: ClassVar = True
    kind: Literal["readers-synced"] = Field(
        "readers-synced", description="A block stays until each reader has synced since."
    )
    ignored_after_us: Duration | None = Field(
        None,
        alias="ignored_after",
        description="A reader that has been down for longer is not waited for; else all are.",
    )

    def made(self, scenario: Scenario) -> "_ReadersSynced":
        """Nobody is known yet."""
        return _ReadersSynced(NEVER if self.ignored_after_us is None else self.ignored_after_us)


class _ReadersSynced(NoHold):
    """Per reader, when its last good sync began, and since when it is down."""

    def __init__(self, ignored_after_us: int) -> None:
        self._ignored_after_us = ignored_after_us
        self._synced_us: dict[int, int] = {}
        self._down_us: dict[int, int] = {}

    def synced(self, holder: Holder, began_us: int) -> None:
        self._synced_us[holder.number] = began_us

    def lost(self, holder: Holder) -> None:
        self._down_us.setdefault(holder.number, holder.kernel.now_us)

    def returned(self, holder: Holder) -> None:
        self._down_us.pop(holder.number, None)

    def may_delete(self, block: Block, t_us: int) -> bool:
        down_us, patience_us = self._down_us, self._ignored_after_us
        return all(
            began_us >= block.retired_us
            for number, began_us in self._synced_us.items()
            if t_us - down_us.get(number, t_us) <= patience_us
        )
