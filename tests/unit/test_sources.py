"""What blocks name as their sources, where that is not their data (B1, G4, O9, O10)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis import checkers
from sim.analysis.queries import evaluate as queries
from sim.analysis.queries.exposure import Exposure
from sim.model.blocks.catalog import Block, Catalog
from sim.scenario.schema import OUTCOMES, Scenario
from tests.worlds import AT_ONCE, marks, run, story, us, world

REWRITE = {"kind": "rewrite", "at": "9h30m", "level": 1}
UPLOAD = {"kind": "upload", "at": "5h"}
APART = {"ranges": ["2h"]}


def told(scenario: Scenario, *words: str) -> list[str]:
    trace, _ = run(scenario)
    return [line for line in story(trace.records) if set(words) & set(line.split())]


def outcomes(scenario: Scenario) -> set[str]:
    _, timelines = run(scenario)
    _, codes = queries.sample_outcomes(Exposure(scenario, timelines, scenario.queries[0]))
    return {OUTCOMES[code] for code in codes}


def blocks(*sources: tuple[int, ...], catalog: Catalog | None = None) -> list[Block]:
    """Blocks of one group that name these sources, each made after the one before it."""
    catalog = catalog or Catalog(chunk_files=1)
    return [
        catalog.create(
            stream=0,
            resolution=0,
            min_us=0,
            max_us=1,
            level=1,
            sources=named,
            data=(0,),
            created_us=i,
            size_bytes=1,
        )
        for i, named in enumerate(sources)
    ]


def test_any_block_contains_one_that_names_nothing() -> None:
    one, other, nothing = blocks((3,), (-1,), ())
    assert one.dominates == other.dominates == (nothing,)
    assert nothing.dominated_by == (one, other)
    assert not nothing.dominates


def test_of_blocks_that_name_nothing_the_oldest_contains_the_others() -> None:
    first, second, one, third = blocks((), (), (5,), ())
    assert first.dominates == (second, third)
    assert second.dominates == (third,)
    assert one.dominates == (first, second, third)


def test_a_block_that_names_itself_is_contained_only_in_what_is_made_of_it() -> None:
    whole, itself, both = blocks((0, 1, 2), (-1,), (-1, 0, 1, 2))
    assert not itself.dominates
    assert whole.dominated_by == itself.dominated_by == (both,)


def test_twins_name_the_same() -> None:
    catalog = Catalog(chunk_files=1)
    made = blocks((), (1,), (), (1, 2), (1,), catalog=catalog)
    assert catalog.twins(made[0]) == [made[2]]
    assert catalog.twins(made[1]) == [made[4]]
    assert catalog.twins(made[3]) == []


def test_a_rewritten_block_halts_a_compactor_that_sees_the_old_one() -> None:
    lines = told(world(interventions=[REWRITE], schemes=[marks("3h", "1h")]), "names", "halt")
    assert lines[0] == "9h30m names 4 [-1, 0] by hand"
    assert "halt overlap" in lines[1]


def test_what_replaces_the_old_block_does_not_replace_the_rewritten_one() -> None:
    # The first 8h are merged at 10h1m; their sources stay, marked, until 13h1m.
    rewrite = {**REWRITE, "at": "10h30m", "marks_old": True}
    scenario = world(interventions=[rewrite], schemes=[marks("3h", "1h")])
    lines = told(scenario, "names", "halt")
    assert [line.split(maxsplit=1)[1] for line in lines[:1]] == ["names 6 [-1, 0] by hand"]
    assert len([line for line in lines if "halt overlap" in line]) == 1


def test_a_rewritten_block_replaces_an_old_one_that_is_hidden() -> None:
    rewrite = {**REWRITE, "level": 2, "at": "10h30m", "marks_old": True}
    down = {"kind": "compactor-crash", "at": "10h20m", "lasts": "3h"}
    scenario = world(
        horizon="24h", interventions=[rewrite], faults=[down], schemes=[marks("3h", "1h")]
    )
    assert told(scenario, "names", "halt") == ["10h30m names 6 [-1, 0] by hand"]


def test_vertical_compaction_merges_what_is_there_twice() -> None:
    merging = {"vertical_compaction": True}
    scenario = world(interventions=[{**UPLOAD, "at": "4h30m"}], compactor=merging)
    trace, timelines = run(scenario)
    assert timelines.counters["compactor-halt"] == 0
    merged = [line for line in story(trace.records) if "names" in line]
    assert merged[:2] == ["4h30m names 2 [-1, 0] by hand", "4h35m names 3 [-1, 0, 1, 2]"]


def test_halts_where_a_block_comes_twice() -> None:
    lines = told(world(interventions=[UPLOAD]), "halt", "names")
    assert lines[0] == "5h names 2 [-1, 0] by hand"
    assert "halt overlap" in lines[1]


@pytest.mark.parametrize(
    ("choice", "ends"),
    [
        ({}, ["4h"]),
        ({"which": "oldest"}, ["2h"]),
        ({"which": "all"}, ["2h", "4h"]),
        ({"older_than": "1h1m"}, ["2h"]),
        ({"older_than": "3h1m"}, []),
    ],
)
def test_uploads_what_has_ended(choice: dict[str, Any], ends: list[str]) -> None:
    scenario = world(interventions=[{**UPLOAD, **choice}], compactor=APART, horizon="6h")
    _, timelines = run(scenario)
    rows = timelines.blocks.by_hand.nonzero()[0]
    assert [int(t) for t in timelines.blocks.max_us[rows]] == [us(end) for end in ends]


def test_a_rewritten_block_is_as_young_as_its_upload() -> None:
    rewrite = {**REWRITE, "level": 2, "at": "10h30m"}
    gateways = {"consistency_delay": "2h", "sync_interval": "15m", "phase": "0s"}
    scenario = world(interventions=[rewrite], gateways=gateways)
    lines = told(scenario, "load")
    assert "12h45m load 0: 6" in lines


def test_blocks_that_name_nothing_are_lost_but_for_the_oldest() -> None:
    nothing = world(producers={"names": "nothing"})
    _, timelines = run(nothing)
    assert checkers.lost_blocks(nothing, timelines) == 5
    assert timelines.counters["compactions"] == 0
    assert "silent-gap" in outcomes(nothing)
    itself = world(producers={"names": "itself"})
    assert checkers.lost_blocks(itself, run(itself)[1]) == 0


def test_a_backup_closes_a_gap_unless_it_names_nothing() -> None:
    delete = {"kind": "delete", "at": "3h", "leaves_mark": False}
    for names, lost in (("itself", 0), ("nothing", 1)):
        backup = {**UPLOAD, "which": "oldest", "names": names}
        scenario = world(
            horizon="9h", compactor=APART, interventions=[delete, backup], schemes=[AT_ONCE]
        )
        _, timelines = run(scenario)
        assert checkers.lost_blocks(scenario, timelines) == lost
