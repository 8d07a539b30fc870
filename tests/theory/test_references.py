"""How often a reference dangles that is committed to what is being collected (rules R).

Blocks expire on the grid of passes, so they are marked one pass G later, and deleted at the first
pass that is more than D after that. A session of length S wants a block that expired u ago, and
knows what was there a ago, u and a being uniform, a below the refresh X. It takes the block for
present if that was before the mark, and dangles if it commits after the deletion.

Where a look makes content young for Y, content that one session wants goes at the first look of
who collects, once every C, that is later than Y after it began: the reference dangles if that is
before it commits, for a phase that is uniform with chance (S - Y) / C.
"""

from collections import Counter
from functools import cache
from typing import Any

import pytest

from sim.core.units import NEVER
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.trace.columns import build
from sim.trace.records import ReferenceRecord
from tests.stats import share_within
from tests.traces import changed
from tests.worlds import us, world

G, X, S = us("15m"), us("45m"), us("2h")
KEPT = us("4h")


def dangling(delay_us: int, refresh_us: int = X) -> float:
    """Chance that a reference dangles; 0 for delays of X + S - G and more."""
    deleted_us = G + (delay_us // G + 1) * G
    low_us = max(0, deleted_us - S)

    def area(from_us: int) -> float:
        early_us = max(0, G - from_us)
        late_us = max(0, refresh_us - max(0, from_us - G))
        return early_us * refresh_us + late_us**2 / 2

    return area(low_us) / area(0)


def scenario(delay: str, hold: str = "references") -> Scenario:
    """A hundred blocks a day that expire, and as many sessions."""
    scheme: dict[str, Any] = {
        "name": "marks",
        "kind": "composed",
        "record": "mark",
        "hide": {"kind": "mark-age", "after": "0s"},
        "delete": {"kind": "after", "delay": delay},
        "hold": hold,
    }
    return world(
        horizon="12d",
        producers={"count": 10},
        compactor={"ranges": ["2h"], "wait_interval": "15m", "retention": {"raw": "4h"}},
        gateways={"sync_interval": "12h"},
        referrers={
            "count": 10,
            "every": {"law": "uniform", "low": "1h", "high": "3h"},
            "takes": "2h",
            "refresh": "45m",
            "within": "2h",
        },
        schemes=[scheme],
    )


@cache
def found(delay: str, hold: str = "references") -> list[tuple[int, int, bool]]:
    """Of blocks referenced once: since expiry, when the session began, committed, and dangles."""
    trace = simulate(scenario(delay, hold), 0, 0)
    blocks = build(trace).blocks
    made = [r for r in trace.records if isinstance(r, ReferenceRecord)]
    times = Counter(record.block for record in made)
    rows = []
    for record in made:
        expired_us = int(blocks.max_us[record.block]) + KEPT
        if times[record.block] == 1 and record.t_us < us("11d"):
            is_gone = bool(blocks.deleted_us[record.block] < NEVER)
            rows.append((record.begun_us - expired_us, record.t_us - expired_us, is_gone))
    return rows


DELAYS = ("90m", "105m", "2h", "135m", "150m")


@pytest.mark.parametrize("delay", DELAYS)
def test_a_reference_dangles_if_it_is_committed_after_the_deletion(delay: str) -> None:
    rows = found(delay)
    assert len(rows) > 200
    deleted_us = 2 * G + us(delay)
    assert all(is_gone == (committed_us >= deleted_us) for _, committed_us, is_gone in rows)
    # The others knew of the mark, and uploaded.
    assert max(began_us for began_us, _, _ in rows) < G + X


@pytest.mark.parametrize("delay", DELAYS)
def test_as_many_dangle_as_the_closed_form_says(delay: str) -> None:
    assert share_within([is_gone for *_, is_gone in found(delay)], dangling(us(delay)))


def test_none_dangles_from_the_age_of_a_view_and_a_session_on() -> None:
    assert [round(dangling(us(delay)), 3) for delay in DELAYS] == [1.0, 0.6, 0.267, 0.067, 0.0]
    assert dangling(X + S) == 0.0


def test_a_closed_form_without_the_age_of_views_would_be_noticed() -> None:
    gone = [is_gone for *_, is_gone in found("2h")]
    assert not share_within(gone, dangling(us("2h"), us("15m")))


def test_who_does_not_look_again_deletes_what_is_referenced() -> None:
    rows = found("150m", "nothing")
    marked = [is_gone for _, committed_us, is_gone in rows if committed_us >= G]
    assert marked
    assert all(marked)


C = us("1h")


@cache
def touched(young_for: str) -> list[bool]:
    """Of content that one session wanted, soon after it had expired, whether that dangles."""
    scheme: dict[str, Any] = {
        "name": "looked at",
        "kind": "composed",
        "record": "memory",
        "delete": {"kind": "after", "delay": "0s", "when": "every 1h"},
        "hold": {"kind": "references", "young_for": young_for},
    }
    soon = {"count": 16, "within": "1h", "refresh": "0s"}
    trace = simulate(changed(scenario("0s"), schemes=[scheme], referrers=soon), 0, 0)
    blocks = build(trace).blocks
    made = [r for r in trace.records if isinstance(r, ReferenceRecord) and r.t_us < us("11d")]
    times = Counter(record.block for record in made)
    return [bool(blocks.deleted_us[r.block] < NEVER) for r in made if times[r.block] == 1]


@pytest.mark.parametrize("young_for", ["75m", "90m", "105m", "2h"])
def test_a_look_protects_for_as_long_as_the_closed_form_says(young_for: str) -> None:
    chance = max(0, S - us(young_for)) / C
    gone = touched(young_for)
    assert len(gone) > 400
    assert share_within(gone, chance)
    assert not share_within(gone, chance + 0.1)
