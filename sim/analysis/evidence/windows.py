"""Error windows: for how long readers still use blocks that are being deleted.

An *error window* is a time during which a gateway answers from a block of which some object is
absent at some replica. For one gateway and one deletion it is [max(load, absence), drop), clipped
to the horizon; a reader that let go in time has a window of length 0. The windows of all
deletions are what a delay must outlast. They do not depend on any query.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.analysis.theory.deletion import error_window_immediate
from sim.analysis.theory.plain_worlds import is_plain
from sim.core.laws import Law
from sim.core.units import NEVER

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario, SchemeSpec
    from sim.trace.timelines import Timelines

__all__ = [
    "ErrorWindows",
    "absent_from_us",
    "error_window_law",
    "error_windows",
    "hidden_from_us",
    "order_statistics",
    "pick_deletion",
    "replacement_of",
    "window_sample",
    "windows_by_gateway",
]

Int64 = NDArray[np.int64]

_SAMPLE_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorWindows:
    """Error windows of all deletions of one trial; columns of shape (n_windows,), µs.

    One row per gateway and block that the gateway ever had loaded and that went absent in
    [warm-up, horizon). ``end_us == start_us`` where the gateway had let go.
    """

    gateway: Int64
    block: Int64
    start_us: Int64
    end_us: Int64

    @property
    def length_us(self) -> Int64:
        """Lengths, at least 0."""
        return self.end_us - self.start_us


def absent_from_us(timelines: "Timelines") -> Int64:
    """First time each block stops being complete at some replica, shape (n_blocks,)."""
    absences = timelines.absences
    gone = np.full(len(timelines.blocks.id), NEVER, dtype=np.int64)
    # A row that starts at 0 is the time before the object was first shown.
    later = absences.start_us > 0
    np.minimum.at(gone, absences.block[later], absences.start_us[later])
    return gone


def back_us(timelines: "Timelines", block: int, at_us: int) -> int:
    """When a block that had gone came back for the last time by ``at_us``; 0 if it did not."""
    returns = timelines.returns
    came = returns.back_us[(returns.block == block) & (returns.back_us <= at_us)]
    return int(came.max(initial=0))


def gone_from_us(timelines: "Timelines", rows: Int64) -> Int64:
    """When the blocks that some rows of the load table loaded stop being complete, shape (n_rows,).

    A block that had gone and came back goes once more: who loads it then meets that.
    """
    loads, absences, returns = timelines.loads, timelines.absences, timelines.returns
    block = loads.block[rows]
    gone = absent_from_us(timelines)[block]
    for number, back_us in zip(returns.block.tolist(), returns.back_us.tolist(), strict=True):
        is_later = (absences.block == number) & (absences.start_us > back_us)
        is_anew = (block == number) & (loads.load_us[rows] >= back_us)
        gone[is_anew] = absences.start_us[is_later].min(initial=NEVER)
    return gone


def windows_by_gateway(timelines: "Timelines") -> Iterator[ErrorWindows]:
    """Error windows of every deletion that began in [warm-up, horizon), gateway by gateway."""
    loads, warmup_us, horizon_us = timelines.loads, timelines.warmup_us, timelines.horizon_us
    for gateway in range(timelines.n_gateways):
        rows = np.flatnonzero(loads.gateway == gateway)
        gone = gone_from_us(timelines, rows)
        met = (gone >= warmup_us) & (gone < horizon_us)
        rows, gone = rows[met], gone[met]
        block = loads.block[rows]
        start = np.maximum(loads.load_us[rows], gone)
        end = np.minimum(loads.drop_us[rows], horizon_us)
        late = end > start
        start, end = np.where(late, start, gone), np.where(late, end, gone)
        # It may have had the block several times: its longest window speaks for it.
        order = np.lexsort((start - end, block))
        block = block[order]
        order = order[np.append(True, block[1:] != block[:-1])[: block.size]]
        yield ErrorWindows(
            gateway=np.full(order.size, gateway),
            block=loads.block[rows[order]],
            start_us=start[order],
            end_us=end[order],
        )


def error_windows(timelines: "Timelines") -> ErrorWindows:
    """Error windows of every deletion that began in [warm-up, horizon); empty if none did."""
    parts = [*windows_by_gateway(timelines)]
    return ErrorWindows(
        gateway=np.concatenate([part.gateway for part in parts]),
        block=np.concatenate([part.block for part in parts]),
        start_us=np.concatenate([part.start_us for part in parts]),
        end_us=np.concatenate([part.end_us for part in parts]),
    )


def window_sample(timelines: "Timelines") -> tuple[int, tuple[int, ...]]:
    """Count the error windows and give their lengths, sorted, in µs.

    Of more than 1000 lengths, 1000 evenly spaced order statistics stand for all.
    """
    lengths = np.concatenate([part.length_us for part in windows_by_gateway(timelines)])
    lengths.sort()
    return len(lengths), tuple(order_statistics(lengths))


def order_statistics(ordered: Int64) -> list[int]:
    """All of an ascending sample, or 1000 of more, evenly spaced, the ends among them."""
    count = len(ordered)
    if count > _SAMPLE_MAX:
        places = (np.arange(_SAMPLE_MAX) * (count - 1)) // (_SAMPLE_MAX - 1)
        ordered = ordered[places]
    found: list[int] = ordered.tolist()
    return found


def error_window_law(scenario: "Scenario", scheme: "SchemeSpec") -> Law | None:
    """Law of the length of an error window, where its closed form applies.

    It does for immediate, instantaneous deletion in a plain world (``plain.is_plain``) without
    faults.
    """
    takes = scenario.compactor.delete_takes
    is_instant = takes.is_constant and takes.mean == 0
    if scheme.kind != "immediate" or not is_instant or scenario.faults or not is_plain(scenario):
        return None
    gateways = scenario.gateways
    return error_window_immediate(gateways.sync_interval.mean, gateways.sync_takes.mean)


def pick_deletion(timelines: "Timelines") -> int | None:
    """Ordinal of the block whose deletion met a reader for longest.

    Of equals the first; a deletion that met no reader only if none did; None without deletions.
    """
    found = []
    for windows in windows_by_gateway(timelines):
        if windows.block.size:
            key = (windows.block, windows.start_us, -windows.length_us)
            best = np.lexsort(key)[0]
            found.append(tuple(int(column[best]) for column in reversed(key)))
    return min(found)[-1] if found else None


def replacement_of(timelines: "Timelines", block: int) -> int | None:
    """The first block of the same group that a block was compacted into; None without one."""
    blocks = timelines.blocks
    pointers, ordinals = blocks.data_ptr, blocks.data_ordinal
    own = set(ordinals[pointers[block] : pointers[block + 1]].tolist())
    alike = (blocks.stream == blocks.stream[block]) & (blocks.level > blocks.level[block])
    alike &= (blocks.resolution == blocks.resolution[block]) & (blocks.committed_us < NEVER)
    for other in np.flatnonzero(alike).tolist():
        if own <= set(ordinals[pointers[other] : pointers[other + 1]].tolist()):
            return int(other)
    return None


def hidden_from_us(timelines: "Timelines", block: int, scheme: "SchemeSpec") -> int:
    """From when on the last mark of a block is too old for gateways; NEVER without one."""
    stamps = timelines.marks.stamp_us[timelines.marks.block == block]
    if scheme.hide_delay_us is None or not stamps.size:
        return NEVER
    return int(stamps[-1]) + scheme.hide_delay_us + 1
