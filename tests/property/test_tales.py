"""Tales of worlds that nobody wrote down: true to the draws, the reference, the trace."""

from __future__ import annotations

import json

from hypothesis import event, given, settings

from sim.analysis.evidence.events import What
from sim.analysis.evidence.tale import Explained, Tale
from sim.analysis.queries.evaluate import evaluate_exact, sample_outcomes
from sim.analysis.queries.one_query import find_asked, judged, numbered
from sim.core.units import NEVER
from sim.report.exports import mermaid, perfetto
from sim.report.lanes import lane_lines
from sim.report.tale import explained_lines
from sim.scenario.schema import OUTCOMES, Scenario
from sim.study.explain import World, told, world
from sim.testing import scenarios
from sim.trace.records import (
    AbortRecord,
    CompactRecord,
    DeleteRecord,
    DownRecord,
    DropRecord,
    HaltRecord,
    LoadRecord,
    PutRecord,
    RetireRecord,
    UnloadedRecord,
    UpRecord,
)
from tests.reference import plain
from tests.traces import sparse

RECORDS = {
    What.UPLOADED: PutRecord,
    What.MARKED: PutRecord,
    What.COMPACTED: CompactRecord,
    What.RETIRED: RetireRecord,
    What.DELETING: DeleteRecord,
    What.DELETED: DeleteRecord,
    What.HALTED: HaltRecord,
    What.DOWN: DownRecord,
    What.UP: UpRecord,
    What.ABORTED: AbortRecord,
    What.LOADED: LoadRecord,
    What.UNLOADED: UnloadedRecord,
    What.DROPPED: DropRecord,
}


def _in_the_trace(here: World, tale: Tale) -> None:
    """Fail unless every event that changed the world is a record of its kind, time and block."""
    ids, gateways = here.timelines.blocks.id, {f"gateway/{g}" for g in tale.gateways}
    for told_event in tale.events:
        assert (told_event.record is not None) == (told_event.what in RECORDS)
        if told_event.record is None:
            continue
        record = here.trace.records[told_event.record]
        assert isinstance(record, RECORDS[told_event.what])
        assert record.t_us == told_event.t_us
        if told_event.actor in gateways:
            number = getattr(record, "gateway", None)
            assert told_event.actor == f"gateway/{number}"
        blocks = getattr(record, "blocks", ()) or [getattr(record, "block", None)]
        named = {ids[b] for b in (*blocks, *getattr(record, "parents", ())) if b is not None}
        assert set(told_event.blocks) <= named


@settings(max_examples=settings().max_examples * 2 // 5)
@given(scenario=scenarios())
def test_a_told_query_ends_as_it_is_told(scenario: Scenario) -> None:
    scenario = sparse(scenario)
    for index in range(len(scenario.schemes)):
        here = world(scenario, index, 0)
        reference = None
        found = evaluate_exact(scenario, here.timelines, here.exposed)
        for outcome_of, exposure in zip(found, here.exposed, strict=True):
            for outcome, witness in outcome_of.witnesses.items():
                asked = find_asked(exposure, witness, outcome)
                event(f"{outcome}: {'none' if asked is None else asked.number is not None}")
                if asked is None:
                    continue
                assert judged(exposure, asked).outcome == outcome
                if asked.number is not None:
                    reference = reference or plain.simulate(scenario, index, 0)
                    slow = reference.outcomes[asked.query][asked.number]
                    assert slow == (asked.at_us, outcome)
                tale = told(here, asked)
                assert tale.outcome == outcome
                _in_the_trace(here, tale)
                json.loads(perfetto(tale))
                assert mermaid(tale).startswith("sequenceDiagram\n")
                assert all(span.start_us < span.end_us <= NEVER for span in tale.spans)
                assert list(lane_lines(tale))
                assert list(explained_lines(Explained(tale=tale, saved=())))


@settings(max_examples=settings().max_examples * 2 // 5)
@given(scenario=scenarios())
def test_one_query_is_judged_as_all_are(scenario: Scenario) -> None:
    """Every drawn query, one by one, as the vectors have it."""
    for index in range(len(scenario.schemes)):
        here = world(scenario, index, 0)
        for exposure in here.exposed:
            at_us, codes = sample_outcomes(exposure)
            for number, (t_us, code) in list(enumerate(zip(at_us, codes, strict=True)))[::7]:
                asked = numbered(exposure, number, int(t_us))
                assert judged(exposure, asked).outcome == OUTCOMES[code]
