"""What compactor and cleaner have in common: the sync, the marks, deleting (rules C2-C4)."""

from __future__ import annotations

from dataclasses import dataclass

from sim.core.laws import Constant
from sim.scenario.schema import DeletionMark
from tests.reference import view
from tests.reference.actors import delete
from tests.reference.client import Client, RequestFailed
from tests.reference.store import Store
from tests.reference.world import COMPACTOR, Block, Crashable, Steps, Ticker, World


@dataclass
class Synced:
    """What the last sync found."""

    checked: view.Checked
    blocks: list[Block]
    duplicates: list[Block]


class Cleaner(Crashable):
    """Syncs and deletes marked blocks on its own ticker (C2, ``cleanup = "every"``)."""

    def __init__(self, world: World, store: Store, name: str = "cleaner", number: int = 1) -> None:
        super().__init__(world, COMPACTOR, number)
        self.name = name
        self.store = store
        self.spec = world.scenario.compactor
        self.synced = Synced(view.Checked(), [], [])
        self.forget()

    def forget(self) -> None:
        """Begin with empty memory."""
        self.client = Client(self.world, self.store, self.name)
        self.metas_us: dict[str, int] = {}
        self.marked_us: dict[str, int] = {}

    def live(self, start_us: int) -> Steps:
        """Sync and clean, on a ticker of the cleanup interval."""
        yield self.turn(start_us)
        interval = Constant(value_us=self.spec.cleanup_every_us)
        ticker = Ticker(self.world, interval, start_us, (self.name,))
        while True:
            began_us = self.world.now_us
            try:
                yield from self.sync()
                yield from self.delete_marked()
            except RequestFailed:
                self.world.counts.add("compactor-error")
            yield from self.until(ticker.next_us(began_us, self.world.now_us))

    def sync(self) -> Steps:
        """Read everything at the start, take the view at the end (C2-C4)."""
        begin_us = self.world.now_us
        takes_us = self.world.draw_us(self.spec.sync_takes, self.name, "sync-takes", begin_us)
        try:
            synced, stamps_us = self._read()
        except RequestFailed:
            yield from self.until(begin_us + takes_us)
            raise
        yield from self.until(begin_us + takes_us)
        self.synced = synced
        active = {block.id for block in synced.checked.active}
        self.marked_us = {i: t for i, t in {**stamps_us, **self.marked_us}.items() if i in active}
        if synced.checked.unread:
            raise RequestFailed("meta.json")

    def _read(self) -> tuple[Synced, dict[str, int]]:
        now_us = self.world.now_us
        checked = view.check(self.client, self.client.list_blocks(), self.metas_us)
        blocks = view.old_enough(checked, now_us, self.spec.consistency_delay_us)
        stamps_us: dict[str, int] = {}
        if isinstance(self.world.scheme, DeletionMark):
            stamps_us = view.read_marks(self.client, blocks)
            hide_us = self.world.scheme.delete_delay_us // 2
            blocks = view.not_hidden(blocks, stamps_us, now_us, hide_us)
        duplicates = view.duplicates(blocks)
        return Synced(checked, view.without(blocks, duplicates), duplicates), stamps_us

    def delete_block(self, block: Block) -> Steps:
        """Delete a block's objects (B4); raises RequestFailed."""
        takes_us = self.world.draw_us(self.spec.delete_takes, "compactor", "delete-takes", block.id)
        yield from delete(self, self.client, block, takes_us)

    def delete_marked(self) -> Steps:
        """Delete every block whose remembered mark is older than the delete delay (C4)."""
        for block in self.due():
            yield from self.delete_block(block)

    def due(self) -> list[Block]:
        """Blocks that ``delete_marked`` would delete now, oldest first."""
        if not isinstance(self.world.scheme, DeletionMark):
            return []
        delay_us = self.world.scheme.delete_delay_us
        now_us = self.world.now_us
        due = [i for i, stamp_us in self.marked_us.items() if now_us - stamp_us > delay_us]
        return by_age([self.world.blocks[i] for i in due])


def by_age(blocks: list[Block]) -> list[Block]:
    """Blocks in order of creation (B3)."""
    return sorted(blocks, key=lambda block: block.age_key)
