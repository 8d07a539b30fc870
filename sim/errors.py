"""The error tree and the exit codes of the program.

::

    SimError                            exit code 2
    ├── ScenarioError (ValueError)      2     the scenario is wrong: every problem at once
    ├── TraceError (ValueError)         2     a recorded trace cannot be read
    ├── ClusterError (RuntimeError)     2     workers elsewhere cannot be had, or are others
    ├── DeterminismError (RuntimeError) 1     a run and its repetition differ
    ├── ModelError (RuntimeError)       3     an invariant of the simulator broke: no verdict
    └── RunInterrupted (RuntimeError)   130   stopped by the user

Exit codes: 0 every expectation holds, 1 one does not, 2 the input is wrong, 3 unknown (nothing
was observed, or nothing can be concluded), 130 interrupted.

Every error is fully described by ``args`` and takes them as positional arguments, because an
error that leaves a simulated process is rebuilt as ``type(error)(*error.args)``, and one that
leaves a worker process is pickled. Constructors never validate: an error about an error hides
the first one.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

__all__ = [
    "EXIT_BAD_INPUT",
    "EXIT_BROKEN",
    "EXIT_HOLDS",
    "EXIT_INTERRUPTED",
    "EXIT_UNKNOWN",
    "ClusterError",
    "DeterminismError",
    "ModelError",
    "Problem",
    "RunInterrupted",
    "ScenarioError",
    "SimError",
    "TraceError",
    "is_plain",
    "printable",
    "shortened",
]

EXIT_HOLDS: Final = 0
EXIT_BROKEN: Final = 1
EXIT_BAD_INPUT: Final = 2
EXIT_UNKNOWN: Final = 3
EXIT_INTERRUPTED: Final = 130

_VALUE_LENGTH_MAX: Final = 80


def is_plain(character: str) -> bool:
    """Whether a character is something to see, or a space.

    Not plain are control characters, invisible format characters (which turn the direction of
    text, or hide in it), surrogates, private and unassigned characters, and separators of lines
    (Unicode categories Cc, Cf, Cs, Co, Cn, Zl, Zp). What is assigned depends on the Unicode of
    the Python that runs.
    """
    return character.isprintable() or unicodedata.category(character) == "Zs"


def printable(text: str) -> str:
    r"""Return a text in which nothing but plain characters is left, for a terminal to show.

    Everything else becomes an escape as TOML, JSON and Python read it; a backslash that is
    there already stays as it is. Whatever is echoed of a file or a command line goes through
    here: a terminal obeys the characters that this function takes out.

    >>> print(printable("a\x1b[2Jb"))
    a\u001b[2Jb
    """
    if text.isprintable():
        return text
    return "".join(c if is_plain(c) else _escape(ord(c)) for c in text)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def shortened(text: str, length: int) -> str:
    """Return a text of at most `length` (>= 3) characters: what is too long loses its middle."""
    if len(text) <= length:
        return text
    head = length // 2
    return text[:head] + "…" + text[head + 1 - length :]


def _shown(value: object) -> str:
    """Return ``repr(value)``, cut at the end of a line rather than filling the screen."""
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python is ready to write
        text = "(a very long number)"
    if len(text) <= _VALUE_LENGTH_MAX:
        return text
    return text[: _VALUE_LENGTH_MAX - 1] + "…"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a scenario.

    Attributes
    ----------
    path : str
        Dotted key path, ``"faults[0].factor"``; empty for the document as a whole.
    value : object
        The offending value, shown by ``repr``.
    rule : str
        Completes the sentence "<path>=<value> must …".
    hint : str
        What the writer probably meant; empty if there is no guess.
    line, column : int or None
        Position in the file, both from 1; None where it is not known.
    file : str
        Name of the file as the user gave it; empty for text without a file.
    """

    path: str
    value: object
    rule: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    file: str = ""

    def __str__(self) -> str:
        """Return ``file:line:column: path=value must rule; hint``, without the unknown parts.

        On one line, whatever the file holds.
        """
        place = [self.file or "<scenario>"]
        if self.line is not None:
            place.append(str(self.line))
            if self.column is not None:
                place.append(str(self.column))
        where = ":".join(place) if self.file or self.line is not None else ""
        subject = f"{self.path}={_shown(self.value)}" if self.path else _shown(self.value)
        message = f"{subject} must {self.rule}"
        if where:
            message = f"{where}: {message}"
        return printable(f"{message}; {self.hint}" if self.hint else message)


class SimError(Exception):
    """Root of every error this package raises on purpose.

    Attributes
    ----------
    exit_code : int
        Exit code of the program when the error reaches the top.
    """

    exit_code: ClassVar[int] = EXIT_BAD_INPUT


class ScenarioError(SimError, ValueError):
    """The scenario is wrong; carries all problems, not only the first.

    Parameters
    ----------
    problems : iterable of Problem or str
        In the order they are to be shown.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, problems: Iterable["Problem | str"] = ()) -> None:
        self.problems: tuple[Problem | str, ...] = (
            (problems,) if isinstance(problems, str) else tuple(problems)
        )
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Return one line per problem."""
        return "\n".join(str(problem) for problem in self.problems) or "the scenario is wrong"


class TraceError(SimError, ValueError):
    """A recorded trace cannot be read.

    Parameters
    ----------
    path : str
        The file as the user named it.
    line : int
        Line number from 1; 0 where the fault is not in one line.
    reason : str
        What is wrong with it.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, path: str = "", line: int = 0, reason: str = "") -> None:
        self.path = path
        self.line = line
        self.reason = reason
        super().__init__(path, line, reason)

    def __str__(self) -> str:
        """Return ``path:line: reason``."""
        where = f"{self.path}:{self.line}" if self.line else self.path
        reason = self.reason or "cannot be read"
        return f"{where}: {reason}" if where else reason


class ClusterError(SimError, RuntimeError):
    """Workers on other machines cannot be had, or are not the same program.

    Parameters
    ----------
    reason : str
        A sentence.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.reason or "workers elsewhere cannot be had"


class DeterminismError(SimError, RuntimeError):
    """A run and its repetition differ.

    Parameters
    ----------
    seq : int
        Number of the first differing record, from 0.
    first, second : str
        That record in each run; empty where a run had already ended.
    """

    exit_code = EXIT_BROKEN

    def __init__(self, seq: int = 0, first: str = "", second: str = "") -> None:
        self.seq = seq
        self.first = first
        self.second = second
        super().__init__(seq, first, second)

    def __str__(self) -> str:
        """Return both versions of the first differing record."""
        return (
            f"two runs of the same scenario and seed differ at record {self.seq}:\n"
            f"  first:  {self.first or '(no record)'}\n"
            f"  second: {self.second or '(no record)'}"
        )


class ModelError(SimError, RuntimeError):
    """An invariant of the simulator broke: a fault of this program, not of its input.

    Parameters
    ----------
    invariant : str
        The invariant, stated positively.
    detail : str
        What was found instead.
    """

    exit_code = EXIT_UNKNOWN

    def __init__(self, invariant: str = "", detail: str = "") -> None:
        self.invariant = invariant
        self.detail = detail
        super().__init__(invariant, detail)

    def __str__(self) -> str:
        """Return the invariant and what was found instead."""
        return f"broken invariant: {self.invariant}" + (f" ({self.detail})" if self.detail else "")


class RunInterrupted(SimError, RuntimeError):
    """The user stopped the run.

    Parameters
    ----------
    done, wanted : int
        Trials that had ended, and trials that were asked for.
    is_kept : bool
        Whether those that had ended are on disk for the next run.
    """

    exit_code = EXIT_INTERRUPTED

    def __init__(self, done: int = 0, wanted: int = 0, is_kept: bool = False) -> None:
        self.done = done
        self.wanted = wanted
        self.is_kept = is_kept
        super().__init__(done, wanted, is_kept)

    def __str__(self) -> str:
        """Return how far the run came."""
        message = f"interrupted after {self.done} of {self.wanted} trials"
        return f"{message}; the same command goes on from there" if self.is_kept else message
