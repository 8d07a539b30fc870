"""``sim check``: say everything that is wrong with scenarios, or what would run."""

import click

from sim.cli import common, complete
from sim.errors import printable

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
    from sim.analysis.effort import effort
    from sim.core.units import US_PER_S
    from sim.report.formats import format_bytes_short, format_count, format_span
    from sim.report.lint import rule_lines

    overrides = common.override_options(seed=None, trials=None, assignments=assignments)
    scenarios = common.read_scenarios(paths, overrides, allow_outside=allow_outside)
    for path, scenario in zip(paths, scenarios, strict=True):
        span_s = (scenario.horizon_us - scenario.warmup_us) / US_PER_S
        queries = scenario.trials * span_s * sum(query.rate_per_s for query in scenario.queries)
        count = len(scenario.schemes)
        place = common.shown_path(path)
        click.echo(
            f"{printable(place)}: {scenario.name}: "
            f"{count} {'scheme' if count == 1 else 'schemes'} x "
            f"{scenario.trials} {'trial' if scenario.trials == 1 else 'trials'} of "
            f"{format_span(scenario.horizon_us)}, seed {scenario.seed}, "
            f"{format_count(queries)} queries a scheme, digest {scenario.digest}"
        )
        found = effort(scenario)
        click.echo(
            f"  about {format_count(found.records)} records and "
            f"{format_bytes_short(found.memory_bytes)} a trial, "
            f"{format_count(found.cpu_s)} s of one CPU in all"
        )
        for line, is_warning in rule_lines(scenario):
            click.secho(line, fg="red" if is_warning else None)
    return 0
