"""A reader lets go of a source only once what replaces it is loaded (S12).

A replacement that fails to load then leaves no gap. The mark of the source still hides it when it
is old enough, so that a reader does not keep it for ever (``SEMANTICS.md`` D8). Source: an idea of
this project; Thanos drops what deduplication hides without looking (pkg/store/bucket.go,
SyncBlocks).
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.model.blocks.catalog import Block
from sim.model.schemes import Holder
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold

__all__ = ["UntilReplaced"]


@register("hold")
class UntilReplaced(Primitive):
    """A reader drops what deduplication hides once a block that contains it is loaded."""

    source: ClassVar = "this project"
    refuses: ClassVar = {"hide": ("gone",)}
    ties_readers: ClassVar = True
    kind: Literal["replacement-loaded"] = Field(
        "replacement-loaded", description="A source stays until what replaces it is loaded."
    )

    def made(self, scenario: Scenario) -> "_UntilReplaced":
        """A rule without memory."""
        return _UntilReplaced()

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """A source that is never let go of."""
        if scenario.store.error_rate or scenario.faults:
            yield "a source stays loaded while its replacement cannot be loaded (hold)"


class _UntilReplaced(NoHold):
    def may_drop(self, holder: Holder, block: Block) -> bool:
        is_hidden_otherwise = not holder.view.is_superseded(block)
        return is_hidden_otherwise or any(b.index in holder.loaded for b in block.dominated_by)
