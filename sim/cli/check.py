"""``sim check``: say everything that is wrong with scenarios, or what would run."""

import click

from sim.cli import common
from sim.errors import printable

__all__ = ["command"]


@click.command("check")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the files (repeatable).",
)
def command(paths: tuple[str, ...], assignments: tuple[str, ...]) -> int:
    """Check scenarios without running them.

    Shows every problem of every file with its place and exits with 2, or two lines per file: what
    would run, and what it would take.
    """
    from sim.analysis.effort import effort
    from sim.core.units import US_PER_S, format_duration
    from sim.report.tables import format_bytes_short, format_count

    overrides = common.override_options(seed=None, trials=None, assignments=assignments)
    for path, scenario in zip(paths, common.read_scenarios(paths, overrides), strict=True):
        span_s = (scenario.horizon_us - scenario.warmup_us) / US_PER_S
        queries = scenario.trials * span_s * sum(query.rate_per_s for query in scenario.queries)
        count = len(scenario.schemes)
        click.echo(
            f"{printable(path)}: {scenario.name}: "
            f"{count} {'scheme' if count == 1 else 'schemes'} x "
            f"{scenario.trials} {'trial' if scenario.trials == 1 else 'trials'} of "
            f"{format_duration(scenario.horizon_us)}, seed {scenario.seed}, "
            f"{queries:.4g} queries a scheme, digest {scenario.digest}"
        )
        found = effort(scenario)
        click.echo(
            f"  about {format_count(found.records)} records and "
            f"{format_bytes_short(found.memory_bytes)} a trial, "
            f"{format_count(found.cpu_s)} s of one CPU in all"
        )
    return 0
