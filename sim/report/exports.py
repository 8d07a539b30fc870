"""A tale for other programs: JSON, a Mermaid sequence diagram, and a trace for Perfetto.

Mermaid: https://mermaid.js.org/syntax/sequenceDiagram.html. Perfetto and chrome://tracing read the
Trace Event Format; its times are microseconds, as ours are.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from sim import __version__
from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.holding import Holding
from sim.analysis.evidence.spans import Span
from sim.analysis.evidence.tale import Explained, Tale, Unseen
from sim.core.units import NEVER
from sim.report.document import to_json
from sim.report.formats import format_span
from sim.report.names import block_name
from sim.report.tale import clock, event_words, merged_events, nicknames, relative

__all__ = ["as_json", "mermaid", "perfetto"]

# What means something to Mermaid, and what is no plain letter, is written as its number.
_ODD: Final = re.compile(r"[^A-Za-z0-9 .,()/+\-_=]")
# A statement of its own to Mermaid; one letter as its number makes it a word again.
_END: Final = re.compile(r"\b(e)(nd)\b", re.IGNORECASE)
_EVENTS_MAX: Final = 60

_TO_STORE: Final = (
    What.UPLOADED,
    What.COMPACTED,
    What.MARKED,
    What.DELETING,
    What.DELETED,
    What.LOADED,
    What.UNLOADED,
    What.ABORTED,
)
_PROCESSES: Final = ("store", "producers", "compactor", "gateways", "query")


def as_json(found: Explained | Unseen | Holding) -> str:
    """What was found as JSON text that ends in a newline; a time that never came is null."""
    content = {"schema": 1, "version": __version__, "kind": type(found).__name__.lower()}
    return to_json({**content, **_plain_data(asdict(found))})


def _plain_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain_data(part) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return [_plain_data(part) for part in value]
    is_none = value == NEVER or (isinstance(value, float) and math.isnan(value))
    return None if is_none else value


def mermaid(tale: Tale) -> str:
    """A sequence diagram: who told whom what, from the top.

    Of more than 60 events the last are shown.
    """
    events = list(merged_events(tale.events))[-_EVENTS_MAX:]
    actors = dict.fromkeys(event.actor for event in events)
    zero_us = tale.asked.at_us
    lines = ["sequenceDiagram"]
    title = f"{tale.scheme}, trial {tale.trial}: {tale.asked.query} ends in {tale.outcome}"
    lines.append(f"  title {_plain(title)}")
    people = [a for a in actors if not a.startswith(("store/", "mark", "gateway/", "query"))]
    gateways = [f"gateway/{g}" for g in tale.gateways]
    lines += [
        f"  participant {_alias(actor)} as {_plain(actor.replace('/', ' '))}"
        for actor in [*people, "store", *gateways, "query"]
    ]
    lines += [
        f"  Note over store: {name} is {_plain(block_name(block))}"
        for block, name in nicknames(tale).items()
    ]
    lines += [f"  {_statement(e, tale, relative(e.t_us, zero_us))}" for e in events]
    return "\n".join(lines) + "\n"


def _statement(event: Event, tale: Tale, when: str) -> str:
    text = _plain(f"{when} {event_words(event, tale)}")
    if event.what is What.ASKED:
        gateways = [f"query->>{_alias(f'gateway/{g}')}: {text}" for g in tale.gateways]
        return "\n  ".join(gateways) or f"Note over query: {text}"
    if event.what is What.FAILED:
        return f"{_alias(event.actor)}--xquery: {text}"
    if event.actor.startswith("store/") or event.actor == "mark":
        who = "mark" if event.actor == "mark" else f"replica {event.actor[6:]}"
        return f"Note over store: {_plain(f'{when} {who} {event_words(event, tale)}')}"
    if event.what in _TO_STORE:
        return f"{_alias(event.actor)}->>store: {text}"
    return f"Note over {_alias(event.actor)}: {text}"


def _alias(actor: str) -> str:
    return actor.replace("/", "_")


def _plain(text: str) -> str:
    """Text in which nothing is syntax."""
    kept = _ODD.sub(lambda found: f"#{ord(found[0])};", text)
    return _END.sub(lambda found: f"#{ord(found[1])};{found[2]}", kept)


def perfetto(tale: Tale) -> str:
    """A trace in JSON: a track per lane and block, instants for what happened, and arrows.

    Arrows lead from the upload of a block to who loads it, and from the query to what it could
    not read. Spans that never end are cut where the tale ends.
    """
    tracks = _Tracks()
    end_us = max(event.t_us for event in tale.events) + 1
    names = nicknames(tale)
    rows = [_span_row(tracks, span, names, end_us) for span in tale.spans]
    asked = tale.asked
    place = tracks.place("query", f"query of {asked.query}")
    rows.append(
        {
            "name": tale.outcome,
            "ph": "X",
            "ts": asked.at_us,
            "dur": max(1, asked.takes_us),
            "args": {"arrives": clock(asked.at_us), "streams": list(asked.streams)},
            **place,
        }
    )
    for event in merged_events(tale.events):
        words = event_words(event, tale)
        args = {"blocks": list(event.blocks), "relative": relative(event.t_us, asked.at_us)}
        where = tracks.place(_process(event.actor), f"{event.actor.replace('/', ' ')}: events")
        rows.append({"name": words, "ph": "i", "s": "t", "ts": event.t_us, "args": args, **where})
    rows += _arrows(tale, tracks, names, place, end_us)
    document = {
        "displayTimeUnit": "ms",
        "otherData": {
            "scenario": tale.scenario,
            "scheme": tale.scheme,
            "trial": tale.trial,
            "seed": tale.seed,
            "digest": tale.digest,
            "failure": f"{format_span(asked.at_us)} into the run",
        },
        "traceEvents": [*tracks.metadata(), *rows],
    }
    return json.dumps(document, indent=1) + "\n"


class _Tracks:
    """Processes and threads, numbered in the order in which they are asked for."""

    def __init__(self) -> None:
        self._threads: dict[tuple[str, str], int] = {}

    def place(self, process: str, thread: str) -> dict[str, int]:
        """Where a row of a thread belongs."""
        number = self._threads.setdefault((process, thread), len(self._threads) + 1)
        return {"pid": _PROCESSES.index(process) + 1, "tid": number}

    def metadata(self) -> Iterator[dict[str, Any]]:
        """The names of all that were placed, and their order."""
        used = dict.fromkeys(process for process, _ in self._threads)
        for process in used:
            pid = _PROCESSES.index(process) + 1
            yield _metadata("process_name", pid, 0, {"name": process})
            yield _metadata("process_sort_index", pid, 0, {"sort_index": pid})
        for (process, thread), tid in self._threads.items():
            pid = _PROCESSES.index(process) + 1
            yield _metadata("thread_name", pid, tid, {"name": thread})
            yield _metadata("thread_sort_index", pid, tid, {"sort_index": tid})


def _metadata(name: str, pid: int, tid: int, args: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "ph": "M", "ts": 0, "pid": pid, "tid": tid, "args": args}


def _process(actor: str) -> str:
    kind = actor.partition("/")[0]
    homes = {"producer": "producers", "gateway": "gateways", "store": "store", "query": "query"}
    return homes.get(kind, "compactor")


def _lane_place(tracks: _Tracks, span: Span, names: dict[str, str]) -> dict[str, int]:
    kind, _, number = span.lane.partition("/")
    if kind in ("get", "list"):
        return tracks.place("store", f"replica {number} {kind.upper()}: {names[span.block]}")
    if kind == "gateway":
        return tracks.place("gateways", f"gateway {number}: {names[span.block]}")
    return tracks.place("compactor", f"compactor: {names[span.block]}")


def _span_row(tracks: _Tracks, span: Span, names: dict[str, str], end_us: int) -> dict[str, Any]:
    start_us = min(span.start_us, end_us)
    return {
        "name": names[span.block],
        "ph": "X",
        "ts": start_us,
        "dur": max(1, min(span.end_us, end_us) - start_us),
        "args": {"block": span.block, "is": block_name(span.block)},
        **_lane_place(tracks, span, names),
    }


def _arrows(
    tale: Tale, tracks: _Tracks, names: dict[str, str], query: dict[str, int], end_us: int
) -> Iterator[dict[str, Any]]:
    """Flow events: each arrow begins and ends inside a slice of the track it names."""
    loaded = [span for span in tale.spans if span.lane.startswith("gateway/")]
    made = {span.block: span for span in tale.spans if span.lane == "compactor"}
    number = 0
    for span in loaded:
        met = any(m.block == span.block and f"gateway/{m.gateway}" == span.lane for m in tale.met)
        holds = span.start_us <= tale.asked.at_us < span.end_us
        ends = []
        if met and holds:
            ends.append((query, tale.asked.at_us, tale.asked.at_us, "meets"))
        source = made.get(span.block)
        if source is not None and span.start_us < end_us:
            begin = _lane_place(tracks, source, names)
            ends.append((begin, source.end_us - 1, span.start_us, "loads"))
        for begin, start_us, finish_us, name in ends:
            number += 1
            arrow = {"name": name, "cat": "tale", "id": number}
            yield {**arrow, "ph": "s", "ts": start_us, **begin}
            to = _lane_place(tracks, span, names)
            yield {**arrow, "ph": "f", "bp": "e", "ts": finish_us, **to}
