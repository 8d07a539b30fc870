"""Files and folders that are written whole or not at all, whatever ends the program.

A file is written beside its target and renamed onto it. A folder is made inside a *work folder*
beside its target, ``.NAME.sim-partial``, and then changes places with it in one step. Who writes
holds a lock, which the operating system takes back when the process ends, even by kill -9. So a
leftover is known by its lock being free, and the next writer removes it; whatever is locked
belongs to somebody who is still at work, and is left alone.

Where locks do not exist (Windows, some network file systems) nothing is taken for a leftover.
"""

import contextlib
import ctypes
import errno
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TextIO

if sys.platform != "win32":
    import fcntl

__all__ = ["FolderBusy", "WorkFolder", "remove_leftovers", "whole_file", "work_folder"]

_SUFFIX: Final = ".sim-partial"
_LOCK: Final = "lock"
_NEW: Final = "new"
_OLD: Final = "old"
_KEPT: Final = "trials"
# <linux/fs.h>: both names must exist, and change places in one step.
_RENAME_EXCHANGE: Final = 2
# <fcntl.h>: paths are relative to the current folder.
_AT_FDCWD: Final = -100
_NO_EXCHANGE: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP})


class FolderBusy(OSError):
    """Another process is writing the same folder."""


class WorkFolder:
    """Where one process prepares what takes the place of ``target``.

    Attributes
    ----------
    path : Path
        The folder itself; it is there while :func:`work_folder` is active.
    kept : Path
        A folder for what outlives an interruption: if it has any file when the work ends badly, it
        stays for the next attempt. It is not made beforehand.
    is_done : bool
        Whether the target has been replaced and the work ended well, so that nothing need stay.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.parent / f".{target.name}{_SUFFIX}"
        self.kept = self.path / _KEPT
        self.is_done = False
        self._is_replaced = False

    @contextlib.contextmanager
    def replacement(self, *, is_own: Callable[[str], bool]) -> Iterator[Path]:
        """Give a folder to fill, which takes the place of ``target`` when the block ends well.

        Parameters
        ----------
        is_own : callable
            Whether a file of the replaced folder is this program's, by name. Files that are not
            are copied into the new folder.
        """
        fresh = self.path / _NEW
        fresh.mkdir()
        yield fresh
        for file in fresh.iterdir():
            _sync(file)
        if self.target.exists():
            for name in sorted(os.listdir(self.target)):
                if not is_own(name):
                    _copy(self.target / name, fresh / name)
        self._swap(fresh)
        self._is_replaced = True

    def _swap(self, fresh: Path) -> None:
        if not self.target.exists():
            os.rename(fresh, self.target)
        elif not _exchange(fresh, self.target):
            # Between these two steps the name is missing; `recover` mends that after a kill.
            os.rename(self.target, self.path / _OLD)
            try:
                os.rename(fresh, self.target)
            finally:
                self.recover()

    def recover(self) -> None:
        """Give the target its old content back if it was taken away, and remove the rest."""
        old = self.path / _OLD
        if old.exists() and not self.target.exists():
            os.rename(old, self.target)
        for folder in (old, self.path / _NEW):
            shutil.rmtree(folder, ignore_errors=True)

    def end_well(self) -> None:
        """Say that the work came to its end."""
        self.is_done = self._is_replaced

    def close(self) -> None:
        """Remove what need not outlive the process; the lock must still be held."""
        self.recover()
        if not self.is_done and any(p.is_file() for p in self.kept.rglob("*")):
            return
        shutil.rmtree(self.kept, ignore_errors=True)
        # The lock goes last: without it the folder would be nobody's.
        (self.path / _LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


@contextlib.contextmanager
def work_folder(target: Path) -> Iterator[WorkFolder]:
    """Hold the work folder of a target; make it, or take over what a killed process left of it.

    Parameters
    ----------
    target : Path
        Absolute; may exist. Folders above it are made, and unmade if nothing comes of it.

    Yields
    ------
    WorkFolder
        Its ``kept`` may hold what an earlier attempt finished.

    Raises
    ------
    FolderBusy
        If another process holds it.
    OSError
        If it cannot be made, or something else has its name.
    """
    work = WorkFolder(target)
    above = [folder for folder in target.parents if not folder.exists()]
    handle = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = _hold(work.path)
        work.recover()
        yield work
        work.end_well()
    finally:
        if handle is not None:
            work.close()
            os.close(handle)
        for folder in above:
            with contextlib.suppress(OSError):  # there is something in it
                folder.rmdir()


def _hold(path: Path) -> int:
    """Make a folder with a lock in it, and hold the lock; gives the open lock file."""
    while True:
        path.mkdir(exist_ok=True)
        lock = path / _LOCK
        try:
            if not lock.exists() and any(path.iterdir()):
                message = "is in the way, and not of this program"
                raise FileExistsError(errno.EEXIST, message, str(path))
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # the one before has just removed the folder
        try:
            _lock(handle)
        except BlockingIOError:
            os.close(handle)
            message = "another run is writing into this folder"
            raise FolderBusy(errno.EBUSY, message, str(path.with_name(_target(path)))) from None
        if _is_at(handle, lock):
            return handle
        os.close(handle)


def _target(path: Path) -> str:
    return path.name.removesuffix(_SUFFIX).removeprefix(".")


@contextlib.contextmanager
def whole_file(target: Path, *, is_new: bool = False) -> Iterator[TextIO]:
    """Give a stream whose text becomes that of ``target`` when the block ends well.

    The text is written as UTF-8, its ends of lines as they are. With ``is_new`` a target that is
    there by then is an error, FileExistsError.

    Raises
    ------
    OSError
        If it cannot be written; names the target, which is as it was.
    """
    temporary, handle = _temporary(target)
    try:
        os.chmod(temporary, 0o666 & ~_umask())
        with temporary.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
        _sync(temporary)
        if is_new:
            # Unlike a rename, it never takes the place of another.
            os.link(temporary, target)
        else:
            os.replace(temporary, target)
    except OSError as error:
        if error.filename is None or error.filename == str(temporary):
            error.filename = str(target)
        raise
    finally:
        os.close(handle)
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove temporary files that processes which no longer live have left in a folder.

    Parameters
    ----------
    folder : Path
    name : str or None
        Only those of a target with this name; None means all.
    """
    middle = r".+" if name is None else re.escape(name)
    pattern = re.compile(rf"\.{middle}\.\w{{8}}{re.escape(_SUFFIX)}")
    for entry in os.scandir(folder):
        if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(OSError):
                handle = os.open(entry.path, os.O_RDWR)
                try:
                    if _lock(handle):
                        os.unlink(entry.path)
                finally:
                    os.close(handle)


def _temporary(target: Path) -> tuple[Path, int]:
    """Make a file beside a target and hold its lock; gives its path and the open file."""
    while True:
        handle, name = tempfile.mkstemp(
            prefix=f".{target.name}.", suffix=_SUFFIX, dir=target.parent
        )
        with contextlib.suppress(BlockingIOError):
            _lock(handle)
            if _is_at(handle, Path(name)):
                return Path(name), handle
        # Somebody who was cleaning up took it before it was locked, and removes it.
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file until it is closed; False where files cannot be locked.

    Raises
    ------
    BlockingIOError
        If somebody else has locked it.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one that has the path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change names in one step; False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    names = (_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other))
    if rename(*names, ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NO_EXCHANGE:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _copy(source: Path, target: Path) -> None:
    """Copy a file, a link as a link, or a folder."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _sync(file: Path) -> None:
    """Wait until the content of a file is on disk: a renaming may get there before it."""
    if stat.S_ISREG(file.stat().st_mode):
        handle = os.open(file, os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    """Give the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
