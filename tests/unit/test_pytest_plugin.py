"""``pytest scenarios/``: what is collected, what fails, and what is said then."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from sim.scenario.load import load
from sim.study.run import run_scenario
from tests.short import SHORT

ROOT = Path(__file__).parents[2]
EXPECTED = """
[expect]
"{scheme}" = {{ {rule} }}
"""
PROGRAM = """
import sys, pytest
code = pytest.main(["-p", "sim.pytest_plugin", "-p", "no:cacheprovider", *sys.argv[1:]])
print("loaded:", *(m for m in sys.modules if m.startswith("sim.") or m == "hypothesis"))
sys.exit(code)
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_scenario_files_are_tests(tmp_path: Path) -> None:
    """Three files: expectations that hold and are broken, a mistake, and what is no scenario."""
    expected = EXPECTED.format(scheme="at once", rule='never = ["query-error"]')
    (tmp_path / "short.toml").write_text(SHORT + expected)
    (tmp_path / "wrong.toml").write_text(SHORT.replace("gateways", "gatways"))
    (tmp_path / "other.toml").write_text('schema = 1\nname = "no scenario"\n')
    options = ("-rA", "-p", "no:hypothesispytest", "--continue-on-collection-errors")
    done = run(tmp_path, ".", "--scenario-trials", "1", *options)
    said = done.stdout
    assert done.returncode == 1, said
    assert "must be a known key" in said
    assert "Traceback" not in said
    assert "1 failed, 1 passed, 1 error in " in said
    assert "PASSED short.toml::later" in said
    assert "invalid at once: never query-error" in said
    assert "seed    0, trials 1" in said
    result = run_scenario(load(SHORT, {"trials": 1}), schemes=[0])
    assert f"digest  {result.digest}" in said
    assert "again   sim run short.toml --scheme 'at once' --seed 0 --trials 1" in said
    assert "hypothesis" not in said.rpartition("loaded:")[2].split()


def test_it_is_inert_where_it_is_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(SHORT)
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    done = run(tmp_path, ".", "--no-scenarios", "-p", "no:hypothesispytest")
    assert "1 passed" in done.stdout
    assert done.stdout.rpartition("loaded:")[2].split() == ["sim.pytest_plugin"]


def test_it_is_an_entry_point_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"sim.pytest_plugin": "sim.pytest_plugin"}
