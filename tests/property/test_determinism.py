"""One seed, one run: whatever the machine, the order of work, and whatever else the world holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from sim import cli
from sim.analysis.queries.evaluate import evaluate_exact, evaluate_sampled, sample_outcomes
from sim.analysis.queries.exposure import Exposure
from sim.core.law import Law
from sim.core.streams import Streams
from sim.errors import DeterminismError
from sim.model.actors import producer as producer_module
from sim.model.world import simulate
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from sim.study.run import run_scenario, run_trial
from sim.testing import fault_schedules, query_classes, scenarios, schemes, simulate_small
from sim.trace.records import BlockRecord, PutRecord, Record
from tests.traces import (
    Line,
    changed,
    is_not_of_gateways,
    is_of_gateway,
    is_upload,
    is_work,
    lines,
    unordered,
)

ROOT = Path(__file__).parents[2]
# Worlds, not laws: half of the profile's examples show as much in half of the time.
few = settings(max_examples=max(10, settings().max_examples // 2))

SMALL = """
schema = 1
name = "small"
horizon = "20h"
trials = 4
seed = 11

[store]
replicas = 2
negative_cache = "5m"
error_rate = 0.01
[store.lag]
create = { list = { law = "exponential", mean = "4m" } }
delete = { get = { law = "uniform", low = "0s", high = "9m" } }

[producers]
count = 2
upload_after = { law = "uniform", low = "0s", high = "30s" }
local_retention = "1h"

[compactor]
ranges = ["2h", "8h"]
downsampling = false
consistency_delay = "5m"

[gateways]
count = 2
sync_interval = { law = "lognormal", median = "10m", p99 = "30m" }

[[queries]]
name = "few"
rate = "1/s"
range = "8h"
streams = 1
takes = { law = "exponential", mean = "20s" }

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "märk"
kind = "deletion-mark"
delete_delay = "1h"
ignore_deletion_marks_delay = "30m"
"""


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenarios") / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def small() -> Scenario:
    from sim.scenario.load import load

    return load(SMALL)


# One seed in, one digest out.


@few
@given(scenarios())
def test_the_same_run_twice_has_the_same_digest(scenario: Scenario) -> None:
    note(to_toml(scenario))
    for index in range(len(scenario.schemes)):
        assert simulate(scenario, index, 0).digest == simulate(scenario, index, 0).digest


def test_another_seed_is_another_run(small: Scenario) -> None:
    digests = {simulate(small, index, trial).digest for index in (0, 1) for trial in range(4)}
    assert len(digests) == 8


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_any_number_of_workers_gives_the_same_result(small: Scenario, mode: str) -> None:
    assert mode in ("exact", "sampled")
    one, many = (
        run_scenario(small, workers=n, mode="exact" if mode == "exact" else "sampled")
        for n in (1, 3 if mode == "exact" else 2)
    )
    assert repr(many) == repr(one)


def test_a_trial_alone_is_the_trial_among_many_in_any_order(small: Scenario) -> None:
    jobs = [(index, trial) for trial in (0, 2) for index in (0, 1)]
    forward = {job: run_trial(small, *job) for job in jobs}
    backward = {job: run_trial(small, *job) for job in reversed(jobs)}
    shifted = changed(small, seed=small.seed + 2)
    assert forward == backward
    # Trial 2 of seed 11 is trial 0 of seed 13: the header tells them apart, nothing else does.
    alone = simulate(shifted, 1, 0)
    assert alone.records == simulate(small, 1, 2).records


# Nothing of the machine is in it.

_PLACES = {
    "far": {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "POSIX"},
    "other": {"PYTHONHASHSEED": "random", "TZ": "America/St_Johns", "PYTHONUTF8": "1"},
}


def _output(place: str, folder: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli", *arguments],
        cwd=folder,
        env={**os.environ, **_PLACES[place], "PYTHONPATH": str(ROOT), "HOME": str(folder)},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_hash_seed_folder_time_zone_and_locale_change_no_byte(
    small_file: Path, tmp_path: Path
) -> None:
    by_path = ("run", str(small_file), "--trials", "1", "--quiet", "--json", "-")
    by_name = ("run", small_file.name, "--trials", "1", "--quiet", "--json", "-")
    document = _output("other", tmp_path, *by_path)
    assert _output("far", small_file.parent, *by_name, "--workers", "2") == document
    trace = _output("far", tmp_path, "trace", str(small_file), "--scheme", "märk")
    assert (
        _output("other", small_file.parent, "trace", small_file.name, "--scheme", "märk") == trace
    )
    assert trace.count(b"\n") > 100
    for secret in (str(small_file.parent), small_file.name, str(tmp_path), str(ROOT)):
        assert secret.encode() not in document + trace


def test_no_word_of_the_machine_is_recorded(small: Scenario) -> None:
    text = "\n".join(simulate(small, 1, 0).lines())
    name = os.uname().nodename
    words = [str(Path.cwd()), str(Path.home()), sys.executable, str(os.getpid())]
    header = text.partition("\n")[0]
    assert not [word for word in words[:3] if word in text]
    assert f'"{words[3]}"' not in text
    assert len(name) < 3 or name not in header


# A run that compares itself with its repetition.


class _Forgetful:
    """A draw that remembers how often it was asked: what a module-level counter would do."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, law: Law, streams: Streams, *identity: str | int) -> int:
        self.asked += 1
        return law.draw_us(streams.uniform(*identity)) + (self.asked > 12)


