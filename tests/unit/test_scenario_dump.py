"""A scenario printed back, its digest, and the schema for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from sim.core.laws import Constant
from sim.scenario.dump import to_toml
from sim.scenario.editor import SCHEMA_PATH, editor_schema
from sim.scenario.load import build, load
from sim.scenario.stores.profiles import PROFILES
from tests.conftest import GoldenCheck

SMALL: dict[str, Any] = {
    "schema": 1,
    "name": "small",
    "horizon": "10d",
    "queries": [{"name": "day"}],
    "schemes": [{"name": "mark", "kind": "deletion-mark"}],
}

PRINTED = """schema  = 1
name    = "small"
summary = ""
source  = ""
horizon = "10d"
warmup  = "0s"
trials  = 8
seed    = 0

[store]
profile          = "hadoop-injector"
replicas         = 1
read_from        = "any"
primary          = false
acks             = 0
order            = "independent"
negative_cache   = "0s"
error_rate       = 0.0
lost_answer_rate = 0.0

[store.lag]
create    = { get = "0s", list = "5s" }
overwrite = { get = "0s", list = "0s" }
delete    = { get = "0s", list = "5s" }

[producers]
count           = 1
block_length    = "2h"
upload_after    = "0s"
upload_takes    = { law = "exponential", mean = "90s", at_most = "1h" }
retry_after     = "30s"
local_retention = "15d"
block_bytes     = "512MiB"
chunk_files     = 1

[compactor]
wait_interval      = "5m"
sync_takes         = "0s"
sync_stages        = { check = 0.0, marks = 0.0 }
sync_timeout       = "0s"
remember_marks     = true
ranges             = ["2h", "8h", "2d", "2w"]
download_takes     = "0s"
compaction_takes   = "1m"
upload_takes       = "0s"
delete_takes       = "0s"
delete_workers     = 32
downsampling       = true
downsampling_takes = "1m"
restart_after      = "10s"
consistency_delay  = "30m"
retention          = { raw = "0s", 5m = "0s", 1h = "0s" }
cleanup            = "every 5m"
cleanup_interval   = "0s"
partial_age        = "2d"
partial_age_from   = "modified"
progress_interval  = "0s"
size_ratio         = 1.0

[gateways]
count                = 1
shards               = 1
sync_interval        = "15m"
sync_takes           = "0s"
sync_takes_per_block = "0s"
phase                = "uniform"
consistency_delay    = "0s"
partial_response     = "abort"
unhealthy_after      = "10s"
restart_after        = "10s"

[gateways.sync_stages]
check = 0.0
marks = 0.0
load  = 1.0

[[queries]]
name           = "day"
rate           = "1/s"
range          = "1w"
offset         = "0s"
streams        = "all"
takes          = "0s"
max_resolution = "raw"

[[schemes]]
name                        = "mark"
kind                        = "deletion-mark"
delete_delay                = "2d"
ignore_deletion_marks_delay = "1d"

[[faults]]
kind   = "gateway-outage"
at     = "1d"
lasts  = "1h"
target = 0

