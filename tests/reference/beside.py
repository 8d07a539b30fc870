"""Who else deletes from the bucket (rule D19)."""

from __future__ import annotations

from sim.core.units import NEVER
from tests.reference.actors import deletion_order
from tests.reference.scheme import Way
from tests.reference.store import Store
from tests.reference.world import FAULTS, Actor, Steps, World

BEHIND_ALL_FAULTS = 50_000_000


class Lifecycle(Actor):
    """The store, which deletes what is old."""

    def __init__(self, world: World, store: Store, way: Way) -> None:
        super().__init__(world, FAULTS, BEHIND_ALL_FAULTS)
        self.store = store
        self.way = way
        self.spec = way.slots.beside
        world.process(self._live())

    def _live(self) -> Steps:
        number = 1
        while True:
            yield self.turn(number * self.spec.every_us)
            self._look()
            number += 1

    def _look(self) -> None:
        world, store = self.world, self.store
        for block in world.blocks.values():
            for key in map(block.key, deletion_order(world, block)):
                if not store.newest_is_put(key):
                    continue
                if world.now_us - store.versions[key][-1].acknowledged_us < self.spec.after_us:
                    continue
                if block.committed_us < NEVER:
                    self.way.note(block, "lifecycle")
                store.change(key, is_put=False, by_store=True)


def begin_beside(world: World, store: Store, way: Way) -> None:
    """Let whoever else deletes begin, if there is anybody."""
    if way.slots.beside is not None and way.slots.beside.kind == "lifecycle":
        Lifecycle(world, store, way)
