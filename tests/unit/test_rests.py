"""Actors that sleep through ticks: when they wake, and what they account for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sim.core.kernel import Alarm, Kernel, Phase
from sim.core.units import NEVER
from sim.model.rests import Rests
from sim.model.store.transfer import Steps
from sim.model.tally import Tally


class Stage:
    """Actors that tick from 10 on, and write down what they do."""

    def __init__(self, *, in_order: bool = True) -> None:
        self.kernel = Kernel()
        self.rests = Rests(self.kernel, are_allowed=True, in_order=in_order)
        self.told: list[tuple[str, int]] = []

    def rester(
        self, name: str, period_us: int, until_us: int, phase: int = Phase.COMPACTOR
    ) -> Callable[[], None]:
        """One that goes to sleep at 0; what is returned ends it."""

        def account(ticks: range) -> None:
            self.told += [(name, t_us) for t_us in ticks]

        def act() -> Steps:
            yield from self.rests.rest(10, period_us, until_us, phase=phase, account=account)
            self.told.append((f"{name} wakes", self.kernel.now_us))

        process = self.kernel.spawn(act(), at_us=0, phase=phase)
        return lambda: self.kernel.stop(process)

    def at(self, t_us: int, action: Callable[[], None], phase: int = Phase.PRODUCER) -> None:
        """Do something at an instant."""

        def act() -> Steps:
            action()
            yield from ()

        self.kernel.spawn(act(), at_us=t_us, phase=phase)

    def run(self, horizon_us: int) -> list[tuple[str, int]]:
        """What was told by the horizon."""
        self.kernel.run(horizon_us)
        self.rests.finish(horizon_us)
        return self.told


@pytest.mark.parametrize(("until_us", "wakes_us"), [(10, 10), (11, 15), (15, 15), (16, 20)])
def test_wakes_at_the_first_tick_from_which_it_may_find_something(
    until_us: int, wakes_us: int
) -> None:
    stage = Stage()
    stage.rester("a", 5, until_us)
    before = [("a", t_us) for t_us in range(10, wakes_us, 5)]
    assert stage.run(100) == [*before, ("a wakes", wakes_us)]


def test_what_nothing_wakes_is_accounted_for_at_the_horizon() -> None:
    stage = Stage()
    stage.rester("a", 5, NEVER)
    assert stage.run(25) == [("a", 10), ("a", 15), ("a", 20)]
    assert stage.run(50) == [("a", 10), ("a", 15), ("a", 20)]


@pytest.mark.parametrize(
    ("changes_us", "phase", "wakes_us"),
    [
        (14, Phase.PRODUCER, 15),
        (15, Phase.PRODUCER, 15),
        # Those who come later at an instant change nothing for those who have acted.
        (15, Phase.OPERATOR, 20),
        (15, Phase.COMPACTOR, 20),
    ],
)
def test_a_change_wakes_at_the_first_tick_that_has_not_passed(
    changes_us: int, phase: Phase, wakes_us: int
) -> None:
    stage = Stage()
    stage.rester("a", 5, NEVER)
    stage.at(changes_us, lambda: stage.rests.note_change(changes_us), phase)
    assert stage.run(100)[-1] == ("a wakes", wakes_us)


def test_the_first_of_several_changes_wakes_it() -> None:
    stage = Stage()
    stage.rester("a", 5, 60)
    stage.at(12, lambda: stage.rests.note_change(41))
    stage.at(13, lambda: stage.rests.note_change(26))
    stage.at(14, lambda: stage.rests.note_change(28))
    assert stage.run(100) == [*(("a", t) for t in (10, 15, 20, 25)), ("a wakes", 30)]


def test_what_several_do_is_accounted_for_in_order() -> None:
    stage = Stage()
    stage.rester("b", 10, NEVER, Phase.CLEANER)
    stage.rester("a", 5, 30)
    stage.at(21, stage.rests.settle)
    expected = [("a", 10), ("b", 10), ("a", 15), ("a", 20), ("b", 20), ("a", 25)]
    assert stage.run(31) == [*expected, ("a wakes", 30), ("b", 30)]


def test_those_who_have_no_order_account_for_themselves() -> None:
    stage = Stage(in_order=False)
    stage.rester("b", 10, NEVER)
    stage.rester("a", 5, 20)
    assert stage.run(21) == [("a", 10), ("a", 15), ("a wakes", 20), ("b", 10), ("b", 20)]


@pytest.mark.parametrize(
    ("phase", "last_us"), [(Phase.FAULT, 15), (Phase.COMPACTOR, 20), (Phase.CLEANER, 20)]
)
def test_who_is_stopped_accounts_for_what_had_passed(phase: Phase, last_us: int) -> None:
    stage = Stage()
    stage.at(20, stage.rester("a", 5, NEVER), phase)
    assert stage.run(100) == [("a", t_us) for t_us in range(10, last_us + 1, 5)]


def test_when_somebody_last_looked() -> None:
    stage, looked = Stage(), list[int]()
    stage.rester("a", 5, NEVER)
    stage.rester("b", 8, NEVER, Phase.CLEANER)
    for t_us in (12, 19):
        stage.at(t_us, lambda: looked.append(stage.rests.looked_us()))
    stage.at(18, lambda: looked.append(stage.rests.looked_us()), Phase.CLEANER)
    stage.run(50)
    assert looked == [10, 18, 18]
    assert stage.rests.looked_us() == 0


def test_an_alarm_wakes_once_and_nobody_who_is_forgotten() -> None:
    kernel, woken = Kernel(), list[tuple[str, int]]()

    def sleeper(name: str, alarm: Alarm) -> Steps:
        yield alarm.sleep
        woken.append((name, kernel.now_us))

    one, other = Alarm(kernel), Alarm(kernel)
    for name, alarm in (("one", one), ("other", other)):
        kernel.spawn(sleeper(name, alarm), at_us=0, phase=Phase.QUERY)
        alarm.ring_after(9, Phase.QUERY)
        alarm.ring_after(7, Phase.QUERY)
    kernel.run(5)
    other.forget()
    kernel.run(20)
    assert woken == [("one", 7)]


def test_repeated_syncs_and_requests_are_those_of_one_after_the_other() -> None:
    ticks, warmup_us = range(5, 45, 10), 15
    one_by_one, at_once = Tally(warmup_us=warmup_us), Tally(warmup_us=warmup_us)
    for tally in (one_by_one, at_once):
        tally.sync("gateway/1", 4, 4, 7, gateway=1)
        tally.look(4, [(3, 1)])
    for t_us in ticks:
        for kind, n in (("list", 1), ("head", 6)):
            one_by_one.count(kind, t_us, n)
        one_by_one.sync("compactor", t_us, t_us, 6)
        one_by_one.look(t_us, ())
        one_by_one.sync("compactor", t_us, t_us, 6)
    for t_us in ticks:
        one_by_one.sync("gateway/0", t_us, t_us, 5, gateway=0)
    at_once.count_each("list", ticks, 1)
    at_once.count_each("head", ticks, 6)
    at_once.sync_each("gateway/0", ticks, 5, gateway=0)
    at_once.pass_each("compactor", ticks, 6, syncs=2, looks=True)
    assert at_once.records(99) == one_by_one.records(99)
    at_once.pass_each("compactor", range(50, 51), 6, syncs=1, looks=False)
    assert len(at_once.records(99)[1].at_us) == len(one_by_one.records(99)[1].at_us)
