"""Files and folders appear whole, whatever ends the writer, and leftovers go with the next one."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sim import atomic
from sim.atomic import FolderBusy, remove_leftovers, whole_file, work_folder

ROOT = Path(__file__).parents[2]

# Replaces a folder, and dies just before the step (a call of the system) with a given number.
DYING = """
import os, shutil, sys
from pathlib import Path
from sim import atomic

left, has_exchange = int(sys.argv[2]), sys.argv[3] == "exchange"
if not has_exchange:
    atomic._exchange = lambda one, other: False

def dying(call):
    def step(*arguments, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return call(*arguments, **options)
    return step

for name in ("mkdir", "open", "rename", "replace", "unlink", "rmdir", "fsync", "close"):
    setattr(os, name, dying(getattr(os, name)))
atomic._exchange = dying(atomic._exchange)

with atomic.work_folder(Path(sys.argv[1])) as work:
    work.kept.mkdir(exist_ok=True)
    with atomic.whole_file(work.kept / "trial") as stream:
        stream.write("done")
    with work.replacement(is_own=lambda name: name.startswith("result")) as folder:
        (folder / "result.json").write_text("new")
        (folder / "result.csv").write_text("new")
"""


def _is_own(name: str) -> bool:
    return name.startswith("result")


def _fill(path: Path, files: dict[str, str]) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def _content(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.iterdir()}


def _write(target: Path, text: str) -> None:
    with work_folder(target) as work, work.replacement(is_own=_is_own) as folder:
        (folder / "result.json").write_text(text)


def test_a_new_folder_appears_with_the_folders_above_it(tmp_path: Path) -> None:
    target = tmp_path / "out" / "run"
    with work_folder(target) as work, work.replacement(is_own=_is_own) as folder:
        (folder / "result.json").write_text("1")
        assert not target.exists()
    assert _content(target) == {"result.json": "1"}
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["run"]


@pytest.mark.parametrize("has_exchange", [True, False])
def test_a_folder_takes_the_place_of_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_exchange: bool
) -> None:
    if not has_exchange:
        monkeypatch.setattr(atomic, "_exchange", lambda *_: False)
    target = _fill(tmp_path / "run", {"result.json": "0", "result.csv": "0", "notes": "mine"})
    _write(target, "1")
    assert _content(target) == {"result.json": "1", "notes": "mine"}
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_older_folder(tmp_path: Path, error: type[BaseException]) -> None:
    target = _fill(tmp_path / "run", {"result.json": "0"})

    def write() -> None:
        with work_folder(target) as work, work.replacement(is_own=_is_own) as folder:
            (folder / "result.json").write_text("1")
            raise error

    with pytest.raises(error):
        write()
    assert _content(target) == {"result.json": "0"}
    assert os.listdir(tmp_path) == ["run"]


def test_a_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), work_folder(tmp_path / "out" / "run"):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_what_is_kept_outlives_a_failure_and_goes_with_success(tmp_path: Path) -> None:
    target = tmp_path / "out" / "run"

    def fail() -> None:
        with work_folder(target) as work:
            _fill(work.kept, {"trial": "done"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    with work_folder(target) as work:
        assert _content(work.kept) == {"trial": "done"}
    assert (work.kept / "trial").exists()
    _write(target, "1")
    assert os.listdir(tmp_path / "out") == ["run"]


def test_what_is_kept_outlives_a_failure_after_the_replacement(tmp_path: Path) -> None:
    def fail() -> None:
        with work_folder(tmp_path / "run") as work:
            _fill(work.kept, {"trial": "done"})
            with work.replacement(is_own=_is_own) as folder:
                (folder / "result.json").write_text("1")
            raise OSError

    with pytest.raises(OSError, match="^$"):
        fail()
    assert _content(tmp_path / "run") == {"result.json": "1"}
    with work_folder(tmp_path / "run") as work:
        assert _content(work.kept) == {"trial": "done"}


def test_one_folder_is_written_by_one_at_a_time(tmp_path: Path) -> None:
    with work_folder(tmp_path / "run") as work:
        with pytest.raises(FolderBusy) as caught, work_folder(tmp_path / "run"):
            pass
        assert caught.value.filename == str(tmp_path / "run")
        with work_folder(tmp_path / "other"):
            pass
        assert work.path.exists()
    with work_folder(tmp_path / "run"):
        pass
    assert os.listdir(tmp_path) == []


def test_a_folder_of_somebody_else_is_not_taken_for_a_leftover(tmp_path: Path) -> None:
    _fill(tmp_path / ".run.sim-partial", {"thesis.tex": "…"})
    with pytest.raises(FileExistsError, match="not of this program"), work_folder(tmp_path / "run"):
        pass
    assert _content(tmp_path / ".run.sim-partial") == {"thesis.tex": "…"}


@pytest.mark.parametrize("has_exchange", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_kill_at_any_step_leaves_the_old_folder_or_the_new_one(
    tmp_path: Path, is_there: bool, has_exchange: bool
) -> None:
    old, new = {"result.json": "old"}, {"result.json": "new", "result.csv": "new"}
    seen = []
    for step in range(100):
        place = tmp_path / str(step)
        place.mkdir()
        target = place / "run"
        if is_there:
            _fill(target, old)
        if _die(target, step, has_exchange=has_exchange) == 0:
            break
        if has_exchange or not is_there:
            seen.append(_content(target) if target.exists() else {})
            assert seen[-1] in ([old, new] if is_there else [{}, new])
        _recovered(target, [old, new] if is_there else [{}, new])
        _write(target, "again")
        assert _content(target) == {"result.json": "again"}
        assert os.listdir(place) == ["run"]
    else:
        pytest.fail("it never ended")
    assert step > 10
    assert not seen or [new] == seen[-1:]


def _die(target: Path, step: int, *, has_exchange: bool) -> int:
    words = [str(target), str(step), "exchange" if has_exchange else "no exchange"]
    done = subprocess.run(
        [sys.executable, "-S", "-c", DYING, *words],
        cwd=ROOT,
        timeout=60,
        stderr=subprocess.PIPE,
        check=False,
    )
    assert done.returncode in (0, 9), done.stderr
    return done.returncode


def _recovered(target: Path, allowed: list[dict[str, str]]) -> None:
    """The next one finds a whole folder, even where a kill left none under the name."""
    with work_folder(target):
        assert (_content(target) if target.exists() else {}) in allowed


def test_a_leftover_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    (tmp_path / ".a.0a1b2c3d.sim-partial").write_text("half")
    (tmp_path / ".b.0a1b2c3d.sim-partial").write_text("half")
    (tmp_path / ".a.txt").write_text("mine")
    with whole_file(tmp_path / "a") as stream:
        stream.write("whole")
        remove_leftovers(tmp_path, "a")
        assert len(os.listdir(tmp_path)) == 3
    assert _content(tmp_path) == {"a": "whole", ".a.txt": "mine", ".b.0a1b2c3d.sim-partial": "half"}
    remove_leftovers(tmp_path)
    assert _content(tmp_path) == {"a": "whole", ".a.txt": "mine"}


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_names_the_file_and_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    (tmp_path / "a").write_text("old")
    monkeypatch.setattr(os, call, _full)
    with pytest.raises(OSError, match="No space left") as caught, whole_file(tmp_path / "a") as s:
        s.write("new")
    assert caught.value.filename == str(tmp_path / "a")
    assert _content(tmp_path) == {"a": "old"}


def test_a_failing_exchange_is_told(tmp_path: Path) -> None:
    exchange: Callable[[Path, Path], bool] = atomic._exchange
    (tmp_path / "a").mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "a", tmp_path / "b")


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    target = tmp_path / "f"
    with whole_file(target, is_new=True) as stream:
        stream.write("first")
        assert not target.exists()
    with pytest.raises(FileExistsError), whole_file(target, is_new=True) as stream:
        stream.write("second")
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]
