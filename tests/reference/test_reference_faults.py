"""Worlds of faults, lags and counted requests, worked out by hand from ``sim/SEMANTICS.md``."""

from __future__ import annotations

import pytest

from tests.reference.client import Client, RequestFailed
from tests.reference.handmade import (
    AGAIN,
    EIGHT_HOURS,
    GAPS,
    IMMEDIATE,
    LEVEL1,
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
from tests.reference.store import Version


def test_requests_are_counted_as_issued() -> None:
    run = simulate(world(compactor_wait_interval='"1h"', horizon='"3h"'), 0, 0)
    # Passes at 0h, 1h, 2h of two syncs each; gateway syncs at 0h30m (twice), 1h30m, 2h30m; one
    # block is committed at 2h, after its producer asked for its meta: each reader asks for it at
    # each sync, gets it once, the gateway also its index.
    assert run.counts == {
        "duplicate-compaction": 0,
        "compactor-halt": 0,
        "compactor-error": 0,
        "orphan-mark": 0,
        "dangling-reference": 0,
        "re-references": 0,
        "requests.list": 3 * 2 + 4,
        "requests.head": 1 + 2 + 1,
        "requests.get": 1 + 2,
        "requests.put": 3,
        "requests.delete": 0,
    }


def test_compaction_reads_every_object_and_marks_are_asked_for_first() -> None:
    run = simulate(world(marks("2h", "1h"), compactor_wait_interval='"10h"', horizon='"11h"'), 0, 0)
    # Passes at 0h and 10h. At 10h: sync (5 metas and marks), download of 4 parents with 3
    # objects, marks of 4; at 10h1m two syncs of 6 blocks.
    # Gateway syncs, from the second on, at 2h30m ... 10h30m see 1, 1, 2, 2, 3, 3, 4, 4, 6 blocks.
    # Each of 5 producers' uploads asks for its meta first.
    seen = [1, 1, 2, 2, 3, 3, 4, 4, 6]
    assert run.counts["requests.list"] == 2 + 3 + 4 + 12
    assert run.counts["requests.head"] == 5 + (5 + 6 + 6) + 4 + sum(seen)
    metas_indexes_and_marks = 6 + 6 + sum(seen)
    assert run.counts["requests.get"] == (6 + 5 + 6 + 6) + 12 + metas_indexes_and_marks
    assert run.counts["requests.put"] == 6 * 3 + 4


def test_an_outage_gives_errors_and_then_gaps() -> None:
    fault = '[[faults]]\nkind = "gateway-outage"\ntarget = 0\nat = "5h"\nlasts = "20m"\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"7h"'), 0, 0)
    assert run.downs == [(0, us("5h"))]
    # The compactor reads 3 metas; the gateway metas and indexes of 2 blocks, then of 3.
    assert run.counts["requests.get"] == 3 + 2 * 2 + 2 * 3
    assert loads(run) == {
        LEVEL1[0]: spans(("2h30m", "5h"), ("5h20m", None)),
        LEVEL1[1]: spans(("4h30m", "5h"), ("5h20m", None)),
        LEVEL1[2]: spans(("6h20m", None)),
    }

    def expected(t: int) -> str:
        if within(t, ("5h", "5h5m")):
            return "query-error"
        gaps = [*GAPS[:2], ("5h5m", "5h20m"), ("6h", "6h20m")]
        return "silent-gap" if within(t, *gaps) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_a_second_gateway_fills_in_with_a_warning() -> None:
    fault = '[[faults]]\nkind = "gateway-outage"\ntarget = 0\nat = "5h"\nlasts = "20m"\n'
    scenario = world(
        IMMEDIATE, fault, horizon='"6h"', gateways_count="2", gateways_partial_response='"warn"'
    )
    run = simulate(scenario, 0, 0)

    def expected(t: int) -> str:
        if within(t, ("5h", "5h5m")):
            return "warned"
        return "silent-gap" if within(t, *GAPS[:2]) else "ok"

    expect_outcomes(run, expected, {"warned", "silent-gap", "ok"})


def test_shards_split_the_streams() -> None:
    scenario = world(
        IMMEDIATE, horizon='"3h"', producers_count="2", gateways_count="2", gateways_shards="2"
    )
    run = simulate(scenario, 0, 0)
    other = LEVEL1[0].replace("0.raw", "1.raw")
    assert run.loads == [
        (0, LEVEL1[0], us("2h30m"), NEVER),
        (1, other, us("2h30m"), NEVER),
    ]


@pytest.mark.parametrize(("remembered", "loaded"), [("0s", "2h30m"), ("20m", "2h45m")])
def test_a_remembered_absence_delays_the_load(remembered: str, loaded: str) -> None:
    # Objects at 2h10m, 2h20m, 2h30m. The sync of 2h15m finds no meta.json; with 20m of memory
    # that of 2h30m does not either, and using the memory does not prolong it.
    scenario = world(
        IMMEDIATE,
        horizon='"3h"',
        producers_upload_takes='"30m"',
        gateways_sync_interval='"15m"',
        gateways_phase='"0s"',
        store_negative_cache=f'"{remembered}"',
    )
    run = simulate(scenario, 0, 0)
    assert run.blocks[LEVEL1[0]][0] == us("2h30m")
    assert loads(run) == {LEVEL1[0]: spans((loaded, None))}


