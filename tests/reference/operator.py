"""Whoever acts on the bucket with tools (rules O)."""

from __future__ import annotations

from contextlib import suppress

from sim.core.units import NEVER, US_PER_S
from sim.scenario.language.interventions import (
    BreakMark,
    Choice,
    CleanUp,
    DeleteBlocks,
    ExcludeBlocks,
    Intervention,
    MarkBlocks,
    RewriteBlocks,
    UnmarkBlocks,
    UploadBlocks,
)
from tests.reference import view
from tests.reference.actors import Exit, delete, download, upload
from tests.reference.cleaner import Job, Process
from tests.reference.client import Client, RequestFailed
from tests.reference.store import UNREADABLE_US, Store
from tests.reference.world import OPERATOR, RESOLUTIONS, Actor, Block, Steps, World


class Operator(Actor):
    """Does one thing after the other, by time, then by the order of the file (O1)."""

    def __init__(self, world: World, store: Store) -> None:
        super().__init__(world, OPERATOR, 0)
        self.store = store
        self.spec = world.scenario.compactor
        self.client = Client(world, store, "operator")
        world.process(self._live())

    def _live(self) -> Steps:
        plan = [
            (self.world.draw_us(one.at, "intervention", i, "at"), i, one)
            for i, one in enumerate(self.world.scenario.interventions or ())
        ]
        yield self.turn(0)
        for at_us, _, intervention in sorted(plan, key=lambda row: row[:2]):
            yield from self.until(at_us)
            with suppress(RequestFailed, Exit):
                yield from self._carry_out(intervention)

    def _carry_out(self, intervention: Intervention) -> Steps:
        if isinstance(intervention, CleanUp):
            process = Process(self.world, self.store, intervention.scheme)
            yield from CleaningTool(process, self.client).once()
            return
        if isinstance(intervention, UploadBlocks):
            yield from self._from_elsewhere(intervention)
            return
        for block in self._candidates(intervention):
            key = block.key("deletion-mark.json")
            if isinstance(intervention, MarkBlocks):
                is_done = self._mark(block)
            elif isinstance(intervention, UnmarkBlocks):
                is_done = self.client.head(key) is not None
                if is_done and self.store.newest_is_put(key):
                    self.client.delete(key)
            elif isinstance(intervention, BreakMark):
                self._put_mark(block, UNREADABLE_US)
                is_done = True
            elif isinstance(intervention, ExcludeBlocks):
                is_done = self._exclude(block)
            elif isinstance(intervention, RewriteBlocks):
                yield from self._rewrite(block)
                if intervention.marks_old:
                    self._mark(block)
                is_done = True
            else:
                assert isinstance(intervention, DeleteBlocks)
                self._note_retired(block)
                yield from self._delete(block)
                if intervention.leaves_mark:
                    self._mark(block)
                is_done = True
            if is_done and intervention.which != "all":
                return

    def _candidates(self, choice: Choice) -> list[Block]:
        """What the bucket shows now of what is named (O2); raises RequestFailed."""
        now_us = self.client.clock_us(self.world.now_us)
        checked = view.check(self.client, self.client.list_blocks(), {})
        named = [
            block
            for block in checked.active
            if choice.stream in ("all", block.stream)
            and choice.level in ("any", block.level)
            and choice.resolution in ("any", RESOLUTIONS[block.resolution])
            and now_us - block.max_us >= choice.older_than_us
        ]
        named.sort(key=lambda block: (block.min_us, block.age_key))
        return named[::-1] if choice.which == "newest" else named

    def _mark(self, block: Block) -> bool:
        """Mark a block unless it has a mark (O3)."""
        if self.client.head(block.key("deletion-mark.json")) is not None:
            return False
        now_us = self.client.clock_us(self.world.now_us)
        self._put_mark(block, now_us - now_us % US_PER_S)
        return True

    def _exclude(self, block: Block) -> bool:
        """Keep a block from being compacted unless it has a mark that says so (O11)."""
        key = block.key("no-compact-mark.json")
        if self.client.head(key) is not None:
            return False
        now_us = self.client.clock_us(self.world.now_us)
        self.client.put(key, now_us - now_us % US_PER_S)
        return True

    def _put_mark(self, block: Block, stamp_us: int) -> None:
        key = block.key("deletion-mark.json")
        try:
            self.client.put(key, stamp_us)
        finally:
            if self.store.newest_is_put(key):
                self._note_retired(block)

    def _rewrite(self, old: Block) -> Steps:
        """Write a block anew; the new one names itself (O9)."""
        world, spec = self.world, self.spec
        identity = ("operator", "download-takes", world.now_us)
        takes_us = world.draw_us(spec.download_takes, *identity)
        if (yield from download(self, self.client, [old], takes_us)):
            raise Exit
        block = world.new_block(
            stream=old.stream,
            resolution=old.resolution,
            min_us=old.min_us,
            max_us=old.max_us,
            level=old.level,
            sources=None,
            data=old.data,
            created_us=self.client.clock_us(world.now_us),
            chunk_files=world.scenario.producers.chunk_files,
            size_bytes=old.bytes,
            by_hand=True,
        )
        takes_us = world.draw_us(spec.compaction_takes, "compactor", "compaction-takes", block.id)
        yield from self.until(world.now_us + takes_us)
        yield from self._upload(block)

    def _from_elsewhere(self, choice: UploadBlocks) -> Steps:
        """Upload level-1 blocks that no producer of the bucket made (O10)."""
        length_us = self.world.scenario.producers.block_length_us
        now_us = self.client.clock_us(self.world.now_us)
        ended: list[int] = []
        while now_us - (len(ended) + 1) * length_us >= choice.older_than_us:
            ended.append(len(ended))
        if choice.which != "all" and ended:
            ended = [ended[-1] if choice.which == "newest" else ended[0]]
        for j in ended:
            block = self.world.new_block(
                stream=choice.stream,
                resolution=0,
                min_us=j * length_us,
                max_us=(j + 1) * length_us,
                level=1,
                sources=frozenset() if choice.names == "nothing" else None,
                data=frozenset({j}),
                created_us=(j + 1) * length_us,
                chunk_files=self.world.scenario.producers.chunk_files,
                by_hand=True,
            )
            yield from self._upload(block)

    def _upload(self, block: Block) -> Steps:
        law = self.spec.upload_takes
        takes_us = self.world.draw_us(law, "compactor", "upload-takes", block.id)
        yield from upload(self, self.client, block, takes_us)

    def _note_retired(self, block: Block) -> None:
        if block.retired_us == NEVER:
            block.retired_us = self.world.now_us
            block.retired_why = "by-hand"

    def _delete(self, block: Block) -> Steps:
        law = self.spec.delete_takes
        takes_us = self.world.draw_us(law, "compactor", "delete-takes", block.id)
        yield from delete(self, self.client, block, takes_us)


class CleaningTool(Job):
    """One run of the tool that cleans up, with a delay of its own (O7)."""

    def __init__(self, process: Process, client: Client) -> None:
        super().__init__(process, 0)
        self.phase = OPERATOR
        self.name = ""
        process.client = client

    def once(self) -> Steps:
        """Sync, then delete what is partial, and what is marked."""
        yield from self.sync()
        yield from self.clean_partial()
        yield from self.delete_marked()
