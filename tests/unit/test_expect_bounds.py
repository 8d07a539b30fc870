"""Bounds of measures in ``[expect]``: each with the unit of what it bounds, or a message."""

from __future__ import annotations

from typing import Any

import pytest

from sim.scenario.load import build
from tests.unit.test_scenario_rules import OUTCOMES, messages, raw

Raw = dict[str, Any]

MEASURES = (
    '"re-references", "compactions", "stored-bytes", "garbage-bytes", "left-behind-bytes", '
    '"requests.get", '
    '"requests.head", "requests.list", "requests.put", "requests.delete", '
    '"time-to-visible.mean_s", "time-to-visible.p50_s", "time-to-visible.p99_s", '
    '"time-to-visible.max_s", "time-to-visible.never", "retention-overshoot.mean_s", '
    '"retention-overshoot.p50_s", "retention-overshoot.p99_s", "retention-overshoot.max_s", '
    '"damage-found.mean_s", "damage-found.p50_s", "damage-found.p99_s", "damage-found.max_s", '
    '"damage-found.never", "backlog.mean", "backlog.most", "backlog.last", "backlog.grows", '
    '"compaction-wait.mean_s", "compaction-wait.p50_s", "compaction-wait.p99_s", '
    '"compaction-wait.max_s", "sweep-backlog.mean", "sweep-backlog.most", "sweep-backlog.last", '
    '"sweep-backlog.grows", "deletion-wait.mean_s", "deletion-wait.p50_s", "deletion-wait.p99_s", '
    '"deletion-wait.max_s"'
)

REFUSED: list[tuple[Raw, str]] = [
    (
        {"expect": {"at once": {"at_most": {"lost-blocks": 1}}}},
        f'expect."at once".at_most.lost-blocks=1 must be one of {OUTCOMES}, {MEASURES}; '
        'did you mean "lost-block"?',
    ),
    (
        {"expect": {"at once": {"sometimes": ["garbage-bytes"]}}},
        f"expect.\"at once\".sometimes[0]='garbage-bytes' must be one of {OUTCOMES}; "
        "a measure has bounds: at_most, at_least",
    ),
    (
        {"expect": {"at once": {"at_most": {"retention-overshoot.max_s": 3}}}},
        'expect."at once".at_most."retention-overshoot.max_s"=3 must be a duration with a unit '
        'such as "5m"',
    ),
    (
        {"expect": {"at once": {"at_least": {"garbage-bytes": "3h"}}}},
        "expect.\"at once\".at_least.garbage-bytes='3h' must be a size with a unit such as "
        '"512MiB"',
    ),
    (
        {"expect": {"at once": {"at_most": {"requests.get": "7"}}}},
        'expect."at once".at_most."requests.get"=\'7\' must be a number',
    ),
    (
        {"expect": {"at once": {"at_most": {"ok": True}}}},
        'expect."at once".at_most.ok=True must be a number',
    ),
    (
        {
            "expect": {
                "at once": {
                    "at_least": {"stored-bytes": "2GiB"},
                    "at_most": {"stored-bytes": "1025MiB"},
                }
            }
        },
        "expect.\"at once\".at_least.stored-bytes='2GiB' must be at most at_most; "
        'see expect."at once".at_most.stored-bytes="1025MiB"',
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_a_bound_that_is_none_has_one_message(changes: Raw, message: str) -> None:
    assert messages(**changes) == [message]


@pytest.mark.parametrize(
    "bounds",
    [
        {"at_most": {"garbage-bytes": "1GiB"}},
        {"at_least": {"time-to-visible.p99_s": "1m", "compactions": 7}},
        {"at_least": {"stored-bytes": "1GiB"}, "at_most": {"stored-bytes": "1024MiB"}},
    ],
)
def test_a_bound_has_the_unit_of_its_measure(bounds: Raw) -> None:
    expected = build(raw(expect={"at once": bounds})).expect["at once"]
    named = {name for own in bounds.values() for name in own}
    assert expected.at_most.keys() | expected.at_least.keys() == named
