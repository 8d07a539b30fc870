"""Uploads, deletions, producers and faults (rules B2, B4, P, and the fault kinds)."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import count
from typing import Protocol

import simpy

from sim.core.units import NEVER
from sim.scenario.schema import Producers as ProducersSpec
from tests.reference.client import Client, RequestFailed
from tests.reference.scheme import Way
from tests.reference.store import Store
from tests.reference.world import (
    FAULTS,
    PRODUCERS,
    Actor,
    Block,
    Crashable,
    Steps,
    World,
)


def kept_locally_us(spec: ProducersSpec) -> int:
    """How long a producer answers for a block after its end (P4)."""
    kept_us = [spec.local_retention_us]
    if spec.local_retention_bytes is not None:
        kept_us.append(spec.local_retention_bytes // spec.block_bytes * spec.block_length_us)
    return min(kept_us)


def upload(
    actor: Actor, client: Client, block: Block, takes_us: int, until_us: int = NEVER
) -> Steps:
    """Put every object of a block, meta.json last (B2), but none at or after ``until_us`` (P5).

    Raises RequestFailed at a failed put.
    """
    begin_us = actor.world.now_us
    n = len(block.objects)
    for i, name in enumerate(block.objects):
        due_us = begin_us + (i + 1) * takes_us // n
        if actor.taken_us(due_us) >= until_us:
            yield from actor.until(until_us)
            return
        yield from actor.until(due_us)
        upload_time_us = actor.taken_us(begin_us + (n - 1) * takes_us // n)
        stamp_us = client.clock_us(upload_time_us)
        client.put(block.key(name), stamp_us if name == "meta.json" else 0)


def deletion_order(world: World, block: Block) -> list[str]:
    """Names of the objects of a block in the order in which they are deleted (B4)."""
    *chunks, index, meta = block.objects
    if world.scenario.compactor.deletion_order == "as-listed":
        return [*chunks, "deletion-mark.json", index, meta, "no-compact-mark.json"]
    return [meta, *chunks, index, "no-compact-mark.json", "deletion-mark.json"]


def delete(actor: Actor, client: Client, block: Block, takes_us: int) -> Steps:
    """Delete every existing object of a block (B4); raises RequestFailed at a failed delete."""
    begin_us = actor.world.now_us
    keys = [
        block.key(name)
        for name in deletion_order(actor.world, block)
        if client.store.newest_is_put(block.key(name))
    ]
    for i, key in enumerate(keys):
        yield from actor.until(begin_us + (i + 1) * takes_us // len(keys))
        if client.store.newest_is_put(key) or client.store.refuses_absent:
            client.delete(key)


class Exit(Exception):
    """A process ends for what it read; that of the compactor is started again."""


def download(
    actor: Actor, client: Client, blocks: Sequence[Block], takes_us: int
) -> Generator[simpy.Event, object, bool]:
    """Read blocks one after the other (C14, F3); whether a copy lacks (part of) a chunk."""

    def fetch(key: str) -> None:
        if client.get(key) is None:
            raise RequestFailed(key)

    begin_us = actor.world.now_us
    starts_us = [begin_us + i * takes_us // len(blocks) for i in range(len(blocks) + 1)]
    lacks_chunk = False
    for block, start_us, end_us in zip(blocks, starts_us, starts_us[1:], strict=False):
        names = ["meta.json", *block.objects[:-1]]
        due_us = [start_us + j * (end_us - start_us) // len(names) for j in range(len(names))]
        fetch(block.key("meta.json"))
        yield from actor.until(due_us[1])
        listed = client.list_keys_of(block)
        for name, at_us in zip(names[1:], due_us[1:], strict=True):
            yield from actor.until(at_us)
            if block.key(name) in listed:
                fetch(block.key(name))
                if name != "index" and client.is_cut_short(block.key(name)):
                    lacks_chunk = True
            elif name != "index":
                lacks_chunk = True
        yield from actor.until(end_us)
        if block.key("index") not in listed:
            raise Exit
    return lacks_chunk


class Producer(Crashable):
    """Uploads the level-1 blocks of one stream, strictly in order (P1-P3)."""

    def __init__(self, world: World, store: Store, stream: int) -> None:
        super().__init__(world, PRODUCERS, stream)
        self.stream = stream
        self.name = f"producer/{stream}"
        self.spec = world.scenario.producers
        self.client = Client(world, store, self.name)
        self.way: Way | None = None
        self.cut: dict[int, Block] = {}
        self.next_j = 0

        if self.spec.unuploaded == "dropped":
            world.process(self._drop())

    def _drop(self) -> Steps:
        """What goes is a block by then, whether anybody is there to cut it or not (P5)."""
        dropping = Actor(self.world, PRODUCERS, self.stream)
        for j in count():
            yield dropping.turn((j + 1) * self.spec.block_length_us + kept_locally_us(self.spec))
            self._current_block(j)

    def forget(self) -> None:
        """Its data is on its disk; what it knows of its uploads may not be (P3): see live."""

    def live(self, start_us: int) -> Steps:
        """Upload one block after another, from the first that is not finished."""
        yield self.turn(start_us)
        not_before_us = start_us
        length_us = self.spec.block_length_us
        while self.spec.memory == "lost" and self.next_j > 0:
            if self.next_j * length_us + kept_locally_us(self.spec) <= self.world.now_us:
                break
            self.next_j -= 1
        while True:
            j = self.next_j
            identity = ("producer", self.stream, "upload-after", j)
            after_us = self.world.draw_us(self.spec.upload_after, *identity)
            ready_us = (j + 1) * self.spec.block_length_us + after_us
            yield from self.until(max(ready_us, not_before_us))
            identity = ("producer", self.stream, "upload-takes", j)
            takes_us = self.world.draw_us(self.spec.upload_takes, *identity)
            block = self._current_block(j)
            gone_us = NEVER
            if self.spec.unuploaded == "dropped":
                gone_us = block.max_us + kept_locally_us(self.spec)
            try:
                if self.world.now_us < gone_us:
                    is_new = self.client.head(block.key("meta.json")) is None
                    if is_new:
                        lasts_us = self.slowed_us(takes_us)
                        yield from upload(self, self.client, block, lasts_us, gone_us)
                    self._commit(block, is_new=is_new)
                self.next_j += 1
                not_before_us = self.world.now_us
            except RequestFailed:
                not_before_us = self.world.now_us + self.spec.retry_after_us

    def _commit(self, block: Block, *, is_new: bool) -> None:
        """Tell readers of an upload, or of an earlier one that nobody was told of (D13)."""
        store, way = self.client.store, self.way
        if way is None or not store.newest_is_put(block.key("meta.json")):
            return
        if is_new or not way.was_listed(block):
            way.commit(self.client, store, [block], [], "")

    def _current_block(self, j: int) -> Block:
        if j not in self.cut:
            length_us = self.spec.block_length_us
            self.cut[j] = self.world.new_block(
                stream=self.stream,
                resolution=0,
                min_us=j * length_us,
                max_us=(j + 1) * length_us,
                level=1,
                sources=frozenset() if self.spec.names == "nothing" else frozenset({j}),
                data=frozenset({j}),
                created_us=(j + 1) * length_us,
                chunk_files=self.spec.chunk_files,
            )
        return self.cut[j]


class Victim(Protocol):
    """Who can be struck down, until a time (µs)."""

    def crash(self, until_us: int) -> None: ...


class Faults(Actor):
    """Strikes at the instants the scenario's faults begin, before anybody else acts (T2)."""

    def __init__(self, world: World, number: int, victims: Sequence[Victim]) -> None:
        super().__init__(world, FAULTS, number)
        self.fault = world.scenario.faults[number]
        self.victims = victims
        world.process(self._strike())

    def _strike(self) -> Steps:
        at_us = self.world.fault_at_us(self.number, self.fault)
        end_us = at_us + self.world.fault_lasts_us(self.number, self.fault)
        yield self.turn(at_us)
        for victim in self.victims:
            victim.crash(end_us)
