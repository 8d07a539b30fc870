"""Gateways: when they sync, what they load and drop, outages (G1-G7); ways to delete (schemes)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.core.streams import Streams
from sim.trace.records import AbortRecord, SyncsRecord, UpRecord
from tests.worlds import AT_ONCE, lag, marks, run, story, us, world


def seen(since: str, until: str, **changes: Any) -> list[str]:
    """What gateways do in a base world without compaction, in [since, until)."""
    compactor = {"wait_interval": "9h", **changes.pop("compactor", {})}
    trace, _ = run(world(horizon=until, compactor=compactor, **changes))
    lines = zip(story(trace.records), trace.records, strict=False)
    words = ("load", "drop", "unloaded", "abort", "down", "up")
    return [s for s, r in lines if r.t_us >= us(since) and s.split()[1] in words]


def test_a_sync_acts_on_the_world_as_it_was_when_it_began() -> None:
    # Syncs at 49m, 59m, 1h59m, …, each of 10m; blocks come at 2h, 4h.
    gateways = {"phase": "49m", "sync_interval": "1h", "sync_takes": "10m"}
    assert seen("0s", "6h", gateways=gateways) == ["59m up 0", "3h9m load 0: 0", "5h9m load 0: 1"]


def test_the_stages_of_a_sync() -> None:
    stages = {"check": 0.25, "marks": 0.5, "load": 0.75}
    gateways = {"phase": "50m", "sync_interval": "1h", "sync_takes": "8m", "sync_stages": stages}
    # Listed at 1h58m, when nothing was there: what is checked at 2h was not listed.
    assert seen("0s", "4h", gateways=gateways) == ["58m up 0", "3h4m load 0: 0"]
    # An upload that began before: chunk at 1h57m, meta at 1h59m, checked at 2h.
    producers = {"block_length": "1h", "upload_after": "54m", "upload_takes": "5m15s"}
    told = seen("0s", "3h", gateways=gateways, producers=producers, compactor={"ranges": ["1h"]})
    assert told == ["58m up 0", "2h4m load 0: 0"]


def test_overruns_shift_syncs_but_not_the_grid() -> None:
    # Syncs from 30m every 1h, the takes being 90m: 30m, 2h, then 3h30m on the grid again.
    gateways = {"phase": "30m", "sync_interval": "1h", "sync_takes": "90m"}
    assert seen("0s", "9h", gateways=gateways) == [
        "2h up 0",
        "3h30m load 0: 0",
        "6h30m load 0: 1",
        "8h load 0: 2",
    ]


def test_shards_and_phases() -> None:
    scenario = world(
        horizon="4h30m",
        producers={"count": 3},
        compactor={"wait_interval": "9h"},
        gateways={"count": 4, "shards": 2, "phase": "uniform", "sync_interval": "1h"},
    )
    trace, timelines = run(scenario, trial=2)
    ups = {r.gateway: r.t_us for r in trace.records if isinstance(r, UpRecord)}
    streams = Streams(7 + 2)
    assert ups == {g: int(streams.uniform("gateway", g, "phase") * us("1h")) for g in range(4)}
    served = set(zip(timelines.loads.gateway.tolist(), timelines.loads.block.tolist(), strict=True))
    stream_of = timelines.blocks.stream.tolist()
    assert {(g, stream_of[b]) for g, b in served} == {
        (0, 0),
        (0, 2),
        (1, 1),
        (2, 0),
        (2, 2),
        (3, 1),
    }


def test_a_missing_index_is_loaded_when_it_is_there() -> None:
    # Objects of one upload show in any order: sometimes the meta before the index.
    scenario = world(
        horizon="12h",
        store={"lag": lag(create_get={"law": "uniform", "low": "0s", "high": "3h"})},
        compactor={"wait_interval": "99h"},
    )
    n_unloaded = 0
    for trial in range(8):
        trace, _ = run(scenario, trial=trial)
        lines = story(trace.records)
        for i, line in enumerate(lines):
            if "unloaded" in line:
                n_unloaded += 1
                block = line.split()[-1]
                later = [x for x in lines[i + 1 :] if x.split()[1] in ("load", "unloaded")]
                # Tried again at the next sync, an hour later, until it is there.
                assert later == [] or any(block in x.split()[3:] for x in later[:2])
    assert n_unloaded


def errors(at: str, lasts: str) -> dict[str, Any]:
    return {"kind": "store-errors", "at": at, "lasts": lasts, "error_rate": 1.0}


def test_an_aborted_sync_changes_nothing() -> None:
    faults = [errors("2h20m", "20m"), errors("6h30m", "1us")]
    assert seen("2h", "8h", faults=faults) == [
        "2h30m abort 0 list",
        "3h30m load 0: 0",
        "4h30m load 0: 1",
        "6h30m abort 0 list",
        "7h30m load 0: 2",
    ]


def test_a_load_that_fails_is_tried_again() -> None:
    # Listed at 2h30m; at 2h40m, when it loads, requests fail.
    gateways = {"phase": "20m", "sync_interval": "1h", "sync_takes": "10m"}
    told = seen("2h", "5h", gateways=gateways, faults=[errors("2h35m", "10m")])
    assert told == ["2h40m unloaded 0: 0", "3h40m load 0: 0", "4h40m load 0: 1"]


def test_a_sync_takes_longer_for_each_block_it_lists() -> None:
    # None at 30m, one at 2h30m, two at 4h30m.
    gateways = {"phase": "20m", "sync_interval": "1h", "sync_takes": "10m"}
    told = seen("0s", "6h", gateways={**gateways, "sync_takes_per_block": "3m"})
    assert told == ["30m up 0", "2h43m load 0: 0", "4h46m load 0: 1"]


def test_a_first_sync_is_tried_again_and_the_next_follows_it_at_once() -> None:
    # From 30m on: at 30m0s and 30m10s requests fail, and at 30m20s not any more.
    gateways = {"phase": "30m", "sync_interval": "1h", "sync_takes": "2s"}
    told = seen("0s", "4h", gateways=gateways, faults=[errors("30m", "15s")])
    assert told[:3] == ["30m abort 0 list", "30m10s abort 0 list", "30m22s up 0"]
    trace, _ = run(world(horizon="2h", gateways=gateways))
    (made,) = [record for record in trace.records if isinstance(record, SyncsRecord)]
    own = made.actors.index("gateway/0")
    listed_us = [t_us for t_us, who in zip(made.at_us, made.who, strict=True) if who == own]
    assert listed_us == [us("30m"), us("30m2s"), us("90m2s")]


def test_a_process_whose_first_sync_never_succeeds_is_started_anew() -> None:
    faults = [errors("30m", "75s")]
    told = seen("0s", "4h", faults=faults, gateways={"phase": "30m", "restart_after": "20s"})
    assert told == [
        "30m abort 0 list",
        "30m10s abort 0 list",
        "30m20s abort 0 list",
        "30m30s down 0 until 30m30s",
        "30m50s abort 0 list",
        "31m abort 0 list",
        "31m10s abort 0 list",
        "31m20s down 0 until 31m20s",
        "31m40s up 0",
        # The grid is that of the start that succeeded.
        "2h31m40s load 0: 0",
    ]


def outage(at: str, lasts: str, target: int = 0) -> dict[str, Any]:
    return {"kind": "gateway-outage", "target": target, "at": at, "lasts": lasts}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        pytest.param(
            [outage("4h45m", "20m")],
            [
                "30m up 0",
                "2h30m load 0: 0",
                "4h30m load 0: 1",
                "4h45m down 0 until 4h50m",
                "5h5m load 0: 0 1",
                "5h5m up 0",
                # The grid begins anew at 5h5m.
                "6h5m load 0: 2",
            ],
            id="forgets",
        ),
        pytest.param(
            [outage("10m", "30m")],
            ["10m down 0 until 10m", "40m up 0", "2h40m load 0: 0", "4h40m load 0: 1"],
            id="before the first sync",
        ),
        pytest.param(
            [outage("4h30m", "10m")],
            [
                "30m up 0",
                "2h30m load 0: 0",
                "4h30m down 0 until 4h35m",
                "4h40m load 0: 0 1",
                "4h40m up 0",
            ],
            id="no sync at the instant of the outage",
        ),
    ],
)
def test_outages(faults: list[dict[str, Any]], expected: list[str]) -> None:
    assert seen("0s", "6h6m", faults=faults) == expected


def test_an_outage_abandons_a_sync_under_way() -> None:
    gateways = {"phase": "30m", "sync_interval": "1h", "sync_takes": "10m"}
    told = seen("2h", "4h", gateways=gateways, faults=[outage("2h35m", "5m")])
    assert told == ["2h35m down 0 until 2h40m", "2h50m load 0: 0", "2h50m up 0"]


def test_sources_are_dropped_when_their_replacement_is_loaded() -> None:
    trace, _ = run(world(schemes=[marks("48h", "24h")], horizon="11h"))
    assert story(trace.records)[-2:] == ["10h30m load 0: 4 5", "10h30m drop 0: 0 1 2 3"]


def test_drops_come_at_the_end_of_a_sync() -> None:
    stages = {"check": 0.0, "marks": 0.0, "load": 0.5}
    gateways = {"phase": "20m", "sync_interval": "1h", "sync_takes": "10m", "sync_stages": stages}
    trace, _ = run(world(schemes=[marks("48h", "24h")], gateways=gateways, horizon="11h"))
    assert story(trace.records)[-2:] == ["10h35m load 0: 4 5", "10h40m drop 0: 0 1 2 3"]


def test_marks_hide_blocks_without_a_replacement() -> None:
    scenario = world(
        horizon="6h",
        compactor={"retention": {"raw": "30m"}},
        schemes=[marks("3h", "1h")],
        gateways={"phase": "7m", "sync_interval": "10m"},
    )
    trace, _ = run(scenario)
    lines = [
        line for line in story(trace.records) if line.endswith((" 0", ": mark", " 0 retention"))
    ]
    # Ended at 2h, older than 30m at 2h35m; an hour later the mark is an hour old, not more.
    assert "2h7m load 0: 0" in lines
    assert "2h35m put 0: mark" in lines
    assert "3h37m drop 0: 0" in lines
    deleted = [
        line for line in story(trace.records) if line.startswith("5h") and "delete 0" in line
    ]
    assert deleted == ["5h40m delete 0: meta chunk index mark"]


def test_failing_syncs_of_one_reader() -> None:
    """F-a4: every HEAD of gateway 1 fails for a while; the others see nothing of it."""
    hit = {"who": "gateway/1", "requests": "head", "error_rate": 1.0}
    scenario = world(
        gateways={"count": 2, "phase": "0s"},
        faults=[{"kind": "request-errors", "at": "5h", "lasts": "4h", **hit}],
        schemes=[AT_ONCE],
    )
    aborted = [r for r in run(scenario)[0].records if isinstance(r, AbortRecord)]
    assert [(r.gateway, r.t_us) for r in aborted] == [(1, us(f"{h}h")) for h in (5, 6, 7, 8)]


def test_what_is_not_found_is_looked_for_again_when_the_fault_is_over() -> None:
    hit = {"who": "gateway/0", "objects": "meta.json", "answers": "not-found"}
    scenario = world(
        gateways={"phase": "0s"},
        faults=[{"kind": "request-errors", "at": "4h30m", "lasts": "2h", **hit}],
        schemes=[marks("48h", "24h")],
        horizon="8h",
    )
    assert [
        line for line in story(run(scenario)[0].records) if "load" in line or "drop" in line
    ] == [
        "2h load 0: 0",
        "4h load 0: 1",
        "5h drop 0: 0 1",
        "7h load 0: 0 1 2",
    ]
