"""Runs independent jobs, in this process or in several, and gives the results back in order.

It knows nothing of simulations. What it promises: results stand in the order of the jobs whatever
the number of workers; an interrupt leaves no process behind; workers end when their parent does,
however it ended.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection, wait
from typing import Any, Final, TypeVar

from sim.errors import ModelError

__all__ = ["run_jobs", "usable_cpus"]

J = TypeVar("J")
R = TypeVar("R")

# Starting processes costs each about half a second of imports; this much work must remain.
_WORTH_STARTING_S: Final = 2.0


def usable_cpus() -> int:
    """Number of CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_jobs(
    call: Callable[[J], R],
    jobs: Sequence[J],
    *,
    workers: int | None = None,
    on_result: Callable[[R], None] | None = None,
) -> list[R]:
    """Call ``call`` on every job.

    Parameters
    ----------
    call : callable
        Importable by name and without side effects: it may run in another process.
    jobs : sequence
        Picklable.
    workers : int or None
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
        If a worker process died. Errors of ``call`` come through unchanged.
    """
    report = on_result or (lambda _: None)
    count = usable_cpus() if workers is None else max(1, workers)
    results: list[R] = []
    if workers is None or count == 1 or len(jobs) < 2:
        began_s = time.perf_counter()
        for job in jobs:
            results.append(call(job))
            report(results[-1])
            left = len(jobs) - len(results)
            mean_s = (time.perf_counter() - began_s) / len(results)
            if min(count, left) > 1 and left * mean_s > _WORTH_STARTING_S:
                break
    return results + _in_processes(call, jobs[len(results) :], count, report)


def _in_processes(
    call: Callable[[J], R], jobs: Sequence[J], workers: int, report: Callable[[R], None]
) -> list[R]:
    if not jobs:
        return []
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(workers, len(jobs)),
        mp_context=context,
        initializer=_enter_worker,
        initargs=(reader,),
    )
    try:
        with _interrupts_held_back():
            futures = [pool.submit(call, job) for job in jobs]
        for future in as_completed(futures):
            report(future.result())
        return [future.result() for future in futures]
    except BaseException as error:
        # The end of this pipe is the workers' sign to leave at once, busy or not.
        writer.close()
        if isinstance(error, BrokenProcessPool):
            detail = f"a worker died, was it out of memory? ({error})"
            raise ModelError("worker processes live as long as the run", detail) from None
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        writer.close()
        reader.close()


def _enter_worker(reader: "Connection[Any, Any]") -> None:
    """First act of a worker: interrupts are the parent's business, and so is its life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    watched = [reader] if parent is None else [reader, parent.sentinel]
    threading.Thread(target=_leave_after, args=(watched,), daemon=True).start()


def _leave_after(watched: Sequence[Any]) -> None:
    wait(watched)
    os._exit(1)


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold SIGINT back while children start: they inherit the mask, this process gets it after."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
