"""Store gateways: sync, load, drop, outages (rules G)."""

from __future__ import annotations

from collections.abc import Generator
from math import floor

import simpy

from sim.core.laws import Constant
from sim.core.units import NEVER, US_PER_S
from tests.reference import view
from tests.reference.cache import Cache
from tests.reference.client import Client, RequestFailed
from tests.reference.scheme import Index, Way
from tests.reference.store import Store
from tests.reference.world import GATEWAYS, Block, Crashable, Steps, Ticker, World


class Gateway(Crashable):
    """One gateway: the blocks it has loaded, and its life of syncs."""

    def __init__(
        self, world: World, store: Store, way: Way, number: int, shared_cache: Cache | None = None
    ) -> None:
        super().__init__(world, GATEWAYS, number)
        self.name = f"gateway/{number}"
        self.shared_cache = shared_cache
        self.spec = world.scenario.gateways
        self.shard = number % self.spec.shards
        self.store = store
        self.way = way
        self.client = self._new_client()
        self.metas_us: dict[str, int] = {}
        self.loaded: dict[str, int] = {}
        self.is_serving = False
        self.is_synced = False
        self.sync_ends_us = -1
        self.is_extra = False
        self.again: simpy.Process | None = None
        self.rests_until_us = 0
        self.chunks_read_us: dict[tuple[str, str], list[int]] = {}
        self.went_down_us: list[int] = []
        self.had_loaded: list[Block] = []
        self.loads: list[tuple[int, str, int, int]] = []

    def _new_client(self) -> Client:
        cache = self.shared_cache or Cache(self.world, self.spec.cache)
        return Client(self.world, self.store, self.name, self.number, cache)

    def phase_us(self) -> int:
        """When the first sync of the run starts (G1)."""
        if self.spec.phase == "uniform":
            uniform = self.world.streams.uniform("gateway", self.number, "phase")
            return floor(uniform * self.spec.sync_interval.mean)
        return self.world.draw_us(self.spec.phase, "gateway", self.number, "phase")

    def forget(self) -> None:
        """An outage: what was loaded is lost, queriers do not know yet (G7)."""
        now_us = self.world.now_us
        if self.is_serving:
            self.went_down_us.append(now_us)
            self.had_loaded = [self.world.blocks[i] for i in self.loaded]
        for block_id in list(self.loaded):
            self._drop(block_id)
        self.is_serving = False
        self.sync_ends_us = -1
        self.chunks_read_us = {}
        if self.again is not None:
            self.again.interrupt()
            self.again = None
        self.way.lost(self.number)
        self.metas_us = {}
        self.client = self._new_client()

    def is_missed(self) -> bool:
        """Whether queriers still count on this gateway although it is down (G7)."""
        if self.is_serving or not self.went_down_us:
            return False
        return self.world.now_us < self.went_down_us[-1] + self.spec.unhealthy_after_us

    def live(self, start_us: int) -> Steps:
        """Start, again and again if need be; then serve, and sync on a ticker (G1)."""
        yield self.turn(start_us)
        while not (yield from self._starts()):
            self.forget()
            exit_us = self.world.now_us
            identity = ("gateway", self.number, "restart-after", exit_us)
            restart_us = self.world.draw_us(self.spec.restart_after, *identity)
            yield from self.until(exit_us + restart_us)
        serving_us = self.world.now_us
        self.is_serving = True
        self.loaded = dict.fromkeys(self.loaded, serving_us)
        self.way.returned(self.number, self.loaded)
        actor = ("gateway", self.number)
        ticker = Ticker(self.world, self.spec.sync_interval, serving_us, actor)
        while True:
            began_us = self.world.now_us
            if self.is_extra and self.sync_ends_us >= began_us:
                yield from self.until(self.sync_ends_us)
            else:
                self.is_extra = False
                yield from self._sync()
            yield from self.until(ticker.next_us(began_us, self.world.now_us))

    def synced_again(self) -> simpy.Process:
        """The sync for which a query waits that found an object gone; False if it comes to none.

        It begins when gateways act next, unless one is under way then, or has just been (D12).
        """
        if self.again is None:
            self.again = self.world.process(self._sync_again())
        return self.again

    def _sync_again(self) -> Generator[simpy.Event, object, bool]:
        if self.world.now_us < self.rests_until_us:
            self.again = None
            return False
        try:
            yield self.turn(self.world.now_us + 1)
            if self.sync_ends_us >= self.world.now_us:
                yield from self.until(self.sync_ends_us)
            else:
                self.is_extra = True
                yield from self._sync()
        except simpy.Interrupt:
            return False
        self.again = None
        self.rests_until_us = self.world.now_us + self.way.rest_us
        return True

    def _starts(self) -> Generator[simpy.Event, object, bool]:
        """Sync every 10 s until one is good; after 30 s the process exits (G1)."""
        start_us = self.world.now_us
        ticker = Ticker(self.world, Constant(value_us=10.0 * US_PER_S), start_us, ())
        while True:
            began_us = self.world.now_us
            yield from self._sync()
            if self.is_synced:
                return True
            next_us = ticker.next_us(began_us, self.world.now_us)
            yield from self.until(min(next_us, start_us + 30 * US_PER_S))
            if self.world.now_us >= start_us + 30 * US_PER_S:
                return False

    def _sync(self) -> Steps:
        begin_us = self.world.now_us
        identity = ("gateway", self.number, "sync-takes", begin_us)
        takes_us = self.world.draw_us(self.spec.sync_takes, *identity)
        self.is_synced = False
        self.sync_ends_us = self.taken_us(begin_us + self.slowed_us(takes_us))
        try:
            index = self.way.read_index(self.client)
            listed = self._mine(index)
        except RequestFailed:
            yield from self.until(begin_us + self.slowed_us(takes_us))
            return
        takes_us = self.slowed_us(takes_us + len(listed) * self.spec.sync_takes_per_block_us)
        self.sync_ends_us = self.taken_us(begin_us + takes_us)
        try:
            yield from self._sync_stages(listed, index, begin_us, takes_us)
        except RequestFailed:
            yield from self.until(begin_us + takes_us)

    def _mine(self, index: Index | None) -> list[Block]:
        """The blocks of its shard that are listed now (G3, D9); raises RequestFailed."""
        if index is None:
            listed = self.client.list_blocks()
        else:
            listed = [self.world.blocks[block_id] for block_id in index]
        return [
            block
            for block in sorted(listed, key=lambda block: block.age_key)
            if self._shard_of(block) == self.shard
        ]

    def _shard_of(self, block: Block) -> int:
        """The shard of a block: its stream decides, or its id (G1)."""
        if self.spec.shard_by == "block":
            uniform = self.world.streams.uniform("shard", block.id)
            return floor(uniform * self.spec.shards)
        return block.stream % self.spec.shards

    def _sync_stages(
        self, listed: list[Block], index: Index | None, begin_us: int, takes_us: int
    ) -> Steps:
        """Check, marks, load, drop (G2-G5); raises RequestFailed to abort (G6)."""
        stages = self.spec.sync_stages
        yield from self.until(begin_us + floor(takes_us * stages.check))
        if index is None:
            checked = view.check(self.client, listed, self.metas_us)
        else:
            checked = view.Checked(listed, upload_us={i: index[i][0] for i in index})
        delay_us = self.spec.consistency_delay_us
        blocks = view.old_enough(checked, self._clock_us(), delay_us)
        blocks = self.way.young_enough(blocks, self._clock_us())
        yield from self.until(begin_us + floor(takes_us * stages.marks))
        hide_us = self.way.hide_us(is_gateway=True)
        if hide_us is not None:
            if index is None:
                stamps_us = view.read_marks(self.client, blocks)
            else:
                stamps_us = {i: mark for i, (_, mark) in index.items() if mark is not None}
            blocks = view.not_hidden(blocks, stamps_us, self._clock_us(), hide_us)
        superseded = view.duplicates(blocks) if self.way.deduplicates else []
        blocks = view.without(blocks, superseded)
        yield from self.until(begin_us + floor(takes_us * stages.load))
        for block in blocks:
            self._load(block)
        yield from self.until(begin_us + takes_us)
        self.is_synced = not checked.unread
        if self.is_synced:
            self.way.synced(self.number, begin_us)
            viewed = {block.id for block in blocks}
            gone = [known for known in self.loaded if known not in viewed]
            may_drop = self.way.may_drop
            blocks = [self.world.blocks[block_id] for block_id in gone]
            for block in [b for b in blocks if may_drop(b, superseded, self.loaded)]:
                self._drop(block.id)
                self.way.let_go(self.number, block.id)

    def _clock_us(self) -> int:
        return self.client.clock_us(self.world.now_us)

    def _load(self, block: Block) -> None:
        """Load a block of the view if its index can be read (G5)."""
        if block.id in self.loaded:
            return
        try:
            if self.client.get(block.key("index")) is not None:
                self.loaded[block.id] = self.world.now_us
                self.way.took(self.number, block.id)
        except RequestFailed:
            pass

    def _drop(self, block_id: str) -> None:
        load_us = self.loaded.pop(block_id)
        if self.is_serving:
            self.loads.append((self.number, block_id, load_us, self.world.now_us))

    def all_loads(self) -> list[tuple[int, str, int, int]]:
        """Every (gateway, block, loaded, dropped or NEVER) of the run."""
        still = self.loaded.items() if self.is_serving else ()
        return [*self.loads, *((self.number, i, load_us, NEVER) for i, load_us in still)]
