"""``sim trace``: the record of one trial of one scheme as JSON lines."""

import click

from sim.cli import common, files, machine

__all__ = ["command"]


@click.command("trace")
@click.argument("path", metavar="FILE")
@click.option("--scheme", metavar="NAME", help="Scheme; by default the first.")
@click.option("--trial", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the file (repeatable).",
)
@click.option(
    "-o", "--output", metavar="OUT", default=files.STANDARD, help="File; - is standard output."
)
@click.option("-y", "--yes", is_flag=True, help="Run whatever it takes.")
def command(
    path: str,
    scheme: str | None,
    trial: int,
    seed: int | None,
    assignments: tuple[str, ...],
    output: str,
    yes: bool,
) -> int:
    """Write the trace of one trial as JSON lines: header, records, footer with the digest."""
    files.check_file_target(output, "--output")
    overrides = common.override_options(seed=seed, trials=None, assignments=assignments)
    (scenario,) = common.read_scenarios([path], overrides)
    selection = common.scheme_indices(scenario, [] if scheme is None else [scheme])
    from sim.run import trace_trial

    if not yes:
        machine.refuse_too_much(
            path,
            scenario.model_copy(update={"trials": 1}),
            mode="exact",
            schemes=1,
            workers=1,
            limits=machine.limits(),
        )
    trace = trace_trial(scenario, selection[0] if selection else 0, trial)
    files.write_lines(output, trace.lines())
    return 0
