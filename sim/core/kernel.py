"""The event kernel: integer time, documented phases at one instant, a mode that shuffles ties.

The only module that knows SimPy. Actors are generator functions that yield ``kernel.sleep(...)``;
everything that happens at one instant happens in the order of :class:`Phase`
(``SEMANTICS.md`` T2), and inside a phase in the order of scheduling, on which nothing may depend:
``Kernel(shuffle=seed)`` permutes exactly those ties, so that a test can show that nothing does.
"""

from collections.abc import Generator
from enum import IntEnum
from heapq import heappush
from typing import Any, Final

import simpy

from sim.core.streams import Streams

Actor = Generator[simpy.Event, Any, None]
"""What lives on a kernel: a generator that yields the events it sleeps on."""
Sleep = simpy.Event
"""What an actor yields to sleep."""


_TURNS: Final = 1 << 16
"""How many may have an order inside one phase."""


class Phase(IntEnum):
    """Who acts first at one instant; smaller acts first.

    Zero is SimPy's own URGENT, at which it stops a run: an event at the horizon never happens.
    """

    FAULT = 1 * _TURNS
    PRODUCER = 2 * _TURNS
    COMPACTOR = 3 * _TURNS
    PROGRESS = 4 * _TURNS
    CLEANER = 5 * _TURNS
    OPERATOR = 6 * _TURNS
    SYNC = 7 * _TURNS
    GATEWAY = 8 * _TURNS
    QUERY = 9 * _TURNS

    def turn(self, number: int) -> int:
        """The place of one of several, from 0, that have an order inside the phase."""
        return self + number


class _Environment(simpy.Environment):
    """An environment that knows which phases of the present instant have begun."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = 0

    def step(self) -> None:
        if self._queue:
            t_us, phase, *_ = self._queue[0]
            # What is begun late, by who acts with no delay, begins no earlier phase anew.
            self.begun = phase if t_us > self._now else max(phase, self.begun)
        super().step()


class _TieShuffling(_Environment):
    """An environment in which events of one instant and phase come in a seeded random order."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._ties = Streams(seed).stream("kernel", "ties")

    def schedule(
        self, event: simpy.Event, priority: Any = simpy.events.NORMAL, delay: float = 0
    ) -> None:
        ordinal = next(self._eid)
        tie = int(self._ties.at(ordinal) * 2**30) << 64 | ordinal
        # SimPy's queue is the one documented extension point for another total order.
        heappush(self._queue, (self._now + delay, priority, tie, event))


class Alarm:
    """What wakes an actor that does not know how long it will sleep: the first time that is set.

    Attributes
    ----------
    sleep : Sleep
        What the actor yields, once.
    """

    def __init__(self, kernel: "Kernel") -> None:
        self._kernel = kernel
        self.sleep = kernel.event()

    def ring_after(self, delay_us: int, phase: int) -> None:
        """Wake the actor ``delay_us`` (>= 0) from now, in ``phase``, if it still sleeps then."""
        self._kernel.sleep(delay_us, phase).callbacks.append(self._ring)

    def forget(self) -> None:
        """Let go of the actor; nothing wakes it any more."""
        self.sleep.callbacks.clear()

    def _ring(self, _: simpy.Event) -> None:
        callbacks = list(self.sleep.callbacks)
        self.sleep.callbacks.clear()
        for wake in callbacks:
            wake(self.sleep)


class Kernel:
    """A clock and the actors that live on it.

    Parameters
    ----------
    shuffle : int or None
        Seed of a random order of ties (tests only); ``None`` keeps the order of scheduling.
    beside : Kernel or None
        One whose clock this one shares, with all who live on it.
    """

    is_steady = True
    """Whether steps are taken when they are due, and work lasts as long as it takes."""

    def __init__(self, *, shuffle: int | None = None, beside: "Kernel | None" = None) -> None:
        self._env: _Environment
        if beside is not None:
            self._env = beside._env
        else:
            self._env = _Environment() if shuffle is None else _TieShuffling(shuffle)

    @property
    def now_us(self) -> int:
        """Simulated time in integer microseconds."""
        now: int = self._env._now  # type: ignore[assignment]
        return now

    @property
    def begun(self) -> int:
        """The latest phase, or turn in it, that has begun at the present instant."""
        return self._env.begun

    def due_us(self, t_us: int) -> int:
        """When a step that is due at ``t_us`` (>= now) is taken."""
        return t_us

    def lasts_us(self, takes_us: int) -> int:
        """How long work lasts that begins now and takes ``takes_us`` as a rule."""
        return takes_us

    def sleep(self, delay_us: int, phase: int) -> simpy.Event:
        """Event that an actor yields to act again ``delay_us`` (>= 0) later, in ``phase``.

        A phase is one of :class:`Phase`, or a turn in it.
        """
        event = self.event()
        self._env.schedule(event, phase, delay_us)  # type: ignore[arg-type]
        return event

    def event(self) -> simpy.Event:
        """Event that will have happened without a failure; nobody says when."""
        event = simpy.Event(self._env)
        event._ok = True
        event._value = None
        return event

    def spawn(self, actor: Actor, *, at_us: int, phase: int) -> simpy.Process:
        """Start an actor at ``at_us`` (>= now) in ``phase``; it can be stopped by :meth:`stop`."""
        return self._env.process(self._guarded(actor, at_us - self.now_us, phase))

    def stop(self, process: simpy.Process) -> None:
        """End an actor before it takes another step; one that has ended already is left alone."""
        if process.is_alive:
            process.interrupt()

    def run(self, horizon_us: int) -> None:
        """Run over [now, horizon_us): an event at the horizon does not happen."""
        self._env.run(until=horizon_us)

    def close(self) -> None:
        """Let go of every actor; nothing happens any more."""
        for *_, event in self._env._queue:
            # A sleeper and the event that would wake it hold each other.
            event.callbacks.clear()
        self._env._queue.clear()

    def _guarded(self, actor: Actor, delay_us: int, phase: int) -> Actor:
        try:
            yield self.sleep(delay_us, phase)
            yield from actor
        except simpy.Interrupt:
            return


class WokenKernel(Kernel):
    """A kernel for actors whom another one wakes, which asks when they want to be.

    Attributes
    ----------
    wakes_us : int
        The instant that whoever slept last wants to act at.
    """

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(beside=kernel)
        self.is_steady = kernel.is_steady
        self.wakes_us = 0
        self._kernel = kernel

    def due_us(self, t_us: int) -> int:
        """As of the kernel whose clock it shares."""
        return self._kernel.due_us(t_us)

    def lasts_us(self, takes_us: int) -> int:
        """As of the kernel whose clock it shares."""
        return self._kernel.lasts_us(takes_us)

    def sleep(self, delay_us: int, phase: int) -> Sleep:
        """An event that never comes; :attr:`wakes_us` is when the actor is to be sent on."""
        self.wakes_us = self.due_us(self.now_us + delay_us)
        return simpy.Event(self._env)
