"""What several commands share: reading scenario files, and showing what is wrong with them."""

import contextlib
import errno
import shlex
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.errors import Problem, ScenarioError

if TYPE_CHECKING:
    from rich.console import Console

    from sim.scenario.schema import Scenario

__all__ = [
    "allow_outside_option",
    "command_line",
    "console",
    "override_of",
    "override_options",
    "read_scenarios",
    "scheme_indices",
    "show_problems",
]


allow_outside_option = click.option(
    "--allow-outside",
    is_flag=True,
    help="Let laws read files that are not below the scenario's folder.",
)
"""Option of every command that reads a scenario."""


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
    except tomllib.TOMLDecodeError:
        return key, value.strip()


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
) -> "list[Scenario]":
    """Read scenario files, or say everything that is wrong with all of them and exit with 2."""
    from sim.scenario.load import load

    scenarios, is_wrong = [], False
    for path in paths:
        try:
            scenarios.append(
                load(Path(path), overrides, allow_outside=allow_outside, on_read=on_read)
            )
        except ScenarioError as error:
            is_wrong = True
            show_problems(path, error)
        except OSError as error:
            is_wrong = True
            click.echo(f"{path}: {error.strerror or error}", err=True)
    if is_wrong:
        raise click.exceptions.Exit(2)
    return scenarios


def show_problems(path: str, error: ScenarioError) -> None:
    """Show every problem on standard error, with its line and a caret where they are known."""
    lines: list[str] = []
    if any(isinstance(problem, Problem) and problem.line for problem in error.problems):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            lines = Path(path).read_text(encoding="utf-8").splitlines()
    for problem in error.problems:
        click.secho(str(problem), bold=True, err=True)
        if isinstance(problem, Problem) and problem.line and problem.line <= len(lines):
            for line in _excerpt(lines[problem.line - 1], problem.line, problem.column):
                click.echo(line, err=True)


def _excerpt(text: str, number: int, column: int | None) -> Iterable[str]:
    """Give the line with its number and a caret below its column (from 1)."""
    margin = f"{number:>6} | "
    yield margin + text
    if column is not None and 1 <= column <= len(text) + 1:
        # Tabs stay tabs, so that the caret stands below its column.
        blank = "".join(c if c == "\t" else " " for c in text[: column - 1])
        yield " " * (len(margin) - 2) + "| " + blank + "^"


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
    """Line to paste into a shell."""
    return shlex.join(["sim", *map(str, words)])


def console(*, stderr: bool = False) -> "Console":
    """Rich console that interprets no markup and highlights nothing on its own."""
    from rich.console import Console

    class PlainConsole(Console):
        def on_broken_pipe(self) -> None:
            # Rich would leave with the code that here means "an expectation is broken".
            raise BrokenPipeError(errno.EPIPE, "the reader went away")

    return PlainConsole(stderr=stderr, markup=False, highlight=False, emoji=False)
