"""R9, R10 and R12: what must hold so that the compactor's passes see, and keep, what is there."""

from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Final

from sim.analysis.rules.gaps import compactor_sees
from sim.analysis.rules.obstacles import by_hand, trouble
from sim.analysis.rules.rule import Rule, Status, Term, fixed, longest_of
from sim.analysis.rules.terms import Terms
from sim.analysis.rules.work import longest_pass, rest_of_pass
from sim.core.objects import RESOLUTIONS
from sim.scenario.language.tables import DOWNSAMPLED_SPANS_US

__all__ = ["downsampled_in_time", "in_order", "synced_in_time"]

_HARMLESS: Final = ("gateway-outage", "compactor-crash")
"""Faults that delay no upload, and hide none from the compactor."""


def in_order(of: Terms) -> Rule:
    """R10: the compactor does not merge around a block that it does not see yet.

    It closes a window once two later blocks show (C7). One before them that shows only then lies
    inside what was merged without it, and halts the compactor or takes one more merge (C6).
    Producers upload in order (P1), so that takes a store, or a front end, which shows a later block
    first.
    """
    compactor = of.scenario.compactor
    ranges_us = compactor.ranges_us
    then = "takes one more merge" if compactor.vertical_compaction else "halts it"
    return Rule(
        name="R10",
        key="compactor.consistency_delay",
        protects=f"the compactor from a block that shows after its window was merged, and {then}",
        terms=(
            Term("V", "until the compactor sees a put", of.written),
            Term("A", "from an upload to the next but one", fixed(-_apart_us(of))),
        ),
        configured_us=float(compactor.consistency_delay_us),
        # It takes a window of three to merge two around a third.
        is_met=of.may_overtake and ranges_us[-1] >= 3 * ranges_us[0],
        obstacles=tuple(_merging_obstacles(of)),
    )


def _apart_us(of: Terms) -> int:
    """Least time from the end of an upload until the next but one counts as seen.

    That is from when its consistency delay runs, or until its meta.json shows if this alone is
    enough.
    """
    spec, store = of.scenario.producers, of.scenario.store
    takes_us = spec.upload_takes.draw_us(0.0)
    n_objects = spec.chunk_files + 2
    upload = longest_of(spec.upload_after).plus(longest_of(spec.upload_takes))
    start_us = takes_us
    is_delayed = store.error_rate or store.lost_answer_rate
    is_delayed = is_delayed or any(f.kind not in _HARMLESS for f in of.scenario.faults)
    if upload.most_us <= spec.block_length_us and not is_delayed:
        on_time_us = 2 * spec.block_length_us + spec.upload_after.draw_us(0.0)
        start_us = max(start_us, on_time_us - int(upload.most_us))
    shown_us = start_us + takes_us
    if shown_us >= of.written.most_us:
        return shown_us
    return start_us + (n_objects - 1) * takes_us // n_objects


def _merging_obstacles(of: Terms) -> Iterator[str]:
    """What else may make a block show inside what was merged without it."""
    known = (*_HARMLESS, "producer-crash", "store-errors")
    for i, fault in enumerate(of.scenario.faults):
        if fault.kind not in known:
            yield f"{fault.kind} (faults[{i}])"
    yield from (*of.scheme.obstacles(of.scenario), *of.rivalry, *by_hand(of))
    if of.scenario.producers.memory == "lost":
        yield "a producer may upload a block again that has gone (producers.memory)"
    sees = compactor_sees(of)
    if sees.is_met and sees.status is not Status.HOLDS:
        yield "the compactor may lose sources from sight before their replacement shows (R5)"
    if of.expires and of.lags_at_all:
        yield "an expired block may show again inside what was merged without it (retention)"


def synced_in_time(of: Terms) -> Iterator[Rule]:
    """R12: a sync of the compactor ends before it is given up (C3), where it ever is.

    One that does not is begun again, and given up again: nothing is merged, retired or deleted.
    Source: Thanos, pull request 7887, where the timeout is the wait interval.
    """
    compactor = of.scenario.compactor
    if compactor.sync_timeout_us:
        yield Rule(
            name="R12",
            key="compactor.sync_timeout",
            protects="syncs of the compactor from being given up, so that nothing is done",
            terms=(Term("f", "longest sync of the compactor", longest_of(compactor.sync_takes)),),
            configured_us=float(compactor.sync_timeout_us),
            obstacles=of.prolonged,
        )


