"""What duration a draw is made into: every draw of a run that is one has a law."""

from __future__ import annotations

import pytest

from sim.core.streams import Identity
from sim.core.units import NEVER
from sim.model.world import asked
from sim.study.drawn import drawn_us, law_of
from sim.trace.records import BucketPutRecord
from tests.worlds import run, us, world

REFERRED = world(
    horizon="20h",
    compactor={"retention": {"raw": "3h"}, "sync_takes": {"law": "exponential", "mean": "1m"}},
    referrers={
        "count": 2,
        "every": {"law": "uniform", "low": "1h", "high": "3h"},
        "takes": {"law": "exponential", "mean": "10m"},
        "refresh": "90m",
        "within": "9h",
    },
    interventions=[{"kind": "cleanup", "at": "9h"}],
)


def test_draws_of_referrers_are_the_durations_that_their_sessions_have() -> None:
    draws = asked(REFERRED, 0, 0)
    own = {d: u for d, u in draws.items() if d[0] == "referrer/1"}
    begun_us = drawn_us(REFERRED, ("referrer/1", "phase"), own["referrer/1", "phase"])
    assert begun_us is not None
    takes = ("referrer/1", "takes", begun_us)
    takes_us = drawn_us(REFERRED, takes, own[takes])
    every = ("referrer/1", "interval", begun_us)
    every_us = drawn_us(REFERRED, every, own[every])
    assert takes_us is not None
    assert every_us is not None
    # The first two sessions end with a commit, each after what it takes.
    puts = [r.t_us for r in run(REFERRED)[0].records if _is_commit(r)]
    second_us = begun_us + max(takes_us, every_us)
    later = ("referrer/1", "takes", second_us)
    assert puts[:2] == [
        begun_us + takes_us,
        second_us + (drawn_us(REFERRED, later, own[later]) or 0),
    ]


def _is_commit(record: object) -> bool:
    return isinstance(record, BucketPutRecord) and record.key == "references-1.json"


def test_what_a_referrer_wants_is_no_duration_and_what_it_reads_anew_is_one() -> None:
    for what in ("wants", "what"):
        assert drawn_us(REFERRED, ("referrer/0", what, 7), 0.5) is None
    assert drawn_us(REFERRED, ("referrer/0", "refresh"), 0.5) == us("45m")
    assert drawn_us(REFERRED, ("referrer/0", "phase"), 0.5) == us("1h")


@pytest.mark.parametrize(
    "decides", [("referrer/0", "takes", 7), ("referrer/0", "interval", 7), ("referrer/0", "phase")]
)
def test_nothing_is_known_of_referrers_that_there_are_not(decides: Identity) -> None:
    assert law_of(world(), decides) is None
    assert drawn_us(world(), decides, 0.5) is None


def test_tools_take_as_long_as_the_compactor() -> None:
    draws = asked(REFERRED, 0, 0)
    (sync,) = (d for d in draws if d[:2] == ("operator", "sync-takes"))
    assert law_of(REFERRED, sync) is REFERRED.compactor.sync_takes
    assert 0 < (drawn_us(REFERRED, sync, draws[sync]) or 0) < NEVER
