"""What a component believes is in the bucket: filters, domination, marks (``SEMANTICS.md`` G4, C3).

A sync costs what changed: blocks that :class:`~sim.model.views.listing.Bucket` tells of, and
blocks whose age crosses a filter's threshold by now.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import NamedTuple

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block, by_creation
from sim.model.blocks.survivors import Everybody, Survivors
from sim.model.tally import pages
from sim.model.views.listing import Bucket, Instants


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The settings of a filter chain.

    ``mark_delay_us`` hides a block whose mark is older (strictly), ``data_age_us`` one whose newest
    data is; ``None`` leaves a filter out.
    ``remembers_marks``: a mark once seen stays known although a later sync does not find it.
    ``deduplicates``: what another block contains is dropped.
    ``reads_no_compact``: marks against compaction are read, which hide nothing.
    """

    consistency_delay_us: int
    mark_delay_us: int | None
    data_age_us: int | None = None
    remembers_marks: bool = True
    deduplicates: bool = True
    reads_no_compact: bool = False


class Sees(NamedTuple):
    """How many blocks a sync lists, and how many marks it asks for."""

    n_listed: int
    n_marks: int


class View:
    """The state of one component's fetcher.

    Attributes
    ----------
    source : Bucket
        What it reads.
    client : Client
        Who reads.
    wanted : dict
        Blocks that passed every filter, by ordinal.
    marks : dict
        Stamp of each block's mark as first seen, until the block is no longer active.
    garbage : dict
        Blocks that only deduplication dropped and whose mark, if any, is not known.
    no_compact : set
        Blocks (ordinals) that are not to be compacted.
    log : list
        Every block that entered or left ``wanted`` or ``no_compact``, in order.
    learnt : list
        Each block whose mark became known, with the stamp in it, in order.
    """

    def __init__(self, source: Bucket, filters: Filters) -> None:
        self.source = source
        self.client = source.client
        self.filters = filters
        self.marks: dict[int, int] = {}
        self._survivors = (Survivors if filters.deduplicates else Everybody)(self.marks)
        self.wanted = self._survivors.kept
        self.garbage = self._survivors.dropped_unmarked
        self.log = self._survivors.log
        self.no_compact: set[int] = set()
        self.learnt: list[tuple[int, int]] = []
        self._blocks = source.client.store.catalog.blocks
        self._checked: set[int] = set()
        self._passing: set[int] = set()
        self._hot: dict[int, Block] = {}
        self._mark_stamps: list[tuple[int, int]] = []
        self._due: dict[int, int] = {}
        self._collected_us = -1

    def sync(self, at: Instants) -> None:
        """Bring the view up to date; blocks that come or go are added to :attr:`log`.

        Raises
        ------
        SyncAborted
            If LIST, a HEAD or a mark GET failed. Nothing has come or gone then.
        """
        hot = self._collect(at)
        uploaded_us = self.source.look(hot, at)
        if hot:
            self._check(hot, uploaded_us, at.check_us)
        if self.filters.reads_no_compact:
            self.source.ask_for_no_compact(self._checked, at.marks_us)
        if self.filters.mark_delay_us is not None:
            self.source.ask_for_marks(self._checked, at.marks_us)
        if self.filters.reads_no_compact:
            self._note_no_compact(hot, at.marks_us)
        if hot:
            for block in hot:
                self._filter(block, at.marks_us)
            self._look_at_resurfaced(at.marks_us)
        self.source.settle(hot, at)
        self._hot = {}

    def stays_until_us(self) -> int:
        """Until when a sync finds what the last one found, unless the store is changed; 0: now."""
        return 0 if self._hot else self.source.stays_until_us()

    def sees(self) -> Sees:
        """What a sync asks about as long as it finds nothing new."""
        filters = self.filters
        kinds = (filters.mark_delay_us is not None) + filters.reads_no_compact
        return Sees(len(self.source.listed), kinds * len(self._checked))

    def repeat(self, sees: Sees, ticks: range, *, times: int) -> None:
        """Note that at each instant so many syncs, one after the other, found nothing new."""
        tally = self.client.tally
        tally.count_each("list", ticks, times * pages(sees.n_listed))
        tally.count_each("head", ticks, times * sees.n_listed)
        tally.count_each("get", ticks, times * sees.n_marks)
        self.source.note_syncs(ticks, times=times)

    def n_listed(self, t_us: int) -> int:
        """How many blocks the LIST of a sync that begins at ``t_us``, which is now, will show."""
        return self.source.n_shown(self._collect(Instants(t_us, t_us, t_us)), t_us)

    def remember_mark(self, block: Block, stamp_us: int) -> None:
        """Know from now on that the block was marked at ``stamp_us``; the first time counts."""
        index = block.index
        if index not in self.marks:
            self.marks[index] = stamp_us
            self.learnt.append((index, stamp_us))
            heappush(self._mark_stamps, (stamp_us, index))
            self._survivors.note_mark(block)

    def due(self, stamp_before_us: int) -> list[Block]:
        """Blocks with a remembered mark stamped before ``stamp_before_us``, oldest first.

        A clock may have been set back since it was last asked.
        """
        stamps, due = self._mark_stamps, self._due
        while stamps and stamps[0][0] < stamp_before_us:
            stamp_us, index = heappop(stamps)
            due[index] = stamp_us
        if not due:
            return []
        self._due = {i: stamp_us for i, stamp_us in due.items() if self.marks.get(i) == stamp_us}
        old = (self._blocks[i] for i, us in self._due.items() if us < stamp_before_us)
        return sorted(old, key=by_creation)

    def next_due_us(self, delay_us: int) -> int:
        """When :meth:`due` has another block, were marks due after a delay; 0: it may have one."""
        if self._due:
            return 0
        return self._mark_stamps[0][0] + delay_us + 1 if self._mark_stamps else NEVER

    def mark(self, block: Block, t_us: int) -> None:
        """Put the block's mark unless a HEAD finds one; raises RequestFailed as the client does."""
        client = self.client
        client.tally.count("head", t_us)
        if not self.source.finds_mark(block, t_us):
            mark = client.store.catalog.mark_object
            client.put(block, mark, t_us, stamp_us=client.stamp_us(t_us))

    def is_superseded(self, block: Block) -> bool:
        """Whether the block passes all other filters, and deduplication drops it."""
        return self._survivors.is_dropped(block)

    def _collect(self, at: Instants) -> list[Block]:
        """Blocks to look at again; they stay hot until a sync succeeds."""
        hot = self._hot
        for block in self.source.changed(at):
            hot[block.index] = block
        for index in self.source.again.due(at.marks_us):
            hot[index] = self._blocks[index]
        # To a clock that was set, what was too young or old enough may no longer be.
        client, since_us = self.client, self._collected_us
        if not client.has_right_clock and client.sets_clock(since_us, at.marks_us):
            for index in sorted(self.source.listed):
                hot[index] = self._blocks[index]
        self._collected_us = at.list_us
        return list(hot.values())

    def _check(self, blocks: Sequence[Block], uploaded_us: Sequence[int | None], t_us: int) -> None:
        """Filters by age; a block that is not active is forgotten."""
        checked = self._checked
        for block, since_us in zip(blocks, uploaded_us, strict=True):
            index = block.index
            if since_us is not None and self._is_of_age(block, since_us, t_us):
                checked.add(index)
                continue
            checked.discard(index)
            if since_us is None:
                self.marks.pop(index, None)
            self.source.pass_over(block)

    def _is_of_age(self, block: Block, uploaded_us: int, t_us: int) -> bool:
        data_age_us = self.filters.data_age_us
        if data_age_us is not None:
            old_us = block.max_us + data_age_us + 1
            if self.client.clock_us(t_us) >= old_us:
                return False
            self.source.again.add(self.client.when_us(old_us), block)
        return self._is_old_enough(block, uploaded_us, t_us)

    def _is_old_enough(self, block: Block, uploaded_us: int, t_us: int) -> bool:
        if block.is_exempt:
            return True
        old_us = uploaded_us + self.filters.consistency_delay_us
        if self.client.clock_us(t_us) >= old_us:
            return True
        self.source.again.add(self.client.when_us(old_us), block)
        return False

    def _filter(self, block: Block, t_us: int) -> None:
        """The mark filter and deduplication: the block's place in the view."""
        index = block.index
        passes = index in self._checked and self._passes_mark(block, t_us)
        if passes == (index in self._passing):
            return
        if passes:
            self._passing.add(index)
            self._survivors.enter(block)
        else:
            self._passing.discard(index)
            self._survivors.leave(block)

    def _passes_mark(self, block: Block, t_us: int) -> bool:
        delay_us = self.filters.mark_delay_us
        if delay_us is None:
            return True
        stamp_us = self.source.mark_us(block, t_us)
        if stamp_us is None:
            if not self.filters.remembers_marks and self.marks.pop(block.index, None) is not None:
                self._survivors.forget_mark(block)
            return True
        if not self.filters.remembers_marks and self.marks.get(block.index, stamp_us) != stamp_us:
            del self.marks[block.index]
        self.remember_mark(block, stamp_us)
        if self.client.clock_us(t_us) - stamp_us > delay_us:
            return False
        # The age of a mark does not matter while deduplication drops the block.
        if not self._survivors.is_dropped(block):
            self.source.again.add(self.client.when_us(stamp_us + delay_us + 1), block)
        return True

    def _note_no_compact(self, blocks: Sequence[Block], t_us: int) -> None:
        for block in blocks:
            is_asked = block.index in self._checked
            is_excluded = is_asked and self.source.finds_no_compact(block, t_us)
            if is_excluded != (block.index in self.no_compact):
                self.no_compact ^= {block.index}
                self.log.append(block)

    def _look_at_resurfaced(self, t_us: int) -> None:
        """Blocks that deduplication no longer drops may have a mark that grew old meanwhile."""
        resurfaced = self._survivors.resurfaced
        while resurfaced:
            block = resurfaced.pop()
            if block.index in self.marks and block.index in self._passing:
                self._filter(block, t_us)
