"""Time, phases, ties and stopping (T1, T2); named draws (T3)."""

from __future__ import annotations

from collections.abc import Callable

from sim.core.draws import draw_us
from sim.core.kernel import Kernel, Phase
from sim.core.laws import Constant, Uniform
from sim.core.streams import Streams
from sim.core.ticker import Ticker
from sim.model.store.transfer import Steps


def walker(kernel: Kernel, log: list[tuple[int, str]], name: str, phase: int) -> Steps:
    while True:
        log.append((kernel.now_us, name))
        yield kernel.sleep(10, phase)


def test_the_whole_story_of_two_actors() -> None:
    kernel, log = Kernel(), list[tuple[int, str]]()
    # Spawned against the order of phases, which decides at one instant all the same.
    for name, phase in (("query", Phase.QUERY), ("gateway", Phase.GATEWAY)):
        kernel.spawn(walker(kernel, log, name, phase), at_us=10, phase=phase)
    fault = kernel.spawn(walker(kernel, log, "fault", Phase.FAULT), at_us=0, phase=Phase.FAULT)
    kernel.run(20)
    kernel.stop(fault)
    kernel.run(31)
    assert log == [
        (0, "fault"),
        (10, "fault"),
        (10, "gateway"),
        (10, "query"),
        (20, "gateway"),
        (20, "query"),
        (30, "gateway"),
        (30, "query"),
    ]
    assert kernel.now_us == 31


def test_phases_are_in_the_order_of_the_rules() -> None:
    order = [Phase.FAULT, Phase.PRODUCER, Phase.COMPACTOR, Phase.GATEWAY, Phase.QUERY]
    assert sorted(order) == order
    # Zero is what SimPy stops a run with.
    assert min(Phase) == Phase.FAULT > 0
    assert max(Phase) == Phase.QUERY


def test_nothing_happens_at_the_horizon() -> None:
    kernel, log = Kernel(), list[tuple[int, str]]()
    kernel.spawn(walker(kernel, log, "a", Phase.FAULT), at_us=10, phase=Phase.FAULT)
    kernel.run(10)
    assert log == []
    kernel.run(11)
    assert log == [(10, "a")]


def test_stopping_before_the_start_and_after_the_end() -> None:
    kernel, log = Kernel(), list[tuple[int, str]]()

    def once() -> Steps:
        log.append((kernel.now_us, "once"))
        yield from ()

    never = kernel.spawn(walker(kernel, log, "never", Phase.QUERY), at_us=5, phase=Phase.QUERY)
    ended = kernel.spawn(once(), at_us=1, phase=Phase.QUERY)
    kernel.run(3)
    kernel.stop(never)
    kernel.stop(ended)
    kernel.run(100)
    assert log == [(1, "once")]


def test_those_that_have_an_order_take_their_turns_inside_a_phase() -> None:
    for seed in range(4):
        kernel, log = Kernel(shuffle=seed), list[tuple[int, str]]()
        for number in (2, 0, 1):
            turn = Phase.COMPACTOR.turn(number)
            kernel.spawn(walker(kernel, log, str(number), turn), at_us=7, phase=turn)
        kernel.spawn(walker(kernel, log, "next", Phase.PROGRESS), at_us=7, phase=Phase.PROGRESS)
        kernel.run(8)
        assert log == [(7, "0"), (7, "1"), (7, "2"), (7, "next")]


def test_an_actor_stopped_at_an_instant_takes_no_step_at_it() -> None:
    kernel, log = Kernel(), list[tuple[int, str]]()
    phase = Phase.PRODUCER
    victim = kernel.spawn(walker(kernel, log, "victim", phase), at_us=0, phase=phase)

    def killer() -> Steps:
        kernel.stop(victim)
        yield from ()

    kernel.spawn(killer(), at_us=10, phase=Phase.FAULT)
    kernel.run(50)
    assert log == [(0, "victim")]


def tie_order(shuffle: int | None) -> list[str]:
    kernel, log = Kernel(shuffle=shuffle), list[tuple[int, str]]()
    for name in "abcdef":
        kernel.spawn(walker(kernel, log, name, Phase.QUERY), at_us=7, phase=Phase.QUERY)
    kernel.spawn(walker(kernel, log, "first", Phase.FAULT), at_us=7, phase=Phase.FAULT)
    kernel.run(8)
    return [name for _, name in log]


def test_only_ties_of_one_phase_are_shuffled() -> None:
    plain = ["first", *"abcdef"]
    assert tie_order(None) == plain
    shuffled = [tie_order(seed) for seed in range(5)]
    assert all(order[0] == "first" and sorted(order) == sorted(plain) for order in shuffled)
    assert len({tuple(order) for order in shuffled}) > 1
    assert tie_order(3) == tie_order(3)


def test_a_draw_is_named_and_rounded() -> None:
    streams = Streams(1)
    law = Uniform(low_us=0.0, high_us=1e9)
    value = draw_us(law, streams, "gateway", 0, "phase")
    assert value == int(streams.uniform("gateway", 0, "phase") * 1e9 + 0.5)
    assert draw_us(law, streams, "gateway", 1, "phase") != value
    assert draw_us(Constant(value_us=2.5), streams, "any") == 3


def ticks(interval_us: int, runs: list[int]) -> list[int]:
    """Starts of runs that take what ``runs`` says, on a ticker from 100 on."""
    ticker = Ticker(Constant(value_us=interval_us), Streams(0), start_us=100)
    starts = [100]
    for takes_us in runs:
        starts.append(ticker.next_run_us(starts[-1], starts[-1] + takes_us))
    return starts


def test_a_ticker_keeps_its_grid() -> None:
    cases: list[tuple[list[int], list[int]]] = [
        ([0, 0, 0], [100, 110, 120, 130]),
        # A run that ends with its tick is followed at once, and has consumed it.
        ([10, 0, 0], [100, 110, 120, 130]),
        # One tick waits; 120 is dropped, 130 is still on the grid.
        ([25, 0, 0], [100, 125, 130, 140]),
        ([25, 5, 4], [100, 125, 130, 140]),
        ([25, 7, 0], [100, 125, 132, 140]),
        ([11, 11, 11], [100, 111, 122, 133]),
    ]
    for runs, starts in cases:
        assert ticks(10, runs) == starts, runs


def test_a_ticker_of_a_law_draws_by_the_start_of_the_run() -> None:
    streams = Streams(4)
    law = Uniform(low_us=10.0, high_us=20.0)
    ticker = Ticker(law, streams, "gateway", 3, start_us=0)
    wait_us = draw_us(law, streams, "gateway", 3, "interval", 50)
    assert ticker.next_run_us(50, 51) == 50 + wait_us
    assert ticker.next_run_us(50, 75) == 75


def test_stopping_runs_what_an_actor_has_to_finish() -> None:
    kernel, log = Kernel(), list[str]()

    def tidy(say: Callable[[str], None]) -> Steps:
        try:
            yield kernel.sleep(10, Phase.QUERY)
        finally:
            say("closed")

    process = kernel.spawn(tidy(log.append), at_us=0, phase=Phase.QUERY)
    kernel.run(5)
    kernel.stop(process)
    kernel.run(6)
    assert log == ["closed"]
