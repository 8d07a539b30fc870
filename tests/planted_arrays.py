"""The part of the catalogue of bugs (``planted.py``) that is about worlds without actors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np

from tests.planted import MINUTE, Bug
from tests.property import test_computed
from tests.worlds import AT_ONCE, marks

ROOM: Final = "sim.model.computed"


def _alone() -> Iterator[Bug]:
    rich = test_computed.test_a_world_with_everything_is_computed_as_acted
    at_once, marked = AT_ONCE, marks("2h", "1h")
    yield Bug(
        what="a sync lists what was there a minute ago",
        where=f"{ROOM}.ledger:_present",
        made=lambda right: lambda since, until, at_us: right(since, until, at_us - MINUTE),
        noticed_by=rich,
        arguments=(at_once, "in-pass"),
    )
    yield Bug(
        what="arrays keep what another block contains",
        where=f"{ROOM}.world:reading",
        made=lambda right: (
            lambda number, blocks, *others: right(
                number, replace(blocks, successor=np.full_like(blocks.successor, -1)), *others
            )
        ),
        noticed_by=rich,
        arguments=(marked, "in-pass"),
    )
    yield Bug(
        what="the newest block is planned with the others once its window is full",
        where=f"{ROOM}.groups:Members.plan",
        made=lambda right: lambda self, ranges_us: right(self, ranges_us[:2]),
        noticed_by=rich,
        arguments=(at_once, "end-of-pass"),
    )
    yield Bug(
        what="marks are known before a sync has found them",
        where=f"{ROOM}.processes:_known",
        made=lambda right: (
            lambda syncs, looks, of_marks: np.searchsorted(
                of_marks.at_us, looks.at_us, side="right"
            )
        ),
        noticed_by=rich,
        arguments=(marked, "end-of-pass"),
    )
    yield Bug(
        what="producers act in the order of their numbers",
        where=f"{ROOM}.writers:uploads",
        made=_in_order_of_number,
        noticed_by=rich,
        arguments=(at_once, "every 31m"),
    )


def _fleets() -> Iterator[Bug]:
    yield Bug(
        what="of several groups the one that is begun first is done first",
        where=f"{ROOM}.passes:heappush",
        made=lambda right: lambda queue, item: queue.append(item),
        noticed_by=test_computed.test_several_groups_at_a_time_are_computed_as_acted,
        arguments=(AT_ONCE,),
    )
    noticed_by = test_computed.test_several_compactors_are_computed_as_acted
    marked = (marks("2h", "1h"),)
    yield Bug(
        what="of compactors that act together the last begins",
        where=f"{ROOM}.moments:Moments.order",
        made=lambda right: property(
            lambda self: np.lexsort((self.place, -self.number, self.turn - self.number, self.at_us))
        ),
        noticed_by=noticed_by,
        arguments=marked,
    )
    yield Bug(
        what="all compactors draw what the first draws",
        where=f"{ROOM}.processes:Passes",
        made=lambda right: lambda name, *others, **named: right("compactor/0", *others, **named),
        noticed_by=noticed_by,
        arguments=marked,
    )
    yield Bug(
        what="a compactor reads the meta.json of its own streams alone",
        where=f"{ROOM}.ledger:_ranks",
        made=_unseen_by_others,
        noticed_by=noticed_by,
        arguments=(AT_ONCE,),
    )


def _unseen_by_others(right: Any) -> Any:
    def ranks(done: Any) -> Any:
        put, gone, at = right(done)
        return np.where(done.blocks.stream % 2 == 0, put, gone), gone, at

    return ranks


def _in_order_of_number(right: Any) -> Any:
    def uploads(*arguments: Any) -> Any:
        made = right(*arguments)
        order = np.lexsort((made.stream, made.ordinal))
        return replace(made, stream=made.stream[order], ordinal=made.ordinal[order])

    return uploads


BUGS_OF_ARRAYS: Final = (*_alone(), *_fleets())