def test_a_slow_listing_delays_the_load() -> None:
    scenario = world(
        IMMEDIATE,
        lag(create_list="10m"),
        horizon='"3h"',
        gateways_sync_interval='"15m"',
        gateways_phase='"0s"',
    )
    assert loads(simulate(scenario, 0, 0)) == {LEVEL1[0]: spans(("2h15m", None))}


def test_a_delete_that_lags_longer_than_the_view_harms_nobody() -> None:
    # Deleted 10h1m, still served until 10h30m, when the gateway has dropped it.
    run = simulate(world(IMMEDIATE, lag(delete_get="29m"), horizon='"11h"'), 0, 0)
    expect_outcomes(run, lambda t: "silent-gap" if within(t, *GAPS) else "ok", {"silent-gap", "ok"})


def test_an_unlisted_replacement_is_made_twice() -> None:
    # Listings lag 30m and the delay is 0. Block 4 is listed at 10h30m; the replacement is
    # committed 10h31m, marks are stamped 10h31m. The next iteration sees marks of age 0 and no
    # replacement: it compacts again, until 10h32m. Then the marks are older than 0.
    run = simulate(world(marks("0s", "0s"), lag(create_list="30m")), 0, 0)
    assert run.counts["duplicate-compaction"] == 1
    assert run.blocks[EIGHT_HOURS] == (us("10h31m"), NEVER, (0, 1, 2, 3))
    # It is listed at 11h2m, found at 11h5m, and is the younger of two equals.
    assert run.blocks[AGAIN] == (us("10h32m"), us("11h5m"), (0, 1, 2, 3))
    for j in range(4):
        assert run.blocks[LEVEL1[j]][1] == us("10h31m")
        key = f"{LEVEL1[j]}/deletion-mark.json"
        assert run.objects[key] == [(us("10h31m"), True), (us("10h32m"), False)]
    assert run.objects[f"{AGAIN}/meta.json"] == [(us("10h32m"), True), (us("11h10m"), False)]

    def expected(t: int) -> str:
        if within(t, ("10h32m", "11h30m")):
            return "query-error"
        return "silent-gap" if within(t, *GAPS) else "ok"

    expect_outcomes(run, expected, {"query-error", "silent-gap", "ok"})


def test_failed_requests_delay_the_upload_and_end_passes() -> None:
    fault = '[[faults]]\nkind = "store-errors"\nat = "1h50m"\nlasts = "20m"\nerror_rate = 1.0\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"3h"'), 0, 0)
    # Asked for at 2h, 2h0m30s, ..., and not put until the window is over.
    assert run.blocks[LEVEL1[0]][0] == us("2h10m")
    assert run.counts["requests.put"] == 3
    # Passes of 1h50m, 1h55m, 2h, 2h5m.
    assert run.counts["compactor-error"] == 4
    assert loads(run) == {LEVEL1[0]: spans(("2h30m", None))}


def test_a_crashed_producer_starts_its_block_again() -> None:
    fault = '[[faults]]\nkind = "producer-crash"\ntarget = 0\nat = "2h20m"\nlasts = "5m"\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"3h"', producers_upload_takes='"30m"'), 0, 0)
    # The crash comes before the index that would be acknowledged at the same instant.
    assert run.objects == {
        f"{LEVEL1[0]}/chunks/000001": [(us("2h10m"), True), (us("2h35m"), True)],
        f"{LEVEL1[0]}/index": [(us("2h45m"), True)],
        f"{LEVEL1[0]}/meta.json": [(us("2h55m"), True)],
    }
    assert run.blocks[LEVEL1[0]][0] == us("2h55m")


def test_a_paused_producer_goes_on_where_it_was() -> None:
    fault = '[[faults]]\nkind = "pause"\nwho = "producers"\nat = "2h5m"\nlasts = "17m"\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"3h"', producers_upload_takes='"30m"'), 0, 0)
    assert run.objects == {
        f"{LEVEL1[0]}/chunks/000001": [(us("2h22m"), True)],
        f"{LEVEL1[0]}/index": [(us("2h22m"), True)],
        f"{LEVEL1[0]}/meta.json": [(us("2h30m"), True)],
    }


def test_a_slow_compactor_takes_longer() -> None:
    slow = 'kind = "slow-down"\nwho = "compactor"\nfactor = 2.5\n'
    fault = f'[[faults]]\n{slow}at = "10h"\nlasts = "1s"\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"11h"'), 0, 0)
    # It takes a minute as a rule.
    assert run.blocks[EIGHT_HOURS][0] == us("10h2m30s")


