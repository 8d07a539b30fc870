"""A bucket that a scenario leaves gives back the scenario, as far as a bucket knows it."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cli import main
from sim.core.units import parse_duration
from sim.intake.complaints import Complaints
from sim.intake.found import Bucket
from sim.intake.inventory import read_inventory
from sim.intake.metas import read_metas
from sim.intake.survey import survey
from sim.intake.writing import scenario_text
from sim.model.world import simulate
from sim.scenario.load import build, load
from tests.buckets import a_meta, as_inventory, as_stream, bucket_of, ulid

RANGES = (("2h", "8h", "2d"), ("1h", "4h", "12h"), ("3h", "9h"), ("2h", "6h", "12h"), ("90m",))


@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_a_bucket_gives_back_what_it_was_made_with(data: st.DataObject) -> None:
    ranges = data.draw(st.sampled_from(RANGES))
    n_streams = data.draw(st.integers(1, 3))
    size_bytes = data.draw(st.integers(10_000, 2**31))
    ratio = data.draw(st.sampled_from([1.0, 0.7, 1.2]))
    chunk_files = data.draw(st.integers(1, 3))
    late_s = data.draw(st.integers(0, 50 * 60))
    is_downsampled = data.draw(st.booleans())
    scenario = build(
        {
            "schema": 1,
            "name": "drawn",
            "horizon": "5d" if ranges[-1] == "2d" else "2d",
            "producers": {
                "count": n_streams,
                "block_length": ranges[0],
                "block_bytes": f"{size_bytes}B",
                "chunk_files": chunk_files,
                "upload_after": f"{late_s}s",
            },
            "compactor": {
                "ranges": list(ranges),
                "size_ratio": ratio,
                "downsampling": is_downsampled,
                "wait_interval": "20m",
            },
            "queries": [{"name": "day"}],
            "schemes": [{"name": "marked", "kind": "deletion-mark"}],
        }
    )
    told = bucket_of(
        simulate(scenario, 0, 0),
        chunk_files=chunk_files,
        # Real blocks seldom begin with their range, and end with it.
        late_ms=data.draw(st.sampled_from([0, 1, 59_999])),
    )
    bucket, complaints = Bucket(), Complaints()
    in_inventory = data.draw(st.booleans())
    if in_inventory:
        for block in told:
            del block.meta["thanos"]["files"], block.meta["thanos"]["upload_time"]
        inventory = io.StringIO(as_inventory(told), newline="")
        read_inventory(inventory, "i.csv", bucket, complaints)
    read_metas(io.StringIO(as_stream(told)), "b.json", bucket, complaints)
    assert not complaints.problems
    facts = survey(bucket)
    found = load(scenario_text("drawn", bucket.sources, facts, []))
    assert found.producers.count == n_streams
    assert found.producers.block_length_us == scenario.producers.block_length_us
    assert found.compactor.ranges_us == scenario.compactor.ranges_us
    # An inventory counts meta.json as well, which has no size here.
    assert found.producers.block_bytes == size_bytes
    assert found.producers.chunk_files == chunk_files
    if len(ranges) > 1:
        assert abs(found.compactor.size_ratio - ratio) <= 1e-3 * ratio
    # The store acknowledges whole seconds later at most.
    assert abs(found.producers.upload_after.mean / 1e6 - late_s) <= 1
    if len(ranges) > 1 and parse_duration(ranges[-1]) >= parse_duration("40h"):
        assert found.compactor.downsampling is is_downsampled
    assert found.warmup_us >= 2 * scenario.compactor.ranges_us[-1]


METAS = "\n".join(json.dumps(a_meta(i * 7_200, serial=i), indent="\t") for i in range(3))
INVENTORY = "key,size,last_modified,is_latest\n" + "".join(
    f"p/{ulid(i)}/{name},{i + 1},2026-01-31T12:00:00Z,true\n"
    for i in range(3)
    for name in ("chunks/000001", "index", "meta.json", "deletion-mark.json")
)
PIECES = st.one_of(
    st.sampled_from(
        [
            "{",
            "}",
            "[",
            ",",
            '"',
            "\n",
            "null",
            "-1",
            "1e999",
            "NaN",
            "\\ud800",
            "\x00",
            "%",
            "9" * 5_000,
        ]
    ),
    st.text(max_size=4),
)


@given(text=st.sampled_from([METAS, INVENTORY]), data=st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_is_read_becomes_a_scenario_or_is_refused(text: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 3))):
        low = data.draw(st.integers(0, len(text)))
        high = data.draw(st.integers(low, min(len(text), low + 60)))
        text = text[:low] + data.draw(PIECES) + text[high:]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "new.toml")
        source.write_bytes(text.encode("utf-8", "surrogatepass"))
        code = main(["import", str(source), "-o", str(target)])
        assert code in (0, 2)
        assert target.exists() is (code == 0)
        assert code == 2 or load(target).name == "new"
        assert len(list(Path(folder).iterdir())) == 2 - (code == 2)
