"""Clients that do nothing but ask a store, and what they saw (``SEMANTICS.md`` H1-H4).

The store, its front ends and its faults are those of every run; only who uses it is another.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sim.core.arrivals import arrivals
from sim.core.kernel import Kernel, Phase
from sim.model.blocks.catalog import Block, Catalog
from sim.model.faults.happening import draw_faults
from sim.model.faults.requests import Crashed
from sim.model.store.client import Client, RequestFailed
from sim.model.store.transfer import Steps, until
from sim.model.store.versions import Store
from sim.model.tally import Tally
from sim.scenario.probing import Probing
from sim.scenario.schema import Scenario
from sim.trace.history import NO_VERSION, History, Kind, Op, Status, Value
from sim.trace.recorder import Header, Recorder, Trace

__all__ = ["Probed", "probe"]

_OBJECT = 0
"""The object of a block that stands for the key: its first chunk."""


class Probed(NamedTuple):
    """What clients saw, and what the store recorded meanwhile, which no client knows."""

    history: History
    trace: Trace


class _Due(NamedTuple):
    """Something that a client wants to do; sorts by time, changes first."""

    t_us: int
    is_read: bool
    ordinal: int


def probe(scenario: Scenario, probing: Probing, trial: int) -> Probed:
    """Let clients loose on the store of a scenario.

    Parameters
    ----------
    trial : int
        From 0; its seed is ``scenario.seed + trial``.
    """
    world = _Probe(scenario, probing, trial)
    world.run()
    return world.finish()


class _Keys:
    """The keys of a history: registers, which are there from the start, and added ones."""

    def __init__(self, catalog: Catalog, registers: int) -> None:
        self._catalog = catalog
        self.registers = [self._new(f"r{number}") for number in range(registers)]
        self.added: list[tuple[str, Block]] = []

    def add(self) -> tuple[str, Block]:
        """A key that nobody has used."""
        self.added.append(self._new(f"e{len(self.added)}"))
        return self.added[-1]

    def all(self) -> Iterator[tuple[str, Block]]:
        """Every key."""
        yield from self.registers
        yield from self.added

    def _new(self, name: str) -> tuple[str, Block]:
        block = self._catalog.create(
            stream=len(self._catalog.blocks),
            resolution=0,
            min_us=0,
            max_us=1,
            level=1,
            sources=(0,),
            created_us=0,
            size_bytes=1,
        )
        return name, block


class _Probe:
    def __init__(self, scenario: Scenario, probing: Probing, trial: int) -> None:
        self.scenario = scenario
        self.probing = probing
        self.trial = trial
        self.kernel = Kernel()
        self.streams = scenario.streams(scenario.seed + trial)
        self.faults = draw_faults(scenario, self.streams)
        self.recorder = Recorder(
            Header(
                scenario=scenario.name,
                scenario_digest=scenario.digest,
                scheme="",
                trial=trial,
                seed=scenario.seed + trial,
                chunk_files=1,
                gateways=probing.readers,
                replicas=scenario.store.replicas,
                warmup_us=0,
                horizon_us=probing.lasts_us,
            )
        )
        catalog = Catalog(chunk_files=1)
        self.store = Store(
            scenario.store,
            kernel=self.kernel,
            catalog=catalog,
            streams=self.streams,
            recorder=self.recorder,
            lags=self.faults.lags(),
        )
        self.keys = _Keys(catalog, probing.keys)
        self.tally = Tally(warmup_us=0)
        self.puts = 0
        self.ops: list[Op] = []
        self.clients = [self._client(number) for number in range(probing.clients)]

    def run(self) -> None:
        """Let every client do what it called before the end."""
        for client in self.clients:
            self.kernel.spawn(client.run(), at_us=0, phase=client.phase)
        self.kernel.run(self.probing.lasts_us + self.probing.takes_us + 1)
        self.kernel.close()

    def finish(self) -> Probed:
        """Close the records."""
        history = History(
            scenario=self.scenario.name,
            scenario_digest=self.scenario.digest,
            trial=self.trial,
            seed=self.scenario.seed + self.trial,
            clients=tuple(client.name for client in self.clients),
            adds=tuple(name for name, _ in self.keys.added),
            ops=tuple(sorted(self.ops, key=lambda op: (op.call_us, op.process))),
        )
        return Probed(history, self.recorder.finish())

    def next_value(self) -> int:
        """What the next put writes: how many there have been."""
        self.puts += 1
        return self.puts

    def _client(self, number: int) -> "_Prober":
        reader = number - self.probing.writers
        name = f"producer/{number}" if reader < 0 else f"gateway/{reader}"
        client = Client(
            name,
            gateway=None if reader < 0 else reader,
            store=self.store,
            streams=self.streams,
            faults=self.faults,
            tally=self.tally,
        )
        return _Prober(self, number, client, is_writer=reader < 0)


class _Prober:
    """One client, which does one thing after the other."""

    def __init__(self, world: _Probe, number: int, client: Client, *, is_writer: bool) -> None:
        self.world = world
        self.number = number
        self.client = client
        self.name = client.name
        self.is_writer = is_writer
        # Of those that act at one instant the smaller number is the first.
        self.phase = (Phase.PRODUCER if is_writer else Phase.GATEWAY).turn(number)
        self._free_us = 0

    def run(self) -> Steps:
        """Do what is due, each as soon as the client is free."""
        probing = self.world.probing
        for due in self._agenda():
            call_us = max(due.t_us, self._free_us)
            if call_us >= (probing.lasts_us if due.is_read else probing.changes_end_us):
                continue
            yield from until(call_us, self.world.kernel, self.phase)
            yield from self._read(due.ordinal) if due.is_read else self._change(due.ordinal)

    def _agenda(self) -> list[_Due]:
        probing, streams = self.world.probing, self.world.streams
        rates = {"reads": probing.reads_per_s}
        if self.is_writer:
            rates["writes"] = probing.writes_per_s
        due = []
        for what, rate_per_s in rates.items():
            stream = streams.stream("history", self.name, what)
            times = arrivals(stream, rate_per_s, probing.lasts_us).tolist()
            due += [_Due(t, what == "reads", i) for i, t in enumerate(times)]
        return sorted(due)

    def _draw(self, *what: str | int) -> float:
        return self.world.streams.uniform("history", self.name, *what)

    def _register(self, what: str, ordinal: int) -> tuple[str, Block]:
        registers = self.world.keys.registers
        return registers[int(self._draw(what, ordinal, "key") * len(registers))]

    def _change(self, ordinal: int) -> Steps:
        probing, world = self.world.probing, self.world
        if self._draw("writes", ordinal, "add") < probing.adds:
            key, block = world.keys.add()
        else:
            key, block = self._register("writes", ordinal)
        is_there = world.store.holds(block, _OBJECT)
        is_put = not (is_there and self._draw("writes", ordinal, "delete") < probing.deletes)
        value = world.next_value() if is_put else None
        call_us = world.kernel.now_us
        yield from self._wait(probing.takes_us // 2)
        version = len(block.history[_OBJECT])
        status = self._send(block, value)
        if len(block.history[_OBJECT]) == version:
            version = NO_VERSION
        yield from self._end(call_us)
        self._note("put" if is_put else "delete", key, value, call_us, status, version)
        if status == "ok" and probing.back_us is not None:
            yield from self._read_back(key, block, probing.back_us)

    def _send(self, block: Block, value: int | None) -> Status:
        """Put a value, or delete, now."""
        store, t_us = self.world.store, self.world.kernel.now_us
        try:
            if value is not None:
                self.client.put(block, _OBJECT, t_us, stamp_us=value)
            elif store.holds(block, _OBJECT):
                self.client.delete(block, _OBJECT, t_us)
            elif store.spec.delete_absent == "error":
                return "fail"
        except (RequestFailed, Crashed):
            return "info"
        return "ok"

    def _read_back(self, key: str, block: Block, back_us: int) -> Steps:
        for kind, wait_us in (("get", back_us), ("list", 0)):
            at_us = max(self.world.kernel.now_us + wait_us, self._free_us)
            if at_us >= self.world.probing.lasts_us:
                return
            yield from until(at_us, self.world.kernel, self.phase)
            yield from self._list() if kind == "list" else self._get(key, block)

    def _read(self, ordinal: int) -> Steps:
        probing = self.world.probing
        draw = self._draw("reads", ordinal, "what")
        if draw < probing.lists:
            yield from self._list()
            return
        is_head = draw < probing.lists + (1.0 - probing.lists) * probing.heads
        key, block = self._register("reads", ordinal)
        yield from self._head(key, block) if is_head else self._get(key, block)

    def _get(self, key: str, block: Block) -> Steps:
        call_us = self.world.kernel.now_us
        yield from self._wait(self.world.probing.takes_us // 2)
        found, is_answered = None, self._is_answered("get", block)
        if is_answered:
            found = self.client.get(block, _OBJECT, self.world.kernel.now_us)
        yield from self._end(call_us)
        value = None if found is None else found.stamp_us
        self._note("get", key, value, call_us, "ok" if is_answered else "fail")

    def _head(self, key: str, block: Block) -> Steps:
        call_us = self.world.kernel.now_us
        yield from self._wait(self.world.probing.takes_us // 2)
        found, is_answered = None, self._is_answered("head", block)
        if is_answered:
            found = self.client.head(block, _OBJECT, self.world.kernel.now_us)
        yield from self._end(call_us)
        self._note("head", key, found, call_us, "ok" if is_answered else "fail")

    def _list(self) -> Steps:
        call_us = self.world.kernel.now_us
        yield from self._wait(self.world.probing.takes_us // 2)
        t_us, listed = self.world.kernel.now_us, None
        if not self.client.fails("list", t_us):
            replica, shows = self.client.list_replica(t_us), self.client.lists_object
            keys = self.world.keys.all()
            listed = tuple(sorted(name for name, b in keys if shows(b, _OBJECT, replica, t_us)))
        yield from self._end(call_us)
        self._note("list", "", listed, call_us, "fail" if listed is None else "ok")

    def _is_answered(self, kind: str, block: Block) -> bool:
        """Whether a read of a key, now, gets something else than an error for an answer."""
        try:
            self.client.raise_if_failing(kind, block, _OBJECT, self.world.kernel.now_us)
        except RequestFailed:
            return False
        return True

    def _wait(self, wait_us: int) -> Steps:
        yield from until(self.world.kernel.now_us + wait_us, self.world.kernel, self.phase)

    def _end(self, call_us: int) -> Steps:
        """The answer comes; the next operation begins later than that."""
        return_us = call_us + self.world.probing.takes_us
        self._free_us = return_us + 1
        yield from until(return_us, self.world.kernel, self.phase)

    def _note(
        self,
        f: Kind,
        key: str,
        value: Value,
        call_us: int,
        status: Status,
        version: int = NO_VERSION,
    ) -> None:
        return_us = self.world.kernel.now_us
        op = Op(self.number, f, key, value, version, call_us, return_us, status)
        self.world.ops.append(op)
