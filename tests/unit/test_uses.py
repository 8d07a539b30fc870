"""Which blocks a query uses, against the algorithm of the store gateway in plain steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest

from sim.analysis.intervals import Ints
from sim.analysis.queries import uses as module
from sim.analysis.queries.uses import uses
from sim.core.objects import RESOLUTIONS
from sim.core.units import NEVER
from sim.scenario.schema import QueryClass
from sim.trace.timelines import LoadTable, Timelines
from tests.worlds import run, world

LAST = 60
"""Everything happens before; times are whole and small, so that each of them can be asked."""
_EMPTY = run(world(horizon="1h"))[1]


class Load(NamedTuple):
    """A row of the load table, and the block in it."""

    gateway: int
    stream: int
    resolution: int
    low: int
    high: int
    load: int
    drop: int


def timelines(loads: list[Load]) -> Timelines:
    """One block per load."""
    columns = [np.array(column, np.int64) for column in zip(*loads, strict=True)]
    gateway, stream, resolution, low, high, load, drop = columns
    n = len(loads)
    blocks = replace(
        _EMPTY.blocks,
        serial=np.arange(n),
        level=np.ones(n, np.int64),
        stream=stream,
        resolution=resolution,
        min_us=low,
        max_us=high,
    )
    table = LoadTable(
        gateway=gateway,
        block=np.arange(n),
        load_us=load,
        drop_us=drop,
        crashed=np.zeros(n, np.bool_),
    )
    return replace(_EMPTY, blocks=blocks, loads=table, n_gateways=int(gateway.max()) + 1)


def asking(max_resolution: str, range_us: int, offset_us: int = 0) -> QueryClass:
    """A class of that range and offset."""
    spec = QueryClass.model_validate({"name": "q", "max_resolution": max_resolution})
    return spec.model_copy(update={"range_us": range_us, "offset_us": offset_us})


def get_for(blocks: list[tuple[int, Load]], mint: int, maxt: int, resolution: int) -> Iterator[int]:
    """What a bucket's block set gives for [mint, maxt], both ends included."""
    if mint > maxt or resolution < 0:
        return
    start = mint
    for i, b in sorted(blocks, key=lambda b: (b[1].low, b[1].high)):
        if b.resolution != resolution or b.high <= mint:
            continue
        if b.low > maxt:
            break
        yield from get_for(blocks, start, b.low - 1, resolution - 1)
        yield i
        start = b.high
    yield from get_for(blocks, start, maxt, resolution - 1)


def expected(loads: list[Load], query: QueryClass, t: int) -> list[int]:
    """The loads that a query arriving at ``t`` uses."""
    maxt = t - query.offset_us - 1
    mint = maxt + 1 - query.range_us
    here = [(i, b) for i, b in enumerate(loads) if b.load <= t < b.drop]
    allowed = RESOLUTIONS.index(query.max_resolution)
    # A block between two gaps is taken for each of them.
    taken = {
        i
        for place in {(b.gateway, b.stream) for _, b in here}
        for i in get_for(
            [(i, b) for i, b in here if (b.gateway, b.stream) == place], mint, maxt, allowed
        )
    }
    return sorted(taken)


def found(loads: list[Load], query: QueryClass) -> list[list[int]]:
    """The same for every arrival, as the judges have it."""
    here = timelines(loads)
    rows = uses(here, query, here.loads.drop_us)
    return [
        sorted(rows.load[(rows.start_us <= t) & (t < rows.end_us)].tolist()) for t in range(LAST)
    ]


def drawn(rng: np.random.Generator) -> list[Load]:
    """Loads that nest, overlap and leave holes as no bucket would have them."""
    rows = []
    for _ in range(int(rng.integers(1, 16))):
        resolution = int(rng.integers(0, 3))
        low = int(rng.integers(0, 30))
        load, drop = sorted(rng.integers(0, LAST, 2).tolist())
        if rng.random() < 0.5:
            load, drop = 0, NEVER
        rows.append(
            Load(
                gateway=int(rng.integers(0, 2)),
                stream=int(rng.random() < 0.2),
                resolution=resolution,
                low=low,
                high=low + int(rng.integers(1, 6 + 8 * resolution)),
                load=load,
                drop=drop,
            )
        )
    return rows


def differing(seeds: range) -> Iterator[int]:
    """Seeds of worlds in which some query does not use what it should."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        loads = drawn(rng)
        query = asking(
            str(rng.choice(RESOLUTIONS)), int(rng.integers(1, 25)), int(rng.integers(0, 4))
        )
        if found(loads, query) != [expected(loads, query, t) for t in range(LAST)]:
            yield seed


def test_queries_use_what_a_store_gateway_takes() -> None:
    assert list(differing(range(150))) == []


@pytest.mark.parametrize("planted", ["_nearest_longer", "_near", "_first_us"])
def test_the_drawn_worlds_tell_wrong_answers(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if planted == "_nearest_longer":
        # Where blocks overlap a gap would always begin at the end of the one before.
        monkeypatch.setattr(module, planted, lambda piece, max_us: np.full(piece.size, -1))
    elif planted == "_near":
        # Of coarse blocks only those that meet the finer one would matter.
        near = module._Beside._near

        def meeting(self: module._Beside, *rows: Ints) -> tuple[Ints, Ints]:
            fine, coarse = near(self, *rows)
            keep = self._max_us[coarse] > self._min_us[fine]
            return fine[keep], coarse[keep]

        monkeypatch.setattr(module._Beside, planted, meeting)
    else:
        # What is loaded as soon as a coarse block would be thought to have gone before it.
        first = module._Beside._first_us
        monkeypatch.setattr(module._Beside, planted, lambda *rows: first(*rows) + LAST)
    assert next(differing(range(150)), None) is not None


RAW, FIVE = RESOLUTIONS.index("raw"), RESOLUTIONS.index("5m")


def used_at(loads: list[Load], t: int, *, range_us: int) -> list[int]:
    return found(loads, asking("5m", range_us))[t]


def test_a_finer_block_is_used_only_for_what_coarser_ones_leave() -> None:
    fine = [Load(0, 0, RAW, low, low + 10, 0, NEVER) for low in (0, 10, 20)]
    loads = [Load(0, 0, FIVE, 0, 15, 0, NEVER), *fine]
    assert used_at(loads, 30, range_us=30) == [0, 2, 3]
    assert used_at(loads, 15, range_us=15) == [0]
    assert used_at(loads, 16, range_us=1) == [2]


def test_the_time_to_a_block_that_ends_first_is_read_twice() -> None:
    # [0, 20) and, begun later, [2, 10): what comes after 10 counts as left.
    loads = [
        Load(0, 0, FIVE, 0, 20, 0, NEVER),
        Load(0, 0, FIVE, 2, 10, 0, NEVER),
        Load(0, 0, RAW, 12, 14, 0, NEVER),
    ]
    assert used_at(loads, 20, range_us=18) == [0, 1, 2]
    # Beyond the shorter one it is not.
    assert used_at(loads, 20, range_us=10) == [0]


def test_a_coarse_block_at_another_gateway_leaves_everything() -> None:
    loads = [Load(1, 0, FIVE, 0, 20, 0, NEVER), Load(0, 0, RAW, 0, 20, 0, NEVER)]
    assert used_at(loads, 20, range_us=20) == [0, 1]
