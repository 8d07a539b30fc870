"""What a user installs is the whole package and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path

import pytest

import sim

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = ("__pycache__", ".pyc")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy, as the build leaves its traces beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("sim", "scenarios"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "."]
    subprocess.run([*command, *options], cwd=folder, check=True, timeout=120)
    (built,) = (folder / "dist").glob("*.whl")
    return built


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "sim").rglob("*")
        if path.is_file() and not any(part in str(path) for part in NOT_SHIPPED)
    }
    scenarios = {f"sim/{path.relative_to(ROOT)}" for path in (ROOT / "scenarios").rglob("*.toml")}
    assert names == files | scenarios


def test_what_is_installed_finds_its_scenarios(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = "import sys, sim.cli; sys.exit(sim.cli.main())"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, "init", "--from", "thanos-2022"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    source = (ROOT / "scenarios" / "thanos-2022.toml").read_text()
    assert (tmp_path / "thanos-2022.toml").read_text() == source.partition("\n")[2]


def test_the_wheel_says_that_the_package_is_typed(wheel: Path) -> None:
    assert "sim/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_the_version_has_one_source(wheel: Path) -> None:
    assert wheel.name == f"consistency_sim-{sim.__version__}-py3-none-any.whl"
    assert version("consistency-sim") == sim.__version__


def test_the_command_is_sim() -> None:
    (command,) = entry_points(group="console_scripts", name="sim")
    assert command.value == "sim.cli:main"
