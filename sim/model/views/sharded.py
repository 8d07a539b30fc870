"""What a compactor that has streams of its own reads of the bucket (``SEMANTICS.md`` C16)."""

from collections.abc import Sequence

from sim.model.blocks.catalog import Block
from sim.model.store.client import Client
from sim.model.views.listing import Bucket, Instants

__all__ = ["BucketOfShard"]


class BucketOfShard(Bucket):
    """The bucket to who leaves out blocks by their labels, which stand in meta.json.

    It lists all, and reads the meta.json of all; a block without one has no labels, and is
    partial to everybody. Source: Thanos, pkg/block/fetcher.go, LabelShardedMetaFilter.

    Parameters
    ----------
    shards : int
        Over so many the streams are split.
    number : int
        Of whoever reads, from 0; several may have one shard.
    """

    def __init__(
        self, client: Client, shards: int, number: int, *, marked_are_partial: bool = False
    ) -> None:
        super().__init__(client, marked_are_partial=marked_are_partial)
        self._shards = shards
        self._number = number % shards

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """As :meth:`Bucket.look`; None for a block of another shard, too."""
        shards, number = self._shards, self._number
        return [
            uploaded_us if block.stream % shards == number else None
            for block, uploaded_us in zip(blocks, super().look(blocks, at), strict=True)
        ]
