"""The blocks of one group as plans need them (``SEMANTICS.md`` C5-C7)."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter

from sim.core.objects import block_id
from sim.core.units import NEVER
from sim.model.actors import planner
from sim.model.computed.conditions import NotComputableError

__all__ = ["Group", "Members", "Piece"]

Group = tuple[int, int]
"""A stream and a resolution."""


class Piece:
    """A block as plans need it: level-1 ordinals [first, end) of one stream.

    ``is_wanted``: it is in the view of the compactor, and nothing in it contains it. ``stamp_us``:
    the second in which it was retired, NEVER if it was not.
    """

    __slots__ = (
        "bytes",
        "created_us",
        "end",
        "first",
        "group",
        "index",
        "is_wanted",
        "level",
        "max_us",
        "min_us",
        "stamp_us",
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
        self.is_wanted = True
        self.stamp_us = NEVER

    @property
    def stream(self) -> int:
        """Whose data it has."""
        return self.group[0]

    @property
    def resolution(self) -> int:
        """A position in `RESOLUTIONS`."""
        return self.group[1]

    @property
    def sources(self) -> range:
        """What is in it, as level-1 ordinals."""
        return range(self.first, self.end)

    @property
    def id(self) -> str:
        """Its id, which no other block of such a world has."""
        return block_id(
            serial=0,
            stream=self.stream,
            resolution=self.resolution,
            min_us=self.min_us,
            max_us=self.max_us,
            level=self.level,
        )


class Members(list[Piece]):
    """The blocks of one group in order of time, and until when none of them can be due.

    Of a long run most are as long as they ever get, and stand first: no plan looks at those.
    """

    __slots__ = ("_idle_until_us", "_n_longest")

    def __init__(self) -> None:
        super().__init__()
        self._idle_until_us = 0
        self._n_longest = 0

    def plan(self, ranges_us: Sequence[int]) -> list[Piece]:
        """What to compact into one block, or nothing."""
        if len(self) < 3 or self[-2].max_us < self._idle_until_us:
            return []
        first, longest_us = self._n_longest, ranges_us[-1]
        while first < len(self) - 2 and self[first].max_us - self[first].min_us >= longest_us:
            first += 1
        self._n_longest = first
        plan = planner.plan(self[first:], ranges_us)
        if not plan and len(ranges_us) > 1:
            # Until a block ends the smallest window that the newest planned one lies in, blocks
            # that come complete no window, and none that they lie in is behind the newest.
            last = self[-2]
            end_us = last.min_us - last.min_us % ranges_us[1] + ranges_us[1]
            self._idle_until_us = end_us if last.max_us < end_us else 0
        return plan

    def take_in(self, block: Piece) -> list[Piece]:
        """Put a new block in its place; what it contains is returned, and no longer here.

        Raises
        ------
        NotComputableError
            If it shares data with a block that it does not contain.
        """
        low = bisect_left(self, block.first, key=attrgetter("first"))
        high = bisect_left(self, block.end, key=attrgetter("first"))
        contained = self[low:high]
        begins_inside = bool(low) and self[low - 1].end > block.first
        if begins_inside or (contained and contained[-1].end > block.end):
            raise NotComputableError("blocks overlap")
        self[low:high] = [block]
        self._idle_until_us = 0
        self._n_longest = min(self._n_longest, low)
        for one in contained:
            one.is_wanted = False
        return contained

    def let_go(self, block: Piece) -> None:
        """A block leaves the view."""
        block.is_wanted = False
        self.remove(block)
        self._idle_until_us = self._n_longest = 0
