"""Writes files and folders whole or not at all.

Everything is first written beside its target and then renamed onto it, so that an interrupt, a
full disk or a power cut leaves the old content or the new one, never half of one.
"""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

import click

__all__ = [
    "STANDARD",
    "check_file_target",
    "check_folder_target",
    "new_folder",
    "write_lines",
    "write_text",
]

STANDARD: Final = "-"
"""Stands for standard output where a file is asked for."""


def check_file_target(path: str, option: str) -> None:
    """Refuse early what cannot be written later.

    Raises
    ------
    click.BadParameter
        If ``path`` is a folder or its folder does not exist or cannot be written to.
    """
    if path == STANDARD:
        return
    target = Path(path)
    if target.is_dir():
        raise click.BadParameter(f"{path} is a folder", param_hint=option)
    if not _is_device(target):
        _check_parent(target, option)


def check_folder_target(path: str, option: str, *, marker: str) -> None:
    """Refuse to replace a folder that this program did not make.

    A folder may be replaced if it is empty or contains a file ``marker``.

    Raises
    ------
    click.BadParameter
        If the folder is somebody else's, or cannot be made where it should be.
    """
    target = Path(path).resolve()
    existing = next(folder for folder in target.parents if folder.exists())
    _check_parent(existing / target.name, option)
    if not target.exists():
        return
    if not target.is_dir():
        raise click.BadParameter(f"{path} is not a folder", param_hint=option)
    if Path.cwd().is_relative_to(target):
        raise click.BadParameter(f"{path} is where you are", param_hint=option)
    names = os.listdir(target)
    if names and marker not in names:
        message = f"{path} holds files but no {marker}: it will not be replaced"
        raise click.BadParameter(message, param_hint=option)


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text to a file, or to standard output if ``path`` is "-"."""
    with _written(path) as stream:
        stream.write(text)


def write_lines(path: str, lines: Iterable[str]) -> None:
    """Write lines, each ended by a newline, as :func:`write_text` does."""
    with _written(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)


@contextlib.contextmanager
def _written(path: str) -> Iterator[TextIO]:
    """Stream whose content becomes that of ``path`` when the block ends well."""
    target = Path(path)
    if path == STANDARD:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        yield sys.stdout
    elif _is_device(target):
        with target.open("w", encoding="utf-8", newline="\n") as stream:
            yield stream
    else:
        # A link stays a link: what it points to is replaced.
        target = target.resolve()
        with _beside(target) as temporary:
            with temporary.open("w", encoding="utf-8", newline="\n") as stream:
                yield stream
            os.replace(temporary, target)


@contextlib.contextmanager
def new_folder(path: str, *, is_own: Callable[[str], bool]) -> Iterator[Path]:
    """Give a folder to write into that takes the place of ``path`` when the block ends well.

    Parameters
    ----------
    path : str
        May exist, see :func:`check_folder_target`; folders above it are made.
    is_own : callable
        Whether a file of the replaced folder is this program's, by name. Files that are not are
        copied into the new folder.
    """
    target = Path(path).resolve()
    with (
        _parents_made(target),
        _temporary_folder(target) as fresh,
        _temporary_folder(target) as old,
    ):
        os.chmod(fresh, 0o777 & ~_umask())
        yield fresh
        if target.exists():
            for name in sorted(os.listdir(target)):
                if not is_own(name):
                    _copy(target / name, fresh / name)
        try:
            if target.exists():
                os.replace(target, old)
            os.replace(fresh, target)
        except BaseException:
            if not target.exists():
                os.replace(old, target)
            raise


@contextlib.contextmanager
def _parents_made(target: Path) -> Iterator[None]:
    """Make the folders above ``target`` that do not exist; unmake them if the block fails."""
    made = [folder for folder in target.parents if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _copy(source: Path, target: Path) -> None:
    """Copy a file, a link as a link, or a folder."""
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def _is_device(target: Path) -> bool:
    """Whether it is something like /dev/null or a pipe, which must not be renamed onto."""
    return target.exists() and not target.is_file()


def _check_parent(target: Path, option: str) -> None:
    parent = target.resolve().parent
    if not parent.is_dir():
        raise click.BadParameter(f"{parent} is not a folder", param_hint=option)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise click.BadParameter(f"{parent} cannot be written to", param_hint=option)


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Path of a temporary file in the folder of ``target``, removed if it is still there after."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        os.chmod(temporary, 0o666 & ~_umask())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def _temporary_folder(target: Path) -> Iterator[Path]:
    """Path of a folder beside ``target``, removed if it is still there after."""
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    """Give the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
