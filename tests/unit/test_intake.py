"""What is made of a bucket, where it is not as regular as a simulated one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from sim.intake.complaints import Complaints
from sim.intake.documents import documents
from sim.intake.facts import Facts
from sim.intake.found import Bucket, created_us, is_block_id
from sim.intake.metas import read_folder, read_metas, time_us
from sim.intake.survey import survey
from tests.buckets import EPOCH_S, a_meta, ulid

H = 3_600


def _surveyed(*metas: dict[str, Any]) -> Facts:
    bucket, complaints = Bucket(), Complaints()
    text = "".join(json.dumps(meta) for meta in metas)
    read_metas(io.StringIO(text), "b", bucket, complaints)
    assert not complaints.problems
    return survey(bucket)


def _why(facts: Facts, key: str) -> str:
    return next(fact.why for fact in facts.read if fact.key == key)


def _downsampled(meta: dict[str, Any], ms: int) -> dict[str, Any]:
    meta["thanos"]["downsample"]["resolution"] = ms
    return meta


def test_ids_are_ulids_with_a_time() -> None:
    assert is_block_id("01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert not is_block_id("01ARZ3NDEKTSV4RRFFQ69G5FAU")  # no U
    assert not is_block_id("81ARZ3NDEKTSV4RRFFQ69G5FAV")  # more than 128 bits
    assert not is_block_id("01ARZ3NDEKTSV4RRFFQ69G5FA")
    assert created_us(ulid(1_234_567, 99)) == 1_234_567_000


def test_times_have_a_zone_or_are_in_utc() -> None:
    assert time_us("1970-01-02T00:00:00Z") == 86_400_000_000
    assert time_us("1970-01-02T01:00:00.5+01:00") == 86_400_500_000
    assert time_us("1970-01-02") == 86_400_000_000
    assert time_us("0001-01-01T00:00:00Z") < 0  # type: ignore[operator]
    assert time_us("soon") is time_us(5) is None


def test_values_are_found_wherever_reading_cuts_them() -> None:
    class Slow(io.StringIO):
        def read(self, size: int | None = -1) -> str:
            return super().read(3)

    text = '\n{"a": 1}\n\n{"b":\n "}{"}{"c": [2]}\n'
    found = [(document.line, document.value) for document in documents(Slow(text))]
    assert found == [(2, {"a": 1}), (4, {"b": "}{"}), (5, {"c": [2]})]
    found = [(document.line, document.why) for document in documents(Slow('{"a":\n\n oops}\n{}'))]
    assert [(line, bool(why)) for line, why in found] == [(3, True), (4, False)]


def test_streams_that_have_ended_are_left_out() -> None:
    old = [a_meta(i * 2 * H, serial=1, cluster="old") for i in range(3)]
    new = [a_meta((40 + i) * 2 * H, serial=2, cluster="new") for i in range(3)]
    facts = _surveyed(*old, *new)
    assert facts.value("producers.count", 0) == 1
    why = _why(facts, "producers.count")
    assert why.startswith("2 sets of external labels, of which 1 are left out")
    assert "cluster=new" in why
    assert "cluster=old" not in why


def test_of_blocks_that_lack_something_most_decide() -> None:
    whole = [a_meta(i * 2 * H, serial=1) for i in range(8)]
    cut = a_meta(16 * H, hours=0.7, serial=2)
    compacted = [a_meta(d * 48 * H, hours=48, level=3, serial=d) for d in (1, 2)]
    # It begins late in a slot of 14 days, and ends with it.
    first = a_meta(4 * 24 * H, hours=10 * 24, level=4, serial=5)
    facts = _surveyed(*whole, cut, *compacted, first)
    assert facts.value("producers.block_length", "") == "2h"
    assert "the span of 8 of 9 blocks of level 1" in _why(facts, "producers.block_length")
    assert facts.value("compactor.ranges", []) == ["2h", "2d", "2w"]


def test_sources_tell_of_level_1_where_none_is_left() -> None:
    meta = a_meta(hours=8, level=2)
    meta["compaction"]["sources"] = [ulid(i) for i in range(4)]
    meta["thanos"]["files"] = [{"rel_path": "chunks/000001", "size_bytes": 4_000}]
    facts = _surveyed(meta)
    assert facts.value("compactor.ranges", []) == ["2h", "8h"]
    assert facts.value("producers.block_bytes", "") == "1kB"
    meta["compaction"]["sources"] = []
    assert _surveyed(meta).value("compactor.ranges", []) == ["8h"]


def test_chunks_are_counted_by_files_or_by_segments() -> None:
    old, key = a_meta(), "producers.chunk_files"
    old["thanos"]["segment_files"] = ["000001", "000002"]
    assert _surveyed(old).value(key, None) == 2
    old["thanos"]["files"] = [{"rel_path": "chunks/000001"}, {"rel_path": "index"}]
    assert _surveyed(old).value(key, None) == 1
    bucket, complaints = Bucket(), Complaints()
    old["thanos"]["files"][1]["size_bytes"] = 2**60
    read_metas(io.StringIO(json.dumps(old)), "b", bucket, complaints)
    (problem,) = complaints.problems
    assert (problem.path, problem.line) == ("thanos.files[1]", 1)
    assert not bucket.blocks


def test_downsampling_shows_or_is_missed_or_is_unknown() -> None:
    long = a_meta(hours=48, level=3)
    key = "compactor.downsampling"
    assert _surveyed(long).value(key, None) is False
    other = _downsampled(a_meta(hours=48, level=3, serial=2), 300_000)
    assert _surveyed(long, other).value(key, None) is True
    facts = _surveyed(a_meta())
    assert facts.value(key, None) is None
    assert key in dict(facts.unknown)


def test_retention_shows_where_coarser_blocks_outlive_finer_ones() -> None:
    days = [a_meta(d * 24 * H, hours=48, level=3, serial=d) for d in range(60, 100, 2)]
    coarse = [
        _downsampled(a_meta(d * 24 * H, hours=48, level=3, serial=200 + d), 300_000)
        for d in range(0, 100, 2)
    ]
    facts = _surveyed(*days, *coarse)
    # The oldest raw block ends on day 62, the one before it on day 60, the newest on day 100.
    assert facts.value("compactor.retention.raw", "") == "38d"
    assert "compactor.retention.5m" in dict(facts.unknown)
    assert _surveyed(*days).value("compactor.retention.raw", None) is None


@pytest.mark.parametrize(
    ("details", "downsampling", "found"),
    [
        ("block exceeding retention of 720h0m0s", False, "30d"),
        ("block exceeding retention of 720h0m0s", True, "30d"),
        ("block exceeding retention of 24h0m0s", False, "1d"),
        # The language refuses less than 40h beside downsampling.
        ("block exceeding retention of 24h0m0s", True, None),
        ("block exceeding retention of 0s", False, None),
        ("block exceeding retention of", False, None),
        ("source of compacted block", False, None),
    ],
)
def test_marks_tell_of_retention(
    details: str, downsampling: bool, found: str | None, tmp_path: Path
) -> None:
    expired, other = a_meta(hours=48, level=3), a_meta(48 * H, hours=48, level=3)
    metas = [expired, other]
    if downsampling:
        metas.append(_downsampled(a_meta(48 * H, hours=48, level=3, serial=7), 300_000))
    for meta in metas:
        (tmp_path / meta["ulid"]).mkdir()
        (tmp_path / meta["ulid"] / "meta.json").write_text(json.dumps(meta))
    mark = {"deletion_time": EPOCH_S, "details": details}
    (tmp_path / expired["ulid"] / "deletion-mark.json").write_text(json.dumps(mark))
    bucket, complaints = Bucket(), Complaints()
    read_folder(str(tmp_path), bucket, complaints)
    assert not complaints.problems
    facts = survey(bucket)
    assert facts.value("compactor.retention.raw", None) == found


def test_uploads_are_known_by_their_time_or_by_when_blocks_were_made() -> None:
    metas = [a_meta(i * 2 * H, serial=i) for i in range(20)]
    for i, meta in enumerate(metas):
        meta["ulid"] = ulid(meta["maxTime"] + 60_000 * i)
    facts = _surveyed(*metas)
    law = facts.value("producers.upload_after", {})
    assert law["samples"] == [f"{2 * i + 1}m" for i in range(10)]
    assert "(0 say so)" in _why(facts, "producers.upload_after")
    metas[0]["ulid"] = ulid(metas[0]["maxTime"] - 1)
    assert "; 1 are left out" in _why(_surveyed(*metas), "producers.upload_after")
    assert _surveyed(metas[0]).value("producers.upload_after", None) is None


def test_what_a_scenario_has_no_place_for_is_said() -> None:
    facts = _surveyed(a_meta(), a_meta(H, serial=1), a_meta(4 * H, serial=2))
    assert facts.left_out[0].startswith("1 blocks of level 1 overlap the one before them")
    assert facts.left_out[1:] == [
        "3 blocks are there; a run begins with none",
        "marks are not in what was read",
    ]
    bucket = Bucket(shows_marks=True, n_others=2)
    for number in range(3):
        block = bucket.block(ulid(number))
        block.is_excluded, block.marked_us = number == 0, number * 60_000_000
    assert survey(bucket).left_out == [
        "3 blocks are there; a run begins with none",
        "3 of them have a deletion mark, the oldest 2m before the newest; those of a run are its "
        "scheme's",
        "3 of them have no meta.json (partial uploads or deletions)",
        "1 of them are kept from compaction by a mark, see interventions of kind no-compact",
        "2 names that belong to no block are left alone",
    ]
