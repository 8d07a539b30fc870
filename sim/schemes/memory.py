"""What the writer remembers of its own retirements, and a restart forgets (S1).

Nothing is written to the store. After a restart the sources of a compaction are found again by
garbage collection; of when they were retired nothing is known (``SEMANTICS.md`` D4). Source:
thanos-io/thanos PR 2013 (closed), whose author names the restart as the objection.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.model.blocks.catalog import Block, by_creation
from sim.model.views.view import View
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.schema import Scenario

__all__ = ["Memory"]


@register("record")
class Memory(Primitive):
    """The compactor remembers what it retired, and when, until it is restarted."""

    source: ClassVar = "thanos-io/thanos PR 2013"
    kind: Literal["memory"] = Field("memory", description="The compactor remembers it.")
    found_again: Literal["wait", "at-once"] = Field(
        "wait",
        description="Of a superseded block that it remembers nothing of: wait anew, or let it go.",
    )

    def made(self, scenario: Scenario) -> "_Memory":
        """An empty memory."""
        return _Memory(waits=self.found_again == "wait")

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """A restart, and blocks that nothing but their deletion hides."""
        if any(scenario.compactor.retention_us):
            yield "readers are told nothing of expired blocks (record)"
        if self.found_again == "at-once" and scenario.faults:
            yield "a restart of the compactor forgets what waits (record)"


class _Memory:
    """Of each block that was retired, when: 0 if that is not known."""

    def __init__(self, *, waits: bool) -> None:
        self._waits = waits
        self._known: dict[int, tuple[int, Block]] = {}

    def write(self, block: Block, view: View, t_us: int, why: str) -> None:
        is_known_since = self._waits or why != "garbage"
        self._known.setdefault(block.index, (view.client.clock_us(t_us) * is_known_since, block))

    def is_written(self, block: Block, view: View) -> bool:
        return block.index in self._known

    def due(self, view: View, before_us: int) -> list[Block]:
        store = view.client.store
        due = [block for since_us, block in self._known.values() if since_us < before_us]
        return sorted((block for block in due if store.held_objects(block)), key=by_creation)

    def remembers(self, block: Block) -> bool:
        return block.index in self._known

    def forget(self) -> None:
        self._known.clear()
