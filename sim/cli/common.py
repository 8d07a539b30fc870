"""What several commands share: reading scenario files, and showing what is wrong with them."""

import contextlib
import errno
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from sim.cli import complete, files
from sim.errors import (
    EXIT_BAD_INPUT,
    Problem,
    ScenarioError,
    is_plain,
    printable,
    shortened,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sim.scenario.origins import Given
    from sim.scenario.schema import Scenario

_PROBLEMS_MAX: Final = 20
_PATH_LENGTH_MAX: Final = 1_000

__all__ = [
    "Command",
    "allow_outside_option",
    "command_line",
    "console",
    "examples",
    "guess_among",
    "limit_options",
    "override_of",
    "override_options",
    "read_scenario",
    "read_scenarios",
    "refuse",
    "scheme_indices",
    "set_option",
    "show_problems",
    "show_unreadable",
    "shown_path",
    "standard_input",
]

Command = TypeVar("Command", bound="Callable[..., Any] | click.Command")
"""What an option is given to."""

_STDIN: Final = "<stdin>"


allow_outside_option = click.option(
    "--allow-outside",
    is_flag=True,
    help="Let laws read files that are not below the scenario's folder.",
)
"""Option of every command that reads a scenario."""

set_option = click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete.keys,
    help="Override a key of the file, such as gateways.count=3 (repeatable).",
)
"""Option of every command that may change what a scenario says."""


def override_of(text: str) -> tuple[str, Any]:
    """Split ``key=value``; the value is TOML if it can be, else a string, so 5m needs no quotes.

    Raises
    ------
    click.BadParameter
        If there is no equals sign or no key.
    """
    from sim.scenario.overrides import value_of

    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not key=value", param_hint="--set")
    try:
        return key, value_of(value)
    except RecursionError:
        raise click.BadParameter(f"{key} is nested too deep", param_hint="--set") from None


