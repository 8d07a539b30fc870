"""A sweep on the screen: for each scheme a table whose rows are settings."""

import math
from collections.abc import Iterator

from sim.analysis.evidence.exercised import lacking
from sim.analysis.results import SchemeResult, estimate
from sim.analysis.rules.safety import safe_delay_us
from sim.analysis.sweep import FAILING, Cell, Sweep
from sim.report.costtable import cost_cells, cost_titles
from sim.report.formats import format_span
from sim.report.names import knob_name
from sim.report.tables import SchemeTable, estimate_cell
from sim.scenario.schema import OUTCOMES

__all__ = ["proven_words", "sweep_caption", "sweep_tables", "untried_lines"]


def sweep_caption(sweep: Sweep) -> str:
    """Say what the settings of the tables are."""
    scenario = sweep.cells[0].result.scenario
    names = ", ".join(knob_name(knob.path, scenario) for knob in sweep.knobs)
    return f"setting: {names}; below: 95 % interval"


def sweep_tables(sweep: Sweep) -> Iterator[tuple[str, SchemeTable]]:
    """Give the title and the table of every scheme.

    Columns are the outcomes that some cell of the scheme had (without any, ``failed``), garbage
    and requests, as in the table of a run. Rows are settings of those knobs that change a result of
    the scheme; where none does there is one row.
    """
    for position in range(len(sweep.cells[0].result.schemes)):
        own = [(cell, cell.result.schemes[position]) for cell in sweep.cells]
        seen = [outcome for outcome in OUTCOMES if outcome != "ok" and _has(own, outcome)]
        columns: list[tuple[str, tuple[str, ...]]] = [(outcome, (outcome,)) for outcome in seen]
        columns = columns or [("failed", FAILING)]
        knobs = sweep.touching(position)
        rows = list({tuple(c.setting[k] for k in knobs): (c, s) for c, s in reversed(own)}.values())
        rows.reverse()
        table = SchemeTable(
            heading="setting",
            titles=(*((name, "") for name, _ in columns), *cost_titles(own[0][0].result.scenario)),
            names=tuple(sweep.text_of(cell.setting, knobs) or "any" for cell, _ in rows),
            rows=tuple(
                (
                    *(estimate_cell(estimate(found, wanted)) for _, wanted in columns),
                    *cost_cells(cell.result.scenario, found),
                )
                for cell, found in rows
            ),
        )
        yield _title(sweep, position), table


def untried_lines(sweep: Sweep) -> list[str]:
    """One line per scheme and reason for which zeros at some settings say nothing."""
    found: dict[tuple[str, str], int] = {}
    for cell in sweep.cells:
        for scheme in cell.result.schemes:
            reason = lacking(scheme.exercised, is_gap=False)
            if reason:
                found[scheme.name, reason] = found.get((scheme.name, reason), 0) + 1
    return [
        f"warning: {name}: {reason}, so that a zero says nothing "
        f"(at {count} of {len(sweep.cells)} settings)"
        for (name, reason), count in found.items()
    ]


def _has(own: list[tuple[Cell, SchemeResult]], outcome: str) -> bool:
    return any(
        query.queries and query.fractions[outcome] > 0
        for _, scheme in own
        for trial in scheme.trials
        for query in trial.classes
    )


def _title(sweep: Sweep, position: int) -> str:
    """Name the scheme, and the delete delay that the rules ask for."""
    name = sweep.cells[0].result.schemes[position].name
    proven = proven_words(sweep, position)
    return f"{name} ({proven})" if proven else name


def proven_words(sweep: Sweep, position: int) -> str:
    """Say from which delete delay on rules prove that no read fails; empty if it has none.

    ``position`` is that of the scheme among those that ran.
    """
    index = sweep.cells[0].result.schemes[position].index
    scenarios = [cell.result.scenario for cell in sweep.cells]
    if any(scenario.schemes[index].hide_delay_us is None for scenario in scenarios):
        return ""
    needed = {safe_delay_us(scenario, index) for scenario in scenarios}
    low, high = min(needed), max(needed)
    if math.isinf(low):
        return "no delete_delay is proven"
    if math.isinf(high):
        return f"proven from a delete_delay of {format_span(low)} on, in some settings"
    if low == high:
        return f"proven from a delete_delay of {format_span(low)} on"
    return f"proven from a delete_delay of {format_span(low)} to {format_span(high)} on"
