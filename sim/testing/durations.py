"""Durations on a coarse grid, so that things happen at one instant more often than by chance."""

import re
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["HOUR_M", "STEP_M", "minutes", "slowed"]

HOUR_M: Final = 60
STEP_M: Final = 5
_SLOWER: Final = 24
"""How much slower a world is in which blocks of hours become blocks that are downsampled."""
_TIME: Final = re.compile(r"\b([0-9]+)([smh])\b")


def minutes(least: int, most: int) -> SearchStrategy[str]:
    """Durations in [least, most] minutes, on a grid of five."""
    return st.integers(-(-least // STEP_M), most // STEP_M).map(lambda i: f"{i * STEP_M}m")


def slowed(value: Any) -> Any:
    """A table in which everything takes 24 times as long."""
    if isinstance(value, dict):
        return {key: slowed(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [slowed(entry) for entry in value]
    if isinstance(value, str):
        return _TIME.sub(lambda found: f"{int(found[1]) * _SLOWER}{found[2]}", value)
    return value
