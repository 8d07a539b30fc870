"""Durations on a coarse grid, so that things happen at one instant more often than by chance."""

import functools
import re
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy, composite

__all__ = ["HOUR_M", "STEP_M", "lag_laws", "minutes", "slowed"]

HOUR_M: Final = 60
STEP_M: Final = 5
_SLOWER: Final = 24
"""How much slower a world is in which blocks of hours become blocks that are downsampled."""
_TIME: Final = re.compile(r"\b([0-9]+)([smh])\b")


@functools.cache
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


@functools.cache
def lag_laws(most_m: int = 60, *, least_m: int = 0) -> SearchStrategy[Any]:
    """Durations and laws of durations, as a scenario file says them.

    Parameters
    ----------
    most_m, least_m : int
        Bounds of every draw in minutes, ``least_m <= most_m``.

    Returns
    -------
    SearchStrategy of str or dict
        ``"10m"``, ``{"law": "uniform", …}`` and the like. Laws with an unbounded tail are cut.
    """
    return _lag_laws(most_m, least_m)


@composite
def _lag_laws(draw: DrawFn, most_m: int, least_m: int) -> Any:
    if most_m <= 0:
        return "0s"
    value = st.one_of(st.just(f"{least_m}m"), minutes(least_m, most_m))
    kind = draw(st.sampled_from(["constant", "constant", "uniform", "exponential"]))
    if kind == "constant":
        return draw(value)
    if kind == "uniform":
        high = draw(st.integers(least_m + 1, max(most_m, least_m + 1)))
        return {"law": "uniform", "low": f"{least_m}m", "high": f"{high}m"}
    mean = draw(st.integers(1, max(1, most_m // 4)))
    law = {"law": "exponential", "mean": f"{mean}m", "at_most": f"{most_m}m"}
    return {**law, "plus": f"{least_m}m"} if least_m else law
