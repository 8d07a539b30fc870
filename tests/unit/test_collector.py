"""What a long run frees goes back to the system."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.core.collector import return_freed

MIB = 1 << 20


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_was_freed_in_pieces_goes_back_after_a_long_run() -> None:
    is_glibc = platform.libc_ver()[0] == "glibc"
    pieces = [bytearray(b"x" * 50_000) for _ in range(2_000)]
    kept = pieces[::100]
    pieces.clear()
    before = resident_bytes() if is_glibc else 0
    return_freed(1 << 20)
    assert not is_glibc or resident_bytes() < before - 60 * MIB
    assert len(kept) == 20


def test_the_library_is_asked_after_long_runs_if_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(malloc_trim=asked.append))
    return_freed((1 << 20) - 1)
    assert asked == []
    return_freed(1 << 20)
    assert asked == [0]
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    return_freed(1 << 20)
