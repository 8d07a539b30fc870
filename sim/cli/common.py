"""What several commands share: reading scenario files, and showing what is wrong with them."""

import errno
import shlex
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

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

    from sim.scenario.schema import Scenario

_PROBLEMS_MAX: Final = 20
_PATH_LENGTH_MAX: Final = 1_000

__all__ = [
    "command_line",
    "console",
    "override_of",
    "override_options",
    "read_scenarios",
    "refuse",
    "scheme_indices",
    "show_problems",
    "size_option",
]


def override_of(text: str) -> tuple[str, Any]:
    """Split ``key=value``; the value is TOML if it can be, else a string, so 5m needs no quotes.

    Raises
    ------
    click.BadParameter
        If there is no equals sign or no key.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise click.BadParameter(f"{text!r} is not key=value", param_hint="--set")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except ValueError:  # also a number of too many digits
        return key, value.strip()
    except RecursionError:
        raise click.BadParameter(f"{key} is nested too deep", param_hint="--set") from None


def size_option(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> float | None:
    """Read the value of an option that is a size, such as 2GiB."""
    from sim.core.units import parse_bytes

    if text is None:
        return None
    try:
        return float(parse_bytes(text))
    except ValueError:
        raise click.BadParameter(f"{text!r} is no size such as 2GiB") from None


def override_options(
    *, seed: int | None, trials: int | None, assignments: Iterable[str]
) -> dict[str, Any]:
    """Dotted keys and the values that replace those of the file; ``--seed`` beats ``--set``."""
    overrides = dict(override_of(text) for text in assignments)
    named = {"seed": seed, "trials": trials}
    return overrides | {key: value for key, value in named.items() if value is not None}


def read_scenarios(paths: Sequence[str], overrides: Mapping[str, Any]) -> "list[Scenario]":
    """Read scenario files, or say everything that is wrong with all of them and exit with 2."""
    from sim.scenario.load import load

    scenarios, is_wrong = [], False
    for path in paths:
        try:
            scenarios.append(load(Path(path), overrides))
        except ScenarioError as error:
            is_wrong = True
            show_problems(path, error)
        except OSError as error:
            is_wrong = True
            name = printable(shortened(path, _PATH_LENGTH_MAX)) or "''"
            click.echo(f"{name}: {error.strerror or error}", err=True)
    if is_wrong:
        raise click.exceptions.Exit(2)
    return scenarios


def refuse(path: str, problems: Sequence[Problem]) -> None:
    """Show what is wrong with the scenario of a file and exit with 2; nothing without problems."""
    if problems:
        show_problems(path, ScenarioError(replace(problem, file=path) for problem in problems))
        raise click.exceptions.Exit(EXIT_BAD_INPUT)


def show_problems(path: str, error: ScenarioError) -> None:
    """Show the problems on standard error, with their lines and a caret where they are known."""
    from sim.scenario.wording import excerpt_lines, message_lines

    try:
        with open(path, encoding="utf-8-sig") as file:
            source = file.read()
    except (OSError, UnicodeDecodeError):
        source = ""
    columns = console(stderr=True).width
    for problem in error.problems[:_PROBLEMS_MAX]:
        if not isinstance(problem, Problem):
            click.secho(printable(problem), bold=True, err=True)
            continue
        for line in message_lines(problem, columns=columns):
            click.secho(line, bold=True, err=True)
        for line in excerpt_lines(problem, source, columns=columns):
            click.echo(line, err=True)
    if (more := len(error.problems) - _PROBLEMS_MAX) > 0:
        click.echo(printable(f"{path}: and {more} more"), err=True)


def scheme_indices(scenario: "Scenario", names: Sequence[str]) -> tuple[int, ...] | None:
    """Ordinals of the schemes called ``names``; None, meaning all, without names.

    Raises
    ------
    click.BadParameter
        If a scheme does not exist; names those that do.
    """
    if not names:
        return None
    known = [scheme.name for scheme in scenario.schemes]
    for name in names:
        if name not in known:
            there = ", ".join(repr(k) for k in known)
            message = f"{scenario.name} has no scheme {name!r}; it has {there}"
            raise click.BadParameter(message, param_hint="--scheme")
    return tuple(sorted({known.index(name) for name in names}))


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
