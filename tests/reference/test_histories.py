"""Both implementations let clients see the same (rules H1-H4)."""

from __future__ import annotations

from hypothesis import event, given, note
from hypothesis import strategies as st

from sim.core.units import US_PER_S
from sim.model.probe import probe
from sim.scenario.dump import to_toml
from sim.scenario.probing import Probing
from sim.scenario.schema import Scenario
from sim.testing.draws import pinned_draws
from sim.testing.faults import fault_schedules
from sim.testing.strategies import stores
from tests.reference import probe as plain
from tests.worlds import world

probings = st.builds(
    Probing,
    lasts_us=st.just(5 * 3600 * US_PER_S),
    keys=st.integers(1, 3),
    writers=st.integers(1, 2),
    readers=st.integers(0, 2),
    writes_per_s=st.just(1 / 600),
    reads_per_s=st.just(1 / 300),
    deletes=st.sampled_from([0.2, 0.5]),
    adds=st.sampled_from([0.2, 0.0]),
    heads=st.sampled_from([0.2, 0.0]),
    lists=st.sampled_from([0.2, 0.0]),
    back_us=st.sampled_from([None, 0, 600 * US_PER_S]),
    takes_us=st.sampled_from([0, 3, 300 * US_PER_S]),
    rest_us=st.sampled_from([0, 7200 * US_PER_S]),
)


@st.composite
def lent(draw: st.DrawFn) -> Scenario:
    """A small world whose store lags, forgets and fails, and which nobody of its own uses."""
    store = draw(stores())
    faults = fault_schedules(
        n_gateways=2,
        n_producers=2,
        horizon_m=300,
        replicas=range(int(store["primary"]), store["replicas"]),
        kinds=("request-errors", "store-lags", "cut-off", "store-errors", "crash"),
    )
    return world(
        store=store,
        gateways={"count": 2},
        producers={"count": 2},
        faults=draw(faults),
        seed=draw(st.integers(0, 99)),
        draws=draw(st.none() | pinned_draws(2, 2)),
    )


@given(lent(), probings, st.integers(0, 1))
def test_clients_see_the_same(scenario: Scenario, probing: Probing, trial: int) -> None:
    note(to_toml(scenario))
    history = probe(scenario, probing, trial).history
    assert list(history.ops) == plain.probe(scenario, probing, trial)
    event(f"not answered: {any(op.status != 'ok' for op in history.ops)}")
    event(f"faults: {sorted(fault.kind for fault in scenario.faults)}")
