"""The table of speeds, as the README shows it, below what pytest-benchmark shows."""

from __future__ import annotations

import pytest

from tests.bench.measures import ROWS, Row

_KEY = pytest.StashKey[dict[str, str]]()


@pytest.fixture
def record(request: pytest.FixtureRequest) -> Row:
    """Put a measured value into the table; returns it unchanged."""
    values = request.config.stash.setdefault(_KEY, {})

    def put(name: str, value: str) -> None:
        assert name in ROWS
        values[name] = value

    return put


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table if something was measured."""
    values = config.stash.get(_KEY, {})
    if not values:
        return
    terminalreporter.write_sep("=", "for the README")
    terminalreporter.write_line("| measured | value |")
    terminalreporter.write_line("| --- | --- |")
    for name, meaning in ROWS.items():
        if name in values:
            terminalreporter.write_line(f"| {meaning} | {values[name]} |")
