"""``sim knobs``: which keys of a scenario matter most, over ranges of all of them."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sim.cli import common, complete, files, machine, screen
from sim.cli.settings import source_of
from sim.errors import EXIT_BAD_INPUT, EXIT_HOLDS, EXIT_UNKNOWN, ScenarioError, printable

if TYPE_CHECKING:
    from sim.analysis.effects import KnobEffects
    from sim.atomic import WorkFolder
    from sim.scenario.knobs import Knob
    from sim.study.sweep import Load, Settings

__all__ = ["command"]


@click.command(
    "knobs",
    epilog=common.examples(
        "sim knobs s.toml --vary gateways.sync_interval=1m..15m --vary gateways.count=1..4",
        "sim knobs s.toml --vary schemes.1.delete_delay=log:1m..48h --outcome garbage-bytes",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--vary",
    "ranges",
    multiple=True,
    required=True,
    metavar="KEY=LOW..HIGH",
    shell_complete=complete.keys,
    help="A key, as in --set, and the range it is drawn from, evenly; log:LOW..HIGH evenly in "
    "ratios (repeatable).",
)
@click.option(
    "--outcome",
    type=click.Choice(
        [
            *("query-error", "partial-response", "silent-gap", "duplicated", "warned", "ok"),
            "garbage-bytes",
        ]
    ),
    default="query-error",
    show_default=True,
    help="The number that is asked about: the fraction of queries with an outcome, or the bytes "
    "of garbage.",
)
@click.option(
    "--scheme",
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme; by default the first that a key is of, else the first.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=2, max=2**16),
    default=64,
    show_default=True,
    help="Base samples, a power of two; each takes a setting for every key, and two more.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the numbers as JSON; - is standard output.",
)
@click.option(
    "--out",
    metavar="DIR",
    shell_complete=complete.any_folder,
    help="Write document, CSV and figure into a folder.",
)
@common.set_option
@click.option("--seed", type=int, help="Seed of settings and of the first trial.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@common.limit_options
@common.allow_outside_option
def command(path: str, **options: Any) -> int:
    """Say which keys matter most, over ranges of all of them. As FILE, - is standard input.

    Settings are drawn from the ranges, and each runs with the same seeds. Effects are shares of the
    variance: of a key alone, and with what it does together with others. Needs the extra "search".
    Exit code: 0 there are effects, 2 the input is wrong, 3 unknown: nothing differs.
    """
    from sim.scenario.knobs import unfit
    from sim.scenario.load import load
    from sim.study.effects import knob_effects, scheme_of

    _check(options)
    overrides = common.override_options(
        seed=options["seed"], trials=options["trials"], assignments=options["assignments"]
    )
    source, text = source_of(path)
    taken = text if path == files.STANDARD else None
    scenario = common.read_scenario(
        path, overrides, allow_outside=options["allow_outside"], text=taken
    )
    if scenario is None:
        return EXIT_BAD_INPUT
    scheme = options["scheme"]
    chosen = common.scheme_indices(scenario, [] if scheme is None else [scheme])
    knobs = _ranges(options["ranges"])
    if wrong := unfit(text, knobs):
        raise click.BadParameter("; ".join(wrong), param_hint="--vary")
    allow = options["allow_outside"]
    settings = _settings(
        path,
        lambda values: load(source, {**overrides, **values}, allow_outside=allow),
        knobs,
        scenario.seed,
        options,
        text=taken,
    )
    out = None if options["out"] is None else Path(options["out"]).resolve()
    with contextlib.ExitStack() as stack:
        from sim.atomic import work_folder

        work = None if out is None else stack.enter_context(work_folder(out))
        found = knob_effects(
            settings,
            knobs,
            chosen[0] if chosen else scheme_of(settings),
            options["outcome"],
            samples=options["samples"],
            workers=options["workers"],
            progress=lambda trials: screen.progress(trials, scenario.name, is_quiet=False),
        )
        _write(found, options["json"], work)
    from sim.report.effects import effect_lines

    for line in effect_lines(found):
        click.echo(printable(line), err=options["json"] == files.STANDARD)
    return EXIT_HOLDS if found.effects else EXIT_UNKNOWN


def _check(options: dict[str, Any]) -> None:
    """Refuse before anything runs what could not be estimated or written after it."""
    from sim.analysis.effects import SEARCH_EXTRA, has_library
    from sim.report.names import KNOBS_MARKER

    if not has_library():
        raise click.UsageError(SEARCH_EXTRA)
    if options["json"] is not None:
        files.check_file_target(options["json"], "--json")
    if options["out"] is not None:
        files.check_folder_target(options["out"], "--out", marker=KNOBS_MARKER)
    samples = options["samples"]
    if samples & (samples - 1):
        message = f"{samples} is no power of two, such as 64"
        raise click.BadParameter(message, param_hint="--samples")


def _ranges(texts: Sequence[str]) -> "list[Knob]":
    from sim.scenario.ranges import parse_range

    try:
        return [parse_range(text) for text in texts]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--vary") from None


def _settings(
    path: str,
    load: "Load",
    knobs: "Sequence[Knob]",
    seed: int,
    options: dict[str, Any],
    *,
    text: str | None,
) -> "Settings":
    """Make the scenarios of all settings; or show everything that is wrong, and exit with 2."""
    from sim.study.effects import draw_settings

    try:
        settings = draw_settings(load, knobs, samples=options["samples"], seed=seed)
    except ScenarioError as error:
        common.show_problems(path, error, text)
        raise click.exceptions.Exit(EXIT_BAD_INPUT) from None
    if not options["yes"]:
        limits = machine.limits(options["max_memory"], options["max_events"])
        found = {
            repr(problem): problem
            for scenario in settings.scenarios.values()
            for problem in machine.too_much(
                scenario,
                mode="exact",
                schemes=1,
                workers=options["workers"] or 1,
                limits=limits,
            )
        }
        common.refuse(path, list(found.values()))
    return settings


def _write(found: "KnobEffects", json: str | None, work: "WorkFolder | None") -> None:
    """Write what was asked for: folder, then file or standard output."""
    from sim.report.document import to_json
    from sim.report.effects import effect_files, effects_document
    from sim.report.names import KNOBS_FILES

    if work is not None:
        with work.replacement(is_own=lambda name: name in KNOBS_FILES) as folder:
            for name, content in effect_files(found):
                (folder / name).write_bytes(content)
    if json is not None:
        files.write_text(json, to_json(effects_document(found)))
