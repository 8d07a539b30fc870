"""The blocks of one group as plans need them (``SEMANTICS.md`` C5-C7)."""

from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter

from sim.core.objects import RESOLUTIONS
from sim.core.units import NEVER
from sim.model.actors import planner
from sim.model.plain.conditions import NotPlainError

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
    def sources(self) -> range:
        """What is in it, as level-1 ordinals."""
        return range(self.first, self.end)

    @property
    def id(self) -> str:
        """Its id, which no other block of a plain world has."""
        (stream, resolution), span = self.group, f"{self.min_us}-{self.max_us}"
        return f"{stream}.{RESOLUTIONS[resolution]}.{span}.{self.level}.0"


class Members:
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
        for one in contained:
            one.is_wanted = False
        return contained

    def let_go(self, block: Piece) -> None:
        """A block leaves the view."""
        block.is_wanted = False
        self.blocks.remove(block)
        self.idle_until_us = 0
