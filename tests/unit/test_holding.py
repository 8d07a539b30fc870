"""Why an object is still there: each reason, what it costs, and what an hour more buys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim.analysis.evidence.holding import Holding, Why, failing_if_deleted, holding
from sim.analysis.queries.evaluate import evaluate_exact
from sim.core.units import NEVER
from sim.report.holding import holding_lines
from sim.scenario.schema import Scenario
from sim.study.explain import World, explain_object
from sim.study.explain import world as simulated
from tests.worlds import AT_ONCE, lag, marks, us, world

FIRST = "0.raw.0-7200000000.1.0"
MARKED = world(schemes=[marks("90m", "10m")])


@pytest.fixture(scope="module")
def marked() -> World:
    return simulated(MARKED, 0, 0)


def _ask(here: World, at: str, key: str = FIRST) -> Holding:
    return holding(
        here.scenario,
        here.trace,
        here.timelines,
        here.exposed,
        key,
        us(at),
        scheme_index=here.scheme_index,
    )


def test_the_life_of_a_marked_block(marked: World) -> None:
    # Uploaded at 2h, compacted at 10h1m, due 90 minutes after, at the pass after that deleted.
    found = {at: _ask(marked, at) for at in ("1h", "5h", "11h", "11h33m", "13h")}
    assert [f.why for f in found.values()] == [Why.NOT_YET, Why.LIVE, Why.DELAY, Why.PASS, Why.GONE]
    retired_us = found["11h"].retired_us
    assert us("10h") <= retired_us < us("10h10m")
    due_us = retired_us + us("90m") + 1
    assert (found["1h"].since_us, found["1h"].until_us) == (0, us("2h"))
    assert (found["5h"].since_us, found["5h"].until_us) == (us("2h"), retired_us)
    assert (found["11h"].since_us, found["11h"].until_us) == (retired_us, due_us)
    assert (found["11h33m"].since_us, found["11h33m"].until_us) == (due_us, us("11h35m"))
    assert found["13h"].since_us == us("11h35m")
    assert {f.gone_us for f in found.values()} == {us("11h35m")}


def test_what_garbage_costs_grows_until_it_goes(marked: World) -> None:
    def cost(at: str) -> float:
        return _ask(marked, at).garbage_byte_seconds

    held_us = us("11h") - _ask(marked, "11h").retired_us
    assert cost("5h") == 0
    assert cost("11h") == 100 * held_us / 1e6
    assert cost("12h") == cost("13h") == 100 * (us("11h35m") - _ask(marked, "11h").retired_us) / 1e6


def test_past_the_horizon_nothing_is_known() -> None:
    here = simulated(world(schemes=[marks("40h", "20h")]), 0, 0)
    found = _ask(here, "14h")
    assert (found.why, found.gone_us) == (Why.DELAY, NEVER)
    assert found.until_us == found.retired_us + us("40h") + 1
    assert "The run ends before it goes." in _text(found)


def test_a_deletion_that_takes_time() -> None:
    scenario = world(schemes=[marks("90m", "10m")], compactor={"delete_takes": "40m"})
    here = simulated(scenario, 0, 0)
    found = _ask(here, "11h50m")
    assert found.why is Why.DELETING
    assert found.since_us < us("11h50m") < found.until_us
    # The meta goes first, the mark last.
    assert _ask(here, "11h50m", f"{FIRST}/meta.json").why is Why.GONE
    assert _ask(here, "11h50m", f"{FIRST}/deletion-mark.json").why is Why.DELETING


def test_a_halted_compactor_leaks_what_it_retired() -> None:
    # Now and then an object is listed nine hours late, and the compactor halts where it lacks a
    # chunk.
    parts = [{"weight": 20.0, "law": "constant", "value": "0s"}]
    parts.append({"weight": 1.0, "law": "constant", "value": "9h"})
    scenario = world(
        horizon="60h",
        seed=0,
        producers={"chunk_files": 4},
        schemes=[marks("20h", "10h")],
        store={"lag": lag(create_list={"law": "mixture", "parts": parts})},
    )
    here = simulated(scenario, 0, 0)
    assert here.timelines.counters["compactor-halt"] == 1
    retired = np.flatnonzero(here.timelines.blocks.retired_us < NEVER)
    found = _ask(here, "60h", here.timelines.blocks.id[int(retired[-1])])
    assert (found.why, found.until_us) == (Why.LEAKED, NEVER)
    assert "there until a restart" in _text(found)
    alive = int(np.flatnonzero(here.timelines.blocks.retired_us == NEVER)[0])
    assert _ask(here, "60h", here.timelines.blocks.id[alive]).why is Why.LIVE


def test_an_abandoned_upload_waits_two_days() -> None:
    crash = {"kind": "producer-crash", "target": 0, "at": "2h5m", "lasts": "80h"}
    scenario = world(
        horizon="60h",
        producers={"upload_takes": "20m", "chunk_files": 4},
        faults=[crash],
    )
    here = simulated(scenario, 0, 0)
    found = _ask(here, "30h")
    assert found.why is Why.PARTIAL
    last_us = max(r.t_us for r in here.trace.records if type(r).__name__ == "PutRecord")
    assert found.until_us == last_us + us("48h")
    assert us("48h") < found.gone_us - last_us <= us("48h5m")
    during = simulated(world(producers={"upload_takes": "20m", "chunk_files": 4}), 0, 0)
    upload = _ask(during, "2h10m")
    assert (upload.why, upload.until_us) == (Why.PARTIAL, us("2h20m"))


def _plain_users(here: World, age_us: int) -> tuple[int, int]:
    """Readers of retired blocks, and those that still had theirs at an age, one by one."""
    dropped: dict[tuple[int, int], int] = {}
    loads, retired = here.timelines.loads, here.timelines.blocks.retired_us
    for g, b, start, end in zip(
        loads.gateway.tolist(),
        loads.block.tolist(),
        loads.load_us.tolist(),
        loads.drop_us.tolist(),
        strict=True,
    ):
        if int(retired[b]) < end and int(retired[b]) < here.timelines.horizon_us and start < NEVER:
            dropped[g, b] = max(dropped.get((g, b), 0), end)
    known = {
        (g, b): end
        for (g, b), end in dropped.items()
        if end < here.timelines.horizon_us
        or int(retired[b]) + age_us + us("1h") < here.timelines.horizon_us
    }
    return len(known), sum(end - int(retired[b]) > age_us for (_, b), end in known.items())


@pytest.mark.parametrize("at", ["10h5m", "10h20m", "11h"])
def test_an_hour_buys_the_readers_that_let_go_in_it(marked: World, at: str) -> None:
    found = _ask(marked, at)
    assert found.buys is not None
    age_us = us(at) - found.retired_us
    assert found.buys.age_us == age_us
    assert (found.buys.readers, found.buys.using_now) == _plain_users(marked, age_us)
    assert found.buys.readers > 0
    assert found.buys.using_later <= found.buys.using_now


def test_what_is_not_retired_or_is_gone_buys_nothing(marked: World) -> None:
    assert _ask(marked, "5h").buys is None
    assert _ask(marked, "13h").buys is None


def test_deletion_at_age_zero_fails_as_immediate_deletion_does() -> None:
    """Where deletion feeds back into nothing, the traces differ in the deletions alone."""
    more: dict[str, Any] = {"horizon": "40h", "producers": {"local_retention": "40h"}}
    at_once = simulated(world(schemes=[AT_ONCE], **more), 0, 0)
    later = simulated(world(schemes=[marks("90m", "60m")], **more), 0, 0)
    (outcome,) = evaluate_exact(at_once.scenario, at_once.timelines)
    (exposure,) = later.exposed
    assert outcome.fractions["query-error"] > 0
    assert failing_if_deleted(exposure, 0) == pytest.approx(outcome.fractions["query-error"])
    assert failing_if_deleted(exposure, us("1h")) < failing_if_deleted(exposure, us("10m"))


def _text(found: Holding) -> str:
    lines = list(holding_lines(found, scheme="mark", trial=0))
    assert max(map(len, lines)) <= 80
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("1h", "it is not there yet"),
        ("5h", "nobody has retired the block"),
        ("11h", "the delete_delay of its mark is not over"),
        ("11h33m", "waits for the next pass that deletes"),
        ("13h", "it is gone"),
    ],
)
def test_each_reason_has_words(marked: World, at: str, words: str) -> None:
    assert words in _text(_ask(marked, at))


def test_an_hour_is_worded_with_both_rates(marked: World) -> None:
    text = _text(_ask(marked, "10h5m"))
    assert "What the next hour buys: of " in text
    assert text.count("would fail") == 1
    assert "an hour later" in text


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("0.raw.0-7200000000.1.1", f'did you mean "{FIRST}"?'),
        (f"{FIRST}/meta", "a block has chunks/000001, index, meta.json, deletion-mark.json"),
        ("nothing", "it has "),
    ],
)
def test_an_unknown_object_names_the_nearest(key: str, hint: str) -> None:
    scenario: Scenario = MARKED
    with pytest.raises(KeyError) as raised:
        explain_object(scenario, key, 0)
    assert str(raised.value.args[0]).startswith(hint)
