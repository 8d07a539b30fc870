"""Digests of several Pythons are compared; a difference, or nothing to compare, is a failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import versions

OTHERS = ("3.12.1", "3.13.0")


def compared(
    monkeypatch: pytest.MonkeyPatch, found: Mapping[str, str | None], pythons: list[str]
) -> int:
    """Exit code where environments, by interpreter, give these digests; None: no such NumPy."""

    def made(python: str, numpy: str) -> tuple[str, Path | None]:
        return f"Python {python}", Path(python) if found[python] else None

    def digests(python: Path) -> Iterator[tuple[str, int, str]]:
        for workers in versions.WORKERS:
            digest = found[str(python)] or ""
            yield "case", workers, digest if workers == 1 else digest.removesuffix("?")

    monkeypatch.setattr(versions, "made", made)
    monkeypatch.setattr(versions, "digests", digests)
    return versions.main(pythons)


def test_one_digest_everywhere_is_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compared(monkeypatch, {"3.11": "ab", "3.12": "ab", "3.14": None}, ["3.11", "3.12"]) == 0
    assert "4 environments, 1 of 1 cases alike" in capsys.readouterr().out
    assert compared(monkeypatch, {"3.11": "ab", "3.14": None}, ["3.11", "3.14"]) == 0
    assert "Python 3.14: cannot be installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"a": "ab", "b": "cd"}, id="another Python"),
        pytest.param({"a": "ab?", "b": "ab"}, id="other workers"),
        pytest.param({"a": None, "b": None}, id="nothing to compare"),
    ],
)
def test_anything_else_is_a_failure(
    found: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compared(monkeypatch, found, ["a", "b"]) == 1


def test_the_program_is_installed_with_the_numpy_that_is_asked_about() -> None:
    wanted = versions.dependencies("~=1.26")
    assert [one for one in wanted if one.startswith("numpy")] == ["numpy~=1.26"]
    assert any(one.startswith("scipy") for one in wanted)


def test_every_version_that_starts_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def program(path: Path, text: str) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    kept = tmp_path / "kept"
    first = program(tmp_path / "path" / "python3.11", "echo 3.11.7")
    program(tmp_path / "path" / "python3.12", "echo not the chosen one >&2; exit 127")
    program(kept / "3.11.7" / "bin" / "python3.11", "echo 3.11.7")
    others = [program(kept / v / "bin" / f"python{v[:-2]}", f"echo {v}") for v in OTHERS]
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert versions.interpreters([kept, tmp_path / "nowhere"]) == [first, *others]
