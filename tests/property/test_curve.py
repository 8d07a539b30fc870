"""One trace says what every delete delay would have given, bit for bit, in worlds nobody wrote."""

from __future__ import annotations

from dataclasses import asdict, replace

from hypothesis import event, given
from hypothesis import strategies as st

from sim.analysis.curve.feedback import with_delay
from sim.analysis.results import TrialResult
from sim.core.units import US_PER_S
from sim.scenario.schema import Scenario
from sim.study.curve import CURVE, trials_over_delays
from sim.study.run import run_trial
from sim.testing import scenarios

DELAYS_S = st.lists(st.integers(0, 12 * 60).map(lambda i: i * 30), min_size=3, max_size=5)


def comparable(result: TrialResult, *, requests: bool) -> str:
    """Everything but what only a trace of its own has, as text: a count may be nan."""
    fields = asdict(
        replace(
            result,
            digest="",
            records=0,
            window_count=0,
            windows_us=(),
            story=None,
            classes=tuple(replace(c, witnesses={}) for c in result.classes),
        )
    )
    if not requests:
        fields["counts"].pop("requests", None)
    fields["counts"] = sorted(fields["counts"].items())
    return repr(fields)


def same_as_point_by_point(scenario: Scenario, delays_s: list[int]) -> None:
    delays_us = [delay_s * US_PER_S for delay_s in delays_s]
    curve = trials_over_delays(scenario, 0, 0, delays_us)
    event(curve.reason)
    for delay_us, result, origin in zip(delays_us, curve.results, curve.origins, strict=True):
        event(origin)
        simulated = run_trial(with_delay(scenario, 0, delay_us), 0, 0)
        if origin == CURVE:
            has_requests = "requests" in result.counts
            event(f"requests: {has_requests}")
            assert comparable(result, requests=has_requests) == comparable(
                simulated, requests=has_requests
            )
        else:
            assert repr(result) == repr(simulated)
            assert repr(asdict(result)) == repr(asdict(simulated))


@given(scenarios(scheme_kinds=("deletion-mark",)), DELAYS_S)
def test_a_curve_is_what_every_delay_gives(scenario: Scenario, delays_s: list[int]) -> None:
    same_as_point_by_point(scenario, delays_s)


@given(scenarios(scheme_kinds=("deletion-mark",), strong=True, max_faults=1), DELAYS_S)
def test_so_it_is_where_settings_prove_it(scenario: Scenario, delays_s: list[int]) -> None:
    same_as_point_by_point(scenario, delays_s)
