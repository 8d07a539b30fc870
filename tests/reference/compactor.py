"""The compactor's passes (rules C)."""

from __future__ import annotations

from collections.abc import Generator

import simpy

from sim.core.laws import Law
from sim.core.units import NEVER, parse_duration
from sim.scenario.schema import Compactor as CompactorSpec
from tests.reference import view
from tests.reference.actors import Exit, delete, download, upload
from tests.reference.cleaner import PASSES, Job, Process, Synced, by_age, delete_takes_us
from tests.reference.client import Client, RequestFailed
from tests.reference.planner import overlapping, plan, share_sources
from tests.reference.scheme import read_committed
from tests.reference.store import Store
from tests.reference.world import COMPACTOR, Actor, Block, Steps

DOWNSAMPLE_AT_LEAST_US = {1: parse_duration("40h"), 2: parse_duration("10d")}

Work = Generator[simpy.Event, object, bool]
"""Steps that return whether something was, or was wrong."""


class Halt(Exception):
    """The passes come to an end."""


class Merging(Actor):
    """Whoever compacts a plan."""

    memory: Process
    spec: CompactorSpec
    store: Store

    @property
    def client(self) -> Client:
        """How the process reads and writes in its present life."""
        return self.memory.client

    def tells_apart(self, parents: list[Block]) -> tuple[str, ...]:
        """What names a download beside its begin (C14, C18)."""
        return ()

    def ask_index_sizes(self, plan: list[Block]) -> None:
        """HEAD the index of each planned block (C7)."""
        if not self.spec.asks_index_size:
            return
        for block in plan:
            try:
                found = self.client.head(block.key("index"))
            except RequestFailed:
                raise Exit from None
            if found is None:
                raise Exit

    def compact(self, parents: list[Block]) -> Steps:
        """Download, compact, upload, retire the parents (C8)."""
        if (yield from self.download(parents)):
            raise Halt
        created_us = self.world.now_us
        block = self.world.new_block(
            stream=parents[0].stream,
            resolution=parents[0].resolution,
            min_us=min(parent.min_us for parent in parents),
            max_us=max(parent.max_us for parent in parents),
            level=1 + max(parent.level for parent in parents),
            sources=frozenset[int | str]().union(*(parent.sources for parent in parents)),
            data=frozenset[int]().union(*(parent.data for parent in parents)),
            created_us=self.client.clock_us(created_us),
            chunk_files=self.world.scenario.producers.chunk_files,
            size_bytes=round(sum(parent.bytes for parent in parents) * self.spec.size_ratio),
        )
        draw_us, name = self.world.draw_us, self.memory.name
        takes_us = draw_us(self.spec.compaction_takes, name, "compaction-takes", block.id)
        yield from self.until(created_us + self.slowed_us(takes_us))
        yield from self.upload_counted(block)
        way = self.memory.way
        way.commit(self.client, self.store, [block], by_age(parents), "compacted")
        for parent in by_age(parents):
            yield from self.retire(parent, "compacted")

    def upload_counted(self, block: Block) -> Steps:
        """Upload what was made, and count it if it was there before (C8, C12)."""
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

    def download(self, parents: list[Block]) -> Work:
        law = self.spec.download_takes
        identity = (self.memory.name, "download-takes", self.world.now_us)
        drawn_us = self.world.draw_us(law, *identity, *self.tells_apart(parents))
        return (yield from download(self, self.client, parents, self.slowed_us(drawn_us)))

    def _upload(self, block: Block) -> Steps:
        law = self.spec.upload_takes
        takes_us = self.world.draw_us(law, self.memory.name, "upload-takes", block.id)
        yield from upload(self, self.client, block, self.slowed_us(takes_us))

    def retire(self, block: Block, why: str) -> Steps:
        """Declare a block obsolete the way the scheme does, and delete it if that is at once."""
        self.memory.way.retire(self.client, self.store, block, why)
        if self.memory.way.goes_at_once(self.store, block):
            takes_us = delete_takes_us(self.memory, block)
            yield from delete(self, self.client, block, self.slowed_us(takes_us))


class Worker(Merging):
    """One of several of a compactor (C18)."""

    def __init__(self, job: Compactor, number: int) -> None:
        super().__init__(job.world, COMPACTOR, job.number + number)
        self.name = job.name
        self.memory = job.memory
        self.spec = job.spec
        self.store = job.store

    def tells_apart(self, parents: list[Block]) -> tuple[str, ...]:
        """The first block."""
        return (parents[0].id,)


