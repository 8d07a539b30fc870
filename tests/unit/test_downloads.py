"""Downloads, and what halts the compactor, ends its process or ends its pass (C8, C10, C12-C15)."""

from __future__ import annotations

import pytest

from sim.trace.records import ErrorRecord, SyncsRecord
from tests.worlds import Rig, lag, marks, quarters, run, told, us, world

CHUNK, INDEX, META = range(3)


@pytest.mark.parametrize(("gone", "name"), [(INDEX, "index"), (META, "meta.json")])
def test_an_object_that_is_gone_ends_the_pass(gone: int, name: str) -> None:
    # A GET of block 2's object finds nothing although LIST, and the view, show it.
    rig = Rig(lag=lag(delete_list="3h"))
    blocks = quarters(rig)
    rig.compactor(sync_takes="1m")
    rig.at("10h30s", lambda: rig.store.delete(blocks[2], (gone,)))
    rig.go("10h4m")
    assert rig.story()[-1] == f"10h1m error compactor not-found {blocks[2].id}/{name}"


def test_a_chunk_that_is_not_listed_halts_once_all_is_read() -> None:
    rig = Rig(lag=lag(delete_get="3h"))
    blocks = quarters(rig)
    rig.store.delete(blocks[2], (CHUNK,))
    compactor = rig.compactor(download_takes="4m")
    rig.go("10h11m")
    assert rig.story()[-1] == f"10h4m halt listing lacks {blocks[2].id}/chunks/000001"
    assert compactor.has_halted


def short(at: str, lasts: str, **keys: str) -> dict[str, str]:
    """Reads of chunks are cut short."""
    return {"kind": "request-errors", "answers": "truncated", "at": at, "lasts": lasts, **keys}


@pytest.mark.parametrize(
    ("fault", "halts"),
    [
        # The chunk of block 1 is read at 10h1m20s, its index at 10h1m40s.
        (short("10h80s", "1us"), True),
        (short("10h81s", "20s"), False),
        (short("10h80s", "1us", blocks="compacted"), False),
    ],
)
def test_a_chunk_that_is_cut_short_halts_once_all_is_read(
    fault: dict[str, str], halts: bool
) -> None:
    rig = Rig(faults=[fault])
    blocks = quarters(rig)
    compactor = rig.compactor(download_takes="4m")
    rig.go("10h4m1s")
    assert compactor.has_halted == halts
    told_halt = f"10h4m halt cut short {blocks[1].id}/chunks/000001"
    assert (told_halt in rig.story()) == halts


def test_a_restart_heals_what_was_cut_short() -> None:
    crash = {"kind": "compactor-crash", "at": "11h", "lasts": "0s"}
    fault = short("10h", "20m")
    # A pass at 10h finds five blocks, of which four are merged.
    for faults, made_at in (([], 1), ([fault], 0), ([fault, crash], 1)):
        _, timelines = run(world(horizon="12h", faults=faults))
        assert (timelines.blocks.committed_us[timelines.blocks.level == 2] < us("12h")).sum() == (
            made_at
        )
        assert timelines.counters["compactor-halt"] == int(bool(faults))


def test_an_index_that_is_not_listed_ends_the_process() -> None:
    rig = Rig(lag=lag(delete_get="3h"))
    blocks = quarters(rig)
    rig.store.delete(blocks[2], (INDEX,))
    compactor = rig.compactor(download_takes="4m", restart_after="2h")
    rig.go("10h11m")
    # The third of four blocks is read at 10h3m.
    assert rig.story()[-1] == f"10h3m error compactor exit listing lacks {blocks[2].id}/index"
    assert not compactor.has_halted


@pytest.mark.parametrize("asks", [True, None])
def test_an_index_that_is_gone_ends_the_process_where_a_plan_asks_for_its_size(
    asks: bool | None,
) -> None:
    # The pass knows by its sync of 10h what is gone when it plans, a minute later.
    rig = Rig(lag=lag(delete_list="3h"))
    blocks = quarters(rig)
    rig.compactor(sync_takes="1m", asks_index_size=asks, restart_after="2h")
    rig.at("10h30s", lambda: rig.store.delete(blocks[2], (INDEX,)))
    rig.go("10h4m")
    exits = "exit " if asks else ""
    assert rig.story()[-1] == f"10h1m error compactor {exits}not-found {blocks[2].id}/index"


