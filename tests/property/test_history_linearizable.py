"""What `sim history` writes for others, judged by a checker that somebody else wrote (detangle).

The histories reach it through the lines for Porcupine and the EDN, as they would reach any other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from detangle.lin import History as Detangled
from detangle.lin import Register, check
from hypothesis import event, given
from hypothesis import strategies as st

from sim.core.units import US_PER_S
from sim.model.probe import Probed, probe
from sim.report.history import edn_lines, elle_lines, porcupine_lines
from sim.scenario.probing import Probing
from sim.testing import stores
from sim.trace.history import History
from sim.trace.records import BlockRecord, DeleteRecord, PutRecord
from tests.histories import history, op
from tests.worlds import world

HOUR_US = 3600 * US_PER_S
LITTLE = Probing(
    lasts_us=6 * HOUR_US,
    keys=2,
    writers=1,
    readers=2,
    writes_per_s=1 / 1800,
    reads_per_s=1 / 1200,
    adds=0.0,
    heads=0.0,
    lists=0.0,
)


def linearizable_keys(lines: Iterable[str]) -> dict[str, bool]:
    """The verdict of the checker on each key of lines for Porcupine."""
    rows = [json.loads(line) for line in lines]
    by_key: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_key.setdefault(row["Input"]["key"], []).append(row)
    return {key: is_linearizable(found) for key, found in by_key.items()}


def is_linearizable(rows: list[dict[str, Any]]) -> bool:
    """The verdict on one register; of one instant calls come before returns."""
    events = [(row["Call"], 0, i) for i, row in enumerate(rows)]
    events += [(row["Return"], 1, i) for i, row in enumerate(rows) if row["Output"] is not None]
    past, called = Detangled(), {}
    for _, is_return, i in sorted(events):
        row = rows[i]
        is_read = row["Input"]["op"] == "read"
        if not is_return:
            name = f"{row['ClientId']}/{i}"
            words = ("read",) if is_read else ("write", row["Input"]["value"])
            called[i] = past.invoke(name, *words)
        else:
            past.ok(called[i], row["Output"]["value"] if is_read else None)
    for i, row in enumerate(rows):
        if row["Output"] is None:
            past.info(called[i])
    return bool(check(past.operations, Register()).ok)


def stale_keys(probed: Probed) -> set[str]:
    """Keys of which some GET gave a version that was not the newest, by what the store recorded.

    The records say which versions there were and when; which of them a GET gave its value says.
    """
    blocks = [r.id for r in probed.trace.records if isinstance(r, BlockRecord)]
    assert not blocks
    changes: dict[int, list[tuple[int, int | None]]] = {}
    for record in probed.trace.records:
        if isinstance(record, PutRecord | DeleteRecord):
            value = record.stamp_us if isinstance(record, PutRecord) else None
            changes.setdefault(record.block, []).append((record.t_us, value))
    found = set()
    for one in probed.history.ops:
        if one.f == "get" and one.status == "ok":
            done = [v for t, v in changes.get(int(one.key[1:]), []) if t <= one.call_us]
            touching = any(t == one.call_us for t, _ in changes.get(int(one.key[1:]), []))
            if not touching and one.value != (done[-1] if done else None):
                found.add(one.key)
    return found


@given(
    stores(strong=True),
    st.integers(0, 99),
    st.sampled_from([0, 900 * US_PER_S]),
    st.sampled_from([0.0, 0.3]),
)
def test_histories_of_a_strong_store_are_linearizable(
    store: dict[str, Any], seed: int, takes_us: int, lost: float
) -> None:
    probing = replace(LITTLE, takes_us=takes_us, writers=2)
    probed = probe(world(store={**store, "lost_answer_rate": lost}, seed=seed), probing, 0)
    verdicts = linearizable_keys(porcupine_lines(probed.history, "get"))
    assert verdicts
    assert all(verdicts.values())


@given(stores(errors=False), st.integers(0, 99))
def test_a_lagging_store_is_refused_exactly_at_keys_of_which_a_read_was_stale(
    store: dict[str, Any], seed: int
) -> None:
    probed = probe(world(store=store, seed=seed), LITTLE, 0)
    verdicts = linearizable_keys(porcupine_lines(probed.history, "get"))
    refused = {key for key, is_fine in verdicts.items() if not is_fine}
    event(f"refused: {len(refused)}")
    assert refused == stale_keys(probed)


MADE = history(
    op(0, "put", "a", 1, (0, 10), version=0),
    op(1, "get", "a", None, (5, 12)),
    op(1, "head", "a", True, 14),
    op(0, "put", "e", 2, 20, version=0, status="info"),
    op(1, "list", "", ("a", "e"), (20, 30)),
    op(0, "delete", "a", None, 40, version=1),
    op(1, "get", "a", None, 50, status="fail"),
    adds=("e",),
)


def test_edn_is_what_jepsen_reads() -> None:
    assert list(edn_lines(MADE, "get")) == [
        '{:index 0, :type :invoke, :process 0, :time 0, :f :write, :value ["a" 1]}',
        '{:index 1, :type :invoke, :process 1, :time 5000, :f :read, :value ["a" nil]}',
        '{:index 2, :type :ok, :process 0, :time 10000, :f :write, :value ["a" 1]}',
        '{:index 3, :type :ok, :process 1, :time 12000, :f :read, :value ["a" nil]}',
        '{:index 4, :type :invoke, :process 0, :time 20000, :f :write, :value ["e" 2]}',
        '{:index 5, :type :info, :process 0, :time 20000, :f :write, :value ["e" 2]}',
        '{:index 6, :type :invoke, :process 2, :time 40000, :f :write, :value ["a" nil]}',
        '{:index 7, :type :ok, :process 2, :time 40000, :f :write, :value ["a" nil]}',
        '{:index 8, :type :invoke, :process 1, :time 50000, :f :read, :value ["a" nil]}',
        '{:index 9, :type :fail, :process 1, :time 50000, :f :read, :value ["a" nil]}',
    ]
    assert list(edn_lines(MADE, "list")) == [
        '{:index 0, :type :invoke, :process 0, :time 20000, :f :add, :value "e"}',
        "{:index 1, :type :invoke, :process 1, :time 20000, :f :read, :value nil}",
        '{:index 2, :type :info, :process 0, :time 20000, :f :add, :value "e"}',
        '{:index 3, :type :ok, :process 1, :time 30000, :f :read, :value #{"e"}}',
    ]


def test_edn_of_one_register_has_its_values_alone() -> None:
    lines = list(edn_lines(MADE, "get", "e"))
    assert [line.split(":f ")[1] for line in lines] == [":write, :value 2}"] * 2
    assert lines[0].startswith("{:index 0, ")


def test_elle_reads_transactions_of_one_step() -> None:
    lines = list(elle_lines(history(*MADE.ops[:2])))
    assert [line.split(":f ")[1] for line in lines] == [
        ':txn, :value [[:w "a" 1]]}',
        ':txn, :value [[:r "a" nil]]}',
        ':txn, :value [[:w "a" 1]]}',
        ':txn, :value [[:r "a" nil]]}',
    ]


def test_porcupine_has_closed_intervals_and_open_ends() -> None:
    rows = [json.loads(line) for line in porcupine_lines(MADE, "get")]
    assert [list(row) for row in rows] == [["ClientId", "Input", "Call", "Output", "Return"]] * 4
    first, second, third, fourth = rows
    assert first["Input"] == {"op": "write", "key": "a", "value": 1}
    assert (second["Call"], second["Output"], second["Return"]) == (5, {"value": None}, 12)
    assert (third["Output"], third["Return"]) == (None, 51)
    assert fourth["Input"] == {"op": "write", "key": "a", "value": None}
    listed = [json.loads(line) for line in porcupine_lines(MADE, "list")]
    assert [row["Input"] for row in listed] == [{"op": "add", "key": "e"}, {"op": "read"}]
    assert listed[1]["Output"] == {"keys": ["e"]}


@pytest.mark.parametrize("plane", ["get", "list"])
def test_calls_and_returns_of_a_process_alternate(plane: Any) -> None:
    faulty = world(store={"error_rate": 0.2, "lost_answer_rate": 0.2, "replicas": 2})
    probing = Probing(lasts_us=20 * US_PER_S, takes_us=5_000)
    lines = list(edn_lines(probe(faulty, probing, 0).history, plane))
    pattern = r"\{:index (\d+), :type :(\w+), :process (\d+), :time (\d+), :f :\w+, :value .+\}"
    events = [re.fullmatch(pattern, line) for line in lines]
    assert all(events)
    times: list[int] = []
    open_calls: set[str] = set()
    kinds: set[str] = set()
    for number, found in enumerate(events):
        assert found is not None
        index, kind, process, time_ns = found.groups()
        assert int(index) == number
        assert (process in open_calls) == (kind != "invoke")
        open_calls ^= {process}
        if kind == "info":
            open_calls.add(process)  # nobody hears of it again
        times.append(int(time_ns))
        kinds.add(kind)
    assert times == sorted(times)
    assert kinds == {"invoke", "ok", "info", "fail"}


def test_a_history_with_a_wrong_read_is_refused() -> None:
    def verdict(value: int | None) -> bool:
        past: History = history(
            op(0, "put", "a", 1, (0, 10), version=0),
            op(1, "get", "a", 1, (5, 12)),
            op(1, "get", "a", value, 20),
        )
        return linearizable_keys(porcupine_lines(past, "get"))["a"]

    assert verdict(1)
    assert not verdict(None)
