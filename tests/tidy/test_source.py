"""Files are found, named and reported as the rules expect."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.tidy.source import Finding, Source, project_paths, python, read, report


@pytest.mark.parametrize(
    ("path", "module", "room"),
    [
        ("sim/__init__.py", "sim", ""),
        ("sim/__main__.py", "sim.__main__", "__main__"),
        ("sim/core/units.py", "sim.core.units", "core"),
        ("sim/model/__init__.py", "sim.model", "model"),
        ("tests/unit/test_units.py", "tests.unit.test_units", ""),
    ],
)
def test_a_path_has_a_module_and_a_room(path: str, module: str, room: str) -> None:
    source = Source(path, "")
    assert (source.module, source.room) == (module, room)


def test_without_git_what_was_made_is_left_out(tmp_path: Path) -> None:
    for name in ("sim/a.py", ".venv/b.py", "out/c.txt", ".mypy_cache/d", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert project_paths(tmp_path) == ["README.md", "sim/a.py"]


def test_with_git_what_is_ignored_is_left_out(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    for name, text in ((".gitignore", "made\n"), ("made", ""), ("written", "")):
        (tmp_path / name).write_text(text)
    assert project_paths(tmp_path) == [".gitignore", "written"]


def test_binary_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / "a.py").write_text("x = 1\n")
    sources = read(["a.png", "a.py"], tmp_path)
    assert [source.path for source in sources] == ["a.py"]


def test_folders_select_python_files() -> None:
    sources = [Source(p, "") for p in ("sim/a.py", "sim/a.md", "sim/model/b.py", "simple/c.py")]
    assert [s.path for s in python(sources, "sim")] == ["sim/a.py", "sim/model/b.py"]
    assert [s.path for s in python(sources, "sim/model")] == ["sim/model/b.py"]


def test_findings_are_sorted_and_shown_once() -> None:
    later, earlier = Finding("b.py", 3, "no"), Finding("a.py", 7, "no, use yes")
    assert report([later, earlier, later]) == "a.py:7: error: no, use yes\nb.py:3: error: no"
