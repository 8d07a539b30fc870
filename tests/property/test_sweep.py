"""Every cell of any sweep is, bit for bit, what a run of the scenario with its values gives."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.core.units import format_duration
from sim.scenario.knobs import parse_knob
from sim.scenario.load import load
from sim.study.run import run_scenario
from sim.study.sweep import load_settings, run_sweep
from tests.short import SHORT
from tests.sweeps import numbers_alone

MINUTE_US = 60_000_000

minutes = st.integers(0, 600).map(lambda count: format_duration(count * MINUTE_US))
delays = st.lists(minutes, min_size=1, max_size=3, unique=True).map(",".join)
seconds = {
    "gateways.sync_interval": st.sampled_from(["1m,7m", "3m", "15m,2m30s"]),
    "queries.0.takes": st.sampled_from(["0s,2m", '{ law = "exponential", mean = "30s" },1s']),
    "schemes.later.ignore_deletion_marks_delay": st.sampled_from(["0s,1h", "3h"]),
    "store.profile": st.sampled_from(["strong,s3-pre-2020", "swift"]),
    "compactor.compaction_takes": st.sampled_from(["1m,20m"]),
}
others = st.sampled_from(sorted(seconds)).flatmap(
    lambda path: seconds[path].map(lambda values: f"{path}={values}")
)


@settings(max_examples=settings().max_examples // 4)
@given(delays, others, st.integers(0, 3))
def test_a_cell_is_what_a_run_gives(first: str, second: str, seed: int) -> None:
    overrides = {"seed": seed, "trials": 1}
    knobs = [parse_knob(f"schemes.later.delete_delay={first}"), parse_knob(second)]
    sweep = run_sweep(load_settings(lambda values: load(SHORT, {**overrides, **values}), knobs))
    for cell in sweep.cells:
        values = {k.path: k.values[i] for k, i in zip(knobs, cell.setting, strict=True)}
        run = run_scenario(load(SHORT, {**overrides, **values}))
        assert cell.result.scenario == run.scenario
        for own, other in zip(cell.result.schemes, run.schemes, strict=True):
            for read, ran in zip(own.trials, other.trials, strict=True):
                # Where the store lags, requests are not read off the trace of another delay.
                has_requests = "requests" in read.counts
                assert numbers_alone(read) == numbers_alone(ran, with_requests=has_requests)
