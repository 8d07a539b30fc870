"""Why an object is still there, in words."""

import textwrap
from collections.abc import Iterator
from typing import Final

from sim.analysis.evidence.holding import Buys, Holding, Why
from sim.core.units import NEVER, US_PER_S
from sim.errors import printable
from sim.report.formats import format_bytes_short, format_fraction, format_span
from sim.report.names import block_name

__all__ = ["holding_lines"]

_WHY: Final = {
    Why.NOT_YET: "not there yet: nobody has uploaded it",
    Why.PARTIAL: "there without the block's meta.json, as a part of an upload or of a deletion: "
    "the compactor takes it for abandoned once its last upload is older than partial_age",
    Why.LIVE: "there and in use: nobody has retired the block",
    Why.DELAY: "there because the delete_delay of its mark is not over",
    Why.PASS: "there because it waits for the next pass that deletes",
    Why.DELETING: "being deleted",
    Why.LEAKED: "there until a restart: the compactor has halted, and nobody else deletes it",
    Why.GONE: "gone",
}


def holding_lines(found: Holding, *, scheme: str, trial: int) -> Iterator[str]:
    """Say what holds an object, what it costs, and what waiting buys."""
    yield found.key
    yield f"the block of {block_name(found.block)}"
    yield printable(f"under {scheme}, trial {trial}")
    yield ""
    yield from _folded(f"At {format_span(found.at_us)} it is {_WHY[found.why]}.")
    yield from _folded(_span(found))
    if found.retired_us <= found.at_us:
        age = format_span(found.at_us - found.retired_us)
        yield from _folded(
            f"It was retired at {format_span(found.retired_us)} ({found.retired_why}), {age} ago."
        )
    yield from _folded(_end(found))
    yield ""
    yield from _folded(_cost(found))
    if found.buys is not None:
        yield ""
        yield from _buys_lines(found.buys)


def _span(found: Holding) -> str:
    """Since when that holds, and until when."""
    since = f"That holds since {format_span(found.since_us)}"
    if found.until_us == NEVER:
        return f"{since}, and until the end of the run."
    earliest = found.why in (Why.DELAY, Why.PARTIAL)
    until = f"{since}, until {format_span(found.until_us)}"
    return f"{until}; then it waits for the next pass that deletes." if earliest else f"{until}."


def _end(found: Holding) -> str:
    due = "" if found.due_us == NEVER else f"Its mark is due at {format_span(found.due_us)}. "
    if found.why is Why.GONE:
        return due.replace("is due", "was due")
    if found.gone_us == NEVER:
        return f"{due}The run ends before it goes."
    wait = format_span(found.gone_us - found.at_us)
    return f"{due}It goes at {format_span(found.gone_us)}, {wait} later."


def _cost(found: Holding) -> str:
    size = f"The block has {format_bytes_short(found.size_bytes)}"
    if not found.garbage_byte_seconds:
        return f"{size}, and was no garbage until then."
    hours = found.garbage_byte_seconds / 3_600
    return f"{size}; as garbage it has cost {format_bytes_short(hours)}·h."


def _buys_lines(buys: Buys) -> Iterator[str]:
    """What the next hour buys, from all the deletions of the trial."""
    age, later = format_span(buys.age_us), format_span(buys.age_us + 3_600 * US_PER_S)
    if not buys.readers:
        yield from _folded(
            "What the next hour buys is unknown: no gateway answered from a retired block for "
            "which the run is long enough to tell."
        )
        return
    now, then = buys.using_now, buys.using_later
    yield from _folded(
        f"What the next hour buys: of {buys.readers} times that a gateway had a block when it was "
        f"retired, in {now} ({format_fraction(now / buys.readers)}) it still did {age} later, in "
        f"{then} ({format_fraction(then / buys.readers)}) {later} later."
    )
    yield "If every block were deleted at that age, of the queries that ask for all streams"
    width = max(len(printable(row.query)) for row in buys.failing)
    for row in buys.failing:
        yield (
            f"  {printable(row.query):<{width}}  {format_fraction(row.now)} would fail; "
            f"{format_fraction(row.later)} an hour later"
        )


def _folded(text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, 80)
