"""The fast code and the plain reference agree on two who delete from one bucket (D19, D24)."""

from collections import Counter
from typing import Any

import pytest

from sim.model.world import simulate
from sim.trace.records import RETIRE_REASONS, DeleteRecord, ErrorRecord, RetireRecord
from tests.reference.test_agreement import differences
from tests.worlds import lag, marks, us, world

BY_STORE = RETIRE_REASONS.index("lifecycle")
SCHEMES: dict[str, dict[str, Any]] = {
    "marks": {
        "record": "mark",
        "hide": {"kind": "mark-age", "after": "30m"},
        "delete": {"kind": "after", "delay": "1h"},
    },
    "leases": {"record": "memory", "hold": "leases", "delete": {"kind": "after", "delay": "1h"}},
    "manifest": {
        "record": "manifest",
        "learn": "manifest",
        "delete": {"kind": "commits", "keep": 1, "older_than": "1h"},
    },
    "resync": {"miss": "resync"},
}


@pytest.mark.parametrize("name", SCHEMES)
def test_they_agree_on_a_store_that_deletes_by_itself(name: str) -> None:
    beside = {"kind": "lifecycle", "after": "5h", "every": "40m"}
    n_partly = n_retired = 0
    for seed in range(3):
        scenario = world(
            horizon="20h",
            seed=seed,
            store={
                "replicas": 2,
                "read_from": "sticky",
                "order": ["independent", "key", "log"][seed],
                "lag": lag(create_get="3m", delete_get="7m", delete_list="2m"),
            },
            producers={"count": 2, "chunk_files": 2, "upload_takes": "50m", "memory": "lost"},
            compactor={
                "ranges": ["2h", "6h"],
                "wait_interval": "10m",
                "download_takes": "9m",
                "upload_takes": "9m",
                "retention": {"raw": "8h"},
            },
            gateways={"count": 2, "sync_interval": "15m"},
            queries=[{"name": "q", "rate": "6/h", "range": "9h"}],
            faults=[{"kind": "producer-crash", "target": 0, "at": "9h", "lasts": "30m"}],
            schemes=[{"name": name, "kind": "composed", **SCHEMES[name], "beside": beside}],
        )
        assert next(differences(scenario, 0, 0), None) is None
        records = simulate(scenario, 0, 0).records
        gone = Counter(r.block for r in records if isinstance(r, DeleteRecord))
        n_partly += sum(times > 1 for times in gone.values())
        n_retired += sum(isinstance(r, RetireRecord) and r.why == BY_STORE for r in records)
    assert n_partly > 0
    assert n_retired > 0


def test_they_agree_on_copies_that_are_not_told_what_the_store_deletes() -> None:
    beside = {"kind": "lifecycle", "after": "6h", "every": "1h"}
    scheme = {"name": "own", "kind": "composed", **SCHEMES["marks"], "beside": beside}
    scenario = world(
        horizon="14h",
        store={
            "replicas": 2,
            "primary": True,
            "order": "log",
            "replication": {"bandwidth": "100kB"},
            "lag": {"delete": {"get": "5m"}},
        },
        producers={"block_bytes": "20MB", "chunk_files": 2},
        compactor={"ranges": ["2h", "6h"], "retention": {"raw": "2h"}},
        queries=[{"name": "q", "rate": "6/h", "range": "12h"}],
        faults=[{"kind": "compactor-crash", "at": "8h", "lasts": "5h"}],
        schemes=[scheme, marks("1h", "30m")],
    )
    for index in range(2):
        assert next(differences(scenario, index, 0), None) is None
    # What the compactor deletes is copied; what the store deletes never is.
    gone = [r for r in simulate(scenario, 0, 0).records if isinstance(r, DeleteRecord)]
    by_store = [r for r in gone if max(r.get) > scenario.horizon_us * 2]
    assert by_store
    assert all(r.t_us % us("1h") == 0 and min(r.get) == r.t_us for r in by_store)
    assert len(by_store) < len(gone)


def test_they_agree_on_another_process_that_cleans_up() -> None:
    n_failed = n_gone = 0
    for seed in range(3):
        beside = {"kind": "cleanup", "every": "50m", "delete_delay": ["0s", "40m", "2h"][seed]}
        beside |= {"partial_age": "70m"} if seed else {}
        scenario = world(
            horizon="20h",
            seed=seed,
            store={
                "replicas": 2,
                "order": ["independent", "key", "log"][seed],
                "error_rate": 0.02,
                "lag": lag(create_get="3m", delete_get="7m", overwrite_list="2m"),
            },
            producers={"count": 2, "chunk_files": 2, "upload_takes": "80m"},
            compactor={
                "ranges": ["2h", "6h"],
                "sync_takes": "2m",
                "delete_takes": {"law": "uniform", "low": "0s", "high": "70m"},
                "retention": {"raw": "8h"},
            },
            gateways={"sync_interval": "15m"},
            queries=[{"name": "q", "rate": "6/h", "range": "9h"}],
            interventions=[{"kind": "mark", "at": "100m", "which": "all"}],
            schemes=[{**marks("3h", "1h"), "beside": beside}],
        )
        assert next(differences(scenario, 0, 0), None) is None
        records = simulate(scenario, 0, 0).records
        mine = [r for r in records if isinstance(r, ErrorRecord) and "/cleanup" in r.actor]
        n_failed += len(mine)
        n_gone += sum(isinstance(r, DeleteRecord) for r in records)
    assert n_failed > 0
    assert n_gone > 20
