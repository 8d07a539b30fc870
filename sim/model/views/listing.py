"""What a component reads of the bucket in one sync: LIST, HEAD, GET (``SEMANTICS.md`` G3, G6, C3).

The real fetcher lists everything and asks about every block at every sync. Here a sync costs only
what changed: blocks whose visibility changed since the last sync, and blocks whose answer may
differ from replica to replica. The counts of requests are nevertheless those of the real one.

A :class:`sim.model.views.view.View` filters what it is told here. Another source of the same
knowledge, such as an index of the bucket that somebody else writes, is another class of this
interface.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sim.conventions.placement import Shard
from sim.model.blocks.catalog import Block
from sim.model.store.absent_marks import MarkMemory
from sim.model.store.client import Client, RequestFailed
from sim.model.views.agenda import Agenda


class Instants(NamedTuple):
    """When the stages of one sync look at the store."""

    list_us: int
    check_us: int
    marks_us: int


class SyncAborted(Exception):
    """A sync gave up on a failed request and changed nothing; ``args`` is its kind."""


class Bucket:
    """The bucket as one client reads it.

    Parameters
    ----------
    shard : Shard or None
        Only its blocks are read; None: all.
    is_shared : bool
        Whether several gateways read it as one; each then counts the requests it would send.
    marked_are_partial : bool
        Whether a block that is whole counts as partial too where a no-compact mark is listed.

    Attributes
    ----------
    listed : set
        Blocks (ordinals) of which the last sync listed something.
    partial : dict
        Blocks listed without a readable meta.json in the last good sync.
    metas_read : list
        Ordinals of the blocks whose meta.json was read, in order.
    is_incomplete : bool
        Whether a meta.json could not be read in the last sync.
    again : Agenda
        Blocks to look at again at a given time.
    """

    def __init__(
        self,
        client: Client,
        *,
        shard: Shard | None = None,
        is_shared: bool = False,
        marked_are_partial: bool = False,
    ) -> None:
        self.client = client
        self.is_shared = is_shared
        self.partial: dict[int, Block] = {}
        self.metas_read: list[int] = []
        self.is_incomplete = False
        self.again = Agenda()
        self._shard = shard
        self._meta_object = client.store.catalog.meta_object
        self._mark_object = client.store.catalog.mark_object
        self._marked_are_partial = marked_are_partial
        self._no_compact = client.store.catalog.no_compact_object
        self.listed: set[int] = set()
        self._uploaded_us: dict[int, int] = {}
        self._cursor = 0
        self._list_us = -1
        self._unsettled: dict[int, Block] = {}
        self._remembers = client.remembers_absence
        self._memory = MarkMemory(client)

    def changed(self, at: Instants) -> Iterator[Block]:
        """Blocks that may look different than in the last sync.

        May raise SyncAborted, in other sources than this one.
        """
        store = self.client.store
        store.advance()
        has_turned = self.client.hides and self.client.turns(self._list_us, at.marks_us)
        blocks = store.catalog.blocks if has_turned else store.touched[self._cursor :]
        if blocks:
            yield from self._mine(blocks)
        self._cursor = len(store.touched)
        self._list_us = at.list_us
        yield from self._unsettled.values()

    def stays_until_us(self) -> int:
        """Until when a sync finds what the last one found, unless the store is changed; 0: now."""
        client, store = self.client, self.client.store
        is_plain = client.is_undisturbed and client.has_right_clock
        # Other sources than this one know by themselves what has changed.
        if not is_plain or type(self).changed is not Bucket.changed or self._unsettled:
            return 0
        if self._cursor < len(store.touched):
            return 0
        return min(store.shows_next_us, self.again.next_us)

    def note_syncs(self, ticks: range, *, times: int) -> None:
        """Note that at each instant so many syncs, one after the other, found nothing new."""
        if self._remembers:
            for t_us in ticks:
                for _ in range(times):
                    self._memory.note_sync(t_us)

    def look(self, blocks: Sequence[Block], at: Instants) -> list[int | None]:
        """LIST the bucket, check the blocks given; per block the upload time in its meta.json.

        ``None`` for a block that is not listed or has no readable meta.json.

        Raises
        ------
        SyncAborted
            If LIST or a HEAD failed.
        """
        self.is_incomplete = False
        self._list(blocks, at.list_us)
        asked = self._metas_asked(blocks, at.check_us)
        self._ask("head", self._meta_object, asked, at.check_us)
        uploaded_us = [self._uploaded_at(block, at.check_us) for block in blocks]
        if self._marked_are_partial:
            replica = self.client.list_replica(at.list_us)
            for block, since_us in zip(blocks, uploaded_us, strict=True):
                is_marked = self.client.lists_object(block, self._no_compact, replica, at.list_us)
                if since_us is not None and is_marked:
                    self.partial[block.index] = block
        return uploaded_us

    def n_shown(self, blocks: Iterable[Block], t_us: int) -> int:
        """How many blocks a LIST at ``t_us`` shows, ``blocks`` having changed; 0 if it fails."""
        shown = self._listing(t_us)
        if shown is None:
            return 0
        self._note_listed(blocks, *shown)
        return len(self.listed)

    def ask_for_marks(self, blocks: Collection[int], t_us: int) -> None:
        """GET the marks of ``blocks`` (ordinals); raises SyncAborted if one fails."""
        self._ask("mark", self._mark_object, blocks, t_us)

    def ask_for_no_compact(self, blocks: Collection[int], t_us: int) -> None:
        """GET the no-compact marks of ``blocks`` (ordinals); raises SyncAborted if one fails."""
        self._ask("no-compact", self._no_compact, blocks, t_us)

    def finds_no_compact(self, block: Block, t_us: int) -> bool:
        """Whether the GET of :meth:`ask_for_no_compact` finds a mark."""
        return self.client.finds_unremembered(block, self._no_compact, t_us)

    def mark_us(self, block: Block, t_us: int) -> int | None:
        """The time that the GET of :meth:`ask_for_marks` reads in the mark, or ``None``."""
        client = self.client
        if self._remembers:
            self._memory.catch_up(block)
        mark = client.get(block, self._mark_object, t_us)
        if mark is not None:
            self.pass_over(block)
            return mark.told_us
        if not self._remembers:
            return None
        self._memory.open(block)
        if block.settled_us > t_us or client.store.holds(block, self._mark_object):
            self._when_forgotten(block, self._mark_object)
        return None

    def pass_over(self, block: Block) -> None:
        """From the sync under way on, nobody asks for the block's mark."""
        if self._remembers:
            self._memory.close(block)

    def finds_mark(self, block: Block, t_us: int) -> bool:
        """Whether a HEAD of the block's mark at ``t_us`` finds one; raises RequestFailed."""
        if self._remembers:
            self._memory.catch_up(block)
        self.client.raise_if_failing("head", block, self._mark_object, t_us)
        return self.client.head(block, self._mark_object, t_us)

    @property
    def active(self) -> Mapping[int, int]:
        """Upload time of each block whose meta.json is in the cache, by ordinal."""
        return self._uploaded_us

    def settle(self, blocks: Iterable[Block], at: Instants) -> None:
        """A sync has succeeded; ``blocks`` were looked at.

        Keeps those that the next one may see otherwise although nothing new shows by then.
        """
        if self._remembers:
            self._memory.note_sync(at.marks_us)
        if self.client.reads_one_replica and at.marks_us == at.list_us:
            self._unsettled = {}
        else:
            self._unsettled = {b.index: b for b in blocks if b.settled_us > at.list_us}

    def n_cached(self, blocks: Iterable[int]) -> int:
        """How many of the blocks (ordinals) have their meta.json in the cache."""
        return sum(1 for index in set(blocks) if index in self._uploaded_us)

    def _mine(self, blocks: Iterable[Block]) -> Iterable[Block]:
        """Those of the blocks that are read here at all."""
        return blocks if self._shard is None else self._shard.among(blocks)

    def _list(self, blocks: Iterable[Block], t_us: int) -> None:
        """LIST the bucket at ``t_us``; raises SyncAborted."""
        shown = self._listing(t_us)
        if shown is None:
            self.client.tally.list(t_us, 0)
            raise SyncAborted("list")
        self._note_listed(blocks, *shown)
        self.client.tally.list(t_us, len(self.listed))

    def _listing(self, t_us: int) -> tuple[int | None, int] | None:
        """The replica and the instant that a LIST at ``t_us`` shows; ``None`` if it fails.

        No replica: the one that answers at that instant, which need not be drawn where all agree.
        """
        client = self.client
        if not client.is_undisturbed and client.fails("list", t_us):
            return None
        return None, t_us

    def _note_listed(self, blocks: Iterable[Block], replica: int | None, t_us: int) -> None:
        """Note which of the blocks are in the listing of a replica at ``t_us``."""
        store, listed = self.client.store, self.listed
        for block in blocks:
            # Written out where every replica shows the same: most looks end here.
            if block.settled_us <= t_us:
                is_listed = block.held != 0
            else:
                if replica is None:
                    replica = self.client.list_replica(t_us)
                is_listed = store.shows_any(block, replica, t_us)
            if is_listed:
                listed.add(block.index)
            else:
                listed.discard(block.index)

    def _metas_asked(self, blocks: Sequence[Block], t_us: int) -> Collection[int]:
        """Blocks (ordinals) for whose meta.json the sync sends a HEAD at ``t_us``."""
        return self.listed

    def _ask(self, name: str, object_index: int, blocks: Collection[int], t_us: int) -> None:
        """Read an object of each of ``blocks``; raises SyncAborted if one read fails.

        ``name`` is "head", or "mark" or "no-compact" for GETs of marks.
        """
        client = self.client
        client.tally.count("head" if name == "head" else "get", t_us, len(blocks))
        if client.is_undisturbed:
            return
        if client.batch_fails(name, object_index, blocks, t_us):
            raise SyncAborted(name)

    def _uploaded_at(self, block: Block, t_us: int) -> int | None:
        """HEAD and, the first time, GET of the meta.json of a block that may be listed."""
        index, client, meta = block.index, self.client, self._meta_object
        if self.partial:
            self.partial.pop(index, None)
        if index in self.listed:
            if client.head(block, meta, t_us):
                known_us = self._uploaded_us.get(index)
                if known_us is not None:
                    return known_us
                if self._reads_meta(block, t_us):
                    return self._uploaded_us[index]
            else:
                self._note_partial(block)
        self._uploaded_us.pop(index, None)
        return None

    def _reads_meta(self, block: Block, t_us: int) -> bool:
        client, meta = self.client, self._meta_object
        if not self.is_shared and not client.need_not_get(block, meta, t_us):
            client.tally.count("get", t_us)
        try:
            client.raise_if_failing("get", block, meta, t_us)
        except RequestFailed:
            self.is_incomplete = True
            self.again.add(0, block)
            return False
        version = client.get(block, meta, t_us)
        if version is None:
            self._note_partial(block)
            return False
        self._uploaded_us[block.index] = version.stamp_us
        self.metas_read.append(block.index)
        return True

    def _note_partial(self, block: Block) -> None:
        self.partial[block.index] = block
        self._when_forgotten(block, self._meta_object)

    def _when_forgotten(self, block: Block, object_index: int) -> None:
        """Look again when the front end no longer remembers that the object was not there."""
        until_us = self.client.remembered_absent_until(block, object_index)
        if until_us:
            self.again.add(until_us, block)
