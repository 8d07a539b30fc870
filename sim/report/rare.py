"""A rare event on a screen and as a document."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sim import __version__
from sim.analysis.rare import Rare
from sim.report.document import SCHEMA_VERSION, plain
from sim.report.formats import format_count, format_span

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["rare_document", "rare_lines"]


def rare_lines(scenario: "Scenario", found: Rare) -> Iterator[str]:
    """Say how likely it is, how sure that is, how it was found, and what that takes for granted."""
    made = found.estimate
    yield f"{scenario.name}: {found.scheme}, delete_delay {format_span(found.delete_delay_us)}"
    if made.fraction == 0.0:
        yield f"{found.outcome}  unknown: no repetition found one; more --samples may"
    else:
        yield (
            f"{found.outcome}  {made.fraction:.3g} of the queries, 95 % from {made.low:.3g} to "
            f"{made.high:.3g}, relative error {100.0 * made.relative_error:.0f} %"
        )
    zeros = found.per_repeat.count(0.0)
    if 0 < zeros < len(found.per_repeat):
        yield f"  {zeros} of {len(found.per_repeat)} repetitions found none: take more --samples"
    elif not (found.are_whole or zeros):
        yield "  unknown from above: a repetition did not reach the last level; more --samples may"
    if made.low == 0.0 and not scenario.gateways.sync_interval.is_constant:
        yield "  drawn intervals of syncs each shift all that come after: levels may end there"
    steps = ", ".join(format_span(delay_us) for delay_us in found.delays_us)
    repeats = f"{len(found.per_repeat)} repetitions"
    forced = ", syncs made to fail and weighted" if found.forces_syncs else ""
    yield f"  by splitting: {format_count(found.trials)} trials, {repeats}{forced}"
    if steps:
        yield f"  levels: ways that would have needed a delay of {steps}"
    if found.worst_fraction > 0.0:
        yield f"  worst trial met: {found.worst_fraction:.3g} of its queries"
    yield "  [assumed] no failure is so unlike the others that no level leads to it"
    if found.forces_syncs:
        yield "  [assumed] failed requests cause one only as syncs that fail one after the other"


def rare_document(scenario: "Scenario", found: Rare) -> dict[str, Any]:
    """Give the numbers as plain data; what is unknown is None."""
    made = found.estimate
    content = plain(
        {
            "schema": SCHEMA_VERSION,
            "version": __version__,
            "scenario": scenario.name,
            "scenario_digest": scenario.digest,
            "seed": scenario.seed,
            "scheme": found.scheme,
            "outcome": found.outcome,
            "fraction": made.fraction if made.fraction else math.nan,
            "low": made.low,
            "high": made.high,
            "relative_error": made.relative_error,
            "method": "splitting, forced syncs" if found.forces_syncs else "splitting",
            "per_repeat": found.per_repeat,
            "delays_us": found.delays_us,
            "delete_delay_us": found.delete_delay_us,
            "simulated_trials": found.trials,
            "worst_fraction": found.worst_fraction,
        }
    )
    assert isinstance(content, dict)
    return content
