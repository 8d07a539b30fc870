"""When whoever deletes looked for marked blocks that are due, and what each look could delete.

A delete delay decides at which pass a block goes, and nothing else of the passes: so a trace that
ran with one delay says when the same blocks would have gone with another.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from sim.core.units import NEVER
from sim.trace.recorder import Trace
from sim.trace.records import PassesRecord, SyncsRecord
from sim.trace.timelines import Ints

__all__ = ["Passes", "Syncs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passes:
    """All passes of a run, and the marks that they came to know.

    Attributes
    ----------
    at_us : int64 array of shape (n_passes,)
        Instants, ascending.
    syncs : int64 array of shape (n_passes,)
        Syncs of the whole run before each pass.
    block, stamp_us, known : int64 arrays of shape (n_known,)
        Blocks whose marks whoever deletes came to know, the second stamped inside the mark of
        each, and the first pass that knew of it.
    """

    at_us: Ints
    syncs: Ints
    block: Ints
    stamp_us: Ints
    known: Ints

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """The passes of a finished run; none where a scheme deletes at once."""
        passes = trace.records.table(PassesRecord)
        # Whoever starts anew after a crash learns again what the one before it knew.
        block, learnt = np.unique(passes.ragged("learnt").values, return_index=True)
        return cls(
            at_us=passes.ragged("at_us").values,
            syncs=passes.ragged("syncs").values,
            block=block,
            stamp_us=passes.ragged("stamps_us").values[learnt],
            known=np.searchsorted(passes.ragged("known").values, learnt, side="right"),
        )

    def deleting(self, delay_us: int) -> Ints:
        """The pass at which each block goes, were the delete delay ``delay_us``.

        It is the first that knows the mark and finds it older than the delay (``SEMANTICS.md``
        C9); the number of passes where none does.
        """
        old_enough = np.searchsorted(self.at_us, self.stamp_us + delay_us, side="right")
        return np.maximum(old_enough, self.known)

    def instants(self, deleting: Ints) -> Ints:
        """When passes were, in µs; NEVER for the number of passes."""
        return np.append(self.at_us, NEVER)[deleting]

    def deleted_us(self, delay_us: int) -> Ints:
        """When each block goes, were the delete delay ``delay_us``; NEVER if not in this run."""
        return self.instants(self.deleting(delay_us))

    def least_delay_us(self, row: Ints, before_us: Ints) -> Ints:
        """Smallest delete delay with which blocks do not go before an instant.

        Parameters
        ----------
        row : int64 array of shape (n,)
            Positions in :attr:`block`.
        before_us : int64 array of shape (n,)
            An instant for each.

        Returns
        -------
        int64 array of shape (n,)
            The age that the mark had at the last earlier pass: a block goes when it is older.
            0 where no earlier pass knew of the mark, and the block cannot go before.
        """
        last = np.searchsorted(self.at_us, before_us, side="left") - 1
        if not self.at_us.size:
            return np.zeros(row.size, np.int64)
        age_us = self.at_us[np.maximum(last, 0)] - self.stamp_us[row]
        return np.where(last >= self.known[row], np.maximum(age_us, 0), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Syncs:
    """All syncs of a run in order; columns of shape (n_syncs,), ``who`` indexes ``actors``."""

    actors: tuple[str, ...]
    who: Ints
    at_us: Ints
    blocks: Ints

    @classmethod
    def of(cls, trace: Trace) -> Self:
        """The syncs of a finished run."""
        syncs = trace.records.table(SyncsRecord)
        who, at_us, blocks = (syncs.ragged(name).values for name in ("who", "at_us", "blocks"))
        actors: tuple[str, ...] = syncs.coded("actors").row(0)
        return cls(actors=actors, who=who, at_us=at_us, blocks=blocks)