class Compactor(Job, Merging):
    """Compacts, downsamples and retires blocks."""

    def __init__(self, process: Process) -> None:
        super().__init__(process, PASSES)
        self.done: list[tuple[int, list[str]]] = []

    @property
    def interval(self) -> Law:
        """Between the passes (C1)."""
        return self.spec.wait_interval

    def live(self, start_us: int) -> Steps:
        """Passes, until a halt (C6, C8), and then nothing until the process is started again."""
        try:
            yield from super().live(start_us)
        except Halt:
            self.world.counts.add("compactor-halt")
            yield simpy.Event(self.world)

    def once(self) -> Steps:
        """One pass."""
        yield from self._pass()

    def _pass(self) -> Steps:
        iterations = 1
        while (yield from self._iteration()):
            iterations += 1
            assert iterations < 10_000, "the pass never ends"
        if self.spec.downsampling:
            for resolution, at_least_us in DOWNSAMPLE_AT_LEAST_US.items():
                yield from self.sync()
                yield from self._downsample(resolution, at_least_us)
        yield from self.sync()
        yield from self._retention()
        yield from self.clean_partial()

    def _iteration(self) -> Work:
        """Sync, clean, collect garbage, compact each group at most once (C2).

        Returns whether anything was compacted.
        """
        yield from self.sync()
        deleted: list[Block] = []
        if self.memory.way.cleanup == "in-pass":
            deleted = yield from self.delete_marked()
        memory = self.memory
        garbage = view.without(memory.synced.duplicates, deleted)
        garbage = by_age([block for block in garbage if block.id not in memory.marked_us])
        memory.way.commit(self.client, self.store, [], garbage, "garbage")
        for block in garbage:
            yield from self.retire(block, "garbage")
        # What others sync while groups are worked off is for the next iteration.
        compacted = yield from self._work_off(memory.synced)
        if self.memory.way.cleanup == "end-of-pass":
            yield from self.delete_marked()
        return compacted

    def _work_off(self, synced: Synced) -> Generator[simpy.Event, object, bool]:
        """Give groups to workers, one after the other (C2, C18); whether one was compacted."""
        n = self.spec.concurrency or 1
        workers = [Worker(self, number) if n > 1 else self for number in range(n)]
        waiting = sorted({block.group for block in synced.blocks})
        free = set(range(n))
        under_way: dict[int, tuple[Work, simpy.Event]] = {}
        errors: list[Exception] = []
        results: list[bool] = []

        def go_on(number: int, steps: Work) -> None:
            try:
                under_way[number] = steps, next(steps)
            except StopIteration as end:
                results.append(end.value)
                free.add(number)
            except (Halt, Exit, RequestFailed) as error:
                errors.append(error)

        try:
            while True:
                while free and waiting and not errors:
                    number = min(free)
                    free.remove(number)
                    go_on(number, self._work_on(waiting.pop(0), synced, workers[number]))
                if not under_way:
                    break
                yield simpy.AnyOf(self.world, [event for _, event in under_way.values()])
                number = min(n for n, (_, event) in under_way.items() if event.processed)
                go_on(number, under_way.pop(number)[0])
        finally:
            for steps, _ in under_way.values():
                steps.close()
        for kind in (Halt, Exit, RequestFailed):
            for error in errors:
                if isinstance(error, kind):
                    raise error
        return any(results)

    def _work_on(self, group: tuple[int, int], synced: Synced, worker: Merging) -> Work:
        """Check, plan and compact a group; returns whether it was compacted (C6, C7)."""
        blocks = [block for block in synced.blocks if block.group == group]
        if len(blocks) < 2:
            return False
        merges = self.spec.vertical_compaction and group[1] == 0
        excluded = synced.excluded
        free = [block for block in blocks if block.id not in excluded]
        parents = overlapping(free if merges else blocks)
        if parents and (not merges or share_sources(parents)):
            raise Halt
        if not parents:
            parents = plan(blocks, self.spec.ranges_us, excluded)
        job = (self.world.now_us, [parent.id for parent in parents])
        if not parents or job in self.done:
            return False
        self.done.append(job)
        worker.ask_index_sizes(parents)
        yield from worker.compact(parents)
        return True

    def _downsample(self, resolution: int, at_least_us: int) -> Steps:
        """Make every long block of the finer resolution a coarser one (C12)."""
        coarser = [block for block in self.memory.synced.blocks if block.resolution == resolution]
        jobs = [
            block
            for block in self.memory.synced.blocks
            if block.resolution == resolution - 1
            and block.max_us - block.min_us >= at_least_us
            and not block.sources
            <= frozenset[int | str]().union(
                *(c.sources for c in coarser if c.stream == block.stream)
            )
        ]
        for parent in sorted(jobs, key=lambda block: (block.stream, block.min_us)):
            if (yield from self.download([parent])):
                raise Exit
            created_us = self.world.now_us
            block = self.world.new_block(
                stream=parent.stream,
                resolution=resolution,
                min_us=parent.min_us,
                max_us=parent.max_us,
                level=1 + parent.level,
                sources=parent.sources,
                data=parent.data,
                created_us=self.client.clock_us(created_us),
                chunk_files=self.world.scenario.producers.chunk_files,
                size_bytes=round(parent.bytes * self.spec.size_ratio),
            )
            law = self.spec.downsampling_takes
            identity = (self.memory.name, "downsampling-takes", block.id)
            takes_us = self.slowed_us(self.world.draw_us(law, *identity))
            yield from self.until(created_us + takes_us)
            yield from self.upload_counted(block)
            self.memory.way.commit(self.client, self.store, [block], [], "")

    def _retention(self) -> Steps:
        """Retire every block that is too old for its resolution (C10)."""
        now_us = self.client.clock_us(self.world.now_us)
        keep_us = self.spec.retention_us
        expired = [
            block
            for block in self.memory.synced.blocks
            if keep_us[block.resolution] > 0
            and block.max_us + keep_us[block.resolution] < now_us
            and block.id not in self.memory.marked_us
        ]
        if expired:
            told = read_committed(self.client)
            expired = [b for b in expired if not any(b.id in blocks for blocks, _ in told.values())]
        try:
            self.memory.way.commit(self.client, self.store, [], by_age(expired), "retention")
            for block in by_age(expired):
                yield from self.retire(block, "retention")
        except RequestFailed:
            raise Exit from None
