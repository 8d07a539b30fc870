"""Rows of blocks, and the two worlds that they are put into."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sim.core.units import NEVER, parse_duration
from sim.model.blocks.catalog import Block
from sim.model.schemes import compose
from sim.model.views.listing import Bucket
from sim.model.views.view import Filters, View
from sim.scenario.schema import Scenario
from tests.reference.cleaner import CLEANING, Cleaner, Process
from tests.reference.compactor import Compactor
from tests.reference.store import Store
from tests.reference.world import Block as PlainBlock
from tests.reference.world import World
from tests.worlds import Rig, marks, us, world

H, D = us("1h"), us("1d")
NOW_US = 400 * D
WHOLE = ("chunks/000001", "index", "meta.json")
RESOLUTIONS = ("raw", "5m", "1h")


@dataclass(frozen=True)
class Row:
    """A block; ``n`` is its name in the row and its place in the order of creation.

    ``span`` is its data in µs, ``sources`` are ``(n,)`` where nothing is said. ``uploaded`` and
    ``marked`` say how long ago; ``objects`` is what is there of it.
    """

    n: int
    sources: tuple[int, ...] = ()
    span: tuple[int, int] = (0, H)
    resolution: int = 0
    stream: int = 0
    compacted: bool = False
    uploaded: str = "1d"
    marked: str = ""
    objects: tuple[str, ...] = WHOLE

    @property
    def made(self) -> dict[str, Any]:
        """What both catalogs want to know of it."""
        sources = self.sources or (self.n,)
        return {
            "stream": self.stream,
            "resolution": self.resolution,
            "min_us": self.span[0],
            "max_us": self.span[1],
            "level": 2 if self.compacted or len(sources) > 1 else 1,
            "created_us": self.n,
        }


class Made(NamedTuple):
    """A block that a pass made."""

    stream: int
    resolution: int
    sources: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What a pass did: rows marked for deletion, rows of which nothing is left, blocks made."""

    marked: set[int]
    gone: set[int]
    made: list[Made]


class Asked(Protocol):
    """Rows of blocks in a store, and those who look at it now."""

    def __init__(self, rows: Iterable[Row], **settings: Any) -> None: ...

    def sync(self) -> tuple[set[int], set[int]]:
        """Rows that the compactor's filters let through, and those whose marks it remembers."""

    def unmark(self, n: int) -> None:
        """Take away a mark."""

    def run_pass(self) -> Outcome:
        """One pass of a compactor that starts now, in which nothing takes time."""


def _scenario(settings: dict[str, Any]) -> Scenario:
    """Marks that are looked at for ``hide`` (D/2); the rest are keys of the compactor."""
    values = {
        "ranges": ["2h"],
        "compaction_takes": "0s",
        "downsampling_takes": "0s",
        "wait_interval": "999d",
        **settings,
    }
    hide_us = parse_duration(values.pop("hide", "24h"))
    return world(
        horizon="1000d",
        producers={"block_length": values["ranges"][0]},
        compactor=values,
        schemes=[marks(f"{2 * hide_us}us", "0s")],
    )


def _history(rows: Iterable[Row]) -> list[tuple[int, Row, tuple[str, ...]]]:
    """(when, row, objects that are put then), in order."""
    puts = []
    for row in rows:
        puts.append((NOW_US - us(row.uploaded), row, row.objects))
        if row.marked:
            puts.append((NOW_US - us(row.marked), row, ("deletion-mark.json",)))
    return sorted(puts, key=lambda put: put[0])


