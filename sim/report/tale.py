"""A tale in words: what happened, relative to the query and on the clock of the run.

Blocks are called A, B, C, …; lines fit a terminal.
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from string import ascii_uppercase
from typing import Final

from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.exercised import lacking
from sim.analysis.evidence.tale import Explained, Saved, Tale, Unseen
from sim.core.units import format_duration
from sim.errors import printable
from sim.report.formats import format_count, format_span
from sim.report.names import block_name

__all__ = [
    "clock",
    "event_words",
    "explained_lines",
    "merged_events",
    "nicknames",
    "relative",
    "unseen_lines",
]

_STREAMS_MAX: Final = 6
_EVENTS_MAX: Final = 60

_WORDS: Final = {
    What.UPLOADED: "uploads {blocks}",
    What.SHOWN: "shows all of {blocks} to GETs",
    What.LISTED: "lists {blocks}",
    What.MARKED: "marks {blocks} for deletion",
    What.MAY_HIDE: "of {blocks} is old enough to hide the block",
    What.MAY_DELETE: "of {blocks} is old enough to delete the block",
    What.DELETING: "deletes {blocks}",
    What.DELETED: "has deleted the last of {blocks}",
    What.GONE: "no longer shows all of {blocks} to GETs",
    What.UNLISTED: "no longer lists {blocks}",
    What.LOADED: "loads {blocks}",
    What.UNLOADED: "cannot load {blocks}: no index yet",
    What.DROPPED: "drops {blocks}",
    What.RESUMED: "begins its passes again",
    What.DOWN: "goes down and forgets everything",
    What.UP: "serves again",
}


def nicknames(tale: Tale) -> dict[str, str]:
    """What each block of a tale is called, from A on."""
    return dict(zip(tale.blocks, ascii_uppercase, strict=False))


def relative(t_us: int, zero_us: int) -> str:
    """A time as a signed span from ``zero_us``.

    >>> relative(5_000_000, 95_000_000), relative(7, 7), relative(90_000_000, 0)
    ('-1m30s', '0s', '+1m30s')
    """
    sign = "-" if t_us < zero_us else "+" if t_us > zero_us else ""
    return sign + format_span(abs(t_us - zero_us))


def clock(t_us: int) -> str:
    """A time of the run to the microsecond, as a scenario says a duration."""
    return format_duration(t_us)


def merged_events(events: Iterable[Event]) -> Iterator[Event]:
    """Events, with those of one actor that do the same at one instant as one."""
    for _, same in groupby(events, key=lambda e: (e.t_us, e.what, e.actor, _reason(e))):
        first, *rest = same
        blocks = tuple(dict.fromkeys([*first.blocks, *(b for e in rest for b in e.blocks)]))
        yield Event(
            t_us=first.t_us,
            what=first.what,
            actor=first.actor,
            blocks=blocks,
            record=first.record,
            detail=first.detail,
            until_us=first.until_us,
        )


def _reason(event: Event) -> str:
    """What sets apart two events of one kind: a reason does, another object does not."""
    return "" if event.what is What.FAILED else event.detail


def event_words(event: Event, tale: Tale) -> str:
    """What an event did, without who did it."""
    names = nicknames(tale)
    blocks = _listed(event.blocks, names)
    match event.what:
        case What.COMPACTED:
            parents = _listed(event.blocks[1:], names)
            made = names.get(event.blocks[0], block_name(event.blocks[0]))
            return f"uploads {made}, made of {parents}"
        case What.RETIRED:
            return f"retires {blocks}: {event.detail}"
        case What.SYNCED:
            lasts = event.until_us - event.t_us
            return f"syncs, for {format_span(lasts)}" if lasts else "syncs"
        case What.ABORTED:
            return f"gives up a sync: a {event.detail} failed"
        case What.HALTED:
            return f"halts until it is restarted: {_with_names(event.detail, names)}"
        case What.ASKED:
            return _question(tale)
        case What.FAILED:
            key = event.detail.partition("/")[2]
            why = f"{key} is not there" if key else "the gateway is down"
            return f"fails to read {blocks}: {why}"
        case What.MISSED:
            return f"lacks the data of {blocks}"
        case What.ENDED:
            return f"ends: {event.detail}"
    return _WORDS[event.what].format(blocks=blocks)


def _question(tale: Tale) -> str:
    streams = tale.asked.streams
    some = ", ".join(map(str, streams[:_STREAMS_MAX]))
    more = f" and {len(streams) - _STREAMS_MAX} more" if len(streams) > _STREAMS_MAX else ""
    plural = "stream" if len(streams) == 1 else "streams"
    lasts = f", reads for {format_span(tale.asked.takes_us)}" if tale.asked.takes_us else ""
    return f"asks for {plural} {some}{more}{lasts}"


def _with_names(text: str, names: dict[str, str]) -> str:
    """A text in which known blocks have their letters."""
    for block, name in names.items():
        text = text.replace(block, name)
    return text


def _listed(blocks: Sequence[str], names: dict[str, str]) -> str:
    """Blocks by their letters; how many more there are that have none."""
    known = [names[block] for block in blocks if block in names]
    others = len(blocks) - len(known)
    if not blocks:
        return ""
    if not known:
        first = block_name(blocks[0])
        return f"{first} and {others - 1} more blocks" if others > 1 else first
    return ", ".join(known) + (f" and {others} more" if others else "")


def explained_lines(explained: Explained, *, columns: int = 80) -> Iterator[str]:
    """The tale of a query, and what would have saved it, line by line."""
    tale = explained.tale
    yield from _folded(_headline(tale), columns)
    yield from _folded(_which(tale), columns)
    yield ""
    for block, name in nicknames(tale).items():
        yield f"  {name}  {block_name(block)}"
        yield f"     {block}"
    yield ""
    yield from _event_lines(tale, columns)
    yield ""
    yield from saved_lines(explained.saved)


def _headline(tale: Tale) -> str:
    return printable(
        f"{tale.scenario}, {tale.scheme}, trial {tale.trial} (seed {tale.seed}): "
        f"a query of {tale.asked.query} ends in {tale.outcome}"
    )


def _which(tale: Tale) -> str:
    at = f"It arrives at {format_span(tale.asked.at_us)} ({clock(tale.asked.at_us)})"
    if tale.asked.number is None:
        return f"{at}; none that was drawn does, but one might."
    return f"{at} as number {tale.asked.number} of its class, counted from 0."


def _event_lines(tale: Tale, columns: int) -> Iterator[str]:
    zero_us = tale.asked.at_us
    events = list(merged_events(tale.events))
    left_out = max(0, len(events) - _EVENTS_MAX)
    rows = [
        (relative(e.t_us, zero_us), format_span(e.t_us), _actor(e.actor), event_words(e, tale))
        for e in events[left_out:]
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    if left_out:
        yield f"  ({left_out} earlier events are left out)"
    for when, at, who, words in rows:
        lead = f"{when:>{widths[0]}}  {at:<{widths[1]}}  {who:<{widths[2]}}  "
        room = max(20, columns - len(lead))
        first, *rest = textwrap.wrap(printable(words), room) or [""]
        yield lead + first
        yield from (" " * len(lead) + more for more in rest)


def _actor(actor: str) -> str:
    return "replica " + actor[6:] if actor.startswith("store/") else actor.replace("/", " ")


def saved_lines(saved: Sequence[Saved]) -> Iterator[str]:
    """What would have saved the query: knob, value now, and what it would have to be."""
    if not any(knob.needed_us is not None for knob in saved):
        yield "No change of a single knob that follows from this saves the query."
        tried = ", ".join(knob.key for knob in saved)
        yield from _folded(f"Tried: {tried}." if tried else "None was to be tried.", 80)
        return
    yield "Any one of these changes saves this query (simulated again, it is ok):"
    yield ""
    found = [knob for knob in saved if knob.needed_us is not None]
    rows = [("knob", "now", "would have to be"), *map(_saved_row, found)]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    for knob, now, needed in rows:
        yield f"  {knob:<{widths[0]}}  {now:<{widths[1]}}  {needed}"
    if not all(knob.is_least for knob in found):
        yield ""
        yield "  * perhaps a smaller change does as well"
    failed = [knob.key for knob in saved if knob.needed_us is None]
    if failed:
        yield ""
        what = "Tried at the values that follow from this, and does not save it"
        yield from _folded(f"{what}: {', '.join(failed)}.", 80)


def _saved_row(knob: Saved) -> tuple[str, str, str]:
    assert knob.needed_us is not None
    bound = "at least" if knob.grows else "at most"
    edge = "" if knob.is_least else " *"
    is_law = not knob.key.startswith("schemes.")
    unsaid = "a law" if is_law else "at once"
    now = unsaid if knob.now_us is None else format_duration(knob.now_us)
    return knob.key, now, f"{bound} {format_duration(knob.needed_us)}{edge}"


def unseen_lines(unseen: Unseen) -> Iterator[str]:
    """That there is nothing to tell, and how much was looked at."""
    tried = unseen.tried
    outcomes = " or ".join(unseen.outcomes)
    what = f"no query of {', '.join(unseen.queries)} ended in {outcomes}"
    if unseen.is_possible:
        what = f"{outcomes} is possible for some draws, but no such query was found"
    yield from _folded(printable(f"{', '.join(unseen.schemes)}: {what}"), 80)
    yield from _folded(
        f"looked at: {format_count(tried.trials)} trials with {format_count(tried.queries)} "
        f"queries, {format_count(tried.deleted)} deletions, {format_count(tried.asked)} of them "
        f"of blocks that a gateway had loaded and a query asked for",
        80,
    )
    reason = lacking(tried, is_gap="silent-gap" in unseen.outcomes)
    if reason:
        yield from _folded(f"unknown: {reason}", 80)


def _folded(text: str, columns: int) -> Iterator[str]:
    yield from textwrap.wrap(text, columns, subsequent_indent="  ") or [""]
