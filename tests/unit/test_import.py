"""``sim import``: a scenario of a bucket that there is, end to end, and all that is refused."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest

from sim.cli import main
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from tests.buckets import (
    EPOCH_S,
    Told,
    a_meta,
    as_inventory,
    as_stream,
    bucket_of,
    into_folder,
    ulid,
)
from tests.short import SHORT


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """What `SHORT` leaves in its bucket, with other streams and sizes."""
    changed = {
        "producers.count": 3,
        "producers.block_bytes": "300MiB",
        "producers.upload_after": "10m",
        "compactor.size_ratio": 0.9,
    }
    return bucket_of(simulate(load(SHORT, changed), 1, 0))


def _imported(*words: str) -> Scenario:
    assert main(["import", *words, "-o", "new.toml"]) == 0
    return load(Path("new.toml"))


def test_advice_is_for_the_bucket(told: list[Told], capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.json").write_text(as_stream(told))
    scenario = _imported("b.json")
    assert scenario.producers.count == 3
    assert scenario.producers.block_bytes == 300 * 2**20
    assert scenario.compactor.size_ratio == 0.9
    output, errors = capsys.readouterr()
    assert "read     producers.count = 3: 3 sets of external labels" in output
    assert errors.endswith("now: sim advise new.toml --slo query-error=0\n")
    words = ["advise", "new.toml", "--slo", "query-error=0", "--trials", "2", "-q"]
    assert main(words) == 0
    answer = capsys.readouterr().out
    assert answer.startswith("new: mark first\ndelete_delay = ")
    assert answer.endswith(" meet query-error=0.\n")


def test_a_run_is_longer_than_an_upload() -> None:
    spans = []
    for days in (0, 9):
        metas = [a_meta(i * 2 * 3_600, serial=i) for i in range(3)]
        for meta in metas:
            meta["ulid"] = ulid(meta["maxTime"] + 86_400_000 * days + 1_000)
        Path(f"{days}.json").write_text("".join(map(json.dumps, metas)))
        assert main(["import", f"{days}.json", "-o", f"{days}.toml"]) == 0
        scenario = load(Path(f"{days}.toml"))
        spans.append((scenario.warmup_us, scenario.horizon_us))
    assert [late - soon for soon, late in zip(*spans, strict=True)] == [9 * 86_400_000_000] * 2


def test_what_sources_say_of_a_block_is_put_together(
    told: list[Told], capsys: pytest.CaptureFixture[str]
) -> None:
    told = deepcopy(told)
    for block in told:
        del block.meta["thanos"]["files"]
    into_folder(Path("metas"), told)
    Path("inventory.csv").write_text(as_inventory(told))
    assert main(["import", "metas"]) == 0
    assert "unknown  producers.block_bytes: no meta.json of a raw" in capsys.readouterr().out
    assert load(Path("bucket.toml")).producers.block_bytes == 512 * 2**20
    assert _imported("metas", "inventory.csv").producers.block_bytes == 300 * 2**20
    n_marks = sum(block.mark is not None for block in told)
    assert n_marks
    text = Path("new.toml").read_text()
    assert f"# - {n_marks} of them have a deletion mark" in text
    assert "assumed: what" not in text


def test_an_inventory_alone_leaves_what_it_does_not_say(
    told: list[Told], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = as_inventory(told, header=False).splitlines()
    # Other versions of an object, and what is deleted, count for nothing.
    rows = [f"{row},true,false" for row in rows]
    rows.insert(0, f'"b","{told[0].id}/index","7","2026-01-01T00:00:00.000Z",false,false')
    rows.insert(0, f'"b","{ulid(5)}/index","","2026-01-01T00:00:00.000Z",true,true')
    rows.append('"b","debug/metas/x.json","7","2026-01-01T00:00:00.000Z",true,false')
    Path("i.csv.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    names = "Bucket, Key, Size, LastModifiedDate, IsLatest, IsDeleteMarker"
    scenario = _imported("i.csv.gz", "--columns", names)
    assert (
        scenario.compactor
        == load(
            SHORT.replace("downsampling = false", "").replace('ranges = ["2h", "8h"]', "")
        ).compactor
    )
    output = capsys.readouterr().out
    assert "unknown  producers.count: no meta.json was read, which alone says it" in output
    assert f"left out {len(told)} blocks are there" in output
    assert "left out 1 names that belong to no block" in output


def test_lags_come_with_what_nobody_knows(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.json").write_text(json.dumps(a_meta()))
    Path("lags.csv").write_text("lag,censored\n1s,\n2s,\n3s,no\n9s,yes\n")
    words = ["import", "b.json", "--lags", "lags.csv"]
    assert main(words) == 2
    assert (
        "--lags='lags.csv' must have a longest duration that is over, or go with --at-most: "
        "25 % are longer than 3s, nobody knows by how much"
    ) in capsys.readouterr().err
    assert not Path("bucket.toml").exists()
    assert main([*words, "--at-most", "1m"]) == 0
    said = "50 % are up to 2s (95 % interval: 1s to not known)"
    assert said in capsys.readouterr().out
    assert f"#   {said}" in Path("bucket.toml").read_text()
    law = load(Path("bucket.toml")).store.lag.create.list
    assert [round(law.ppf(u)) for u in (0.1, 0.3, 0.6, 0.9)] == [
        10**6,
        2 * 10**6,
        3 * 10**6,
        6 * 10**7,
    ]
    assert (
        main(
            [
                "import",
                "b.json",
                "--lags",
                "gateways.sync_takes=lags.csv",
                "-o",
                "g.toml",
                "--at-most",
                "1m",
            ]
        )
        == 0
    )
    assert load(Path("g.toml")).gateways.sync_takes == law
    assert main(["import", "b.json", "-o", "x.toml", "--at-most", "5m"]) == 2
    assert "--at-most='5m' must go with --lags" in capsys.readouterr().err
    # The scenario must be able to read it from where it stands.
    Path("sub").mkdir()
    assert main([*words, "--at-most", "1m", "-o", "sub/s.toml"]) == 2
    assert "must be below the folder of the scenario" in capsys.readouterr().err
    assert main([*words, "--at-most", "1m", "-o", "sub/s.toml", "--allow-outside"]) == 0
    assert load(Path("sub/s.toml"), allow_outside=True).store.lag.create.list == law


def test_all_that_is_wrong_is_said_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = a_meta(), a_meta(7_200)
    bad["mintime"], bad["maxTime"] = bad.pop("minTime"), "soon"
    bad["thanos"]["labels"] = {"a": 1}
    bad["compaction"] = {}
    text = "\n".join(
        [
            json.dumps(good),
            json.dumps(bad, indent="\t"),
            "{not json}",
            json.dumps(good),
            "[1]",
            json.dumps(a_meta(serial=3) | {"version": 2, "ulid": "x"}),
        ]
    )
    Path("b.json").write_text(text)
    Path("i.csv").write_text("Bucket,Kye,Size,LastModifiedDate\nb,k,1,2026-01-01\n")
    Path("j.csv").write_text("key,size,last_modified\nk,1\na,-1,later\n")
    words = ["import", "b.json", "i.csv", "j.csv", "none", "--lags", "store.lag.create.lst=x"]
    assert main([*words, "--at-most", "5"]) == 2
    errors = capsys.readouterr().err
    for said in (
        "--at-most='5' must be a duration",
        "--lags='store.lag.create.lst' must be one of",
        'did you mean "store.lag.create.list"?',
        "b.json:2: minTime=(missing) must be given, and be a whole number of milliseconds",
        'is it "mintime" here?',
        "b.json:4: maxTime='soon' must be a whole number",
        "compaction.level=(missing) must be given",
        "b.json:20: '{not json}' must be a JSON object after another",
        f"b.json:21: ulid='{good['ulid']}' must be there once",
        "see line 1",
        "b.json:22: '[1]' must be a JSON object",
        "b.json:23: ulid='x' must be a ULID",
        "b.json:23: version=2 must be 1",
        "i.csv:1: key='Bucket, Kye, Size, LastModifiedDate' must be a column",
        'is it "Kye"?',
        "j.csv:2: 'k,1' must have at least 3 columns",
        "j.csv:3: size='-1' must be a whole number of bytes",
        "j.csv:3: last_modified='later' must be a time",
        "none: 'No such file or directory' must be readable",
    ):
        assert said in errors.replace("\n", " "), said
    assert sorted(path.name for path in Path().iterdir()) == ["b.json", "i.csv", "j.csv"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "must hold blocks, it is empty"),
        (b"\xff\xfe", "must be UTF-8"),
        (b"{" * 100_000, "must be a JSON object after another"),
        (b'{"ulid": ' + b"9" * 5_000 + b"}", "a number too long, or nested too deep"),
        (b"\x1f\x8b\x08\x00", "must be whole, as gzip wrote it"),
        (b"key,size,last_modified\n", "must have at least one block"),
        (b'key,size,last_modified\n"' + b"x" * 200_000, "must be CSV"),
        (b"key,size,last_modified,is_latest\nk,1,2026-01-01,tru\n", 'did you mean "true"?'),
        (json.dumps(a_meta(hours=-1)).encode(), "must be after minTime"),
        (json.dumps(a_meta() | {"thanos": None}).encode(), "thanos=None must be the table"),
    ],
)
def test_what_is_no_bucket_is_refused(
    content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("b").write_bytes(content)
    assert main(["import", "b", "-o", "x.toml"]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["b"]


def test_a_folder_is_read_with_care(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = a_meta(), a_meta(7_200, serial=1)
    for name, file, content in (
        (one["ulid"], "meta.json", json.dumps(other)),
        (other["ulid"], "meta.json", "[]"),
        (other["ulid"], "deletion-mark.json", '{"deletion_time": "now"}'),
        (ulid(1), "no-compact-mark.json", '{"no_compact_time":\n}'),
    ):
        Path("m", name).mkdir(parents=True, exist_ok=True)
        Path("m", name, file).write_text(content)
    assert main(["import", "m"]) == 2
    errors = capsys.readouterr().err
    assert f"must be {one['ulid']}, the name of its folder" in errors
    assert "meta.json:1: '[]' must be a JSON object" in errors
    assert "deletion-mark.json:1: deletion_time='now' must be a time in seconds" in errors
    assert "no-compact-mark.json:2: " in errors
    Path("empty").mkdir()
    Path("empty", ulid(1)).write_text("a file, and no folder")
    assert main(["import", "empty"]) == 2
    assert "must hold folders called by the ULID of a block" in capsys.readouterr().err


def test_nothing_is_ever_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("b.json").write_text(json.dumps(a_meta()))
    Path("bucket.toml").write_text("mine")
    assert main(["import", "b.json"]) == 2
    assert "bucket.toml exists already" in capsys.readouterr().err
    assert Path("bucket.toml").read_text() == "mine"
    # What the loader refuses does not stay, not even for a moment.
    assert main(["import", "b.json", "-o", "new.toml", "--name", ""]) == 2
    assert 'new.toml:5:8: name="" must' in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["b.json", "bucket.toml"]


def test_it_comes_and_goes_through_pipes(capsys: pytest.CaptureFixture[str]) -> None:
    meta = a_meta(cluster='"}\n[oops]\x1b')
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli", "import", "-", "-o", "-", "--name", 'a "b"'],
        input=json.dumps(meta),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert load(done.stdout).name == 'a "b"'
    assert "\x1b" not in done.stdout + done.stderr
    assert "read     producers.count = 1" in done.stderr
    assert str(EPOCH_S) not in done.stdout
