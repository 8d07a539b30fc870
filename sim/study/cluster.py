"""Workers on many machines: the scheduler of Dask distributed hands jobs out, and out again.

One who runs the program starts a scheduler and workers, and says where the scheduler is. Jobs go
there as tasks of some seconds each; results come back one task at a time, in whatever order, and
stand in the order of the jobs in the end. A worker that is lost costs the tasks it was at: others
do them again, and as a job depends on nothing but itself, the bytes are the same.
"""

import functools
import itertools
import logging
import platform
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from sim import __version__
from sim.errors import ClusterError, ModelError
from sim.study.authors import authors_digest
from sim.study.finished import program_digest

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["CLUSTER_EXTRA", "Cluster", "connected", "versions"]

J = TypeVar("J")
R = TypeVar("R")
# Jobs and their numbers.
_Task = tuple[tuple[int, Any], ...]

CLUSTER_EXTRA: Final = (
    'a scheduler of Dask needs the extra "cluster": pip install "consistency-sim[cluster]"'
)

# How long a scheduler may take to answer, and then the first worker to be there.
_ANSWERS_WITHIN_S: Final = 5.0
# So long a task is to take; one that has taken the most gives back the jobs that are left.
_TASK_S: Final = 3.0
_TASK_MOST_S: Final = 10.0
# A job that took less is taken for one that took so long.
_SHORTEST_S: Final = 1e-6
# So many tasks a thread of a worker are handed over: one at work, one that waits for it.
_IN_FLIGHT: Final = 2
_CLOSES_WITHIN_S: Final = 0.5
# Threads of one worker take turns: they share its collector, and one interpreter anyway.
_TURN: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Part:
    """Results of the first jobs of a task, and how long they took."""

    results: tuple[Any, ...]
    took_s: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Runs jobs in the workers of a scheduler.

    Attributes
    ----------
    executor : concurrent.futures.Executor
        Does what is submitted, whatever becomes of a single worker.
    threads : callable
        How many tasks it can do at once, now; workers come and go.
    authored : tuple of Scenario
        What names code of somebody else, which is compared as well.
    """

    executor: Executor
    threads: Callable[[], int]
    authored: "tuple[Scenario, ...]" = ()

    def run(
        self,
        call: Callable[[J], R],
        jobs: Iterable[J],
        count: int,
        report: Callable[[R], None],
    ) -> list[R]:
        """Call ``call`` on every job, as :func:`sim.study.executors.run_jobs` does.

        How many jobs make a task is decided as it goes, by the time that jobs took so far.
        """
        perform = functools.partial(_perform, call, versions(self.authored), self.authored)
        left = enumerate(jobs)
        tasks: dict[Future[_Part], _Task] = {}
        results: dict[int, R] = {}
        handed, took_s = 0, 0.0
        is_over = False

        def hand_out(task: _Task) -> None:
            tasks[self.executor.submit(perform, [job for _, job in task])] = task

        while tasks or not is_over:
            most = max(1, self.threads()) * _IN_FLIGHT
            while not is_over and len(tasks) < most:
                mean_s = took_s / len(results) if results else _TASK_S
                size = min(int(_TASK_S / max(mean_s, _SHORTEST_S)), (count - handed) // most)
                task = tuple(itertools.islice(left, max(1, size)))
                is_over = not task
                handed += len(task)
                if task:
                    hand_out(task)
            error: BaseException | None = None
            for task, part in _taken_in(tasks):
                if isinstance(part, BaseException):
                    error = part
                    continue
                took_s += part.took_s
                for (number, _), result in zip(task, part.results, strict=False):
                    results[number] = result
                    report(result)
                if rest := task[len(part.results) :]:
                    hand_out(rest)
            if error is not None:
                raise error
        return [results[number] for number in sorted(results)]


def _taken_in(
    tasks: "dict[Future[_Part], _Task]",
) -> "list[tuple[_Task, _Part | BaseException]]":
    """Wait for at least one task, if there are any, and take out those that have ended."""
    if not tasks:
        return []
    done, _ = wait(tasks, return_when=FIRST_COMPLETED)
    ended: list[tuple[_Task, _Part | BaseException]] = []
    for future in sorted(done, key=lambda future: tasks[future][0][0]):
        failed = CancelledError() if future.cancelled() else future.exception()
        ended.append((tasks.pop(future), failed or future.result()))
    return ended


def versions(authored: "tuple[Scenario, ...]" = ()) -> dict[str, str]:
    """What must be the same on both sides, by name, for results to be."""
    return {
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "consistency-sim": f"{__version__} of digest {program_digest()[:12]}",
        **{f"code that {one.name} names,": authors_digest(one)[:12] for one in authored},
    }


@contextmanager
def connected(address: str, scenarios: "Iterable[Scenario]" = ()) -> Iterator[Cluster]:
    """Connect to a scheduler, and compare versions with all its workers.

    Parameters
    ----------
    address : str
        Where it listens: ``tcp://HOST:8786``, or the same without the protocol.
    scenarios : iterable of Scenario
        What is to run.

    Yields
    ------
    Cluster

    Raises
    ------
    ClusterError
        If Dask distributed is not installed, no scheduler answers, it has no worker, or a worker
        has other versions.
    ModelError
        If the scheduler is lost, or several workers one after another at the same task.
    """
    try:
        from distributed import Client, KilledWorker
        from distributed.versions import VersionMismatchWarning
    except ImportError:
        raise ClusterError(CLUSTER_EXTRA) from None
    for name in ("distributed", "distributed.client"):
        # What it has to say is said here, once and in a sentence.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)
            client: Any = Client(address, timeout=_ANSWERS_WITHIN_S, set_as_default=False)
    except (OSError, ValueError):
        raise ClusterError(f"no scheduler of Dask answers at {address}") from None
    authored = tuple(
        {authors_digest(one): one for one in scenarios if authors_digest(one)}.values()
    )
    try:
        try:
            client.wait_for_workers(1, timeout=_ANSWERS_WITHIN_S)
        except OSError:
            raise ClusterError(
                f"the scheduler at {address} has no workers; to start one: dask worker {address}"
            ) from None
        asked = client.run(versions, authored, on_error="return")
        for worker, theirs in sorted(asked.items()):
            _compare(str(worker), theirs, versions(authored))
        yield Cluster(
            client.get_executor(pure=False),
            functools.partial(_threads, client),
            authored,
        )
    except KilledWorker:
        detail = "several were lost at the same trial, were they out of memory?"
        raise ModelError("a worker does a trial without dying of it", detail) from None
    except CancelledError:
        raise ModelError("a scheduler lives as long as the run", f"{address} is lost") from None
    finally:
        client.close(timeout=_CLOSES_WITHIN_S)


def _threads(client: Any) -> int:
    """How many threads the workers have; a scheduler that does not answer is lost."""
    try:
        return sum(client.ncores().values())
    except OSError:
        raise CancelledError from None


def _compare(worker: str, theirs: object, ours: dict[str, str]) -> None:
    """Refuse a worker whose versions are others, or who cannot say them."""
    if not isinstance(theirs, dict):
        raise ClusterError(f"worker {worker} lacks what a trial needs ({theirs})")
    for name, own in ours.items():
        if theirs.get(name) != own:
            raise ClusterError(f"worker {worker} has {name} {theirs.get(name)}, not {own} as here")


def _perform(
    call: Callable[[J], R],
    expected: dict[str, str],
    authored: "tuple[Scenario, ...]",
    jobs: list[J],
) -> _Part:
    """Do jobs in a worker until time is up or one fails; one that fails first says why."""
    # It may have come after the start, when the others were asked.
    _compare(platform.node(), versions(authored), expected)
    began_s = time.perf_counter()
    results: list[R] = []
    with _TURN:
        for job in jobs:
            try:
                results.append(call(job))
            except Exception:
                if not results:
                    raise
                break
            if time.perf_counter() - began_s > _TASK_MOST_S:
                break
    return _Part(tuple(results), time.perf_counter() - began_s)
