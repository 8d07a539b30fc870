"""What the program says about every shipped scenario can be read on an ordinary screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.cli import main
from sim.scenario.load import load
from tests.scenarios.test_scenarios import PATHS

# As far into a scenario as its numbers need to go, to be large and small.
SHORT = ("--trials", "1", "--set", "horizon=5d", "--set", "warmup=0s", "--workers", "1")
STREAMS_MAX = 20
EXPONENT = re.compile(r"\de\+\d")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_screen_has_a_number_with_a_positive_exponent(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["check", str(path)]) == 0
    streams = min(STREAMS_MAX, load(path).producers.count)
    words = ["run", str(path), *SHORT, "--set", f"producers.count={streams}"]
    assert main(words) in (0, 1, 3)
    output, errors = capsys.readouterr()
    assert re.search(r"\d[kMG]? queries a scheme", output)
    assert re.search(r"\d[kMG]? simulated seconds a second", errors)
    assert not EXPONENT.search(output + errors)
    table = output[output.index("───") :].partition("gaps: data")[0]
    assert max(map(len, table.splitlines())) <= 80
