"""The Python interface: what ``import sim`` offers, each function a study, each result a table.

Scenarios may be given as such, as the path of a file, as its text, or as a mapping with the keys of
a file. Results say what they found in a line, become a data frame with ``to_frame`` (extra
``data``) and a picture with ``plot``; the value that studies hand on is in ``value``.

>>> import sim
>>> scenario = sim.load("scenarios/thanos-2022.toml", {"horizon": "6d", "trials": 2})
>>> found = sim.run(scenario)
>>> [scheme.name for scheme in found.value.schemes]
['delete at once', 'mark, 48h']
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from sim.analysis.advice import Advice, parse_objective
from sim.analysis.comparison.compare import compare as compare_numbers
from sim.analysis.comparison.numbers import Numbers, numbers_of
from sim.analysis.evidence.tale import Explained, Unseen
from sim.analysis.precision import parse_precision
from sim.api.knobs import knobs
from sim.api.matrix import matrix
from sim.api.rare import rare
from sim.api.shown import (
    ComparisonResult,
    CurveResult,
    KnobsResult,
    MatrixResult,
    RunResult,
    SweepResult,
)
from sim.api.sources import Source, load
from sim.api.worst import worst
from sim.scenario.dump import to_toml
from sim.scenario.knobs import parse_knob
from sim.scenario.load import load as load_file
from sim.scenario.schema import Scenario
from sim.study.advise import advise as advise_on
from sim.study.compare import alike, matching, query_names, run_sides, scheme_names
from sim.study.explain import explain as explain_query
from sim.study.run import run_scenario
from sim.study.sweep import load_settings, run_sweep

__all__ = [
    "ComparisonResult",
    "CurveResult",
    "KnobsResult",
    "MatrixResult",
    "RunResult",
    "Source",
    "SweepResult",
    "advise",
    "compare",
    "curve",
    "explain",
    "knobs",
    "load",
    "matrix",
    "rare",
    "run",
    "sweep",
    "worst",
]


def run(
    source: Source,
    *,
    schemes: Sequence[str] | None = None,
    workers: int | None = 1,
    mode: Literal["exact", "sampled"] = "exact",
    precision: str | Iterable[str] | None = None,
    max_trials: int | None = None,
) -> RunResult:
    """Simulate and judge every scheme in every trial.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    schemes : sequence of str or None
        Names of the schemes to run; None runs all.
    workers : int or None
        Processes; 1 stays in this one, None takes as many as pay off. Never changes a result;
        other than 1, the program's entry must be guarded by ``if __name__ == "__main__":``.
    mode : "exact" or "sampled"
        Expected fractions given each trace, or the fractions among drawn arrivals.
    precision : str, iterable of str or None
        How narrow intervals are to be, ``"query-error=5%"``; trials run until they are, and at
        most ``max_trials``, or 1000.

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`load`; ValueError if there is no scheme of a name, or no such precision.
    """
    scenario = load(source)
    chosen = None if schemes is None else list(map(scenario.scheme_index, schemes))
    goals = [precision] if isinstance(precision, str) else precision
    aim = None if goals is None else parse_precision(goals, query_names(scenario), max_trials)
    found = run_scenario(scenario, schemes=chosen, workers=workers, mode=mode, precision=aim)
    return RunResult(found)


def sweep(
    source: Source,
    vary: Mapping[str, str | Iterable[str]],
    *,
    together: bool = False,
    refine: int = 0,
    schemes: Sequence[str] | None = None,
    workers: int | None = 1,
) -> SweepResult:
    """Run a scenario at many settings of one or more keys.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    vary : Mapping
        Values by key path, as ``sim sweep --vary`` has them: ``"0s..48h/25"``, ``"1m,3m"``,
        ``"log:1m..48h/20"``, or the values one by one.
    together : bool
        Whether the keys move in step, instead of every combination.
    refine : int
        How many values of the first key may be added where failures change most.
    schemes, workers
        As for :func:`run`.

    Raises
    ------
    ScenarioError, OSError
        As :func:`load`, with the problems of all settings.
    ValueError
        If values cannot be read, or there is no scheme of a name.

    Examples
    --------
    >>> small = load("scenarios/thanos-2022.toml", {"horizon": "6d", "trials": 1})
    >>> found = sweep(small, {"gateways.sync_interval": "1m,3m"})
    >>> [cell.setting for cell in found.value.cells]
    [(0,), (1,)]
    """
    scenario = load(source)
    knobs = [parse_knob(f"{path}={_values(values)}") for path, values in vary.items()]
    text = to_toml(scenario)
    settings = load_settings(lambda values: load_file(text, values), knobs, together=together)
    chosen = None if schemes is None else [scenario.scheme_index(name) for name in schemes]
    return SweepResult(run_sweep(settings, schemes=chosen, refine=refine, workers=workers))


def curve(
    source: Source,
    scheme: str | None = None,
    delays: str | Iterable[str] = "0s..48h/49",
    *,
    workers: int | None = 1,
) -> CurveResult:
    """Give what one scheme does at every delete delay, out of one trace a trial where it can.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    scheme : str or None
        Name; None takes the first with a delete delay.
    delays : str or iterable of str
        As the values of :func:`sweep`.
    workers
        As for :func:`run`.

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`sweep`; ValueError too if the scheme has no delete delay.

    Examples
    --------
    >>> small = {"horizon": "6d", "warmup": "1d", "trials": 1}
    >>> found = curve(load("scenarios/thanos-2022.toml", small), delays="0s,1m,1h,48h")
    >>> found.origins
    ('simulated', 'curve', 'curve', 'curve')
    """
    scenario = load(source)
    marked = [s.name for s in scenario.schemes if s.kind == "deletion-mark"]
    name = scheme or next(iter(marked), None)
    if name is None or name not in marked:
        known = f"schemes with one: {', '.join(marked)}" if marked else "no scheme has one"
        raise ValueError(f"{scheme or scenario.name!r} has no delete delay; {known}")
    path = f"schemes.{scenario.scheme_index(name)}.delete_delay"
    return CurveResult(sweep(scenario, {path: delays}, schemes=[name], workers=workers).value)


def compare(
    a: Source | RunResult,
    b: Source | RunResult,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
    workers: int | None = 1,
) -> ComparisonResult:
    """Compare two results, or scenarios on common random numbers: B against A.

    Parameters
    ----------
    a, b : RunResult, Scenario, Mapping, Path or str
        A scenario runs on the seed and trials of the other side.
    pairs : sequence of (str, str) or None
        Which scheme of A is compared with which of B; None compares those of equal names.
    workers
        As for :func:`run`.

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`run`; ValueError too if no scheme is in both.
    """
    one, two = alike(_side(a), _side(b))
    chosen = pairs or matching(scheme_names(one), scheme_names(two))
    if not chosen:
        raise ValueError(f"A has {scheme_names(one)} and B {scheme_names(two)}; name pairs")
    numbers = run_sides(one, two, chosen, workers=lambda *_: workers)
    return ComparisonResult(compare_numbers(*numbers, chosen))


def advise(
    source: Source,
    objectives: Mapping[str, float],
    *,
    scheme: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Advice:
    """Find the smallest delays of a scheme with marks that meet objectives.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    objectives : Mapping
        Largest share of the queries by outcome, ``{"query-error": 1e-6}``; ``"CLASS.OUTCOME"`` is
        one query class.
    scheme : str or None
        Name; None takes the first with a delete delay.
    say : callable
        Called with a sentence about each stage.

    Returns
    -------
    Advice

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`run`; ValueError too if an objective is none or there is no delete delay.

    Examples
    --------
    >>> small = {"horizon": "6d", "warmup": "1d", "trials": 1}
    >>> found = advise(load("scenarios/thanos-2022.toml", small), {"query-error": 0.0})
    >>> found.proven.delete_delay_us // 1_000_000
    181
    """
    scenario = load(source)
    wanted = [
        parse_objective(f"{name}={limit!r}", query_names(scenario))
        for name, limit in objectives.items()
    ]
    index = None if scheme is None else scenario.scheme_index(scheme)
    return advise_on(scenario, wanted, scheme_index=index, say=say)


def explain(
    source: Source,
    scheme: str | None = None,
    outcome: str | None = None,
    *,
    query: str | None = None,
    mode: Literal["exact", "sampled"] = "exact",
) -> Explained | Unseen:
    """Find the first query that was not ok, tell how it came to that, and what had saved it.

    Parameters
    ----------
    source : Scenario, Mapping, Path or str
        As for :func:`load`.
    scheme, outcome, query : str or None
        What to look at; None is any.
    mode : "exact" or "sampled"
        Whether an outcome counts that a query may have, or only one that a drawn query had.

    Returns
    -------
    Explained or Unseen

    Raises
    ------
    ScenarioError, OSError, ValueError
        As :func:`run`.
    """
    scenario = load(source)
    chosen = None if scheme is None else [scenario.scheme_index(scheme)]
    return explain_query(scenario, schemes=chosen, outcome=outcome, query=query, mode=mode)


def _side(source: Source | RunResult) -> Scenario | Numbers:
    return numbers_of(source.value) if isinstance(source, RunResult) else load(source)


def _values(values: str | Iterable[str]) -> str:
    return values if isinstance(values, str) else ",".join(values)
