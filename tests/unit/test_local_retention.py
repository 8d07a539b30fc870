"""What a producer keeps, by time and by size, and what it loses (``SEMANTICS.md`` P4, P5)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.checkers import observe
from sim.analysis.queries.evaluate import class_hazards
from sim.analysis.queries.exposure import Exposure
from sim.scenario.schema import Scenario
from sim.trace.records import PutRecord
from tests.reference.test_agreement import differences
from tests.worlds import run, us, world

META = 2
FAILING = {
    "kind": "request-errors",
    "who": "producers",
    "requests": "put",
    "at": "3h",
    "lasts": "6h",
    "error_rate": 1.0,
}


def producers(**keys: Any) -> dict[str, Any]:
    return {"local_retention": "3h", "retry_after": "10m", **keys}


@pytest.mark.parametrize(
    ("size", "kept"),
    [(None, "3h"), ("400B", "3h"), ("250B", "3h"), ("199B", "2h"), ("99B", "0s")],
)
def test_what_is_kept_ends_by_time_or_by_size(size: str | None, kept: str) -> None:
    # Blocks of 2h have 100 bytes.
    spec = world(producers=producers(local_retention_bytes=size)).producers
    assert spec.kept_us == us(kept)


def committed(**keys: Any) -> list[tuple[int, str]]:
    """Blocks that are committed, and when."""
    trace, _ = run(world(horizon="16h", producers=producers(**keys), faults=[FAILING]))
    return [
        (record.block, f"{record.t_us // us('1m')}m")
        for record in trace.records
        if isinstance(record, PutRecord) and record.objects[-1] == META and record.block < 8
    ]


def test_a_block_is_lost_that_is_not_uploaded_in_time() -> None:
    kept = committed()
    assert kept[:4] == [(0, "120m"), (1, "540m"), (2, "540m"), (3, "540m")]
    # Those that end at 4h and 6h are gone at 7h and 9h, when puts succeed again.
    assert committed(unuploaded="dropped")[:2] == [(0, "120m"), (3, "540m")]


def test_an_upload_under_way_ends_when_its_block_goes() -> None:
    slow = {"upload_takes": "3h", "upload_after": "10m", "unuploaded": "dropped"}
    trace, _ = run(world(horizon="6h", producers=producers(**slow)))
    puts = [(r.block, *r.objects, r.t_us) for r in trace.records if isinstance(r, PutRecord)]
    # Objects are due 1h10m, 2h10m and 3h10m after the end of the block, which goes after 3h.
    assert puts == [(0, 0, us("3h10m")), (0, 1, us("4h10m"))]


@pytest.mark.parametrize(("unuploaded", "n_lost"), [("kept", 0), ("dropped", 2)])
def test_what_was_dropped_counts_as_lost(unuploaded: str, n_lost: int) -> None:
    scenario = world(horizon="12h", producers=producers(unuploaded=unuploaded), faults=[FAILING])
    assert observe(scenario, run(scenario)[1])["lost-block"] == n_lost
    # One that the run leaves under way is not lost yet.
    early = world(horizon="6h", producers=producers(unuploaded=unuploaded), faults=[FAILING])
    assert observe(early, run(early)[1])["lost-block"] == 0


def test_what_was_lost_is_missing() -> None:
    def gaps(**keys: Any) -> int:
        scenario = world(
            horizon="15h",
            producers=producers(**keys),
            compactor={"wait_interval": "30m"},
            faults=[FAILING],
            queries=[{"name": "day", "rate": "2/h", "range": "8h"}],
        )
        assert next(differences(scenario, 0, 0), None) is None
        return _missing_us(scenario)

    late, lost = gaps(), gaps(unuploaded="dropped")
    assert lost > late + us("4h")
    assert gaps(unuploaded="dropped", local_retention_bytes="100B") > lost


def _missing_us(scenario: Scenario) -> int:
    _, timelines = run(scenario)
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    spans = zip(found.start_us.tolist(), found.end_us.tolist(), found.outcome, strict=True)
    return sum(end - start for start, end, outcome in spans if outcome == "silent-gap")


def test_both_implementations_agree_on_blocks_that_go_unuploaded() -> None:
    crash = {"kind": "crash", "who": "producers", "at": "9h30m", "lasts": "5h"}
    pause = {"kind": "pause", "who": "producers", "at": "3h30m", "lasts": "50m"}
    for memory in ("kept", "lost"):
        scenario = world(
            horizon="16h",
            compactor={"wait_interval": "30m"},
            producers=producers(
                count=2,
                chunk_files=2,
                memory=memory,
                unuploaded="dropped",
                upload_after={"law": "uniform", "low": "1h", "high": "3h"},
                upload_takes="40m",
            ),
            faults=[FAILING | {"error_rate": 0.2}, crash, pause],
            queries=[{"name": "q", "rate": "2/h", "range": "12h"}],
        )
        assert next(differences(scenario, 0, 0), None) is None


@pytest.mark.parametrize("lasts", ["3h", "20h"])
def test_a_block_that_is_dropped_before_anybody_cuts_it_is_missing_and_lost(lasts: str) -> None:
    scenario = world(
        horizon="14h",
        compactor={"wait_interval": "30m"},
        producers=producers(local_retention="1h", unuploaded="dropped"),
        faults=[{"kind": "producer-crash", "target": 0, "at": "3h30m", "lasts": lasts}],
        queries=[{"name": "q", "rate": "6/h", "range": "2h"}],
    )
    # Before 6h30m the block that ends at 4h goes; before the horizon all to that of 12h.
    assert next(differences(scenario, 0, 0), None) is None
    n_lost = {"3h": 1, "20h": 5}[lasts]
    assert observe(scenario, run(scenario)[1])["lost-block"] == n_lost
    # Each is asked for until 2h after its end, and was there for an hour.
    assert _missing_us(scenario) == n_lost * us("1h")
