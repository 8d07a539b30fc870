"""The light commands stay light: no statistics, plots or test libraries are loaded for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy.stats", "matplotlib", "hypothesis", "distributed", "pandas")
SCENARIO = "scenarios/thanos-2022.toml"

# The modules go to a line of their own on standard error, after whatever the command says.
PROGRAM = """
import sys
from sim.cli import main
sys.argv = ["sim", *sys.argv[1:]]
try:
    code = main()
except SystemExit as stop:
    code = stop.code
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        ("check", SCENARIO),
        ("check", "--rules", "--scheme", "mark, 48h", SCENARIO),
        ("run", "--help"),
        ("explain", "--help"),
    ],
    ids=" ".join,
)
def test_light_commands_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "sim.cli" in loaded
    assert loaded.isdisjoint(HEAVY), f"{' '.join(arguments)} loads {sorted(loaded & set(HEAVY))}"
