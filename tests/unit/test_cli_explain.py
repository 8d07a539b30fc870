"""``sim explain`` as a user meets it: what it says, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sim.cli import main
from sim.study.run import trace_trial
from tests.short import SHORT

KEY = "0.raw.0-7200000000.1.0"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in, with a scenario of which one scheme fails."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "s.toml").write_text(SHORT)


def _names() -> set[str]:
    return {file.name for file in Path().iterdir()}


def test_the_worst_outcome_of_the_first_scheme_with_one_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "s.toml"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output.startswith("short, at once, trial 0 (seed 0): a query of day ends in query-error")
    assert "would have to be" in output
    assert "compactor: + uploads" in output
    assert max(map(len, output.splitlines())) <= 80


def test_a_witness_can_be_given_back(capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", "s.toml", "--json", "-", "-q", "--trials", "2"]
    rule = 'expect={"at once"={never=["query-error"]}}'
    assert main([*run, "--set", rule]) == 1
    (judged,) = json.loads(capsys.readouterr().out)["expect"]
    words = ["--scheme", judged["scheme"], "--trial", str(judged["witness"]["trial"])]
    assert main(["explain", "s.toml", *words, "--outcome", "query-error", "--json", "-"]) == 0
    tale = json.loads(capsys.readouterr().out)["tale"]
    witness = judged["witness"]
    assert tale["asked"]["query"] == witness["query"]
    assert witness["at_us"] <= tale["asked"]["at_us"] < witness["until_us"]
    assert witness["block"] in tale["blocks"]
    assert witness["gateway"] in tale["gateways"]


def test_every_file_is_written_whole(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--json", "t.json", "--mermaid", "t.mmd", "--perfetto", "p.json", "--figure", "t.svg"]
    for _ in range(2):
        assert main(["explain", "s.toml", *words]) == 0
        assert _names() == {"s.toml", "t.json", "t.mmd", "p.json", "t.svg"}
    before = {name: Path(name).read_bytes() for name in _names()}
    assert main(["explain", "s.toml", *words, "--figure", "t.PNG"]) == 0
    assert Path("t.PNG").read_bytes().startswith(b"\x89PNG")
    assert all(Path(name).read_bytes() == content for name, content in before.items())
    ElementTree.fromstring(before["t.svg"])
    assert json.loads(before["t.json"])["kind"] == "explained"
    assert json.loads(before["p.json"])["traceEvents"]
    assert before["t.mmd"].startswith(b"sequenceDiagram\n")
    capsys.readouterr()


@pytest.mark.parametrize("option", ["--json", "--mermaid", "--perfetto"])
def test_a_dash_gives_nothing_but_the_document(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "s.toml", option, "-"]) == 0
    output, errors = capsys.readouterr()
    assert "would have to be" in errors
    assert "would have to be" not in output
    assert output.startswith("sequenceDiagram" if option == "--mermaid" else "{")


def test_nothing_failed_is_said_with_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "s.toml", "--scheme", "later"]) == 0
    output, _ = capsys.readouterr()
    assert output.startswith("later: no query of day ended in query-error")
    assert "looked at: 2 trials with 5.76k queries" in output


def test_nothing_tried_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    late = ["--set", "schemes.later.delete_delay=70h", "--scheme", "later"]
    assert main(["explain", "s.toml", *late]) == 3
    assert "unknown: no block was deleted after the warm-up" in capsys.readouterr().out


def test_no_more_trials_are_simulated_than_it_takes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def counted(scenario: object, scheme: int, trial: int) -> object:
        seen.append((scheme, trial))
        return trace_trial(scenario, scheme, trial)  # type: ignore[arg-type]

    monkeypatch.setattr("sim.study.explain.trace_trial", counted)
    monkeypatch.setattr("sim.study.explain.rescue", lambda *_: iter(()))
    assert main(["explain", "s.toml"]) == 0
    assert main(["explain", "s.toml", "--trial", "7"]) == 0
    assert main(["explain", "s.toml", "--outcome", "warned"]) == 0
    assert seen == [(0, 0), (0, 7), (0, 0), (0, 1), (1, 0), (1, 1)]
    capsys.readouterr()


def test_an_object_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["explain", "s.toml", "--scheme", "later", "--object", KEY, "--at", "13h"]
    assert main(words) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"{KEY}\nthe block of stream 0, 0s to 2h, level 1\n")
    assert "At 13h it is there because the delete_delay of its mark is not over." in output
    assert "What the next hour buys: of " in output
    assert main([*words, "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["why"]) == ("holding", "delete-delay")
    assert main(["explain", "s.toml", "--object", f"{KEY}/index", "--json", "o.json"]) == 0
    assert json.loads(Path("o.json").read_text())["why"] == "gone"
    assert "At 3d it is gone" in capsys.readouterr().out


def test_an_object_that_never_was_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = KEY.replace("0.raw", "0.rav")
    assert main(["explain", "s.toml", "--object", wrong, "--json", "o.json"]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert f'the run has no object {wrong!r}; did you mean "{KEY}"?' in errors
    assert _names() == {"s.toml"}


def test_all_mistakes_are_named_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--scheme", "lator", "--outcome", "silent gap", "--query", "dya", "--at", "1h"]
    assert main(["explain", "s.toml", *words, "--figure", "t.pdf", "--json", "t.json"]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert "--scheme: short has no scheme 'lator'; did you mean \"later\"?" in errors
    assert "--outcome: short has no outcome 'silent gap'; did you mean \"silent-gap\"?" in errors
    assert "--query: short has no query 'dya'; did you mean \"day\"?" in errors
    assert "--at: needs --object" in errors
    assert "--figure: 't.pdf' must end in .svg or .png" in errors
    assert _names() == {"s.toml"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--object", KEY, "--at", "4d"], "--at: '4d' must be at most the horizon, 3d"),
        (["--object", KEY, "--at", "soon"], "--at: "),
        (["--object", KEY, "--mermaid", "m"], "--mermaid: does not go with --object"),
        (["--object", KEY, "--outcome", "warned"], "--outcome: does not go with --object"),
        (["--json", "-", "--perfetto", "-"], "only one of --json, --mermaid and --perfetto"),
        (["--json", "s.toml"], "would overwrite s.toml, which is read"),
        (["--json", "x", "--mermaid", "x"], "would overwrite what"),
        (["--figure", "none/t.svg"], "is not a folder"),
        (["--set", "trials=0"], "trials=0 must"),
        (["--set", "gateways.sync_interval=1us"], 'gateways.sync_interval="1us" must'),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, list) else "",
)
def test_bad_input_is_refused_and_nothing_written(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "s.toml", *words]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors.replace("\n    ", " ")
    assert _names() == {"s.toml"}
    assert Path("s.toml").read_text() == SHORT


def test_a_class_without_a_mean_is_looked_at_by_its_draws(
    capsys: pytest.CaptureFixture[str],
) -> None:
    law = 'queries.0.takes={law="pareto", minimum="1s", alpha=0.9}'
    assert main(["explain", "s.toml", "--set", law]) == 0
    assert "as number " in capsys.readouterr().out
