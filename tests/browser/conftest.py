"""A browser for the tests of pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.chromium import Tab, chromium, running


@pytest.fixture
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """Give a page of a new browser; without one there is nothing to test, unless it is required."""
    path = chromium()
    if path is None:
        if os.environ.get("SIM_REQUIRE_BROWSER"):
            pytest.fail("SIM_REQUIRE_BROWSER is set, and there is no chromium in PATH")
        pytest.skip("no chromium in PATH; install it (Debian: chromium) to test pages")
    with running(path, tmp_path_factory.mktemp("profile")) as found:
        yield found
