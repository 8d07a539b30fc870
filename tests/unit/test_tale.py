"""A tale: what it tells of a query, of which blocks, and what is drawn and worded of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from sim.analysis.evidence.events import Event, What
from sim.analysis.evidence.tale import Explained, Saved, Tale, Unseen
from sim.analysis.queries.one_query import Asked, judged
from sim.core.units import NEVER
from sim.report.exports import as_json, mermaid, perfetto
from sim.report.lanes import lane_lines
from sim.report.style import to_svg
from sim.report.tale import (
    event_words,
    explained_lines,
    merged_events,
    nicknames,
    relative,
    unseen_lines,
)
from sim.report.timeline import tale_figure
from sim.scenario.schema import Scenario
from sim.study.explain import World, explain, told, world
from tests.worlds import AT_ONCE, lag, marks, us
from tests.worlds import world as scenario_of

LATE_LISTING = {"lag": lag(create_list="70m")}
OUTAGE = {"kind": "gateway-outage", "target": 0, "at": "9h40m", "lasts": "1h"}
NAME = 'end; of #1: <b>"day"</b>'

SCENARIOS: dict[str, Scenario] = {
    "query-error": scenario_of(),
    "warned": scenario_of(
        gateways={"count": 2, "phase": "uniform", "partial_response": "warn"},
        producers={"local_retention": "1h"},
    ),
    "partial-response": scenario_of(gateways={"partial_response": "warn"}),
    "silent-gap": scenario_of(store=LATE_LISTING, producers={"local_retention": "4h"}),
}


def _found(scenario: Scenario, outcome: str | None = None) -> Explained:
    found = explain(scenario, outcome=outcome)
    assert isinstance(found, Explained)
    return found


@pytest.fixture(scope="module", params=SCENARIOS)
def explained(request: pytest.FixtureRequest) -> Explained:
    return _found(SCENARIOS[request.param], request.param)


@pytest.fixture(scope="module")
def failed() -> Explained:
    return _found(SCENARIOS["query-error"])


def _whats(tale: Tale) -> list[What]:
    return [event.what for event in tale.events]


def test_a_gap_that_nobody_is_told_of_names_the_reads_that_found_nothing() -> None:
    lenient = {"name": "lenient", "kind": "composed", "miss": "tolerate"}
    local = {"local_retention": "4h"}
    tale = _found(scenario_of(schemes=[lenient], producers=local), "silent-gap").tale
    gone = {met.block for met in tale.met}
    assert gone
    assert gone >= set(tale.lacking)
    assert What.FAILED in _whats(tale)


def test_each_outcome_is_told(explained: Explained) -> None:
    tale = explained.tale
    assert tale.outcome in SCENARIOS
    there = world(SCENARIOS[tale.outcome], 0, tale.trial)
    answer = judged(there.exposed[0], tale.asked)
    assert answer.outcome == tale.outcome
    assert bool(tale.met) == (tale.outcome != "silent-gap")
    assert bool(tale.lacking) == (tale.outcome in ("silent-gap", "partial-response"))
    assert [event.t_us for event in tale.events] == sorted(event.t_us for event in tale.events)
    whats = _whats(tale)
    assert whats.count(What.ASKED) == whats.count(What.ENDED) == 1
    assert (What.FAILED in whats) == bool(tale.met)
    assert (What.MISSED in whats) == bool(tale.lacking)
    assert {What.UPLOADED, What.SYNCED} <= set(whats)


def test_events_with_a_place_are_records_of_the_trace(explained: Explained) -> None:
    there = world(SCENARIOS[explained.tale.outcome], 0, explained.tale.trial)
    ids = there.timelines.blocks.id
    placed = [event for event in explained.tale.events if event.record is not None]
    assert placed
    for event in placed:
        assert event.record is not None
        record = there.trace.records[event.record]
        assert record.t_us == event.t_us
        numbers = getattr(record, "blocks", None) or (getattr(record, "block", None),)
        assert {ids[n] for n in numbers if n is not None} >= set(event.blocks[:1])


def test_a_deletion_at_once_is_told_from_the_upload_to_the_drop(failed: Explained) -> None:
    tale = failed.tale
    first = tale.blocks[0]
    mine = [event for event in tale.events if first in event.blocks]
    order = [What.UPLOADED, What.LOADED, What.RETIRED, What.DELETING, What.FAILED, What.DROPPED]
    assert [event.what for event in mine if event.what in order] == order
    assert [e.actor for e in mine if e.what is What.UPLOADED] == ["producer/0"]
    assert [e.actor for e in mine if e.what is What.DELETING] == ["compactor"]
    assert [e.detail for e in mine if e.what is What.RETIRED] == ["compacted"]


def test_marks_tell_when_they_were_old_enough() -> None:
    scenario = scenario_of(
        schemes=[marks("20m", "10m")], gateways={"sync_interval": "2h", "phase": "30m"}
    )
    tale = _found(scenario).tale
    (marked,) = [e for e in tale.events if e.what is What.MARKED and e.blocks == tale.blocks[:1]]
    ripe = {e.what: e.t_us for e in tale.events if e.actor == "mark" and e.blocks == marked.blocks}
    assert ripe == {
        What.MAY_HIDE: marked.t_us + us("10m") + 1,
        What.MAY_DELETE: marked.t_us + us("20m") + 1,
    }
    assert (tale.hide_us, tale.delay_us) == (us("10m"), us("20m"))
    assert tale.deletion.hidden_us == ripe[What.MAY_HIDE]


def test_a_cleaner_is_told_apart_from_the_compactor() -> None:
    scenario = scenario_of(
        schemes=[marks("20m", "10m")],
        gateways={"sync_interval": "2h", "phase": "30m"},
        compactor={"cleanup": "every 5m"},
    )
    events = _found(scenario).tale.events
    assert {e.actor for e in events if e.what is What.DELETING} == {"cleaner"}
    assert {e.actor for e in events if e.what is What.MARKED} == {"compactor"}


def test_an_outage_is_told() -> None:
    scenario = scenario_of(faults=[OUTAGE], schemes=[marks("40h", "20h")])
    tale = _found(scenario, "query-error").tale
    assert What.DOWN in _whats(tale)
    assert {met.key for met in tale.met} == {""}
    assert "the gateway is down" in "\n".join(explained_lines(Explained(tale=tale, saved=())))


def test_a_halt_is_told_with_the_letters_of_blocks(failed: Explained) -> None:
    tale = failed.tale
    halt = Event(
        t_us=tale.asked.at_us,
        what=What.HALTED,
        actor="compactor",
        detail=f"listing lacks {tale.blocks[0]}/index",
    )
    assert event_words(halt, tale) == "halts until it is restarted: listing lacks A/index"


def test_lags_are_told_per_plane() -> None:
    scenario = scenario_of(store={"lag": lag(create_list="70m", delete_get="3m")})
    tale = _found(scenario).tale
    listed = [e for e in tale.events if e.what is What.LISTED]
    uploaded = {e.blocks[0]: e.t_us for e in tale.events if e.what is What.UPLOADED}
    assert listed
    assert all(
        e.t_us == uploaded[e.blocks[0]] + us("70m") for e in listed if e.blocks[0] in uploaded
    )
    assert {e.actor for e in listed} == {"store/0"}


def test_a_query_that_is_ok_has_no_tale(failed: Explained) -> None:
    there = world(SCENARIOS["query-error"], 0, 0)
    asked = replace(failed.tale.asked, at_us=us("1h"))
    with pytest.raises(ValueError, match="is ok"):
        told(there, asked)


def test_words_fit_and_have_both_times(explained: Explained) -> None:
    tale = explained.tale
    lines = list(explained_lines(explained))
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert f"a query of day ends in {tale.outcome}" in " ".join(text.split())
    assert re.search(r"^ *-\d\S+ +\S+ +producer 0 +uploads A$", text, re.MULTILINE)
    assert re.search(r"^ *0s +\S+ +query +ends: " + tale.outcome, text, re.MULTILINE)


def test_wide_and_narrow_terminals_get_lanes_that_fit(explained: Explained) -> None:
    for columns in (60, 80, 120):
        lines = list(lane_lines(explained.tale, columns=columns))
        assert max(map(len, lines[:-3])) <= columns
    ascii_lines = "\n".join(lane_lines(explained.tale, is_unicode=False))
    assert ascii_lines.isascii()
    assert "?x" in ascii_lines.replace("?  x", "?x")


def test_lanes_show_what_each_had(failed: Explained) -> None:
    tale = failed.tale
    heading, names, *rows = list(lane_lines(tale))
    assert heading.split() == ["store", "store", "gateway"]
    assert names.split() == ["time", "LIST", "GET", "compactor", "0", "query"]
    (asked,) = [row.split() for row in rows if row.split()[:1] == ["0s"]]
    first = nicknames(tale)[tale.blocks[0]]
    _, listed, shown, _, loaded, query = asked
    assert first not in listed
    assert first not in shown
    assert first in loaded
    assert query == "?✗"


def test_lanes_that_do_not_fit_are_counted() -> None:
    tale = _found(
        scenario_of(gateways={"count": 9, "phase": "uniform", "partial_response": "warn"}),
        "partial-response",
    ).tale
    assert len(tale.gateways) == 9
    assert "gateways left out" in list(lane_lines(tale, columns=80))[-1]
    assert "left out" not in list(lane_lines(tale, columns=200))[-1]


def test_events_at_one_instant_are_one() -> None:
    events = [
        Event(t_us=5, what=What.RETIRED, actor="compactor", blocks=("a",), detail="compacted"),
        Event(t_us=5, what=What.RETIRED, actor="compactor", blocks=("b",), detail="compacted"),
        Event(t_us=5, what=What.RETIRED, actor="compactor", blocks=("c",), detail="garbage"),
        Event(t_us=6, what=What.RETIRED, actor="compactor", blocks=("d",), detail="garbage"),
    ]
    assert [event.blocks for event in merged_events(events)] == [("a", "b"), ("c",), ("d",)]
    assert relative(1, 2_000_001) == "-2s"


def _named(explained: Explained, name: str) -> Tale:
    tale = explained.tale
    return replace(tale, scheme=name, asked=replace(tale.asked, query=name))


MERMAID = re.compile(
    r"sequenceDiagram"
    r"|  title [^;\n]*"
    r"|  participant \w+ as [\w ]+"
    r"|  Note over \w+: .+"
    r"|  \w+(->>|--x)\w+: .+"
)


def test_mermaid_has_statements_only(explained: Explained) -> None:
    text = mermaid(_named(explained, NAME))
    declared = re.findall(r"participant (\w+) as", text)
    assert len(set(declared)) == len(declared)
    for line in text.splitlines():
        plain = re.sub(r"#\d+;", "", line)
        assert MERMAID.fullmatch(plain), line
        # Nothing is left that Mermaid would take for the end of a statement, or of a block.
        bare = plain.replace("->>", "")
        assert not re.search(r"[;#<>\"]|\bend\b", bare), line
        for name in re.findall(r"^  (?:Note over )?(\w+)(?::|->>|--x)", line):
            assert name in declared
        for name in re.findall(r"(?:->>|--x)(\w+):", line):
            assert name in declared
    assert "#101;nd#59; of #35;1" in text


def test_perfetto_tracks_have_names_and_arrows_have_ends(explained: Explained) -> None:
    tale = _named(explained, NAME)
    document = json.loads(perfetto(tale))
    rows = document["traceEvents"]
    threads = {(r["pid"], r["tid"]): r["args"]["name"] for r in rows if r["name"] == "thread_name"}
    processes = {r["pid"] for r in rows if r["name"] == "process_name"}
    assert set(Counter(row["ph"] for row in rows)) <= {"M", "X", "i", "s", "f"}
    slices: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for row in rows:
        assert isinstance(row["ts"], int)
        if row["ph"] == "M":
            continue
        place = row["pid"], row["tid"]
        assert place in threads
        assert row["pid"] in processes
        if row["ph"] == "X":
            assert row["dur"] >= 1
            slices.setdefault(place, []).append((row["ts"], row["ts"] + row["dur"]))
    for spans in slices.values():
        spans.sort()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    arrows = [row for row in rows if row["ph"] in "sf"]
    assert Counter(row["ph"] for row in arrows)["s"] == len(arrows) / 2
    for row in arrows:
        held = slices[row["pid"], row["tid"]]
        assert any(start <= row["ts"] <= end for start, end in held), row
    if tale.met:
        assert "meets" in {row["name"] for row in arrows}
    (query,) = [r for r in rows if r["ph"] == "X" and r["name"] == tale.outcome]
    assert query["ts"] == tale.asked.at_us


def test_json_says_null_for_what_never_came(explained: Explained) -> None:
    text = as_json(explained)
    assert str(NEVER) not in text
    document = json.loads(text)
    assert document["kind"] == "explained"
    assert document["tale"]["outcome"] == explained.tale.outcome
    assert document["tale"]["asked"]["at_us"] == explained.tale.asked.at_us
    assert len(document["tale"]["events"]) == len(explained.tale.events)


def test_the_figure_marks_the_query(explained: Explained) -> None:
    figure = tale_figure(explained.tale)
    (ax,) = figure.axes
    title = ax.get_title(loc="left")
    assert f"Why did this query of day end in {explained.tale.outcome}?" in title
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "this query" in legend
    assert "a sync ends" in legend
    assert to_svg(figure) == to_svg(tale_figure(explained.tale))


def test_the_figure_has_a_lane_for_the_replacement(failed: Explained) -> None:
    story = failed.tale.deletion
    assert story.replacement == failed.tale.blocks[1]
    (ax,) = tale_figure(failed.tale).axes
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:3] == ["store", "its replacement", "gateway 0"]
    assert "into the run" in ax.get_xlabel()
    assert story.syncs


def test_knobs_are_a_table_with_a_note() -> None:
    tale = _found(SCENARIOS["query-error"]).tale
    saved = (
        Saved(
            key="gateways.sync_takes",
            now_us=us("5m"),
            needed_us=us("1m"),
            grows=False,
            is_least=True,
        ),
        Saved(
            key="schemes.0.delete_delay",
            now_us=None,
            needed_us=us("1h"),
            grows=True,
            is_least=False,
        ),
        Saved(
            key="gateways.sync_interval",
            now_us=us("1h"),
            needed_us=None,
            grows=False,
            is_least=False,
        ),
    )
    text = "\n".join(explained_lines(Explained(tale=tale, saved=saved)))
    assert re.search(r"gateways.sync_takes +5m +at most 1m\n", text)
    assert re.search(r"schemes.0.delete_delay +at once +at least 1h \*\n", text)
    assert "does not save it: gateways.sync_interval." in " ".join(text.split())
    none = "\n".join(explained_lines(Explained(tale=tale, saved=saved[2:])))
    assert "No change of a single knob" in none
    assert "Tried: gateways.sync_interval." in none


def test_nothing_seen_is_said_with_how_much_was_tried() -> None:
    found = explain(scenario_of(schemes=[marks("40h", "20h")]), outcome="query-error")
    assert isinstance(found, Unseen)
    text = " ".join(" ".join(unseen_lines(found)).split())
    assert "mark: no query of day ended in query-error" in text
    assert "unknown: no block was deleted after the warm-up" in text
    assert json.loads(as_json(found))["kind"] == "unseen"


@pytest.mark.parametrize("scheme", [AT_ONCE, marks("1h", "30m")], ids=lambda s: str(s["kind"]))
def test_a_query_that_was_not_drawn_can_be_told(scheme: dict[str, object]) -> None:
    scenario = scenario_of(
        schemes=[scheme],
        queries=[{"name": "rare", "rate": "1/d", "range": "1d", "takes": "20m"}],
        gateways={"sync_interval": "3h", "phase": "30m"},
        seed=3,
    )
    tale = _found(scenario).tale
    assert tale.asked.number is None
    assert "none that was drawn does, but one might" in " ".join(
        explained_lines(Explained(tale=tale, saved=()), columns=200)
    )


def test_a_query_of_few_streams_asks_for_what_fails() -> None:
    scenario = scenario_of(
        producers={"count": 5, "local_retention": "0s"},
        queries=[{"name": "some", "rate": "2/m", "range": "1d", "streams": 2}],
    )
    there: World = world(scenario, 0, 0)
    tale = _found(scenario).tale
    asked: Asked = tale.asked
    assert len(asked.streams) == 2
    assert {int(met.block.split(".")[0]) for met in tale.met} <= set(asked.streams)
    other = tuple(s for s in range(5) if s not in asked.streams)[:2]
    wrong = replace(asked, streams=other)
    failing = {read.stream for read in judged(there.exposed[0], wrong).reads}
    assert failing <= set(other)
