"""``sim plan``: what would run, where each value comes from, and what it takes; runs nothing."""

from typing import TYPE_CHECKING, Literal

import click

from sim.cli import common, complete, machine
from sim.errors import EXIT_BAD_INPUT, EXIT_HOLDS

if TYPE_CHECKING:
    from sim.analysis.effort.limits import Limits
    from sim.report.plan import Plan
    from sim.scenario.origins import Given
    from sim.scenario.schema import Scenario

__all__ = ["command"]


@click.command(
    "plan",
    epilog=common.examples(
        "sim plan scenario.toml",
        "sim plan scenarios/*.toml --workers 2 | grep -e CPU -e process",
        "sim plan scenario.toml --set store.profile=swift | grep profile",
    ),
)
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.any_file
)
@click.option("--seed", type=int, help="Seed of the first trial, instead of the file's.")
@click.option("--trials", type=int, help="Number of trials, instead of the file's.")
@common.set_option
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.schemes,
    help="Plan only this scheme (repeatable).",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; by default all CPUs.")
@click.option("--mode", type=click.Choice(["exact", "sampled"]), default="exact", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common.limit_options
@common.allow_outside_option
def command(
    paths: tuple[str, ...],
    seed: int | None,
    trials: int | None,
    assignments: tuple[str, ...],
    schemes: tuple[str, ...],
    workers: int | None,
    mode: Literal["exact", "sampled"],
    max_memory: float | None,
    max_events: float | None,
    as_json: bool,
    yes: bool,
    allow_outside: bool,
) -> int:
    """Say what would run, and run nothing. As FILE, - is standard input.

    Shows of each file what it takes and every value that counts, with where it comes from: the
    file and its line, an override, the profile of the store, or a default; and what [sources] say
    of it: whether it is documented, measured or assumed, by whom, in which version. What this
    machine cannot hold is refused with exit code 2, as sim run does, unless --yes is given.
    """
    import json

    from sim.report.plan import plan_document, plan_lines

    overrides = common.override_options(seed=seed, trials=trials, assignments=assignments)
    given: list[Given] = []
    scenarios = common.read_scenarios(
        paths, overrides, allow_outside=allow_outside, on_given=given.append
    )
    limits = machine.limits(max_memory, max_events)
    plans = [
        _plan(scenario, said, schemes, workers, mode, limits)
        for scenario, said in zip(scenarios, given, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(plan_document(plans), indent=2, ensure_ascii=False))
    else:
        for path, plan in zip(paths, plans, strict=True):
            for line in plan_lines(plan, common.shown_path(path)):
                click.echo(line)
    fit = [yes or _fits(path, plan, limits) for path, plan in zip(paths, plans, strict=True)]
    return EXIT_HOLDS if all(fit) else EXIT_BAD_INPUT


def _plan(
    scenario: "Scenario",
    given: "Given",
    schemes: tuple[str, ...],
    workers: int | None,
    mode: Literal["exact", "sampled"],
    limits: "Limits",
) -> "Plan":
    from sim.analysis.effort.estimate import effort
    from sim.report.plan import Plan
    from sim.scenario.origins import resolved_values
    from sim.study.executors import usable_cpus

    chosen = common.scheme_indices(scenario, schemes) or tuple(range(len(scenario.schemes)))
    count = len(chosen)
    fitting = machine.fitting_workers(scenario, mode=mode, schemes=count, limits=limits)
    return Plan(
        scenario=scenario,
        schemes=chosen,
        mode=mode,
        workers=workers or fitting or usable_cpus(),
        effort=effort(scenario, mode=mode, schemes=count),
        values=resolved_values(scenario, given),
    )


def _fits(path: str, plan: "Plan", limits: "Limits") -> bool:
    """Whether the machine can hold a plan, in as few processes as are asked for; says why not."""
    try:
        machine.refuse_too_much(
            path,
            plan.scenario,
            mode=plan.mode,
            schemes=len(plan.schemes),
            workers=plan.workers,
            limits=limits,
        )
    except click.exceptions.Exit:
        return False
    return True
