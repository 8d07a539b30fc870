"""What a search for the worst found, in words: how far it deviates, and the story."""

from collections.abc import Iterator
from typing import Final

from sim.analysis.evidence.counterexample import Counterexample, Deviation, Worst
from sim.core.units import format_duration
from sim.report.formats import format_count, format_fraction, format_span
from sim.report.names import block_name
from sim.report.sentences import sentence
from sim.report.tale import explained_lines
from sim.scenario.schema import OUTCOMES

__all__ = ["counterexample_lines", "worst_lines"]

_DEVIATIONS_MAX: Final = 30
_TOLD_US: Final = 1_000
_DOTS: Final = 3


def worst_lines(worst: Worst, *, columns: int = 80) -> Iterator[str]:
    """Say what came of a search, and how far that goes.

    Parameters
    ----------
    worst : Worst
    columns : int
        Width of the screen, for the story.
    """
    yield f"{worst.scheme}: {worst.outcome}"
    if worst.found is not None:
        yield f"  found in schedule {worst.tried}, and {worst.found.steps} more to make it small"
        yield from counterexample_lines(worst.found, columns=columns)
        return
    if worst.proof and not worst.tried:
        yield f"  it cannot happen: {worst.proof}; so no schedule was tried"
        return
    yield f"  not found in {format_count(worst.tried)} schedules, which proves nothing"
    if 0 <= worst.slack_us < float("inf"):
        slack = format_span(int(worst.slack_us))
        yield f"  the nearest of them would have met it with a delete delay {slack} shorter"
    if worst.proof:
        yield f"  but it cannot happen: {worst.proof}"


def counterexample_lines(found: Counterexample, *, columns: int = 80) -> Iterator[str]:
    """Tell the smallest story, from how it deviates to what happens.

    Parameters
    ----------
    found : Counterexample
    columns : int
        Width of the screen, for the story.
    """
    if found.outcome in OUTCOMES:
        yield f"  {format_fraction(found.amount)} of the queries, up to the end of the story"
    else:
        yield f"  {'once' if found.amount == 1 else f'{format_count(found.amount)} times'}"
    yield from (f"  {line}" for line in _differences(found))
    if found.explained is not None:
        yield ""
        yield from explained_lines(found.explained, columns=columns)
    elif found.judgement.witness is not None:
        yield f"  {sentence(found.judgement.witness)}"


def _differences(found: Counterexample) -> Iterator[str]:
    count, seed = len(found.deviations), found.scenario.seed
    deviates = "deviates" if count == 1 else "deviate"
    if count:
        head = f"{count} of {found.drawn} draws {deviates} from the default schedule"
        yield f"{head}, which is that of seed {seed}:"
    else:
        yield f"no draw deviates from the default schedule, which is that of seed {seed}"
    for deviation in found.deviations[:_DEVIATIONS_MAX]:
        yield f"  {_deviation(deviation)}"
    if count > _DEVIATIONS_MAX:
        yield f"  and {count - _DEVIATIONS_MAX} more"
    for moved in found.moved:
        before, after = (format_duration(t) for t in (moved.before_us, moved.after_us))
        yield f"{moved.key} is {after} instead of {before}"
    if found.left_out:
        yield f"it needs no {', '.join(found.left_out)}"


def _deviation(deviation: Deviation) -> str:
    name = " ".join(map(_part, deviation.decides))
    if deviation.value_us is None or deviation.default_us is None:
        return f"{name}: {deviation.uniform:g} instead of {deviation.default:.3g}"
    value, default = (_span(t) for t in (deviation.value_us, deviation.default_us))
    return f"{name}: {value} instead of {default}, at {deviation.uniform:g} of its law"


def _span(span_us: int) -> str:
    """A span to the millisecond, which a few microseconds off it do not change."""
    return format_span(round(span_us / _TOLD_US) * _TOLD_US)


def _part(part: str | int) -> str:
    """A part of the name of a draw, with the words for a block in it."""
    block, _, rest = str(part).partition("/")
    if not isinstance(part, str) or block.count(".") < _DOTS:
        return str(part)
    name = f"the block of {block_name(block)}"
    return f"{rest} of {name}" if rest else name
