"""Each bug of the catalogue, planted alone, is noticed by the test that it names."""

from __future__ import annotations

import pytest

from tests.planted import BUGS, Bug
from tests.planted_arrays import BUGS_OF_ARRAYS
from tests.planted_deleters import BUGS_OF_DELETERS
from tests.planted_holds import BUGS_OF_HOLDS

ALL = (*BUGS, *BUGS_OF_ARRAYS, *BUGS_OF_DELETERS, *BUGS_OF_HOLDS)


@pytest.mark.parametrize("bug", ALL, ids=lambda bug: bug.what)
def test_a_bug_is_noticed_by_the_test_that_it_names(
    bug: Bug, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug.notice()
    bug.plant(monkeypatch)
    with pytest.raises(AssertionError):
        bug.notice()


def test_the_catalogue_is_long_and_every_bug_has_a_name_of_its_own() -> None:
    assert len({bug.what for bug in ALL}) == len(ALL) >= 30


def test_a_bug_that_changes_nothing_is_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = Bug(
        what="nothing", where=BUGS[0].where, made=lambda right: right, noticed_by=BUGS[0].noticed_by
    )
    harmless.plant(monkeypatch)
    harmless.notice()
