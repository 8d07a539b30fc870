"""How much memory is available, by every word the system has for it."""

from __future__ import annotations

import math
import resource
from pathlib import Path

import pytest

from sim.cli.machine import available_bytes


def group(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    4096 kB\n")
    return tmp_path


def test_the_machine_says(proc: Path, tmp_path: Path) -> None:
    assert available_bytes(proc=proc, cgroup=tmp_path / "none") == 4096 * 1024
    assert math.isinf(available_bytes(proc=tmp_path / "none", cgroup=tmp_path / "none"))


def test_a_control_group_leaves_less(proc: Path, tmp_path: Path) -> None:
    files = {"memory__max": "3000000\n", "memory__current": "2000000\n"}
    limited = group(tmp_path / "two", **files, memory__stat="anon 5\ninactive_file 500000\n")
    assert available_bytes(proc=proc, cgroup=limited) == 1_500_000
    group(limited, memory__max="max\n")
    assert available_bytes(proc=proc, cgroup=limited) == 4096 * 1024
    group(limited, memory__max="1000000\n")
    assert available_bytes(proc=proc, cgroup=limited) == 0


def test_the_limit_of_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    free = available_bytes()
    limit = (2**40, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: limit)
    assert available_bytes() == pytest.approx(free, rel=0.2)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2**20, limit[1]))
    assert available_bytes() == 0
