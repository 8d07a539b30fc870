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
    """Loads or drops of one gateway, block by block, in order; ``at``: where among all they are."""

    def __init__(self, records: Records, kind: type, gateway: int) -> None:
        table = records.table(kind)
        blocks = table.ragged("blocks")
        mine = table.numbers("gateway") == gateway
        size = blocks.size[mine]
        self.at = np.flatnonzero(np.repeat(mine, blocks.size))
        self.block = blocks.values[self.at]
        self.at_us = np.repeat(table.numbers("t_us")[mine], size)
        self.place = np.repeat(records.places(kind)[mine], size)
        # By block, and then by time.
        self.order = np.argsort(self.block, kind="stable")


def _paired(records: Records) -> LoadTable | None:
    """The table where no gateway goes down: the nth drop of a block ends its nth load.

    None where they do not alternate.
    """
    loaded = records.table(LoadRecord)
    blocks = loaded.ragged("blocks")
    found = LoadTable(
        gateway=np.repeat(loaded.numbers("gateway"), blocks.size),
        block=blocks.values,
        load_us=np.repeat(loaded.numbers("t_us"), blocks.size),
        drop_us=np.full(blocks.values.size, NEVER),
        crashed=np.zeros(blocks.values.size, np.bool_),
    )
    up = records.table(UpRecord)
    ups = zip(up.numbers("t_us").tolist(), records.places(UpRecord).tolist(), strict=True)
    up_of = dict(zip(up.numbers("gateway").tolist(), ups, strict=True))
    dropped = records.table(DropRecord).numbers("gateway")
    for gateway in np.union1d(found.gateway, dropped).tolist():
        load, drop = _Rows(records, LoadRecord, gateway), _Rows(records, DropRecord, gateway)
        if not _pair(load, drop, found, *up_of.get(gateway, (NEVER, NEVER))):
            return None
    return found


def _pair(load: _Rows, drop: _Rows, found: LoadTable, up_us: int, up_place: int) -> bool:
    """Fill in when the loads of a gateway begin and end; whether loads and drops alternate."""
    block, dropped = load.block[load.order], drop.block[drop.order]
    nth = np.arange(block.size) - np.searchsorted(block, block)
    ends = np.searchsorted(dropped, block) + nth
    rows = np.flatnonzero(ends < np.searchsorted(dropped, block, side="right"))
    ended, by = load.order[rows], drop.order[ends[rows]]
    place = np.full(block.size, NEVER)
    place[ended] = drop.place[by]
    again = np.flatnonzero(nth > 0)
    alternates = (
        rows.size == dropped.size
        and bool((place > load.place).all())
        and bool((place[load.order[again - 1]] < load.place[load.order[again]]).all())
    )
    found.drop_us[load.at[ended]] = drop.at_us[by]
    # What was loaded before the gateway served, and not dropped.
    waits = (load.place < up_place) & ((place > up_place) | (place == NEVER))
    found.load_us[load.at[waits]] = up_us
    return alternates


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
