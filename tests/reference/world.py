"""The clock with its phases, the blocks, and what every actor of the reference shares.

Rule numbers in this package (T2, B1, ...) are those of ``sim/SEMANTICS.md``.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from math import floor

import simpy
from simpy.events import EventPriority

from sim.core.laws import Law
from sim.core.units import NEVER
from sim.faults import Pause, SlowDown
from sim.scenario.schema import Fault, Scenario, SchemeSpec
from tests.reference.faults import is_befallen

RESOLUTIONS = ("raw", "5m", "1h")
FAULTS, PRODUCERS, COMPACTOR, OPERATOR, GATEWAYS, QUERIES = range(6)
_ACTORS_PER_PHASE = 100_000_000

Steps = Generator[simpy.Event, object, None]


@dataclass(eq=False)
class Block:
    """One block of the run; times in microseconds, ``[min_us, max_us)`` is its data."""

    id: str
    order: int
    stream: int
    resolution: int
    min_us: int
    max_us: int
    level: int
    sources: frozenset[int | str]
    data: frozenset[int]
    created_us: int
    objects: tuple[str, ...]
    bytes: int
    by_hand: bool = False
    committed_us: int = NEVER
    retired_us: int = NEVER
    retired_why: str = ""

    @property
    def group(self) -> tuple[int, int]:
        """Stream and resolution (B1)."""
        return (self.stream, self.resolution)

    @property
    def age_key(self) -> tuple[int, int, int, int]:
        """Sorts blocks from the oldest (B3)."""
        return (self.created_us, *self.group, self.order)

    @property
    def by_compactor(self) -> bool:
        """Whether the compactor made it, by compaction or downsampling."""
        return self.level > 1 and not self.by_hand

    def key(self, name: str) -> str:
        """Key of one of its objects (S1)."""
        return f"{self.id}/{name}"

    def data_keys(self) -> list[str]:
        """Keys a query reads: every chunk and the index (Q2)."""
        return [self.key(name) for name in self.objects if name != "meta.json"]


@dataclass
class Counts:
    """Plain counters over the whole run."""

    events: dict[str, int] = field(
        default_factory=lambda: {
            "duplicate-compaction": 0,
            "compactor-halt": 0,
            "compactor-error": 0,
            "orphan-mark": 0,
            "re-references": 0,
            "dangling-reference": 0,
            "requests.get": 0,
            "requests.head": 0,
            "requests.list": 0,
            "requests.put": 0,
            "requests.delete": 0,
        }
    )

    def add(self, name: str, many: int = 1) -> None:
        """Count ``many`` more events of this name."""
        self.events[name] += many


class World(simpy.Environment):
    """A SimPy environment whose events at one instant are processed by phase (T2)."""

    def __init__(self, scenario: Scenario, scheme: SchemeSpec, seed: int) -> None:
        super().__init__(initial_time=0)
        self.scenario = scenario
        self.scheme = scheme
        self.streams = scenario.streams(seed)
        self.blocks: dict[str, Block] = {}
        self.counts = Counts()
        self.struck: dict[tuple[int, str], int] = {}
        self.committed: dict[tuple[str, int], tuple[frozenset[str], int]] = {}
        self.begun: dict[tuple[str, int], tuple[dict[str, int], int]] = {}
        self.references: list[tuple[int, str]] = []

    @property
    def now_us(self) -> int:
        """The present instant, microseconds."""
        return int(self.now)

    def at(self, time_us: int, phase: int, actor: int = 0) -> simpy.Event:
        """An event at an instant and phase; if the run ends before, it never happens (T1).

        Queries are exempt from the end of the run: their reads may reach beyond it (Q3).
        """
        event = simpy.Event(self)
        if time_us < self.scenario.horizon_us or phase == QUERIES:
            event._ok = True
            event._value = None
            priority = EventPriority(1 + phase * _ACTORS_PER_PHASE + actor)
            self.schedule(event, priority, time_us - self.now_us)
        return event

    def draw_us(self, law: Law, *identity: str | int) -> int:
        """The value of a law for the decision named by ``identity`` (T3)."""
        return law.draw_us(self.streams.uniform(*identity))

    def pick(self, n: int, *identity: str | int) -> int:
        """One of ``range(n)``, equally likely."""
        return floor(self.streams.uniform(*identity) * n)

    def fault_at_us(self, index: int, fault: Fault) -> int:
        """When a fault begins."""
        return self.draw_us(fault.at, "fault", index, "at")

    def fault_lasts_us(self, index: int, fault: Fault) -> int:
        """How long a fault lasts."""
        return self.draw_us(fault.lasts, "fault", index, "lasts")

    def faults_in_force(self) -> list[Fault]:
        """The faults that hold now (F1)."""
        return [
            fault
            for index, fault in enumerate(self.scenario.faults)
            if 0 <= self.now_us - self.fault_at_us(index, fault) < self.fault_lasts_us(index, fault)
        ]

    def new_block(
        self,
        *,
        stream: int,
        resolution: int,
        min_us: int,
        max_us: int,
        level: int,
        sources: frozenset[int | str] | None,
        data: frozenset[int],
        created_us: int,
        chunk_files: int,
        size_bytes: int | None = None,
        by_hand: bool = False,
    ) -> Block:
        """Register a block under the next free id (B1); without sources it names itself.

        Without a size it has that of a level-1 block (B5).
        """
        stem = f"{stream}.{RESOLUTIONS[resolution]}.{min_us}-{max_us}.{level}."
        number = len([known for known in self.blocks if known.startswith(stem)])
        chunks = tuple(f"chunks/{i:06d}" for i in range(1, chunk_files + 1))
        name = f"{stem}{number}"
        block = Block(
            id=name,
            order=len(self.blocks),
            stream=stream,
            resolution=resolution,
            min_us=min_us,
            max_us=max_us,
            level=level,
            sources=frozenset({name}) if sources is None else sources,
            data=data,
            created_us=created_us,
            objects=(*chunks, "index", "meta.json"),
            bytes=self.scenario.producers.block_bytes if size_bytes is None else size_bytes,
            by_hand=by_hand,
        )
        self.blocks[block.id] = block
        return block


class Actor:
    """Something with a place in the order of phases that can sleep.

    ``name`` is by which faults know it; nobody knows those without one.
    """

    name = ""

    def __init__(self, world: World, phase: int, number: int) -> None:
        self.world = world
        self.phase = phase
        self.number = number

    def turn(self, time_us: int) -> simpy.Event:
        """This actor's turn at an instant, or after the pause that it lies in."""
        return self.world.at(self.taken_us(time_us), self.phase, self.number)

    def taken_us(self, due_us: int) -> int:
        """When a step is taken that is due at an instant (F9)."""
        if not self.name:
            return due_us
        for index, fault in enumerate(self.world.scenario.faults):
            if isinstance(fault, Pause) and is_befallen(fault, self.name):
                at_us = self.world.fault_at_us(index, fault)
                end_us = at_us + self.world.fault_lasts_us(index, fault)
                if at_us <= due_us < end_us:
                    return self.taken_us(end_us)
        return due_us

    def slowed_us(self, takes_us: int) -> int:
        """How long work lasts that begins now (F10)."""
        factors = [1.0]
        if self.name:
            factors += [
                fault.factor
                for fault in self.world.faults_in_force()
                if isinstance(fault, SlowDown) and is_befallen(fault, self.name)
            ]
        return floor(takes_us * max(factors))

    def until(self, time_us: int) -> Steps:
        """Sleep until an instant; a sleep of 0 does not give way (T2)."""
        if time_us > self.world.now_us:
            yield self.turn(time_us)


