"""Blocks, and which block makes which other superfluous (``SEMANTICS.md`` B1-B5, G4).

Domination is a fact about two blocks, not about a reader: it is worked out once, when a block is
made, so that a reader that sees a block come or go touches only the blocks it dominates.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter

from sim.core.objects import BlockObjects, block_stem
from sim.core.units import NEVER
from sim.trace.records import UNREADABLE_US, BlockRecord, NamesRecord


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
    both marks. ``held`` has a bit for each object whose newest version is a put.
    ``settled_us`` is when the last change so far is shown everywhere: from then on ``held`` is what
    everybody sees.

    ``sources`` is what meta.json names, ascending: ordinals of level-1 blocks, and numbers below 0
    of blocks that name themselves. ``data`` are the level-1 blocks whose samples it has, which is
    the same unless somebody said something else.
    """

    __slots__ = (
        "bytes",
        "committed_us",
        "created_us",
        "data",
        "dominated_by",
        "dominates",
        "group",
        "held",
        "history",
        "id",
        "index",
        "is_by_hand",
        "level",
        "max_us",
        "min_us",
        "resolution",
        "retired_us",
        "serial",
        "settled_us",
        "sources",
        "stream",
    )

    def __init__(
        self,
        *,
        index: int,
        block_id: str,
        serial: int,
        stream: int,
        resolution: int,
        min_us: int,
        max_us: int,
        level: int,
        sources: tuple[int, ...],
        data: tuple[int, ...],
        created_us: int,
        size_bytes: int,
        n_objects: int,
        is_by_hand: bool,
    ) -> None:
        self.index = index
        self.id = block_id
        self.serial = serial
        self.stream = stream
        self.resolution = resolution
        self.group = (stream, resolution)
        self.min_us = min_us
        self.max_us = max_us
        self.level = level
        self.sources = sources
        self.data = data
        self.is_by_hand = is_by_hand
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
        """Made of other blocks by a compactor, or rewritten from such a one."""
        return self.level > 1

    @property
    def is_exempt(self) -> bool:
        """Made by a compactor: consistency delays do not count."""
        return self.level > 1 and not self.is_by_hand

    def records(self, t_us: int) -> Iterator[BlockRecord | NamesRecord]:
        """The records of the block's making."""
        yield BlockRecord(
            t_us,
            self.index,
            self.serial,
            self.stream,
            self.resolution,
            self.min_us,
            self.max_us,
            self.level,
            self.bytes,
            _ranges(self.data),
        )
        if self.sources is not self.data:
            yield NamesRecord(t_us, self.index, _ranges(self.sources), int(self.is_by_hand))


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
        self.no_compact_object = self.objects.no_compact
        self.uploaded_objects = tuple(range(self.mark_object))
        self._names = self.objects.names
        self._kin: defaultdict[tuple[int, int], _Kin] = defaultdict(_Kin)
        self._alike: dict[str, int] = {}
        self._n_names = 0

    def create(
        self,
        *,
        stream: int,
        resolution: int,
        min_us: int,
        max_us: int,
        level: int,
        sources: Sequence[int],
        data: Sequence[int] | None = None,
        created_us: int,
        size_bytes: int,
        is_by_hand: bool = False,
    ) -> Block:
        """A new block, related to those there are.

        ``sources`` are ascending, as is ``data``, which may be left out where it is the same.
        """
        named = tuple(sources)
        stem = block_stem(
            stream=stream, resolution=resolution, min_us=min_us, max_us=max_us, level=level
        )
        serial = self._alike.get(stem, 0)
        self._alike[stem] = serial + 1
        block = Block(
            index=len(self.blocks),
            block_id=f"{stem}.{serial}",
            serial=serial,
            stream=stream,
            resolution=resolution,
            min_us=min_us,
            max_us=max_us,
            level=level,
            sources=named,
            data=named if data is None or tuple(data) == named else tuple(data),
            created_us=created_us,
            size_bytes=size_bytes,
            n_objects=self.objects.count,
            is_by_hand=is_by_hand,
        )
        self.blocks.append(block)
        self._kin[block.group].add(block)
        return block

    def new_name(self) -> int:
        """What a block that names itself as its source is called, if it is not of level 1."""
        self._n_names += 1
        return -self._n_names

    def twins(self, block: Block) -> list[Block]:
        """Other blocks of the same group that name exactly the same sources."""
        peers = self._kin[block.group].sharing(block)
        return [peer for peer in peers if peer is not block and peer.sources == block.sources]

    def key(self, block: Block, object_index: int) -> str:
        """The object's key in the store."""
        return f"{block.id}/{self._names[object_index]}"


class _Kin:
    """The blocks of one group, by what they name as sources."""

    def __init__(self) -> None:
        self._holders: defaultdict[int, list[Block]] = defaultdict(list)
        self._nameless: list[Block] = []

    def sharing(self, block: Block) -> list[Block]:
        """Blocks that name the first source of one, or as little as it does."""
        return self._holders[block.sources[0]] if block.sources else self._nameless

    def add(self, block: Block) -> None:
        """Take a block in; note what it dominates and what it."""
        sources, holders = block.sources, self._holders
        peers: dict[int, Block] = {}
        for source in sources:
            known = holders[source]
            for peer in known:
                peers[peer.index] = peer
            known.append(block)
        nameless = self._nameless
        if nameless or not sources:
            # What names nothing is contained in all there is, and contains only its like.
            others = nameless if sources else [*chain.from_iterable(holders.values()), *nameless]
            peers.update((peer.index, peer) for peer in others)
            if not sources:
                nameless.append(block)
        if peers:
            _relate(block, peers.values())


def _relate(block: Block, peers: Iterable[Block]) -> None:
    """Note which of its peers a new block dominates, and which it."""
    for peer in peers:
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
    if not ours or not theirs:
        return not theirs
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
