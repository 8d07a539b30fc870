"""Which scheme survives which failure mode: scenarios that have one, under schemes that ship.

A scenario that shows a failure mode says in its ``[expect]`` what one sees of it. Each of them is
run anew under every scheme that is shipped, instead of its own, and asked for just that. A scheme
of somebody else is asked in the same way, as a preset that is not shipped.
"""

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sim.analysis.costs import garbage_bytes, requests_per_day
from sim.analysis.expect import Verdict, judge
from sim.analysis.matrix import Cell, Price, Row
from sim.analysis.measured import measure
from sim.analysis.queries.evaluate import inexact
from sim.analysis.results import estimate
from sim.errors import ScenarioError
from sim.scenario.load import load
from sim.scenario.metrics import MEASURES
from sim.scenario.presets import SchemePreset, scheme_presets
from sim.scenario.schema import OUTCOMES
from sim.study.executors import run_jobs
from sim.study.run import Mode, run_scenario

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["cells", "prices", "rows"]

_CERTAIN: Final = 1.0


def rows(paths: Iterable[Path]) -> tuple[Row, ...]:
    """The scenarios among ``paths`` that show a failure mode, by mode.

    Their summaries begin with its name and a colon. Those that show only its absence are left out.
    """
    found = []
    for path in paths:
        scenario = load(path)
        symptoms = dict.fromkeys(
            name
            for expected in scenario.expect.values()
            for name in (*expected.sometimes, *(k for k, v in expected.at_least.items() if v))
            if name != "ok"
        )
        if symptoms:
            mode, _, summary = scenario.summary.partition(":")
            bounds = [e.at_least for e in scenario.expect.values()]
            least = {k: v for bound in bounds for k, v in bound.items() if k in MEASURES}
            own = {"mode": mode.split()[0].rstrip(","), "summary": summary.strip()}
            found.append(Row(path=path, symptoms=tuple(symptoms), least=least, **own))
    return tuple(sorted(found, key=lambda row: (row.mode, row.path.name)))


def cells(
    asked: Sequence[Row],
    schemes: Sequence[SchemePreset],
    *,
    trials: int,
    workers: int | None = 1,
    on_result: Callable[[Cell], None] | None = None,
) -> tuple[Cell, ...]:
    """What is seen of every row under every scheme, row by row.

    Parameters
    ----------
    trials : int
        Of each cell, at most as many as the scenario has.
    workers, on_result
        As for `sim.study.executors.run_jobs`.
    """
    jobs = [(row, preset) for row in asked for preset in schemes]
    ask = functools.partial(_cell, trials)
    return tuple(run_jobs(ask, jobs, count=len(jobs), workers=workers, on_result=on_result))


def prices(
    path: Path, schemes: Sequence[SchemePreset], *, trials: int, workers: int | None = 1
) -> tuple[Price, ...]:
    """What every scheme costs in the world of a scenario."""
    ask = functools.partial(_price, path, trials)
    return tuple(run_jobs(ask, schemes, count=len(schemes), workers=workers))


def under(path: Path, preset: SchemePreset, changes: Mapping[str, object]) -> "Scenario":
    """The world of a scenario with one scheme, instead of its own."""
    is_shipped = scheme_presets().get(preset.name) == preset
    scheme = {"preset": preset.name} if is_shipped else {"name": preset.name, **preset.scheme}
    own = {"schemes": [scheme], "expect": {}, **changes}
    if preset.presets:
        own["presets"] = [*(load(path).presets or ()), *preset.presets]
    return load(path, own)


def _cell(trials: int, job: tuple[Row, SchemePreset]) -> Cell:
    row, preset = job
    # Rules are judged in the order of the symptoms: what is never to be seen, then measures.
    seen = [symptom for symptom in row.symptoms if symptom not in row.least]
    asked = {"never": seen, "never_below": _CERTAIN, "at_most": dict(row.least)}
    try:
        scenario = under(row.path, preset, {"expect": {preset.name: asked}})
    except ScenarioError as error:
        return _no_cell(row, preset, str(error.problems[0]))
    scenario = scenario.model_copy(update={"trials": min(trials, scenario.trials)})
    result = run_scenario(scenario, mode=_mode(scenario))
    (scheme,) = result.schemes
    found = []
    for symptom, judgement in zip((*seen, *row.least), judge(result), strict=True):
        amount, high = math.nan, math.nan
        if judgement.verdict is not Verdict.UNKNOWN and symptom in OUTCOMES:
            interval = estimate(scheme, (symptom,)).interval
            amount, high = interval.fraction, interval.high
        elif judgement.verdict is not Verdict.UNKNOWN and symptom in row.least:
            found_of = measure(scheme, symptom)
            amount, high = found_of.fraction, found_of.high
        elif judgement.verdict is not Verdict.UNKNOWN:
            amount = sum(trial.counts[symptom] for trial in scheme.trials) / len(scheme.trials)
        found.append(
            Cell(
                row=row,
                scheme=preset.name,
                verdict=judgement.verdict,
                amount=amount,
                symptom=symptom,
                high=high,
                is_proven=judgement.reason.startswith("proven"),
                reason=judgement.reason,
            )
        )
    # What was seen says more than what was not, and what is unknown more than what is excluded.
    worst = (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID)
    return min(found, key=lambda cell: (worst.index(cell.verdict), -cell.amount))


def _no_cell(row: Row, preset: SchemePreset, why: str) -> Cell:
    """A world that does not go with a scheme."""
    return Cell(
        row=row,
        scheme=preset.name,
        verdict=Verdict.UNKNOWN,
        amount=math.nan,
        symptom=row.symptoms[0],
        high=math.nan,
        is_proven=False,
        reason=f"the world and the scheme do not go together: {why}",
    )


def _mode(scenario: "Scenario") -> Mode:
    """Sampled where queries act on readers, so that there is nothing exact to say."""
    return "sampled" if inexact(scenario) else "exact"


def _price(path: Path, trials: int, preset: SchemePreset) -> Price:
    scenario = under(path, preset, {"trials": trials})
    result = run_scenario(scenario, mode=_mode(scenario))
    (scheme,) = result.schemes
    return Price(
        scheme=preset.name,
        garbage_bytes=garbage_bytes(scenario, scheme),
        requests_per_day=requests_per_day(scenario, scheme),
    )
