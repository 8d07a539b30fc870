"""Results made by hand: numbers that a test chooses, for judges and reports to work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.analysis.evidence.deletion_story import Story
from sim.analysis.evidence.exercised import Exercised
from sim.analysis.evidence.witness import FailedRead
from sim.analysis.queries.outcomes import ClassOutcome
from sim.analysis.results import Result, TrialResult, collect
from sim.scenario.load import load
from sim.scenario.schema import OUTCOMES, Scenario

SCENARIO = """
schema = 1
name = "made"
horizon = "3d"
warmup = "1d"
trials = 2
seed = 7
gateways.sync_interval = "3m"

[[queries]]
name = "fast"
rate = "1/s"
range = "1h"

[[queries]]
name = "slow"
rate = "3/s"
range = "1d"

[[schemes]]
name = "at once"
kind = "immediate"

[[schemes]]
name = "later"
kind = "deletion-mark"
delete_delay = "48h"
ignore_deletion_marks_delay = "24h"
"""

TRIED = Exercised(
    trials=1, queries=4000.0, compactions=3, retired=12, deleted=12, read=12, asked=9, needed=30
)
"""What a trial tried, unless a test says otherwise: enough for every outcome."""


def scenario(expect: str = "") -> Scenario:
    """Two schemes, two trials, two query classes of which the second asks three times as often.

    ``expect`` is the body of the table ``[expect]``.
    """
    return load(f"{SCENARIO}\n[expect]\n{expect}\n")


def outcome(name: str, queries: float, **fractions: float) -> ClassOutcome:
    """One class; outcomes are named with underscores, and the rest is ok."""
    given = {key.replace("_", "-"): value for key, value in fractions.items()}
    rest = {**dict.fromkeys(OUTCOMES, 0.0), "ok": 1.0 - sum(given.values())}
    witnesses = {o: hazard(name) for o, share in given.items() if o != "ok" and share > 0}
    return ClassOutcome(
        name=name, queries=queries, fractions={**rest, **given}, witnesses=dict(witnesses)
    )


def hazard(query: str) -> FailedRead:
    """A read that fails for four microseconds."""
    return FailedRead(query=query, at_us=5, until_us=9, stream=0, gateway=2, block="0.raw.0-1.2.0")


def trial(
    scheme: int,
    number: int,
    classes: Sequence[ClassOutcome] = (),
    counts: Mapping[str, Any] | None = None,
    *,
    windows_us: tuple[int, ...] = (),
    exercised: Exercised | None = None,
    story: Story | None = None,
) -> TrialResult:
    """One trial of one scheme."""
    return TrialResult(
        scheme=scheme,
        trial=number,
        seed=7 + number,
        digest=f"{scheme}{number}",
        records=10,
        classes=tuple(classes),
        counts=dict(counts or {"lost-block": 0, "requests": {"get": 3}}),
        garbage_byte_seconds=2.5e9,
        window_count=len(windows_us),
        windows_us=windows_us,
        exercised=TRIED if exercised is None else exercised,
        story=story,
    )


def result(
    at_once: Sequence[float], later: Sequence[float], *, expect: str = "", mode: str = "exact"
) -> Result:
    """Give both schemes a fraction of query errors per trial, the same in both classes."""
    trials = [
        trial(
            scheme,
            number,
            [outcome("fast", 1000.0, query_error=e), outcome("slow", 3000.0, query_error=e)],
        )
        for scheme, fractions in enumerate((at_once, later))
        for number, e in enumerate(fractions)
    ]
    return collect(scenario(expect), mode, trials)
