"""Small worlds for the tests of the reference, as TOML with a few lines changed."""

from __future__ import annotations

from sim.core.units import parse_duration
from sim.scenario.load import load
from sim.scenario.schema import Scenario

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
consistency_delay = "0s"

[gateways]
count = 1
shards = 1
sync_interval = "1h"
phase = "30m"

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
    return load("\n".join([*lines, schemes, *more]))


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
