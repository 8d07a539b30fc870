"""Error windows, compared with a plain walk over loads and absences."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from sim.analysis.evidence.deletion_story import story, told
from sim.analysis.evidence.windows import error_windows, pick_deletion, window_sample
from sim.analysis.evidence.witness import FailedRead, MissingData
from sim.analysis.queries.evaluate import evaluate_exact
from sim.analysis.queries.exposure import exposures
from sim.core.units import NEVER
from sim.scenario.load import load
from sim.scenario.schema import Scenario
from sim.study.run import replay
from sim.trace.timelines import Timelines
from tests.worlds import run, world

LAGGING = """
schema = 1
name = "lagging"
horizon = "6d"
warmup = "1d"

[store]
replicas = 2
read_from = "nearest"

[store.lag]
delete = { get = { law = "uniform", low = "0s", high = "4m" }, list = "0s" }

[producers]
count = 2
local_retention = "2h"

[compactor]
ranges = ["2h", "8h"]
delete_takes = "3s"

[gateways]
count = 3
sync_takes = "20s"

[[queries]]
name = "day"
rate = "1/m"
range = "1d"

[[queries]]
name = "half"
rate = "1/m"
range = "12h"
takes = "2m"

[[faults]]
kind = "gateway-outage"
target = 1
at = "3d"
lasts = "1h"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "later"
kind = "deletion-mark"
delete_delay = "6h"
ignore_deletion_marks_delay = "3h"
"""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load(LAGGING)


@pytest.fixture(scope="module", params=[0, 1], ids=["at once", "later"])
def timelines(scenario: Scenario, request: pytest.FixtureRequest) -> Timelines:
    return replay(scenario, request.param, 0)


def _plain_windows(timelines: Timelines) -> dict[tuple[int, int], int]:
    """Length of the longest window by gateway and block, one load at a time."""
    gone = dict.fromkeys(range(len(timelines.blocks.id)), NEVER)
    absences = timelines.absences
    for block, start in zip(absences.block, absences.start_us, strict=True):
        if start > 0:
            gone[int(block)] = min(gone[int(block)], int(start))
    longest: dict[tuple[int, int], int] = defaultdict(int)
    loads = timelines.loads
    for gateway, block, load_us, drop_us in zip(
        loads.gateway, loads.block, loads.load_us, loads.drop_us, strict=True
    ):
        if timelines.warmup_us <= gone[int(block)] < timelines.horizon_us:
            start = max(int(load_us), gone[int(block)])
            length = min(int(drop_us), timelines.horizon_us) - start
            key = int(gateway), int(block)
            longest[key] = max(longest[key], length, 0)
    return dict(longest)


def test_windows_are_those_of_a_plain_walk(timelines: Timelines) -> None:
    windows = error_windows(timelines)
    found = {
        (int(g), int(b)): int(length)
        for g, b, length in zip(windows.gateway, windows.block, windows.length_us, strict=True)
    }
    assert found == _plain_windows(timelines)
    assert len(found) > 50
    count, lengths = window_sample(timelines)
    assert (count, list(lengths)) == (len(found), sorted(found.values()))


def test_marks_leave_no_window_where_immediate_deletion_does(scenario: Scenario) -> None:
    at_once, later = (window_sample(replay(scenario, k, 0))[1] for k in (0, 1))
    assert at_once[-1] > 60_000_000
    assert later[-1] == 0


def test_many_windows_are_thinned_evenly(
    timelines: Timelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, everything = window_sample(timelines)
    monkeypatch.setattr("sim.analysis.evidence.windows._SAMPLE_MAX", 11)
    count, lengths = window_sample(timelines)
    assert (count, len(lengths)) == (len(everything), 11)
    assert (lengths[0], lengths[-1]) == (everything[0], everything[-1])
    assert set(lengths) <= set(everything)


def test_a_story_holds_what_happened_to_its_block(scenario: Scenario, timelines: Timelines) -> None:
    index = 0 if window_sample(timelines)[1][-1] else 1
    block = pick_deletion(timelines)
    assert block is not None
    told = story(
        scenario,
        timelines,
        exposures(scenario, timelines),
        scheme_index=index,
        trial=0,
        block=block,
    )
    assert told.error_us == window_sample(timelines)[1][-1]
    assert told.block == timelines.blocks.id[block]
    assert told.start_us < told.retired_us <= told.absent_us < told.end_us
    assert (told.marked_us < NEVER) == (index == 1)
    assert {a.replica for a in told.absences} == {0, 1}
    assert told.hidden_us == (told.marked_us + 3 * 3_600_000_000 + 1 if index else NEVER)
    block, after = (timelines.blocks.id.index(name) for name in (told.block, told.replacement))
    spans = [(timelines.blocks.min_us[i], timelines.blocks.max_us[i]) for i in (block, after)]
    assert spans[1][0] <= spans[0][0] < spans[0][1] <= spans[1][1]
    assert timelines.blocks.level[after] > timelines.blocks.level[block]
    assert {load.gateway for load in told.replacement_loads} <= {0, 1, 2}
    dropped = {load.end_us for load in told.loads if not load.crashed and load.end_us < NEVER}
    assert dropped <= {sync.end_us for sync in told.syncs}
    assert told.loads
    longest = max(load.end_us for load in told.loads) - told.absent_us
    assert max(longest, 0) == told.error_us
    assert bool(told.hazards) == (index == 0)
    for failures in told.failures:
        own = [hazard for hazard in told.hazards if hazard.query == failures.query]
        assert failures.t_us is not None
        assert len(failures.outcome) == len(failures.t_us)
        for t_us, outcome in zip(failures.t_us, failures.outcome, strict=True):
            assert any(h.start_us <= t_us < h.end_us and h.outcome == outcome for h in own)


def test_a_witness_names_a_read_that_fails(scenario: Scenario) -> None:
    timelines = replay(scenario, 0, 0)
    for query_class, outcome in zip(
        scenario.queries, evaluate_exact(scenario, timelines), strict=True
    ):
        assert "ok" not in outcome.witnesses
        found = outcome.witnesses["query-error"]
        assert isinstance(found, FailedRead)
        assert timelines.warmup_us <= found.at_us < found.until_us
        block = timelines.blocks.id.index(found.block)
        loads, absences = timelines.loads, timelines.absences
        reach_us = found.at_us + query_class.takes.draw_us(0.5)
        is_loaded = (loads.block == block) & (loads.gateway == found.gateway)
        is_loaded &= (loads.load_us <= found.at_us) & (found.at_us < loads.drop_us)
        is_absent = (absences.block == block) & (absences.start_us <= reach_us)
        assert is_loaded.any()
        assert np.any(is_absent & (absences.end_us > found.at_us))
        assert found.stream == timelines.blocks.stream[block]


def test_there_is_a_witness_for_what_was_seen_and_for_nothing_else(scenario: Scenario) -> None:
    for scheme in (0, 1):
        for outcome in evaluate_exact(scenario, replay(scenario, scheme, 0)):
            seen = {name for name, share in outcome.fractions.items() if share > 0}
            assert set(outcome.witnesses) == seen - {"ok"}
            assert scheme == 1 or "query-error" in seen


def test_a_witness_of_a_gap_says_how_long_data_is_missing() -> None:
    # Producers forget at once what they upload, and gateways sync once an hour.
    tiny = world()
    _, timelines = run(tiny)
    (outcome,) = evaluate_exact(tiny, timelines)
    found = outcome.witnesses["silent-gap"]
    assert isinstance(found, MissingData)
    assert timelines.warmup_us <= found.at_us < found.until_us <= timelines.horizon_us


def test_without_deletions_there_is_nothing_to_pick(scenario: Scenario) -> None:
    short = scenario.model_copy(update={"horizon_us": 3_600_000_000, "warmup_us": 0})
    timelines = replay(short, 0, 0)
    assert pick_deletion(timelines) is None
    assert told(short, timelines, (), scheme_index=0, trial=0) is None
    assert window_sample(timelines) == (0, ())
