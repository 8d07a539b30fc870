"""Blocks, and which block makes which other superfluous (``SEMANTICS.md`` B1-B5, G4).

Domination is a fact about two blocks, not about a reader: it is worked out once, when a block is
made, so that a reader that sees a block come or go touches only the blocks it dominates.
"""

from collections.abc import Sequence
from operator import attrgetter

from sim.core.objects import RESOLUTIONS, BlockObjects
from sim.core.units import NEVER
from sim.trace.records import UNREADABLE_US, BlockRecord


class Version:
    """One acknowledged change of one object.

    ``get`` and ``list`` hold, per replica, when it shows the change, or ``None`` if all show it at
    ``ack_us``. ``stamp_us`` is the time written inside the object, 0 if there is none.
    """

    __slots__ = ("ack_us", "get", "is_put", "list", "stamp_us")

    def __init__(
        self,
        ack_us: int,
        is_put: bool,
        stamp_us: int,
        get: tuple[int, ...] | None,
        listed: tuple[int, ...] | None,
    ) -> None:
        self.ack_us = ack_us
        self.is_put = is_put
        self.stamp_us = stamp_us
        self.get = get
        self.list = listed

    @property
    def told_us(self) -> int | None:
        """What whoever reads the object learns of its time; None if nobody can read it."""
        return None if self.stamp_us == UNREADABLE_US else self.stamp_us


class Block:
    """An immutable block and the history of its objects in the store.

    ``history[i]`` are the versions of object *i*, oldest first: chunks, then index, meta.json and
    deletion-mark.json. ``held`` has a bit for each object whose newest version is a put.
    ``settled_us`` is when the last change so far is shown everywhere: from then on ``held`` is what
    everybody sees.
    """

    __slots__ = (
        "bytes",
        "committed_us",
        "created_us",
        "dominated_by",
        "dominates",
        "group",
        "held",
        "history",
        "id",
        "index",
        "level",
        "max_us",
        "min_us",
        "resolution",
        "retired_us",
        "settled_us",
        "sources",
        "stream",
    )

    def __init__(
        self,
        *,
        index: int,
        block_id: str,
        stream: int,
        resolution: int,
        min_us: int,
        max_us: int,
        level: int,
        sources: tuple[int, ...],
        created_us: int,
        size_bytes: int,
        n_objects: int,
    ) -> None:
        self.index = index
        self.id = block_id
        self.stream = stream
        self.resolution = resolution
        self.group = (stream, resolution)
        self.min_us = min_us
        self.max_us = max_us
        self.level = level
        self.sources = sources
        self.created_us = created_us
        self.bytes = size_bytes
        self.history: list[tuple[Version, ...]] = [()] * n_objects
        self.held = 0
        self.dominates: tuple[Block, ...] = ()
        self.dominated_by: tuple[Block, ...] = ()
        self.committed_us = NEVER
        self.retired_us = NEVER
        self.settled_us = 0

    @property
    def is_compacted(self) -> bool:
        """Made by a compactor: exempt from consistency delays."""
        return self.level > 1

    def record(self, t_us: int) -> BlockRecord:
        """The record of the block's making."""
        return BlockRecord(
            t_us,
            self.index,
            self.id,
            self.stream,
            self.resolution,
            self.min_us,
            self.max_us,
            self.level,
            self.bytes,
            _ranges(self.sources),
        )


by_creation = attrgetter("created_us", "stream", "resolution", "index")
"""Sort key of blocks: the order of creation; inside a group it is the order of ULIDs."""


class Catalog:
    """Every block of a run, by ordinal, and the relations between them."""

    def __init__(self, *, chunk_files: int) -> None:
        self.blocks: list[Block] = []
        self.objects = BlockObjects(chunk_files)
        # What is asked for all the time.
        self.index_object = self.objects.index
        self.meta_object = self.objects.meta
        self.mark_object = self.objects.mark
        self.uploaded_objects = tuple(range(self.mark_object))
        self._holders: dict[tuple[int, int], list[list[Block]]] = {}

    def create(
        self,
        *,
        stream: int,
        resolution: int,
        min_us: int,
        max_us: int,
        level: int,
        sources: Sequence[int],
        created_us: int,
        size_bytes: int,
    ) -> Block:
        """A new block, related to those there are. ``sources`` are level-1 ordinals, ascending."""
        holders = self._holders.setdefault((stream, resolution), [])
        while len(holders) <= sources[-1]:
            holders.append([])
        # Where a block begins says what its first source is, so blocks of one name are all here.
        ordinal = sum(
            (peer.min_us, peer.max_us, peer.level) == (min_us, max_us, level)
            for peer in holders[sources[0]]
        )
        block = Block(
            index=len(self.blocks),
            block_id=f"{stream}.{RESOLUTIONS[resolution]}.{min_us}-{max_us}.{level}.{ordinal}",
            stream=stream,
            resolution=resolution,
            min_us=min_us,
            max_us=max_us,
            level=level,
            sources=tuple(sources),
            created_us=created_us,
            size_bytes=size_bytes,
            n_objects=self.objects.count,
        )
        self.blocks.append(block)
        _relate(block, holders)
        return block

    def twins(self, block: Block) -> list[Block]:
        """Other blocks of the same group made of exactly the same sources."""
        peers = self._holders[block.group][block.sources[0]]
        return [peer for peer in peers if peer is not block and peer.sources == block.sources]

    def key(self, block: Block, object_index: int) -> str:
        """The object's key in the store."""
        return self.objects.key(block.id, object_index)


def _relate(block: Block, holders: list[list[Block]]) -> None:
    """Enter a block among the holders of its sources; note what it dominates and what it."""
    peers: dict[int, Block] = {}
    for source in block.sources:
        for peer in holders[source]:
            peers[peer.index] = peer
        holders[source].append(block)
    if not peers:
        return
    for peer in peers.values():
        if _holds(block, peer):
            is_twin = len(peer.sources) == len(block.sources)
            is_younger = is_twin and by_creation(peer) < by_creation(block)
            winner, loser = (peer, block) if is_younger else (block, peer)
        elif _holds(peer, block):
            winner, loser = peer, block
        else:
            continue
        winner.dominates += (loser,)
        loser.dominated_by += (winner,)


def _holds(outer: Block, inner: Block) -> bool:
    """Whether every source of ``inner`` is one of ``outer``."""
    ours, theirs = outer.sources, inner.sources
    if ours[0] > theirs[0] or ours[-1] < theirs[-1]:
        return False
    has_no_gap = ours[-1] - ours[0] < len(ours)
    return has_no_gap or set(ours).issuperset(theirs)


def _ranges(sources: Sequence[int]) -> tuple[int, ...]:
    """Ascending ordinals as flattened half-open ranges: (0, 1, 2, 5) -> (0, 3, 5, 6)."""
    flat: list[int] = []
    for source in sources:
        if flat and flat[-1] == source:
            flat[-1] = source + 1
        else:
            flat += (source, source + 1)
    return tuple(flat)
