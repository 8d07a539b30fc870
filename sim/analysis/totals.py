"""Puts what trials counted together, key by key, and gives every count its dotted name."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sim.scenario.metrics import METRICS, Adding

__all__ = ["flat_counts", "total_counts"]

Counts = dict[str, Any]


def total_counts(counts: Sequence[Mapping[str, Any]], prefix: str = "") -> Counts:
    """Put the counts of several trials together, key by key and level by level.

    Parameters
    ----------
    counts : sequence of Mapping
        Leaves are numbers.
    prefix : str
        What stands before a key in the name of its metric, see ``scenario/metrics.py``, which says
        how trials add up.
    """
    merged: Counts = {}
    for key in dict.fromkeys(key for count in counts for key in count):
        there = [count for count in counts if key in count]
        values = [count[key] for count in there]
        if isinstance(values[0], Mapping):
            merged[key] = total_counts(values, f"{prefix}{key}.")
            continue
        match METRICS[f"{prefix}{key}"].adding:
            case Adding.SUM:
                merged[key] = sum(values) if _are_whole(values) else math.fsum(values)
            case Adding.MEAN:
                merged[key] = _weighed(values, [1] * len(values))
            case Adding.WEIGHED:
                merged[key] = _weighed(values, [count["n"] for count in there])
            case Adding.LARGEST:
                merged[key] = max(values)
    return merged


def flat_counts(counts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested counts, with its dotted name as in ``scenario/metrics.py``."""
    for key, value in counts.items():
        if isinstance(value, Mapping):
            yield from flat_counts(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _weighed(values: Sequence[float], weights: Sequence[float]) -> float:
    """Weighted mean; 0 without any weight."""
    total = math.fsum(weights)
    if not total:
        return 0.0
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / total


def _are_whole(values: Iterable[float]) -> bool:
    return all(isinstance(value, int) for value in values)
