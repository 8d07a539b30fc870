"""Deletions that are due and not done: whether whoever deletes keeps up with what is retired.

A block is due once the delay of its scheme is over, by right clocks and from its first mark, and
until its last chunk or index is gone (``SEMANTICS.md`` D23). What lies between is the wait for the
next look, for a hold that is not open yet, for what goes before it where few objects go a second
(`delete.rate`), and for a restart. Left out is what nobody is to delete: what a rule of the bucket
began to delete, what people retired where nobody reads their marks, and all where nothing is
deleted.
"""

from typing import Self

import numpy as np

from sim.analysis.queue import Queue
from sim.core.units import NEVER, US_PER_S
from sim.scenario.schema import Scenario
from sim.trace.records import RETIRE_REASONS
from sim.trace.timelines import Ints, Timelines

__all__ = ["Overdue", "deletions_due"]

_BY_HAND, _BY_STORE = (RETIRE_REASONS.index(why) for why in ("by-hand", "lifecycle"))


class Overdue(Queue):
    """Every deletion that was due; it begins, for want of anything better, as it ends."""

    @classmethod
    def of(cls, scenario: Scenario, timelines: Timelines) -> Self:
        """All of a run, after the warm-up."""
        rows, due_us = deletions_due(scenario, timelines)
        end_us = timelines.blocks.deleted_us[rows]
        is_due = (due_us <= end_us) & (due_us < timelines.horizon_us)
        return cls(
            low_us=timelines.warmup_us,
            high_us=timelines.horizon_us,
            due_us=due_us[is_due],
            begun_us=end_us[is_due],
            end_us=end_us[is_due],
        )


def deletions_due(scenario: Scenario, timelines: Timelines) -> tuple[Ints, Ints]:
    """Which blocks are to be deleted, and since when.

    Returns
    -------
    rows : array of int64, shape (n_due,)
        Ordinals of the blocks, ascending.
    due_us : array of int64, shape (n_due,)
        NEVER and more: at no time of the run.
    """
    scheme = scenario.schemes[scenario.scheme_index(timelines.scheme)].composed
    blocks = timelines.blocks
    is_due = (blocks.retired_us < NEVER) & (blocks.retired_why != _BY_STORE)
    is_marked = scheme.record.kind == "mark"
    if not is_marked:
        is_due &= blocks.retired_why != _BY_HAND
    rows = np.flatnonzero(is_due)
    retired_us, created_us = blocks.retired_us[rows], blocks.created_us[rows]
    if is_marked:
        # A mark has whole seconds.
        retired_us -= retired_us % US_PER_S
    return rows, scheme.delete.due_us(retired_us, created_us, timelines.commits_us)
