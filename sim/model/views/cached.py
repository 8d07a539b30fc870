"""What a gateway with a caching bucket reads in one sync (``SEMANTICS.md`` G8).

Here a sync costs what changed, and what it asks the store because nobody remembers it any more.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from sim.conventions.placement import Shard
from sim.model.blocks.catalog import Block
from sim.model.store.caching import Answer, Cache, CachingClient
from sim.model.views.listing import Bucket, Instants


class CachedBucket(Bucket):
    """The bucket as a gateway reads it through a cache.

    A block that was looked at is looked at again when the first of its answers is forgotten, and
    at every sync while something about it is not remembered at all.
    """

    def __init__(self, client: CachingClient, *, shard: Shard | None = None) -> None:
        super().__init__(client, shard=shard)
        self._caching = client
        # Every request of a mark is sent when it is made; there is nothing to catch up with.
        self._remembers = False
        self._replaced = len(client.cache.replaced)
        self._listed_us = 0
        self._open: dict[int, Block] = {}
        self._marks_asked: dict[int, Block] = {}
        self._forgotten: dict[int, Block] = {}

    def changed(self, at: Instants) -> Iterator[Block]:
        """Blocks that may look different than in the last sync."""
        yield from super().changed(at)
        yield from self._forgotten.values()
        replaced = self._caching.cache.replaced
        yield from self._mine(replaced[self._replaced :])
        self._replaced = len(replaced)

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """LIST the bucket, check the blocks given; as :meth:`Bucket.look`."""
        self._open = {block.index: block for block in blocks}
        self._marks_asked = {}
        return super().look(blocks, at)

    def ask_for_marks(self, blocks: Collection[int], t_us: int) -> None:
        """GET the marks that the cache does not know; raises SyncAborted if one fails."""
        client, mark = self._caching, self._mark_object
        self._marks_asked = self._open
        sent = [i for i, b in self._open.items() if not client.need_not_get(b, mark, t_us)]
        super().ask_for_marks(sent, t_us)

    def mark_us(self, block: Block, t_us: int) -> int | None:
        """The time written in the mark that a GET at ``t_us`` finds, or ``None``."""
        mark = self._caching.get(block, self._mark_object, t_us)
        return None if mark is None else mark.told_us

    def pass_over(self, block: Block) -> None:
        """From the sync under way on, nobody asks for the block's mark."""
        self._open.pop(block.index, None)

    def settle(self, blocks: Iterable[Block], at: Instants) -> None:
        """A sync has succeeded; ``blocks`` were looked at."""
        blocks = tuple(blocks)
        self._unsettled = {b.index: b for b in blocks if b.settled_us > self._listed_us}
        self._forgotten = {}
        for block in blocks:
            if block.index in self.listed:
                until_us = self._serves_until_us(block)
                if until_us > at.marks_us:
                    self.again.add(until_us, block)
                else:
                    self._forgotten[block.index] = block

    def _serves_until_us(self, block: Block) -> int:
        """Until when nothing that a sync asks about a listed block is sent to the store."""
        client = self._caching
        until_us = client.head_serves_until_us(block, self._meta_object)
        if block.index in self._marks_asked:
            until_us = min(until_us, client.get_serves_until_us(block, self._mark_object))
        return until_us

    def _list(self, blocks: Iterable[Block], t_us: int) -> None:
        cache = self._caching.cache
        known = cache.listing.find(Cache.LISTING, t_us)
        if known is not None:
            self._listed_us = known.since_us
            self._note_listed(blocks, known.value, known.since_us)
            return
        super()._list(blocks, t_us)
        self._listed_us = t_us
        if cache.spec.listing_us:
            replica = self._caching.list_replica(t_us)
            until_us = t_us + cache.spec.listing_us
            cache.listing.note(
                Cache.LISTING, Answer(t_us, until_us, self._caching.gateway, replica)
            )

    def _listing(self, t_us: int) -> tuple[int | None, int] | None:
        known = self._caching.cache.listing.find(Cache.LISTING, t_us)
        if known is not None:
            return known.value, known.since_us
        return super()._listing(t_us)

    def _metas_asked(self, blocks: Sequence[Block], t_us: int) -> Collection[int]:
        client, meta, listed = self._caching, self._meta_object, self.listed
        return [
            block.index
            for block in blocks
            if block.index in listed and not client.need_not_head(block, meta, t_us)
        ]
