"""Who else deletes from the bucket (rules D19, D24)."""

from __future__ import annotations

from contextlib import suppress

from sim.core.laws import Constant
from sim.core.units import NEVER, format_duration
from sim.scenario.schema import DeletionMark
from tests.reference.actors import Exit, deletion_order
from tests.reference.cleaner import Process
from tests.reference.client import Client, RequestFailed
from tests.reference.operator import CleaningTool
from tests.reference.scheme import Way
from tests.reference.store import Store
from tests.reference.world import FAULTS, OPERATOR, Actor, Steps, Ticker, World

BEHIND_ALL_FAULTS = 50_000_000
AFTER_PEOPLE = 1_000_000


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


class CleaningJob(Actor):
    """Another process, which cleans up at intervals (D24)."""

    def __init__(self, world: World, store: Store, way: Way) -> None:
        super().__init__(world, OPERATOR, AFTER_PEOPLE)
        self.store = store
        self.spec = way.slots.beside
        self.client = Client(world, store, "operator/cleanup")
        world.process(self._live())

    def _live(self) -> Steps:
        world = self.world
        first_us = self.spec.every_us
        ticker = Ticker(world, Constant(value_us=first_us), first_us, ())
        due_us = first_us
        while True:
            yield from self.until(due_us)
            began_us = world.now_us
            with suppress(RequestFailed, Exit):
                yield from self._tool().once()
            due_us = ticker.next_us(began_us, world.now_us)

    def _tool(self) -> CleaningTool:
        delay = {"delete_delay": format_duration(self.spec.delete_delay_us)}
        scheme = DeletionMark.model_validate({"name": "own", "kind": "deletion-mark", **delay})
        tool = CleaningTool(Process(self.world, self.store, scheme), self.client)
        tool.number = AFTER_PEOPLE
        if self.spec.partial_age_us is not None:
            tool.spec = tool.spec.model_copy(update={"partial_age_us": self.spec.partial_age_us})
        return tool


def begin_beside(world: World, store: Store, way: Way) -> None:
    """Let whoever else deletes begin, if there is anybody."""
    kinds = {"lifecycle": Lifecycle, "cleanup": CleaningJob}
    if way.slots.beside is not None and way.slots.beside.kind in kinds:
        kinds[way.slots.beside.kind](world, store, way)
