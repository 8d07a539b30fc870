"""Golden files are compared with, and rewritten only where someone reads the difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import GoldenCheck

ROOT = Path(__file__).parents[2]


def test_accepts_the_committed_text(golden: GoldenCheck, tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    golden(path, "one\ntwo\n")


def test_rejects_another_text_and_shows_where(golden: GoldenCheck, tmp_path: Path) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match=r"(?s)--update-golden.*-two\n\+three"):
        golden(path, "one\nthree\n")
    with pytest.raises(pytest.fail.Exception, match="no such golden file"):
        golden(tmp_path / "gone.txt", "")


def _refresh(ci: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "--update-golden", "--collect-only", "--quiet"]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "tests/tidy/test_shape.py"],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_option_is_refused_in_ci() -> None:
    refused = _refresh("true")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--update-golden is refused in CI" in refused.stderr
    assert _refresh("").returncode == pytest.ExitCode.OK
