"""Files that a scenario is read from: which may be read, and how much of them."""

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["LARGEST_BYTES", "Reading", "read_file"]

LARGEST_BYTES: Final = 16 * 2**20
"""A larger file is refused: the largest scenario there is has some kilobytes."""

_KINDS: Final = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which files the laws of a scenario may read.

    Attributes
    ----------
    folder : Path or None
        Where their paths begin; None is the current directory.
    allow_outside : bool
        Whether they may be outside of it.
    on_read : callable
        Called with the path of every file that is read.
    """

    folder: Path | None = None
    allow_outside: bool = False
    on_read: Callable[[Path], None] = lambda _: None

    def bytes_of(self, file: str) -> bytes:
        """Read a file that a law names.

        Raises
        ------
        ValueError
            If it is outside the folder once links are followed; with the rule that it breaks.
        OSError
            As :func:`read_file`.
        """
        folder = self.folder or Path()
        path = folder / file
        try:
            is_inside = path.resolve().is_relative_to(folder.resolve())
        except (OSError, RuntimeError):  # a circle of links; which of them depends on Python
            is_inside = False
        if not (is_inside or self.allow_outside):
            raise ValueError("be below the folder of the scenario (--allow-outside lifts this)")
        self.on_read(path)
        return read_file(path)


def read_file(path: Path) -> bytes:
    """Read a file, and nothing that only looks like one: reading a pipe would wait for ever.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file or has more than `LARGEST_BYTES`.
    """
    _check(path, path.stat())
    # Without O_NONBLOCK, what has become a pipe since would keep us here.
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        _check(path, os.fstat(file.fileno()))
        content = file.read(LARGEST_BYTES + 1)
    if len(content) > LARGEST_BYTES:
        raise _too_large(path)
    return content


def _check(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(found.st_mode)), "something else")
        raise OSError(errno.EINVAL, f"is {kind}, not a regular file", str(path))
    if found.st_size > LARGEST_BYTES:
        raise _too_large(path)


def _too_large(path: Path) -> OSError:
    size = f"{LARGEST_BYTES // 2**20} MiB"
    return OSError(errno.EFBIG, f"has more than {size}, the most that is read", str(path))
