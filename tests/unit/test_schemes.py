"""Schemes slot by slot: what each primitive does, and how a scheme is said."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from pydantic import Field

from sim import schemes
from sim.analysis.queries.evaluate import class_hazards
from sim.analysis.queries.exposure import Exposure
from sim.analysis.rules.safety import proof
from sim.core.units import NEVER
from sim.errors import ScenarioError
from sim.model.schemes import Hide, compose
from sim.scenario.dump import to_toml
from sim.scenario.language import primitives as slots
from sim.scenario.language.registry import Registry
from sim.scenario.load import load
from sim.scenario.presets import scheme_presets, settings_presets
from sim.scenario.schema import Scenario
from sim.schemes.plain import NoHold
from sim.trace.records import DropRecord, LoadRecord, PutRecord
from sim.trace.timelines import Timelines
from tests.worlds import AT_ONCE, lag, marks, run, us, world


def composed(**parts: Any) -> dict[str, Any]:
    """A scheme slot by slot."""
    return {"name": "own", "kind": "composed", **parts}


def waits_us(timelines: Timelines) -> list[int]:
    """From retirement to deletion, of every block that is gone."""
    blocks = timelines.blocks
    gone = blocks.deleted_us < timelines.horizon_us
    return [int(wait) for wait in (blocks.deleted_us - blocks.retired_us)[gone]]


def hazards_us(scenario: Scenario, timelines: Timelines) -> dict[str, int]:
    """How long queries of the first class end in each outcome but ok."""
    found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
    total: dict[str, int] = {}
    spans = zip(found.start_us.tolist(), found.end_us.tolist(), found.outcome, strict=True)
    for start_us, end_us, outcome in spans:
        total[outcome] = total.get(outcome, 0) + end_us - start_us
    return total


@pytest.mark.parametrize("short", [AT_ONCE, marks("3h", "1h")], ids=["at once", "marks"])
def test_a_short_name_is_its_composition(short: dict[str, Any]) -> None:
    scenario = world(schemes=[short])
    long = scenario.schemes[0].composed.model_dump(by_alias=True, exclude_none=True)
    traces = [run(world(schemes=[table]))[0] for table in (short, long)]
    assert traces[0].records == traces[1].records


def test_the_compactor_hides_at_half_of_the_delete_delay() -> None:
    made = compose(world(schemes=[marks("3h", "1h")]), 0)
    assert made.hide == Hide(gateways_us=us("1h"), compactor_us=us("90m"))


def test_memory_waits_and_a_restart_forgets() -> None:
    delay = {"kind": "after", "delay": "90m"}
    crash = {"kind": "compactor-crash", "at": "11h", "lasts": "0s"}

    def waits(found_again: str, *faults: Any) -> list[int]:
        record = {"kind": "memory", "found_again": found_again}
        scheme = composed(record=record, delete=delay)
        return waits_us(run(world(horizon="24h", schemes=[scheme], faults=list(faults)))[1])

    # Late by no more than a pass.
    assert waits("wait")
    assert all(us("90m") < wait <= us("95m") for wait in waits("wait"))
    # A restart an hour after a retirement: wait anew, or do not wait at all.
    assert max(waits("wait", crash)) > us("2h")
    assert min(waits("at-once", crash)) < us("70m")


def test_meta_removal_hides_at_the_next_sync_and_keeps_the_files() -> None:
    delete = {"kind": "after", "delay": "2h"}
    scenario = world(horizon="24h", schemes=[composed(record="meta-removal", delete=delete)])
    _, timelines = run(scenario)
    assert timelines.blocks.retired_us.min() < NEVER
    assert all(us("2h") < wait <= us("125m") for wait in waits_us(timelines))
    retired = timelines.blocks.retired_us[timelines.loads.block]
    kept = np.minimum(timelines.loads.drop_us, timelines.horizon_us) - retired
    assert kept[retired < us("23h")].max() <= us("1h")
    assert "query-error" not in hazards_us(scenario, timelines)


def test_a_block_that_is_replaced_may_keep_its_meta_for_a_while() -> None:
    def retired_us(wait: str) -> Any:
        record = {"kind": "meta-removal", "wait": wait}
        _, timelines = run(world(schemes=[composed(record=record)], horizon="12h"))
        return timelines.blocks.retired_us[timelines.blocks.retired_us < NEVER]

    assert (retired_us("1h") - retired_us("0s") >= us("1h")).all()


def test_a_delay_counted_from_the_creation_is_none_for_an_old_block() -> None:
    delete = {"kind": "after", "delay": "1h", "counted_from": "creation"}
    record = {"kind": "memory"}
    _, timelines = run(world(horizon="24h", schemes=[composed(record=record, delete=delete)]))
    assert waits_us(timelines)
    assert max(waits_us(timelines)) <= us("5m")


def test_readers_ignore_data_older_than_their_retention() -> None:
    retention = {"ranges": ["2h"], "retention": {"raw": "8h"}}
    base = {"horizon": "24h", "compactor": retention, "gateways": {"sync_interval": "15m"}}
    late = world(schemes=[AT_ONCE], **base)
    assert hazards_us(late, run(late)[1])["query-error"] > us("1h")
    early = world(schemes=[composed(hide={"kind": "data-age", "after": "7h"})], **base)
    assert "query-error" not in hazards_us(early, run(early)[1])


def test_nothing_goes_that_a_reader_holds() -> None:
    def exposed(hold: Any) -> tuple[int, int]:
        scenario = world(
            horizon="24h",
            schemes=[composed(hold=hold)],
            gateways={"count": 2, "phase": "uniform"},
            faults=[{"kind": "gateway-outage", "target": 1, "at": "9h", "lasts": "8h"}],
        )
        _, timelines = run(scenario)
        found = class_hazards(Exposure(scenario, timelines, scenario.queries[0]))
        is_error = np.array([outcome == "query-error" for outcome in found.outcome], bool)
        own_us = us("9h") + scenario.gateways.unhealthy_after_us
        is_outage = (found.start_us >= us("9h")) & (found.end_us <= own_us)
        gone = timelines.blocks.deleted_us
        return int((is_error & ~is_outage).sum()), int(
            ((us("10h") < gone) & (gone < us("16h"))).sum()
        )

    assert exposed("nothing")[0] > 0
    # Who went down without a word holds on; with a lease that ends it does not for long.
    assert exposed("leases") == (0, 0)
    errors, deletions = exposed({"kind": "leases", "lasts": "30m"})
    assert errors == 0
    assert deletions > 0


def test_what_is_gone_fails_a_query_or_is_missing() -> None:
    def hazards(scheme: str) -> dict[str, int]:
        scenario = world(schemes=[{"preset": scheme}], gateways={"sync_takes": "10m"})
        return hazards_us(scenario, run(scenario)[1])

    failing, silent, warned = hazards("S0"), hazards("S5a"), hazards("S5b")
    lost_us = failing["query-error"]
    assert lost_us > us("10m")
    # The same absences, told otherwise: one gateway has the data, or nobody.
    assert silent == {"silent-gap": lost_us + failing.get("silent-gap", 0)}
    del failing["query-error"]
    assert warned == {**failing, "partial-response": lost_us}


def test_a_miss_that_is_not_said_is_in_no_digest() -> None:
    scheme = composed(hold="leases")
    said = world(schemes=[{**scheme, "miss": "fail"}])
    assert "miss" not in world(schemes=[scheme]).raw()["schemes"][0]
    assert run(said)[0].records == run(world(schemes=[scheme]))[0].records


def test_nothing_is_deleted_for_ever() -> None:
    _, timelines = run(world(horizon="24h", schemes=[composed(delete="never")]))
    assert (timelines.blocks.retired_us < NEVER).any()
    assert (timelines.blocks.deleted_us >= timelines.horizon_us).all()


def test_a_scheme_may_say_when_it_deletes() -> None:
    delete = {"kind": "after", "delay": "30m", "when": "every 7m"}
    hide = {"kind": "mark-age", "after": "10m"}
    scenario = world(schemes=[composed(record="mark", hide=hide, delete=delete)])
    _, timelines = run(scenario)
    gone = timelines.blocks.deleted_us[timelines.blocks.deleted_us < NEVER]
    assert gone.size
    assert (gone % us("7m") == 0).all()
    assert scenario.cleanup(0).when == "every"


@pytest.mark.parametrize("name", list(scheme_presets()))
def test_a_preset_runs_and_is_printed_back(name: str) -> None:
    needed = (
        {"presets": list(scheme_presets()[name].presets)} if scheme_presets()[name].presets else {}
    )
    scenario = world(schemes=[{"preset": name}], horizon="12h", **needed)
    assert scenario.schemes[0].name == name
    again = load(to_toml(scenario))
    assert (again, again.digest) == (scenario, scenario.digest)
    trace, _ = run(scenario)
    assert any(isinstance(record, LoadRecord) for record in trace.records)


def test_the_name_of_a_preset_changes_nothing() -> None:
    preset = world(schemes=[{"preset": "S3", "name": "mark"}])
    assert preset.digest == world(schemes=[marks("48h", "24h")]).digest


TEXT = """
schema = 1
name = "x"
horizon = "14h"
[[queries]]
name = "day"
[[schemes]]
name = "own"
kind = "composed"
"""

CHECK = 'check = { kind = "bucket-index", required_after = "1h", optional_after = "2h" }'


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('record = "marks"', 'record=\'marks\' must be one of "nothing", "mark"'),
        ('hold = { kind = "lease" }', 'hold.kind=\'lease\' must be one of "nothing", "leases"'),
        ('hold = { kind = "leases", last = "1h" }', 'did you mean "lasts"?'),
        ("hold = 3", "hold=3 must be a table with a kind, or the kind alone"),
        ('delete = { kind = "after" }', "delete.delay=(missing) must be given"),
        ('delete = { kind = "after", delay = "1h" }', 'must go with record, which is "nothing"'),
        ('record = "mark"', 'must go with hide, which is "superseded"'),
        ('miss = "ignore"', 'miss=\'ignore\' must be one of "fail", "tolerate", "warn", "resync"'),
        (CHECK, 'must go with learn, which is "listing"'),
        (f'{CHECK}\nlearn = "bucket-index"\nmiss = "warn"', 'must go with miss, which is "warn"'),
        (
            f'{CHECK}\nlearn = "bucket-index"\n[gateways]\npartial_response = "warn"',
            "a querier that checks its answers gives none in part",
        ),
        ('preset = "S33"', "preset='S33' must be one of"),
    ],
)
def test_a_wrong_scheme_is_told_where_it_is_wrong(lines: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(TEXT + lines + "\n")
    assert told in str(caught.value)
    assert "<scenario>:10" in str(caught.value)


@pytest.mark.parametrize("miss", ["tolerate", "warn"])
def test_who_draws_a_replica_for_each_read_cannot_answer_without_a_block(miss: str) -> None:
    store = "[store]\nreplicas = 2\nread_from = "
    lines = f'miss = "{miss}"\n{store}'
    with pytest.raises(ScenarioError) as caught:
        load(TEXT + lines + '"any"\n')
    assert 'be "fail" where each read draws its replica' in str(caught.value)
    for fits in ('"nearest"', '"any"\nprimary = true'):
        assert load(TEXT + lines + fits + "\n").schemes[0].composed.misses.kind == miss


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    for known in slots._registered.values():
        monkeypatch.setattr(known, "_tables", dict(known.tables()))


@pytest.mark.usefixtures("registry")
def test_somebody_elses_primitive_is_one_like_any_other() -> None:
    @slots.register("hold")
    class Freeze(slots.Primitive):
        """Nothing is deleted in the second half of the run."""

        source: ClassVar[str] = "a test"
        kind: Literal["freeze"] = Field("freeze", description="Nothing goes after half the run.")

        def made(self, scenario: Scenario) -> NoHold:
            hold = NoHold()
            half_us = scenario.horizon_us // 2
            hold.may_delete = lambda block, t_us: t_us < half_us  # type: ignore[method-assign]
            return hold

        def obstacles(self, scenario: Scenario) -> Iterator[str]:
            yield "deletion is frozen (hold)"

    scenario = load(TEXT.replace("14h", "28h") + 'hold = "freeze"\n')
    assert load(to_toml(scenario)) == scenario
    _, timelines = run(world(horizon="28h", schemes=[composed(hold="freeze")]))
    gone = timelines.blocks.deleted_us[timelines.blocks.deleted_us < NEVER]
    assert gone.size
    assert gone.max() < us("14h")
    with pytest.raises(ValueError, match="hold has a primitive 'leases' already"):

        @slots.register("hold")
        class Again(slots.Primitive):
            kind: Literal["leases"] = "leases"


def test_every_primitive_stands_in_the_file_that_its_room_names() -> None:
    folder = Path(schemes.__file__).parent
    for name in {path.stem for path in folder.glob("*.py")} - {"__init__"}:
        import_module(f"sim.schemes.{name}")
    found = {
        slot: {
            kind: table.__module__.rpartition(".")[2]
            for kind, table in registered._tables.items()
            if table.__module__.startswith("sim.schemes.")
        }
        for slot, registered in slots._registered.items()
    }
    assert found == schemes.FILES
    assert [*slots.primitives("miss")][:4] == ["fail", "tolerate", "warn", "resync"]
    assert slots.primitive("miss", "forgive") is None


def test_a_kind_of_the_room_is_taken_before_its_file_is_read() -> None:
    class Again(slots.Primitive):
        kind: Literal["leases"] = "leases"

    unread = Registry[slots.Primitive]("hold has a primitive", "sim.schemes", "hold")
    with pytest.raises(ValueError, match="hold has a primitive 'leases' already"):
        unread.enter(Again)
    elsewhere = Registry[slots.Primitive]("miss has a primitive", "sim.schemes", "miss")
    elsewhere.enter(Again)
    assert elsewhere.table("leases") is Again


def test_a_replacement_that_does_not_load_leaves_no_gap() -> None:
    # The index of a replacement shows 40 minutes after its meta.json.
    late = {"lag": lag(create_get={"law": "uniform", "low": "0s", "high": "40m"})}

    def gaps_us(hold: str) -> int:
        hide = {"kind": "mark-age", "after": "10h"}
        delete = {"kind": "after", "delay": "20h"}
        scenario = world(
            store=late,
            horizon="30h",
            gateways={"sync_interval": "10m"},
            schemes=[composed(record="mark", hide=hide, delete=delete, hold=hold)],
        )
        found = hazards_us(scenario, run(scenario)[1])
        return found.get("silent-gap", 0)

    assert gaps_us("nothing") > gaps_us("replacement-loaded")


def test_settings_that_are_shipped_lie_under_the_file() -> None:
    base = TEXT.replace("schema = 1", 'schema = 1\npresets = ["thanos-0.12", "thanos-0.33"]')
    scenario = load(base + "[compactor]\ncleanup = 'in-pass'\n")
    assert scenario.compactor.cleanup == "in-pass"
    assert scenario.compactor.downsampling
    assert scenario.gateways.sync_interval.draw_us(0.5) == us("3m")
    # Of two presets the later lies above the earlier one; what it leaves out stays.
    assert scenario.gateways.unhealthy_after_us == us("5m")
    assert load(to_toml(scenario)) == scenario


@pytest.mark.parametrize("name", list(settings_presets()))
def test_settings_are_what_the_language_knows(name: str) -> None:
    plain = {"schema": 1, "name": "x", "horizon": "1d", "queries": [{"name": "q"}]}
    scenario = Scenario.model_validate({**plain, "presets": [name], "schemes": [AT_ONCE]})
    assert scenario.presets == (name,)


@pytest.mark.parametrize(
    ("presets", "told"),
    [
        ('["thanos-0.34"]', "presets[0]='thanos-0.34' must be one of"),
        ('"thanos-0.33"', "must be an array of names"),
    ],
)
def test_wrong_settings_are_told(presets: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(TEXT.replace("schema = 1", f"schema = 1\npresets = {presets}"))
    assert told in str(caught.value)


def test_a_scheme_says_which_settings_it_needs() -> None:
    with pytest.raises(ScenarioError, match="strong-store"):
        load(TEXT.replace('name = "own"\nkind = "composed"', 'preset = "S6"'))


KEEPS = {"record": "mark", "hide": {"kind": "mark-age", "after": "3h", "keeps_superseded": True}}


def delayed(delay: str, **parts: Any) -> dict[str, Any]:
    return composed(**{**KEEPS, **parts}, delete={"kind": "after", "delay": delay})


def test_what_readers_keep_although_it_is_replaced_needs_the_delay_of_its_mark() -> None:
    def kept(scheme: dict[str, Any]) -> tuple[str, int]:
        gateways = {"sync_interval": "15m", "phase": "14m"}
        scenario = world(horizon="40h", schemes=[scheme], gateways=gateways)
        errors_us = hazards_us(scenario, run(scenario)[1]).get("query-error", 0)
        return proof(scenario, 0, "query-error"), errors_us

    assert kept(delayed("3h15m2s")) == ("R1", 0)
    reason, errors_us = kept(delayed("3h"))
    assert (reason, errors_us > 0) == ("", True)
    # Who drops what is replaced does not wait for the mark.
    drops = {"hide": {"kind": "mark-age", "after": "3h"}}
    assert kept(delayed("3h", **drops)) == ("R2", 0)


def test_readers_of_old_use_a_source_until_it_is_gone() -> None:
    def drops_us(hide: str) -> list[int]:
        late = {"delete_takes": "30m"}
        scheme = composed(hide=hide, delete="at-once")
        scenario = world(horizon="13h", schemes=[scheme], compactor=late)
        return [r.t_us for r in run(scenario)[0].records if isinstance(r, DropRecord)]

    # One sync after the compaction all are dropped; or each once its meta.json is gone.
    assert drops_us("superseded") == [us("10h30m")]
    assert drops_us("gone") == [us("10h30m"), us("11h30m"), us("12h30m")]


def test_an_extra_file_is_one_object_more_and_saves_no_query() -> None:
    def seen(name: str) -> tuple[dict[str, int], int, int]:
        needed = {"presets": list(scheme_presets()[name].presets)}
        scenario = world(schemes=[{"preset": name}], horizon="12h", **needed)
        trace, timelines = run(scenario)
        puts = sum(len(r.objects) for r in trace.records if isinstance(r, PutRecord))
        return hazards_us(scenario, timelines), len(timelines.blocks.id), puts

    plain, extra = seen("S0"), seen("S9")
    assert plain[0] == extra[0]
    assert plain[0]["query-error"] > 0
    assert plain[1] == extra[1]
    assert extra[2] == plain[2] + plain[1]
