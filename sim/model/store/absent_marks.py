"""What a front end remembers of marks that were not there (``SEMANTICS.md`` S6), worked out late.

A block nobody marks is asked for its mark at every sync. Only when something about the block
changes does it matter which of those answers the front end still remembers; they are replayed then.
"""

from bisect import bisect_left

from sim.model.blocks.catalog import Block
from sim.model.store.client import Client


class MarkMemory:
    """The GETs of absent marks by one client, by the syncs at which they are sent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._mark_object = client.store.catalog.mark_object
        self._reads_us: list[int] = []
        self._last: dict[int, int] = {}

    def note_sync(self, marks_us: int) -> None:
        """A sync read the marks of all blocks that are open at ``marks_us``."""
        self._reads_us.append(marks_us)

    def open(self, block: Block) -> None:
        """The sync under way found no mark, and later ones ask again until :meth:`close`."""
        self._last[block.index] = len(self._reads_us)

    def close(self, block: Block) -> None:
        """From the sync under way on, nobody asks for the block's mark."""
        if block.index in self._last:
            self.catch_up(block)
            del self._last[block.index]

    def catch_up(self, block: Block) -> None:
        """Bring the front end's memory to where the syncs so far have left it."""
        last = self._last.get(block.index)
        if last is None:
            return
        client, reads_us = self._client, self._reads_us
        until_us = client.remembered_absent_until(block, self._mark_object)
        while (last := bisect_left(reads_us, until_us, last + 1)) < len(reads_us):
            client.remember_absent(block, self._mark_object, reads_us[last])
            until_us = client.remembered_absent_until(block, self._mark_object)
        self._last[block.index] = len(reads_us) - 1
