"""Did behaviour change? Small worlds line by line, the shipped scenarios by their digests.

Whether it is right, these files do not say: theory and the reference implementation do.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sim.analysis.queries.evaluate import evaluate_exact
from sim.model.world import simulate
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES
from sim.testing import check_trace, simulate_small
from sim.trace.recorder import Trace, digest_of
from tests.conftest import GoldenCheck

HERE = Path(__file__).parent
TINY = sorted(HERE.glob("*.toml"))
SHIPPED = sorted(HERE.parents[1].glob("scenarios/*.toml"))
LINES_MAX = 200
# As far into a scenario as a digest needs to go: compactions of all usual ranges but the largest.
DAYS = 5


def _without_scenario_digest(trace: Trace) -> Trace:
    """The trace with a digest of what happened: a new key of the language is no new behaviour."""
    header = replace(trace.header, scenario_digest="")
    return replace(trace, header=header, digest=digest_of(header, trace.records))


@pytest.mark.parametrize("path", TINY, ids=lambda path: path.stem)
def test_a_small_world_happens_as_it_did(path: Path, golden: GoldenCheck) -> None:
    scenario = load(path)
    assert scenario.name == path.stem
    run = simulate_small(scenario)
    lines = list(_without_scenario_digest(run.trace).lines())
    for outcome in evaluate_exact(scenario, run.timelines):
        shares = [f"{name} {outcome.fractions[name]:.6f}" for name in OUTCOMES]
        lines.append(f"# {outcome.name}: {', '.join(shares)}")
    assert len(lines) <= LINES_MAX
    golden(path.with_suffix(".jsonl"), "\n".join(lines) + "\n")


def test_every_trace_has_its_scenario() -> None:
    assert len(TINY) >= 6
    assert {path.stem for path in HERE.glob("*.jsonl")} == {path.stem for path in TINY}


def test_shipped_scenarios_have_the_digests_they_had(golden: GoldenCheck) -> None:
    rows = []
    for path in SHIPPED:
        scenario = load(path, {"horizon": f"{DAYS}d", "warmup": "0s"})
        for index, scheme in enumerate(scenario.schemes):
            trace = _without_scenario_digest(simulate(scenario, index, 0))
            check_trace(trace)
            rows.append(f"{path.stem}\t{scheme.name}\t{len(trace.records)}\t{trace.digest}\n")
    title = f"# trial 0 of every scenario, its first {DAYS} days\n"
    golden(HERE / "digests.tsv", title + "".join(rows))