class Crashed(Exception):
    """An actor crashes at a request; ``until_us`` is when it starts again."""

    def __init__(self, until_us: int) -> None:
        super().__init__(until_us)
        self.until_us = until_us


class Crashable(Actor):
    """An actor that lives, may be struck down, and then lives again.

    ``live(start_us)`` is one life; ``forget()`` is what a crash does to its memory.
    """

    process: simpy.Process
    down_until_us = 0
    next_us = 0

    def start(self, first_us: int) -> None:
        """Begin the first life at ``first_us``."""
        self.process = self.world.process(self._lives(first_us))

    def _lives(self, first_us: int) -> Steps:
        start_us = first_us
        while True:
            try:
                yield from self.live(start_us)
                return
            except simpy.Interrupt:
                start_us = self.next_us
            except Crashed as crash:
                self.down_until_us = max(self.down_until_us, crash.until_us)
                self.forget()
                self.drag_down(self.down_until_us)
                start_us = self.down_until_us

    def crash(self, until_us: int) -> None:
        """Stop at once and begin again at ``until_us``, or later if another crash says so."""
        self.down_until_us = max(self.down_until_us, until_us)
        self.forget()
        self.restart(self.down_until_us)

    def restart(self, at_us: int) -> None:
        """Stop at once, and begin again at ``at_us``."""
        self.next_us = at_us
        self.process.interrupt()

    def drag_down(self, until_us: int) -> None:
        """Take along whoever cannot live without it."""

    def live(self, start_us: int) -> Steps:
        """One life, from ``start_us`` to the end of the run or the next crash."""
        raise NotImplementedError

    def forget(self) -> None:
        """Lose whatever a crash loses."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ticker:
    """When an actor that repeats a run begins the next one (T4)."""

    world: World
    interval: Law
    start_us: int
    actor: tuple[str | int, ...]

    def next_us(self, began_us: int, ended_us: int) -> int:
        """Start of the run after the one over ``[began_us, ended_us]``."""
        if not self.interval.is_constant:
            draw_us = self.world.draw_us(self.interval, *self.actor, "interval", began_us)
            return max(ended_us, began_us + draw_us)
        interval_us = self.interval.draw_us(0.5)
        tick_us = self.start_us
        while tick_us <= began_us:
            tick_us += interval_us
        return max(ended_us, tick_us)
