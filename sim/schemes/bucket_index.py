"""An index of the bucket, which whoever deletes writes and readers read (S11).

Readers then neither list the bucket nor ask about every block: what the index does not have is not
there for them. What they know is as old as the last cleanup, and as their last sync
(``SEMANTICS.md`` D9). Source: Cortex PR 3555 and PR 3724; pkg/compactor/blocks_cleaner.go,
cleanUser; pkg/storegateway/bucket_index_metadata_fetcher.go, Fetch.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Final, Literal, NamedTuple

from pydantic import Field

from sim.conventions.placement import Shard
from sim.model.blocks.catalog import Block
from sim.model.store.bucket_objects import BucketObject
from sim.model.store.client import Client, RequestFailed
from sim.model.views.listing import Bucket, Instants, SyncAborted
from sim.model.views.view import View
from sim.scenario.language.primitives import Primitive, register
from sim.scenario.schema import Scenario

__all__ = ["BUCKET_INDEX", "BucketIndex", "Entry", "Index"]

BUCKET_INDEX: Final = "bucket-index.json"
"""Its key."""


class Entry(NamedTuple):
    """What the index says of a block: when it was uploaded and, if it has a mark, its stamp."""

    uploaded_us: int
    stamp_us: int | None


Index = Mapping[int, Entry]
"""The content of an index, by ordinal of the block."""


@register("learn")
class BucketIndex(Primitive):
    """Whoever deletes writes an index after each cleanup; a sync of a gateway reads it."""

    source: ClassVar = "Cortex PR 3555, PR 3724"
    needs_one_compactor: ClassVar = True
    kind: Literal["bucket-index"] = Field(
        "bucket-index", description="It reads an index, written after each cleanup."
    )

    def made(self, scenario: Scenario) -> "_Published":
        """An index that nobody has written yet."""
        return _Published()

    def obstacles(self, scenario: Scenario) -> Iterator[str]:
        """Readers learn of a block when a cleanup is over, and that may take any time."""
        yield "readers know what the last cleanup wrote down (learn)"


class _Published:
    """Who writes the index, and what readers read of it."""

    def source_of(self, client: Client, *, shard: Shard | None, is_shared: bool) -> Bucket:
        return _IndexReader(client, shard=shard)

    def publish(self, view: View, t_us: int) -> None:
        client, marks = view.client, view.marks
        store, blocks = client.store, client.store.catalog.blocks
        meta = store.catalog.meta_object
        index = {
            i: Entry(uploaded_us, marks.get(i))
            for i, uploaded_us in view.source.active.items()
            if store.holds(blocks[i], meta)
        }
        client.put_own(store.own(BUCKET_INDEX), index, t_us)


class _IndexReader(Bucket):
    """A reader of the index: one GET a sync, however many blocks there are."""

    def __init__(self, client: Client, *, shard: Shard | None) -> None:
        super().__init__(client, shard=shard)
        self._own: BucketObject[Index] = client.store.own(BUCKET_INDEX)
        self._index: Index = {}
        self._read_us = -1
        self._has_failed = False

    def changed(self, at: Instants) -> Iterator[Block]:
        """Blocks of which the index says something else than the one read before."""
        before = self._index
        if self._read_us != at.list_us:
            self._read(at.list_us)
        if self._index is before:
            return
        blocks, index = self.client.store.catalog.blocks, self._index
        yield from self._mine(
            blocks[i] for i in {**before, **index} if before.get(i) != index.get(i)
        )

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """Upload time of each block, as the index has it; None of one that it has not.

        Raises
        ------
        SyncAborted
            If the index could not be read.
        """
        self.client.tally.count("get", at.list_us)
        if self._has_failed:
            raise SyncAborted("index")
        self.n_shown(blocks, at.list_us)
        entries = (self._index.get(block.index) for block in blocks)
        return [None if entry is None else entry.uploaded_us for entry in entries]

    def n_shown(self, blocks: Iterable[Block], t_us: int) -> int:
        """How many blocks the index has, ``blocks`` having changed; 0 if it cannot be read."""
        if self._has_failed:
            return 0
        for block in blocks:
            if block.index in self._index:
                self.listed.add(block.index)
            else:
                self.listed.discard(block.index)
        return len(self.listed)

    def ask_for_marks(self, blocks: Collection[int], t_us: int) -> None:
        """Send nothing: the index has the marks."""

    def mark_us(self, block: Block, t_us: int) -> int | None:
        """The time in the block's mark, as the index has it."""
        return self._index[block.index].stamp_us

    def _read(self, t_us: int) -> None:
        self._read_us = t_us
        try:
            self._index = self.client.get_own(self._own, t_us) or {}
        except RequestFailed:
            self._has_failed = True
        else:
            self._has_failed = False
