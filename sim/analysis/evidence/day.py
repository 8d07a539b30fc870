"""One day of one stream's blocks: what was made, replaced and deleted, who looked, what failed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.analysis.queries.syncs import syncs
from sim.conventions.placement import Shards
from sim.core.units import US_PER_S

if TYPE_CHECKING:
    from sim.analysis.evidence.deletion_story import Hazard
    from sim.scenario.schema import Scenario
    from sim.trace.timelines import Timelines

__all__ = ["Day", "Life", "day_around", "day_of", "stretch_of"]

DAY_US: Final = 86_400 * US_PER_S
_MARGIN: Final = 0.15
_MARGIN_US_MIN: Final = 30 * US_PER_S
_LIVES_MAX: Final = 36
_GATEWAYS_MAX: Final = 4
_SYNCS_MAX: Final = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A block, from the start of the work on it until its data is gone, µs; NEVER: not in the run.

    A block of level 1 is made by its producer, others by the compactor.
    """

    block: str
    level: int
    resolution: int
    created_us: int
    committed_us: int
    retired_us: int
    deleted_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A stretch [start_us, end_us) of at most a day of one stream.

    Attributes
    ----------
    stream : int
    lives : tuple of Life
        Blocks that were made, retired or deleted in it, by commit; ``left_out`` more are not here.
    syncs_us : tuple of (int, tuple of int)
        Gateways that serve the stream, and when the syncs of each ended; without those that
        sync too often to be shown.
    hazards : tuple of Hazard
        When queries of each class for all streams would not have been ok.
    """

    stream: int
    start_us: int
    end_us: int
    lives: tuple[Life, ...]
    left_out: int
    syncs_us: tuple[tuple[int, tuple[int, ...]], ...]
    hazards: "tuple[Hazard, ...]"


def stretch_of(times_us: list[int], horizon_us: int) -> tuple[int, int]:
    """Stretch of time that shows all of ``times_us`` before the horizon, with a margin."""
    known = [t for t in times_us if t < horizon_us]
    if not known:
        return 0, horizon_us
    first, last = min(known), max(known)
    margin = max(_MARGIN_US_MIN, math.ceil((last - first) * _MARGIN))
    return max(0, first - margin), min(horizon_us, last + margin)


def day_of(start_us: int, horizon_us: int) -> tuple[int, int]:
    """A day with an instant in its middle, moved into the run where it goes beyond."""
    end_us = min(max(start_us + DAY_US // 2, DAY_US), horizon_us)
    return max(0, end_us - DAY_US), end_us


def day_around(
    scenario: "Scenario",
    timelines: "Timelines",
    hazards: "Sequence[Hazard]",
    span: tuple[int, int],
    stream: int,
) -> Day:
    """Collect a stretch of one stream.

    Parameters
    ----------
    scenario, timelines
        Of the trial.
    hazards : sequence of Hazard
        Of all classes within the stretch.
    span : (int, int)
        Its start and end, µs.
    stream : int
    """
    start_us, end_us = span
    blocks = timelines.blocks
    changes = np.stack([blocks.committed_us, blocks.retired_us, blocks.deleted_us])
    happens = ((changes >= start_us) & (changes < end_us)).any(axis=0)
    rows = np.flatnonzero(happens & (blocks.stream == stream))
    rows = rows[np.lexsort((blocks.level[rows], blocks.committed_us[rows]))]
    shards = Shards(scenario.gateways, scenario.streams(timelines.seed))
    of_stream = np.flatnonzero(blocks.stream == stream)
    serving = shards.gateways(blocks, of_stream, scenario.gateways.count)
    return Day(
        stream=stream,
        start_us=start_us,
        end_us=end_us,
        lives=tuple(_life(timelines, row) for row in rows[:_LIVES_MAX].tolist()),
        left_out=max(0, rows.size - _LIVES_MAX),
        syncs_us=tuple(
            (gateway, instants)
            for gateway in serving[:_GATEWAYS_MAX]
            if len(instants := _syncs_of(scenario, timelines, gateway, span)) <= _SYNCS_MAX
        ),
        hazards=tuple(hazards),
    )


def _syncs_of(
    scenario: "Scenario", timelines: "Timelines", gateway: int, span: tuple[int, int]
) -> tuple[int, ...]:
    found = syncs(scenario, timelines, gateway, *span)
    return tuple(sync.end_us for sync in found if span[0] <= sync.end_us < span[1])


def _life(timelines: "Timelines", row: int) -> Life:
    blocks = timelines.blocks
    return Life(
        block=blocks.id[row],
        level=int(blocks.level[row]),
        resolution=int(blocks.resolution[row]),
        created_us=int(blocks.created_us[row]),
        committed_us=int(blocks.committed_us[row]),
        retired_us=int(blocks.retired_us[row]),
        deleted_us=int(blocks.deleted_us[row]),
    )