[expect]
mark = { never = ["silent-gap"], never_below = 1e-06, at_most = { query-error = 0.001 } }
"""


def test_everything_is_written_out() -> None:
    law = {"law": "exponential", "mean": "90s", "at_most": "1h"}
    scenario = build(
        SMALL,
        {
            "store.profile": "hadoop-injector",
            "producers.upload_takes": law,
            "compactor.cleanup": "every 5m",
            "faults": [{"kind": "gateway-outage", "target": 0, "at": "1d", "lasts": "1h"}],
            "expect.mark": {"never": ["silent-gap"], "at_most": {"query-error": 0.001}},
        },
    )
    assert to_toml(scenario) == PRINTED
    assert load(PRINTED) == scenario


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_are_printed_back(profile: str) -> None:
    scenario = build(SMALL, {"store.profile": profile})
    assert load(to_toml(scenario)) == scenario
    assert max(map(len, to_toml(scenario).splitlines())) <= 100


def test_a_long_mixture_has_one_part_a_line() -> None:
    part = {"weight": 1, "law": "uniform", "low": "1h2m3s4ms", "high": "2h2m3s4ms"}
    law = {"law": "mixture", "parts": [part] * 3, "plus": "1s", "at_most": "5d"}
    scenario = build(SMALL, {"producers.upload_takes": law})
    text = to_toml(scenario)
    assert 'upload_takes    = { law = "mixture", parts = [\n    { weight = 0.33' in text
    assert '\n], plus = "1s", at_most = "5d" }\n' in text
    assert load(text) == scenario


def digest(**overrides: Any) -> str:
    return build(SMALL, {key.replace("__", "."): value for key, value in overrides.items()}).digest


def test_the_digest_is_that_of_what_is_simulated() -> None:
    assert digest() == digest(name="other", summary="s", source="t")
    assert digest() == digest(horizon="240h", trials=8, store__profile="gcs")
    assert digest() == digest(expect={"mark": {"never": ["silent-gap"]}})
    assert digest(producers__upload_takes="60s") == digest(
        producers__upload_takes={"law": "constant", "value": "1m"}
    )
    # Results of other versions are compared by this number: it changes with the language only.
    assert digest() == "fae825cf84460c2cbae077ed57ab6f7384fe8f6d9446c95bc5101acd31b6bb06"
    different = {
        digest(),
        digest(seed=1),
        digest(trials=9),
        digest(warmup="1d"),
        digest(store__profile="swift"),
        digest(queries=[{"name": "other"}]),
        digest(schemes=[{"name": "other", "kind": "deletion-mark"}]),
        digest(faults=[{"kind": "compactor-crash", "at": "1d", "lasts": "1h"}]),
    }
    assert len(different) == 8


def test_the_digest_ignores_how_a_file_is_written() -> None:
    text = (
        'horizon = "240h" # ten days\nname = "x"\nschema = 1\n'
        'queries = [{ name = "day", range = "7d" }]\n'
        '[[schemes]]\nkind = "deletion-mark"\ndelete_delay = "2d"\nname = "mark"\n'
    )
    assert load(text).digest == digest()


def test_python_scenarios_hold_laws() -> None:
    scenario = build(SMALL | {"gateways": {"sync_interval": Constant(value_us=60e6)}})
    assert scenario == build(SMALL, {"gateways.sync_interval": "1m"})


def test_the_schema_for_editors_is_up_to_date(golden: GoldenCheck) -> None:
    """After a change of the language: ``pytest --update-golden`` with this file."""
    golden(SCHEMA_PATH, editor_schema())


def errors(raw: Any) -> list[str]:
    found = Draft202012Validator(json.loads(editor_schema())).iter_errors(raw)
    return sorted(error.json_path for error in found)


def test_the_schema_for_editors_accepts_scenarios() -> None:
    Draft202012Validator.check_schema(json.loads(editor_schema()))
    assert errors(SMALL) == []
    for profile in PROFILES:
        raw = build(SMALL, {"store.profile": profile}).raw()
        assert errors(json.loads(json.dumps(raw))) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"horizn": "5d"}, "$"),
        ({"warmup": 5}, "$.warmup"),
        ({"store": {"profile": "s4"}}, "$.store.profile"),
        ({"gateways": {"phase": {"law": "unifrom"}}}, "$.gateways.phase"),
        ({"schemes": [{"name": "a", "kind": "immediate", "delete_delay": "1h"}]}, "$.schemes[0]"),
        ({"queries": []}, "$.queries"),
        ({"expect": {"mark": {"never": ["silent-gab"]}}}, "$.expect.mark.never[0]"),
    ],
)
def test_the_schema_for_editors_refuses_mistakes(changes: dict[str, Any], place: str) -> None:
    assert errors(SMALL | changes) == [place]


def test_the_schema_for_editors_tells_defaults_as_a_file_does() -> None:
    tables = json.loads(editor_schema())["$defs"]
    defaults = {
        (name, key): field["default"]
        for name, table in tables.items()
        for key, field in table.get("properties", {}).items()
        if "default" in field
    }
    assert defaults["Gateways", "sync_interval"] == "15m"
    assert defaults["Producers", "block_bytes"] == "512MiB"
    assert defaults["QueryClass", "rate"] == "1/s"
    assert defaults["DeletionMark", "delete_delay"] == "2d"
    assert all(value is not None for value in defaults.values())


def test_the_schema_is_part_of_the_package() -> None:
    assert Path("sim/scenario/scenario.schema.json").name == SCHEMA_PATH.name