def test_a_crashed_compactor_starts_over() -> None:
    fault = '[[faults]]\nkind = "compactor-crash"\nat = "10h30s"\nlasts = "3m"\n'
    run = simulate(world(IMMEDIATE, fault, horizon='"12h"'), 0, 0)
    assert run.blocks[EIGHT_HOURS] == (NEVER, NEVER, (0, 1, 2, 3))
    assert run.blocks[AGAIN] == (us("10h4m30s"), NEVER, (0, 1, 2, 3))
    assert run.counts["duplicate-compaction"] == 0


def test_a_cleaner_beside_a_slow_compactor_ends_its_pass() -> None:
    # Passes are two syncs of 3m each, back to back, so that one begins at 10h30m, when block 4
    # is listed. Replacements: 10h34m and 10h35m, not listed before 11h. The next iteration
    # plans the same at 10h38m from a sync of 10h35m, stream 0 until 10h39m. The cleaner waits
    # from 10h35m50s (7 * 90m50s) for the same sync, and deletes all sources at 10h38m.
    scenario = world(
        marks("2m", "1h"),
        lag(create_list="30m"),
        horizon='"11h"',
        producers_count="2",
        compactor_sync_takes='"3m"',
        compactor_cleanup='"every 90m50s"',
    )
    run = simulate(scenario, 0, 0)
    assert run.counts["compactor-halt"] == 0
    assert run.counts["compactor-error"] == 1
    assert run.counts["duplicate-compaction"] == 1
    made = {block: at[0] for block, at in run.blocks.items() if len(at[2]) == 4}
    assert made == {
        EIGHT_HOURS: us("10h34m"),
        EIGHT_HOURS.replace("0.raw", "1.raw"): us("10h35m"),
        AGAIN: us("10h39m"),
    }
    # The compactor marks what is no longer there.
    mark = f"{LEVEL1[0]}/deletion-mark.json"
    gone = us("10h38m")
    assert run.objects[mark] == [(us("10h34m"), True), (gone, False), (us("10h39m"), True)]
    other = mark.replace("0.raw", "1.raw")
    assert run.objects[other] == [(us("10h35m"), True), (gone, False)]


def test_an_outage_forgets_what_was_absent() -> None:
    # Objects at 2h10m, 2h20m, 2h30m. The absence found at 2h15m would hold until 2h55m.
    fault = '[[faults]]\nkind = "gateway-outage"\ntarget = 0\nat = "2h20m"\nlasts = "10m"\n'
    scenario = world(
        IMMEDIATE,
        fault,
        horizon='"3h"',
        producers_upload_takes='"30m"',
        gateways_sync_interval='"15m"',
        gateways_phase='"0s"',
        store_negative_cache='"40m"',
    )
    assert loads(simulate(scenario, 0, 0)) == {LEVEL1[0]: spans(("2h30m", None))}


def test_an_incomplete_view_loads_but_does_not_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    get = Client.get

    def failing_get(client: Client, key: str) -> Version | None:
        if key == f"{LEVEL1[4]}/meta.json" and client.world.now_us == us("10h30m"):
            raise RequestFailed(key)
        return get(client, key)

    monkeypatch.setattr(Client, "get", failing_get)
    run = simulate(world(compactor_wait_interval='"10h"', horizon='"12h"'), 0, 0)
    assert loads(run)[EIGHT_HOURS] == spans(("10h30m", None))
    assert loads(run)[LEVEL1[0]] == spans(("2h30m", "11h30m"))
    assert loads(run)[LEVEL1[4]] == spans(("11h30m", None))


def test_the_compactor_hides_sources_after_half_the_delay() -> None:
    # As above with a delay of 4m: iterations at 10h31m, 10h32m, 10h33m see marks of 0m, 1m, 2m
    # and compact again; that of 10h34m sees 3m. At 10h35m the marks are not yet older than 4m.
    run = simulate(world(marks("4m", "1h"), lag(create_list="30m"), horizon='"11h"'), 0, 0)
    assert run.counts["duplicate-compaction"] == 3
    assert run.objects[f"{LEVEL1[0]}/index"][-1] == (us("10h40m"), False)


def test_a_remembered_absence_makes_the_compactor_mark_again() -> None:
    # Marks are asked for every 10m and the absence is remembered for 7m: at 10h, until 10h7m.
    # So the garbage collections of 10h1m and 10h5m find no mark and write another; that of
    # 10h10m finds one of 10h5m. At 10h35m it is 30m old, not more.
    scenario = world(marks("30m", "1h"), store_negative_cache='"7m"', horizon='"11h"')
    run = simulate(scenario, 0, 0)
    assert run.objects[f"{LEVEL1[0]}/deletion-mark.json"] == [
        (us("10h1m"), True),
        (us("10h1m"), True),
        (us("10h5m"), True),
        (us("10h40m"), False),
    ]
    assert run.blocks[LEVEL1[0]][1] == us("10h1m")
