"""One scheme at many delete delays, for the page of a run: only where that costs a run or two."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sim.analysis.curve.feedback import with_delay
from sim.analysis.results import TrialResult, collect
from sim.analysis.sweep import Cell, Sweep
from sim.core.units import US_PER_S, format_duration, parse_duration
from sim.scenario.knobs import parse_knob
from sim.study.curve import DelayFunction
from sim.study.executors import Workers, run_jobs

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.units import Progress

__all__ = ["delay_table"]

_DELAYS: Final = "0s,1m,2m,3m,5m,7m,10m,15m,20m,30m,45m,1h,90m,2h,3h,4h,6h,8h,12h,18h,24h,36h,48h"
"""Delays of a table; those that people set are among them."""

_BASE_US: Final = 600 * US_PER_S
"""Where a curve is looked for if it does not begin with no delay at all."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One trial of a table: where a curve may begin, and the delays that are asked for."""

    scenario: "Scenario"
    index: int
    trial: int
    bases_us: tuple[int, ...]
    delays_us: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Done:
    """Where its curve began, None if nowhere, and the results by delay."""

    base_us: int | None
    results: dict[int, TrialResult]


def delay_table(
    scenario: "Scenario",
    *,
    schemes: Sequence[int] | None = None,
    workers: Workers = 1,
    progress: "Progress" = lambda _: nullcontext(lambda: None),
) -> Sweep | None:
    """Give the first scheme with a delete delay at delays from none to two days, and at its own.

    A curve that begins later than with no delay leaves the delays before it out, but for none and
    its own.

    Parameters
    ----------
    scenario : Scenario
    schemes : sequence of int or None
        Ordinals of the schemes to choose from; None: all.
    workers : int, Elsewhere or None
        As for ``run_scenario``; never changes a result.
    progress : callable
        Called with the number of trials, and then once a trial.

    Returns
    -------
    Sweep or None
        None if no scheme has a delete delay, and where no run up to the one that deletes as soon as
        it hides is proven to say every longer delay: each would have to be simulated.
    """
    chosen = range(len(scenario.schemes)) if schemes is None else sorted(set(schemes))
    marked = [i for i in chosen if scenario.schemes[i].kind == "deletion-mark"]
    if not marked:
        return None
    index = marked[0]
    spec = scenario.schemes[index]
    texts = {parse_duration(text): text for text in _DELAYS.split(",")}
    texts.setdefault(spec.delete_delay_us, format_duration(spec.delete_delay_us))
    bases_us = tuple(sorted({0, _BASE_US, spec.hide_delay_us or 0}))
    first = _Job(scenario, index, 0, bases_us, tuple(sorted(texts)))
    with progress(scenario.trials) as advance:
        # Alone: where it has no curve the others are spared, and else they begin where it did.
        done = [_work(first)]
        advance()
        base_us = done[0].base_us
        if base_us is None:
            return None
        others = [
            replace(first, trial=trial, bases_us=(base_us,)) for trial in range(1, scenario.trials)
        ]
        done += run_jobs(
            _work, others, count=len(others), workers=workers, on_result=lambda _: advance()
        )
    if any(one.base_us is None for one in done):
        return None
    delays_us = sorted(done[0].results)
    results = [
        collect(with_delay(scenario, index, delay_us), "exact", [d.results[delay_us] for d in done])
        for delay_us in delays_us
    ]
    values = ",".join(texts[delay_us] for delay_us in delays_us)
    return Sweep(
        name=scenario.name,
        knobs=(parse_knob(f"schemes.{index}.delete_delay={values}"),),
        is_together=False,
        cells=tuple(Cell(setting=(i,), result=result) for i, result in enumerate(results)),
    )


def _work(job: _Job) -> _Done:
    longest_us = job.delays_us[-1]
    function = DelayFunction(job.scenario, job.index, job.trial, longest_us, job.bases_us)
    base_us = function.base_us
    if base_us is None:
        return _Done(None, {})
    own_us = job.scenario.schemes[job.index].delete_delay_us
    wanted_us = (0, own_us, *(delay_us for delay_us in job.delays_us if delay_us >= base_us))
    return _Done(base_us, {delay_us: function(delay_us) for delay_us in wanted_us})
