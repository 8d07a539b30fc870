"""``sim rare``: how likely a failure is that hardly any trial has."""

from pathlib import Path

import click

from sim.cli import common, complete, files, machine, screen
from sim.errors import EXIT_HOLDS, EXIT_UNKNOWN, printable

__all__ = ["command"]


@click.command(
    "rare",
    epilog=common.examples(
        "sim rare scenario.toml --scheme 'mark first' --samples 1000",
        "sim rare scenario.toml --set schemes.1.delete_delay=20m --worst worst.toml",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--outcome",
    type=click.Choice(["query-error", "partial-response", "warned"]),
    default="query-error",
    show_default=True,
    help="What a query may end in because a block went too early.",
)
@click.option(
    "--scheme",
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme; by default the first with a delete delay.",
)
@click.option("--samples", type=click.IntRange(min=10), help="Trials of each level; 500.")
@click.option("--repeats", type=click.IntRange(min=3), help="Independent repetitions; 8.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; by default as many as pay off."
)
@click.option(
    "--worst",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the worst trial that was met as a scenario, with its draws; - is standard output.",
)
@click.option(
    "--json",
    metavar="OUT",
    shell_complete=complete.any_file,
    help="Write the numbers as JSON; - is standard output.",
)
@common.set_option
@click.option("--seed", type=int, help="Seed, instead of the file's.")
@common.limit_options
@common.allow_outside_option
def command(
    path: str,
    outcome: str,
    scheme: str | None,
    samples: int | None,
    repeats: int | None,
    workers: int | None,
    worst: str | None,
    json: str | None,
    assignments: tuple[str, ...],
    seed: int | None,
    allow_outside: bool,
    max_memory: int | None,
    max_events: float | None,
    yes: bool,
) -> int:
    """Estimate how likely a failure is that hardly any trial has. As FILE, - is standard input.

    Trials that come nearer to a failure than most go on from there, level by level, down to 1e-9
    and less; syncs that would have to fail are made to. Exit code: 0 the chance is bounded from
    both sides, 2 the input is wrong, 3 unknown: a repetition found no failure, or not every level.
    """
    from sim.report.document import to_json
    from sim.report.rare import rare_document, rare_lines
    from sim.scenario.dump import to_toml
    from sim.study.rare import REPEATS, SAMPLES, rare

    targets = {"--worst": worst, "--json": json}
    wanted = {option: target for option, target in targets.items() if target is not None}
    for option, target in wanted.items():
        files.check_file_target(target, option)
    overrides = common.override_options(seed=seed, trials=None, assignments=assignments)
    read: list[Path] = []
    (scenario,) = common.read_scenarios(
        [path], overrides, allow_outside=allow_outside, on_read=read.append
    )
    files.check_apart(wanted, read)
    chosen = common.scheme_indices(scenario, [] if scheme is None else [scheme])
    marked = [i for i, one in enumerate(scenario.schemes) if one.kind == "deletion-mark"]
    index = chosen[0] if chosen else next(iter(marked), 0)
    count = repeats or REPEATS
    if not yes:
        # Levels that nobody knows beforehand cost as much each.
        least = scenario.model_copy(update={"trials": (samples or SAMPLES) * count})
        limits = machine.limits(max_memory, max_events)
        machine.refuse_too_much(path, least, mode="exact", schemes=1, workers=1, limits=limits)
    with screen.progress(count, f"{scenario.name}, repetitions", is_quiet=False) as advance:
        found = rare(
            scenario,
            index,
            outcome,
            samples=samples or SAMPLES,
            repeats=count,
            workers=workers,
            on_repeat=advance,
        )
    if worst is not None:
        files.write_text(worst, to_toml(found.worst))
    if json is not None:
        files.write_text(json, to_json(rare_document(scenario, found)))
    is_taken = files.STANDARD in (worst, json)
    for line in rare_lines(scenario, found):
        click.echo(printable(line), err=is_taken)
    return EXIT_HOLDS if found.estimate.low > 0.0 else EXIT_UNKNOWN
