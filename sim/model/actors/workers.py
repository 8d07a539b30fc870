"""Several groups at a time (``SEMANTICS.md`` C18)."""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush

from sim.core.kernel import Kernel, WokenKernel
from sim.model.actors.janitor import Exited
from sim.model.actors.merger import Halted, Merger
from sim.model.blocks.catalog import Block
from sim.model.store.client import RequestFailed
from sim.model.store.transfer import Steps, until

Job = Callable[["Worker"], Steps]
"""What a worker is given; its steps return whether something was done."""


class Worker(Merger):
    """One of several that merge at a time; its kernel is a :class:`WokenKernel`."""

    kernel: WokenKernel

    def download_names(self, parents: Sequence[Block]) -> tuple[str, ...]:
        """The first block: another one's may begin at the same instant."""
        return (parents[0].id,)


def work_off(jobs: Iterator[Job], workers: Sequence[Worker], kernel: Kernel, phase: int) -> Steps:
    """Do jobs, as many at a time as there are workers; whether any of them did something.

    Each worker takes the next job when it has none; after an error nobody takes one any more.

    Raises
    ------
    Halted, Exited, RequestFailed
        The gravest of what workers met, once the others are done.
    """
    idle = list(range(len(workers)))
    busy: list[tuple[int, int, Steps]] = []
    failures: list[Exception] = []
    has_worked = False

    def go_on(number: int, steps: Steps) -> None:
        nonlocal has_worked
        try:
            next(steps)
        except StopIteration as end:
            has_worked = has_worked or end.value
            heappush(idle, number)
        except (Halted, Exited, RequestFailed) as failure:
            failures.append(failure)
        else:
            heappush(busy, (workers[number].kernel.wakes_us, number, steps))

    try:
        while True:
            while idle and not failures and (job := next(jobs, None)):
                number = heappop(idle)
                go_on(number, job(workers[number]))
            if not busy:
                break
            instant_us, number, steps = heappop(busy)
            yield from until(instant_us, kernel, phase)
            go_on(number, steps)
    finally:
        # Whoever ends the process stops them all.
        for *_, steps in busy:
            steps.close()
    for kind in (Halted, Exited, RequestFailed):
        for failure in failures:
            if isinstance(failure, kind):
                raise failure
    return has_worked
