"""What stays in copies of a bucket after it has gone from the bucket (``SEMANTICS.md`` S10, D19).

Where deletions are not copied, nobody ever deletes there: who deletes works on the bucket itself.
"""

import numpy as np

from sim.core.units import NEVER
from sim.trace.timelines import Ints, Timelines

__all__ = ["left_behind"]


def left_behind(timelines: Timelines) -> tuple[Ints, Ints, Ints]:
    """Blocks whose chunks and index are gone from the bucket, and stay in a copy of it for ever.

    Returns
    -------
    rows, copies : array of int64, shape (n_left,)
        Ordinal of each block, and the replica that is the copy: blocks ascend, copies in each.
    n_chunks : array of int64, shape (n_left,)
        How many of its chunks are left there; what is on its way counts.
    """
    gone = np.flatnonzero(timelines.blocks.deleted_us < NEVER)
    absences = timelines.absences
    is_last = (absences.end_us == NEVER) & (absences.start_us < NEVER)
    last = absences.each(np.flatnonzero(is_last & np.isin(absences.block, gone)))
    stays = np.ones((gone.size, absences.n_objects, absences.n_replicas), np.bool_)
    stays[np.searchsorted(gone, last.block), last.object, last.replica] = False
    # The bucket itself is replica 0.
    stays[:, :, 0] = False
    place, copies = np.nonzero(stays.any(axis=1))
    return gone[place], copies, stays[:, :-1, :].sum(axis=1)[place, copies]