def test_a_plan_asks_for_the_size_of_each_index_and_goes_on() -> None:
    counters = []
    for asks in (True, None):
        _, timelines = run(world(compactor={"asks_index_size": asks}))
        counters.append(timelines.counters)
    assert counters[0]["compactions"] == counters[1]["compactions"] == 1
    assert counters[0]["requests.head"] - counters[1]["requests.head"] == 4


def test_a_head_that_fails_ends_the_process() -> None:
    hit = {"requests": "head", "objects": "index", "error_rate": 1.0}
    fault = {"kind": "request-errors", "at": "0s", "lasts": "11h", **hit}
    rig = Rig(faults=[fault])
    blocks = quarters(rig)
    rig.compactor(asks_index_size=True, restart_after="2h")
    rig.go("13h")
    news = [line for line in told(rig, "10h") if " error " in line or " block " in line]
    assert news[:2] == [
        f"10h error compactor exit head {blocks[0].id}/index",
        "12h block 5 0.raw 0h-8h level 2",
    ]


def test_a_download_reads_one_object_after_the_other() -> None:
    # Four blocks of three objects in 12 minutes: block 1 is read at 10h3m, 10h4m and 10h5m.
    def read(gone: int, at: str) -> str:
        rig = Rig(lag=lag(delete_list="3h"))
        blocks = quarters(rig)
        rig.compactor(download_takes="12m")
        rig.at(at, lambda: rig.store.delete(blocks[1], (gone,)))
        rig.go("10h13m")
        lines = [line for line in told(rig, "10h1us") if " error " in line or " block 5 " in line]
        return lines[0].replace(blocks[1].id, "1")

    assert read(META, "10h3m") == "10h3m error compactor not-found 1/meta.json"
    assert read(CHUNK, "10h4m") == "10h4m error compactor not-found 1/chunks/000001"
    assert read(INDEX, "10h5m") == "10h5m error compactor not-found 1/index"
    made = "10h12m block 5 0.raw 0h-8h level 2"
    assert [read(gone, "10h5m1us") for gone in (CHUNK, INDEX, META)] == [made] * 3


def test_downsampling_without_a_chunk_ends_the_process() -> None:
    rig = Rig(lag=lag(delete_get="3h"))
    block = rig.block(0, 240, level=2)
    rig.go("240h")
    rig.put(block)
    rig.store.delete(block, (CHUNK,))
    rig.compactor(downsampling=True, restart_after="2h")
    rig.go("241h")
    error = f"error compactor exit listing lacks {block.id}/chunks/000001"
    assert rig.story()[-1] == f"240h {error}"


@pytest.mark.parametrize(("why", "error"), [("retention", "exit put"), ("compacted", "put")])
def test_what_a_mark_that_fails_ends(why: str, error: str) -> None:
    # A mark of retention ends the process, that of a source only the pass.
    hit = {"requests": "put", "objects": "deletion-mark.json", "error_rate": 1.0}
    rig = Rig(faults=[{"kind": "request-errors", "at": "0s", "lasts": "99h", **hit}])
    blocks = quarters(rig)
    retention = {"raw": "9h"} if why == "retention" else {}
    ranges = ["2h", "8h"][: 2 - len(retention)]
    rig.compactor(marks("2h", "1h"), ranges=ranges, retention=retention, restart_after="99h")

    rig.go("11h6m")
    lines = [line.partition(" ")[2] for line in told(rig, "10h") if " error " in line]
    assert lines[0] == f"error compactor {error} {blocks[0].id}/deletion-mark.json"
    assert len(lines) == 1 if why == "retention" else len(lines) > 1


def test_a_process_that_ended_starts_again_and_knows_nothing() -> None:
    scenario = world(
        horizon="60h",
        store={"lag": lag(create_list={"law": "uniform", "low": "0s", "high": "20m"})},
        compactor={"restart_after": "7m", "ranges": ["2h", "8h", "24h"]},
        gateways={"phase": "999h"},
        seed=3,
    )
    trace, _ = run(scenario)
    exits = [r.t_us for r in trace.records if isinstance(r, ErrorRecord) and "exit" in r.what]
    syncs = next(r for r in trace.records if isinstance(r, SyncsRecord)).at_us
    assert exits
    for exit_us in exits:
        assert min(t for t in syncs if t > exit_us) == exit_us + us("7m")
