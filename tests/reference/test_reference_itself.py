"""Worlds small enough to work out by hand from ``sim/SEMANTICS.md``, every number of them."""

from __future__ import annotations

import pytest

from sim.core.streams import Streams
from tests.reference.handmade import (
    EIGHT_HOURS,
    GAPS,
    IMMEDIATE,
    LEVEL1,
    block_id,
    expect_outcomes,
    lag,
    loads,
    marks,
    spans,
    us,
    within,
    world,
)
from tests.reference.plain import NEVER, simulate


def test_immediate_deletion_on_a_strong_store() -> None:
    run = simulate(world(), 0, 0)
    # At 10h blocks 0..4 are there; without the newest they fill [0, 8h).
    assert run.blocks == {
        **{LEVEL1[j]: (us(f"{2 * j + 2}h"), us("10h1m"), (j,)) for j in range(4)},
        **{LEVEL1[j]: (us(f"{2 * j + 2}h"), NEVER, (j,)) for j in (4, 5)},
        EIGHT_HOURS: (us("10h1m"), NEVER, (0, 1, 2, 3)),
    }
    assert loads(run) == {
        LEVEL1[0]: spans(("2h30m", "10h30m")),
        LEVEL1[1]: spans(("4h30m", "10h30m")),
        LEVEL1[2]: spans(("6h30m", "10h30m")),
        LEVEL1[3]: spans(("8h30m", "10h30m")),
        LEVEL1[4]: spans(("10h30m", None)),
        LEVEL1[5]: spans(("12h30m", None)),
        EIGHT_HOURS: spans(("10h30m", None)),
    }
    for name in ("chunks/000001", "index", "meta.json"):
        written = [(us("2h"), True), (us("10h1m"), False)]
        assert run.objects[f"{LEVEL1[0]}/{name}"] == written

    def expected(t: int) -> str:
        if within(t, ("10h1m", "10h30m")):
            return "query-error"
        return "silent-gap" if within(t, *GAPS) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_a_query_fails_if_it_is_still_reading_when_the_object_goes() -> None:
    run = simulate(world(queries_takes='"30s"', queries_rate='"10/m"', horizon='"11h"'), 0, 0)

    def expected(t: int) -> str:
        # The end of the reads counts: 10h0m30s + 30s = 10h1m.
        if within(t, ("10h30s", "10h30m")):
            return "query-error"
        return "silent-gap" if within(t, *GAPS) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_partial_responses_are_warned_of() -> None:
    run = simulate(world(gateways_partial_response='"warn"'), 0, 0)

    def expected(t: int) -> str:
        if within(t, ("10h1m", "10h30m")):
            return "partial-response"
        return "silent-gap" if within(t, *GAPS) else "ok"

    expect_outcomes(run, expected, {"partial-response", "silent-gap", "ok"})


def test_a_producer_answers_for_its_young_blocks() -> None:
    # For 30m: exactly until the gateway has loaded the block.
    run = simulate(world(producers_local_retention='"30m"', horizon='"9h"'), 0, 0)
    expect_outcomes(run, lambda t: "ok", {"ok"})
    run = simulate(world(producers_local_retention='"20m"', horizon='"9h"'), 0, 0)
    left = [(f"{h}h20m", f"{h}h30m") for h in (2, 4, 6, 8)]
    expect_outcomes(run, lambda t: "silent-gap" if within(t, *left) else "ok", {"silent-gap", "ok"})


def test_a_query_needs_only_its_range() -> None:
    # [t - 1h - 1h, t - 1h) reaches block j from 2j h + 1h to 2j h + 4h; it is loaded at +2h30m.
    run = simulate(world(queries_range='"1h"', queries_offset='"1h"', horizon='"9h"'), 0, 0)
    expect_outcomes(
        run, lambda t: "silent-gap" if within(t, *GAPS[:4]) else "ok", {"silent-gap", "ok"}
    )


