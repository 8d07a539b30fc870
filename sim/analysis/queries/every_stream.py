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
from sim.analysis.queries.outcomes import NOBODY, SOMEBODY, WARNING, Hazards

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
    sets = [(SOMEBODY, failing)]
    if not rule.failing_decides:
        sets = failing_sets(failures.lost, start, end)
    pieces: list[tuple[Spans, str]] = []
    for left_out, spans in sets:
        lost = EMPTY
        if not rule.failing_decides:
            lost = intersect(spans, exposure.missing_any(takes_us, left_out))
        pieces.append((lost, rule.outcome(left_out, is_missing=True)))
        complete = subtract(spans, lost)
        pieces.append((complete, rule.outcome(left_out, is_missing=False)))
    gaps = subtract(exposure.missing_any(takes_us), failing)
    pieces.append((gaps, rule.outcome(NOBODY, is_missing=True)))
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
    """Each gateway, or `WARNING`, as the set of it alone, a bit of an integer; the same shape.

    Sums of different ones are sets too. The integers are Python's where a word has too few bits.
    """
    bit = gateway - WARNING
    if int(bit.max(initial=0)) < _WORD_BITS:
        return np.int64(1) << bit
    return np.array([1 << b for b in bit.tolist()], np.object_)


def gateways_of(bits: int) -> frozenset[int]:
    """The gateways of a set that :func:`gateway_bits` began."""
    return frozenset(b + WARNING for b in range(bits.bit_length()) if bits >> b & 1)


def _ordered(pieces: list[tuple[Spans, str]]) -> Hazards:
    start = np.concatenate([spans.start for spans, _ in pieces])
    end = np.concatenate([spans.end for spans, _ in pieces])
    names = [name for spans, name in pieces for _ in range(spans.start.size)]
    order = np.argsort(start, kind="stable")
    return Hazards(start_us=start[order], end_us=end[order], outcome=tuple(names[i] for i in order))