def downsampled_in_time(of: Terms) -> Iterator[Rule]:
    """R9: blocks are made coarser before they expire, at each resolution that something follows.

    The data that waits longest is the first of a window: what was merged last ends with the range
    below, and expires first, while the window takes a block behind it to be closed (C7). A pass
    merges, downsamples and only then lets blocks expire (C1), so it never loses what it saw; a
    pass that began before may (C10).
    """
    compactor = of.scenario.compactor
    for i, (kept_us, next_us) in enumerate(pairwise(compactor.retention_us)):
        if not compactor.downsampling or not kept_us:
            continue
        yield Rule(
            name="R9",
            key=f"compactor.retention.{RESOLUTIONS[i]}",
            protects=f"{RESOLUTIONS[i]} data from expiring before it is downsampled",
            terms=_pipeline(of, i),
            configured_us=float(kept_us),
            is_met=not next_us or next_us > kept_us,
            obstacles=tuple(_pass_obstacles(of)),
        )


def _pipeline(of: Terms, resolution: int) -> tuple[Term, ...]:
    """From the end of what expires first in a window until it is downsampled."""
    spec, compactor = of.scenario.producers, of.scenario.compactor
    ranges_us = compactor.ranges_us
    # Ordinals of the ranges that are downsampled, from raw on.
    reached = [
        sum(range_us < least_us for range_us in ranges_us)
        for least_us in DOWNSAMPLED_SPANS_US[: resolution + 1]
    ]
    last, shortest = reached[-1], reached[resolution - 1] if resolution else 0
    if last == len(ranges_us):
        return (Term("w", "until a range is long enough to be downsampled", fixed(inf)),)
    window_us = ranges_us[last] - ranges_us[last - 1] if last > shortest else 0
    upload = longest_of(spec.upload_after).plus(longest_of(spec.upload_takes))
    held = fixed(compactor.consistency_delay_us).or_longer(of.written)
    block_us = ranges_us[0]
    closing = Term("L", "the next block, which closes a window", fixed(last and block_us))
    seen = (
        Term("w", "from one range to the next, which is downsampled", fixed(window_us)),
        Term("U", "until a block is uploaded", upload),
        Term("C", "until the compactor accepts it", held),
    )
    direct = (
        *seen,
        closing,
        Term("W", "rest of a pass that did not see it", rest_of_pass(of)),
    )
    raw_us = compactor.retention.raw_us or inf
    if last == shortest or (reached[0] and raw_us >= sum(term.span_us for term in direct)):
        # The window is merged from raw blocks in the pass that downsamples the last of them.
        return direct
    behind = ranges_us[shortest] + (block_us if shortest else 0)
    return (
        *seen,
        Term("b", "the next downsampled block, which closes the window", fixed(behind)),
        Term("p", "longest interval of passes", longest_of(compactor.wait_interval)),
        Term("W", "longest pass", longest_pass(of)),
    )


def _pass_obstacles(of: Terms) -> Iterator[str]:
    """What may keep a pass from seeing what is there, or from coming round in time."""
    yield from (*trouble(of), *by_hand(of))
    for i, fault in enumerate(of.scenario.faults):
        if fault.kind == "compactor-crash":
            yield f"{fault.kind} (faults[{i}])"
    if of.written.most_us:
        yield "the compactor may not see what it has made for a while (store.lag)"
    if any(rule.status is not Status.HOLDS for rule in synced_in_time(of)):
        yield "syncs of the compactor may be given up (R12: sync_timeout)"
    compactor = of.scenario.compactor
    if of.scenario.store.delete_absent == "error" and len(compactor.names) > 1:
        yield "a deletion may meet that of another compactor, and end the process (delete_absent)"
    is_shared = compactor.cleanup == "every" or compactor.progress_interval_us
    if is_shared and compactor.sync_takes.longest_us:
        yield "a pass may be given a sync that began before (progress_interval, cleanup)"
    between = longest_of(compactor.wait_interval)
    if between.plus(longest_pass(of)).most_us > of.scenario.producers.block_length_us:
        yield "passes may last longer than a block, and fall behind (compactor)"
