"""When a querier that checks its answers lacks a block that it knows of (``SEMANTICS.md`` Q7)."""

from typing import TYPE_CHECKING

import numpy as np

from sim.analysis.intervals import GroupedSpans, merge_groups, subtract_groups
from sim.analysis.queries.failures import Failures
from sim.core.units import NEVER
from sim.scenario.language.primitives import Demands
from sim.trace.timelines import Timelines

if TYPE_CHECKING:
    from sim.analysis.queries.exposure import Exposure

__all__ = ["unanswered"]


def unanswered(exposure: "Exposure", demands: Demands) -> Failures:
    """Arrivals of queries that no gateway answers from a block that must be there."""
    found = _lacking(exposure, demands)
    none = np.full(found.group.size, -1)
    querier = np.full(found.group.size, exposure.timelines.n_gateways)
    return Failures(
        stream=exposure.timelines.blocks.stream[found.group],
        gateway=querier,
        lost=querier,
        unit=-1 - found.group,
        load=none,
        block=found.group,
        object=none,
        replica=none,
        start_us=found.start,
        end_us=found.end,
        # However short the query is.
        absent_us=np.zeros(found.group.size, np.int64),
    )


def _lacking(exposure: "Exposure", demands: Demands) -> GroupedSpans:
    """The same, by block."""
    timelines = exposure.timelines
    required = _required(timelines, demands)
    asked_from, asked_to = exposure.asks(required.group)
    start = np.maximum(required.start, asked_from)
    end = np.minimum(required.end, asked_to)
    keep = (end > start) & exposure.may_use(timelines.blocks.resolution[required.group])
    loads = timelines.loads
    is_there = loads.drop_us > loads.load_us
    return subtract_groups(
        merge_groups(required.group[keep], start[keep], end[keep]),
        merge_groups(loads.block[is_there], loads.load_us[is_there], loads.drop_us[is_there]),
    )


def _required(timelines: Timelines, demands: Demands) -> GroupedSpans:
    known = timelines.expected
    start = np.maximum(known.start_us, known.uploaded_us + demands.required_after_us)
    is_marked = known.stamp_us < NEVER
    aged_us = np.where(is_marked, known.stamp_us, 0) + demands.optional_after_us + 1
    end = np.where(is_marked, np.minimum(known.end_us, aged_us), known.end_us)
    keep = end > start
    return GroupedSpans(known.block[keep], start[keep], end[keep])
