"""Syncs that are made to fail: what that is worth, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.analysis.curve.streaks import Forcing, Reader, Streaks
from sim.core.forced import CalmStreams, ForcedStreams, Request
from sim.core.streams import Streams
from tests.stats import ks_within, mean_within

LIST, HEAD, META, MARK = CHANCES = (0.02, 0.05, 0.03, 0.04)
SYNCS = 3


def streaks() -> Streaks:
    """One reader that syncs each second, and two streaks: all of its syncs, and all but the last.

    A meta.json is to be read from the first sync on.
    """
    spared = np.tile(np.log1p(-np.array(CHANCES))[:, None], SYNCS)
    at_us = np.arange(SYNCS) * 1_000_000
    readers = (Reader("gateway/0", at_us, at_us, spared),)
    first, stop = np.array([0, 0]), np.array([SYNCS, SYNCS - 1])
    return Streaks(readers, np.array([0, 0]), first, stop, np.array([0.8, 0.2]))


def all_fail(streams: Streams) -> bool:
    """Whether every sync fails: what is sent until one request fails, but a meta.json is no end."""
    is_read, failed = False, 0
    for sync in range(SYNCS):
        t_us = sync * 1_000_000
        if streams.happens(LIST, "error", "gateway/0", "list", t_us):
            failed += 1
            continue
        if streams.happens(HEAD, "error", "gateway/0", "head", t_us):
            failed += 1
            continue
        lacks = False
        if not is_read:
            lacks = streams.happens(META, "error", "gateway/0", "get", "b/meta.json", t_us)
            is_read = not lacks
        failed += streams.happens(MARK, "error", "gateway/0", "mark", t_us) or lacks
    return failed == SYNCS


def answer() -> float:
    """By what is known at each sync: whether the meta.json is read."""
    before = 1.0 - (1.0 - LIST) * (1.0 - HEAD)
    unread, read = 1.0, 0.0
    for _ in range(SYNCS):
        read = (
            read * (1.0 - (1.0 - before) * (1.0 - MARK))
            + unread * (1.0 - before) * (1.0 - META) * MARK
        )
        unread *= before + (1.0 - before) * META
    return unread + read


def played(count: int) -> tuple[list[float], list[float]]:
    """Per trial: its weight, and the same where every sync failed."""
    weights, hits = [], []
    for seed in range(count):
        base = Streams(seed)
        forcing = Forcing(streaks(), streaks().chosen(base.uniform("choice")))
        has_failed = all_fail(ForcedStreams(base, {}, forcing.value))
        weights.append(forcing.weight)
        hits.append(forcing.weight * has_failed)
    return weights, hits


def test_weights_make_up_for_what_is_forced() -> None:
    weights, hits = played(800)
    assert mean_within(weights, 1.0)
    assert mean_within(hits, answer())
    assert not mean_within(hits, 1.2 * answer())
    assert np.count_nonzero(hits) > 300


def test_nothing_is_forced_without_a_streak() -> None:
    none = Streaks.none()
    assert none.chosen(0.5) is None
    forcing = Forcing(none, None)
    request = Request("gateway/0", ("error", "gateway/0", "list", 0), 0, 0.1)
    assert forcing.value(request, 0.25) == 0.25
    assert forcing.weight == 1.0
    assert streaks().chosen(0.05) is None
    assert (streaks().chosen(0.5), streaks().chosen(0.999)) == (0, 1)


def test_a_streak_without_any_share_counts_for_nothing() -> None:
    weights = []
    for share in ([1.0, 0.0], [0.0, 1.0]):
        forcing = Forcing(replace(streaks(), share=np.array(share)), 0)
        all_fail(ForcedStreams(Streams(2), {}, forcing.value))
        weights.append(forcing.weight)
    assert 0.0 < weights[0] < weights[1] <= 10.0


def test_what_is_forced_has_the_law_of_what_fails() -> None:
    values: list[float] = []
    for seed in range(400):
        forced = ForcedStreams(Streams(seed), {}, Forcing(streaks(), 0).value)
        forced.happens(LIST, "error", "gateway/0", "list", 0)
        values += forced.values.values()
    failing = [value / LIST for value in values if value < LIST]
    assert 30 < len(failing) < 200
    assert ks_within(failing, lambda u: u)
    assert ks_within([(v - LIST) / (1.0 - LIST) for v in values if v >= LIST], lambda u: u)


def test_calm_streams_note_what_might_have_failed_and_leave_the_rest() -> None:
    base = Streams(3)
    pin = ("error", "gateway/0", "head", 5)
    calm = CalmStreams(base, {pin: 0.0})
    decides = ("error", "gateway/0", "list", 5)
    assert not calm.happens(0.999999, *decides)
    assert calm.requests == {"gateway/0": [Request("gateway/0", decides, 5, 0.999999)]}
    assert calm.happens(1.0, "error", "gateway/0", "list", 6)
    assert calm.happens(0.999999, *pin) is base.happens(0.999999, *pin)
    assert calm.happens(0.5, "error", "compactor", "list", 5) is base.happens(
        0.5, "error", "compactor", "list", 5
    )
    assert calm.uniform(*decides) == base.uniform(*decides)
    assert len(calm.requests["gateway/0"]) == 1