def _size(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    """Read the value of an option that is a size, such as 2GiB."""
    from sim.core.units import parse_bytes

    if text is None:
        return None
    try:
        return float(parse_bytes(text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no size such as 2GiB") from None


def limit_options(command: Command) -> Command:
    """Give a command that runs something its limits, and the option to ignore them."""
    for option in (
        click.option("-y", "--yes", is_flag=True, help="Run whatever it takes."),
        click.option(
            "--max-events",
            type=click.FloatRange(min=1),
            help="Refuse a run of more events; by default 1e9.",
        ),
        click.option(
            "--max-memory",
            metavar="SIZE",
            callback=_size,
            help="Refuse what takes more, such as 2GiB; by default what is available.",
        ),
    ):
        command = option(command)
    return command


def override_options(
    *, seed: int | None, trials: int | None, assignments: Iterable[str]
) -> dict[str, Any]:
    """Dotted keys and the values that replace those of the file; ``--seed`` beats ``--set``."""
    overrides = dict(override_of(text) for text in assignments)
    named = {"seed": seed, "trials": trials}
    return overrides | {key: value for key, value in named.items() if value is not None}


def read_scenarios(
    paths: Sequence[str],
    overrides: Mapping[str, Any],
    *,
    allow_outside: bool = False,
    on_read: Callable[[Path], None] | None = None,
    on_given: "Callable[[Given], None] | None" = None,
) -> "list[Scenario]":
    """Read scenario files, or say everything that is wrong with all of them and exit with 2.

    The path "-" is standard input; files that a scenario from there names are relative to the
    current directory.
    """
    if paths.count(files.STANDARD) > 1:
        raise click.BadParameter("standard input can be read only once", param_hint="FILE")
    found = [
        read_scenario(
            path, overrides, allow_outside=allow_outside, on_read=on_read, on_given=on_given
        )
        for path in paths
    ]
    scenarios = [scenario for scenario in found if scenario is not None]
    if len(scenarios) < len(found):
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    return scenarios


def read_scenario(
    path: str,
    overrides: Mapping[str, Any],
    *,
    allow_outside: bool = False,
    on_read: Callable[[Path], None] | None = None,
    on_given: "Callable[[Given], None] | None" = None,
    text: str | None = None,
) -> "Scenario | None":
    """Read a scenario file, or say everything that is wrong with it and give None.

    ``text`` is what standard input had, if it has been read already; ``on_given`` is as for
    `sim.scenario.load.load`.
    """
    from sim.scenario.load import load

    try:
        if path == files.STANDARD and text is None:
            text = standard_input()
        # A string without a newline would be a path.
        source = Path(path) if path != files.STANDARD else f"{text}\n"
        return load(
            source,
            overrides,
            allow_outside=allow_outside,
            on_read=on_read,
            on_given=on_given,
        )
    except ScenarioError as error:
        show_problems(path, error, text)
    except OSError as error:
        show_unreadable(path, error)
    return None


def show_unreadable(path: str, error: OSError) -> None:
    """Say that a file cannot be read, and why."""
    name = printable(shortened(path, _PATH_LENGTH_MAX)) or "''"
    click.echo(f"{name}: {error.strerror or error}", err=True)


def standard_input() -> str:
    """Text of standard input; raises ScenarioError if it is none, or too much."""
    from sim.scenario.inputs import LARGEST_BYTES

    content = sys.stdin.buffer.read(LARGEST_BYTES + 1) if sys.stdin else b""
    if len(content) > LARGEST_BYTES:
        raise ScenarioError(f"{_STDIN}: must be at most {LARGEST_BYTES // 2**20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ScenarioError([Problem("", f"byte {error.start}", "be UTF-8")]) from None


def shown_path(path: str) -> str:
    """A path as messages have it."""
    return _STDIN if path == files.STANDARD else path


def refuse(path: str, problems: Sequence[Problem]) -> None:
    """Show what is wrong with the scenario of a file and exit with 2; nothing without problems."""
    if problems:
        located = (replace(problem, file=shown_path(path)) for problem in problems)
        show_problems(path, ScenarioError(located))
        raise click.exceptions.Exit(EXIT_BAD_INPUT)


def show_problems(path: str, error: ScenarioError, source: str | None = None) -> None:
    """Show the problems on standard error, with their lines and a caret where they are known.

    ``source`` is what was read, if ``path`` cannot be read again.
    """
    from sim.scenario.complaints.text import excerpt_lines, message_lines

    has_lines = any(isinstance(problem, Problem) and problem.line for problem in error.problems)
    if source is None and has_lines and path != files.STANDARD:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            source = Path(path).read_text(encoding="utf-8-sig")
    columns = console(stderr=True).width
    for problem in error.problems[:_PROBLEMS_MAX]:
        if not isinstance(problem, Problem):
            click.secho(printable(problem), bold=True, err=True)
            continue
        if not problem.file and path == files.STANDARD:
            problem = replace(problem, file=_STDIN)
        for line in message_lines(problem, columns=columns):
            click.secho(line, bold=True, err=True)
        for line in excerpt_lines(problem, source or "", columns=columns):
            click.echo(line, err=True)
    if (more := len(error.problems) - _PROBLEMS_MAX) > 0:
        click.echo(printable(f"{shown_path(path)}: and {more} more"), err=True)


def scheme_indices(scenario: "Scenario", names: Sequence[str]) -> tuple[int, ...] | None:
    """Ordinals of the schemes called ``names``; None, meaning all, without names.

    Raises
    ------
    click.BadParameter
        If a scheme does not exist; names the nearest, or else those that do.
    """
    if not names:
        return None
    known = [scheme.name for scheme in scenario.schemes]
    for name in names:
        if name not in known:
            message = f"{scenario.name} has no scheme {name!r}; {guess_among(name, known)}"
            raise click.BadParameter(message, param_hint="--scheme")
    return tuple(sorted({known.index(name) for name in names}))


def examples(*lines: str) -> str:
    """End of a help page: commands to copy, which click must not fold."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def guess_among(wrong: str, valid: Iterable[str]) -> str:
    """Nearest valid name as a question, or all of them where none is near."""
    from sim.scenario.complaints.nearest import did_you_mean

    names = list(valid)
    return did_you_mean(wrong, names) or f"there are {', '.join(map(repr, names))}"


def command_line(*words: object) -> str:
    r"""Line to paste into a shell; what is not plain stands as ``$'\x1b'``, which bash reads."""
    return " ".join(["sim", *(_quoted(str(word)) for word in words)])


def _quoted(word: str) -> str:
    if all(map(is_plain, word)):
        return shlex.quote(word)
    inside = "".join(
        c
        if is_plain(c) and c not in "\\'"
        else "".join(f"\\x{byte:02x}" for byte in c.encode(errors="surrogateescape"))
        for c in word
    )
    return f"$'{inside}'"


def console(*, stderr: bool = False) -> "Console":
    """Rich console that interprets no markup and highlights nothing on its own."""
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            # Rich would leave with the code that here means "an expectation is broken".
            raise BrokenPipeError(errno.EPIPE, "the reader went away")

    return PlainConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
