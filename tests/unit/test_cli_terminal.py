"""What the program writes: plain text whatever it echoes, to streams that may be closed or full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.cli import main
from sim.cli.common import command_line
from sim.errors import is_plain

ROOT = Path(__file__).parents[2]
SCENARIO = (ROOT / "tests/golden/at-once.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder to be in, with a scenario."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "holds.toml").write_text(SCENARIO)


UNPLAIN = "\x1b]0;x\x07\u202e\x9b"


@pytest.mark.parametrize(
    "words",
    [
        ["check", f"{UNPLAIN}.toml"],
        ["check", "holds.toml", "--set", f"{UNPLAIN}=1"],
        ["check", "holds.toml", "--set", f"name={UNPLAIN}"],
        ["check", "holds.toml", "--set", UNPLAIN],
        ["run", "holds.toml", "--scheme", UNPLAIN],
        ["run", "holds.toml", f"--{UNPLAIN}"],
        ["run", "holds.toml", "--trials", UNPLAIN],
        ["run", "holds.toml", "--json", f"{UNPLAIN}/x"],
        [UNPLAIN],
        ["stores", UNPLAIN],
        ["init", f"{UNPLAIN}/x"],
        ["check", "unplain.toml"],
        ["check", "summary.toml"],
        ["run", "summary.toml", "--trials", "1", "--set", f"source={UNPLAIN}"],
    ],
    ids=ascii,
)
def test_what_is_echoed_is_plain(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    unplain = f"# {UNPLAIN[:-1]}\n{SCENARIO}".encode()
    Path("unplain.toml").write_bytes(unplain)
    summary = r"\u001b]0;x\u0007\u202e"
    text = SCENARIO.replace("Four blocks become one", summary)
    Path("summary.toml").write_text(text)
    main(words)
    output, errors = capsys.readouterr()
    assert output + errors
    assert all(is_plain(c) or c == "\n" for c in output + errors)


def test_the_line_that_repeats_a_run_survives_the_shell() -> None:
    words = ["run", "a b.toml", UNPLAIN, "it's", r"back\slash", f"{UNPLAIN}it's\\"]
    line = command_line(*words)
    assert all(map(is_plain, line))
    echo = f"set -- {line.removeprefix('sim ')}; printf '%s\\0' \"$@\""
    done = subprocess.run(["bash", "-c", echo], capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == words


@pytest.mark.parametrize(
    ("streams", "words", "code", "message"),
    [
        (">&-", "check holds.toml", 2, "sim: standard output: Bad file descriptor\n"),
        (">&-", "--help", 2, "sim: standard output: Bad file descriptor\n"),
        (">&-", "run holds.toml -q --trials 1", 0, ""),
        (">/dev/full", "check holds.toml", 2, "sim: No space left on device\n"),
        ("2>&-", "run holds.toml --trials 1 --json r.json", 0, ""),
        ("2>/dev/full", "run holds.toml --trials 1 --json r.json", 0, ""),
        ("2>/dev/full", "check nowhere.toml", 2, ""),
        (">&- 2>&- <&-", "check holds.toml", 2, ""),
    ],
)
def test_closed_and_full_streams(
    streams: str, words: str, code: int, message: str, tmp_path: Path
) -> None:
    line = f"exec {sys.executable} -m sim.cli {words} {streams}"
    done = subprocess.run(
        ["bash", "-c", line],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, message)
    if "--json" in words:
        assert json.loads(Path("r.json").read_text())["scenario"] == "at-once"
