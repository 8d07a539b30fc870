"""Bugs of whoever else deletes, and of what is counted of deletions (see `tests.planted`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.planted import Bug
from tests.unit import test_cleaning, test_leftovers, test_lifecycle, test_overdue

LIFECYCLE: Final = "sim.schemes.lifecycle:_Lifecycle"


def _others() -> Iterator[Bug]:
    yield Bug(
        what="off by one at the age at which the store deletes",
        where=f"{LIFECYCLE}._old",
        made=lambda right: lambda self, store, block, now_us: right(self, store, block, now_us - 1),
        noticed_by=test_lifecycle.test_what_is_old_goes_at_the_next_look_and_no_sooner,
    )
    yield Bug(
        what="a rule of the bucket is proven not to matter",
        where="sim.schemes.lifecycle:Lifecycle.obstacles",
        made=lambda right: lambda self, scenario: iter(()),
        noticed_by=test_lifecycle.test_rules_prove_as_much_where_all_that_is_read_is_spared,
        arguments=("5h", "4h50m", {}, ["query-error", "silent-gap"]),
    )
    yield Bug(
        what="who cleans up as well is taken for the compactor",
        where="sim.schemes.cleaning:CleansUp.obstacles",
        made=lambda right: lambda self, scenario: iter(()),
        noticed_by=test_cleaning.test_rules_prove_nothing_beside_it,
    )


def _counts() -> Iterator[Bug]:
    yield Bug(
        what="what is due counts from the retirement, whatever the delay",
        where="sim.scenario.language.primitives:Deletes.due_us",
        made=lambda right: lambda self, retired_us, created_us, commits_us: retired_us,
        noticed_by=test_overdue.test_a_sweep_in_time_leaves_what_waits_for_the_next_look,
    )
    yield Bug(
        what="what is never gone is not due",
        where="sim.analysis.overdue:deletions_due",
        made=_forgets_what_stays,
        noticed_by=test_overdue.test_a_sweep_with_too_low_a_rate_leaves_more_and_more,
    )
    yield Bug(
        what="only the first copy of a bucket is looked at",
        where="sim.analysis.checkers:left_behind",
        made=_looks_at_one,
        noticed_by=test_leftovers.test_what_is_gone_stays_in_each_copy_that_is_not_told,
        arguments=(["deletes"],),
    )


def _forgets_what_stays(right: Any) -> Callable[..., Any]:
    def made(scenario: Any, timelines: Any) -> Any:
        rows, due_us = right(scenario, timelines)
        is_gone = timelines.blocks.deleted_us[rows] < scenario.horizon_us
        return rows[is_gone], due_us[is_gone]

    return made


def _looks_at_one(right: Any) -> Callable[..., Any]:
    def made(timelines: Any) -> Any:
        found = right(timelines)
        return tuple(column[found[1] == 1] for column in found)

    return made


BUGS_OF_DELETERS: Final = (*_others(), *_counts())
