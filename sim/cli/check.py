"""``sim check``: say everything that is wrong with scenarios, or what would run."""

import click

from sim.cli import common, complete

__all__ = ["command"]


@click.command(
    "check",
    epilog=common.examples(
        "sim check scenarios/*.toml",
        "sim check scenario.toml --set gateways.sync_interval=15m",
    ),
)
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, shell_complete=complete.any_file
)
@common.set_option
@common.allow_outside_option
def command(paths: tuple[str, ...], assignments: tuple[str, ...], allow_outside: bool) -> int:
    """Check scenarios without running them. As FILE, - is standard input.

    Shows every problem of every file with its place and exits with 2. Else it says of each file
    what would run and what it would take, and of each scheme whether its delays keep the safety
    rules: what they need, term by term, what they have, and what is missing.
    """
    from sim.analysis.effort.estimate import effort
    from sim.report.lint import rule_lines
    from sim.report.plan import effort_line, headline

    overrides = common.override_options(seed=None, trials=None, assignments=assignments)
    scenarios = common.read_scenarios(paths, overrides, allow_outside=allow_outside)
    for path, scenario in zip(paths, scenarios, strict=True):
        click.echo(headline(scenario, common.shown_path(path)))
        click.echo(effort_line(effort(scenario)))
        for line, is_warning in rule_lines(scenario):
            click.secho(line, fg="red" if is_warning else None)
    return 0
