"""Histories that come back from a file: as they were, or as others wrote them, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.cli import main
from sim.core.units import US_PER_S
from sim.errors import TraceError
from sim.model.probe import probe
from sim.scenario.probing import Probing
from sim.trace.history import History
from sim.trace.reading import read_history
from tests.short import SHORT
from tests.worlds import world

LITTLE = Probing(lasts_us=20 * US_PER_S, takes_us=50)


def made(**store: Any) -> History:
    return probe(world(store=store), LITTLE, 0).history


def row(process: int, f: str, key: str, value: object, at: int, **more: object) -> dict[str, Any]:
    """An operation as others write it."""
    base = {"process": process, "f": f, "key": key, "value": value, "status": "ok"}
    return {**base, "call_us": at, "return_us": at + 5, **more}


def read(*rows: dict[str, Any]) -> History:
    return read_history([json.dumps(one) for one in rows], path="h.jsonl")


@pytest.mark.parametrize("store", [{}, {"error_rate": 0.1, "lost_answer_rate": 0.2}])
def test_what_was_written_is_read_back(store: dict[str, Any]) -> None:
    history = made(**store)
    assert read_history(history.lines(), path="h") == history


def test_versions_that_nobody_says_follow_from_the_calls() -> None:
    history = made()
    silent = [
        json.dumps({k: v for k, v in json.loads(line).items() if k != "version"})
        for line in list(history.lines())[1:-1]
    ]
    again = read_history(silent, path="h")
    assert again.ops == history.ops
    assert set(again.adds) >= set(history.adds)


def test_an_unanswered_put_happened_if_somebody_read_it() -> None:
    history = read(
        row(0, "put", "a", 1, 0, status="info"),
        row(0, "put", "a", 2, 10, status="info"),
        row(1, "get", "a", 2, 20),
        row(0, "delete", "a", None, 30),
    )
    assert [op.version for op in history.ops] == [-1, 0, -1, 1]
    assert history.clients == ("client/0", "client/1")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(0, "copy", "a", 1, 0)], "h.jsonl:1: f must be one of put, delete"),
        ([row(0, "put", "a", 1, 0, status="done")], "status must be one of"),
        ([row(0, "put", "a", "1", 0)], "value does not fit put"),
        ([row(0, "list", "", "a", 0)], "value does not fit list"),
        ([row(0, "head", "a", None, 0)], "value does not fit head"),
        ([row(0, "get", "", 1, 0)], "key must be a text"),
        ([row(-1, "get", "a", 1, 0)], "process must be a whole number from 0"),
        ([row(10_000, "get", "a", 1, 0)], "process must be below"),
        ([row(0, "get", "a", 1, 9, return_us=8)], "return_us must not be before call_us"),
        ([row(0, "put", "a", 1, 0, version=-3)], "version must be a whole number"),
        ([row(0, "put", "a", 1, 0), row(0, "get", "a", 1, 5)], "process 0 calls at 5 us what"),
        ([row(0, "put", "a", 1, 0), row(1, "put", "b", 1, 9)], "value 1 must be put once only"),
        ([row(0, "put", "a", 1, 0), row(1, "put", "a", 2, 3)], "'a' overlap, and must say"),
        (
            [row(0, "put", "a", 1, 0, version=0), row(1, "put", "a", 2, 9, version=0)],
            "changes of 'a' have one version twice",
        ),
        ([{"history": 2}], "history must be 1"),
        ([{"history": 1, "adds": [1]}], "adds must be a list of texts"),
        ([{"history": 1, "seed": "x"}], "seed must be a whole number"),
        ([{"history": 1, "clients": []}, row(0, "get", "a", 1, 0)], "clients must name all 1"),
        ([row(0, "get", "a", 1, 0), {"digest": "00"}], "is that of another history"),
    ],
)
def test_what_is_no_history_is_refused(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(TraceError) as refused:
        read(*rows)
    assert message in str(refused.value)


@pytest.mark.parametrize("line", ["[", "[]", "5", "[" * 100_000])
def test_a_line_is_a_json_object(line: str) -> None:
    with pytest.raises(TraceError, match="h:1: must be a JSON object"):
        read_history([line], path="h")


def test_a_file_is_measured_as_what_it_was_written_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(SHORT)
    words = ["history", "s.toml", "--lasts", "20s", "--set", "store.profile=simpledb-2010"]
    assert main(words) == 0
    measured = capsys.readouterr().out
    assert main([*words, "--format", "jsonl", "-o", "h.jsonl"]) == 0
    assert main(["history", "--read", "h.jsonl"]) == 0
    assert capsys.readouterr().out == measured
    text = Path("h.jsonl").read_text()
    Path("h.jsonl").write_text(text.replace('"status":"ok"', '"status":"info"', 1))
    for wrong, message in (
        (["h.jsonl"], "h.jsonl: the digest of its last line is that of another history"),
        (["none.jsonl"], "none.jsonl: No such file"),
        (["s.toml"], "s.toml:2: must be a JSON object"),
        (["."], ".: is no regular file"),
        (["h.jsonl", "--seed", "1", "--takes", "1s"], "--read goes without --seed, --takes"),
        (["h.jsonl", "-o", "h.jsonl"], "would overwrite h.jsonl, which is read"),
    ):
        assert main(["history", "--read", *wrong]) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        assert message in errors
