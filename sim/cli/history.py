"""``sim history``: what clients of a store see, for checkers of others, or measured here."""

import errno
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli import common, complete, files
from sim.errors import EXIT_BAD_INPUT, printable

if TYPE_CHECKING:
    from sim.scenario.probing import Probing
    from sim.trace.history import History

__all__ = ["command"]

_FORMATS: Final = ("jsonl", "edn", "elle", "porcupine")

# Options that are attributes of Probing, with what they default to there.
_DURATIONS: Final = {name: f"{name}_us" for name in ("lasts", "rest", "back", "takes")}
_RATES: Final = {"writes": "writes_per_s", "reads": "reads_per_s"}


def _probing_options(command: common.Command) -> common.Command:
    """Give the command an option for each thing that clients may do otherwise."""
    options = (
        ("--lasts", "DURATION", str, "How long; by default 1m."),
        ("--rest", "DURATION", str, "Nothing is changed so long before the end; by default 0s."),
        ("--keys", "N", int, "Keys that are changed again and again; by default 4."),
        ("--writers", "N", int, "Clients that change and read; by default 2."),
        ("--readers", "N", int, "Clients that only read; by default 3."),
        ("--writes", "RATE", str, "Changes of each writer; by default 1/s."),
        ("--reads", "RATE", str, "Reads of each client; by default 10/s."),
        ("--deletes", "SHARE", float, "Share of changes of what is there that delete it; 0.2."),
        ("--adds", "SHARE", float, "Share of changes that add a key, left alone then; 0.2."),
        ("--lists", "SHARE", float, "Share of reads that are LISTs; 0.1."),
        ("--heads", "SHARE", float, "Share of the other reads that are HEADs; 0.1."),
        ("--back", "DURATION", str, "A writer looks at what it changed, so much later."),
        ("--takes", "DURATION", str, "From the call of a request to its return; 0s."),
    )
    for name, metavar, kind, text in reversed(options):
        command = click.option(name, metavar=metavar, type=kind, help=text)(command)
    return command


@click.command(
    "history",
    epilog=common.examples(
        "sim history scenario.toml",
        "sim history scenario.toml --set store.profile=simpledb-2010 --reads 40/s",
        "sim history scenario.toml --reads 40/s --ages 0s,450ms,500ms,1s",
        "sim history scenario.toml --format edn --plane list -o history.edn",
        "sim history scenario.toml --format porcupine --takes 20ms -o history.jsonl",
        "sim history --read seen.jsonl",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--read", "is_read", is_flag=True, help="FILE is a history as --format jsonl writes it."
)
@click.option("--trial", type=click.IntRange(min=0), help="By default 0.")
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@common.set_option
@_probing_options
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Write the operations; without it, what is measured on them.",
)
@click.option(
    "--plane",
    type=click.Choice(["get", "list"]),
    default="get",
    show_default=True,
    help="Of edn and porcupine: keys as registers, or added keys as a set that LIST reads.",
)
@click.option("--key", metavar="KEY", help="Of edn: this register alone, such as r0.")
@click.option(
    "--ages",
    metavar="DURATIONS",
    help="Ages of the newest change, such as 0s,450ms,1s: how many reads between them are fresh.",
)
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    default=files.STANDARD,
    shell_complete=complete.any_file,
    help="File; - is standard output.",
)
@common.allow_outside_option
def command(
    path: str,
    is_read: bool,
    trial: int | None,
    seed: int | None,
    assignments: tuple[str, ...],
    form: str | None,
    plane: Any,
    key: str | None,
    ages: str | None,
    output: str,
    allow_outside: bool,
    **given: Any,
) -> int:
    """Say what clients of the store see, and how consistent it is.

    They read and write the store of a scenario, which nobody else uses; its faults happen. With
    --read they were others, of any store. As FILE, - is standard input.
    """
    ages_us = _ages(ages)
    if key is not None and (form != "edn" or plane != "get"):
        raise click.UsageError("--key goes with --format edn and --plane get")
    files.check_file_target(output, "--output")
    said = {name: value for name, value in given.items() if value is not None}
    if is_read:
        others = {"trial": trial, "seed": seed, "set": assignments or None, **said}
        if names := [f"--{name}" for name, value in others.items() if value is not None]:
            raise click.UsageError(f"--read goes without {', '.join(names)}")
        files.check_apart({"--output": output}, [Path(path)] if path != files.STANDARD else [])
        history = _read(path)
    else:
        overrides = common.override_options(seed=seed, trials=None, assignments=assignments)
        history = _simulated(path, _probing(said), overrides, trial or 0, output, allow_outside)
    files.write_lines(output, _lines(history, form, plane, key, ages_us))
    return 0


def _simulated(
    path: str,
    probing: "Probing",
    overrides: dict[str, Any],
    trial: int,
    output: str,
    allow_outside: bool,
) -> "History":
    """Read a scenario, and let clients use its store."""
    from sim.study.history import history_of

    read: list[Path] = []
    (scenario,) = common.read_scenarios(
        [path], overrides, allow_outside=allow_outside, on_read=read.append
    )
    files.check_apart({"--output": output}, read)
    return history_of(scenario, probing, trial)


def _read(path: str) -> "History":
    """Read a history, or say what is wrong with the file and exit with 2."""
    from sim.trace.reading import read_history

    try:
        if path == files.STANDARD:
            return read_history(sys.stdin, path="<stdin>")
        if Path(path).stat() and not Path(path).is_file():
            raise OSError(errno.EINVAL, "is no regular file")
        with Path(path).open(encoding="utf-8-sig") as lines:
            return read_history(lines, path=path)
    except OSError as error:
        common.show_unreadable(path, error)
    except UnicodeDecodeError:
        click.echo(f"{printable(path)}: must be UTF-8", err=True)
    raise click.exceptions.Exit(EXIT_BAD_INPUT)


def _ages(text: str | None) -> list[int]:
    """Read ascending durations."""
    from sim.core.units import parse_duration

    try:
        ages_us = [parse_duration(part.strip()) for part in text.split(",")] if text else []
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ages") from None
    if ages_us != sorted(set(ages_us)):
        raise click.BadParameter(f"{text!r} must ascend", param_hint="--ages")
    return ages_us


def _lines(
    history: "History", form: str | None, plane: Any, key: str | None, ages_us: list[int]
) -> Iterable[str]:
    """Give the lines of a format."""
    from sim.report.history import edn_lines, elle_lines, measure_lines, porcupine_lines
    from sim.study.history import measured

    match form:
        case "jsonl":
            return history.lines()
        case "edn":
            return edn_lines(history, plane, key)
        case "elle":
            if any(op.f == "delete" for op in history.ops):
                message = "--format elle needs --deletes 0: to Elle every version has a value"
                raise click.UsageError(message)
            return elle_lines(history)
        case "porcupine":
            return porcupine_lines(history, plane)
        case _:
            return measure_lines(history, measured(history, ages_us))


def _probing(given: dict[str, Any]) -> "Probing":
    """Read the options of what clients do.

    Raises
    ------
    click.UsageError
        If one is no duration or rate, or they do not fit.
    """
    from sim.core.units import parse_duration, parse_rate
    from sim.scenario.probing import Probing

    values: dict[str, Any] = {}
    for name, value in given.items():
        try:
            if name in _DURATIONS:
                values[_DURATIONS[name]] = parse_duration(value)
            elif name in _RATES:
                values[_RATES[name]] = parse_rate(value)
            else:
                values[name] = value
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=f"--{name}") from None
    try:
        return Probing(**values)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
