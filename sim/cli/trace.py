"""``sim trace``: the record of one trial of one scheme as JSON lines."""

from pathlib import Path

import click

from sim.cli import common, complete, files, machine

__all__ = ["command"]


@click.command(
    "trace",
    epilog=common.examples(
        "sim trace scenario.toml -o trace.jsonl",
        "sim trace scenario.toml --scheme 'mark first' --trial 3 | grep '\"delete\"'",
    ),
)
@click.argument("path", metavar="FILE", shell_complete=complete.any_file)
@click.option(
    "--scheme",
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Scheme; by default the first.",
)
@click.option("--trial", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--seed", type=int, help="Seed of trial 0, instead of the file's.")
@common.set_option
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    default=files.STANDARD,
    shell_complete=complete.any_file,
    help="File; - is standard output.",
)
@common.allow_outside_option
@common.limit_options
def command(
    path: str,
    scheme: str | None,
    trial: int,
    seed: int | None,
    assignments: tuple[str, ...],
    output: str,
    allow_outside: bool,
    max_memory: float | None,
    max_events: float | None,
    yes: bool,
) -> int:
    """Write the trace of one trial as JSON lines: header, records, footer with the digest.

    As FILE, - is standard input.
    """
    files.check_file_target(output, "--output")
    overrides = common.override_options(seed=seed, trials=None, assignments=assignments)
    read: list[Path] = []
    (scenario,) = common.read_scenarios(
        [path], overrides, allow_outside=allow_outside, on_read=read.append
    )
    files.check_apart({"--output": output}, read)
    selection = common.scheme_indices(scenario, [] if scheme is None else [scheme])
    from sim.study.run import trace_trial

    if not yes:
        machine.refuse_too_much(
            path,
            scenario.model_copy(update={"trials": 1}),
            mode="exact",
            schemes=1,
            workers=1,
            limits=machine.limits(max_memory, max_events),
        )
    trace = trace_trial(scenario, selection[0] if selection else 0, trial)
    files.write_lines(output, trace.lines())
    return 0
