"""The two sides of a comparison as a command line names them: results or scenarios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli import common, files
from sim.errors import EXIT_BAD_INPUT, Problem, ScenarioError

if TYPE_CHECKING:
    from sim.analysis.comparison.compare import Pair
    from sim.study.compare import Side

__all__ = ["Overrides", "paired_schemes", "read_sides"]

_COMMON: Final = ("seed", "trials")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What is changed of the scenarios among the sides; ``b`` is for B alone."""

    seed: int | None
    trials: int | None
    both: tuple[str, ...]
    b: tuple[str, ...]
    allow_outside: bool


def read_sides(
    path_a: str, path_b: str, overrides: Overrides, read: list[Path]
) -> "tuple[Side, Side]":
    """Read both sides, or say everything that is wrong with both and exit with 2.

    Parameters
    ----------
    path_a, path_b : str
        Result documents or scenarios; - is standard input, also for both.
    overrides : Overrides
    read : list of Path
        Grows by the files that are read.
    """
    from sim.analysis.comparison.numbers import Numbers

    given = [assignment.partition("=")[0].strip() for assignment in overrides.b]
    wrong = [
        f"{key} is that of A on both sides; --{key} changes it for both"
        for key in _COMMON
        if key in given
    ]
    if wrong:
        raise click.BadParameter("\n".join(wrong), param_hint="--set-b")
    seed, trials = overrides.seed, overrides.trials
    of_a = common.override_options(seed=seed, trials=trials, assignments=overrides.both)
    words_b = (*overrides.both, *overrides.b)
    of_b = common.override_options(seed=seed, trials=trials, assignments=words_b)
    is_outside = overrides.allow_outside
    text_a = _text(path_a, read)
    text_b = text_a if path_b == path_a else _text(path_b, read)
    a = _side(path_a, text_a, of_a, read, allow_outside=is_outside)
    b = (
        a
        if (path_b, of_b) == (path_a, of_a)
        else _side(path_b, text_b, of_b, read, allow_outside=is_outside)
    )
    if a is None or b is None:
        raise click.exceptions.Exit(EXIT_BAD_INPUT)
    if overrides.b and isinstance(b, Numbers):
        raise click.BadParameter("B is a result, which has run", param_hint="--set-b")
    if of_a and isinstance(a, Numbers) and isinstance(b, Numbers):
        raise click.UsageError("A and B are results: --set, --seed and --trials change nothing")
    return a, b


def _text(path: str, read: list[Path]) -> str | None:
    """Read what a side is, or say why not and give None."""
    from sim.scenario.inputs import read_file

    try:
        if path == files.STANDARD:
            return common.standard_input()
        read.append(Path(path))
        return read_file(Path(path)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        wrong = ScenarioError([Problem("", f"byte {error.start}", "be UTF-8", file=path)])
        common.show_problems(path, wrong, "")
    except ScenarioError as error:
        common.show_problems(path, error, "")
    except OSError as error:
        common.show_unreadable(path, error)
    return None


def _side(
    path: str,
    text: str | None,
    changes: Mapping[str, Any],
    read: list[Path],
    *,
    allow_outside: bool,
) -> "Side | None":
    """Make a result or a scenario of a text, or say everything that is wrong with it."""
    from sim.report.reading import read_numbers

    if text is None:
        return None
    if not text.lstrip().startswith("{"):
        return common.read_scenario(
            path,
            changes,
            allow_outside=allow_outside,
            on_read=read.append,
            text=text if path == files.STANDARD else None,
        )
    try:
        return read_numbers(text, common.shown_path(path))
    except ScenarioError as error:
        common.show_problems(path, error, text)
    return None


def paired_schemes(
    names_a: Sequence[str], names_b: Sequence[str], chosen: Sequence[str], against: str | None
) -> "tuple[Pair, ...]":
    """Which schemes are compared; refuses names that are not there, all at once.

    Parameters
    ----------
    names_a, names_b : sequence of str
        The schemes of both sides.
    chosen : sequence of str
        Those that are compared; empty for all.
    against : str or None
        With which one of B the one that is chosen of A is compared; None: of the same name.
    """
    from sim.study.compare import matching

    if against is not None:
        wanted = [("--scheme", "A", chosen[0], names_a)]
        wanted += [("--against", "B", against, names_b)]
    else:
        sides = (("A", names_a), ("B", names_b))
        wanted = [("--scheme", side, n, names) for n in chosen for side, names in sides]
    wrong = [
        f"{option}: {side} has no scheme {name!r}; {common.guess_among(name, names)}"
        for option, side, name, names in wanted
        if name not in names
    ]
    if wrong:
        raise click.UsageError("\n".join(wrong))
    if against is not None:
        return ((chosen[0], against),)
    pairs = matching(chosen or names_a, names_b)
    if not pairs:
        there = f"A has {', '.join(map(repr, names_a))}, B has {', '.join(map(repr, names_b))}"
        raise click.UsageError(f"no scheme of A has the name of one of B: {there}; see --against")
    return pairs