def test_check_finds_planted_nondeterminism_and_names_the_record(
    small: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer_module, "draw_us", _Forgetful())
    first, second = simulate(small, 0, 0), simulate(small, 0, 0)
    assert first.digest != second.digest
    monkeypatch.setattr(producer_module, "draw_us", _Forgetful())
    with pytest.raises(DeterminismError) as caught:
        run_trial(small, 0, 0, check=True)
    # Line 0 is the header, which is the same.
    assert caught.value.seq >= 1
    assert caught.value.first.startswith("[")
    assert caught.value.second.startswith("[")
    both = [list(trace.lines()) for trace in (first, second)]
    where = next(i for i, (a, b) in enumerate(zip(*both, strict=False)) if a != b)
    assert caught.value.seq == where
    assert (caught.value.first, caught.value.second) == (both[0][where], both[1][where])


def test_the_command_names_the_record_and_fails(
    small_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", str(small_file), "--trials", "1", "--workers", "1", "--check", "--quiet"]
    assert cli.main(words) == 0
    monkeypatch.setattr(producer_module, "draw_us", _Forgetful())
    assert cli.main(words) == 1
    message = capsys.readouterr().err
    assert "differ at record" in message
    assert '["block",' in message


# A draw is named by what it decides: what is added to a world moves nobody else.


@few
@given(scenarios(), st.integers(0, 1))
def test_another_gateway_changes_no_record_but_its_own(scenario: Scenario, index: int) -> None:
    note(to_toml(scenario))
    # Gateways with one cache are told what one of them has asked.
    assume(scenario.gateways.cache is None or not scenario.gateways.cache.shared)
    before = scenario.gateways.count
    more = changed(scenario, gateways={"count": before + scenario.gateways.shards})
    few_, many = simulate(scenario, index, 0), simulate(more, index, 0)
    assert lines(few_, is_not_of_gateways) == lines(many, is_not_of_gateways)
    for number in range(before):
        assert lines(few_, is_of_gateway(number)) == lines(many, is_of_gateway(number))
    assert lines(many, is_of_gateway(before))


@few
@given(scenarios(max_faults=1), st.integers(0, 1), st.data())
def test_a_fault_that_never_comes_changes_no_record(
    scenario: Scenario, index: int, data: st.DataObject
) -> None:
    note(to_toml(scenario))
    (drawn,) = data.draw(
        fault_schedules(
            n_gateways=scenario.gateways.count,
            n_producers=scenario.producers.count,
            horizon_m=600,
            replicas=range(int(scenario.store.primary), scenario.store.replicas),
            least=1,
            most=1,
        )
    )
    fault = {**drawn, "at": "30d"}
    event(str(fault["kind"]))
    more = changed(scenario, faults=[*scenario.raw()["faults"], fault])
    n = scenario.store.replicas
    without, beside = (
        [_spelt_out(line, n) for line in lines(simulate(world, index, 0))]
        for world in (scenario, more)
    )
    assert without == beside


def _spelt_out(line: Line, replicas: int) -> Line:
    """A line of a trace; where a store shows all at once and may say so by silence, it is said."""
    kind, t_us, what, *rest = line
    if kind not in ("put", "delete", "bucket-put"):
        return line
    objects = [] if kind == "bucket-put" else [rest.pop(0)]
    get, listed, *others = rest
    at_once = (t_us,) * replicas * (len(objects[0]) if objects else 1)
    return (kind, t_us, what, *objects, get or at_once, listed or at_once, *others)


def _apart(scenario: Scenario) -> Scenario:
    """Gateways of which none is served what another asked."""
    if scenario.gateways.cache is None:
        return scenario
    return changed(scenario, gateways={"cache": {"shared": False}})


@few
@given(scenarios(max_faults=0).map(_apart), st.integers(0, 1), st.integers(0, 15))
def test_an_outage_of_one_gateway_changes_no_record_of_another(
    scenario: Scenario, index: int, hour: int
) -> None:
    note(to_toml(scenario))
    target = scenario.gateways.count - 1
    fault = {"kind": "gateway-outage", "target": target, "at": f"{hour}h", "lasts": "40m"}
    calm, hit = simulate(scenario, index, 0), simulate(changed(scenario, faults=[fault]), index, 0)
    assert lines(calm, is_not_of_gateways) == lines(hit, is_not_of_gateways)
    for number in range(target):
        assert lines(calm, is_of_gateway(number)) == lines(hit, is_of_gateway(number))
    if f"{hour}h" != "0h" and hour * 3600 * 10**6 < scenario.horizon_us:
        assert lines(calm, is_of_gateway(target)) != lines(hit, is_of_gateway(target))


def _independent(scenario: Scenario) -> Scenario:
    """A store whose replicas do not make one change wait for another."""
    return changed(scenario, store={"order": "independent"})


@few
@given(scenarios(max_faults=0).map(_independent), st.integers(0, 1), st.integers(0, 15))
def test_a_crash_of_one_producer_moves_no_upload_of_another(
    scenario: Scenario, index: int, hour: int
) -> None:
    note(to_toml(scenario))
    fault = {"kind": "producer-crash", "target": 0, "at": f"{hour}h", "lasts": "3h"}
    calm, hit = simulate(scenario, index, 0), simulate(changed(scenario, faults=[fault]), index, 0)
    one, other = (
        [line for line in lines(trace, is_upload(trace)) if not str(line[2:4]).count("'0.raw.")]
        for trace in (calm, hit)
    )
    assert one == other


@few
@given(scenarios().map(_independent))
def test_all_schemes_meet_the_same_uploads_lags_and_arrivals(scenario: Scenario) -> None:
    note(to_toml(scenario))
    runs = [simulate_small(scenario, index) for index in range(2)]
    uploads = [unordered(lines(run.trace, is_upload(run.trace))) for run in runs]
    assert uploads[0] == uploads[1]
    # What lags are drawn from may change with time: then those of one instant are the same.
    one, other = (_create_lags(run.trace.records, by_time=bool(scenario.faults)) for run in runs)
    common = one.keys() & other.keys()
    assert {key: one[key] for key in common} == {key: other[key] for key in common}
    for spec in scenario.queries:
        arrivals = [sample_outcomes(Exposure(scenario, run.timelines, spec))[0] for run in runs]
        assert np.array_equal(arrivals[0], arrivals[1])


def _create_lags(
    records: Sequence[Record], *, by_time: bool
) -> dict[tuple[str, int, int], tuple[int, ...]]:
    """Of the first version of each object, at every replica in both planes.

    By block id, object and, if asked, the time at which it was put.
    """
    ids = [record.id for record in records if isinstance(record, BlockRecord)]
    lags: dict[tuple[str, int, int], tuple[int, ...]] = {}
    first: set[tuple[int, int]] = set()
    for record in records:
        if isinstance(record, PutRecord):
            n = max(1, len(record.get) // len(record.objects))
            for position, i in enumerate(record.objects):
                if (record.block, i) in first:
                    continue
                first.add((record.block, i))
                seen = (*record.get[position * n :][:n], *record.list[position * n :][:n])
                key = (ids[record.block], i, record.t_us if by_time else 0)
                lags[key] = tuple(t - record.t_us for t in seen)
    return lags


@few
@given(scenarios(), st.integers(0, 1), st.data())
def test_another_scheme_changes_no_record(
    scenario: Scenario, index: int, data: st.DataObject
) -> None:
    note(to_toml(scenario))
    scheme = data.draw(
        schemes(
            one_replica=not scenario.store.draws_replicas,
            partial_response=scenario.gateways.partial_response,
        )
    )
    more = changed(scenario, schemes=[{**scheme, "name": "first"}, *scenario.raw()["schemes"]])
    assert simulate(scenario, index, 0).records == simulate(more, index + 1, 0).records


@few
@given(scenarios(max_queries=1), st.integers(0, 1), query_classes(n_streams=1, name="new"))
def test_another_query_class_changes_no_record_and_no_outcome(
    scenario: Scenario, index: int, spec: dict[str, object]
) -> None:
    note(to_toml(scenario))
    more = changed(scenario, queries=[spec, *scenario.raw()["queries"]])
    alone, together = simulate_small(scenario, index), simulate_small(more, index)
    assert alone.trace.records == together.trace.records
    (one,) = evaluate_sampled(scenario, alone.timelines)
    _, other = evaluate_sampled(more, together.timelines)
    assert repr(one) == repr(other)
    assert repr(evaluate_exact(scenario, alone.timelines)[0]) == repr(
        evaluate_exact(more, together.timelines)[1]
    )


# Nothing hangs on the order of what happens at one instant in one phase.


@few
@given(scenarios(), st.integers(0, 1), st.integers(0, 2**16))
def test_shuffled_ties_change_nothing(scenario: Scenario, index: int, shuffle: int) -> None:
    note(to_toml(scenario))
    plain, shuffled = (simulate_small(scenario, index, shuffle=s) for s in (None, shuffle))
    one, other = (unordered(lines(run.trace)) for run in (plain, shuffled))
    event(f"order of records shuffled: {lines(plain.trace) != lines(shuffled.trace)}")
    first = next((pair for pair in zip(one, other, strict=False) if pair[0] != pair[1]), None)
    assert first is None
    assert len(one) == len(other)
    before = evaluate_exact(scenario, plain.timelines)
    after = evaluate_exact(scenario, shuffled.timelines)
    for a, b in zip(before, after, strict=True):
        assert a.fractions == pytest.approx(b.fractions, abs=1e-12, nan_ok=True)


def test_the_shuffle_does_shuffle(small: Scenario) -> None:
    together = changed(small, producers={"upload_after": "0s"})
    orders = {
        tuple(lines(simulate(together, 0, 0, shuffle=seed), is_work)[:6]) for seed in range(6)
    }
    assert len(orders) > 1


@pytest.mark.parametrize(
    "tables",
    [
        {"compactor": {"cleanup": "every 15m", "wait_interval": "15m"}},
        {"store": {"order": "log"}},
        {"gateways": {"count": 4, "shards": 2, "phase": "0s", "sync_interval": "15m"}},
        {"faults": [{"kind": "producer-crash", "target": 0, "at": "4h", "lasts": "2h"}]},
    ],
    ids=lambda tables: next(iter(tables)),
)
def test_shuffled_ties_change_nothing_where_everything_ticks_together(
    small: Scenario, tables: dict[str, object]
) -> None:
    in_step = changed(
        small,
        store={"error_rate": 0.0},
        producers={"count": 3, "upload_after": "0s"},
        compactor={"wait_interval": "30m"},
        gateways={"sync_interval": "15m", "phase": "0s"},
    )
    scenario = changed(in_step, **tables)
    for index in (0, 1):
        plain = simulate(scenario, index, 0)
        expected = unordered(lines(plain))
        for seed in range(8):
            shuffled = simulate(scenario, index, 0, shuffle=seed)
            assert unordered(lines(shuffled)) == expected
