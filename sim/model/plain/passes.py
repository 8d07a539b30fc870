"""The passes of the compactor, one decision after the other (``SEMANTICS.md`` C1-C7, C12).

Nothing that is marked or deleted changes what it sees: a block is retired once what replaces it is
there. So passes need no store, only the instants at which blocks come of age.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter

from sim.core.draws import draw_us
from sim.core.law import Law
from sim.core.objects import RESOLUTIONS
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.model.actors import downsampling, planner
from sim.model.plain.conditions import NotPlainError
from sim.model.plain.uploads import Uploads
from sim.scenario.schema import Cleanup, Producers
from sim.scenario.schema import Compactor as CompactorSpec

__all__ = ["Passes", "Piece"]

Group = tuple[int, int]


class Piece:
    """A block as plans need it: level-1 ordinals [first, end) of one stream."""

    __slots__ = (
        "bytes",
        "created_us",
        "end",
        "first",
        "group",
        "index",
        "level",
        "max_us",
        "min_us",
    )

    def __init__(
        self,
        *,
        index: int,
        group: Group,
        first: int,
        end: int,
        length_us: int,
        level: int,
        created_us: int,
        size_bytes: int,
    ) -> None:
        self.index = index
        self.group = group
        self.first = first
        self.end = end
        self.min_us = first * length_us
        self.max_us = end * length_us
        self.level = level
        self.created_us = created_us
        self.bytes = size_bytes

    @property
    def sources(self) -> range:
        """What is in it, as level-1 ordinals."""
        return range(self.first, self.end)

    @property
    def id(self) -> str:
        """Its id, which no other block of a plain world has."""
        (stream, resolution), span = self.group, f"{self.min_us}-{self.max_us}"
        return f"{stream}.{RESOLUTIONS[resolution]}.{span}.{self.level}.0"


class _Over(Exception):
    """The horizon is reached."""


class _Members:
    """The blocks of one group in order of time, and until when none of them can be due."""

    __slots__ = ("blocks", "idle_until_us")

    def __init__(self) -> None:
        self.blocks: list[Piece] = []
        self.idle_until_us = 0

    def plan(self, ranges_us: Sequence[int]) -> list[Piece]:
        """What to compact into one block, or nothing."""
        blocks = self.blocks
        if len(blocks) < 3 or blocks[-2].max_us < self.idle_until_us:
            return []
        plan = planner.plan(blocks, ranges_us)
        if not plan and len(ranges_us) > 1:
            # Until a block ends the smallest window that the newest planned one lies in, blocks
            # that come complete no window, and none that they lie in is behind the newest.
            last = blocks[-2]
            end_us = last.min_us - last.min_us % ranges_us[1] + ranges_us[1]
            self.idle_until_us = end_us if last.max_us < end_us else 0
        return plan

    def take_in(self, block: Piece) -> list[Piece]:
        """Put a new block in its place; what it contains is returned, and no longer here."""
        blocks = self.blocks
        low = bisect_left(blocks, block.first, key=attrgetter("first"))
        high = bisect_left(blocks, block.end, key=attrgetter("first"))
        contained = blocks[low:high]
        if (low and blocks[low - 1].end > block.first) or (
            contained and contained[-1].end > block.end
        ):
            raise NotPlainError("blocks overlap")
        blocks[low:high] = [block]
        self.idle_until_us = 0
        return contained


class Passes:
    """All passes before the horizon, in order.

    Attributes
    ----------
    syncs, looks : list of (int, int)
        Instants (µs) at which the bucket was listed, and at which marked blocks were looked
        through, each with its place among all that the compactor did.
    made : list of Piece
        Blocks begun, in order; those of :attr:`done` were uploaded.
    begun, done : list of (int, int)
        When and at which place; ``done`` may be one shorter.
    parents : list of tuple of Piece
        What each was made of, in order of time.
    contained : list of (int, int)
        Blocks (ordinals) that another one contains, and the first that did.
    retired : list of (int, int, Piece, str)
        When and at which place each block was declared obsolete, in order, and why.
    """

    def __init__(
        self,
        spec: CompactorSpec,
        producers: Producers,
        cleanup: Cleanup,
        *,
        uploads: Uploads,
        streams: Streams,
        horizon_us: int,
    ) -> None:
        self.syncs: list[tuple[int, int]] = []
        self.looks: list[tuple[int, int]] = []
        self.made: list[Piece] = []
        self.begun: list[tuple[int, int]] = []
        self.done: list[tuple[int, int]] = []
        self.parents: list[tuple[Piece, ...]] = []
        self.contained: list[tuple[int, int]] = []
        self.retired: list[tuple[int, int, Piece, str]] = []
        self._spec = spec
        self._producers = producers
        self._when = cleanup.when
        self._streams = streams
        self._horizon_us = horizon_us
        self._now_us = 0
        self._place = 0
        self._uploads = list(
            zip(
                uploads.at_us.tolist(),
                uploads.stream.tolist(),
                uploads.ordinal.tolist(),
                strict=True,
            )
        )
        self._uploaded_us: list[int] = uploads.at_us.tolist()
        self._n_seen = 0
        self._begun_us: list[int] = []
        self._garbage: list[Piece] = []
        self._groups: dict[Group, _Members] = {}
        self._by_group: dict[Group, list[Piece]] = {}
        self._dirty: set[Group] = set()
        self._backlog = downsampling.Backlog()

    def run(self) -> None:
        """Pass after pass, until the horizon."""
        ticker = Ticker(self._spec.wait_interval, self._streams, "compactor", start_us=0)
        start_us = 0
        try:
            while True:
                self._pass()
                start_us = ticker.next_run_us(start_us, self._now_us)
                self._sleep(start_us - self._now_us)
        except _Over:
            return

    def _pass(self) -> None:
        while self._iteration():
            pass
        if self._spec.downsampling:
            for resolution in (0, 1):
                self._sync()
                for parent in self._backlog.due(self._by_group, resolution):
                    self._make((parent,), resolution + 1, self._spec.downsampling_takes)
        self._sync()

    def _iteration(self) -> bool:
        """Sync, look, compact each group once; whether anything was compacted."""
        self._sync()
        if self._when == "in-pass":
            self._look()
        if self._garbage:
            self._retire(self._garbage, "garbage")
            self._garbage = []
        has_worked = False
        for group in sorted(self._dirty):
            plan = self._groups[group].plan(self._spec.ranges_us)
            if plan:
                self._make(tuple(plan), group[1], self._spec.compaction_takes)
                has_worked = True
            else:
                self._dirty.discard(group)
        if self._when == "end-of-pass":
            self._look()
        return has_worked

    def _look(self) -> None:
        self.looks.append((self._now_us, self._took_place()))

    def _sync(self) -> None:
        """See what has come of age by now; what was made here is known as it is made."""
        self.syncs.append((self._now_us, self._took_place()))
        old_us, uploaded_us = self._now_us - self._spec.consistency_delay_us, self._uploaded_us
        while self._n_seen < len(uploaded_us) and uploaded_us[self._n_seen] <= old_us:
            self._join(*self._uploads[self._n_seen])

    def _took_place(self) -> int:
        self._place += 1
        return self._place

    def _sleep(self, takes_us: int) -> None:
        self._now_us += takes_us
        if self._now_us >= self._horizon_us:
            raise _Over

    def _members(self, group: Group) -> _Members:
        members = self._groups.get(group)
        if members is None:
            members = self._groups[group] = _Members()
            self._by_group[group] = members.blocks
        return members

    def _join(self, at_us: int, stream: int, j: int) -> None:
        """The next level-1 block comes into the view; its data is newer than all of its group."""
        length_us, group = self._producers.block_length_us, (stream, 0)
        members = self._members(group).blocks
        if members and j < members[-1].end:
            raise NotPlainError("blocks overlap")
        members.append(
            Piece(
                index=self._n_seen + bisect_left(self._begun_us, at_us),
                group=group,
                first=j,
                end=j + 1,
                length_us=length_us,
                level=1,
                created_us=(j + 1) * length_us,
                size_bytes=self._producers.block_bytes,
            )
        )
        self._n_seen += 1
        self._touch(group)

    def _touch(self, group: Group) -> None:
        self._dirty.add(group)
        if self._spec.downsampling:
            self._backlog.touch(group[0])

    def _make(self, parents: tuple[Piece, ...], resolution: int, law: Law) -> None:
        """Work, upload a block made of ``parents``, and retire them if it replaces them."""
        if any(one.end != other.first for one, other in pairwise(parents)):
            raise NotPlainError("a gap in the data")
        first, is_compaction = parents[0], resolution == parents[0].group[1]
        now_us, spec = self._now_us, self._spec
        block = Piece(
            index=bisect_right(self._uploaded_us, now_us) + len(self.made),
            group=(first.group[0], resolution),
            first=first.first,
            end=parents[-1].end,
            length_us=self._producers.block_length_us,
            level=1 + max(parent.level for parent in parents),
            created_us=now_us,
            size_bytes=round(sum(parent.bytes for parent in parents) * spec.size_ratio),
        )
        self.made.append(block)
        self.begun.append((now_us, self._took_place()))
        self._begun_us.append(now_us)
        self.parents.append(parents)
        purpose = "compaction-takes" if is_compaction else "downsampling-takes"
        self._sleep(draw_us(law, self._streams, "compactor", purpose, block.id))
        self.done.append((self._now_us, self._took_place()))
        contained = self._members(block.group).take_in(block)
        self.contained += [(one.index, block.index) for one in contained]
        if is_compaction:
            if contained != list(parents):
                raise NotPlainError("more is replaced than was compacted")
            self._retire(contained, "compacted")
        else:
            self._garbage += contained
        self._touch(block.group)

    def _retire(self, blocks: Sequence[Piece], why: str) -> None:
        place = self._took_place()
        ordered = sorted(blocks, key=_by_creation)
        self.retired += [(self._now_us, place, block, why) for block in ordered]


def _by_creation(block: Piece) -> tuple[int, int, int, int]:
    return block.created_us, *block.group, block.index
