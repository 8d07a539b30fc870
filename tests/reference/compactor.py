"""The compactor's passes, and the cleaner that may run beside it (rules C)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import simpy

from sim.core.laws import Constant
from sim.core.units import NEVER, US_PER_S, parse_duration
from sim.scenario.schema import DeletionMark

from tests.reference import view
from tests.reference.actors import delete, upload
from tests.reference.client import Client, RequestFailed
from tests.reference.planner import overlapping, plan
from tests.reference.store import Store
from tests.reference.world import COMPACTOR, Block, Crashable, Steps, Ticker, World

PARTIAL_AGE_US = parse_duration("48h")
DOWNSAMPLE_AT_LEAST_US = {1: parse_duration("40h"), 2: parse_duration("10d")}


class Halt(Exception):
    """The compactor stops forever."""


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
        self.metas_us = synced.checked.upload_us
        active = {block.id for block in synced.checked.active}
        self.marked_us = {i: t for i, t in {**stamps_us, **self.marked_us}.items() if i in active}

    def _read(self) -> tuple[Synced, dict[str, int]]:
        now_us = self.world.now_us
        checked = view.check(self.client, self.client.list_blocks(), self.metas_us)
        if checked.unread:
            raise RequestFailed("meta.json")
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
        takes_us = self.world.draw_us(
            self.spec.delete_takes, "compactor", "delete-takes", block.id
        )
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


class Compactor(Cleaner):
    """Compacts, downsamples and retires blocks."""

    def __init__(self, world: World, store: Store) -> None:
        super().__init__(world, store, "compactor", 0)

    def live(self, start_us: int) -> Steps:
        """Passes on a ticker, until a halt (C1)."""
        yield self.turn(start_us)
        ticker = Ticker(self.world, self.spec.wait_interval, start_us, ("compactor",))
        while True:
            began_us = self.world.now_us
            try:
                yield from self._pass()
            except RequestFailed:
                self.world.counts.add("compactor-error")
            except Halt:
                self.world.counts.add("compactor-halt")
                return
            yield from self.until(ticker.next_us(began_us, self.world.now_us))

    def _pass(self) -> Steps:
        while (yield from self._iteration()):
            pass
        if self.spec.downsampling:
            for resolution, at_least_us in DOWNSAMPLE_AT_LEAST_US.items():
                yield from self.sync()
                yield from self._downsample(resolution, at_least_us)
        yield from self.sync()
        yield from self._retention()
        yield from self._partial_cleanup()

    def _iteration(self) -> Generator[simpy.Event, object, bool]:
        """Sync, clean, collect garbage, compact each group at most once (C2).

        Returns whether anything was compacted.
        """
        compacted = False
        yield from self.sync()
        synced = self.synced
        deleted: list[Block] = []
        if self.spec.cleanup == "in-pass":
            deleted = self.due()
            yield from self.delete_marked()
        for block in by_age(view.without(synced.duplicates, deleted)):
            if block.id not in self.marked_us:
                yield from self._retire(block, "garbage")
        for group in sorted({block.group for block in synced.blocks}):
            blocks = [block for block in synced.blocks if block.group == group]
            if len(blocks) < 2:
                continue
            if overlapping(blocks):
                raise Halt
            parents = plan(blocks, self.spec.ranges_us)
            if parents:
                yield from self._compact(parents)
                compacted = True
        if self.spec.cleanup == "end-of-pass":
            yield from self.delete_marked()
        return compacted

    def _compact(self, parents: list[Block]) -> Steps:
        """Download, compact, upload, retire the parents (C8)."""
        created_us = self.world.now_us
        for parent in parents:
            self._download(parent)
        block = self.world.new_block(
            stream=parents[0].stream,
            resolution=parents[0].resolution,
            min_us=min(parent.min_us for parent in parents),
            max_us=max(parent.max_us for parent in parents),
            level=1 + max(parent.level for parent in parents),
            sources=frozenset[int]().union(*(parent.sources for parent in parents)),
            created_us=created_us,
            chunk_files=self.world.scenario.producers.chunk_files,
        )
        draw_us = self.world.draw_us
        takes_us = draw_us(self.spec.compaction_takes, "compactor", "compaction-takes", block.id)
        yield from self.until(created_us + takes_us)
        twins = [
            other
            for other in self.world.blocks.values()
            if other.group == block.group
            and other.sources == block.sources
            and other.committed_us != NEVER
        ]
        try:
            yield from self._upload(block)
        finally:
            if twins and block.committed_us != NEVER:
                self.world.counts.add("duplicate-compaction")
        for parent in by_age(parents):
            yield from self._retire(parent, "compacted")

    def _download(self, parent: Block) -> None:
        listed = set(self.client.list_keys_of(parent))
        for key in map(parent.key, parent.objects):
            if key not in listed:
                raise Halt
            if self.client.get(key) is None:
                raise RequestFailed(key)

    def _upload(self, block: Block) -> Steps:
        law = self.spec.upload_takes
        takes_us = self.world.draw_us(law, "compactor", "upload-takes", block.id)
        yield from upload(self, self.client, block, takes_us)

    def _retire(self, block: Block, why: str) -> Steps:
        """Declare a block obsolete the way the scheme does (C9)."""
        if not isinstance(self.world.scheme, DeletionMark):
            self._note_retired(block, why)
            yield from self.delete_block(block)
            return
        key = block.key("deletion-mark.json")
        if self.client.head(key) is None:
            now_us = self.world.now_us
            try:
                self.client.put(key, now_us - now_us % US_PER_S)
            finally:
                if self.store.newest_is_put(key):
                    self._note_retired(block, why)

    def _note_retired(self, block: Block, why: str) -> None:
        if block.retired_us == NEVER:
            block.retired_us = self.world.now_us
            block.retired_why = why

    def _downsample(self, resolution: int, at_least_us: int) -> Steps:
        """Make every long block of the finer resolution a coarser one (C12)."""
        have = [(b.stream, b.sources) for b in self.synced.blocks if b.resolution == resolution]
        jobs = [
            block
            for block in self.synced.blocks
            if block.resolution == resolution - 1
            and block.max_us - block.min_us >= at_least_us
            and (block.stream, block.sources) not in have
        ]
        for parent in by_age(jobs):
            created_us = self.world.now_us
            block = self.world.new_block(
                stream=parent.stream,
                resolution=resolution,
                min_us=parent.min_us,
                max_us=parent.max_us,
                level=1 + parent.level,
                sources=parent.sources,
                created_us=created_us,
                chunk_files=self.world.scenario.producers.chunk_files,
            )
            law = self.spec.downsampling_takes
            identity = ("compactor", "downsampling-takes", block.id)
            yield from self.until(created_us + self.world.draw_us(law, *identity))
            yield from self._upload(block)

    def _retention(self) -> Steps:
        """Retire every block that is too old for its resolution (C10)."""
        now_us = self.world.now_us
        keep_us = self.spec.retention_us
        expired = [
            block
            for block in self.synced.blocks
            if keep_us[block.resolution] > 0
            and block.max_us + keep_us[block.resolution] < now_us
            and block.id not in self.marked_us
        ]
        for block in by_age(expired):
            yield from self._retire(block, "retention")

    def _partial_cleanup(self) -> Steps:
        """Delete what is left of blocks without meta.json, once it is old (C11)."""
        now_us = self.world.now_us
        aborted = [
            block
            for block in self.synced.checked.partial
            if block.id not in self.marked_us
            and now_us - self._newest_put_us(block) > PARTIAL_AGE_US
        ]
        for block in by_age(aborted):
            yield from self.delete_block(block)

    def _newest_put_us(self, block: Block) -> int:
        return max(
            version.acknowledged_us
            for name in (*block.objects, "deletion-mark.json")
            for version in self.store.versions.get(block.key(name), [])
            if version.is_put
        )


def by_age(blocks: list[Block]) -> list[Block]:
    """Blocks in order of creation (B3)."""
    return sorted(blocks, key=lambda block: block.age_key)
