"""A block is retired by deleting its meta.json; its files go later (S2, S2b).

Without meta.json the block is partial to everybody who lists: readers drop it at their next sync,
whether or not they have what replaces it. Only the writer's memory says since when it waits; after
a restart the rest is taken for an abandoned upload (``SEMANTICS.md`` D5, C11). Source: thanos
proposal 201901, rules 7 and 8; the wait is that of its HealthyOverlapped.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from sim.model.blocks.catalog import Block, by_creation
from sim.model.views.view import View
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.language.values import Duration
from sim.scenario.schema import Scenario

__all__ = ["MetaRemoval"]


@register("record")
class MetaRemoval(Primitive):
    """meta.json is deleted, which hides the block from everybody who lists after that."""

    source: ClassVar = "thanos proposal 201901, rules 7 and 8"
    kind: Literal["meta-removal"] = Field("meta-removal", description="meta.json is deleted.")
    wait_us: Duration = Field(
        "0s",
        validate_default=True,
        alias="wait",
        description="How long a block that is replaced keeps its meta.json meanwhile.",
    )

    def made(self, scenario: Scenario) -> "_MetaRemoval":
        """Nothing is removed yet."""
        return _MetaRemoval(self.wait_us)

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """Readers learn of it at a sync that begins after it, as of a deletion."""
        yield "a block is hidden by what is missing, not by what is there (record)"


class _MetaRemoval:
    """Since when each block waits: to lose its meta.json, and then to go."""

    def __init__(self, wait_us: int) -> None:
        self._wait_us = wait_us
        self._asked_us: dict[int, int] = {}
        self._removed: dict[int, tuple[int, Block]] = {}

    def write(self, block: Block, view: View, t_us: int, why: str) -> None:
        clock_us = view.client.clock_us(t_us)
        if why != "retention":
            since_us = self._asked_us.setdefault(block.index, clock_us)
            if clock_us - since_us < self._wait_us:
                return
        client = view.client
        if client.store.holds(block, client.store.catalog.meta_object):
            client.delete(block, client.store.catalog.meta_object, t_us)
        self._removed.setdefault(block.index, (clock_us, block))

    def is_written(self, block: Block, view: View) -> bool:
        store = view.client.store
        return not store.holds(block, store.catalog.meta_object)

    def due(self, view: View, before_us: int) -> list[Block]:
        store = view.client.store
        due = [block for since_us, block in self._removed.values() if since_us < before_us]
        return sorted((block for block in due if store.held_objects(block)), key=by_creation)

    def remembers(self, block: Block) -> bool:
        return block.index in self._removed

    def forget(self) -> None:
        self._asked_us.clear()
        self._removed.clear()
