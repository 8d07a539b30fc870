"""What a run or a sweep found, in a sentence."""

import math
from collections.abc import Sequence
from typing import Final

from sim.analysis.costs import garbage_bytes
from sim.analysis.evidence.exercised import lacking
from sim.analysis.results import Estimate, Result, SchemeResult, estimate
from sim.analysis.sweep import FAILING, Line, Point, Sweep, lines_of
from sim.report.formats import format_bytes_short, format_fraction, format_interval
from sim.report.names import knob_name
from sim.report.sweeptable import proven_words

__all__ = ["failing_words", "run_answer", "sweep_answer"]

_SCHEMES_MAX: Final = 4


def failing_words(scheme: SchemeResult) -> str:
    """Say how many queries of a scheme get no complete answer, and how sure that is.

    A zero that nothing could have broken is none, also where a rule promises it.
    """
    found = estimate(scheme, FAILING)
    interval = found.interval
    if math.isnan(interval.fraction):
        return "nothing was asked"
    if interval.fraction > 0:
        share = format_fraction(interval.fraction)
        return f"{share} of the queries get no complete answer ({format_interval(interval)})"
    reason = lacking(scheme.exercised, is_gap=False)
    if reason:
        return f"no query fails, which says nothing: {reason}"
    return f"no query fails, {_how_sure(found)}"


def _how_sure(found: Estimate) -> str:
    if found.interval.method == "rule":
        return "as the rules prove"
    if found.interval.high == 0:
        is_over_phases = found.interval.method == "phases"
        return "ruled out at every phase of the readers" if is_over_phases else "ruled out"
    return f"as far as was seen (at most {format_fraction(found.interval.high)})"


def run_answer(result: Result) -> str:
    """Say what became of the queries of each scheme, and at what price."""
    if len(result.schemes) > _SCHEMES_MAX:
        return _many(result)
    parts = []
    for scheme in result.schemes:
        garbage = garbage_bytes(result.scenario, scheme)
        kept = f"{format_bytes_short(garbage)} of garbage are" if garbage else "no garbage is"
        parts.append(f"{scheme.name}: {failing_words(scheme)}, and {kept} kept")
    return f"{'; '.join(parts)}."


def _many(result: Result) -> str:
    """The number of schemes under which queries fail, the best and the worst of them."""
    found = {s.name: estimate(s, FAILING).interval.fraction for s in result.schemes}
    failing = sorted((part, name) for name, part in found.items() if part > 0)
    if not failing:
        return f"Under none of {len(found)} schemes a query was seen to fail."
    (least, best), (most, worst) = failing[0], failing[-1]
    low, high = format_fraction(least), format_fraction(most)
    several = f"from {low} ({best}) to {high} ({worst})" if len(failing) > 1 else f"{low} ({best})"
    return f"Queries fail under {len(failing)} of {len(found)} schemes: {several}."


def sweep_answer(sweep: Sweep) -> str:
    """Say from which value of the first knob on no query was seen to fail, scheme by scheme."""
    by_scheme: dict[str, list[Line]] = {}
    for line in lines_of(sweep):
        by_scheme.setdefault(line.scheme, []).append(line)
    touched = {s: lines for s, lines in by_scheme.items() if not all(x.is_flat for x in lines)}
    if not touched or sweep.knobs[0].numbers is None:
        return f"{'; '.join(_extremes(s, lines) for s, lines in by_scheme.items())}."
    return f"{'; '.join(_threshold(sweep, s, lines) for s, lines in touched.items())}."


def _extremes(scheme: str, lines: Sequence[Line]) -> str:
    found = [point.failing.interval.fraction for line in lines for point in line.points]
    known = [fraction for fraction in found if not math.isnan(fraction)]
    if not known:
        return f"{scheme}: nothing was asked"
    low, high = format_fraction(min(known)), format_fraction(max(known))
    shares = low if low == high else f"{low} to {high}"
    return f"{scheme}: {shares} of the queries get no complete answer"


def _threshold(sweep: Sweep, scheme: str, lines: Sequence[Line]) -> str:
    """Where the zeros of a scheme begin; lines of which they begin at one value stand together."""
    knob = sweep.knobs[0]
    starts: dict[str, list[str]] = {}
    for line in lines:
        setting = line.points[0].setting
        others = sweep.text_of(setting, range(1, len(sweep.knobs))) if line.others else ""
        first = _first_zero(sweep, line)
        starts.setdefault("" if first is None else first, []).append(others)
    scenario = sweep.cells[0].result.scenario
    of = knob_name(knob.path, scenario).removesuffix(f" of {scheme}")
    # The other knobs are named once; after that their values are enough.
    held = f"{', '.join(knob_name(other.path, scenario) for other in sweep.knobs[1:])} "
    parts = []
    for text, settings in starts.items():
        where = ""
        if len(starts) > 1:
            where, held = f" with {held}{' or '.join(settings)}", ""
        parts.append(f"{f'from {text} on' if text else 'at no value tried'}{where}")
    proven = proven_words(sweep, lines[0].position)
    said = f"no query was seen to fail at a {of} {', '.join(parts)}"
    return f"{scheme}: {said}{f' ({proven})' if proven else ''}"


def _first_zero(sweep: Sweep, line: Line) -> str | None:
    """Text of the smallest value from which on all cells are zeros that say something."""
    knob = sweep.knobs[0]
    assert knob.numbers is not None
    numbers = knob.numbers
    found = None
    for point in sorted(line.points, key=lambda p: numbers[p.setting[0]], reverse=True):
        if not _is_zero(point):
            break
        found = knob.texts[point.setting[0]]
    return found


def _is_zero(point: Point) -> bool:
    return point.failing.interval.fraction == 0 and not lacking(
        point.scheme.exercised, is_gap=False
    )
