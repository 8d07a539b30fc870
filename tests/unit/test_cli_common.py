"""What commands share: standard input as a scenario file, and examples that are true."""

from __future__ import annotations

import importlib
import io
import re
import shlex
from pathlib import Path

import click
import pytest

from sim.cli import COMMANDS, common, main, module_of

ROOT = Path(__file__).parents[2]
SMALL = """
schema = 1
name = "short"
horizon = "1d"
trials = 1
[[queries]]
name = "day"
[[schemes]]
name = "at once"
kind = "immediate"
"""


class Input:
    """Sets what is on standard input."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __call__(self, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        self._patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Input:
    return Input(monkeypatch)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_standard_input_runs_as_the_file_does(
    stdin: Input, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("short.toml").write_text(SMALL)
    found = []
    for path in ("short.toml", "-"):
        stdin(SMALL)
        assert main(["run", path, "--set", "trials=2", "--csv", "-"]) == 0
        found.append(capsys.readouterr())
    assert found[0].out == found[1].out
    again = "again   sim run - --seed 0 --trials 2 --set trials=2  # with the same standard input\n"
    assert again in found[1].err
    assert "#" not in found[0].err


def test_standard_input_is_checked_and_traced(
    stdin: Input, capsys: pytest.CaptureFixture[str]
) -> None:
    # Neither a mark at the beginning nor a missing end of line is the writer's fault.
    stdin("\ufeff" + SMALL.rstrip())
    assert main(["check", "-"]) == 0
    assert capsys.readouterr().out.startswith("<stdin>: short: 1 scheme x 1 trial of 1d, ")
    stdin(SMALL)
    assert main(["trace", "-"]) == 0
    assert capsys.readouterr().out.startswith('{"')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SMALL + "x = 1", "<stdin>:11:1: schemes[0].x=1 must be a known key"),
        (SMALL + "x = 1", "   11 | x = 1\n      | ^\n"),
        ("schema = ", "<stdin>:1:10: "),
        ("", "<stdin>: name must be given"),
        (b"name = '\xff'", '<stdin>: "byte 8" must be UTF-8'),
        (b"#" * (16 * 2**20 + 1), "<stdin>: must be at most 16 MiB\n"),
    ],
    ids=["key", "excerpt", "syntax", "empty", "encoding", "size"],
)
def test_what_is_wrong_with_standard_input_has_its_line(
    content: str | bytes, message: str, stdin: Input, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin(content)
    assert main(["check", "-"]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert message in errors
    assert len(errors) < 2_000


def test_sixteen_mebibytes_are_not_too_much(
    stdin: Input, capsys: pytest.CaptureFixture[str]
) -> None:
    filler = 16 * 2**20 - len(SMALL) - 1
    stdin(SMALL + "#" + "x" * filler)
    assert main(["check", "-"]) == 0
    capsys.readouterr()


def test_standard_input_is_read_once(stdin: Input, capsys: pytest.CaptureFixture[str]) -> None:
    stdin(SMALL)
    assert main(["check", "-", "-"]) == 2
    assert "standard input can be read only once" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_that_the_program_understands(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    _, title, examples = capsys.readouterr().out.partition("\n  Examples:\n")
    assert title
    lines = examples.strip("\n").split("\n")
    assert all(line.startswith("    sim ") for line in lines)
    for line in lines:
        # Not within quotes.
        for part in re.split(r" (?:\||&&|>) (?=(?:[^']*'[^']*')*[^']*$)", line):
            words = shlex.split(part)
            if words[0] != "sim":
                continue
            command = importlib.import_module(module_of(words[1])).command
            assert isinstance(command, click.Command)
            assert command.make_context(words[1], words[2:]).params


def test_an_example_that_is_wrong_would_be_noticed() -> None:
    command = importlib.import_module("sim.cli.run").command
    with pytest.raises(click.NoSuchOption):
        command.make_context("run", ["s.toml", "--trails", "2"])


def test_a_guess_is_one_name_or_all() -> None:
    assert common.guess_among("At-once", ["later", "at once"]) == 'did you mean "at once"?'
    assert common.guess_among("x", ["later", "at once"]) == "there are 'later', 'at once'"
