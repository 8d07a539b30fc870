"""Small worlds for the tests of the reference, and words to say what is expected of them."""

from __future__ import annotations

import tomllib
from collections.abc import Callable

from sim.core.units import NEVER, parse_duration
from sim.scenario.schema import Scenario
from tests.reference.plain import Plain

BASE = """
schema = 1
name = "tiny"
horizon = "14h"
warmup = "0s"
trials = 1
seed = 7

[store]
profile = "strong"
replicas = 1
read_from = "any"

[producers]
count = 1
block_length = "2h"
upload_after = "0s"
upload_takes = "0s"
local_retention = "0s"

[compactor]
wait_interval = "5m"
ranges = ["2h", "8h"]
compaction_takes = "1m"
downsampling = false
consistency_delay = "0s"

[gateways]
count = 1
shards = 1
sync_interval = "1h"
phase = "30m"
unhealthy_after = "5m"

[[queries]]
name = "day"
rate = "2/m"
range = "24h"
"""

IMMEDIATE = """
[[schemes]]
name = "at once"
kind = "immediate"
"""


def marks(delete_delay: str, hide_delay: str) -> str:
    """A deletion-mark scheme."""
    return f"""
[[schemes]]
name = "mark"
kind = "deletion-mark"
delete_delay = "{delete_delay}"
ignore_deletion_marks_delay = "{hide_delay}"
"""


def lag(**laws: str) -> str:
    """The lag table; ``create_list="30m"`` and so on, 0s where nothing is said."""
    rows = [
        f'{kind} = {{ get = "{laws.get(kind + "_get", "0s")}",'
        f' list = "{laws.get(kind + "_list", "0s")}" }}'
        for kind in ("create", "overwrite", "delete")
    ]
    return "\n".join(["", "[store.lag]", *rows, ""])


def world(schemes: str = IMMEDIATE, *more: str, **changes: str) -> Scenario:
    """The base world with some values changed.

    ``changes`` maps ``<table>_<key>`` to TOML values: ``producers_upload_takes='"30m"'``; a bare
    key is one of the file's own: ``horizon='"3h"'``. ``more`` is appended.
    """
    lines: list[str] = []
    table = ""
    left = dict(changes)
    for line in BASE.splitlines():
        if line.startswith("["):
            lines += _new_lines(table, left)
            table = line.strip("[]")
        name = line.split(" =")[0]
        full = f"{table}_{name}" if table else name
        lines.append(f"{name} = {left.pop(full)}" if full in left else line)
    lines += _new_lines(table, left)
    assert not left, f"no table for {sorted(left)}"
    return Scenario.model_validate(tomllib.loads("\n".join([*lines, schemes, *more])))


def _new_lines(table: str, left: dict[str, str]) -> list[str]:
    """Values of a table that the base does not mention."""
    names = [full for full in left if table and full.startswith(table + "_")]
    return [f"{full.removeprefix(table + '_')} = {left.pop(full)}" for full in names]


def us(text: str) -> int:
    """A duration in microseconds."""
    return parse_duration(text)


def block_id(low: str, high: str, level: int = 1, n: int = 0, resolution: str = "raw") -> str:
    """The id of a block of stream 0."""
    return f"0.{resolution}.{us(low)}-{us(high)}.{level}.{n}"


LEVEL1 = [block_id(f"{2 * j}h", f"{2 * j + 2}h") for j in range(7)]
EIGHT_HOURS = block_id("0s", "8h", level=2)
AGAIN = block_id("0s", "8h", level=2, n=1)


def loads(run: Plain, gateway: int = 0) -> dict[str, list[tuple[int, int]]]:
    """(load, drop) by block of one gateway."""
    by_block: dict[str, list[tuple[int, int]]] = {}
    for g, block, load_us, drop_us in run.loads:
        if g == gateway:
            by_block.setdefault(block, []).append((load_us, drop_us))
    return by_block


def spans(*pairs: tuple[str, str | None]) -> list[tuple[int, int]]:
    """Pairs of durations in microseconds, None being NEVER."""
    return [(us(a), NEVER if b is None else us(b)) for a, b in pairs]


def expect_outcomes(run: Plain, expected: Callable[[int], str], kinds: set[str]) -> None:
    """Every query has the outcome that was worked out, and each kind was met."""
    queries = run.outcomes["day"]
    assert queries == [(t, expected(t)) for t, _ in queries]
    assert {outcome for _, outcome in queries} == kinds


def within(t: int, *intervals: tuple[str, str]) -> bool:
    """Whether t lies in one of the half-open intervals."""
    return any(us(a) <= t < us(b) for a, b in intervals)


# Level-1 blocks are committed at 2h, 4h, ... and loaded at the next half hour.
GAPS = [(f"{h}h", f"{h}h30m") for h in (2, 4, 6, 8, 10, 12)]