class FastBucket:
    """The rows in ``sim.model``."""

    def __init__(self, rows: Iterable[Row], **settings: Any) -> None:
        rows = list(rows)
        self.scenario = scenario = _scenario(settings)
        self.rig = Rig()
        self.blocks = {
            row.n: self.rig.catalog.create(
                sources=row.sources or (row.n,), size_bytes=100, **row.made
            )
            for row in sorted(rows, key=lambda row: row.n)
        }
        names = (*WHOLE, "deletion-mark.json")
        for t_us, row, objects in _history(rows):
            self._go(t_us)
            indices = tuple(names.index(name) for name in objects)
            self.rig.store.put(self.blocks[row.n], indices, stamp_us=t_us)
        self._go(NOW_US)
        self.view = View(
            Bucket(self.rig.client("compactor", None)),
            Filters(
                consistency_delay_us=scenario.compactor.consistency_delay_us,
                mark_delay_us=compose(scenario, 0).hide.compactor_us,
            ),
        )

    def sync(self) -> tuple[set[int], set[int]]:
        kept = self.rig.sync(self.view)
        marked = (self.rig.catalog.blocks[i] for i in self.view.marks)
        return self._numbers(kept), self._numbers(marked)

    def unmark(self, n: int) -> None:
        self.rig.store.delete(self.blocks[n], (self.rig.catalog.mark_object,))

    def run_pass(self) -> Outcome:
        delay_us = self.scenario.schemes[0].delete_delay_us
        spec = self.scenario.compactor.model_dump(by_alias=True)
        self.rig.compactor(marks(f"{delay_us}us", "0s"), **spec)
        self._go(NOW_US + 1)
        store, catalog = self.rig.store, self.rig.catalog
        known = set(self.blocks.values())
        return Outcome(
            marked={n for n, b in self.blocks.items() if store.holds(b, catalog.mark_object)},
            gone={n for n, b in self.blocks.items() if not b.held},
            made=sorted(
                Made(b.stream, b.resolution, b.sources)
                for b in catalog.blocks
                if b not in known and b.committed_us < NEVER
            ),
        )

    def _numbers(self, blocks: Iterable[Block]) -> set[int]:
        names = {block.index: n for n, block in self.blocks.items()}
        return {names[block.index] for block in blocks}

    def _go(self, t_us: int) -> None:
        if t_us > self.rig.kernel.now_us:
            self.rig.kernel.run(t_us)


class PlainBucket:
    """The rows in ``tests.reference``."""

    def __init__(self, rows: Iterable[Row], **settings: Any) -> None:
        rows = list(rows)
        scenario = _scenario(settings)
        self.world = World(scenario, scenario.schemes[0], scenario.seed)
        self.store = Store(self.world)
        self.blocks = {
            row.n: self.world.new_block(
                sources=frozenset(row.sources or (row.n,)),
                data=frozenset(row.sources or (row.n,)),
                chunk_files=1,
                **row.made,
            )
            for row in sorted(rows, key=lambda row: row.n)
        }
        for t_us, row, objects in _history(rows):
            self._go(t_us)
            for name in objects:
                self.store.change(self.blocks[row.n].key(name), is_put=True, stamp_us=t_us)
        self._go(NOW_US)
        self.process = Process(self.world, self.store)
        self.cleaner = Cleaner(self.process, CLEANING)

    def sync(self) -> tuple[set[int], set[int]]:
        for _ in self.cleaner.sync():
            pass
        marked = [self.world.blocks[i] for i in self.process.marked_us]
        return self._numbers(self.process.synced.blocks), self._numbers(marked)

    def unmark(self, n: int) -> None:
        self.store.change(self.blocks[n].key("deletion-mark.json"), is_put=False)

    def run_pass(self) -> Outcome:
        Compactor(self.process).start(NOW_US)
        self._go(NOW_US + 1)
        known = {block.id for block in self.blocks.values()}
        return Outcome(
            marked={n for n, b in self.blocks.items() if self._has(b, "deletion-mark.json")},
            gone={
                n
                for n, b in self.blocks.items()
                if not any(self._has(b, name) for name in (*WHOLE, "deletion-mark.json"))
            },
            made=sorted(
                Made(b.stream, b.resolution, tuple(sorted(b.data)))
                for b in self.world.blocks.values()
                if b.id not in known and b.committed_us < NEVER
            ),
        )

    def _has(self, block: PlainBlock, name: str) -> bool:
        return self.store.newest_is_put(block.key(name))

    def _numbers(self, blocks: Iterable[PlainBlock]) -> set[int]:
        names = {block.id: n for n, block in self.blocks.items()}
        return {names[block.id] for block in blocks}

    def _go(self, t_us: int) -> None:
        if t_us > self.world.now_us:
            self.world.run(until=t_us)


BUCKETS = (FastBucket, PlainBucket)
