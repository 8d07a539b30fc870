"""Several groups at a time (C18): who takes which, and what an error of one does to the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import pytest

from sim.core.kernel import Kernel, Phase, WokenKernel
from sim.model.actors.janitor import Exited
from sim.model.actors.merger import Halted
from sim.model.actors.workers import Worker, work_off
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps
from sim.model.world import simulate
from sim.scenario.schema import Scenario
from sim.trace.records import BlockRecord, CompactRecord, ErrorRecord, HaltRecord, RetireRecord
from tests.worlds import us, world

Told = list[tuple[int, str]]


class Hand:
    """What a job needs of a worker."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = WokenKernel(kernel)


def lasts(
    told: Told, name: str, *spans_us: int, end: Exception | bool = True
) -> Callable[..., Steps]:
    """A job of some spans, of which each is told when it begins, and how it ends."""

    def job(worker: Worker) -> Steps:
        for span_us in spans_us:
            told.append((worker.kernel.now_us, name))
            yield worker.kernel.sleep(span_us, Phase.COMPACTOR)
        told.append((worker.kernel.now_us, f"{name} ends"))
        if isinstance(end, Exception):
            raise end
        return end

    return job


def worked_off(jobs: Sequence[Callable[..., Steps]], n: int) -> object:
    """What comes of jobs for ``n`` workers: whether something was done, or an error."""
    kernel, found = Kernel(), []

    def actor() -> Steps:
        hands: Any = [Hand(kernel) for _ in range(n)]
        try:
            found.append((yield from work_off(iter(jobs), hands, kernel, Phase.COMPACTOR)))
        except (Halted, Exited, RequestFailed) as error:
            found.append(error)

    kernel.spawn(actor(), at_us=0, phase=Phase.COMPACTOR)
    kernel.run(1000)
    return found[0]


def test_a_worker_takes_the_next_job_once_it_has_none() -> None:
    told: Told = []
    job = partial(lasts, told)
    assert worked_off([job("a", 5), job("b", 2, 3), job("c", 4), job("d", 1)], 2) is True
    assert told == [
        (0, "a"),
        (0, "b"),
        (2, "b"),
        # At one instant workers act in their order, and go on at once.
        (5, "a ends"),
        (5, "c"),
        (5, "b ends"),
        (5, "d"),
        (6, "d ends"),
        (9, "c ends"),
    ]


def test_nothing_was_done_if_no_job_did_anything() -> None:
    told: Told = []
    assert worked_off([lasts(told, "a", end=False), lasts(told, "b", 3, end=False)], 2) is False
    assert worked_off([lasts(told, "a", end=False), lasts(told, "b", 3)], 2) is True
    assert worked_off([], 3) is False


@pytest.mark.parametrize(
    ("others", "decides"),
    [
        ((), RequestFailed),
        ((RequestFailed("put"),), RequestFailed),
        ((RequestFailed("put"), Exited("not-found")), Exited),
        ((Exited("not-found"), Halted("overlap")), Halted),
    ],
)
def test_after_an_error_no_job_is_taken_and_the_others_are_finished(
    others: tuple[Exception, ...], decides: type[Exception]
) -> None:
    told: Told = []
    first = RequestFailed("get")
    failing = [lasts(told, f"b{i}", 3 + i, end=error) for i, error in enumerate(others)]
    good = lasts(told, "c", 9)
    jobs = [lasts(told, "a", 2, end=first), *failing, good, lasts(told, "d", 1)]
    found = worked_off(jobs, 2 + len(others))
    assert isinstance(found, decides)
    assert (found is first) == (decides is RequestFailed)
    assert (9, "c ends") in told
    assert not any(name == "d" for _, name in told)


BUSY: dict[str, Any] = {
    "horizon": "13h",
    "producers": {"count": 5},
    "compactor": {"compaction_takes": "20m", "upload_takes": "4m"},
}


def busy(concurrency: int | None, **overrides: Any) -> Scenario:
    compactor = {**BUSY["compactor"], "concurrency": concurrency}
    return world(**{**BUSY, "compactor": compactor, **overrides})


def minutes(records: Iterator[Any]) -> list[int]:
    """When records are, in minutes after 10h."""
    return [(record.t_us - us("10h")) // us("1m") for record in records]


def made(scenario: Scenario) -> tuple[list[int], list[int]]:
    """When compactions begin, and when they end."""
    records = simulate(scenario, 0, 0, step_by_step=True).records
    begun = (r for r in records if isinstance(r, BlockRecord) and r.level > 1)
    return minutes(begun), minutes(r for r in records if isinstance(r, CompactRecord))


@pytest.mark.parametrize(
    ("concurrency", "begun"),
    [
        (None, [0, 24, 48, 72, 96]),
        (1, [0, 24, 48, 72, 96]),
        (2, [0, 0, 24, 24, 48]),
        (4, [0, 0, 0, 0, 24]),
        (9, [0, 0, 0, 0, 0]),
    ],
)
def test_as_many_groups_are_compacted_at_a_time(concurrency: int | None, begun: list[int]) -> None:
    scenario = busy(concurrency)
    assert made(scenario) == (begun, [24 + t for t in begun])


def test_a_worker_takes_the_next_group_while_others_are_busy() -> None:
    spread = {"compaction_takes": {"law": "uniform", "low": "1m", "high": "1h"}}
    scenario = busy(2, compactor={**spread, "concurrency": 2})
    begun, ended = made(scenario)
    assert begun[2:] == ended[:3]


def test_a_halt_waits_for_what_is_under_way() -> None:
    late = {"kind": "upload", "at": "9h55m", "stream": 1, "which": "oldest"}
    records = simulate(busy(2, interventions=[late]), 0, 0).records
    assert minutes(r for r in records if isinstance(r, HaltRecord)) == [24]
    assert minutes(r for r in records if isinstance(r, CompactRecord)) == [24]
    (retired,) = {r.t_us for r in records if isinstance(r, RetireRecord)}
    assert (retired - us("10h")) // us("1m") == 24


def test_a_failed_request_ends_the_pass_once_all_are_done() -> None:
    # Who begins an upload at 10h20m does not finish it; the next pass begins at once.
    fault = {
        "kind": "request-errors",
        "who": "compactor",
        "requests": ["put"],
        "objects": ["index"],
        "at": "10h22m",
        "lasts": "1m",
        "error_rate": 1.0,
    }
    records = simulate(busy(2, faults=[fault]), 0, 0).records
    errors = [r for r in records if isinstance(r, ErrorRecord)]
    assert len(errors) == 1
    assert minutes(iter(errors)) == [22]
    begun = minutes(r for r in records if isinstance(r, BlockRecord) and r.level > 1)
    assert begun == [0, 0, 22, 22, 46, 46, 70]


def test_a_crash_stops_them_all() -> None:
    crash = {"kind": "compactor-crash", "at": "10h10m", "lasts": "5m"}
    begun, ended = made(busy(2, faults=[crash]))
    assert begun == [0, 0, 15, 15, 39, 39, 63]
    assert ended == [39, 39, 63, 63, 87]
