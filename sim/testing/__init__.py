"""What a test suite imports: small random worlds, and what must hold in each of them.

Needs the extra ``testing`` (Hypothesis)::

    from hypothesis import given
    from sim.testing import scenarios, simulate_small

    @given(scenarios(strong=True))
    def test_nothing_is_lost(scenario):
        run = simulate_small(scenario)
        assert (run.timelines.blocks.committed_us > 0).all()

Hypothesis draws the structure of a world (lags, replicas, phases, crashes), and the seed is only
one more integer, so that a failing world shrinks to what makes it fail.
"""

from sim.testing.byhand import interventions
from sim.testing.invariants import SmallRun, check_trace, simulate_small, violations
from sim.testing.strategies import (
    faults,
    laws,
    query_classes,
    scenarios,
    schemes,
    stores,
)

__all__ = [
    "SmallRun",
    "check_trace",
    "faults",
    "interventions",
    "laws",
    "query_classes",
    "scenarios",
    "schemes",
    "simulate_small",
    "stores",
    "violations",
]
