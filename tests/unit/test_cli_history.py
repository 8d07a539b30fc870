"""`sim history`: measures on the screen, operations in files, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sim.cli import main
from sim.scenario.probing import OPERATIONS_MAX, Probing
from tests.short import SHORT

LITTLE = ("--lasts", "20s", "--reads", "4/s")
LAGGING = ("--set", "store.profile=simpledb-2010")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(SHORT)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["history", "s.toml", *LITTLE, *words]) == 0
    return capsys.readouterr().out


def test_a_strong_store_keeps_everything(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys).splitlines()
    assert all(len(line) <= 80 for line in lines)
    judged = [line for line in lines if line.startswith("  ") and "-" in line.split()[0]]
    assert len(judged) == 8
    assert all(" kept, of " in line for line in judged)
    assert "get: 99 % of the reads are fresh from 0s on" in lines
    (verdict,) = (line for line in lines if line.startswith("set-full"))
    assert verdict.startswith("set-full: valid;")
    assert "(0 stale), 0 lost" in verdict


def test_a_lagging_store_is_found_out(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, *LAGGING)
    assert "read-your-writes     broken by " in found
    assert "monotonic-reads      broken by " in found
    assert "fresh from 0s on" not in found


def test_a_history_repeats_itself(capsys: pytest.CaptureFixture[str]) -> None:
    first = told(capsys, *LAGGING, "--format", "jsonl")
    assert told(capsys, *LAGGING, "--format", "jsonl") == first
    header, *ops, footer = map(json.loads, first.splitlines())
    assert header["clients"] == [
        *(f"producer/{w}" for w in (0, 1)),
        "gateway/0",
        *header["clients"][3:],
    ]
    assert footer["ops"] == len(ops)
    assert {op["f"] for op in ops} == {"put", "delete", "get", "head", "list"}
    calls = [(op["call_us"], op["process"]) for op in ops]
    assert calls == sorted(set(calls))
    other = told(capsys, *LAGGING, "--format", "jsonl", "--trial", "1")
    assert json.loads(other.splitlines()[-1])["digest"] != footer["digest"]
    assert f"digest {footer['digest']}" in told(capsys, *LAGGING)


def test_ages_say_how_many_reads_are_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, *LAGGING, "--ages", "0s,450ms,600ms,10s")
    assert found.count(" reads are fresh\n") == 6
    assert re.search(r"  600ms to 10s +100 % of \d+ reads are fresh", found)
    assert re.search(r"  0s to 450ms +[1-7]\d[.\d]* % of \d+ reads are fresh", found)


@pytest.mark.parametrize("form", ["jsonl", "edn", "porcupine"])
def test_formats_are_written_whole(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = told(capsys, "--format", form)
    assert told(capsys, "--format", form, "-o", "out") == ""
    assert Path("out").read_text() == shown
    assert {path.name for path in Path().iterdir()} == {"s.toml", "out"}


def test_clients_do_what_they_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    alone = ("--writers", "1", "--readers", "0", "--reads", "0/s", "--keys", "1")
    only_puts = ("--adds", "0", "--deletes", "0")
    times = ("--rest", "5s", "--back", "7us", "--takes", "10us")
    out = told(capsys, *alone, *only_puts, *times, "--format", "jsonl")
    ops = [json.loads(line) for line in out.splitlines()[1:-1]]
    assert len(ops) >= 9
    assert max(op["call_us"] for op in ops) <= 15_000_018
    assert [op["f"] for op in ops] == ["put", "get", "list"] * (len(ops) // 3)
    for put, get, listed in zip(ops[::3], ops[1::3], ops[2::3], strict=True):
        assert put["return_us"] == put["call_us"] + 10
        assert get["call_us"] == put["return_us"] + 7
        assert listed["call_us"] == get["return_us"] + 1
        assert (get["value"], listed["value"]) == (put["value"], ["r0"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lasts", "5"], "--lasts"),
        (["--writes", "often"], "--writes"),
        (["--rest", "61s"], "rest_us=61000000 must be in [0, 60000000]"),
        (["--keys", "0"], "keys=0 must be in [1, 1000]"),
        (["--deletes", "1.5"], "deletes=1.5 must be in [0, 1]"),
        (["--adds", "nan"], "adds=nan must be in [0, 1]"),
        (["--reads", "1000000/s"], "operations must be at most 1000000"),
        (["--lasts", "10h", "--keys", "1000", "--reads", "1/s"], "must have at most 2000000"),
        (["--format", "edn", "--key", "r0", "--plane", "list"], "--key goes with"),
        (["--format", "elle"], "--format elle needs --deletes 0"),
        (["--ages", "1s,1s"], "'1s,1s' must ascend"),
        (["--ages", "1"], "--ages"),
        (["--format", "xml"], "'xml' is not one of"),
        (["-o", "s.toml"], "would overwrite s.toml, which is read"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", "s.toml", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in " ".join(errors.split())


def test_the_most_is_allowed() -> None:
    a_fifth = OPERATIONS_MAX / 5
    most = Probing(lasts_us=1_000_000, writes_per_s=0, reads_per_s=a_fifth, lists=0)
    assert most.clients == 5
    with pytest.raises(ValueError, match="at most 1000000"):
        Probing(lasts_us=1_000_000, writes_per_s=1, reads_per_s=a_fifth, lists=0)
