"""Queries that ask for every stream: their outcome is a function of the time of arrival alone."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sim.analysis.intervals import (
    EMPTY,
    Ints,
    Spans,
    intersect,
    merge,
    merge_groups,
    steps,
    subtract,
)
from sim.analysis.queries.exposure import Exposure
from sim.analysis.queries.outcomes import Hazards

NOBODY: Final[frozenset[int]] = frozenset()
_WORD_BITS: Final = 62
"""Bits of a 64-bit word of which sums stay positive."""


def whole_hazards(exposure: Exposure, takes_us: int) -> Hazards:
    """Disjoint intervals of arrivals that are not ok, ascending, with their outcome.

    Where reads draw their replica, a read counts as failed if any replica would fail it.
    """
    return _ordered(whole_pieces(exposure, takes_us))


def whole_pieces(exposure: Exposure, takes_us: int) -> list[tuple[Spans, str]]:
    """The same as sets of arrivals, disjoint, each with its outcome; an outcome may come again."""
    failures, rule = exposure.failures, exposure.rule
    start, end = failures.during(takes_us)
    failing = merge(start, end)
    sets = [(NOBODY, failing)]
    if not rule.failing_decides:
        sets = failing_sets(failures.gateway, start, end)
    pieces: list[tuple[Spans, str]] = []
    for left_out, spans in sets:
        lost = EMPTY if rule.failing_decides else intersect(spans, exposure.missing_any(left_out))
        pieces.append((lost, rule.outcome(is_failing=True, is_missing=True)))
        complete = subtract(spans, lost)
        pieces.append((complete, rule.outcome(is_failing=True, is_missing=False)))
    gaps = subtract(exposure.missing_any(), failing)
    pieces.append((gaps, rule.outcome(is_failing=False, is_missing=True)))
    return pieces


def failing_sets(gateway: Ints, start: Ints, end: Ints) -> list[tuple[frozenset[int], Spans]]:
    """For each set of gateways that fail together, when exactly they do."""
    by_gateway = merge_groups(gateway, start, end)
    if not by_gateway.group.size:
        return []
    pieces, mask = steps(by_gateway.start, by_gateway.end, gateway_bits(by_gateway.group))
    found = []
    for value in np.unique(mask[mask > 0]).tolist():
        spans = merge(pieces.start[mask == value], pieces.end[mask == value])
        found.append((gateways_of(value), spans))
    return found


def gateway_bits(gateway: Ints) -> npt.NDArray[Any]:
    """Each gateway as the set of it alone, a bit of an integer; shape as ``gateway``.

    Sums of different ones are sets too. The integers are Python's where a word has too few bits.
    """
    if int(gateway.max(initial=0)) < _WORD_BITS:
        return np.int64(1) << gateway
    return np.array([1 << g for g in gateway.tolist()], np.object_)


def gateways_of(bits: int) -> frozenset[int]:
    """The gateways of a set that :func:`gateway_bits` began."""
    return frozenset(g for g in range(bits.bit_length()) if bits >> g & 1)


def _ordered(pieces: list[tuple[Spans, str]]) -> Hazards:
    start = np.concatenate([spans.start for spans, _ in pieces])
    end = np.concatenate([spans.end for spans, _ in pieces])
    names = [name for spans, name in pieces for _ in range(spans.start.size)]
    order = np.argsort(start, kind="stable")
    return Hazards(start_us=start[order], end_us=end[order], outcome=tuple(names[i] for i in order))
