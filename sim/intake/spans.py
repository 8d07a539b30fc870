"""Which ranges a compactor makes blocks of, by the times of the blocks that are there.

A block seldom fills its range to the millisecond: its first sample comes a little later than the
range begins. So the span that most blocks of a level have decides, up to the next whole minute; and
of compacted blocks, which may lack more, the shortest multiple of the range below in one slot of
which nearly all of them lie. Slots are counted from 1970, as Prometheus and Thanos do.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sim.core.units import US_PER_S
from sim.intake.found import FoundMeta

__all__ = ["SeenRange", "seen_ranges"]

_MINUTE_US: Final = 60 * US_PER_S
_NEARLY_ALL: Final = 0.95
_TRIED_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class SeenRange:
    """A range of blocks, and how sure it is.

    Attributes
    ----------
    range_us : int
    level : int
        The lowest level of blocks that have it.
    n_blocks : int
        How many blocks the level has.
    n_fitting : int
        How many of them lie in one slot of the range each; of level 1, are as long as it.
    """

    range_us: int
    level: int
    n_blocks: int
    n_fitting: int


def seen_ranges(metas: Sequence[FoundMeta]) -> list[SeenRange]:
    """Work out the ranges, shortest first; the first is the length of a block of level 1.

    Without blocks of level 1, that is the length of a compacted block, divided by how many sources
    it names, if that is a whole number of seconds; else the shortest range is that of the lowest
    level.
    """
    slots: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for meta in metas:
        slots[meta.level][meta.min_us, meta.max_us] += 1
    found: list[SeenRange] = []
    for level in sorted(slots):
        times = slots[level]
        span_us = _usual(times)
        if not found and level > 1:
            first_us = _of_sources(metas, level, span_us)
            if first_us and first_us < span_us:
                found.append(SeenRange(first_us, 1, 0, 0))
        if not found:
            fitting = sum(
                n for (low, high), n in times.items() if 0 <= span_us - (high - low) < _MINUTE_US
            )
            found.append(SeenRange(span_us, level, times.total(), fitting))
        elif span_us > found[-1].range_us:
            found.append(_compacted(times, level, span_us, found[-1].range_us))
    return found


def _usual(times: Counter[tuple[int, int]]) -> int:
    """The span that most have: to the millisecond where blocks begin with their slots."""
    exact: Counter[int] = Counter()
    minutes: Counter[int] = Counter()
    for (low_us, high_us), n in times.items():
        span_us = high_us - low_us
        minutes[-(-span_us // _MINUTE_US) * _MINUTE_US] += n
        if low_us % span_us == 0:
            exact[span_us] += n
    if 2 * exact.total() > times.total():
        return _most(exact)
    return _most(minutes)


def _most(spans_us: Counter[int]) -> int:
    return max(spans_us.items(), key=lambda item: (item[1], item[0]))[0]


def _of_sources(metas: Sequence[FoundMeta], level: int, span_us: int) -> int:
    """The length of a block of level 1, by those that it was made of; 0 if unknown."""
    counts = Counter(m.n_sources for m in metas if m.level == level and m.n_sources)
    if not counts:
        return 0
    first_us = round(span_us / counts.most_common(1)[0][0])
    return first_us if first_us % US_PER_S == 0 else 0


def _compacted(
    times: Counter[tuple[int, int]], level: int, span_us: int, below_us: int
) -> SeenRange:
    """The range of a level, by when its blocks begin and end."""
    best = SeenRange(0, level, times.total(), -1)
    first = -(-span_us // below_us)
    for multiple in range(first, first + _TRIED_MAX):
        range_us = multiple * below_us
        fitting = sum(
            n for (low, high), n in times.items() if low // range_us == (high - 1) // range_us
        )
        if fitting > best.n_fitting:
            best = SeenRange(range_us, level, times.total(), fitting)
        if best.n_fitting >= _NEARLY_ALL * best.n_blocks:
            break
    return best
