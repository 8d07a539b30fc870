"""A real scheduler with two workers: the bytes of one process, whatever becomes of a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest

from sim.analysis.results import TrialResult
from sim.cli import main
from sim.errors import ClusterError, ModelError
from sim.study import cluster as cluster_module
from sim.study.authors import authors_digest
from sim.study.cluster import Cluster, connected
from sim.study.executors import run_jobs
from sim.study.finished import TrialFiles

ROOT = Path(__file__).parents[2]
SMALL = """
schema = 1
name = "small"
horizon = "2d"
trials = 3
compactor.ranges = ["2h", "8h"]
queries = [{ name = "day", rate = "1/m", range = "1d" }]
[[schemes]]
name = "mark"
kind = "deletion-mark"
delete_delay = "10m"
ignore_deletion_marks_delay = "5m"
"""

OWN = """
from sim.schemes.own import OwnScheme

class Marked(OwnScheme):
    @property
    def composed(self):
        hide = {"kind": "mark-age", "after": "1h"}
        return self.slots(record="mark", hide=hide, delete={"kind": "after", "delay": "2h"})
"""


class _Machines:
    """A scheduler and its workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._folder = folder
        self.scheduler = self._start("scheduler", "--port", "0", "--host", "127.0.0.1")
        self.workers: list[subprocess.Popen[bytes]] = []
        self.address = ""

    def more_workers(self, count: int) -> None:
        words = ("worker", "--nthreads", "1", "--no-nanny", "--local-directory", str(self._folder))
        self.workers += [self._start(*words) for _ in range(count)]

    def wait(self) -> None:
        from distributed import Client

        with Client(scheduler_file=str(self._file), timeout=30, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), timeout=30)
            self.address = f"dask:{client.scheduler.address}"

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()

    def _start(self, *words: str) -> subprocess.Popen[bytes]:
        words = (*words, "--no-dashboard", "--scheduler-file", str(self._file))
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Machines]:
    found = _Machines(tmp_path_factory.mktemp("machines"))
    try:
        found.more_workers(2)
        found.wait()
        yield found
    finally:
        found.end()


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("small.toml").write_text(SMALL, encoding="utf-8")


def _find_in(folder: str) -> None:
    sys.path.insert(0, folder)


def _slowly(number: int) -> int:
    time.sleep(0.05)
    return number * number


def _named(number: int) -> int:
    return os.getpid()


def _bytes_of(words: list[str], *files: str) -> list[bytes]:
    assert main(words) in (0, 1, 3)
    return [Path(file).read_bytes() for file in files]


def test_a_sweep_has_the_bytes_of_one_process(machines: _Machines) -> None:
    words = ["sweep", "small.toml", "--vary", "gateways.sync_interval=1m,3m", "-q", "--csv"]
    one = _bytes_of([*words, "one.csv", "--fresh", "--workers", "1"], "one.csv")
    many = [*words, "many.csv", "--executor", machines.address, "--cells", "kept"]
    assert _bytes_of(many, "many.csv") == one
    assert len(list(Path("kept").rglob("*.json"))) == 6


def test_advice_has_the_bytes_of_one_process(machines: _Machines) -> None:
    words = ["advise", "small.toml", "--slo", "query-error=0", "--trials", "1", "-q"]
    words += ["--vary", "gateways.sync_interval=1m,3m", "--json"]
    one = _bytes_of([*words, "one.json"], "one.json")
    assert _bytes_of([*words, "many.json", "--executor", machines.address], "many.json") == one


