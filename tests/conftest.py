"""What every test may use: Hypothesis profiles and golden files.

The Hypothesis profile is ``ci`` (the same examples every time) where ``CI`` is set and ``dev``
elsewhere; ``HYPOTHESIS_PROFILE=nightly`` asks for the long one of `make nightly`, in which
``NIGHTLY_EXAMPLES`` says how long, ``mutants`` for the quick one of `make mutants`.
"""

from __future__ import annotations

import difflib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, settings

GoldenCheck = Callable[[Path, str], None]

# Scenario files of golden traces are no tests of their own.
collect_ignore_glob: Final = ("*.toml",)

# A deadline would make the outcome depend on how busy the machine is.
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci",
    max_examples=16,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "nightly",
    max_examples=int(os.environ.get("NIGHTLY_EXAMPLES", "5000")),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)

# A failure is all that is asked for, not the smallest.
settings.register_profile(
    "mutants",
    settings.get_profile("ci"),
    phases=[Phase.explicit, Phase.generate],
)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def _profile_name() -> str:
    return os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if _in_ci() else "dev")


settings.load_profile(_profile_name())


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``."""
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="rewrite the golden files instead of comparing with them; refused where CI is set",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to rewrite golden files where nobody would read the difference."""
    if config.getoption("--update-golden") and _in_ci():
        raise pytest.UsageError("--update-golden is refused in CI: refresh, read and commit")


def pytest_report_header() -> str:
    """Name the profile, so that a failure can be repeated."""
    return f"hypothesis profile in use: {_profile_name()}"


@pytest.fixture
def signals_as_usual() -> Iterator[None]:
    """Let programs that a test starts have their signals, also where this one ignores some.

    Under nohup, or in the background of a script, it does, and what it starts would as well.
    """
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def pictures_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save one small picture for every figure, where only the files of a folder matter."""
    for saved in ("to_svg", "to_png"):
        monkeypatch.setattr(
            f"sim.report.bundle.{saved}", lambda _: b'<svg viewBox="0 0 1 1"></svg>'
        )


@pytest.fixture
def bitmaps_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save an empty file for every PNG, where only the page matters."""
    monkeypatch.setattr("sim.report.bundle.to_png", lambda _: b"")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> GoldenCheck:
    """Compare text with a committed file, or rewrite the file under ``--update-golden``."""
    update = bool(request.config.getoption("--update-golden"))

    def check(path: Path, text: str) -> None:
        if update:
            path.write_text(text, encoding="utf-8", newline="\n")
            return
        if not path.exists():
            pytest.fail(f"{path}: no such golden file; make it with --update-golden")
        expected = path.read_text(encoding="utf-8")
        if text != expected:
            difference = difflib.unified_diff(
                expected.splitlines(), text.splitlines(), "committed", "now", lineterm=""
            )
            pytest.fail(f"{path} differs; meant? --update-golden\n" + "\n".join(difference))

    return check
