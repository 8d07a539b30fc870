"""What goes wrong, by actor: rates, what is hidden, who is down (``SEMANTICS.md`` F, S7)."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from pydantic import Field

from sim.analysis.curve.feedback import feedback
from sim.core.streams import Streams
from sim.errors import ScenarioError
from sim.model.faults.effect import Effect, Request
from sim.model.faults.happening import draw_faults
from sim.scenario.dump import to_toml
from sim.scenario.editor import editor_schema
from sim.scenario.language import faults as language
from sim.scenario.load import build, load
from sim.trace.records import PutRecord
from tests.worlds import BASE, faults_of, run, us, world

INDEX_OF_LEVEL_1 = Request("get", "index", is_compacted=False)


def hour(kind: str, **keys: Any) -> dict[str, Any]:
    """A fault from 1h to 2h."""
    return {"kind": kind, "at": "1h", "lasts": "1h", **keys}


def test_error_rates_are_in_force_while_their_fault_lasts() -> None:
    met = faults_of(hour("store-errors", error_rate=0.5, lost_answer_rate=0.25)).disturbances("any")
    at = [us("1h") - 1, us("1h"), us("2h") - 1, us("2h")]
    rates = [met.error_rates(INDEX_OF_LEVEL_1, t) for t in at]
    assert rates == [(0.0, 0.0), (0.5, 0.25), (0.5, 0.25), (0.0, 0.0)]
    assert not met.are_none
    assert faults_of().disturbances("compactor").are_none


@pytest.mark.parametrize(
    ("who", "hit"),
    [
        ("any", {"gateway/0", "gateway/1", "producer/0", "compactor"}),
        ("gateways", {"gateway/0", "gateway/1"}),
        ("gateway/1", {"gateway/1"}),
        ("producers", {"producer/0"}),
        (["compactor", "producer/0"], {"compactor", "producer/0"}),
    ],
)
def test_only_those_named_meet_errors(who: str | list[str], hit: set[str]) -> None:
    faults = faults_of(hour("request-errors", who=who, error_rate=1.0))
    actors = ("gateway/0", "gateway/1", "producer/0", "compactor")
    assert {a for a in actors if not faults.disturbances(a).are_none} == hit


@pytest.mark.parametrize(
    ("keys", "request_", "is_hit"),
    [
        ({}, Request("list", "", is_compacted=False), True),
        ({"requests": "get"}, Request("get", "chunks", is_compacted=True), True),
        ({"requests": ["get", "put"]}, Request("head", "index", is_compacted=True), False),
        ({"objects": "index"}, Request("get", "index", is_compacted=True), True),
        ({"objects": "index"}, Request("get", "meta.json", is_compacted=True), False),
        # A LIST is about no object, so a fault of some objects is none of its.
        ({"objects": "index"}, Request("list", "", is_compacted=False), False),
        ({"blocks": "compacted"}, Request("list", "", is_compacted=False), False),
        ({"blocks": "compacted"}, Request("put", "index", is_compacted=True), True),
        ({"blocks": "level-1"}, Request("put", "index", is_compacted=True), False),
    ],
)
def test_only_requests_named_fail(keys: dict[str, Any], request_: Request, is_hit: bool) -> None:
    met = faults_of(hour("request-errors", error_rate=1.0, **keys)).disturbances("compactor")
    assert met.failing(request_, us("1h")) == float(is_hit)
    denying = faults_of(hour("request-errors", answers="not-found", **keys))
    is_read = request_.kind in ("get", "head")
    assert denying.disturbances("compactor").deny(request_, us("1h")) == (is_hit and is_read)


def test_the_larger_of_two_rates_counts() -> None:
    met = faults_of(
        hour("store-errors", error_rate=0.5),
        hour("request-errors", who="compactor", error_rate=0.2, lost_answer_rate=0.6),
        error_rate=0.1,
    ).disturbances("compactor")
    assert met.error_rates(INDEX_OF_LEVEL_1, us("1h")) == (0.5, 0.6)
    assert met.failing(INDEX_OF_LEVEL_1, us("1h")) == 1.0
    assert met.error_rates(INDEX_OF_LEVEL_1, 0) == (0.1, 0.0)


def test_answers_turn_when_something_is_hidden_or_shown_again() -> None:
    met = faults_of(hour("request-errors", answers="not-found")).disturbances("gateway/0")
    spans = [("0h", "59m"), ("0h", "1h"), ("1h", "119m"), ("1h", "2h"), ("2h", "9h")]
    turns = [met.turn(us(after), us(until)) for after, until in spans]
    assert turns == [False, True, False, True, False]
    failing = faults_of(hour("request-errors", error_rate=1.0)).disturbances("gateway/0")
    assert not failing.turn(0, us("3h"))


def test_faults_are_drawn_by_their_number() -> None:
    law = {"law": "uniform", "low": "1h", "high": "2h"}
    outage = {"kind": "gateway-outage", "target": 0, "at": law, "lasts": law}
    for number, drawn in enumerate(draw_faults(world(faults=[outage, outage]), Streams(5)).effects):
        law_of = drawn.spec.at
        start_us = law_of.draw_us(Streams(5).uniform("fault", number, "at"))
        lasts_us = law_of.draw_us(Streams(5).uniform("fault", number, "lasts"))
        assert (drawn.start_us, drawn.end_us) == (start_us, start_us + lasts_us)


def test_absences_of_one_actor_are_one_after_the_other() -> None:
    def down(target: int, start_s: int, lasts_s: int) -> dict[str, Any]:
        times = {"at": f"{start_s}s", "lasts": f"{lasts_s}s"}
        return {"kind": "gateway-outage", "target": target, **times}

    faults = faults_of(down(0, 50, 10), down(0, 10, 10), down(0, 15, 15), down(0, 30, 1))
    assert faults.absences_us("gateway/0") == [(us("10s"), us("31s")), (us("50s"), us("60s"))]
    assert faults.absences_us("gateway/1") == []
    assert faults.absences_us("producer/0") == []
    assert faults_of(down(0, 7, 0)).absences_us("gateway/0") == [(us("7s"), us("7s"))]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(language._registered, "_tables", dict(language.fault_tables()))


@pytest.mark.usefixtures("registry")
def test_somebody_elses_fault_is_one_like_any_other() -> None:
    @language.register
    class Mute(language.Aimed):
        """Nothing that is written arrives."""

        kind: Literal["mute"] = Field(description="Puts fail.")
        objects: language.Objects = Field(language.OBJECTS, description="Which of them.")

        def made(self, *, start_us: int, end_us: int) -> Effect:
            return NoPuts(self, start_us=start_us, end_us=end_us)

    class NoPuts(Effect):
        @property
        def disturbs_requests(self) -> bool:
            return True

        def error_rates(self, request: Request) -> tuple[float, float]:
            return float(request.kind == "put"), 0.0

    table = {"kind": "mute", "at": "5h", "lasts": "4h", "who": "producers"}
    scenario = world(faults=[table])
    assert load(to_toml(scenario)) == scenario
    assert scenario.digest != world(faults=[table | {"objects": "index"}]).digest
    assert '"mute"' in editor_schema()

    def put_us(faults: list[dict[str, Any]]) -> list[int]:
        trace, _ = run(world(faults=faults))
        puts = [record.t_us for record in trace.records if isinstance(record, PutRecord)]
        return [t_us for t_us in puts if us("5h") <= t_us < us("9h")]

    assert put_us([])
    assert not put_us([table])
    # Nothing is claimed of a kind that nobody has thought about.
    assert "mute may depend on what is deleted" in feedback(scenario)
    with pytest.raises(ValueError, match="there is a fault 'crash' already"):

        @language.register
        class Again(language.Fault):
            kind: Literal["crash"] = "crash"


def test_a_kind_that_nobody_registered_is_refused_with_a_guess() -> None:
    assert "mute" not in language.fault_tables()
    raw = BASE | {"faults": [{"kind": "craash", "at": "1h", "lasts": "1h"}]}
    with pytest.raises(ScenarioError, match=r'faults\[0\].kind=.*did you mean "crash"'):
        build(raw)
