"""Blocks by the inventory of a bucket: a CSV with an object a row.

Needed are the columns ``key``, ``size`` (bytes) and ``last_modified`` (such as
2026-01-31T12:00:00Z). Where ``is_latest`` or ``is_delete_marker`` are there, rows of versions that
nobody gets are left out. Names are compared without capitals, spaces, ``_`` and ``-``, so that
those of Amazon S3 fit (``Key``, ``Size``, ``LastModifiedDate``); other columns are left alone. The
first row names them. S3 writes none: its names stand in ``fileSchema`` of manifest.json, and are
given as ``columns``. Keys are URL-encoded, as S3 has them in a CSV.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TextIO
from urllib.parse import unquote_plus

from sim.errors import Problem
from sim.intake.complaints import Complaints
from sim.intake.found import LARGEST_BYTES, Bucket, is_block_id
from sim.intake.metas import time_us
from sim.scenario.complaints.nearest import did_you_mean

__all__ = ["read_inventory"]

_KEY, _SIZE, _PUT = "key", "size", "last_modified"
_LATEST, _GONE = "is_latest", "is_delete_marker"
_NEEDED: Final = (_KEY, _SIZE, _PUT)
# Names as they are compared, and what S3 calls it otherwise.
_PLAIN: Final = {"lastmodifieddate": "lastmodified"}
_SIZE_DIGITS: Final = len(str(LARGEST_BYTES))
_BOOLEANS: Final = {"true": True, "false": False}


_Say = Callable[..., None]


class _Row(NamedTuple):
    key: str
    size: int
    put_us: int


def read_inventory(
    stream: TextIO, file: str, bucket: Bucket, complaints: Complaints, columns: str = ""
) -> None:
    """Read an inventory.

    Parameters
    ----------
    stream : TextIO
        Opened with ``newline=""``.
    file : str
        As the user named it.
    bucket, complaints
        What is found, and what is wrong, goes there.
    columns : str
        Names of the columns with commas between, where the first row has none.

    Raises
    ------
    UnicodeDecodeError, OSError
        If the stream cannot be read.
    """
    n_objects, n_blocks = 0, len(bucket.blocks)
    bucket.shows_marks = True
    for row in _rows(stream, file, complaints, columns):
        n_objects += 1
        parts = row.key.split("/")
        at = next((i for i, part in enumerate(parts[:-1]) if is_block_id(part)), None)
        if at is None:
            bucket.n_others += 1
            continue
        block, name = bucket.block(parts[at]), "/".join(parts[at + 1 :])
        if name == "deletion-mark.json":
            # What the mark itself says is better, if a source has it.
            block.marked_us = row.put_us if block.marked_us is None else block.marked_us
        elif name == "no-compact-mark.json":
            block.is_excluded = True
        elif not name.endswith("-mark.json"):
            block.object_bytes += row.size
            block.object_chunks += name.startswith("chunks/")
            if name == "meta.json":
                block.has_meta, block.meta_put_us = True, row.put_us
    said = f"{n_objects} objects, {len(bucket.blocks) - n_blocks} blocks that were not known"
    bucket.sources.append(f"{file} ({said})")


def _rows(stream: TextIO, file: str, complaints: Complaints, columns: str) -> Iterator[_Row]:
    """Yield the objects that are there; what is wrong with a row is a complaint."""

    def say(line: int, column: str, value: object, rule: str, hint: str = "") -> None:
        complaints.add(Problem(column, value, rule, hint=hint, line=line, file=file))

    lines = csv.reader(stream)
    found: dict[str, int] | None = _found(columns.split(",")) if columns else None
    if found is not None and not _has_needed(found, columns.split(","), 0, say):
        return
    try:
        for cells in lines:
            if not cells:
                continue
            if found is None:
                found = _found(cells)
                if not _has_needed(found, cells, lines.line_num, say):
                    return
                continue
            row = _row(cells, found, lines.line_num, say)
            if row is not None:
                yield row
    except csv.Error as error:
        say(lines.line_num, "", file, "be CSV", str(error))


def _found(names: Sequence[str]) -> dict[str, int]:
    """Which column is where."""
    known = {_plain(name): name for name in (*_NEEDED, _LATEST, _GONE)}
    return {known[_plain(n)]: i for i, n in enumerate(names) if _plain(n) in known}


def _plain(name: str) -> str:
    text = "".join(c for c in name.casefold() if c.isalnum())
    return _PLAIN.get(text, text)


def _has_needed(found: dict[str, int], names: Sequence[str], line: int, say: _Say) -> bool:
    for name in _NEEDED:
        if name not in found:
            near = did_you_mean(name, [n.strip() for n in names]).replace("did you mean", "is it")
            where = "in the first row" if line else "in --columns"
            hint = near or "an inventory of S3 has no such row, give its fileSchema as --columns"
            say(line or 1, name, ", ".join(names)[:60], f"be a column that is named {where}", hint)
    return all(name in found for name in _NEEDED)


def _row(cells: Sequence[str], found: dict[str, int], line: int, say: _Say) -> _Row | None:
    """Read a row; None if it is of nothing that is there, or wrong."""
    if len(cells) <= max(found.values()):
        say(line, "", ",".join(cells)[:60], f"have at least {max(found.values()) + 1} columns")
        return None
    for column, is_there in ((_LATEST, True), (_GONE, False)):
        if column in found:
            cell = cells[found[column]].strip().casefold()
            if cell and cell not in _BOOLEANS:
                say(line, column, cell, "be true or false", did_you_mean(cell, _BOOLEANS))
                return None
            if cell and _BOOLEANS[cell] is not is_there:
                return None
    key, size, told = (cells[found[name]].strip() for name in _NEEDED)
    put_us = time_us(told)
    is_number = size.isascii() and size.isdecimal() and len(size) <= _SIZE_DIGITS
    is_size = is_number and int(size) <= LARGEST_BYTES
    if not key:
        say(line, _KEY, key, "be the name of an object")
    if not is_size:
        say(line, _SIZE, size, f"be a whole number of bytes, at most {LARGEST_BYTES}")
    if put_us is None or put_us < 0:
        say(line, _PUT, told, "be a time such as 2026-01-31T12:00:00Z")
    if not key or not is_size or put_us is None or put_us < 0:
        return None
    plain = unquote_plus(key) if "%" in key or "+" in key else key
    return _Row(plain, int(size), put_us)
