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
from sim.testing.counterexample import Counterexample, find_counterexample, schedules
from sim.testing.durations import lag_laws
from sim.testing.faults import fault_schedules
from sim.testing.invariants import Violation, check_trace, violations
from sim.testing.kept import keep
from sim.testing.modelstore import ModelStore, Step, StoreClient, StoreMachine, store_scripts
from sim.testing.promises import (
    Breach,
    blocks_without_files,
    failing_reads,
    garbage_beyond,
    lost_data,
    moved_marks,
    uncovered_data,
    unretired_deletions,
)
from sim.testing.runs import SmallRun, simulate_small
from sim.testing.schemes import schemes
from sim.testing.strategies import query_classes, scenarios, stores

__all__ = [
    "Breach",
    "Counterexample",
    "ModelStore",
    "SmallRun",
    "Step",
    "StoreClient",
    "StoreMachine",
    "Violation",
    "blocks_without_files",
    "check_trace",
    "failing_reads",
    "fault_schedules",
    "find_counterexample",
    "garbage_beyond",
    "interventions",
    "keep",
    "lag_laws",
    "lost_data",
    "moved_marks",
    "query_classes",
    "scenarios",
    "schedules",
    "schemes",
    "simulate_small",
    "store_scripts",
    "stores",
    "uncovered_data",
    "unretired_deletions",
    "violations",
]
