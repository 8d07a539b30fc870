"""What gateways answered from, and when (``SEMANTICS.md`` G2-G7)."""

from collections.abc import Iterable

import numpy as np

from sim.core.units import NEVER
from sim.trace.recorded import Records
from sim.trace.records import DownRecord, DropRecord, LoadRecord, Record, UpRecord
from sim.trace.tables import Ints
from sim.trace.timelines import LoadTable

__all__ = ["loads"]


def loads(records: Records) -> LoadTable:
    """The table of loads, in the order of their records.

    What was loaded during a gateway's first sync is answered from when that sync ends.
    """
    found = None if len(records.table(DownRecord)) else _paired(records)
    return found or _walked(records.iter_of(LoadRecord, DropRecord, UpRecord, DownRecord))


class _Rows:
    """Loads or drops, block by block, in order."""

    def __init__(self, records: Records, kind: type) -> None:
        table = records.table(kind)
        blocks = table.ragged("blocks")
        self.gateway, self.at_us, self.place = (
            np.repeat(column, blocks.size)
            for column in (table.numbers("gateway"), table.numbers("t_us"), records.places(kind))
        )
        self.block = blocks.values

    def by_key(self, n_blocks: int) -> tuple[Ints, Ints]:
        """An order of the rows by gateway and block, and then by time; the keys so ordered."""
        key = self.gateway * n_blocks + self.block
        order = np.argsort(key, kind="stable")
        return order, key[order]


def _paired(records: Records) -> LoadTable | None:
    """The table where no gateway goes down: the nth drop of a block ends its nth load.

    None where they do not alternate.
    """
    load, drop = _Rows(records, LoadRecord), _Rows(records, DropRecord)
    n_blocks = 1 + int(load.block.max(initial=0))
    if int(drop.block.max(initial=0)) >= n_blocks:
        return None
    loaded, key = load.by_key(n_blocks)
    dropped, drop_key = drop.by_key(n_blocks)
    nth = np.arange(key.size) - np.searchsorted(key, key)
    at = np.searchsorted(drop_key, key) + nth
    is_dropped = at < np.searchsorted(drop_key, key, side="right")
    drop_us, drop_place = np.full(key.size, NEVER), np.full(key.size, NEVER)
    drop_us[loaded[is_dropped]] = drop.at_us[dropped[at[is_dropped]]]
    drop_place[loaded[is_dropped]] = drop.place[dropped[at[is_dropped]]]
    again = np.flatnonzero(nth > 0)
    alternates = (
        int(is_dropped.sum()) == drop_key.size
        and bool((drop_place > load.place).all())
        and bool((drop_place[loaded[again - 1]] < load.place[loaded[again]]).all())
    )
    if not alternates:
        return None
    up = records.table(UpRecord)
    n_gateways = 1 + int(max(load.gateway.max(initial=0), up.numbers("gateway").max(initial=0)))
    up_us, up_place = np.full(n_gateways, NEVER), np.full(n_gateways, NEVER)
    up_us[up.numbers("gateway")] = up.numbers("t_us")
    up_place[up.numbers("gateway")] = records.places(UpRecord)
    serves = up_place[load.gateway]
    waits = (load.place < serves) & ((drop_place > serves) | (drop_place == NEVER))
    return LoadTable(
        gateway=load.gateway,
        block=load.block,
        load_us=np.where(waits, up_us[load.gateway], load.at_us),
        drop_us=drop_us,
        crashed=np.zeros(load.block.size, np.bool_),
    )


def _walked(records: Iterable[Record]) -> LoadTable:
    """The same, record by record."""
    gateway: list[int] = []
    block: list[int] = []
    load_us: list[int] = []
    drop_us: list[int] = []
    crashed: list[bool] = []
    rows: dict[int, dict[int, int]] = {}
    serving: set[int] = set()
    for record in records:
        if isinstance(record, LoadRecord):
            mine = rows.setdefault(record.gateway, {})
            n = len(record.blocks)
            mine.update(zip(record.blocks, range(len(block), len(block) + n), strict=True))
            gateway += [record.gateway] * n
            block += record.blocks
            load_us += [record.t_us] * n
            drop_us += [NEVER] * n
            crashed += [False] * n
        elif isinstance(record, DropRecord):
            mine = rows[record.gateway]
            for index in record.blocks:
                drop_us[mine.pop(index)] = record.t_us
        elif isinstance(record, UpRecord):
            serving.add(record.gateway)
            for row in rows.get(record.gateway, {}).values():
                load_us[row] = record.t_us
        elif isinstance(record, DownRecord):
            is_serving = record.gateway in serving
            serving.discard(record.gateway)
            for row in rows.pop(record.gateway, {}).values():
                drop_us[row] = record.t_us if is_serving else NEVER
                load_us[row] = load_us[row] if is_serving else NEVER
                crashed[row] = is_serving
    for number in rows.keys() - serving:
        for row in rows[number].values():
            load_us[row] = NEVER
    return LoadTable(
        gateway=_array(gateway),
        block=_array(block),
        load_us=_array(load_us),
        drop_us=_array(drop_us),
        crashed=np.array(crashed, dtype=np.bool_),
    )


def _array(values: list[int]) -> Ints:
    return np.array(values, np.int64)
