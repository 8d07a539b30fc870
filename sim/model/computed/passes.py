"""The passes of a compactor, one decision after the other (``SEMANTICS.md`` C1-C7, C12, C18).

Blocks are marked or deleted once what replaces them is there, which changes nothing that the
compactor sees, or because they expire: then they leave its view, at an instant that their marks
tell. So passes need no store, only the instants at which blocks come of age.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from heapq import heappop, heappush
from itertools import pairwise

from sim.core.draws import draw_us
from sim.core.law import Law
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.core.units import NEVER, US_PER_S
from sim.model.actors import downsampling
from sim.model.blocks.catalog import by_creation
from sim.model.computed.conditions import NotComputableError, Rules
from sim.model.computed.groups import Group, Members, Piece
from sim.model.computed.log import Log
from sim.model.computed.uploads import Uploads
from sim.scenario.schema import Compactor as CompactorSpec
from sim.scenario.schema import Producers
from sim.trace.records import RETIRE_REASONS

__all__ = ["Passes"]

Parents = tuple[Piece, ...]
"""What a block is made of."""


class _Over(Exception):
    """The horizon is reached."""


class Passes:
    """All passes of one compactor before the horizon, in order.

    Parameters
    ----------
    name : str
        What its draws are made in.
    uploads : Uploads
        Those of its streams.

    Attributes
    ----------
    log : Log
        What it did.
    """

    def __init__(
        self,
        name: str,
        spec: CompactorSpec,
        producers: Producers,
        rules: Rules,
        *,
        uploads: Uploads,
        streams: Streams,
        horizon_us: int,
    ) -> None:
        self.log = Log()
        self._name = name
        self._spec = spec
        self._producers = producers
        self._rules = rules
        self._streams = streams
        self._horizon_us = horizon_us
        self._now_us = 0
        self._place = 0
        self._uploaded_us, self._stream, self._ordinal = (
            array("q", column.tobytes())
            for column in (uploads.at_us, uploads.stream, uploads.ordinal)
        )
        self._n_seen = 0
        self._begun_us = array("q")
        self._under_way: dict[int, tuple[Piece, Parents]] = {}
        self._garbage: list[Piece] = []
        self._retention_us = spec.retention_us
        self._expiring: list[tuple[int, int, Piece]] = []
        self._hiding: list[tuple[int, int, Piece]] = []
        self._ids: set[str] = set()
        self._groups: defaultdict[Group, Members] = defaultdict(Members)
        self._dirty: set[Group] = set()
        self._backlog = downsampling.Backlog()

    def run(self) -> None:
        """Pass after pass, until the horizon."""
        ticker = Ticker(self._spec.wait_interval, self._streams, self._name, start_us=0)
        start_us = 0
        try:
            while True:
                self._pass()
                start_us = ticker.next_run_us(start_us, self._now_us)
                quiet_us = min(self._quiet_until_us(), self._horizon_us)
                if start_us < quiet_us:
                    start_us = self._pass_quietly(ticker, start_us, quiet_us)
                self._sleep(start_us - self._now_us)
        except _Over:
            return

    def _quiet_until_us(self) -> int:
        """No pass that begins before finds anything to do; 0 if the next one may."""
        # What has become garbage has left a group dirty.
        if self._dirty or not self._backlog.is_done:
            return 0
        times_us = [queue[0][0] for queue in (self._hiding, self._expiring) if queue]
        if self._n_seen < len(self._uploaded_us):
            times_us.append(self._uploaded_us[self._n_seen] + self._spec.consistency_delay_us)
        return min(times_us, default=NEVER)

    def _pass_quietly(self, ticker: Ticker, start_us: int, until_us: int) -> int:
        """Note the passes before ``until_us``, which take no time; when the next one is due."""
        at_us = ticker.runs_us(start_us, until_us)
        looks = self._rules.cleanup.when in ("in-pass", "end-of-pass")
        syncs = 4 if self._spec.downsampling else 2
        self._place = self.log.add_quiet(at_us, self._place, syncs=syncs, looks=looks)
        self._now_us = int(at_us[-1])
        return ticker.next_run_us(self._now_us, self._now_us)

    def _pass(self) -> None:
        while self._iteration():
            pass
        if self._spec.downsampling:
            for resolution in (0, 1):
                self._sync()
                for parent in self._backlog.due(self._groups, resolution):
                    self._make((parent,), resolution + 1, self._spec.downsampling_takes)
        self._sync()
        expired = self._due(self._expiring, self._now_us - 1)
        if expired:
            self._retire(expired, "retention")

    def _iteration(self) -> bool:
        """Sync, look, compact each group once; whether anything was compacted."""
        self._sync()
        if self._rules.cleanup.when == "in-pass":
            self._look()
        if self._garbage:
            self._retire(self._garbage, "garbage")
            self._garbage = []
        has_worked = False
        if self._spec.n_workers > 1:
            has_worked = self._work_off()
        else:
            for group in sorted(self._dirty):
                plan = self._plan(group)
                if plan:
                    self._make(plan, group[1], self._spec.compaction_takes)
                    has_worked = True
        if self._rules.cleanup.when == "end-of-pass":
            self._look()
        return has_worked

    def _plan(self, group: Group) -> Parents:
        plan = self._groups[group].plan(self._spec.ranges_us)
        if not plan:
            self._dirty.discard(group)
        return tuple(plan)

    def _work_off(self) -> bool:
        """Compact each group once, several at a time (``SEMANTICS.md`` C18); whether any was."""
        waiting, idle = iter(sorted(self._dirty)), list(range(self._spec.n_workers))
        busy: list[tuple[int, int, int]] = []
        has_worked = False
        while True:
            while idle and (group := next(waiting, None)):
                plan = self._plan(group)
                if not plan:
                    continue
                has_worked = True
                end_us = self._begin(plan, group[1], self._spec.compaction_takes)
                row = len(self._begun_us) - 1
                if end_us == self._now_us:
                    self._finish(row)
                else:
                    heappush(busy, (end_us, heappop(idle), row))
            if not busy:
                return has_worked
            end_us, number, row = heappop(busy)
            self._sleep(end_us - self._now_us)
            self._finish(row)
            heappush(idle, number)

    def _look(self) -> None:
        self.log.looks.add(self._now_us, self._took_place())

    def _sync(self) -> None:
        """See what has come of age by now; what was made here is known as it is made."""
        self.log.syncs.add(self._now_us, self._took_place())
        for block in self._due(self._hiding, self._now_us):
            self._let_go(block)
        old_us, uploaded_us = self._now_us - self._spec.consistency_delay_us, self._uploaded_us
        while self._n_seen < len(uploaded_us) and uploaded_us[self._n_seen] <= old_us:
            self._join()

    def _due(self, queue: list[tuple[int, int, Piece]], now_us: int) -> list[Piece]:
        """Take out what is due by ``now_us`` and still wanted."""
        due: list[Piece] = []
        while queue and queue[0][0] <= now_us:
            block = heappop(queue)[2]
            if block.is_wanted:
                due.append(block)
        return due

    def _let_go(self, block: Piece) -> None:
        self._groups[block.group].let_go(block)
        self._touch(block.group)

    def _took_place(self) -> int:
        self._place += 1
        return self._place

    def _sleep(self, takes_us: int) -> None:
        self._now_us += takes_us
        if self._now_us >= self._horizon_us:
            raise _Over

    def _join(self) -> None:
        """The next level-1 block comes into the view; its data is newer than all of its group."""
        length_us, n_seen = self._producers.block_length_us, self._n_seen
        j = self._ordinal[n_seen]
        block = Piece(
            # Who is begun at that instant comes after it.
            index=n_seen + bisect_left(self._begun_us, self._uploaded_us[n_seen]),
            group=(self._stream[n_seen], 0),
            first=j,
            end=j + 1,
            length_us=length_us,
            level=1,
            created_us=(j + 1) * length_us,
            size_bytes=self._producers.block_bytes,
        )
        self._groups[block.group].append(block)
        self._n_seen += 1
        self._enter(block)

    def _enter(self, block: Piece) -> None:
        """Note that a block is in the view now."""
        kept_us = self._retention_us[block.group[1]]
        if kept_us:
            heappush(self._expiring, (block.max_us + kept_us, block.index, block))
        self._touch(block.group)

    def _touch(self, group: Group) -> None:
        self._dirty.add(group)
        if self._spec.downsampling:
            self._backlog.touch(group[0])

    def _make(self, parents: Parents, resolution: int, law: Law) -> None:
        """Work, upload a block made of ``parents``, and retire them if it replaces them."""
        self._sleep(self._begin(parents, resolution, law) - self._now_us)
        self._finish(len(self._begun_us) - 1)

    def _begin(self, parents: Parents, resolution: int, law: Law) -> int:
        """Begin a block made of ``parents``; when it is done, in µs."""
        if any(one.end != other.first for one, other in pairwise(parents)):
            raise NotComputableError("a gap in the data")
        if any(self._now_us > parent.stamp_us + self._rules.delay_us for parent in parents):
            raise NotComputableError("what may be gone is worked on")
        first, is_compaction = parents[0], resolution == parents[0].group[1]
        now_us, spec = self._now_us, self._spec
        block = Piece(
            index=bisect_right(self._uploaded_us, now_us) + len(self._begun_us),
            group=(first.group[0], resolution),
            first=first.first,
            end=parents[-1].end,
            length_us=self._producers.block_length_us,
            level=1 + max(parent.level for parent in parents),
            created_us=now_us,
            size_bytes=round(sum(parent.bytes for parent in parents) * spec.size_ratio),
        )
        block_id = block.id
        if block_id in self._ids:
            raise NotComputableError("a block is made again")
        self._ids.add(block_id)
        self._under_way[len(self._begun_us)] = block, parents
        self._begun_us.append(now_us)
        self.log.begun.add(
            now_us,
            self._took_place(),
            block.index,
            *block.group,
            block.first,
            block.end,
            block.level,
            block.bytes,
            is_compaction,
            len(parents),
        )
        for parent in parents:
            self.log.parents.add(parent.index)
        purpose = "compaction-takes" if is_compaction else "downsampling-takes"
        return now_us + draw_us(law, self._streams, self._name, purpose, block_id)

    def _finish(self, row: int) -> None:
        """Upload one of those begun, and retire what it replaces."""
        block, parents = self._under_way.pop(row)
        self.log.done.add(self._now_us, self._took_place(), row)
        contained = self._groups[block.group].take_in(block)
        for one in contained:
            self.log.contained.add(one.index, block.index)
        self._enter(block)
        if block.group == parents[0].group:
            self._retire(contained, "compacted")
        else:
            is_marked = self._rules.marks
            self._garbage += [b for b in contained if b.stamp_us == NEVER or not is_marked]

    def _retire(self, blocks: Sequence[Piece], why: str) -> None:
        place, now_us, rules = self._took_place(), self._now_us, self._rules
        reason = RETIRE_REASONS.index(why)
        for block in sorted(blocks, key=by_creation):
            if block.stamp_us < NEVER:
                self.log.again.add(now_us)
                continue
            block.stamp_us = now_us - now_us % US_PER_S
            self.log.retired.add(now_us, place, block.index, block.stamp_us, reason)
            if not block.is_wanted:
                continue
            if rules.deletes_at_once:
                self._let_go(block)
            elif rules.compactor_us is not None:
                hidden_us = block.stamp_us + rules.compactor_us + 1
                heappush(self._hiding, (hidden_us, block.index, block))
