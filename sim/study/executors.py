"""Runs independent jobs, in this process, in several or elsewhere; results come back in order.

It knows nothing of simulations. What it promises: results stand in the order of the jobs whatever
the number of workers; jobs are taken one by one, so there may be a billion of them; an interrupt
kills the workers, busy or not; workers end when their parent does, however it ended.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, Protocol, TypeVar

from sim.core.collector import collect_seldom
from sim.errors import ModelError

__all__ = ["Elsewhere", "Workers", "run_jobs", "usable_cpus"]

J = TypeVar("J")
R = TypeVar("R")

# Starting processes costs each about half a second of imports; this much work must remain.
_WORTH_STARTING_S: Final = 2.0
# So many jobs a worker are handed over: one at work, one that waits for it.
_IN_FLIGHT: Final = 2
# Exit code of a worker that found the program's entry unguarded (EX_USAGE of <sysexits.h>).
_EXIT_UNGUARDED: Final = 64
# What may interrupt a run; SIGHUP does not exist everywhere.
_INTERRUPTS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Elsewhere(Protocol):
    """Workers that this process has not started."""

    def run(
        self, call: Callable[[J], R], jobs: Iterable[J], count: int, report: Callable[[R], None]
    ) -> list[R]:
        """Do as :func:`run_jobs` does."""
        ...


Workers = int | Elsewhere | None
"""A number of processes, workers that are there already, or None: as many as pay."""


def usable_cpus() -> int:
    """Number of CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    call: Callable[[J], R],
    jobs: Iterable[J],
    *,
    count: int,
    workers: Workers = 1,
    on_result: Callable[[R], None] | None = None,
) -> list[R]:
    """Call ``call`` on every job.

    Parameters
    ----------
    call : callable
        Importable by name and without side effects: it may run in another process.
    jobs : iterable
        Picklable; each is taken when there is somebody to do it.
    count : int
        Number of jobs, or the most that there may be.
    workers : int, Elsewhere or None
        Number of processes; 1 stays in this one. None begins in this process and starts one
        process per usable CPU as soon as the time taken so far says that it pays.
    on_result : callable or None
        Called in this process with every result, in order of completion.

    Returns
    -------
    list
        Results in the order of ``jobs``.

    Raises
    ------
    ModelError
        If a worker process died, or the program starts workers without a guarded entry. Errors of
        ``call`` come through unchanged.
    """
    report = on_result or (lambda _: None)
    if not (workers is None or isinstance(workers, int)):
        return workers.run(call, jobs, count, report)
    most = usable_cpus() if workers is None else max(1, workers)
    results: list[R] = []
    left = iter(jobs)
    if workers is None or most == 1 or count < 2:
        began_s = time.perf_counter()
        for job in left:
            results.append(call(job))
            report(results[-1])
            remaining = count - len(results)
            mean_s = (time.perf_counter() - began_s) / len(results)
            if min(most, remaining) > 1 and remaining * mean_s > _WORTH_STARTING_S:
                break
        else:
            return results
    _leave_if_unguarded()
    return results + _in_processes(call, left, min(most, count - len(results)), report)


def _in_processes(
    call: Callable[[J], R], jobs: Iterator[J], workers: int, report: Callable[[R], None]
) -> list[R]:
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_enter_worker, initargs=(reader,)
    )
    others = set(multiprocessing.active_children())
    children: set[BaseProcess] = set()
    results: dict[int, R] = {}
    numbers: dict[Future[R], int] = {}
    try:
        for number, job in enumerate(jobs):
            if len(numbers) >= workers * _IN_FLIGHT:
                _take_in(numbers, results, report)
            with _interrupts_held_back():
                numbers[pool.submit(call, job)] = number
                children.update(set(multiprocessing.active_children()) - others)
        while numbers:
            _take_in(numbers, results, report)
    except BaseException as error:
        # The end of this pipe is the workers' sign to leave; one that is busy may not see it.
        writer.close()
        # An interrupt may have come while the pool was starting one, and the pool not know it.
        for child in children | (set(multiprocessing.active_children()) - others):
            child.kill()
        if isinstance(error, BrokenProcessPool):
            pool.shutdown(wait=True, cancel_futures=True)
            raise _death(children, error) from None
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        writer.close()
        reader.close()
    return [results[number] for number in sorted(results)]


def _take_in(
    numbers: "dict[Future[R], int]", results: dict[int, R], report: Callable[[R], None]
) -> None:
    """Wait for at least one job and take the results of those that are done.

    When one of them failed, the others count nevertheless: they are finished.
    """
    done, _ = wait(numbers, return_when=FIRST_COMPLETED)
    error: BaseException | None = None
    for future in sorted(done, key=numbers.__getitem__):
        number = numbers.pop(future)
        error = future.exception() or error
        if future.exception() is None:
            results[number] = future.result()
            report(results[number])
    if error is not None:
        raise error


def _death(children: Iterable[BaseProcess], error: BrokenProcessPool) -> ModelError:
    """Say why the workers are gone."""
    if any(child.exitcode == _EXIT_UNGUARDED for child in children):
        return ModelError(
            "a program that starts workers guards its entry",
            'put what starts them below: if __name__ == "__main__":',
        )
    detail = f"a worker died, was it out of memory? ({error})"
    return ModelError("worker processes live as long as the run", detail)


def _leave_if_unguarded() -> None:
    """End a worker that is about to start workers because it imports the program that started it.

    Python marks a process in which it does so; the error it would raise itself comes once a worker,
    as a traceback through all of the program.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(_EXIT_UNGUARDED)


def _enter_worker(reader: "connection.Connection[Any, Any]") -> None:
    """First act of a worker: interrupts are the parent's business, and so is its life.

    It has imported next to nothing yet.
    """
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _INTERRUPTS)
    parent = multiprocessing.parent_process()
    watched = [reader] if parent is None else [reader, parent.sentinel]
    threading.Thread(target=_leave_after, args=(watched,), daemon=True).start()


def _leave_after(watched: list[Any]) -> None:
    connection.wait(watched)
    os._exit(1)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold interrupts back while children start: they inherit the mask, this process gets it after.

    A child that was being started when the interrupt came would be nobody's.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
