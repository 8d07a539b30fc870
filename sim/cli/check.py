"""``sim check``: say everything that is wrong with scenarios, or what would run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from sim.cli import common, complete
from sim.errors import EXIT_BROKEN, EXIT_HOLDS, EXIT_UNKNOWN, printable

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["command"]


@click.command(
    "check",
    epilog=common.examples(
        "sim check scenarios/*.toml",
        "sim check scenario.toml --set gateways.sync_interval=15m",
        "sim check scenario.toml --rules --scheme 'mark first'",
    ),
)
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.any_file
)
@click.option("--rules", "as_rules", is_flag=True, help="Show every safety rule, as a table.")
@click.option(
    "--scheme",
    "schemes",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.schemes,
    help="With --rules, show only this scheme (repeatable).",
)
@click.option("--json", "as_json", is_flag=True, help="With --rules, print JSON.")
@common.set_option
@common.allow_outside_option
def command(
    paths: tuple[str, ...],
    as_rules: bool,
    schemes: tuple[str, ...],
    as_json: bool,
    assignments: tuple[str, ...],
    allow_outside: bool,
) -> int:
    """Check scenarios without running them. As FILE, - is standard input.

    Shows every problem of every file with its place and exits with 2. Else it says of each file
    what would run and what it would take, and of each scheme whether its delays keep the safety
    rules: what they need, term by term, what they have, and what is missing.

    With --rules it shows the rules alone, also those that nothing here depends on, and judges
    them. Exit code: 0 all that something depends on hold, 1 one is broken, 2 the input is wrong,
    3 one is open.
    """
    if (schemes or as_json) and not as_rules:
        raise click.UsageError("--scheme and --json go with --rules")
    overrides = common.override_options(seed=None, trials=None, assignments=assignments)
    scenarios = common.read_scenarios(paths, overrides, allow_outside=allow_outside)
    if as_rules:
        return _rules(paths, scenarios, schemes, as_json=as_json)
    from sim.analysis.effort.estimate import effort
    from sim.report.lint import rule_lines, warmup_line
    from sim.report.plan import busy_line, effort_line, headline, rival_lines, sweep_line

    for path, scenario in zip(paths, scenarios, strict=True):
        click.echo(headline(scenario, common.shown_path(path)))
        click.echo(effort_line(effort(scenario)))
        if line := busy_line(scenario):
            click.secho(line, fg="red")
        for i, scheme in enumerate(scenario.schemes):
            for line in filter(None, (sweep_line(scenario, i), *rival_lines(scenario, i))):
                click.secho(f"  {printable(scheme.name)}: {line}", fg="red")
        if line := warmup_line(scenario):
            click.echo(line)
        for line, is_warning in rule_lines(scenario):
            click.secho(line, fg="red" if is_warning else None)
    return EXIT_HOLDS


def _rules(
    paths: Sequence[str], scenarios: "Sequence[Scenario]", names: Sequence[str], *, as_json: bool
) -> int:
    """Show the rules of some schemes of all files, and judge them."""
    import json

    from sim.report.rulestable import rules_document, rules_exit_code, rules_table

    found = [
        (scenario, common.scheme_indices(scenario, names) or tuple(range(len(scenario.schemes))))
        for scenario in scenarios
    ]
    if as_json:
        documents = [rules_document(*one) for one in found]
        click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
    for path, (scenario, chosen) in zip(paths, found, strict=True):
        if as_json:
            break
        click.echo(common.shown_path(path))
        for line, is_warning in rules_table(scenario, chosen, columns=common.console().width):
            click.secho(line, fg="red" if is_warning else None)
    codes = {rules_exit_code(*one) for one in found}
    return next(code for code in (EXIT_BROKEN, EXIT_UNKNOWN, EXIT_HOLDS) if code in codes)
