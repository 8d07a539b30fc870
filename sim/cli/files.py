"""Where a command writes: what may be written over, and text into a file or standard output."""

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

import click

__all__ = [
    "STANDARD",
    "check_apart",
    "check_file_target",
    "check_folder_target",
    "check_kept_folder",
    "write_bytes",
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
    if target == target.parent:
        raise click.BadParameter(f"{path} is the root of all folders", param_hint=option)
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


def check_kept_folder(path: str, option: str, *, apart_from: str | None) -> None:
    """Refuse a folder for finished trials that is a file, cannot be made, or will be replaced.

    Parameters
    ----------
    apart_from : str or None
        A folder that is replaced when the run ends.

    Raises
    ------
    click.BadParameter
    """
    target = Path(path).resolve()
    existing = next(folder for folder in (target, *target.parents) if folder.exists())
    if not existing.is_dir():
        raise click.BadParameter(f"{existing} is not a folder", param_hint=option)
    _check_parent(existing / "new", option)
    if apart_from is not None and target.is_relative_to(Path(apart_from).resolve()):
        raise click.BadParameter(f"{path} is inside {apart_from}", param_hint=option)


def check_apart(
    targets: Mapping[str, str], inputs: Iterable[Path], *, folder_files: Iterable[str] = ()
) -> None:
    """Refuse to write over what is read, or one thing over another.

    Files are compared as the system sees them, so another path to a file, a link and a hard link
    are the same file.

    Parameters
    ----------
    targets : mapping of str to str
        By option; "-" and devices are left out. A folder, which need not exist, is told by its
        option being ``--out``.
    inputs : iterable of Path
        Files that are read.
    folder_files : iterable of str
        Names of the files that are written into the folder.

    Raises
    ------
    click.BadParameter
        Names the option, and what it would overwrite.
    """
    written = {
        option: [Path(path, name) for name in folder_files] if option == "--out" else [Path(path)]
        for option, path in targets.items()
        if path != STANDARD and (option == "--out" or not _is_device(Path(path)))
    }
    read = list(inputs)
    for option, files in written.items():
        for source in read:
            if any(_is_same(file, source) for file in files):
                message = f"{targets[option]} would overwrite {source}, which is read"
                raise click.BadParameter(message, param_hint=option)
        for other, others in written.items():
            if other != option and any(_is_same(a, b) for a in files for b in others):
                message = f"{targets[option]} would overwrite what {other} writes"
                raise click.BadParameter(message, param_hint=option)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there yet
        return one.resolve() == other.resolve()


def write_text(path: str, text: str) -> None:
    """Write UTF-8 text to a file, or to standard output if ``path`` is "-"."""
    with _written(path) as stream:
        stream.write(text)


def write_lines(path: str, lines: Iterable[str]) -> None:
    """Write lines, each ended by a newline, as :func:`write_text` does."""
    with _written(path) as stream:
        stream.writelines(f"{line}\n" for line in lines)


def write_bytes(path: str, content: bytes) -> None:
    """Write bytes to a file, or to standard output if ``path`` is "-", as :func:`write_text`."""
    with _written(path) as stream:
        stream.flush()
        stream.buffer.write(content)


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
        from sim.atomic import remove_leftovers, whole_file

        # A link stays a link: what it points to is replaced.
        target = target.resolve()
        remove_leftovers(target.parent, target.name)
        with whole_file(target) as stream:
            yield stream


def _is_device(target: Path) -> bool:
    """Whether it is something like /dev/null or a pipe, which must not be renamed onto."""
    return target.exists() and not target.is_file()


def _check_parent(target: Path, option: str) -> None:
    parent = target.resolve().parent
    if not parent.is_dir():
        raise click.BadParameter(f"{parent} is not a folder", param_hint=option)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise click.BadParameter(f"{parent} cannot be written to", param_hint=option)
