"""What a component will look at again, and when."""

from collections.abc import Iterator
from heapq import heappop, heappush

from sim.core.units import NEVER
from sim.model.blocks.catalog import Block


class Agenda:
    """Blocks to look at again although nothing about them will have changed."""

    def __init__(self) -> None:
        self._queue: list[tuple[int, int]] = []

    def add(self, t_us: int, block: Block) -> None:
        """Look at the block at the first sync whose last stage is at ``t_us`` or later."""
        heappush(self._queue, (t_us, block.index))

    @property
    def next_us(self) -> int:
        """When the next one is due; NEVER if none is."""
        return self._queue[0][0] if self._queue else NEVER

    def due(self, t_us: int) -> Iterator[int]:
        """Take out the blocks (ordinals) to look at by ``t_us``."""
        queue = self._queue
        while queue and queue[0][0] <= t_us:
            yield heappop(queue)[1]
