"""The compactor's process, and its jobs beside the passes (rules C2-C4, C11, C13, C15)."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from math import floor

import simpy

from sim.core.laws import Constant, Law
from sim.core.units import parse_duration
from sim.scenario.language.interventions import ExcludeBlocks
from sim.scenario.schema import SchemeSpec
from tests.reference import view
from tests.reference.actors import Exit, delete, deletion_order
from tests.reference.client import Client, RequestFailed
from tests.reference.scheme import Way
from tests.reference.store import Store
from tests.reference.world import COMPACTOR, OPERATOR, Block, Crashable, Steps, Ticker, World

PASSES, PROGRESS, CLEANING, READING = range(4)
"""The jobs, and a sync under way, in the order in which they act at one instant (T2)."""

COMPACTORS_AT_MOST = 1000
"""As many may have one job each, and act in their order (C16)."""

WORKERS_AT_MOST = 1000
"""As many may one job have, which act in their order (C18)."""


@dataclass
class Synced:
    """What the last sync found."""

    checked: view.Checked
    blocks: list[Block]
    duplicates: list[Block]
    excluded: set[str]


@dataclass
class Flight:
    """A sync that somebody began, and that others wait for too."""

    end_us: int
    failed: bool = False


class Process:
    """All jobs of one process, and what they know; the victim of a crash."""

    def __init__(
        self,
        world: World,
        store: Store,
        scheme: SchemeSpec | None = None,
        number: int | None = None,
    ) -> None:
        self.world = world
        self.store = store
        self.way = Way(world, scheme or world.scheme, store)
        self.number = number
        self.name = "compactor" if number is None else f"compactor/{number}"
        self.jobs: list[Job] = []
        self.forget()

    def start(self) -> None:
        """Begin the first life."""
        for job in self.jobs:
            job.start(0)

    def forget(self) -> None:
        """Begin with empty memory."""
        self.client = Client(self.world, self.store, self.name)
        self.metas_us: dict[str, int] = {}
        self.marked_us: dict[str, int] = {}
        self.synced = Synced(view.Checked(), [], [], set())
        self.partial: list[Block] = []
        self.flight: Flight | None = None
        self.is_cleaning = False
        self.way.forget()

    def crash(self, until_us: int) -> None:
        """Stop every job at once, until ``until_us``."""
        self.forget()
        for job in self.jobs:
            job.crash(until_us)

    def exit(self, by: Job) -> int:
        """End with one job; when the next life begins (C15)."""
        now_us = self.world.now_us
        law = self.world.scenario.compactor.restart_after
        next_us = now_us + self.world.draw_us(law, self.name, "restart-after", now_us)
        self.forget()
        for job in self.jobs:
            if job is not by:
                job.restart(next_us)
        return next_us

    def works_on(self, block: Block) -> bool:
        """Whether the block is of its shard (C16)."""
        spec = self.world.scenario.compactor
        shards = spec.shards or spec.count or 1
        return self.number is None or block.stream % shards == self.number % shards


class Job(Crashable):
    """One of the jobs of the compactor's process."""

    is_counted = True

    def __init__(self, process: Process, number: int) -> None:
        turn = number * COMPACTORS_AT_MOST + (process.number or 0)
        super().__init__(process.world, COMPACTOR, turn * WORKERS_AT_MOST)
        self.memory = process
        self.name = process.name
        self.spec = process.world.scenario.compactor
        self.store = process.store
        process.jobs.append(self)

    @property
    def client(self) -> Client:
        """How the process reads and writes in its present life."""
        return self.memory.client

    @property
    def interval(self) -> Law:
        """Between the ticks of the job."""
        raise NotImplementedError

    def forget(self) -> None:
        """The process forgets for all its jobs."""

    def drag_down(self, until_us: int) -> None:
        """The whole process crashes with one of its jobs."""
        self.memory.forget()
        for job in self.memory.jobs:
            if job is not self:
                job.crash(until_us)

    def once(self) -> Steps:
        """What is done at a tick."""
        raise NotImplementedError

    def live(self, start_us: int) -> Steps:
        """Work on a ticker, anew whenever the process ends (C15)."""
        while True:
            try:
                yield from self._tick(start_us)
            except Exit:
                self.world.counts.add("compactor-error")
                start_us = self.memory.exit(self)

    def _tick(self, start_us: int) -> Steps:
        self.memory.way.held.began_us = start_us
        yield self.turn(start_us)
        ticker = Ticker(self.world, self.interval, start_us, (self.memory.name,))
        while True:
            began_us = self.world.now_us
            try:
                self._check_clock()
                yield from self.once()
            except RequestFailed:
                if self.is_counted:
                    self.world.counts.add("compactor-error")
            yield from self.until(ticker.next_us(began_us, self.world.now_us))

    def _check_clock(self) -> None:
        """Refuse the tick if the store seems to have another clock (C19)."""
        guard_us = self.spec.clock_guard_us
        if guard_us is None or not self.is_counted:
            return
        key = "clock." + self.memory.name.replace("/", ".")
        self.client.put(key, self.world.now_us)
        version = self.client.head(key)
        shown_us = self.client.clock_us(self.world.now_us)
        if version is None or abs(shown_us - version.acknowledged_us) > guard_us:
            raise RequestFailed(key)

    def sync(self) -> Steps:
        """Sync, or wait for the sync under way (C2-C4)."""
        memory = self.memory
        flight = memory.flight
        if flight is None or flight.end_us <= self.world.now_us:
            begin_us = self.world.now_us
            law, limit_us = self.spec.sync_takes, self.spec.sync_timeout_us
            drawn_us = self.world.draw_us(law, self.client.name, "sync-takes", begin_us)
            takes_us = self.slowed_us(drawn_us)
            if limit_us > 0 and takes_us > limit_us:
                flight = memory.flight = Flight(self.taken_us(begin_us + limit_us), failed=True)
            else:
                flight = memory.flight = Flight(self.taken_us(begin_us + takes_us))
                try:
                    yield from self._read_all(begin_us, takes_us)
                except RequestFailed:
                    flight.failed = True
        yield from self.until(flight.end_us)
        if flight.failed:
            raise RequestFailed("sync")

    def _read_all(self, begin_us: int, takes_us: int) -> Steps:
        """Read stage by stage; a sync of several instants comes last at each of them (C3)."""
        memory, stages = self.memory, self.spec.sync_stages
        check_us = self.taken_us(begin_us + floor(takes_us * stages.check))
        marks_us = self.taken_us(begin_us + floor(takes_us * stages.marks))
        if marks_us > begin_us:
            yield self._reads(begin_us)
        listed = self.client.list_blocks()
        behind = self._marked_behind_meta(listed)
        if check_us > begin_us:
            yield self._reads(check_us)
        checked = view.check(self.client, listed, memory.metas_us)
        both = [block for block in checked.active if block in behind]
        checked.active = [block for block in checked.active if memory.works_on(block)]
        blocks = view.old_enough(
            checked, self.client.clock_us(check_us), self.spec.consistency_delay_us
        )
        if marks_us > check_us:
            yield self._reads(marks_us)
        orphans: list[Block] = []
        if memory.way.has_manifest:
            orphans = [block for block in checked.active if not memory.way.was_listed(block)]
            checked.active = [block for block in checked.active if memory.way.is_listed(block)]
            blocks = [block for block in blocks if memory.way.is_listed(block)]
        excluded = self._read_no_compact(blocks)
        stamps_us: dict[str, int] = {}
        hide_us = self.memory.way.hide_us(is_gateway=False)
        if hide_us is not None:
            stamps_us = view.read_marks(self.client, blocks)
            blocks = view.not_hidden(blocks, stamps_us, self.client.clock_us(marks_us), hide_us)
        duplicates = view.duplicates(blocks)
        memory.synced = Synced(checked, view.without(blocks, duplicates), duplicates, excluded)
        active = {block.id for block in checked.active}
        known_us = {**stamps_us, **(memory.marked_us if self.spec.remember_marks else {})}
        memory.marked_us = {i: t for i, t in known_us.items() if i in active}
        partial = checked.partial + both + orphans
        if checked.unread or (partial and self.spec.without_meta == "fails"):
            raise RequestFailed("meta.json")
        memory.partial = partial

    def _read_no_compact(self, blocks: list[Block]) -> set[str]:
        """Blocks that are kept from being compacted (C17); raises RequestFailed."""
        by_hand = self.world.scenario.interventions or ()
        if self.name != "" and any(isinstance(one, ExcludeBlocks) for one in by_hand):
            return view.read_no_compact(self.client, blocks)
        return set()

    def _marked_behind_meta(self, listed: list[Block]) -> list[Block]:
        """Blocks whose listing shows a no-compact mark, where that is taken amiss (C17)."""
        if not self.spec.marked_are_partial:
            return []
        return [b for b in listed if self.client.lists(b.key("no-compact-mark.json"))]

    def _reads(self, at_us: int) -> simpy.Event:
        """Its turn among the syncs under way (T2, C16)."""
        return self.world.at(at_us, OPERATOR, READING + (self.memory.number or 0))

    def delete_block(self, block: Block) -> Steps:
        """Delete a block's objects (B4); raises RequestFailed."""
        yield from delete(self, self.client, block, self.delete_takes_us(block))

    def delete_takes_us(self, block: Block) -> int:
        """How long the deletion of a block takes (B4, D18)."""
        return self.slowed_us(delete_takes_us(self.memory, block))

    def delete_marked(self) -> Generator[simpy.Event, object, list[Block]]:
        """Delete every block whose remembered mark is older than the delete delay (C4)."""
        due = self.due()
        waiting = list(due)
        under_way: list[Deletion] = []
        workers = 1 if self.memory.way.slots.delete.rate_per_s else self.spec.delete_workers
        is_broken = False
        while waiting or under_way:
            while waiting and len(under_way) < workers:
                under_way.append(Deletion(self, waiting.pop(0)))
            first = min(under_way, key=lambda deletion: deletion.next_us)
            yield from self.until(first.next_us)
            try:
                first.go_on()
            except RequestFailed:
                is_broken = True
                under_way.remove(first)
            else:
                under_way = [deletion for deletion in under_way if deletion.keys]
        if is_broken:
            raise Exit
        memory = self.memory
        memory.way.publish(self.client, self.store, memory.metas_us, memory.marked_us)
        return due

    def due(self) -> list[Block]:
        """Blocks that ``delete_marked`` would delete now, oldest first."""
        due = self.memory.way.due(self.client, self.store, self.memory.marked_us)
        if due:
            self.memory.way.look(self.client)
        return by_age([block for block in due if self.memory.way.may_delete(block)])

    def clean_partial(self) -> Steps:
        """Delete what is left of blocks without meta.json, once it is old (C11)."""
        memory = self.memory
        if memory.is_cleaning:
            return
        memory.is_cleaning = True
        for block in by_age(memory.partial):
            known = (memory.marked_us, memory.way.retired_us, memory.way.left_out)
            is_retired = any(block.id in some for some in known)
            try:
                if is_retired or not self._is_abandoned(block):
                    continue
                if self.spec.partial_cleanup == "mark":
                    self._mark(block)
                else:
                    yield from self.delete_block(block)
            except RequestFailed:
                continue
        memory.is_cleaning = False

    def _mark(self, block: Block) -> None:
        """As Thanos 0.12.0 did with partial blocks; such a block does not count as retired."""
        key = block.key("deletion-mark.json")
        if self.client.head(key) is None:
            self.client.put(key, self.client.clock_us(self.world.now_us) // 1_000_000 * 1_000_000)

    def _is_abandoned(self, block: Block) -> bool:
        names = [*block.objects, "deletion-mark.json", "no-compact-mark.json"]
        keys = [key for key in map(block.key, names) if self.store.newest_is_put(key)]
        if not keys:
            return False
        since_us = block.created_us
        if self.spec.partial_age_from == "modified":
            since_us = max(self.store.versions[key][-1].acknowledged_us for key in keys)
        if self.spec.partial_age_from == "listed":
            now_us, replica = self.world.now_us, self.client.replica("list", "")
            listed = self.client.list_keys_of(block)
            shown = [self.store.shown(key, "list", replica, now_us) for key in listed]
            times_us = [version.acknowledged_us for version in shown if version is not None]
            if not times_us:
                return False
            since_us = max(times_us)
        return self.client.clock_us(self.world.now_us) - since_us > self.spec.partial_age_us


class Deletion:
    """The deletion of one block, by one of several workers (B4)."""

    def __init__(self, job: Job, block: Block) -> None:
        self.client = job.client
        world, takes_us = job.world, job.delete_takes_us(block)
        names = deletion_order(world, block)
        held = [key for key in map(block.key, names) if job.store.newest_is_put(key)]
        begin_us = world.now_us
        self.keys = [(begin_us + (i + 1) * takes_us // len(held), k) for i, k in enumerate(held)]
        self.begin_us = begin_us

    @property
    def next_us(self) -> int:
        """When its next object goes; at once if there is none."""
        return self.keys[0][0] if self.keys else self.begin_us

    def go_on(self) -> None:
        """Delete what is due with the next object; raises RequestFailed."""
        at_us = self.next_us
        while self.keys and self.keys[0][0] == at_us:
            _, key = self.keys.pop(0)
            store = self.client.store
            if store.newest_is_put(key) or store.refuses_absent:
                self.client.delete(key)


class Cleaner(Job):
    """Syncs and deletes on a ticker of its own (``cleanup = "every"``)."""

    @property
    def interval(self) -> Law:
        """The cleanup interval."""
        return Constant(value_us=parse_duration(self.memory.way.cleanup.removeprefix("every ")))

    def once(self) -> Steps:
        """Sync, then delete what is partial, and what is marked."""
        yield from self.sync()
        yield from self.clean_partial()
        yield from self.delete_marked()


class Sweeper(Job):
    """Deletes partial blocks on a ticker of its own (``cleanup_interval``)."""

    @property
    def interval(self) -> Law:
        """The interval of partial cleanups."""
        return Constant(value_us=self.spec.cleanup_interval_us)

    def once(self) -> Steps:
        """Delete by what the last sync found."""
        yield from self.clean_partial()


class Progress(Job):
    """Syncs on a ticker of its own (``progress_interval``)."""

    is_counted = False

    @property
    def interval(self) -> Law:
        """The interval of progress syncs."""
        return Constant(value_us=self.spec.progress_interval_us)

    def once(self) -> Steps:
        """Sync."""
        yield from self.sync()


def delete_takes_us(process: Process, block: Block) -> int:
    """How long the deletion of a block takes whoever is not slowed down (B4, D18)."""
    limited_us = process.way.limited_us(process.store, block)
    if limited_us is not None:
        return limited_us
    law = process.world.scenario.compactor.delete_takes
    return process.world.draw_us(law, process.name, "delete-takes", block.id)


def by_age(blocks: list[Block]) -> list[Block]:
    """Blocks in order of creation (B3)."""
    return sorted(blocks, key=lambda block: block.age_key)
