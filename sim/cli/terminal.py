"""Standard output and error as they may be: closed, full, or without an end that reads.

What cannot be written to standard output is an error of the run. What cannot be written to
standard error is lost: a message never decides how a run ends.
"""

import contextlib
import io
import os
import sys
from typing import Final

import click

from sim.errors import printable, shortened

__all__ = ["flush_or_drop", "prepare_streams", "show_error"]

_OUTPUT: Final = 1
_ERROR: Final = 2
_LINE_LENGTH_MAX: Final = 2_000


def prepare_streams() -> None:
    """Make standard output and error fit to be written to.

    A file that is opened while one of the first three is closed would take its number, and be
    written to by mistake: they are opened, the output so that writing to it fails as it should.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdout is None:
        sys.stdout = open(_OUTPUT, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(_ERROR, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is sys.__stderr__ or sys.__stderr__ is None:
        sys.stderr = io.TextIOWrapper(
            _Forgiving(), encoding=sys.stderr.encoding, write_through=True
        )
    for stream in (sys.stdout, sys.stderr):
        # A scheme may be called anything; a terminal that cannot show it is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


class _Forgiving(io.BufferedIOBase):
    """Standard error, unbuffered; what cannot be written is lost."""

    def write(self, data: object) -> int:
        content = memoryview(data).cast("B")  # type: ignore[arg-type]
        rest = content
        with contextlib.suppress(OSError):
            while rest:
                rest = rest[os.write(_ERROR, rest) :]
        return len(content)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return _ERROR

    def isatty(self) -> bool:
        return os.isatty(_ERROR)


def flush_or_drop() -> None:
    """Flush standard output; what it cannot write is dropped: the way out must not fail again.

    Raises
    ------
    OSError
        If there was something that it could not write.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OSError(error.errno, error.strerror, "standard output") from None


def show_error(message: str) -> None:
    """Show a message on standard error, each of its lines as plain text of a moderate length."""
    for line in message.split("\n"):
        click.echo(printable(shortened(line, _LINE_LENGTH_MAX)), err=True)
