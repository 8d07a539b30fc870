"""deletion-mark.json: a block is declared obsolete by an object inside it (S3).

Readers ignore the block from an age of its mark on, and whoever deletes removes it from a later age
on (``SEMANTICS.md`` D2). Source: thanos-io/thanos PR 2136 (v0.12.0); pkg/block/block.go,
MarkForDeletion; pkg/block/fetcher.go, IgnoreDeletionMarkFilter.
"""

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from pydantic import Field

from sim.scenario.language.primitives import Hides, Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario

if TYPE_CHECKING:
    from sim.model.blocks.catalog import Block
    from sim.model.schemes import Hide
    from sim.model.views.view import View

__all__ = ["DeletionMark", "MarkAge"]

_SOURCE: Final = "thanos-io/thanos PR 2136, v0.12.0"


@register("record")
class DeletionMark(Primitive):
    """A deletion-mark.json inside the block, written once, stamped in whole seconds."""

    source: ClassVar = _SOURCE
    refuses: ClassVar = {"hide": ("superseded", "gone", "data-age")}
    kind: Literal["mark"] = Field("mark", description="A deletion-mark.json inside the block.")

    @property
    def is_computable(self) -> bool:
        """A mark says when it was written."""
        return True

    def made(self, scenario: Scenario) -> "DeletionMark":
        """The primitive itself: what it knows stands in the store."""
        return self

    def write(self, block: "Block", view: "View", t_us: int, why: str) -> None:
        """Put the mark unless a HEAD finds one; raises RequestFailed as the client does."""
        view.mark(block, t_us)

    def is_written(self, block: "Block", view: "View") -> bool:
        """Whether the block counts as retired: it does once its mark is in the store."""
        store = view.client.store
        return store.holds(block, store.catalog.mark_object)

    def due(self, view: "View", before_us: int) -> "list[Block]":
        """Blocks whose mark, as ``view`` knows it, was stamped before ``before_us``."""
        return view.due(before_us)

    def remembers(self, block: "Block") -> bool:
        """Nothing stands in anybody's memory."""
        return False

    def forget(self) -> None:
        """There is nothing to forget."""


@register("hide")
class MarkAge(Hides):
    """A component ignores a block whose mark is older than a delay."""

    source: ClassVar = _SOURCE
    refuses: ClassVar = {"record": ("nothing", "memory", "meta-removal")}
    kind: Literal["mark-age"] = Field("mark-age", description="When its mark is old enough.")
    after_us: Duration = Field(alias="after", description="Age of a mark, for gateways.")
    compactor_us: Duration | None = Field(
        None, alias="compactor", description="Age of a mark, for the compactor; else as gateways."
    )
    keeps_superseded: bool | None = Field(
        None, description="Gateways keep what another block contains until its mark hides it."
    )

    @property
    def mark_age_us(self) -> int:
        """Age of a mark from which gateways ignore the block."""
        return self.after_us

    @property
    def keeps_what_is_replaced(self) -> bool:
        """Until its mark hides it, if that is asked for."""
        return bool(self.keeps_superseded)

    @property
    def is_computable(self) -> bool:
        """Gateways that look for replacements stop at the first of two instants."""
        return not self.keeps_superseded

    def made(self, scenario: Scenario) -> "Hide":
        """The two ages."""
        from sim.model.schemes import Hide

        own_us = self.after_us if self.compactor_us is None else self.compactor_us
        return Hide(
            gateways_us=self.after_us,
            compactor_us=own_us,
            keeps_superseded=self.keeps_what_is_replaced,
        )