def test_other_programs_are_refused_and_nothing_is_written(
    machines: _Machines, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster_module, "program_digest", lambda: "other")
    assert main(["run", "small.toml", "--out", "out", "--executor", machines.address]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.startswith("sim: worker tcp://127.0.0.1:")
    assert "of digest other as here" in errors
    assert errors.count("\n") == 1
    assert [path.name for path in Path.cwd().iterdir()] == ["small.toml"]


def test_work_is_done_elsewhere_and_a_worker_that_comes_later_is_asked_too(
    machines: _Machines,
) -> None:
    with connected(machines.address.removeprefix("dask:")) as cluster:
        task = cluster.executor.submit(cluster_module._perform, abs, {"NumPy": "0"}, (), [1])
        with pytest.raises(ClusterError, match="NumPy .*, not 0 as here"):
            task.result(timeout=10)
        ran_in = set(run_jobs(_named, range(8), count=8, workers=cluster))
    assert ran_in <= {worker.pid for worker in machines.workers}


def test_code_of_your_own_must_be_there_and_the_same(
    machines: _Machines,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from distributed import Client

    monkeypatch.syspath_prepend(tmp_path)
    Path("cluster_own.py").write_text(OWN, encoding="utf-8")
    Path("own.toml").write_text(
        SMALL.replace("deletion-mark", "cluster_own:Marked").partition("delete_delay")[0],
        encoding="utf-8",
    )
    words = ["run", "own.toml", "-q", "--json", "many.json", "--executor", machines.address]
    assert main(words) == 2
    errors = capsys.readouterr().err
    assert "lacks what a trial needs (ModuleNotFoundError(" in errors
    assert "cluster_own" in errors
    assert errors.count("\n") == 1
    with Client(machines.address.removeprefix("dask:"), set_as_default=False) as client:
        client.run(_find_in, str(tmp_path))
    assert main(words) in (0, 1, 3)
    monkeypatch.setattr(cluster_module, "authors_digest", lambda one: authors_digest(one)[::-1])
    assert main(words) == 2
    assert "has code that small names, " in capsys.readouterr().err


def test_a_lost_worker_costs_its_tasks_and_not_the_run(
    machines: _Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is lost as the first trial is on disk, when it has tasks and most are to come."""
    victim = machines.workers[0]
    words = ["run", "small.toml", "-q", "--trials", "12", "--json"]
    one = _bytes_of([*words, "one.json", "--workers", "1"], "one.json")
    keep = TrialFiles.__setitem__

    def kept(files: TrialFiles, ordinals: tuple[int, int], result: TrialResult) -> None:
        keep(files, ordinals, result)
        victim.kill()

    monkeypatch.setattr(TrialFiles, "__setitem__", kept)
    words += ["many.json", "--resume", "kept", "--executor", machines.address]
    assert _bytes_of(words, "many.json") == one
    assert victim.wait(timeout=10) != 0
    assert len(list(Path("kept").rglob("*.json"))) == 12


def test_a_lost_scheduler_is_told_in_a_sentence(machines: _Machines) -> None:
    """Last, as it ends them all."""
    with (
        pytest.raises(ModelError, match=r"a scheduler lives as long as the run \(.* is lost\)"),
        connected(machines.address.removeprefix("dask:")) as cluster,
    ):
        run_jobs(
            _slowly,
            range(8),
            count=8,
            workers=cluster,
            on_result=lambda _: machines.scheduler.kill(),
        )


def test_no_scheduler_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster_module, "_ANSWERS_WITHIN_S", 0.3)
    words = ["run", "small.toml", "--out", "out", "--executor", "dask:tcp://127.0.0.1:9"]
    assert main(words) == 2
    expected = "sim: no scheduler of Dask answers at tcp://127.0.0.1:9\n"
    assert capsys.readouterr() == ("", expected)
    assert not Path("out").exists()


def test_without_the_library_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["advise", "small.toml", "--slo", "query-error=0", "--executor", "dask:x:1"]) == 2
    assert 'pip install "consistency-sim[cluster]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--executor", "slurm"], "'slurm' is neither processes nor dask:ADDRESS"),
        (["--executor", "dask:"], "'dask:' is neither processes nor dask:ADDRESS"),
        (["--executor", "dask:x:1", "--workers", "2"], "a scheduler has its own workers"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "small.toml", *words]) == 2
    assert message in capsys.readouterr().err


class _Counting(ThreadPoolExecutor):
    """Counts jobs by task."""

    def __init__(self) -> None:
        super().__init__(2)
        self.sizes: list[int] = []

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        self.sizes.append(len(args[0]))
        return super().submit(fn, *args, **kwargs)


def test_quick_jobs_share_tasks_and_slow_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def sizes_of(call: Callable[[int], int], count: int) -> list[int]:
        with _Counting() as executor:
            found = Cluster(executor, lambda: 2).run(call, range(count), count, lambda _: None)
        assert found == [call(number) for number in range(count)]
        return executor.sizes

    assert max(sizes_of(abs, 1000)) > 100
    monkeypatch.setattr(cluster_module, "_TASK_S", 0.001)
    assert max(sizes_of(_slowly, 4)) == 1


def _fails_at_9(number: int) -> int:
    if number == 9:
        raise ValueError("nine")
    return number


def test_what_was_done_before_a_job_failed_is_reported() -> None:
    seen: list[int] = []
    executor: Executor
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="nine"):
        Cluster(executor, lambda: 1).run(_fails_at_9, range(10), 1000, seen.append)
    assert seen == list(range(9))


def test_a_task_gives_back_what_it_has_no_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_TASK_MOST_S", 0.0)
    with ThreadPoolExecutor(1) as executor:
        cluster = Cluster(executor, lambda: 1)
        assert cluster.run(abs, range(50), 1000, lambda _: None) == list(range(50))
