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
        self._negative_us = client.store.spec.negative_cache_us
        self._reads_us: list[int] = []
        self._later: list[int] = []
        self._last: dict[int, int] = {}

    def note_sync(self, marks_us: int) -> None:
        """A sync read the marks of all blocks that are open at ``marks_us``."""
        self._later.append(len(self._reads_us))
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
        sent = bisect_left(reads_us, until_us, last + 1)
        if sent < len(reads_us):
            client.remember_absent(block, self._mark_object, reads_us[self._last_sent(sent)])
        self._last[block.index] = len(reads_us) - 1

    def _last_sent(self, read: int) -> int:
        """The last read that is sent if number ``read`` is, and all while the answer is forgotten.

        Which one follows a read that is sent is the same for all blocks. ``_later`` remembers for
        each some later one, or itself, so that nobody walks the same way twice.
        """
        reads_us, later, passed = self._reads_us, self._later, []
        while True:
            following = later[read]
            if following == read:
                following = bisect_left(reads_us, reads_us[read] + self._negative_us, read + 1)
                if following == len(reads_us):
                    break
            passed.append(read)
            read = following
        for earlier in passed:
            later[earlier] = read
        return read
