"""What a component knows of the bucket: sync, filters, domination (``SEMANTICS.md`` G3, G4, C3).

The real fetcher lists everything and asks about every block at every sync. Here a sync costs only
what changed: blocks whose visibility changed since the last sync, blocks whose age crosses a
filter's threshold by now, and blocks whose answer may differ from replica to replica. The counts
of requests are nevertheless those of the real one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from sim.model.catalog import Block, by_creation
from sim.model.client import Client, RequestFailed
from sim.model.memory import MarkMemory
from sim.model.survivors import Survivors

LISTED, CHECKED, SURVIVING = 1, 2, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The settings of a filter chain.

    ``mark_delay_us`` hides a block whose mark is older (strictly); ``None`` leaves the filter out.
    """

    consistency_delay_us: int
    mark_delay_us: int | None


class Instants(NamedTuple):
    """When the stages of one sync look at the store."""

    list_us: int
    check_us: int
    marks_us: int


class SyncAborted(Exception):
    """A sync gave up on a failed request and changed nothing; ``args`` is its kind."""


class View:
    """The state of one component's fetcher.

    Attributes
    ----------
    wanted : dict
        Blocks that passed every filter, by ordinal.
    marks : dict
        Stamp of each block's mark as first seen, until the block is no longer active.
    partial : dict
        Blocks listed without a readable meta.json in the last good sync.
    garbage : dict
        Blocks that only deduplication dropped and whose mark, if any, is not known.
    log : list
        Every block that entered or left ``wanted``, in order.
    metas_read : list
        Ordinals of the blocks whose meta.json was read, in order.
    is_shared : bool
        Whether several gateways read it; each of them then counts the requests it would send.
    """

    def __init__(
        self,
        client: Client,
        filters: Filters,
        *,
        shard: int = 0,
        shards: int = 1,
        is_shared: bool = False,
    ) -> None:
        self.client = client
        self.filters = filters
        self.marks: dict[int, int] = {}
        self._survivors = Survivors(self.marks)
        self.wanted = self._survivors.kept
        self.partial: dict[int, Block] = {}
        self.garbage = self._survivors.dropped_unmarked
        self.log = self._survivors.log
        self.metas_read: list[int] = []
        self.is_incomplete = False
        self.is_shared = is_shared
        self._delay_us = filters.consistency_delay_us
        self._mark_delay_us = filters.mark_delay_us
        self._shard = shard
        self._shards = shards
        self._flags: dict[int, int] = {}
        self._uploaded_us: dict[int, int] = {}
        self._n_listed = 0
        self._n_checked = 0
        self._cursor = 0
        self._hot: dict[int, Block] = {}
        self._timers: list[tuple[int, int]] = []
        self._unsettled: dict[int, Block] = {}
        self._mark_stamps: list[tuple[int, int]] = []
        self._due: dict[int, Block] = {}
        self._remembers = client.remembers_absence
        self._memory = MarkMemory(client)

    def sync(self, at: Instants) -> None:
        """Bring the view up to date; blocks that come or go are added to :attr:`log`.

        Raises
        ------
        SyncAborted
            If LIST, a HEAD or a mark GET failed. Nothing has changed then.
        """
        self.is_incomplete = False
        hot = self._collect(at)
        if self.client.rates.possible:
            self._sync_in_stages(hot, at)
        else:
            replica = self.client.list_replica(at.list_us)
            shows_any = self.client.store.shows_any
            for block in hot:
                is_listed = shows_any(block, replica, at.list_us)
                is_checked = self._is_checked(block, is_listed, at.check_us)
                self._finish(block, is_listed, is_checked, at)
            self._tally(at, self._n_listed, self._n_checked)
        self._look_at_resurfaced(at)
        if self._remembers:
            self._memory.note_sync(at.marks_us)
        self._settle(hot, at)

    def _sync_in_stages(self, hot: list[Block], at: Instants) -> None:
        """The same where requests may fail: each stage for all blocks, then the next."""
        client, flags = self.client, self._flags
        if client.fails("list", at.list_us):
            client.tally.list(at.list_us, 0)
            raise SyncAborted("list")
        replica = client.list_replica(at.list_us)
        listed = [client.store.shows_any(block, replica, at.list_us) for block in hot]
        n_listed = self._n_listed + sum(
            is_listed - (flags.get(block.index, 0) & LISTED)
            for block, is_listed in zip(hot, listed, strict=True)
        )
        if client.fails("head", at.check_us, n_listed):
            self._tally(at, n_listed, 0)
            raise SyncAborted("head")
        checked = [
            self._is_checked(block, is_listed, at.check_us)
            for block, is_listed in zip(hot, listed, strict=True)
        ]
        n_checked = self._n_checked + sum(
            is_checked - (flags.get(block.index, 0) & CHECKED) // CHECKED
            for block, is_checked in zip(hot, checked, strict=True)
        )
        self._tally(at, n_listed, n_checked)
        if self._mark_delay_us is not None and client.fails("mark", at.marks_us, n_checked):
            raise SyncAborted("mark")
        for block, is_listed, is_checked in zip(hot, listed, checked, strict=True):
            self._finish(block, is_listed, is_checked, at)

    def _tally(self, at: Instants, n_listed: int, n_checked: int) -> None:
        """Count the requests of a sync."""
        tally = self.client.tally
        tally.list(at.list_us, n_listed)
        tally.count("head", at.check_us, n_listed)
        if self._mark_delay_us is not None:
            tally.count("get", at.marks_us, n_checked)

    def _finish(self, block: Block, is_listed: bool, is_checked: bool, at: Instants) -> None:
        """The last filters, then the block's place in the view."""
        survives = is_checked and self._passes_mark(block, at.marks_us)
        flags = is_listed + CHECKED * is_checked + SURVIVING * survives
        before = self._flags.get(block.index, 0)
        if flags == before:
            return
        if flags:
            self._flags[block.index] = flags
        else:
            del self._flags[block.index]
        self._n_listed += (flags & LISTED) - (before & LISTED)
        self._n_checked += ((flags & CHECKED) - (before & CHECKED)) // CHECKED
        if (flags ^ before) & SURVIVING:
            if survives:
                self._survivors.enter(block)
            else:
                self._survivors.leave(block)

    def _look_at_resurfaced(self, at: Instants) -> None:
        """Blocks that deduplication no longer drops may have a mark that grew old meanwhile."""
        resurfaced = self._survivors.resurfaced
        while resurfaced:
            block = resurfaced.pop()
            if block.index in self.marks and self._flags[block.index] & SURVIVING:
                self._finish(block, True, True, at)

    def _collect(self, at: Instants) -> list[Block]:
        """Blocks to look at again; they stay hot until a sync succeeds."""
        store = self.client.store
        store.advance()
        hot = self._hot
        shard, shards = self._shard, self._shards
        for block in store.touched[self._cursor :]:
            if shards == 1 or block.stream % shards == shard:
                hot[block.index] = block
        self._cursor = len(store.touched)
        blocks = store.catalog.blocks
        while self._timers and self._timers[0][0] <= at.marks_us:
            index = heappop(self._timers)[1]
            hot[index] = blocks[index]
        if self._unsettled:
            hot.update(self._unsettled)
        return list(hot.values())

    def n_cached(self, blocks: Iterable[int]) -> int:
        """How many of the blocks (ordinals) have their meta.json in the view's cache."""
        return sum(1 for index in set(blocks) if index in self._uploaded_us)

    def due(self, stamp_before_us: int) -> list[Block]:
        """Blocks with a remembered mark stamped before ``stamp_before_us``, oldest first."""
        stamps, blocks = self._mark_stamps, self.client.store.catalog.blocks
        while stamps and stamps[0][0] < stamp_before_us:
            index = heappop(stamps)[1]
            self._due[index] = blocks[index]
        self._due = {i: block for i, block in self._due.items() if i in self.marks}
        return sorted(self._due.values(), key=by_creation)

    def finds_mark(self, block: Block, t_us: int) -> bool:
        """Whether a HEAD of the block's mark at ``t_us`` finds one; raises RequestFailed."""
        mark_object = self.client.store.catalog.mark_object
        if self._remembers:
            self._memory.catch_up(block)
        self.client.raise_if_failing("head", block, mark_object, t_us)
        return self.client.head(block, mark_object, t_us)

    def _settle(self, hot: list[Block], at: Instants) -> None:
        """Keep hot what the next sync may see otherwise although nothing new shows by then."""
        self._hot = {}
        if self.client.reads_one_replica and at.marks_us == at.list_us:
            self._unsettled = {}
        else:
            self._unsettled = {b.index: b for b in hot if b.settled_us > at.list_us}

    def _is_checked(self, block: Block, is_listed: bool, t_us: int) -> bool:
        """HEAD and, the first time, GET meta.json; then the consistency delay."""
        index = block.index
        is_active = is_listed and self._is_active(block, t_us)
        is_exempt = self._delay_us == 0 or block.is_compacted
        if is_active and (is_exempt or self._is_old_enough(block, t_us)):
            return True
        if not is_active:
            self._uploaded_us.pop(index, None)
            self.marks.pop(index, None)
            if not is_listed:
                self.partial.pop(index, None)
        if self._remembers:
            self._memory.close(block)
        return False

    def _is_active(self, block: Block, t_us: int) -> bool:
        client = self.client
        if self.partial:
            self.partial.pop(block.index, None)
        meta = client.store.catalog.meta_object
        found = client.head(block, meta, t_us)
        if found and block.index not in self._uploaded_us:
            try:
                client.raise_if_failing("get", block, meta, t_us)
            except RequestFailed:
                client.tally.count("get", t_us)
                self.is_incomplete = True
                self._look_again(0, block)
                return False
            version = client.get(block, meta, t_us)
            found = version is not None
            if version is not None:
                self._uploaded_us[block.index] = version.stamp_us
                self.metas_read.append(block.index)
            if not self.is_shared:
                client.tally.count("get", t_us)
        if not found:
            self.partial[block.index] = block
            self._look_again(client.remembered_absent_until(block, meta), block)
        return found

    def _is_old_enough(self, block: Block, t_us: int) -> bool:
        ready_us = self._uploaded_us[block.index] + self._delay_us
        if t_us >= ready_us:
            return True
        self._look_again(ready_us, block)
        return False

    def _passes_mark(self, block: Block, t_us: int) -> bool:
        delay_us = self._mark_delay_us
        if delay_us is None:
            return True
        client, index = self.client, block.index
        mark_object = client.store.catalog.mark_object
        if self._remembers:
            self._memory.catch_up(block)
        mark = client.get(block, mark_object, t_us)
        if mark is None:
            if self._remembers:
                self._memory.open(block)
                if block.settled_us > t_us or client.store.holds(block, mark_object):
                    until_us = client.remembered_absent_until(block, mark_object)
                    self._look_again(until_us, block)
            return True
        if self._remembers:
            self._memory.close(block)
        if index not in self.marks:
            self.marks[index] = mark.stamp_us
            heappush(self._mark_stamps, (mark.stamp_us, index))
            self._survivors.note_mark(block)
        if t_us - mark.stamp_us > delay_us:
            return False
        # The age of a mark does not matter while deduplication drops the block.
        if not self._survivors.is_dropped(block):
            self._look_again(mark.stamp_us + delay_us + 1, block)
        return True

    def _look_again(self, t_us: int, block: Block) -> None:
        if t_us > 0 or self.is_incomplete:
            heappush(self._timers, (t_us, block.index))
