"""``sim compare`` as a user meets it: sides, pairs, limits, files and exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import main
from tests.short import SHORT

ROOT = Path(__file__).parents[2]
RARER = SHORT.replace('name = "at once"', 'name = "sooner"')


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    Path("short.toml").write_text(SHORT)
    Path("rarer.toml").write_text(RARER)


@pytest.fixture
def old(capsys: pytest.CaptureFixture[str]) -> str:
    """A result on disk."""
    assert main(["run", "short.toml", "-q", "--json", "old.json"]) == 0
    capsys.readouterr()
    return "old.json"


def _names() -> set[str]:
    return {path.name for path in Path().iterdir()}


def test_a_file_and_itself_differ_by_nothing(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    limit = ["--fail-if", "query-error > 0", "--fail-if", "requests.get > 0"]
    for sides in ([old, old], ["short.toml", "short.toml"], [old, "short.toml"]):
        assert main(["compare", *sides, *limit, "--json", "d.json"]) == 0
        output = capsys.readouterr().out
        assert "at once: the same runs\n" in output
        assert "later: the same runs\n" in output
        read = json.loads(Path("d.json").read_text())
        assert read["paired"] is True
        rows = [row for pair in read["schemes"] for row in pair["differences"]]
        assert len(rows) > 2 * 12
        assert {(r["difference"], r["low"], r["high"]) for r in rows} == {(0.0, 0.0, 0.0)}


def test_a_delay_that_was_lowered_fails(capsys: pytest.CaptureFixture[str]) -> None:
    slow = ["--set", "gateways.sync_interval=20m"]
    assert main(["run", "short.toml", *slow, "-q", "--json", "old.json"]) == 0
    lower = [*slow, "--set", "schemes.1.delete_delay=0s"]
    lower += ["--set", "schemes.1.ignore_deletion_marks_delay=0s"]
    words = ["compare", "old.json", "short.toml", *lower]
    assert main(words) == 0
    limit = ["--fail-if", "query-error > +1e-5"]
    capsys.readouterr()
    assert main([*words, *limit]) == 1
    assert "invalid later: not query-error > +1e-5\n" in capsys.readouterr().out
    assert main([*words, *limit, "-q"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("invalid later: not query-error > +1e-5\n")
    # The other scheme is what it was; and of the way back, two trials say too little.
    assert main([*words, *limit, "--scheme", "at once", "-q"]) == 0
    assert main(["compare", "short.toml", "old.json", *lower, *limit, "-q"]) == 3
    # What waiting costs has fallen.
    assert main([*words, "--fail-if", "garbage-bytes > -50%", "--scheme", "later"]) == 0


def test_what_may_be_worse_is_unknown(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", old, "short.toml", "--set", "gateways.sync_interval=9m"]
    words += ["--scheme", "at once", "--fail-if"]
    assert main([*words, "query-error > 0.005"]) == 1
    assert main([*words, "query-error > 0.01"]) == 3
    assert "unknown at once: not query-error > 0.01" in capsys.readouterr().out
    assert main([*words, "query-error > 0.03"]) == 0
    assert main([*words, "query-error > 0.01", "--fail-if", "query-error > 0.005"]) == 1


def test_a_side_may_be_the_other_with_one_key_changed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["compare", "short.toml", "--set-b", "schemes.1.delete_delay=1s"]
    assert main([*words, "--fail-if", "garbage-bytes < -1%", "--csv", "-"]) == 1
    output, errors = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(output)))
    assert {row["scheme_a"] for row in rows} == {"at once", "later"}
    (garbage,) = [r for r in rows if (r["scheme_b"], r["metric"]) == ("later", "garbage-bytes")]
    assert float(garbage["relative"]) < -0.5
    assert float(garbage["b"]) - float(garbage["a"]) == pytest.approx(float(garbage["difference"]))
    assert garbage["query"] == ""
    assert {r["query"] for r in rows if r["metric"] == "ok"} == {"*", "day"}
    assert "paired: trial by trial" in errors


def test_two_schemes_of_one_file_are_compared(old: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--scheme", "at once", "--against", "later", "--json", "-", "-q"]
    assert main(["compare", old, *words]) == 0
    of_result = capsys.readouterr().out
    assert main(["compare", "short.toml", *words]) == 0
    of_scenario = capsys.readouterr().out
    read = json.loads(of_result)
    (pair,) = read["schemes"]
    assert (pair["a"], pair["b"]) == ("at once", "later")
    document = json.loads(Path(old).read_text())
    for row, other in zip(pair["differences"][:6], document["differences"], strict=True):
        assert [row[key] for key in ("difference", "low", "high", "method")] == [
            other[key] for key in ("difference", "low", "high", "method")
        ]
    assert json.loads(of_scenario)["schemes"] == read["schemes"]
    # Schemes of other names, in other files.
    assert main(["compare", old, "rarer.toml", "--scheme", "at once", "--against", "sooner"]) == 0
    assert "at once → sooner" in capsys.readouterr().out


def test_schemes_that_have_no_partner_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "short.toml", "rarer.toml", "--trials", "1"]) == 0
    output = capsys.readouterr().out
    assert "only A has the scheme at once\nonly B has the scheme sooner\n" in output
    assert "\nlater" in output


def test_a_scenario_runs_with_the_seeds_of_the_result(
    old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other.toml").write_text(SHORT.replace("trials = 2", "trials = 5\nseed = 40"))
    for sides in ([old, "other.toml"], ["other.toml", old], ["short.toml", "other.toml"]):
        assert main(["compare", *sides]) == 0
        assert "paired: trial by trial" in capsys.readouterr().out
    assert main(["compare", old, "other.toml", "--seed", "9"]) == 0
    assert "unpaired: their seeds differ: 0 and 9" in capsys.readouterr().out
    assert main(["compare", old, "other.toml", "--trials", "3"]) == 0
    assert "unpaired: their numbers of trials differ: 2 and 3" in capsys.readouterr().out


def test_the_figure_is_the_same_every_time(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "short.toml", "--set-b", "gateways.sync_interval=9m", "-q", "--figure"]
    for name in ("one.svg", "two.svg", "three.png"):
        assert main([*words, name]) == 0
    assert Path("one.svg").read_bytes() == Path("two.svg").read_bytes()
    assert b"query-error" in Path("one.svg").read_bytes()
    assert Path("three.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr() == ("", "")


def test_finished_trials_are_used_again(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", "short.toml", "--set-b", "gateways.count=2", "--resume", "kept"]
    assert main(words) == 0
    first = capsys.readouterr()
    assert "already" not in first.err
    assert main(words) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert again.err.count("4 of 4 trials were there already") == 2


def test_a_result_may_come_from_a_pipe(old: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli", "compare", old, "-", "--fail-if", "ok < 0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        input=Path(old).read_text(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "later: the same runs" in done.stdout


@pytest.mark.parametrize(
    ("words", "messages"),
    [
        (["short.toml"], ["B is missing"]),
        (["short.toml", "--against", "later"], ["--against needs exactly one --scheme"]),
        (["nowhere.toml", "gone.json"], ["nowhere.toml: No such file", "gone.json: No such file"]),
        (
            ["wrong.toml", "wrong.json"],
            ["wrong.toml:2:14: must be TOML", "wrong.json: seed must be given"],
        ),
        (
            ["old.json", "short.toml", "--scheme", "latr", "--scheme", "x"],
            [
                "A has no scheme 'latr'; did you mean",
                "B has no scheme 'latr'",
                "B has no scheme 'x'",
            ],
        ),
        (
            ["old.json", "--scheme", "x", "--against", "y"],
            ["--scheme: A has no scheme 'x'", "--against: B has no scheme 'y'"],
        ),
        (
            ["old.json", "old.json", "--fail-if", "errors > 0", "--fail-if", "ok"],
            ["'errors > 0': errors must be an outcome", "'ok': must be like"],
        ),
        (["old.json", "old.json", "--set", "trials=1"], ["A and B are results"]),
        (["old.json", "--set-b", "gateways.count=2"], ["B is a result, which has run"]),
        (["short.toml", "--set-b", "seed=5"], ["seed is that of A on both sides; --seed"]),
        (["old.json", "short.toml", "--set-b", "trials=1"], ["trials is that of A on both sides"]),
        (
            ["short.toml", "--set-b", "trials=1", "--set-b", "seed=5"],
            ["seed is that of A on both sides", "trials is that of A on both sides"],
        ),
        (["short.toml", "short.toml", "--figure", "x.pdf"], ["must end in .svg or .png"]),
        (["short.toml", "short.toml", "--json", "-", "--csv", "-"], ["would mix"]),
        (["old.json", "short.toml", "--json", "old.json"], ["old.json, which is read"]),
        (["short.toml", "short.toml", "--json", "x", "--csv", "./x"], ["what --csv writes"]),
        (["old.json", "lonely.toml"], ["no scheme of A has the name of one of B"]),
        (["short.toml", "short.toml", "--trials", "1000000000"], ["trials", "--yes"]),
        (["binary", "short.toml"], ['binary: "byte 0" must be UTF-8']),
        (["old.json", "pipe"], ["pipe: is a pipe, not a regular file"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_wrong_input_is_two_and_every_sentence(
    words: list[str], messages: list[str], old: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("wrong.toml").write_text('name = "x"\nhorizon = "8d')
    document = json.loads(Path(old).read_text())
    del document["seed"]
    Path("wrong.json").write_text(json.dumps(document))
    Path("binary").write_bytes(b"\xff")
    Path("lonely.toml").write_text(RARER.replace('"later"', '"much later"'))
    os.mkfifo("pipe")
    before = _names()
    assert main(["compare", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    said = errors.replace("\n    ", " ")
    assert [message for message in messages if message not in said] == []
    assert "Traceback" not in errors
    assert _names() == before


def test_a_run_that_is_stopped_says_how_far_it_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.study.run

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sim.study.run, "run_trial", stop)
    assert main(["compare", "short.toml", "--set-b", "gateways.count=2", "--workers", "1"]) == 130
    assert "interrupted after 0 of 8 trials" in capsys.readouterr().err
