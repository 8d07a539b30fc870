"""Deletion after a delay, counted from the record or from the block's creation.

By the clock of the record it is the delete delay of Thanos (PR 2136). By the clock of the creation
it is what a writer can do that cannot ask when a block was retired: a block older than the delay
then goes at once (thanos proposal 201901, rule 8). ``SEMANTICS.md`` D3.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sim.core.arrays import Ints, np
from sim.core.units import NEVER
from sim.scenario.language.primitives import Deletes, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.schemes import Record
    from sim.model.views.view import View

__all__ = ["After"]


@register("delete")
class After(Deletes):
    """The objects go once the block has been retired, or exists, for longer than a delay."""

    source: ClassVar = "thanos-io/thanos PR 2136; proposal 201901"
    refuses: ClassVar = {"record": ("nothing",)}
    kind: Literal["after"] = Field("after", description="After a delay.")
    delay: Duration = Field(description="How long a retired block is kept.")
    counted_from: Literal["record", "creation"] = Field(
        "record", description="When the delay begins: the block is retired, or was made."
    )

    @property
    def delay_us(self) -> int:
        """From retirement to deletion; nothing where it is counted from the creation."""
        return self.delay if self.counted_from == "record" else 0

    @property
    def is_computable(self) -> bool:
        """Marks say when a delay begins; a creation does not wait for passes."""
        return self.counted_from == "record" and self.rate_per_s is None

    def due_us(self, retired_us: Ints, created_us: Ints, commits_us: Ints) -> Ints:
        """After the delay, and not before they are retired."""
        if self.counted_from == "record":
            return super().due_us(retired_us, created_us, commits_us)
        return np.maximum(retired_us, created_us + self.delay)

    def made(self, scenario: Scenario) -> "_After":
        """The delay as a rule."""
        return _After(self.delay, counts_from_creation=self.counted_from == "creation")


@dataclass(frozen=True, slots=True)
class _After:
    own_us: int
    counts_from_creation: bool
    is_immediate: ClassVar = False

    def due(self, record: "Record", view: "View", now_us: int) -> "list[Block]":
        clock_us = view.client.clock_us(now_us)
        if not self.counts_from_creation:
            return record.due(view, clock_us - self.own_us)
        known = record.due(view, NEVER)
        return [block for block in known if block.created_us < clock_us - self.own_us]
