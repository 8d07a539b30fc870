"""What faults that choose among requests and actors must fulfil, each rule with its message."""

from __future__ import annotations

import pytest

from sim.scenario.load import build
from tests.unit.test_scenario_rules import Raw, messages, raw

SOME: Raw = {"kind": "request-errors", "at": "1d", "lasts": "1h"}
SHORT: Raw = SOME | {"answers": "truncated"}
CRASH: Raw = {
    "kind": "crash",
    "at": "1d",
    "lasts": "1h",
    "who": "compactor",
    "at_request": {"request": "put"},
}
LAGS: Raw = {"kind": "store-lags", "at": "1d", "lasts": "1h", "lag": "5m"}
CUT_OFF: Raw = {"kind": "cut-off", "at": "1d", "lasts": "1h", "replicas": 0}
WHO = 'must be one of "any", "producers", "gateways", "compactor", or one as "gateway/0"; '


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            {"faults": [SOME | {"error_rate": 0.5, "lost_answer_rate": 0.6}]},
            "faults[0].lost_answer_rate=0.6 must be at most 1 - error_rate; "
            "see faults[0].error_rate=0.5",
        ),
        (
            {"faults": [SOME | {"who": "compacter"}]},
            f"faults[0].who='compacter' {WHO}did you mean \"compactor\"?",
        ),
        (
            {"faults": [SOME | {"who": ["any", "gateway/1"]}]},
            f"faults[0].who[1]='gateway/1' {WHO}did you mean \"gateway/0\"?; "
            "see gateways.count=1 (the default)",
        ),
        ({"faults": [SOME | {"who": []}]}, "faults[0].who=[] must hold at least one entry"),
        (
            {"faults": [SOME | {"requests": "put", "objects": "idnex"}]},
            'faults[0].objects=\'idnex\' must be one of "chunks", "index", '
            '"meta.json", "deletion-mark.json"; did you mean "index"?',
        ),
        (
            {"faults": [SOME | {"requests": "list", "objects": "index"}]},
            "faults[0].objects='index' must be left out where only list is hit, which asks for no "
            'object; see faults[0].requests="list"',
        ),
        (
            {"faults": [SOME | {"answers": "not-found", "error_rate": 0.1}]},
            'faults[0].error_rate=0.1 must be 0 with answers = "not-found", which are no errors; '
            'see faults[0].answers="not-found"',
        ),
        (
            {"faults": [SOME | {"answers": "not-found", "requests": "put"}]},
            'faults[0].requests=\'put\' must hold "get" or "head" with answers = "not-found"; '
            'see faults[0].answers="not-found"',
        ),
        (
            {"faults": [SHORT | {"lost_answer_rate": 0.1}]},
            'faults[0].lost_answer_rate=0.1 must be 0 with answers = "truncated", which are no '
            'errors; see faults[0].answers="truncated"',
        ),
        (
            {"faults": [SHORT | {"requests": "list"}]},
            'faults[0].requests=\'list\' must hold "get" with answers = "truncated"; '
            'see faults[0].answers="truncated"',
        ),
        (
            {"faults": [SHORT | {"objects": "index"}]},
            'faults[0].objects=\'index\' must hold "chunks" with answers = "truncated"; '
            'see faults[0].answers="truncated"',
        ),
        (
            {"faults": [SHORT | {"who": "gateways"}]},
            'faults[0].who=\'gateways\' must hold "compactor" with answers = "truncated": who '
            'downloads; see faults[0].answers="truncated"',
        ),
        (
            {"faults": [CRASH | {"who": "gateways"}]},
            "faults[0].who='gateways' must be no gateway with at_request, for gateways put and "
            'delete nothing; see faults[0].at_request={request = "put"}',
        ),
        (
            {"faults": [CUT_OFF | {"replicas": [0, 2]}], "store": {"replicas": 2}},
            "faults[0].replicas[1]=2 must be a replica: 0 to 1; see store.replicas=2",
        ),
        (
            {"faults": [CUT_OFF], "store": {"replicas": 2, "primary": True}},
            "faults[0].replicas=0 must be no primary, which is current; see store.primary=true",
        ),
        (
            {"faults": [LAGS], "store": {"profile": "wars"}},
            "faults[0].kind='store-lags' must be another kind where messages decide when changes "
            "show; see store.quorum.n=3 (the default)",
        ),
        (
            {"faults": [CRASH | {"at_request": {}}]},
            "faults[0].at_request.request=(missing) must be given",
        ),
    ],
)
def test_a_broken_rule_has_one_message(overrides: Raw, message: str) -> None:
    assert messages(**overrides) == [message]


@pytest.mark.parametrize(
    "overrides",
    [
        {"faults": [SOME | {"who": ["gateway/0", "producers"], "requests": ["get", "list"]}]},
        {"faults": [SHORT, SHORT | {"who": ["gateways", "compactor"], "objects": "chunks"}]},
        {"faults": [CRASH, CRASH | {"who": "any"}]},
        {"faults": [LAGS, CUT_OFF | {"replicas": 1}], "store": {"replicas": 2, "primary": True}},
    ],
)
def test_it_is_accepted(overrides: Raw) -> None:
    assert build(raw(**overrides)).faults
