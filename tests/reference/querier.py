"""A querier that holds its answers against an index of the bucket (rules D11, Q7)."""

from __future__ import annotations

from contextlib import suppress
from math import floor

from tests.reference.client import Client, RequestFailed
from tests.reference.gateway import Gateway
from tests.reference.scheme import INDEX_KEY, Index, Way
from tests.reference.store import Store
from tests.reference.world import GATEWAYS, Actor, Block, Steps, World


class Querier(Actor):
    """What the querier knows of the bucket; nothing if the scheme checks no answers."""

    def __init__(self, world: World, store: Store, way: Way) -> None:
        super().__init__(world, GATEWAYS, world.scenario.gateways.count)
        self.way = way
        self.client = Client(world, store, "querier")
        self.index: Index = {}
        self.spec = way.slots.check
        if self.spec is not None and self.spec.kind == "bucket-index":
            world.process(self._live())

    def _live(self) -> Steps:
        phase = self.world.streams.uniform("querier", "phase")
        yield self.turn(floor(phase * self.spec.interval_us))
        while True:
            with suppress(RequestFailed):
                self.index = self.way.index(self.client.get(INDEX_KEY))
            yield from self.until(self.world.now_us + self.spec.interval_us)

    def must_be_there(self, block: Block) -> bool:
        """Whether an answer that asks for a block must be made from it now (Q7)."""
        if block.id not in self.index:
            return False
        upload_us, stamp_us = self.index[block.id]
        now_us = self.world.now_us
        if now_us - upload_us < self.spec.required_after_us:
            return False
        return stamp_us is None or now_us - stamp_us <= self.spec.optional_after_us

    def lacks(self, blocks: list[Block], gateways: list[Gateway]) -> bool:
        """Whether no gateway has loaded one of the blocks, which must be there."""
        loaded = {block_id for g in gateways if g.is_serving for block_id in g.loaded}
        return any(self.must_be_there(block) and block.id not in loaded for block in blocks)
