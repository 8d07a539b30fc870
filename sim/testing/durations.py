"""Durations on a coarse grid, so that things happen at one instant more often than by chance."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["HOUR_M", "STEP_M", "minutes"]

HOUR_M: Final = 60
STEP_M: Final = 5


def minutes(least: int, most: int) -> SearchStrategy[str]:
    """Durations in [least, most] minutes, on a grid of five."""
    return st.integers(-(-least // STEP_M), most // STEP_M).map(lambda i: f"{i * STEP_M}m")
