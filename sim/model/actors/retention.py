"""Which blocks of a view are older than their retention (``SEMANTICS.md`` C10)."""

from collections.abc import Container
from heapq import heappop, heappush

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block


class Expiry:
    """Blocks in order of expiry.

    Parameters
    ----------
    retention_us : tuple of int
        Per resolution; 0 keeps for ever.
    """

    def __init__(self, retention_us: tuple[int, ...]) -> None:
        self._retention_us = retention_us
        self._queue: list[tuple[int, int]] = []
        self._kept: dict[int, Block] = {}
        self._due: dict[int, Block] = {}

    def add(self, block: Block) -> None:
        """Watch a block that entered the view."""
        retention_us = self._retention_us[block.resolution]
        if retention_us:
            self._kept[block.index] = block
            heappush(self._queue, (self._expires_us(block), block.index))

    def discard(self, block: Block) -> None:
        """Forget a block that left the view."""
        self._kept.pop(block.index, None)
        self._due.pop(block.index, None)

    def due(self, now_us: int) -> list[Block]:
        """Blocks of the view whose data ended more than their retention before ``now_us``.

        A clock may have been set back since it was last asked.
        """
        while self._queue and self._queue[0][0] < now_us:
            index = heappop(self._queue)[1]
            if index in self._kept:
                self._due[index] = self._kept[index]
        return [block for block in self._due.values() if self._expires_us(block) < now_us]

    def next_us(self, marks: Container[int]) -> int:
        """When :meth:`due` has another block that is not marked; 0: it may have one."""
        if any(index not in marks for index in self._due):
            return 0
        return self._queue[0][0] + 1 if self._queue else NEVER

    def _expires_us(self, block: Block) -> int:
        return block.max_us + self._retention_us[block.resolution]
