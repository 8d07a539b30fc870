"""Runs what a comparison lacks: two scenarios, or one against a result, on common random numbers.

A side that is a result is taken as it is. A side that is a scenario runs with the seed and the
number of trials of the other, so that trials are pairs::

    from sim.analysis.comparison.compare import compare
    from sim.scenario.load import load
    from sim.study.compare import alike, matching, run_sides

    a, b = alike(load("one.toml"), load("other.toml"))
    pairs = matching(scheme_names(a), scheme_names(b))
    compare(*run_sides(a, b, pairs), pairs)
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.analysis.comparison.compare import Pair
from sim.analysis.comparison.numbers import Numbers, numbers_of
from sim.scenario.schema import Scenario
from sim.study.run import Mode, run_scenario

if TYPE_CHECKING:
    from sim.analysis.results import TrialResult
    from sim.study.finished import FinishedTrials

__all__ = [
    "Side",
    "alike",
    "jobs",
    "matching",
    "mode_of",
    "query_names",
    "run_sides",
    "scheme_names",
]

Side = Scenario | Numbers
"""What is compared: a scenario that is yet to run, or a result."""


def scheme_names(side: Side) -> tuple[str, ...]:
    """Names of the schemes of a side."""
    return tuple(scheme.name for scheme in side.schemes)


def query_names(side: Side) -> tuple[str, ...]:
    """Names of the query classes of a side."""
    if isinstance(side, Scenario):
        return tuple(query.name for query in side.queries)
    return side.schemes[0].queries


def matching(a: Sequence[str], b: Sequence[str]) -> tuple[Pair, ...]:
    """Pairs of schemes that have the same name, in A's order."""
    return tuple((name, name) for name in a if name in b)


def alike(
    a: Side, b: Side, *, seed: int | None = None, trials: int | None = None
) -> tuple[Side, Side]:
    """Give scenarios the seed and the trials of the other side.

    Parameters
    ----------
    a, b : Scenario or Numbers
    seed, trials : int or None
        What scenarios get instead of it. A result's are what they are; of two scenarios A's count.
    """
    base = next((side for side in (a, b) if isinstance(side, Numbers)), a)
    update = {
        "seed": base.seed if seed is None else seed,
        "trials": base.trials if trials is None else trials,
    }
    one, two = (
        side.model_copy(update=update) if isinstance(side, Scenario) else side for side in (a, b)
    )
    return one, two


def mode_of(a: Side, b: Side) -> Mode:
    """Mode in which a scenario runs: that of the result it is compared with, else exact."""
    modes = [side.mode for side in (a, b) if isinstance(side, Numbers)]
    return "sampled" if modes and modes[0] == "sampled" else "exact"


def jobs(a: Side, b: Side, pairs: Sequence[Pair]) -> tuple[tuple[Scenario, tuple[int, ...]], ...]:
    """What has to run: scenarios, each once, with the ordinals of its schemes."""
    wanted: list[tuple[Scenario, set[int]]] = []
    for side, names in ((a, [one for one, _ in pairs]), (b, [two for _, two in pairs])):
        if isinstance(side, Scenario):
            ordinals = {side.scheme_index(name) for name in names}
            same = next((chosen for scenario, chosen in wanted if scenario == side), None)
            if same is None:
                wanted.append((side, ordinals))
            else:
                same |= ordinals
    return tuple((scenario, tuple(sorted(chosen))) for scenario, chosen in wanted)


def run_sides(
    a: Side,
    b: Side,
    pairs: Sequence[Pair],
    *,
    workers: Callable[[Scenario, tuple[int, ...]], int | None] = lambda *_: 1,
    on_result: "Callable[[TrialResult], None] | None" = None,
    finished: "FinishedTrials | None" = None,
) -> tuple[Numbers, Numbers]:
    """Run the sides that are scenarios and give the numbers of both.

    Parameters
    ----------
    a, b : Scenario or Numbers
        Scenarios that are equal run once.
    pairs : sequence of (str, str)
        Schemes that are compared; no other runs.
    workers : callable
        Number of processes for a scenario and the ordinals of its schemes, as `run_scenario` has.
    on_result, finished
        As for `run_scenario`.
    """
    mode = mode_of(a, b)
    done: list[tuple[Scenario, Numbers]] = []
    for scenario, chosen in jobs(a, b, pairs):
        result = run_scenario(
            scenario,
            schemes=chosen,
            workers=workers(scenario, chosen),
            mode=mode,
            on_result=on_result,
            finished=finished,
        )
        done.append((scenario, numbers_of(result)))
    one, two = (
        side if isinstance(side, Numbers) else next(n for s, n in done if s == side)
        for side in (a, b)
    )
    return one, two
