"""Clients that do nothing but ask the store, one after the other (rules H1-H4)."""

from __future__ import annotations

from math import floor

from sim.core.arrivals import arrivals
from sim.scenario.probing import Probing
from sim.scenario.schema import Scenario
from sim.trace.history import Op
from tests.reference.client import Client, RequestFailed
from tests.reference.store import Store
from tests.reference.world import GATEWAYS, PRODUCERS, Actor, Block, Crashed, Steps, World


def probe(scenario: Scenario, probing: Probing, trial: int) -> list[Op]:
    """What clients see, in order of call and process; ends before the scenario's horizon."""
    assert probing.lasts_us + probing.takes_us < scenario.horizon_us
    bucket = Bucket(scenario, probing, trial)
    names = [f"producer/{w}" for w in range(probing.writers)]
    names += [f"gateway/{g}" for g in range(probing.readers)]
    for process, name in enumerate(names):
        bucket.world.process(Prober(bucket, process, name).run())
    bucket.world.run()
    return sorted(bucket.ops, key=lambda op: (op.call_us, op.process))


class Bucket:
    """The store, its keys, and what was done."""

    def __init__(self, scenario: Scenario, probing: Probing, trial: int) -> None:
        self.world = World(scenario, scenario.schemes[0], scenario.seed + trial)
        self.probing = probing
        self.store = Store(self.world)
        self.blocks: dict[str, Block] = {}
        self.ops: list[Op] = []
        self.n_added = 0
        self.n_values = 0
        for number in range(probing.keys):
            self.new_key(f"r{number}")

    def new_key(self, name: str) -> str:
        """Name a key that is not there yet (H2)."""
        self.blocks[name] = self.world.new_block(
            stream=len(self.blocks),
            resolution=0,
            min_us=0,
            max_us=1,
            level=1,
            sources=frozenset({0}),
            data=frozenset({0}),
            created_us=0,
            chunk_files=1,
            size_bytes=1,
        )
        return name

    def key(self, name: str) -> str:
        """Key of the object that stands for a name."""
        return self.blocks[name].key("chunks/000001")


class Prober(Actor):
    """One client."""

    def __init__(self, bucket: Bucket, process: int, name: str) -> None:
        is_writer = name.startswith("producer/")
        super().__init__(bucket.world, PRODUCERS if is_writer else GATEWAYS, process)
        self.bucket = bucket
        self.client_name = name
        self.is_writer = is_writer
        gateway = None if is_writer else int(name.split("/")[1])
        self.client = Client(bucket.world, bucket.store, name, gateway)
        self.free_us = 0

    def run(self) -> Steps:
        """Everything that is due, each when the client is free (H3)."""
        probing = self.bucket.probing
        due = [(t, 1, i) for i, t in enumerate(self._times("reads", probing.reads_per_s))]
        if self.is_writer:
            due += [(t, 0, i) for i, t in enumerate(self._times("writes", probing.writes_per_s))]
        yield self.turn(0)
        for time_us, is_read, ordinal in sorted(due):
            call_us = max(time_us, self.free_us)
            end_us = probing.lasts_us if is_read else probing.lasts_us - probing.rest_us
            if call_us < end_us:
                yield from self.until(call_us)
                yield from (self._read(ordinal) if is_read else self._change(ordinal))

    def _times(self, what: str, rate_per_s: float) -> list[int]:
        stream = self.world.streams.stream("history", self.client_name, what)
        return [int(t) for t in arrivals(stream, rate_per_s, self.bucket.probing.lasts_us)]

    def _draw(self, *what: str | int) -> float:
        return self.world.streams.uniform("history", self.client_name, *what)

    def _register(self, what: str, ordinal: int) -> str:
        return f"r{floor(self._draw(what, ordinal, 'key') * self.bucket.probing.keys)}"

    def _change(self, ordinal: int) -> Steps:
        bucket, probing = self.bucket, self.bucket.probing
        if self._draw("writes", ordinal, "add") < probing.adds:
            name = bucket.new_key(f"e{bucket.n_added}")
            bucket.n_added += 1
        else:
            name = self._register("writes", ordinal)
        key = bucket.key(name)
        is_delete = False
        if bucket.store.newest_is_put(key):
            is_delete = self._draw("writes", ordinal, "delete") < probing.deletes
        value = None
        if not is_delete:
            bucket.n_values += 1
            value = bucket.n_values
        call_us = self.world.now_us
        yield from self.until(call_us + probing.takes_us // 2)
        before = len(bucket.store.versions.get(key, []))
        status = self._send(key, value)
        is_made = len(bucket.store.versions.get(key, [])) > before
        version = before if is_made else -1
        yield from self._note(
            "delete" if is_delete else "put", name, value, call_us, status, version
        )
        if status == "ok" and probing.back_us is not None:
            yield from self._read_back(name, probing.back_us)

    def _send(self, key: str, value: int | None) -> str:
        try:
            if value is not None:
                self.client.put(key, value)
            elif self.bucket.store.newest_is_put(key):
                self.client.delete(key)
            elif self.bucket.store.refuses_absent:
                return "fail"
        except (RequestFailed, Crashed):
            return "info"
        return "ok"

    def _read_back(self, name: str, back_us: int) -> Steps:
        at_us = max(self.world.now_us + back_us, self.free_us)
        if at_us < self.bucket.probing.lasts_us:
            yield from self.until(at_us)
            yield from self._ask("get", name)
            if self.free_us < self.bucket.probing.lasts_us:
                yield from self.until(self.free_us)
                yield from self._ask("list", "")

    def _read(self, ordinal: int) -> Steps:
        probing = self.bucket.probing
        draw = self._draw("reads", ordinal, "what")
        if draw < probing.lists:
            yield from self._ask("list", "")
        else:
            is_head = draw < probing.lists + (1.0 - probing.lists) * probing.heads
            kind = "head" if is_head else "get"
            yield from self._ask(kind, self._register("reads", ordinal))

    def _ask(self, kind: str, name: str) -> Steps:
        call_us = self.world.now_us
        yield from self.until(call_us + self.bucket.probing.takes_us // 2)
        value: object = None
        status = "ok"
        try:
            if kind == "list":
                ids = {block.id for block in self.client.list_blocks()}
                names = self.bucket.blocks
                value = tuple(sorted(name for name in names if names[name].id in ids))
            elif kind == "head":
                value = self.client.head(self.bucket.key(name)) is not None
            else:
                version = self.client.get(self.bucket.key(name))
                value = None if version is None else version.stamp_us
        except RequestFailed:
            status = "fail"
        yield from self._note(kind, name, value, call_us, status, -1)

    def _note(
        self, kind: str, name: str, value: object, call_us: int, status: str, version: int
    ) -> Steps:
        yield from self.until(call_us + self.bucket.probing.takes_us)
        self.free_us = self.world.now_us + 1
        op = (self.number, kind, name, value, version, call_us, self.world.now_us, status)
        self.bucket.ops.append(Op(*op))  # type: ignore[arg-type]
