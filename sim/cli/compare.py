"""``sim compare``: how much more often B fails than A, what it costs, and whether too much."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from sim.cli import common, complete, files, machine, screen
from sim.cli.sides import Overrides, paired_schemes, read_sides
from sim.cli.trials import Count
from sim.errors import RunInterrupted, printable

if TYPE_CHECKING:
    from sim.analysis.comparison.compare import Comparison, Pair
    from sim.analysis.comparison.gates import Gate, GateResult
    from sim.analysis.comparison.numbers import Numbers
    from sim.analysis.results import TrialResult
    from sim.scenario.schema import Scenario
    from sim.study.compare import Side

__all__ = ["command"]

_FIGURE_KINDS: Final = (".svg", ".png")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    scheme: tuple[str, ...]
    against: str | None
    fail_if: tuple[str, ...]
    seed: int | None
    trials: int | None
    assignments: tuple[str, ...]
    assignments_b: tuple[str, ...]
    workers: int | None
    resume: str | None
    json: str | None
    csv: str | None
    figure: str | None
    allow_outside: bool
    max_memory: float | None
    max_events: float | None
    yes: bool
    quiet: bool


@click.command(
    "compare",
    epilog=common.examples(
        "sim compare before.json after.json --fail-if 'query-error > +1e-5'",
        "sim compare scenario.toml --set-b schemes.1.delete_delay=20m",
        "sim compare result.json --scheme 'delete at once' --against 'mark first'",
        "sim compare a.toml b.toml --fail-if 'requests.list > +10%' --figure difference.svg",
    ),
)
@click.argument("path_a", metavar="A", shell_complete=complete.any_file)
@click.argument("path_b", metavar="[B]", required=False, shell_complete=complete.any_file)
@click.option(
    "--scheme",
    multiple=True,
    metavar="NAME",
    help="Compare only this scheme (repeatable); with --against, the one of A.",
)
@click.option("--against", metavar="NAME", help="Scheme of B to compare it with.")
@click.option(
    "--fail-if",
    multiple=True,
    metavar="RULE",
    help="Exit with 1 if B - A is beyond a limit (repeatable).",
)
@click.option("--seed", type=int, help="Seed of the first trial of what runs.")
@click.option("--trials", type=int, help="Number of trials of what runs.")
@common.set_option
@click.option(
    "--set-b",
    "assignments_b",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key for B alone (repeatable).",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@click.option(
    "--resume",
    metavar="DIR",
    shell_complete=complete.any_folder,
    help="Keep finished trials in a folder, and go on from those that are there.",
)
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the differences as JSON; - is standard output.",
)
@click.option(
    "--csv",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the differences as CSV; - is standard output.",
)
@click.option(
    "--figure",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Draw the differences into a file that ends in .svg or .png.",
)
@common.allow_outside_option
@common.limit_options
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but what failed.")
def command(path_a: str, path_b: str | None, **options: Any) -> int:
    """Compare two results, or scenarios: differences B - A with 95 % intervals, costs beside.

    A and B are results (of sim run --json) or scenarios, which run with the seed and the trials of
    A, or of the result among the two; - is standard input. Where seeds and trials are equal,
    differences are taken trial by trial. Without B, A is compared with itself under --set-b, or
    one of its schemes with another. Counts are per trial.

    A RULE is 'query-error > +1e-5', for any outcome or metric; 'CLASS.query-error > 0' for one
    query class; < for too little; '> +10%' for a share of what A has. It fails if the difference
    itself is beyond the limit; it holds if the whole interval is within; else it is unknown.

    Exit code: 0 no rule failed, 1 one did, 2 the input is wrong, 3 one is unknown.
    """
    from sim.analysis.comparison.compare import compare, only_one_has
    from sim.analysis.comparison.gates import judge_gates
    from sim.analysis.expect import exit_code_of
    from sim.study.compare import alike, scheme_names

    chosen = _Options(**options)
    _check_usage(path_b, chosen)
    _check_targets(chosen)
    read: list[Path] = []
    other = path_a if path_b is None else path_b
    overrides = Overrides(
        seed=chosen.seed,
        trials=chosen.trials,
        both=chosen.assignments,
        b=chosen.assignments_b,
        allow_outside=chosen.allow_outside,
    )
    a, b = read_sides(path_a, other, overrides, read)
    files.check_apart(_targets(chosen), read)
    a, b = alike(a, b, seed=chosen.seed, trials=chosen.trials)
    pairs = paired_schemes(scheme_names(a), scheme_names(b), chosen.scheme, chosen.against)
    gates = _gates(chosen.fail_if, a, b)
    left_out = [] if chosen.scheme else [*only_one_has("scheme", scheme_names(a), scheme_names(b))]
    numbers = _run(path_a, other, (a, b), pairs, chosen)
    comparison = compare(*numbers, pairs, left_out=left_out)
    judged = judge_gates(comparison, gates)
    _write(comparison, judged, chosen)
    _show(comparison, judged, chosen)
    return exit_code_of(judged)


def _check_usage(path_b: str | None, options: _Options) -> None:
    """Refuse what asks for no comparison."""
    if options.against is not None and len(options.scheme) != 1:
        raise click.UsageError("--against needs exactly one --scheme: that of A")
    if path_b is None and options.against is None and not options.assignments_b:
        raise click.UsageError("B is missing: a file, or --set-b, or --scheme and --against")


def _targets(options: _Options) -> dict[str, str]:
    targets = {"--json": options.json, "--csv": options.csv, "--figure": options.figure}
    return {option: path for option, path in targets.items() if path is not None}


def _check_targets(options: _Options) -> None:
    """Refuse before the run what could not be written after it."""
    for option, path in _targets(options).items():
        files.check_file_target(path, option)
    if options.json == options.csv == files.STANDARD:
        raise click.UsageError("--json - and --csv - would mix on standard output")
    if options.figure is not None and Path(options.figure).suffix not in _FIGURE_KINDS:
        message = f"{options.figure} must end in {' or '.join(_FIGURE_KINDS)}"
        raise click.BadParameter(message, param_hint="--figure")
    if options.resume is not None:
        files.check_kept_folder(options.resume, "--resume", apart_from=None)


def _gates(rules: Sequence[str], a: "Side", b: "Side") -> "list[Gate]":
    """Read the rules, or say everything that is wrong with all of them."""
    from sim.analysis.comparison.gates import parse_gate
    from sim.study.compare import query_names

    queries = [name for name in query_names(a) if name in query_names(b)]
    gates, wrong = [], []
    for rule in rules:
        try:
            gates.append(parse_gate(rule, queries))
        except ValueError as error:
            wrong.append(f"{rule!r}: {error}")
    if wrong:
        raise click.BadParameter("\n".join(wrong), param_hint="--fail-if")
    return gates


def _run(
    path_a: str, path_b: str, sides: "tuple[Side, Side]", pairs: "Sequence[Pair]", options: _Options
) -> "tuple[Numbers, Numbers]":
    """Run what has not run, within the limits of the machine."""
    from sim.analysis.queries.evaluate import inexact
    from sim.scenario.schema import Scenario
    from sim.study.compare import jobs, mode_of, run_sides
    from sim.study.finished import FinishedTrials

    a, b = sides
    mode = mode_of(a, b)
    todo = jobs(a, b, pairs)
    limits = machine.limits(options.max_memory, options.max_events)
    for scenario, chosen in todo:
        path = path_a if isinstance(a, Scenario) and scenario == a else path_b
        if mode == "exact":
            common.refuse(path, inexact(scenario))
        if not options.yes:
            machine.refuse_too_much(
                path,
                scenario,
                mode=mode,
                schemes=len(chosen),
                workers=options.workers or 1,
                limits=limits,
            )

    def workers(scenario: "Scenario", chosen: tuple[int, ...]) -> int | None:
        return options.workers or machine.fitting_workers(
            scenario, mode=mode, schemes=len(chosen), limits=limits
        )

    def say(message: str) -> None:
        if not options.quiet:
            click.echo(message, err=True)

    so_far = Count(sum(len(chosen) * scenario.trials for scenario, chosen in todo))
    finished = None if options.resume is None else FinishedTrials(Path(options.resume), say=say)
    is_quiet = options.quiet or not so_far.wanted
    with screen.progress(so_far.wanted, "compare", is_quiet=is_quiet) as advance:

        def count(_: "TrialResult") -> None:
            so_far.done += 1
            advance()

        try:
            return run_sides(a, b, pairs, workers=workers, on_result=count, finished=finished)
        except KeyboardInterrupt:
            is_kept = so_far.done > 0 and options.resume is not None
            raise RunInterrupted(so_far.done, so_far.wanted, is_kept) from None


def _write(comparison: "Comparison", judged: "Sequence[GateResult]", options: _Options) -> None:
    """Write what was asked for."""
    from sim.report.comparison import comparison_csv, comparison_document
    from sim.report.document import to_json

    if options.figure is not None:
        from sim.report.forest import difference_figure
        from sim.report.style import to_png, to_svg

        to_bytes = to_svg if options.figure.endswith(".svg") else to_png
        files.write_bytes(options.figure, to_bytes(difference_figure(comparison)))
    if options.csv is not None:
        files.write_text(options.csv, comparison_csv(comparison))
    if options.json is not None:
        files.write_text(options.json, to_json(comparison_document(comparison, judged)))


def _show(comparison: "Comparison", judged: "Sequence[GateResult]", options: _Options) -> None:
    """Show the tables, what became of the rules, and what was left out."""
    from sim.analysis.expect import Verdict
    from sim.report import comparison as shown

    is_taken = files.STANDARD in (options.json, options.csv)
    out = common.console(stderr=options.quiet or is_taken)
    if options.quiet:
        judged = [found for found in judged if found.verdict is not Verdict.VALID]
    else:
        for letter, numbers in (("A", comparison.a), ("B", comparison.b)):
            out.print(printable(shown.side_line(letter, numbers)), soft_wrap=True)
        out.print(shown.pairing_line(comparison), soft_wrap=True)
        for sentence in comparison.left_out:
            out.print(printable(sentence), soft_wrap=True)
        for pair in comparison.schemes:
            out.print()
            if pair.is_same:
                out.print(printable(f"{shown.pair_name(pair)}: the same runs"), soft_wrap=True)
            else:
                out.print(shown.comparison_table(pair))
        out.print()
        out.print(shown.CAPTION, style="dim")
    if judged and not options.quiet:
        out.print()
    for line in shown.gate_lines(judged):
        out.print(line, soft_wrap=True)
