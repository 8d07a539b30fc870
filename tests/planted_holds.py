"""The part of the catalogue of bugs (``planted.py``) that is about what readers hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.planted import Bug
from tests.unit import test_leases, test_referrers, test_served


def _holds() -> Iterator[Bug]:
    restart = test_leases.in_memory
    yield Bug(
        what="a restart of who deletes forgets no leases",
        where="sim.schemes.leases_in_memory:_LeasesInMemory.began",
        made=lambda right: lambda self, at_us: None,
        noticed_by=test_leases.test_who_deletes_forgets_leases_and_waits_until_they_are_renewed,
        arguments=(restart(), "10h10m"),
    )
    yield Bug(
        what="a lease counts at the instant at which it is asked for",
        where="sim.schemes.leases_in_memory:_Reader.asked_us",
        made=lambda right: lambda self, index, t_us: right(self, index, t_us + 1),
        noticed_by=test_leases.test_who_deletes_forgets_leases_and_waits_until_they_are_renewed,
        arguments=(restart(grace="5m"), "10h15m"),
    )
    yield Bug(
        what="queries under way are not waited for",
        where="sim.schemes.leases:Leased.let_go",
        made=lambda right: (
            lambda self, holder, blocks: self._release(
                holder.number, {block.index for block in blocks}
            )
        ),
        noticed_by=test_leases.test_who_dropped_a_block_holds_it_for_the_queries_under_way,
        arguments=("50m", "50m", "51m"),
    )
    yield Bug(
        what="what is uploaded counts as served",
        where="sim.schemes.served:_Served._is_replaced",
        made=lambda right: lambda self, block, t_us: True,
        noticed_by=test_served.test_no_reader_lets_go_before_another_one_serves_what_replaces,
        arguments=(0,),
    )


REFERENCES: Final = "sim.schemes.references:_References"


def _sessions() -> Iterator[Bug]:
    yield Bug(
        what="a look leaves no trace",
        where=f"{REFERENCES}._is_young",
        made=lambda right: lambda self, block, told, t_us: False,
        noticed_by=test_referrers.test_a_look_keeps_content_for_as_long_as_it_makes_it_young,
        arguments=("young", False),
    )
    yield Bug(
        what="off by one at the age of a look",
        where=f"{REFERENCES}._is_young",
        made=lambda right: lambda self, block, told, t_us: right(self, block, told, t_us + 1),
        noticed_by=test_referrers.test_what_a_session_found_stays_until_exactly_so_long_after,
        arguments=({"young_for": "2h"},),
    )
    yield Bug(
        what="nobody looks for locks",
        where=f"{REFERENCES}._is_locked",
        made=lambda right: lambda self, number, t_us: False,
        noticed_by=test_referrers.test_nothing_goes_while_a_session_has_a_lock_that_is_not_stale,
        arguments=("locked", False),
    )
    yield Bug(
        what="a lock is never stale",
        where=f"{REFERENCES}._is_active",
        made=lambda right: lambda self, begun_us, t_us: True,
        noticed_by=test_referrers.test_nothing_goes_while_a_session_has_a_lock_that_is_not_stale,
        arguments=("stale", True),
    )
    yield Bug(
        what="who looks again does not ask what was committed",
        where=f"{REFERENCES}.look",
        made=lambda right: lambda self, client, t_us: None,
        noticed_by=test_referrers.test_long_sessions_outlast_a_delay_and_short_ones_do_not,
    )


BUGS_OF_HOLDS: Final = (*_holds(), *_sessions())
