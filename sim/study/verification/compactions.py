"""Oracles of the steady state: what a compactor retires, makes, and keeps until it is deleted."""

from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Final

import numpy as np

from sim.analysis.theory import closed_forms as theory
from sim.analysis.theory.oracle import Oracle, Sample, exactly
from sim.core.units import US_PER_S
from sim.study.verification.readers import timelines, tiny_world
from sim.trace.timelines import Timelines

__all__ = ["oracles"]

_HOUR_US: Final = 3_600 * US_PER_S
_DAY_US: Final = 24 * _HOUR_US
_RANGES: Final = ("2h", "8h", "2d", "14d")
_RANGES_US: Final = (2 * _HOUR_US, 8 * _HOUR_US, 2 * _DAY_US, 14 * _DAY_US)
_FROM_US, _TO_US = 17 * _DAY_US, 45 * _DAY_US
"""Two periods of the longest range, once the first is over."""
_STREAMS: Final = 2
_DAYS: Final = (_TO_US - _FROM_US) / _DAY_US * _STREAMS
_SETTING: Final = "one stream, 2h blocks, ranges 2h, 8h, 2d, 14d"
_EXACT: Final = 1e-9
"""What sums of floats may lose."""


@lru_cache(maxsize=2)
def _steady(delay_h: int) -> Timelines:
    return timelines(
        tiny_world(
            horizon="45d",
            warmup="17d",
            producers={"count": _STREAMS},
            compactor={"ranges": list(_RANGES), "wait_interval": "30m"},
            gateways={"phase": "99d"},
            schemes=[
                {
                    "name": "mark",
                    "kind": "deletion-mark",
                    "delete_delay": f"{delay_h}h",
                    "ignore_deletion_marks_delay": "1h",
                }
            ],
        )
    )


def _retired_per_day() -> float:
    retired_us = _steady(48).blocks.retired_us
    return float(((retired_us >= _FROM_US) & (retired_us < _TO_US)).sum()) / _DAYS


def _marked(delay_h: int) -> float:
    """How many blocks of a stream are marked and there, as a mean over time."""
    blocks = _steady(delay_h).blocks
    begin_us = np.maximum(blocks.retired_us, _FROM_US)
    end_us = np.minimum(blocks.deleted_us, _TO_US)
    return float(np.maximum(end_us - begin_us, 0).sum()) / (_TO_US - _FROM_US) / _STREAMS


def _marked_sample(delay_h: int) -> Sample:
    return exactly(_marked(delay_h))


def oracles() -> Iterator[Oracle]:
    """Give the oracles of compactions."""
    yield Oracle(
        quantity="blocks retired a day",
        setting=_SETTING,
        value=theory.retired_blocks_per_day(_RANGES_US),
        source="12 + 3 + 1/2",
        rounding=_EXACT,
        sample=lambda: exactly(_retired_per_day()),
    )
    yield Oracle(
        quantity="compactions a day",
        setting=_SETTING,
        value=theory.compactions_per_day(_RANGES_US),
        source="3 + 1/2 + 1/14",
        rounding=_EXACT,
        sample=lambda: exactly(_steady(48).counters["compactions"] / _DAYS),
    )
    for delay_h in (48, 12):
        # A mark is there for the delay, and until the next pass, which comes within the hour.
        least = theory.marked_blocks_present(_RANGES_US, delay_h * _HOUR_US)
        pass_more = theory.marked_blocks_present(_RANGES_US, _HOUR_US)
        yield Oracle(
            quantity="marked blocks present",
            setting=f"{_SETTING}, deleted {delay_h}h after the mark",
            value=least + pass_more / 2,
            source="15.5 D, and up to one pass of the deleter more",
            rounding=pass_more / 2,
            sample=partial(_marked_sample, delay_h),
        )
