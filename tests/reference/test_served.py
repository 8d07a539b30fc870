"""Both implementations answer clients of a served bucket alike (rules V1-V6)."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import event, given, note
from hypothesis import strategies as st

from sim.core.units import US_PER_S
from sim.scenario.dump import to_toml
from sim.scenario.schema import Scenario
from tests.reference.served import ABSENT, FAILED, Asked, ServedBucket
from tests.reference.test_histories import lent
from tests.serving import (
    LAGGING,
    LISTS,
    STEP_US,
    WHO,
    BotoClients,
    Served,
    drawn,
    lagging,
    serving,
)

BOTO = ("producer/0", "gateway/0", "gateway/1")


def _disagreements(scenario: Scenario, trial: int, requests: list[Asked]) -> list[Asked]:
    plain, served = ServedBucket(scenario, trial), Served(scenario, trial)
    return [asked for asked in requests if served.direct(asked) != plain.answer(asked)]


@given(lent(), st.integers(0, 2**32), st.integers(0, 1))
def test_clients_are_answered_alike(scenario: Scenario, seed: int, trial: int) -> None:
    note(to_toml(scenario))
    who = ("producer/0", "producer/1", "gateway/0", "gateway/1", "compactor", "operator")
    requests = drawn(seed, 60, who=who, step_us=120 * US_PER_S)
    assert _disagreements(scenario, trial, requests) == []
    event(f"faults: {sorted(fault.kind for fault in scenario.faults)}")


@pytest.mark.parametrize("name", LAGGING)
def test_clients_of_stores_that_lag_are_answered_alike(name: str) -> None:
    requests = drawn(5, 400, who=WHO, step_us=STEP_US[name])
    assert _disagreements(lagging(name), 1, requests) == []


@pytest.mark.parametrize("name", LAGGING)
def test_another_seed_is_another_prediction(name: str) -> None:
    plain, served = ServedBucket(lagging(name), 0), Served(lagging(name), 1)
    requests = drawn(5, 400, who=WHO, step_us=STEP_US[name])
    others = [asked for asked in requests if served.direct(asked) != plain.answer(asked)]
    assert len(others) > 20
    assert {asked.kind for asked in others} >= {"get", "list"}


def _seen(name: str, seed: int, n: int) -> Counter[str]:
    """Let clients of boto3 ask over HTTP, and compare with the prediction one by one."""
    scenario = lagging(name)
    plain, seen = ServedBucket(scenario, 0), Counter[str]()
    with serving(scenario) as served:
        clients = BotoClients(served)
        for asked in drawn(seed, n, who=BOTO, step_us=STEP_US[name]):
            answer = clients.answer(asked)
            assert answer == plain.answer(asked), asked
            newest = plain.store.versions.get(asked.key, [])
            if asked.kind in ("get", "head") and newest and answer not in (ABSENT, FAILED):
                seen["old" if answer != newest[-1].stamp_us else "newest"] += 1
            seen[asked.kind] += 1
    return seen


@pytest.mark.parametrize("name", LAGGING)
def test_a_real_client_sees_what_is_predicted(name: str) -> None:
    assert _seen(name, 1, 120)["newest"] > 0


@pytest.mark.nightly
@pytest.mark.parametrize("name", LAGGING)
def test_a_real_client_sees_what_is_predicted_ten_thousand_times(name: str) -> None:
    seen = _seen(name, 2, -(-10_000 // len(LAGGING)))
    assert seen["newest"] > 100
    assert seen["old"] > 20
    assert min(seen[kind] for kind in LISTS) > 100
