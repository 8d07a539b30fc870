"""What a front end remembers of absent marks, worked out late: as if every GET had been sent."""

from __future__ import annotations

import pytest

from sim.model.store.absent_marks import MarkMemory
from tests.worlds import Rig, us

SECOND_US = us("1s")


@pytest.mark.parametrize("gaps_s", [(4,), (15,), (40,), (3, 20), (7, 1, 9, 30, 2)])
def test_late_is_as_read_by_read(gaps_s: tuple[int, ...]) -> None:
    """Blocks that are looked at in their own rhythms, each beside a memory that replays all."""
    rig = Rig(negative_cache="15s")
    client, blocks = rig.client(), [rig.block(2 * j, 2 * j + 2) for j in range(5)]
    mark, memory = rig.catalog.mark_object, MarkMemory(client)
    until_us = [0] * len(blocks)
    seen = []
    t_us = 0
    for number in range(60):
        t_us += gaps_s[number % len(gaps_s)] * SECOND_US
        for j, block in enumerate(blocks):
            if number < j:
                continue
            if number % (3 * j + 2) == 0 or number == 59:
                memory.catch_up(block)
                seen.append((client.remembered_absent_until(block, mark), until_us[j]))
            if number == j:
                memory.open(block)
                client.remember_absent(block, mark, t_us)
                until_us[j] = t_us + 15 * SECOND_US
            elif t_us >= until_us[j]:
                until_us[j] = t_us + 15 * SECOND_US
        memory.note_sync(t_us)
    assert [late_us for late_us, _ in seen] == [plain_us for _, plain_us in seen]
    assert len({late_us for late_us, _ in seen}) > 10


def test_what_is_closed_is_asked_for_no_more() -> None:
    rig = Rig(negative_cache="15s")
    client, one, two = rig.client(), rig.block(0, 2), rig.block(2, 4)
    memory = MarkMemory(client)
    for block in (one, two):
        memory.open(block)
    for second in (0, 20, 40):
        memory.note_sync(second * SECOND_US)
        if second == 20:
            memory.close(one)
    for block in (one, two):
        memory.catch_up(block)
    mark = rig.catalog.mark_object
    until_us = [client.remembered_absent_until(block, mark) for block in (one, two)]
    assert until_us == [us("35s"), us("55s")]
