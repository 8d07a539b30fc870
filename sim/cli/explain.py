"""``sim explain``: one failing query as a story, or why an object is still there."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from sim.cli import common, complete, files, machine
from sim.errors import EXIT_HOLDS, EXIT_UNKNOWN, printable

if TYPE_CHECKING:
    from sim.analysis.evidence.tale import Explained, Tale, Unseen
    from sim.scenario.schema import Scenario

__all__ = ["command"]

_FIGURES: Final = (".svg", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    scheme: str | None
    outcome: str | None
    query: str | None
    trial: int | None
    object: str | None
    at: str | None
    mode: Literal["exact", "sampled"]
    seed: int | None
    assignments: tuple[str, ...]
    json: str | None
    mermaid: str | None
    perfetto: str | None
    figure: str | None
    allow_outside: bool
    max_memory: float | None
    max_events: float | None
    yes: bool

    @property
    def targets(self) -> dict[str, str]:
        """Where to write, by option."""
        names = ("json", "mermaid", "perfetto", "figure")
        found = {f"--{name}": getattr(self, name) for name in names}
        return {option: path for option, path in found.items() if path is not None}


def _output_option(name: str, text: str) -> Callable[[common.Command], common.Command]:
    return click.option(f"--{name}", metavar="OUT", shell_complete=complete.any_file, help=text)


@click.command(
    "explain",
    epilog=common.examples(
        "sim explain scenario.toml",
        "sim explain scenario.toml --outcome silent-gap --figure gap.svg",
        "sim explain scenario.toml --scheme 'mark first' --trial 3 --perfetto trace.json",
        "sim explain scenario.toml --object 0.raw.0-7200000000.1.0 --at 3d",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--scheme",
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme; by default the first in which some query was not ok.",
)
@click.option(
    "--outcome",
    metavar="NAME",
    shell_complete=complete.outcomes,
    help="Outcome to explain; by default the worst that there is.",
)
@click.option("--query", metavar="NAME", help="Query class; by default any.")
@click.option("--trial", type=click.IntRange(min=0), help="Trial; by default the first with one.")
@click.option("--object", metavar="KEY", help="Say why this block or object is still there.")
@click.option("--at", metavar="TIME", help="When that is asked; by default at the end of the run.")
@click.option(
    "--mode",
    type=click.Choice(["exact", "sampled"]),
    default="exact",
    show_default=True,
    help="Whether an outcome counts that a query may have, or only one that a drawn query had.",
)
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@common.set_option
@_output_option("json", "Write it as JSON; - is standard output.")
@_output_option("mermaid", "Write a Mermaid sequence diagram; - is standard output.")
@_output_option("perfetto", "Write a trace for ui.perfetto.dev; - is standard output.")
@_output_option("figure", "Draw the lanes as .svg or .png.")
@common.allow_outside_option
@common.limit_options
def command(path: str, **options: Any) -> int:
    """Tell how one query failed, and what would have saved it; or why an object is still there.

    Exit code: 0 told, or nothing failed; 2 the input is wrong, 3 unknown. As FILE, - is standard
    input.
    """
    from sim.study.explain import untold

    chosen = _Options(**options)
    overrides = common.override_options(
        seed=chosen.seed, trials=None, assignments=chosen.assignments
    )
    for option, target in chosen.targets.items():
        files.check_file_target(target, option)
    read: list[Path] = []
    (scenario,) = common.read_scenarios(
        [path], overrides, allow_outside=chosen.allow_outside, on_read=read.append
    )
    _refuse(_problems(chosen, scenario))
    files.check_apart(chosen.targets, read)
    selection = common.scheme_indices(scenario, [] if chosen.scheme is None else [chosen.scheme])
    if not chosen.yes:
        machine.refuse_too_much(
            path,
            scenario.model_copy(update={"trials": 1}),
            mode=chosen.mode,
            schemes=1,
            workers=1,
            limits=machine.limits(chosen.max_memory, chosen.max_events),
        )
    if chosen.object is not None:
        return _explain_object(scenario, chosen, (selection or (0,))[0])
    common.refuse(path, untold(scenario, selection))
    return _explain_query(scenario, chosen, selection)


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise click.UsageError("\n".join(map(printable, problems)))


def _problems(options: _Options, scenario: "Scenario") -> list[str]:
    """Everything that is wrong with the options, given the scenario."""
    from sim.core.units import format_duration, parse_duration
    from sim.scenario.schema import OUTCOMES

    names = {
        "scheme": [scheme.name for scheme in scenario.schemes],
        "outcome": [outcome for outcome in OUTCOMES if outcome != "ok"],
        "query": [query.name for query in scenario.queries],
    }
    found = []
    for option, valid in names.items():
        value = getattr(options, option)
        if value is not None and value not in valid:
            guess = common.guess_among(value, valid)
            found.append(f"--{option}: {scenario.name} has no {option} {value!r}; {guess}")
    if options.figure is not None and Path(options.figure).suffix.lower() not in _FIGURES:
        found.append(f"--figure: {options.figure!r} must end in .svg or .png")
    if sum(target == files.STANDARD for target in options.targets.values()) > 1:
        found.append("only one of --json, --mermaid and --perfetto can go to standard output")
    if options.object is None:
        return [*found, "--at: needs --object"] if options.at is not None else found
    found += [
        f"--{option}: does not go with --object"
        for option in ("outcome", "query", "mermaid", "perfetto", "figure")
        if getattr(options, option) is not None
    ]
    if options.at is not None:
        try:
            at_us = parse_duration(options.at)
        except ValueError as error:
            return [*found, f"--at: {error}"]
        if at_us > scenario.horizon_us:
            end = format_duration(scenario.horizon_us)
            found.append(f"--at: {options.at!r} must be at most the horizon, {end}")
    return found


def _explain_query(
    scenario: "Scenario", options: _Options, selection: tuple[int, ...] | None
) -> int:
    from sim.analysis.evidence.tale import Unseen
    from sim.report.exports import as_json
    from sim.study.explain import explain

    found = explain(
        scenario,
        schemes=selection,
        outcome=options.outcome,
        query=options.query,
        trials=None if options.trial is None else [options.trial],
        mode=options.mode,
        on_step=_say,
    )
    if options.json is not None:
        files.write_text(options.json, as_json(found))
    if isinstance(found, Unseen):
        return _show_unseen(found, options)
    _write(found.tale, options)
    _show(found, options)
    return EXIT_HOLDS


def _say(step: str) -> None:
    """Say what is being simulated, to who watches."""
    if sys.stderr.isatty():
        click.echo(printable(step), err=True)


def _is_taken(options: _Options) -> bool:
    """Whether standard output holds something else."""
    return files.STANDARD in options.targets.values()


def _show_unseen(unseen: "Unseen", options: _Options) -> int:
    from sim.analysis.evidence.exercised import lacking
    from sim.report.tale import unseen_lines

    for line in unseen_lines(unseen):
        click.echo(line, err=_is_taken(options))
    is_gap = "silent-gap" in unseen.outcomes
    is_unknown = unseen.is_possible or lacking(unseen.tried, is_gap=is_gap)
    return EXIT_UNKNOWN if is_unknown else EXIT_HOLDS


def _write(tale: "Tale", options: _Options) -> None:
    from sim.report.exports import mermaid, perfetto

    if options.mermaid is not None:
        files.write_text(options.mermaid, mermaid(tale))
    if options.perfetto is not None:
        files.write_text(options.perfetto, perfetto(tale))
    if options.figure is not None:
        from sim.report.style import to_png, to_svg
        from sim.report.timeline import tale_figure

        is_png = options.figure.lower().endswith(".png")
        figure = tale_figure(tale)
        files.write_bytes(options.figure, to_png(figure) if is_png else to_svg(figure))


def _show(explained: "Explained", options: _Options) -> None:
    from sim.report.lanes import lane_lines
    from sim.report.tale import explained_lines

    columns = common.console(stderr=_is_taken(options)).width
    stream = sys.stderr if _is_taken(options) else sys.stdout
    is_unicode = (stream.encoding or "").lower().replace("-", "") in ("utf8", "utf16")
    lanes = lane_lines(explained.tale, columns=columns, is_unicode=is_unicode)
    for line in (*explained_lines(explained, columns=columns), "", *lanes):
        click.echo(line, err=_is_taken(options))


def _explain_object(scenario: "Scenario", options: _Options, scheme_index: int) -> int:
    from sim.core.units import parse_duration
    from sim.report.exports import as_json
    from sim.report.holding import holding_lines
    from sim.study.explain import explain_object

    assert options.object is not None
    trial = options.trial or 0
    at_us = scenario.horizon_us if options.at is None else parse_duration(options.at)
    try:
        found = explain_object(
            scenario, options.object, at_us, scheme_index=scheme_index, trial=trial, on_step=_say
        )
    except KeyError as error:
        message = f"the run has no object {options.object!r}; {error.args[0]}"
        raise click.BadParameter(printable(message), param_hint="--object") from None
    if options.json is not None:
        files.write_text(options.json, as_json(found))
    for line in holding_lines(found, scheme=scenario.schemes[scheme_index].name, trial=trial):
        click.echo(line, err=_is_taken(options))
    return EXIT_HOLDS
