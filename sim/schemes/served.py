"""A source is answered from, and kept, until some reader serves what replaces it.

Readers tell when they serve a block, and nobody lets go of what it replaces before, however late
they are: no delay has to be long enough for the slowest of them (``SEMANTICS.md`` D22). Source:
Druid, coordinator, MarkOvershadowedSegmentsAsUnused: a segment is unused once one that overshadows
it is served by a historical or a broker, and historicals serve what is used.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from sim.core.objects import BlockObjects
from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario
from sim.schemes.leases import Leased

__all__ = ["ReplacementServed"]


@register("hold")
class ReplacementServed(Primitive):
    """A source stays, and is answered from, until a block that contains it is served."""

    source: ClassVar = "Druid, coordinator, MarkOvershadowedSegmentsAsUnused"
    ties_readers: ClassVar = True
    refuses: ClassVar = {"hide": ("gone",)}
    kind: Literal["replacement-served"] = Field(
        "replacement-served", description="A source stays until a reader serves what replaces it."
    )
    lingers_us: Duration = Field(
        "0s",
        validate_default=True,
        alias="lingers",
        description="How long a reader holds on to what it has dropped, for queries under way.",
    )

    def made(self, scenario: Scenario) -> "_Served":
        """Nobody serves anything yet."""
        meta = BlockObjects(scenario.producers.chunk_files).meta
        return _Served(self.lingers_us, meta_object=meta)

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """How long readers answer from a source is up to other readers."""
        yield "a source stays loaded until what replaces it is served (hold)"


class _Served(Leased):
    """Beside the leases, who serves, and since when blocks have been served for the first time."""

    def __init__(self, lingers_us: int, *, meta_object: int) -> None:
        super().__init__(None, lingers_us)
        self._meta_object = meta_object
        self._serving: set[int] = set()
        self._served_us: dict[int, int] = {}

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        super().took(holder, blocks)
        if holder.number in self._serving:
            self._note(holder.kernel.now_us, blocks)

    def returned(self, holder: Holder) -> None:
        super().returned(holder)
        self._serving.add(holder.number)
        self._note(holder.kernel.now_us, list(holder.loaded.values()))

    def lost(self, holder: Holder) -> None:
        super().lost(holder)
        self._serving.discard(holder.number)

    def may_drop(self, holder: Holder, block: Block) -> bool:
        has_own = any(other.index in holder.loaded for other in block.dominated_by)
        return has_own or self._is_replaced(block, holder.kernel.now_us)

    def may_delete(self, block: Block, t_us: int) -> bool:
        return super().may_delete(block, t_us) and self._is_replaced(block, t_us)

    def _is_replaced(self, block: Block, t_us: int) -> bool:
        stored = [b for b in block.dominated_by if b.held >> self._meta_object & 1]
        served_us = (self._served_us.get(other.index, NEVER) for other in stored)
        return not stored or any(since_us < t_us for since_us in served_us)

    def _note(self, now_us: int, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._served_us.setdefault(block.index, now_us)