def test_marks_keep_sources_until_the_delay_has_passed() -> None:
    run = simulate(world(marks("2h", "1h")), 0, 0)
    # Stamped 10h1m; at 12h the age is 1h59m, at 12h5m it is more than 2h.
    for j in range(4):
        assert run.blocks[LEVEL1[j]][1] == us("10h1m")
        for name in ("chunks/000001", "index", "meta.json"):
            written = [(us(f"{2 * j + 2}h"), True), (us("12h5m"), False)]
            assert run.objects[f"{LEVEL1[j]}/{name}"] == written
        mark = run.objects[f"{LEVEL1[j]}/deletion-mark.json"]
        assert mark == [(us("10h1m"), True), (us("12h5m"), False)]
    # Deduplication hides the sources at the sync that loads their replacement.
    assert loads(run)[LEVEL1[0]] == spans(("2h30m", "10h30m"))
    assert loads(run)[EIGHT_HOURS] == spans(("10h30m", None))
    expect_outcomes(run, lambda t: "silent-gap" if within(t, *GAPS) else "ok", {"silent-gap", "ok"})
    # 6 level-1 blocks and one more, 3 objects each, and 4 marks; 4 blocks of 3 objects and mark.
    assert run.counts["requests.put"] == 7 * 3 + 4
    assert run.counts["requests.delete"] == 4 * 4


def test_a_delay_shorter_than_the_sync_interval_is_not_enough() -> None:
    # Marked 10h1m; deleted at the first tick with an age above 9m; gateway syncs at 10h30m.
    run = simulate(world(marks("9m", "4m"), horizon='"11h"'), 0, 0)
    deleted = [(us("2h"), True), (us("10h15m"), False)]
    assert run.objects[f"{LEVEL1[0]}/index"] == deleted

    def expected(t: int) -> str:
        if within(t, ("10h15m", "10h30m")):
            return "query-error"
        return "silent-gap" if within(t, *GAPS) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_the_cleanup_may_run_at_other_times() -> None:
    # A delay of 0: the mark of 10h1m is 0 old in the next iteration, at once, so that the tick
    # at 10h5m deletes; a cleaner on a grid of 7m deletes at 10h2m = 86 * 7m.
    mark = f"{LEVEL1[0]}/deletion-mark.json"
    for cleanup, deleted in (("in-pass", "10h5m"), ("end-of-pass", "10h5m"), ("every 7m", "10h2m")):
        scenario = world(marks("0s", "0s"), compactor_cleanup=f'"{cleanup}"', horizon='"11h"')
        run = simulate(scenario, 0, 0)
        assert run.objects[mark] == [(us("10h1m"), True), (us(deleted), False)]


def test_a_sync_acts_on_the_world_as_it_was_when_it_began() -> None:
    scenario = world(IMMEDIATE, horizon='"11h"', gateways_sync_takes='"10m"')
    run = simulate(scenario, 0, 0)
    # The first sync ends at 0h40m, and the next ones begin there.
    assert loads(run)[LEVEL1[0]] == spans(("2h50m", "10h50m"))
    assert loads(run)[EIGHT_HOURS] == spans(("10h50m", None))


@pytest.mark.parametrize(("delay", "loaded"), [("30m", "2h30m"), ("31m", "3h30m")])
def test_the_consistency_delay_hides_young_blocks(delay: str, loaded: str) -> None:
    scenario = world(IMMEDIATE, horizon='"4h"', gateways_consistency_delay=f'"{delay}"')
    assert loads(simulate(scenario, 0, 0)) == {LEVEL1[0]: spans((loaded, None))}


def test_downsampling_and_retention() -> None:
    scenario = world(
        IMMEDIATE,
        horizon='"5d"',
        producers_block_length='"2d"',
        compactor_ranges='["2d", "14d"]',
        compactor_downsampling="true",
        compactor_downsampling_takes='"1m"',
        compactor_retention='{ raw = "2d", "5m" = "0d", "1h" = "0d" }',
        queries_rate='"1/m"',
        queries_range='"10d"',
    )
    run = simulate(scenario, 0, 0)
    first, second = block_id("0s", "2d"), block_id("2d", "4d")
    assert run.blocks == {
        first: (us("2d"), us("4d1m"), (0,)),
        second: (us("4d"), NEVER, (1,)),
        block_id("0s", "2d", 2, resolution="5m"): (us("2d1m"), NEVER, (0,)),
        block_id("2d", "4d", 2, resolution="5m"): (us("4d1m"), NEVER, (1,)),
    }

    def expected(t: int) -> str:
        # Raw data is kept for 2d after the block's end: block 0 is not needed from 4d. The pass
        # of 4d downsamples for 1m and then finds it too old; it is loaded until 4d30m.
        if within(t, ("4d1m", "4d30m")):
            return "query-error"
        gaps = [("2d", "2d30m"), ("4d", "4d30m")]
        return "silent-gap" if within(t, *gaps) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_an_aborted_upload_is_cleaned_up_after_two_days() -> None:
    # One chunk at 2h10m and then never anything more.
    fault = '[[faults]]\nkind = "producer-crash"\ntarget = 0\nat = "2h15m"\nlasts = "9d"\n'
    scenario = world(
        IMMEDIATE, fault, horizon='"3d"', producers_upload_takes='"30m"', queries_rate='"1/h"'
    )
    run = simulate(scenario, 0, 0)
    written = [(us("2h10m"), True), (us("2d2h15m"), False)]
    assert run.objects == {f"{LEVEL1[0]}/chunks/000001": written}


