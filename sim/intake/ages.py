"""How long data stay, whether they are downsampled, and how old marks become."""

import re
from collections import Counter
from typing import Final

from sim.core.objects import RESOLUTIONS
from sim.core.units import US_PER_S, format_duration, parse_duration
from sim.intake.facts import Facts
from sim.intake.found import FoundBlock, FoundMeta
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US

__all__ = ["add_ages"]

_DAY_US: Final = 86_400 * US_PER_S
# Written into the mark by Thanos, pkg/compact/retention.go; the duration is Go's.
_EXPIRED: Final = re.compile(
    r"block exceeding retention of ((?:\d+h)?(?:\d+m)?(?:\d+s)?)", re.ASCII
)


def add_ages(facts: Facts, blocks: list[FoundBlock], longest_us: int) -> None:
    """Say what is known of downsampling, retention and the delay of deletion.

    Parameters
    ----------
    facts : Facts
        The keys go there.
    blocks : list of FoundBlock
    longest_us : int
        The longest range of blocks.
    """
    kept = [b.meta for b in blocks if b.meta is not None and b.marked_us is None]
    if kept:
        _add_downsampling(facts, kept)
        _add_retention(facts, blocks, kept, longest_us)
    else:
        facts.leave("compactor.downsampling", "no meta.json says of its block what it is")
        facts.leave("compactor.retention", "no meta.json says of when its data are")


def _add_downsampling(facts: Facts, kept: list[FoundMeta]) -> None:
    key = "compactor.downsampling"
    counts = Counter(meta.resolution for meta in kept)
    if counts[1] or counts[2]:
        said = ", ".join(f"{counts[i]} {name}" for i, name in enumerate(RESOLUTIONS))
        facts.add(key, True, f"blocks: {said}")
        return
    least_us = DOWNSAMPLED_SPANS_US[0]
    long = sum(meta.max_us - meta.min_us >= least_us for meta in kept)
    span = format_duration(least_us)
    if long:
        facts.add(key, False, f"{long} raw blocks of {span} or more, and none that is downsampled")
    else:
        facts.leave(key, f"no block is {span} long, from which on blocks are downsampled")


def _add_retention(
    facts: Facts, blocks: list[FoundBlock], kept: list[FoundMeta], longest_us: int
) -> None:
    """What marks say of retention; else how far back data go that others outlive."""
    newest_us = max(meta.max_us for meta in kept)
    told = _told(blocks)
    oldest: dict[int, FoundMeta] = {}
    for meta in kept:
        if meta.resolution not in oldest or meta.min_us < oldest[meta.resolution].min_us:
            oldest[meta.resolution] = meta
    for number, name in enumerate(RESOLUTIONS):
        key = f"compactor.retention.{name}"
        if told[number]:
            value_us, n = told[number].most_common(1)[0]
            why = f"as the marks of {n} of {told[number].total()} expired {name} blocks say"
            _add_kept(facts, number, value_us, why)
        elif number in oldest:
            first = oldest[number]
            coarser = [oldest[i].min_us for i in range(number + 1, len(RESOLUTIONS)) if i in oldest]
            reach = format_duration((newest_us - first.max_us) // US_PER_S * US_PER_S)
            why = f"the oldest {name} block ends {reach} before the newest data"
            if coarser and min(coarser) + longest_us < first.min_us:
                value_us = _between(newest_us - first.max_us, newest_us - first.min_us)
                back = format_duration(_days(newest_us - min(coarser)))
                why += f", and coarser ones go back {back}, which were made of older {name} ones"
                _add_kept(facts, number, value_us, why)
            else:
                facts.leave(key, f"{why}, and nothing says that older ones were there")


def _add_kept(facts: Facts, number: int, value_us: int, why: str) -> None:
    """Take note of a retention, unless the language refuses it beside downsampling."""
    key = f"compactor.retention.{RESOLUTIONS[number]}"
    floor_us = DOWNSAMPLED_SPANS_US[number] if number < len(DOWNSAMPLED_SPANS_US) else 0
    if value_us < floor_us and facts.value("compactor.downsampling", True):
        least = format_duration(floor_us)
        facts.leave(
            key, f"{why}: {format_duration(value_us)}, but with downsampling {least} is least"
        )
    else:
        facts.add(key, format_duration(value_us), why)


def _told(blocks: list[FoundBlock]) -> list[Counter[int]]:
    """Retentions that marks name, by resolution."""
    told: list[Counter[int]] = [Counter() for _ in RESOLUTIONS]
    for block in blocks:
        match = _EXPIRED.fullmatch(block.mark_details)
        if match and match[1].strip("0hms") and block.meta is not None:
            try:
                told[block.meta.resolution][parse_duration(match[1])] += 1
            except ValueError:
                continue  # longer than any duration here
    return told


def _between(least_us: int, most_us: int) -> int:
    """A retention of whole days in [least, most), if there is one, else the shortest."""
    days_us = -(-least_us // _DAY_US) * _DAY_US
    return days_us if days_us < most_us else least_us


def _days(span_us: int) -> int:
    return span_us // _DAY_US * _DAY_US
