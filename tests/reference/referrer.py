"""Whoever references again what is being collected (rules R)."""

from __future__ import annotations

from contextlib import suppress
from math import floor

from tests.reference.client import Client, RequestFailed
from tests.reference.scheme import Way
from tests.reference.store import Store, Version
from tests.reference.world import GATEWAYS, Actor, Block, Steps, Ticker, World


class Referrer(Actor):
    """One writer: it looks, works and commits, session after session."""

    def __init__(self, world: World, store: Store, way: Way, number: int) -> None:
        super().__init__(world, GATEWAYS, world.scenario.gateways.count + 1 + number)
        assert world.scenario.referrers is not None
        self.spec = world.scenario.referrers
        self.store = store
        self.way = way
        self.number = number
        self.client = Client(world, store, f"referrer/{number}")
        self.key = f"references-{number}.json"
        self.blocks: frozenset[str] = frozenset()
        self.found_us: dict[str, int] = {}
        world.process(self._live())

    def _live(self) -> Steps:
        world, name = self.world, self.client.name
        phase = world.streams.uniform(name, "phase")
        first_us = floor(phase * floor(self.spec.every.mean))
        yield self.turn(first_us)
        ticker = Ticker(world, self.spec.every, first_us, (name,))
        while True:
            began_us = world.now_us
            wanted = self._wanted()
            references = [wanted] if wanted is not None and self._finds(wanted) else []
            if self.way.hears_of_sessions:
                references = self._begin(references)
            takes_us = world.draw_us(self.spec.takes, name, "takes", began_us)
            yield from self.until(began_us + takes_us)
            if self.spec.verifies:
                references = [block for block in references if self._finds(block)]
            self._commit(references, began_us)
            yield from self.until(ticker.next_us(began_us, world.now_us))

    def _wanted(self) -> Block | None:
        """Content that expired not long ago, if the session wants any (R2)."""
        world, now_us = self.world, self.world.now_us
        keep_us = world.scenario.compactor.retention_us[0]
        if world.streams.uniform(self.client.name, "wants", now_us) >= self.spec.wants:
            return None
        expired = [
            block
            for block in world.blocks.values()
            if block.resolution == 0
            and block.committed_us <= now_us
            and 0 <= now_us - (block.max_us + keep_us) < self.spec.within_us
        ]
        expired.sort(key=lambda block: block.age_key)
        if not expired:
            return None
        return expired[world.pick(len(expired), self.client.name, "what", now_us)]

    def _finds(self, block: Block) -> bool:
        """Whether the content is there, by what the referrer knows (R3)."""
        now_us = self.world.now_us
        self.world.counts.add("requests.head")
        known_us = now_us
        if self.spec.refresh_us:
            first_us = self.world.pick(self.spec.refresh_us, self.client.name, "refresh")
            if now_us < first_us:
                return False
            known_us = now_us - (now_us - first_us) % self.spec.refresh_us
        if self._shown(block.key("meta.json"), known_us) is None:
            return False
        hide_us = self.way.hide_us(is_gateway=True)
        if hide_us is None:
            return True
        self.world.counts.add("requests.get")
        mark = self._shown(block.key("deletion-mark.json"), known_us)
        if mark is None or mark.stamp_us < 0:
            return True
        return self.client.clock_us(known_us) - mark.stamp_us <= hide_us

    def _begin(self, found: list[Block]) -> list[Block]:
        """Tell that a session begins, if that is told (R8, R9); what it may rely on (R10)."""
        if not found and self.way.slots.hold.sessions != "locked":
            return []
        now_us, key = self.world.now_us, f"session-{self.number}.json"
        number = len(self.store.versions.get(key, []))
        is_answered = False
        with suppress(RequestFailed):
            self.client.put(key, now_us)
            is_answered = True
        if len(self.store.versions.get(key, [])) > number:
            for block in found:
                self.found_us[block.id] = now_us
            self.world.begun[key, number] = (dict(self.found_us), now_us)
        going = {id_ for id_ in self.way.held.going if self.store.holds_any(self.world.blocks[id_])}
        return [block for block in found if is_answered and block.id not in going]

    def _shown(self, key: str, time_us: int) -> Version | None:
        replica = self.client.fixed_replica()
        if replica is None:
            candidates = self.client.candidates
            identity = ("replica", self.client.name, "get", key, time_us)
            replica = candidates[self.world.pick(len(candidates), *identity)]
        return self.store.shown(key, "get", replica, time_us)

    def _commit(self, references: list[Block], began_us: int) -> None:
        """Tell of all that was ever referenced, and of this session (R4)."""
        number = len(self.store.versions.get(self.key, []))
        blocks = self.blocks.union(block.id for block in references)
        with suppress(RequestFailed):
            self.client.put(self.key, self.world.now_us)
        if len(self.store.versions.get(self.key, [])) > number:
            self.blocks = blocks
            self.world.committed[self.key, number] = (blocks, began_us)
            self.world.references += [(self.world.now_us, block.id) for block in references]
