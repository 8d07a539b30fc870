"""Nothing is deleted that a reader holds (S7).

A reader holds what it has loaded, and says so before it answers from it. What holds survives the
reader: one that went down without a word holds on, until it is back, or until its lease ends
(``SEMANTICS.md`` D7). Who counts references also waits for the queries under way (``lingers``,
D20). Sources: thanos proposal 201901, external coordination; Gray and Cheriton, Leases, SOSP 1989;
Prometheus, tsdb/block.go, Close.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = ["Leased", "Leases"]


@register("hold")
class Leases(Primitive):
    """A block that is due stays for as long as some reader holds it."""

    source: ClassVar = "thanos proposal 201901; Gray and Cheriton, SOSP 1989"
    ties_readers: ClassVar = True
    kind: Literal["leases"] = Field("leases", description="What a reader holds stays.")
    lasts_us: Duration | None = Field(
        None,
        alias="lasts",
        description="How long a reader that went down holds on; else until it is back.",
    )
    lingers_us: Duration = Field(
        "0s",
        validate_default=True,
        alias="lingers",
        description="How long a reader holds on to what it has dropped, for queries under way.",
    )

    def made(self, scenario: Scenario) -> "Leased":
        """Nobody holds anything yet."""
        return Leased(self.lasts_us, self.lingers_us)


class Leased(NoHold):
    """Per block, who holds it; a reader that is up holds it without an end."""

    def __init__(self, lasts_us: int | None, lingers_us: int) -> None:
        self._lasts_us = lasts_us
        self._lingers_us = lingers_us
        self._until_us: dict[int, dict[int, int]] = {}
        self._held_by: dict[int, set[int]] = {}
        self._lingering_us: dict[int, int] = {}

    def took(self, holder: Holder, blocks: Sequence[Block]) -> None:
        held = self._held_by.setdefault(holder.number, set())
        for block in blocks:
            self._until_us.setdefault(block.index, {})[holder.number] = NEVER
            held.add(block.index)

    def let_go(self, holder: Holder, blocks: Sequence[Block]) -> None:
        self._release(holder.number, {block.index for block in blocks})
        if self._lingers_us:
            until_us = holder.kernel.now_us + self._lingers_us
            self._lingering_us.update((block.index, until_us) for block in blocks)

    def lost(self, holder: Holder) -> None:
        if self._lasts_us is not None:
            until_us = holder.kernel.now_us + self._lasts_us
            for index in self._held_by.get(holder.number, ()):
                self._until_us[index][holder.number] = until_us

    def returned(self, holder: Holder) -> None:
        """It holds what it has loaded, and nothing of its life before."""
        number = holder.number
        self._release(number, self._held_by.get(number, set()) - set(holder.loaded))

    def may_delete(self, block: Block, t_us: int) -> bool:
        return self._lingering_us.get(block.index, 0) <= t_us and all(
            until_us <= t_us for until_us in self._until_us.get(block.index, {}).values()
        )

    def _release(self, number: int, indices: set[int]) -> None:
        for index in indices:
            self._until_us[index].pop(number, None)
        self._held_by.get(number, set()).difference_update(indices)
