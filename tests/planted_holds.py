"""The part of the catalogue of bugs (``planted.py``) that is about what readers hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.planted import Bug
from tests.unit import test_leases, test_served


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


BUGS_OF_HOLDS: Final = tuple(_holds())
