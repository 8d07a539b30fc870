"""``sim check``: say everything that is wrong with scenarios, or one line about each."""

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
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of the files (repeatable).",
)
@common.allow_outside_option
def command(paths: tuple[str, ...], assignments: tuple[str, ...], allow_outside: bool) -> int:
    """Check scenarios without running them. As FILE, - is standard input.

    Shows every problem of every file with its place and exits with 2, or one line per file: what
    would run.
    """
    from sim.core.units import US_PER_S
    from sim.report.formats import format_count, format_span

    overrides = common.override_options(seed=None, trials=None, assignments=assignments)
    scenarios = common.read_scenarios(paths, overrides, allow_outside=allow_outside)
    for path, scenario in zip(paths, scenarios, strict=True):
        span_s = (scenario.horizon_us - scenario.warmup_us) / US_PER_S
        queries = scenario.trials * span_s * sum(query.rate_per_s for query in scenario.queries)
        count = len(scenario.schemes)
        place = common.shown_path(path)
        click.echo(
            f"{place}: {scenario.name}: {count} {'scheme' if count == 1 else 'schemes'} x "
            f"{scenario.trials} {'trial' if scenario.trials == 1 else 'trials'} of "
            f"{format_span(scenario.horizon_us)}, seed {scenario.seed}, "
            f"{format_count(queries)} queries a scheme, digest {scenario.digest}"
        )
    return 0
