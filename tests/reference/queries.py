"""Every query is a process that reads from the gateways and judges what it got (rules Q)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import simpy

from sim.core.arrivals import arrivals, choose
from sim.scenario.schema import QueryClass
from tests.reference.actors import kept_locally_us
from tests.reference.client import reading_candidates
from tests.reference.gateway import Gateway
from tests.reference.querier import Querier
from tests.reference.scheme import Way
from tests.reference.store import Store
from tests.reference.world import QUERIES, RESOLUTIONS, Block, Steps, World


@dataclass(frozen=True)
class Question:
    """What one query asks for: the data of some streams in ``[low_us, high_us)``."""

    ordinal: int
    streams: frozenset[int]
    low_us: int
    high_us: int
    finest: range

    def overlaps(self, block: Block) -> bool:
        """Whether a block holds data it asks for."""
        return (
            block.stream in self.streams
            and block.min_us < self.high_us
            and block.max_us > self.low_us
        )

    def chosen(self, loaded: list[Block]) -> list[Block]:
        """Of the blocks that one gateway has loaded, those that it uses (Q2)."""
        return [
            block
            for stream in sorted(self.streams)
            for block in self._choose(
                [block for block in loaded if block.stream == stream],
                self.low_us,
                self.high_us,
                self.finest[-1],
            )
        ]

    def _choose(
        self, loaded: list[Block], low_us: int, high_us: int, resolution: int
    ) -> list[Block]:
        """The coarsest blocks in ``[low_us, high_us)``, and finer ones between them."""
        if low_us >= high_us or resolution < 0:
            return []
        chosen = []
        end_us = low_us
        for block in sorted(loaded, key=lambda b: (b.min_us, b.max_us)):
            is_taken = block.max_us > low_us and block.min_us < high_us
            if block.resolution == resolution and is_taken:
                chosen += self._choose(loaded, end_us, block.min_us, resolution - 1)
                chosen.append(block)
                end_us = block.max_us
        return chosen + self._choose(loaded, end_us, high_us, resolution - 1)


class QueryClassProcess:
    """All queries of one class, as they arrive."""

    def __init__(
        self,
        world: World,
        store: Store,
        way: Way,
        querier: Querier,
        gateways: list[Gateway],
        spec: QueryClass,
        number: int,
    ) -> None:
        self.world = world
        self.store = store
        self.way = way
        self.querier = querier
        self.gateways = gateways
        self.spec = spec
        self.number = number
        stream = world.streams.stream("query", spec.name, "arrivals")
        times = arrivals(stream, spec.rate_per_s, world.scenario.horizon_us)
        self.arrivals_us = [int(t) for t in times]
        self.streams = self._chosen_streams()
        self.outcomes = [""] * len(self.arrivals_us)
        world.process(self._arrive())

    def _arrive(self) -> Steps:
        for i, arrival_us in enumerate(self.arrivals_us):
            if arrival_us > self.world.now_us or i == 0:
                yield self.world.at(arrival_us, QUERIES, self.number)
            self.world.process(self._query(i))

    def _chosen_streams(self) -> list[frozenset[int]]:
        """The streams of every query; one by one, choosing them would take longer than judging."""
        n, n_queries = self.world.scenario.producers.count, len(self.arrivals_us)
        if self.spec.streams == "all":
            return [frozenset(range(n))] * n_queries
        stream = self.world.streams.stream("query", self.spec.name, "streams")
        rows = choose(stream, np.arange(n_queries, dtype=np.int64), n, self.spec.streams)
        return [frozenset(row) for row in rows.tolist()]

    def _question(self, i: int) -> Question:
        high_us = self.world.now_us - self.spec.offset_us
        finest = range(RESOLUTIONS.index(self.spec.max_resolution) + 1)
        return Question(i, self.streams[i], high_us - self.spec.range_us, high_us, finest)

    def _query(self, i: int) -> Steps:
        """One query: look at the gateways now, read until it is done, judge."""
        now_us = self.world.now_us
        question = self._question(i)
        uniform = self.world.streams.stream("query", self.spec.name, "takes").at(i)
        end_us = now_us + self.spec.takes.draw_us(uniform)
        asked = self._asked(question)
        missed = [g for g in asked if g.is_missed() and question.chosen(g.had_loaded)]
        used = {g.number: self._blocks_used(g, question) for g in asked}
        cached = {(g.number, b.id) for g in asked for b in used[g.number] if self._has_chunks(g, b)}
        needed = self._needed(question)
        matching = [b for b in self.world.blocks.values() if question.overlaps(b)]
        allowed = [b for b in matching if b.resolution in question.finest]
        is_incomplete = self.querier.lacks(allowed, asked)
        yield self.world.at(end_us, QUERIES, self.number)
        whole = {
            g.number: [
                b
                for b in used[g.number]
                if self._all_there(g, b, i, now_us, end_us, has_chunks=(g.number, b.id) in cached)
            ]
            for g in asked
        }
        lacking = [g for g in asked if whole[g.number] != used[g.number]]
        lost = [
            g
            for g in asked
            if g in missed
            or (used[g.number] and any(now_us <= t <= end_us for t in g.went_down_us))
        ]
        loses_all = lacking if self.way.miss in ("fail", "resync") else []
        failing = [g for g in asked if g in lost or g in loses_all]
        warned = bool(lacking) and self.way.miss == "warn"

        def judge() -> None:
            answered = [block for g in asked if g not in failing for block in whole[g.number]]
            gap = any(not any(holds(block, level1) for block in answered) for level1 in needed)
            self.outcomes[i] = self._outcome(bool(failing) or is_incomplete, warned, gap)

        judge()
        if self.way.miss == "resync":
            for gateway in (g for g in lacking if g not in lost):
                again = self._second_try(gateway, question, now_us, end_us - now_us)
                self.world.process(self._mended(again, gateway, whole, failing, judge))

    def _mended(
        self,
        again: Generator[simpy.Event, object, list[Block] | None],
        gateway: Gateway,
        whole: dict[int, list[Block]],
        failing: list[Gateway],
        judge: Callable[[], None],
    ) -> Steps:
        """If the second try at a gateway succeeds, its answer takes the place of the first."""
        answer = yield from again
        if answer is not None:
            whole[gateway.number] = answer
            failing.remove(gateway)
            judge()

    def _second_try(
        self, gateway: Gateway, question: Question, first_us: int, takes_us: int
    ) -> Generator[simpy.Event, object, list[Block] | None]:
        """The blocks that answer once the gateway has synced; None if it fails again (D12)."""
        is_synced = yield gateway.synced_again()
        if not is_synced:
            return None
        again_us = self.world.now_us
        yield self.world.at(again_us, QUERIES, self.number)
        used = self._blocks_used(gateway, question)
        end_us = again_us + takes_us
        yield self.world.at(end_us, QUERIES, self.number)
        if any(first_us <= t <= end_us for t in gateway.went_down_us):
            return None
        reads = (self._all_there(gateway, b, question.ordinal, again_us, end_us) for b in used)
        return used if all(reads) else None

    def _asked(self, question: Question) -> list[Gateway]:
        """The gateways that may have blocks of its streams (Q2)."""
        spec = self.world.scenario.gateways
        if spec.shard_by == "block":
            return self.gateways
        shards = {stream % spec.shards for stream in question.streams}
        return [gateway for gateway in self.gateways if gateway.shard in shards]

    def _blocks_used(self, gateway: Gateway, question: Question) -> list[Block]:
        if not gateway.is_serving:
            return []
        return question.chosen([self.world.blocks[block_id] for block_id in gateway.loaded])

    def _needed(self, question: Question) -> list[Block]:
        """Level-1 blocks the answer should contain (Q5)."""
        now_us = self.world.now_us
        spec = self.world.scenario.producers
        local_us = kept_locally_us(spec)
        compactor = self.world.scenario.compactor
        made = question.finest if compactor.downsampling else question.finest[:1]
        keeps_us = [compactor.retention_us[r] for r in made]
        return [
            block
            for block in self.world.blocks.values()
            if block.level == 1
            and not block.by_hand
            and question.overlaps(block)
            and now_us >= block.max_us + local_us
            and (spec.unuploaded == "dropped" or now_us >= block.committed_us)
            and any(keep_us == 0 or now_us < block.max_us + keep_us for keep_us in keeps_us)
        ]

    def _all_there(
        self,
        gateway: Gateway,
        block: Block,
        i: int,
        first_us: int,
        last_us: int,
        *,
        has_chunks: bool = False,
    ) -> bool:
        """Whether every object that it reads of a block exists at every instant of it (Q3)."""
        keys = [block.key("index")] if has_chunks else block.data_keys()
        return all(
            self.store.always_shown(key, self._replica(gateway, i, key), first_us, last_us)
            for key in keys
        )

    def _has_chunks(self, gateway: Gateway, block: Block) -> bool:
        """Whether a gateway remembers the chunks of a block; if not, and they are there, it does.

        (G9)
        """
        cache, now_us = gateway.spec.cache, self.world.now_us
        if cache is None or not cache.chunks_us:
            return False
        read_us = gateway.chunks_read_us.setdefault((self.spec.name, block.id), [])
        if any(t < now_us < t + cache.chunks_us for t in read_us):
            return True
        chunks = [key for key in block.data_keys() if key != block.key("index")]
        replica = gateway.client.fixed_replica()
        assert replica is not None
        if all(self.store.shown(key, "get", replica, now_us) is not None for key in chunks):
            read_us.append(now_us)
        return False

    def _replica(self, gateway: Gateway, i: int, key: str) -> int:
        fixed = gateway.client.fixed_replica()
        if fixed is not None:
            return fixed
        candidates = reading_candidates(self.world, is_gateway=True)
        identity = ("query", self.spec.name, i, gateway.number, key)
        return candidates[self.world.pick(len(candidates), *identity)]

    def _outcome(self, failing: bool, warned: bool, gap: bool) -> str:
        """The first that applies (Q4, Q6)."""
        if failing and self.world.scenario.gateways.partial_response == "abort":
            return "query-error"
        if gap:
            return "partial-response" if failing or warned else "silent-gap"
        return "warned" if failing or warned else "ok"


def holds(block: Block, level1: Block) -> bool:
    """Whether a block contains the data of a level-1 block."""
    return block.stream == level1.stream and level1.data <= block.data
