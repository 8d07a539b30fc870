"""Buckets as real ones are told: meta.json of blocks, marks and inventories, of a simulated run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sim.core.objects import BlockObjects
from sim.core.units import US_PER_S
from sim.trace.recorder import Trace
from sim.trace.records import BlockRecord, CompactRecord, DeleteRecord, PutRecord

# A multiple of every range that is used, as slots are counted from 1970.
EPOCH_S = 19_614 * 86_400
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RESOLUTIONS_MS = (0, 300_000, 3_600_000)


@dataclass(frozen=True)
class Told:
    """One block of a bucket: its meta.json, its mark if it has one, and its objects."""

    meta: dict[str, Any]
    mark: dict[str, Any] | None
    objects: tuple[tuple[str, int, int], ...]
    """Name, size and second of the put; the mark has a second only."""

    @property
    def id(self) -> str:
        return str(self.meta["ulid"])


def ulid(ms: int, serial: int = 0) -> str:
    """A ULID of a time, which a number tells from others of the same time."""
    number, text = (ms << 80) + serial, ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        text = _LETTERS[digit] + text
    return text


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_meta(
    at_s: int = 0, *, hours: float = 2, level: int = 1, serial: int = 0, **labels: str
) -> dict[str, Any]:
    """The meta.json of one block, whose data begin so many seconds after `EPOCH_S`."""
    low_ms = (EPOCH_S + at_s) * 1_000
    high_ms = low_ms + round(hours * 3_600_000)
    return {
        "ulid": ulid(high_ms, serial),
        "minTime": low_ms,
        "maxTime": high_ms,
        "stats": {"numSamples": 1},
        "compaction": {"level": level, "sources": [ulid(high_ms, serial)]},
        "version": 1,
        "thanos": {"labels": labels or {"cluster": "a"}, "downsample": {"resolution": 0}},
    }


def bucket_of(trace: Trace, *, chunk_files: int = 1, late_ms: int = 0) -> list[Told]:
    """What is stored at the end of a run, by the records of its trace.

    ``late_ms`` is how long after the begin of a block's range its first sample comes.
    """
    objects = BlockObjects(chunk_files)
    blocks: dict[int, BlockRecord] = {}
    parents: dict[int, tuple[int, ...]] = {}
    held: dict[int, dict[int, PutRecord]] = {}
    for record in trace.records:
        if isinstance(record, BlockRecord):
            blocks[record.block], held[record.block] = record, {}
        elif isinstance(record, CompactRecord):
            parents[record.block] = record.parents
        elif isinstance(record, PutRecord):
            held[record.block].update(dict.fromkeys(record.objects, record))
        elif isinstance(record, DeleteRecord):
            for number in record.objects:
                held[record.block].pop(number, None)
    levels: dict[int, int] = {}
    for number, block in blocks.items():
        of = parents.get(number, ())
        is_finer = any(blocks[parent].resolution != block.resolution for parent in of)
        # Downsampling leaves the level as it is.
        levels[number] = max((levels[p] for p in of), default=0) + (not is_finer)
    return [
        _told(block, levels[number], held[number], objects, late_ms)
        for number, block in blocks.items()
        if objects.meta in held[number]
    ]


def _told(
    block: BlockRecord, level: int, held: dict[int, PutRecord], objects: BlockObjects, late_ms: int
) -> Told:
    of_level_1 = [
        o for a, b in zip(block.data[::2], block.data[1::2], strict=True) for o in range(a, b)
    ]
    data = range(objects.meta)
    sizes = {i: block.bytes // len(data) for i in data}
    sizes[0] += block.bytes - sum(sizes.values())
    files = [{"rel_path": objects.names[i], "size_bytes": sizes[i]} for i in data]
    made_ms = EPOCH_S * 1_000 + block.t_us // 1_000
    meta = {
        "ulid": ulid(made_ms, block.block),
        "minTime": EPOCH_S * 1_000 + block.min_us // 1_000 + late_ms,
        "maxTime": EPOCH_S * 1_000 + block.max_us // 1_000,
        "compaction": {
            "level": level,
            "sources": [ulid(o, block.stream) for o in of_level_1],
        },
        "version": 1,
        "thanos": {
            "labels": {"cluster": "c", "replica": str(block.stream)},
            "downsample": {"resolution": _RESOLUTIONS_MS[block.resolution]},
            "source": "sidecar" if level == 1 else "compactor",
            "files": [*files, {"rel_path": "meta.json"}],
            "upload_time": iso(EPOCH_S + held[objects.meta].stamp_us // US_PER_S),
        },
    }
    mark = held.get(objects.mark)
    marked_s = EPOCH_S + (mark.stamp_us if mark else 0) // US_PER_S
    rows = [(objects.names[i], sizes.get(i, 0), EPOCH_S + held[i].t_us // US_PER_S) for i in held]
    return Told(
        meta,
        {"id": meta["ulid"], "version": 1, "deletion_time": marked_s, "details": "source of"}
        if mark
        else None,
        tuple(rows),
    )


def as_stream(told: list[Told]) -> str:
    """As `thanos tools bucket ls -o json` prints it."""
    return "".join(json.dumps(block.meta, indent="\t") + "\n" for block in told)


def into_folder(folder: Path, told: list[Told]) -> None:
    """A folder a block, with its meta.json and its mark."""
    for block in told:
        (folder / block.id).mkdir(parents=True)
        (folder / block.id / "meta.json").write_text(json.dumps(block.meta))
        if block.mark is not None:
            (folder / block.id / "deletion-mark.json").write_text(json.dumps(block.mark))


def as_inventory(told: list[Told], *, header: bool = True) -> str:
    """As S3 Inventory has it, but for the header."""
    return "\n".join(_inventory(told, header)) + "\n"


def _inventory(told: list[Told], header: bool) -> Iterator[str]:
    if header:
        yield "Bucket,Key,Size,LastModifiedDate"
    for block in told:
        for name, size, put_s in block.objects:
            yield f'"b","{block.id}%2F{name}","{size}","{iso(put_s)}"'
