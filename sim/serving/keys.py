"""Keys of clients from outside, as the model knows them (``SEMANTICS.md`` V2)."""

from dataclasses import dataclass

from sim.model.blocks.catalog import Block, Catalog, Version
from sim.scenario.schema import Scenario
from sim.trace.recorder import Header, Recorder
from sim.trace.records import Record

__all__ = ["Entry", "Keys", "unrecorded"]


@dataclass(slots=True)
class Entry:
    """A key, as the model knows it; contents of versions below ``kept`` are forgotten."""

    block: Block
    number: int
    kept: int = 0

    @property
    def history(self) -> tuple[Version, ...]:
        return self.block.history[self.number]


class Keys(Catalog):
    """Keys as objects of blocks: each is the one object of its own block (V2)."""

    def __init__(self) -> None:
        super().__init__(chunk_files=1)
        self.names: list[str] = []
        objects = self.objects
        self._numbers = {
            "index": objects.index,
            "meta.json": objects.meta,
            "deletion-mark.json": objects.mark,
            "no-compact-mark.json": objects.no_compact,
        }

    def key(self, block: Block, object_index: int) -> str:
        return self.names[block.index]

    def add(self, name: str) -> Entry:
        """A key that nobody has used."""
        block = self.create(
            stream=len(self.names),
            resolution=0,
            min_us=0,
            max_us=1,
            level=1,
            sources=(0,),
            created_us=0,
            size_bytes=1,
        )
        self.names.append(name)
        return Entry(block, self._numbers.get(name.rpartition("/")[2], 0))


class _Unrecorded(Recorder):
    """Writes nothing down: an endpoint may go on for weeks."""

    def record(self, record: Record) -> None:
        """Let go of it."""


def unrecorded(scenario: Scenario, trial: int) -> Recorder:
    """What a store tells everything, and that keeps nothing."""
    return _Unrecorded(
        Header(
            scenario=scenario.name,
            scenario_digest=scenario.digest,
            scheme="",
            trial=trial,
            seed=scenario.seed + trial,
            chunk_files=1,
            gateways=scenario.gateways.count,
            replicas=scenario.store.replicas,
            warmup_us=0,
            horizon_us=0,
        )
    )
