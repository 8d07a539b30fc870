"""Blocks without meta.json that a compactor takes amiss (``SEMANTICS.md`` C3, F-c1)."""

from __future__ import annotations

from typing import Any

import pytest

from sim.analysis.rules.safety import proof
from tests.reference.test_agreement import differences
from tests.worlds import Rig, lag, marks, run, story, told, world

CHUNK = 0
FAILS = {"without_meta": "fails"}


def errors(compactor: dict[str, Any], **tables: Any) -> list[str]:
    """What the compactor failed on, and when."""
    trace, _ = run(world(horizon="5h", compactor=compactor, **tables))
    return [line for line in story(trace.records) if " error " in line]


def test_an_upload_under_way_fails_the_passes() -> None:
    # Objects at 2h4m, 2h8m and 2h12m; a pass every 5m.
    upload = {"upload_takes": "12m"}
    assert errors({}, producers=upload) == []
    failed = [f"{h}h{m}m error compactor no-meta" for h in (2, 4) for m in (5, 10)]
    assert errors(FAILS, producers=upload) == failed


@pytest.mark.parametrize(("without_meta", "gone"), [("fails", []), ("partial", ["delete"])])
def test_what_would_be_cleaned_up_is_never_known(without_meta: str, gone: list[str]) -> None:
    rig = Rig()
    rig.store.put(rig.block(0, 2), (CHUNK,))
    rig.compactor(without_meta=without_meta, wait_interval="12h", cleanup_interval="5m")
    rig.go("60h")
    lines = [line.split()[1] for line in told(rig, "1us")]
    assert [what for what in lines if what == "delete"] == gone
    assert ("error" in lines) == (without_meta == "fails")


def test_nothing_is_proven_where_an_upload_stops_the_compactor() -> None:
    def proven(**compactor: str) -> str:
        return proof(world(schemes=[marks("9h", "1h")], compactor=compactor), 0, "query-error")

    assert proven(without_meta="partial")
    assert not proven(**FAILS)


def test_both_implementations_agree_on_syncs_that_fail() -> None:
    scenario = world(
        horizon="13h",
        producers={"count": 2, "upload_takes": "17m", "chunk_files": 2},
        store={"lag": lag(create_get="3m", delete_get="1m")},
        compactor={
            **FAILS,
            "count": 2,
            "sync_takes": "2m",
            "sync_stages": {"check": 0.3, "marks": 0.6},
            "cleanup": "every 20m",
            "partial_age": "3h",
            "upload_takes": "4m",
            "retention": {"raw": "6h"},
        },
        faults=[{"kind": "crash", "who": "compactor", "at": "10h4m", "lasts": "9m"}],
        queries=[{"name": "q", "rate": "2/h", "range": "12h"}],
        schemes=[marks("1h", "30m")],
    )
    assert next(differences(scenario, 0, 0), None) is None
    assert any("no-meta" in line for line in story(run(scenario)[0].records, chunk_files=2))
