"""Which gateways serve a block, and which replica a client reads (``SEMANTICS.md`` G1, S4)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from sim.core.arrays import Ints, np
from sim.core.streams import Streams
from sim.scenario.schema import Gateways, Store

if TYPE_CHECKING:
    from sim.trace.timelines import BlockTable


class _Block(Protocol):
    """What decides the shard of a block."""

    id: str
    stream: int


_AnyBlock = TypeVar("_AnyBlock", bound=_Block)


class Shards:
    """How blocks are split over gateways in one trial; ``streams`` are the trial's."""

    def __init__(self, gateways: Gateways, streams: Streams) -> None:
        self.count = gateways.shards
        self.by_block = gateways.shard_by == "block"
        self._streams = streams
        self._drawn: dict[str, int] = {}

    def of_gateway(self, gateway: int) -> int:
        """The shard that a gateway serves."""
        return gateway % self.count

    def of_id(self, block_id: str) -> int:
        """The shard of a block where its id decides."""
        shard = self._drawn.get(block_id)
        if shard is None:
            shard = int(self._streams.uniform("shard", block_id) * self.count)
            self._drawn[block_id] = shard
        return shard

    def of_rows(self, blocks: "BlockTable", rows: Ints) -> Ints:
        """The shard of each of the blocks, given as rows of their table; shape as ``rows``."""
        if self.by_block:
            return np.array([self.of_id(blocks.id[row]) for row in rows.tolist()], np.int64)
        return blocks.stream[rows] % self.count

    def gateways(self, blocks: "BlockTable", rows: Ints, n_gateways: int) -> list[int]:
        """Those of ``n_gateways`` that serve any of the blocks, ascending."""
        served = set(self.of_rows(blocks, rows).tolist())
        return [g for g in range(n_gateways) if self.of_gateway(g) in served]

    def shard(self, number: int) -> "Shard | None":
        """One of them, ``number`` from 0; ``None`` if it is all there is."""
        return Shard(self, number) if self.count > 1 else None


@dataclass(frozen=True, slots=True)
class Shard:
    """The blocks that the gateways of one shard serve."""

    shards: Shards
    number: int

    def among(self, blocks: Iterable[_AnyBlock]) -> Iterator[_AnyBlock]:
        """Those of the blocks that belong to it, in their order."""
        shards, number = self.shards, self.number
        if shards.by_block:
            return (block for block in blocks if shards.of_id(block.id) == number)
        return (block for block in blocks if block.stream % shards.count == number)


def candidates(store: Store, *, gateway: int | None) -> range:
    """Replicas that a gateway, or with ``None`` a writer, may read."""
    if not store.primary:
        return range(store.replicas)
    return range(1) if gateway is None else range(1, store.replicas)


def fixed_replica(store: Store, name: str, streams: Streams, *, gateway: int | None) -> int | None:
    """The replica that answers every read of client ``name``; ``None`` if each read draws one."""
    replicas = candidates(store, gateway=gateway)
    n = len(replicas)
    if n == 1:
        return replicas[0]
    if store.read_from == "nearest":
        return replicas[0 if gateway is None else gateway % n]
    if store.read_from == "sticky":
        return replicas[int(streams.uniform("replica", name) * n)]
    return None
