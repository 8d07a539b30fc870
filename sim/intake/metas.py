"""Blocks by their meta.json: a stream of them, or a folder of folders.

What is read of one (Thanos 0.43, pkg/block/metadata/meta.go; Prometheus, tsdb/block.go): ``ulid``,
``minTime``, ``maxTime`` (ms), ``version``, ``compaction.level``, ``compaction.sources``,
``thanos.labels``, ``thanos.downsample.resolution`` (ms), and, where they are, ``thanos.files`` and
``thanos.upload_time``. All other keys are left alone.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from json import JSONDecodeError
from typing import Any, Final, TextIO

from sim.core.units import US_PER_S
from sim.intake.complaints import Complaints, Place, field_of
from sim.intake.documents import documents, shorten
from sim.intake.found import LARGEST_BYTES, US_PER_MS, Bucket, FoundMeta, is_block_id
from sim.scenario.complaints.text import MISSING

__all__ = ["read_folder", "read_metas", "time_us"]

_RESOLUTIONS_MS: Final = (0, 300_000, 3_600_000)
_LAST_MS: Final = 253_402_300_799_999  # the end of year 9999
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_STREAM: Final = "be a JSON object after another, as thanos tools bucket ls -o json prints them"
_META, _MARK, _EXCLUDED = "meta.json", "deletion-mark.json", "no-compact-mark.json"


def time_us(text: object) -> int | None:
    """Read a time such as 2026-01-31T12:00:00Z as µs since 1970; None if it is none.

    A time without a zone is in UTC.
    """
    if not isinstance(text, str):
        return None
    try:
        told = datetime.fromisoformat(text)
        told = told if told.tzinfo else told.replace(tzinfo=UTC)
        return (told - _EPOCH) // _US
    except (ValueError, OverflowError):
        return None


def read_metas(stream: TextIO, file: str, bucket: Bucket, complaints: Complaints) -> None:
    """Read one meta.json after another.

    Parameters
    ----------
    stream : TextIO
    file : str
        As the user named it.
    bucket : Bucket
        What is found goes there.
    complaints : Complaints
        What is wrong goes there.

    Raises
    ------
    UnicodeDecodeError, OSError
        If the stream cannot be read.
    """
    lines: dict[str, int] = {}
    for document in documents(stream):
        place = Place(complaints, file, document.line, document.text)
        if document.value is MISSING:
            place.say("", shorten(document.text), _STREAM, document.why)
        elif not isinstance(document.value, dict):
            place.say("", shorten(document.text), _STREAM)
        else:
            block_id = _take(document.value, place, bucket)
            if block_id in lines:
                rule = "be there once, each block has a name of its own"
                place.say("ulid", block_id, rule, f"see line {lines[block_id]}")
            elif block_id is not None:
                lines[block_id] = document.line
    bucket.sources.append(f"{file} (meta.json of {len(lines)} blocks)")


def read_folder(folder: str, bucket: Bucket, complaints: Complaints) -> None:
    """Read a folder of blocks: of each its meta.json, and the marks beside it.

    Parameters
    ----------
    folder : str
        ``<ulid>/meta.json`` and so on are below it; whatever has no ULID for a name is left alone.
    bucket, complaints
        As for :func:`read_metas`.

    Raises
    ------
    OSError
        If something cannot be read.
    """
    names = sorted(os.listdir(folder))
    n_blocks = 0
    bucket.shows_marks = True
    for name in names:
        if not is_block_id(name):
            continue
        path = os.path.join(folder, name)
        try:
            # One look is cheaper than to open in vain what most blocks have not.
            files = os.listdir(path)
        except NotADirectoryError:
            continue
        n_blocks += 1
        _read_block(path, name, files, bucket, complaints)
    bucket.n_others += len(names) - n_blocks
    if not n_blocks:
        place = Place(complaints, folder)
        hint = "of an object store with tenants, name the folder of one of them"
        place.say("", folder, "hold folders called by the ULID of a block", hint)
    bucket.sources.append(f"{folder} (folders of {n_blocks} blocks)")


def _read_block(
    folder: str, name: str, files: list[str], bucket: Bucket, complaints: Complaints
) -> None:
    """Read what the folder of one block has of it."""
    block = bucket.block(name)
    for file in (_META, _MARK, _EXCLUDED):
        if file not in files:
            continue
        path = f"{folder}{os.sep}{file}"
        with open(path, "rb") as stream:
            raw, place = _object(stream.read(), path, complaints)
        if raw is None:
            continue
        if file == _META:
            told = _take(raw, place, bucket)
            if told is not None and told != name:
                place.say("ulid", told, f"be {name}, the name of its folder")
        elif file == _MARK:
            seconds = _told_seconds(raw, "deletion_time", place)
            details = raw.get("details", "")
            block.marked_us = None if seconds is None else seconds * US_PER_S
            block.mark_details = details if isinstance(details, str) else ""
        else:
            block.is_excluded = _told_seconds(raw, "no_compact_time", place) is not None


def _object(
    content: bytes, path: str, complaints: Complaints
) -> tuple[dict[str, Any] | None, Place]:
    """Read the content of a file that is one JSON object; None and a complaint if it is not."""
    place = Place(complaints, path)
    try:
        place.text = content.decode("utf-8-sig")
        raw = json.loads(place.text)
    except JSONDecodeError as error:
        Place(complaints, path, error.lineno).say("", shorten(place.text), "be JSON", error.msg)
        return None, place
    except UnicodeDecodeError as error:
        place.say("", f"byte {error.start}", "be UTF-8")
        return None, place
    except (ValueError, RecursionError):
        place.say("", shorten(place.text), "be JSON", "a number too long, or nested too deep")
        return None, place
    if not isinstance(raw, dict):
        place.say("", shorten(place.text), "be a JSON object")
        return None, place
    return raw, place


def _told_seconds(raw: dict[str, Any], key: str, place: Place) -> int | None:
    told: int | None = field_of(
        raw, key, lambda v: _is_whole(v, 0, _LAST_MS // 1_000), "be a time in seconds", place
    )
    return told


def _take(raw: dict[str, Any], place: Place, bucket: Bucket) -> str | None:
    """Take what a meta.json says into the bucket; its ULID, or None if something is wrong."""
    before = place.complaints.n_problems
    block_id = field_of(raw, "ulid", is_block_id, "be a ULID: 26 letters and digits", place)
    meta = _meta(raw, place)
    if place.complaints.n_problems > before or meta is None:
        return None
    block = bucket.block(block_id)
    block.meta, block.has_meta = meta, True
    return str(block_id)


def _meta(raw: dict[str, Any], place: Place) -> FoundMeta | None:
    """What a meta.json says; None and a complaint for each thing that is wrong."""
    rule = f"be a whole number of milliseconds in [0, {_LAST_MS}]"
    low_ms = field_of(raw, "minTime", _is_ms, rule, place)
    high_ms = field_of(raw, "maxTime", _is_ms, rule, place)
    if low_ms is not None and high_ms is not None and high_ms <= low_ms:
        place.say("maxTime", high_ms, f"be after minTime={low_ms}")
    field_of(raw, "version", lambda v: _is_whole(v, 1, 1), "be 1, the only version", place)
    level, n_sources = _compaction(raw, place)
    rule = "be the table of Thanos: external labels and resolution"
    thanos = field_of(raw, "thanos", _is_table, rule, place)
    if thanos is None or low_ms is None or high_ms is None or level is None:
        return None
    labels = thanos.get("labels") or {}
    if not _is_table(labels) or not all(isinstance(v, str) for v in labels.values()):
        place.say("thanos.labels", labels, "be texts by their names")
        return None
    down = thanos.get("downsample") or {}
    told_ms = down.get("resolution", 0) if _is_table(down) else down
    if told_ms not in _RESOLUTIONS_MS or isinstance(told_ms, bool):
        place.say("thanos.downsample.resolution", told_ms, f"be one of {_RESOLUTIONS_MS}, in ms")
        return None
    size_bytes, chunk_files = _files(thanos, place)
    uploaded_us = _uploaded_us(thanos, place)
    return FoundMeta(
        labels=tuple(sorted(labels.items())),
        resolution=_RESOLUTIONS_MS.index(told_ms),
        min_us=low_ms * US_PER_MS,
        max_us=high_ms * US_PER_MS,
        level=level,
        n_sources=n_sources,
        size_bytes=size_bytes,
        chunk_files=chunk_files,
        uploaded_us=uploaded_us,
    )


def _compaction(raw: dict[str, Any], place: Place) -> tuple[int | None, int]:
    """The level of a block, and how many sources it names."""
    compaction = field_of(raw, "compaction", _is_table, "be a table", place)
    if compaction is None:
        return None, 0
    rule, within = "be a whole number from 1", "compaction"
    level = field_of(compaction, "level", lambda v: _is_whole(v, 1, 99), rule, place, within=within)
    sources = compaction.get("sources") or []
    if not isinstance(sources, list):
        place.say("compaction.sources", sources, "be a list of ULIDs")
        return level, 0
    return level, len(sources)


def _files(thanos: dict[str, Any], place: Place) -> tuple[int | None, int | None]:
    """How many bytes the named files have, and how many of them are chunks."""
    files = thanos.get("files") or []
    size_bytes = chunk_files = 0
    for i, file in enumerate(files if isinstance(files, list) else [files]):
        # meta.json is named without its size.
        size = file.get("size_bytes", 0) if _is_table(file) else None
        name = file.get("rel_path") if _is_table(file) else None
        if not isinstance(name, str) or size is None or not _is_whole(size, 0, LARGEST_BYTES):
            rule = f"have a rel_path, and size_bytes in [0, {LARGEST_BYTES}]"
            place.say(f"thanos.files[{i}]", file, rule)
            return None, None
        size_bytes += size
        chunk_files += name.startswith("chunks/")
    # Thanos before 0.17 names chunks alone, without sizes.
    segments = thanos.get("segment_files")
    if not files and isinstance(segments, list):
        chunk_files = len(segments)
    return size_bytes or None, chunk_files or None


def _uploaded_us(thanos: dict[str, Any], place: Place) -> int | None:
    told = thanos.get("upload_time")
    told_us = None if told is None else time_us(told)
    if told is not None and told_us is None:
        place.say("thanos.upload_time", told, "be a time such as 2026-01-31T12:00:00Z")
    # Go writes year 1 where there is none.
    return told_us if told_us is not None and told_us > 0 else None


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _is_ms(value: object) -> bool:
    return _is_whole(value, 0, _LAST_MS)


def _is_whole(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
