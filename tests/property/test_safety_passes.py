"""What R7, R9 and R10 exclude never happens, with delays exactly at them."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from sim.analysis.rules.safety import Status, rules
from sim.core.units import format_duration
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.testing import lag_laws, scenarios
from tests.failures import abandoned, not_downsampled, overlaps

Raw = dict[str, Any]
few = settings(max_examples=max(6, settings().max_examples // 8))


def text(span_us: float) -> str:
    return format_duration(math.ceil(span_us))


@settings(max_examples=max(10, settings().max_examples // 2))
@given(
    st.one_of(
        scenarios(scheme_kinds=("deletion-mark",), max_faults=1, max_queries=1),
        scenarios(scheme_kinds=("deletion-mark",), max_faults=1, errors=False, max_queries=1),
    )
)
def test_at_r5_and_r10_the_compactor_never_meets_an_overlap(scenario: Scenario) -> None:
    raw = scenario.raw()
    found = {rule.name: rule for rule in rules(scenario, 0)}
    raw["schemes"][0]["delete_delay"] = text(found["R5"].required_us)
    raw["compactor"]["consistency_delay"] = text(found["R10"].required_us)
    at_rules = Scenario.model_validate(raw)
    rule = next(r for r in rules(at_rules, 0) if r.name == "R10")
    event(f"R10 {rule.status}{'' if rule.is_met else ', not needed'}")
    if rule.status is Status.HOLDS:
        assert overlaps(simulate(at_rules, 0, 0)) == []


@composite
def downsampling_worlds(draw: DrawFn) -> Raw:
    """Worlds of days whose blocks grow long enough to be made coarser, and expire."""
    length_h = draw(st.sampled_from([8, 10, 20, 40]))
    spans_h = [length_h, *(h for h in (20, 40, 80) if h > length_h and h % length_h == 0)]
    deep = draw(st.booleans())
    ranges_h = [*spans_h, 240] if deep else spans_h[: max(1, spans_h.index(40) + 1)]
    kinds = st.sampled_from(["immediate", "deletion-mark"])
    return {
        "schema": 1,
        "name": "drawn",
        "horizon": "15d" if deep else "6d",
        "trials": 1,
        "seed": draw(st.integers(0, 2**32)),
        "producers": {
            "count": draw(st.integers(1, 2)),
            "block_length": f"{length_h}h",
            "upload_after": draw(lag_laws(120)),
            "upload_takes": draw(lag_laws(60)),
            "local_retention": "0s",
        },
        "compactor": {
            "ranges": [f"{h}h" for h in ranges_h],
            "wait_interval": draw(lag_laws(120, least_m=60)),
            "sync_takes": draw(lag_laws(10)),
            "download_takes": draw(lag_laws(10)),
            "compaction_takes": draw(lag_laws(15)),
            "upload_takes": draw(lag_laws(5)),
            "downsampling_takes": draw(lag_laws(15)),
            "consistency_delay": draw(st.sampled_from(["0s", "30m", "2h"])),
            "downsampling": True,
            "retention": {"raw": "100d", "5m": "100d"},
        },
        "queries": [{"name": "q", "rate": "1/d"}],
        "schemes": [
            {"name": "s", "kind": "immediate"}
            if draw(kinds) == "immediate"
            else {
                "name": "s",
                "kind": "deletion-mark",
                "delete_delay": draw(st.sampled_from(["0s", "1h", "20h"])),
                "ignore_deletion_marks_delay": "0s",
            }
        ],
    }


@few
@given(downsampling_worlds())
def test_at_r9_nothing_expires_before_it_is_downsampled(raw: Raw) -> None:
    for resolution, name, floor_us in ((0, "raw", 40 * 3_600e6), (1, "5m", 240 * 3_600e6)):
        key = f"compactor.retention.{name}"
        rule = next(r for r in rules(Scenario.model_validate(raw), 0) if r.key == key)
        if math.isfinite(rule.required_us):
            raw["compactor"]["retention"][name] = text(max(floor_us, rule.required_us))
        at_rule = Scenario.model_validate(raw)
        rule = next(r for r in rules(at_rule, 0) if r.key == key)
        event(f"R9 {name} {rule.status}")
        if rule.status is Status.HOLDS:
            assert not_downsampled(simulate(at_rule, 0, 0), resolution) == []


@few
@given(
    takes=lag_laws(160 * 60, least_m=130 * 60),
    chunk_files=st.integers(1, 2),
    wait_m=st.integers(180, 360),
    lag=lag_laws(48 * 60, least_m=40 * 60),
    is_uploading=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_at_r7_no_upload_is_taken_for_abandoned(
    takes: Any, chunk_files: int, wait_m: int, lag: Any, is_uploading: bool, seed: int
) -> None:
    scenario = Scenario.model_validate(
        {
            "schema": 1,
            "name": "drawn",
            "horizon": "340h",
            "trials": 1,
            "seed": seed,
            "store": {"lag": {"create": {"get": "0s" if is_uploading else lag}}},
            "producers": {
                "block_length": "160h",
                "upload_takes": takes if is_uploading else "1h",
                "chunk_files": chunk_files,
            },
            "compactor": {"ranges": ["160h"], "wait_interval": f"{wait_m}m", "sync_takes": "10m"},
            "queries": [{"name": "q", "rate": "1/d"}],
            "schemes": [{"name": "s", "kind": "immediate"}],
        }
    )
    rule = next(r for r in rules(scenario, 0) if r.name == "R7")
    event(f"R7 {rule.status}")
    if rule.status is Status.HOLDS:
        assert abandoned(simulate(scenario, 0, 0)) == []
