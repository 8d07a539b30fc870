"""Deduplication, one block at a time (``SEMANTICS.md`` G4).

Inside a group a block whose sources another one contains is dropped. Which block makes which other
superfluous is known since they were made (:mod:`sim.model.blocks.catalog`), so a block that comes
or goes concerns only those it dominates.
"""

from collections.abc import Mapping

from sim.model.blocks.catalog import Block


class Survivors:
    """Blocks that passed every other filter, and which of them deduplication keeps.

    Parameters
    ----------
    marks : mapping
        The marks that are known, by ordinal of the block; whoever owns it changes it.

    Attributes
    ----------
    kept : dict
        What deduplication lets through, by ordinal.
    dropped_unmarked : dict
        What it drops and no mark is known of.
    log : list
        Every block that entered or left ``kept``, in order.
    resurfaced : list
        Blocks that are no longer dropped since whoever reads the list has emptied it.
    """

    def __init__(self, marks: Mapping[int, int]) -> None:
        self.kept: dict[int, Block] = {}
        self.dropped_unmarked: dict[int, Block] = {}
        self.log: list[Block] = []
        self.resurfaced: list[Block] = []
        self._dominators: dict[int, int] = {}
        self._marks = marks

    def enter(self, block: Block) -> None:
        """A block passed every other filter."""
        counts = self._dominators
        over = 0
        for peer in block.dominated_by:
            if peer.index in counts:
                over += 1
        counts[block.index] = over
        if over:
            self._drop(block)
        else:
            self._keep(block)
        for peer in block.dominates:
            if peer.index in counts:
                counts[peer.index] += 1
                if counts[peer.index] == 1:
                    del self.kept[peer.index]
                    self.log.append(peer)
                    self._drop(peer)

    def leave(self, block: Block) -> None:
        """A block no longer passes the other filters."""
        counts = self._dominators
        if counts.pop(block.index):
            self.dropped_unmarked.pop(block.index, None)
        else:
            del self.kept[block.index]
            self.log.append(block)
        for peer in block.dominates:
            if peer.index in counts:
                counts[peer.index] -= 1
                if counts[peer.index] == 0:
                    self.dropped_unmarked.pop(peer.index, None)
                    self.resurfaced.append(peer)
                    self._keep(peer)

    def is_dropped(self, block: Block) -> bool:
        """Whether the block is here, but deduplication drops it."""
        return self._dominators.get(block.index, 0) > 0

    def note_mark(self, block: Block) -> None:
        """The block's mark became known."""
        self.dropped_unmarked.pop(block.index, None)

    def forget_mark(self, block: Block) -> None:
        """The block's mark is no longer known."""
        if self.is_dropped(block):
            self.dropped_unmarked[block.index] = block

    def _keep(self, block: Block) -> None:
        self.kept[block.index] = block
        self.log.append(block)

    def _drop(self, block: Block) -> None:
        if block.index not in self._marks:
            self.dropped_unmarked[block.index] = block


class Everybody(Survivors):
    """Blocks that passed every other filter, where nothing is deduplicated."""

    def enter(self, block: Block) -> None:
        """A block passed every other filter."""
        self._keep(block)

    def leave(self, block: Block) -> None:
        """A block no longer passes the other filters."""
        del self.kept[block.index]
        self.log.append(block)