def test_the_same_run_twice_is_the_same() -> None:
    scenario = world(queries_takes='{ law = "exponential", mean = "1m" }', horizon='"11h"')
    assert simulate(scenario, 0, 3) == simulate(scenario, 0, 3)
    assert simulate(scenario, 0, 3) != simulate(scenario, 0, 4)


def test_each_read_goes_to_the_replica_drawn_for_it() -> None:
    # Of two replicas one shows the deletion at once, the other when the gateway has dropped.
    scenario = world(
        IMMEDIATE,
        lag(delete_get="29m"),
        store_replicas="2",
        store_acks="1",
        horizon='"11h"',
    )
    run = simulate(scenario, 0, 0)
    uniform = Streams(scenario.seed).uniform
    keys = [f"{block}/{name}" for block in LEVEL1[:4] for name in ("chunks/000001", "index")]
    prompt = {key: min((0, 1), key=lambda r: uniform("ack", key, 1, r)) for key in keys}
    outcomes = set()
    for i, (t, outcome) in enumerate(run.outcomes["day"]):
        if within(t, ("10h1m", "10h30m")):
            read = {key: int(uniform("query", "day", i, 0, key) * 2) for key in keys}
            fails = any(read[key] == prompt[key] for key in keys)
            assert outcome == ("query-error" if fails else "silent-gap")
            outcomes.add(outcome)
    assert "query-error" in outcomes


def test_what_is_not_committed_is_not_missed() -> None:
    scenario = world(producers_upload_takes='"30m"', gateways_phase='"45m"', horizon='"4h"')
    run = simulate(scenario, 0, 0)
    expect_outcomes(
        run,
        lambda t: "silent-gap" if within(t, ("2h30m", "2h45m")) else "ok",
        {"silent-gap", "ok"},
    )


def test_compacted_blocks_are_not_delayed() -> None:
    run = simulate(world(gateways_consistency_delay='"31m"', horizon='"12h"'), 0, 0)
    assert loads(run)[LEVEL1[0]] == spans(("3h30m", "10h30m"))
    assert loads(run)[LEVEL1[4]] == spans(("11h30m", None))
    assert loads(run)[EIGHT_HOURS] == spans(("10h30m", None))


def test_retention_is_strict() -> None:
    scenario = world(compactor_retention='{ raw = "3h" }', horizon='"6h"')
    run = simulate(scenario, 0, 0)
    # At 5h the block that ends at 2h is 3h old, not more.
    assert run.blocks[LEVEL1[0]] == (us("2h"), us("5h5m"), (0,))


def test_deleting_takes_its_time_and_its_order() -> None:
    run = simulate(world(compactor_delete_takes='"3m"', horizon='"11h"'), 0, 0)
    # One block after another from 10h1m.
    for j, begin in enumerate(("10h1m", "10h4m", "10h7m", "10h10m")):
        assert run.blocks[LEVEL1[j]][1] == us(begin)
        for i, name in enumerate(("meta.json", "chunks/000001", "index")):
            gone = (us(begin) + (i + 1) * us("1m"), False)
            assert run.objects[f"{LEVEL1[j]}/{name}"][-1] == gone
    run = simulate(world(marks("0s", "1h"), compactor_delete_takes='"4m"', horizon='"11h"'), 0, 0)
    names = ("meta.json", "chunks/000001", "index", "deletion-mark.json")
    for i, name in enumerate(names):
        gone = (us("10h5m") + (i + 1) * us("1m"), False)
        assert run.objects[f"{LEVEL1[0]}/{name}"][-1] == gone
