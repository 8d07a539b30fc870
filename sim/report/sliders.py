"""What the sliders of a page show: a position for each value, and words and numbers for each cell.

All are texts as they are shown: the script on the page picks some, and computes nothing.
"""

from typing import TYPE_CHECKING, Any

from sim.analysis.results import Result, SchemeResult, estimate
from sim.analysis.sweep import FAILING, Sweep
from sim.errors import printable
from sim.report.answers import failing_words
from sim.report.costtable import cost_cells, cost_titles
from sim.report.names import knob_name
from sim.report.tables import estimate_cell

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["explored", "position_now"]


def position_now(delays: Sweep, result: Result) -> int:
    """Position of the delay that the scheme of a run has."""
    index = delays.cells[0].result.schemes[0].index
    numbers = delays.knobs[0].numbers
    assert numbers is not None
    return numbers.index(result.scenario.schemes[index].delete_delay_us)


def explored(sweep: Sweep, *, start: int = 0) -> dict[str, Any]:
    """What sliders show: one for each knob, and what they move; all begin at one position."""
    titles = [("failing", ""), *cost_titles(sweep.cells[0].result.scenario)]
    return {"sliders": _sliders(sweep), "start": start, "titles": titles, "schemes": _cells(sweep)}


def _sliders(sweep: Sweep) -> list[dict[str, Any]]:
    """One for each knob; one for all if they move in step, with the values of all."""
    scenario = sweep.cells[0].result.scenario
    names = [knob_name(knob.path, scenario) for knob in sweep.knobs]
    if sweep.is_together:
        texts = [printable(sweep.text_of(cell.setting)) for cell in sweep.cells]
        order = list(range(len(texts)))
        return [
            {
                "name": printable(", ".join(names)),
                "knobs": len(names),
                "order": order,
                "texts": texts,
            }
        ]
    return [
        {
            "name": printable(name),
            "knobs": 1,
            "order": sorted(range(len(knob)), key=(knob.numbers or range(len(knob))).__getitem__),
            "texts": [printable(text) for text in knob.texts],
        }
        for name, knob in zip(names, sweep.knobs, strict=True)
    ]


def _cells(sweep: Sweep) -> list[dict[str, Any]]:
    """For each scheme its cells by the positions of the sliders that change them.

    A cell has the words of its failures, then the number of each column and what stands below it,
    all as they are shown.
    """
    found = []
    for position, scheme in enumerate(sweep.cells[0].result.schemes):
        knobs = sweep.touching(position)
        knobs = knobs[:1] if sweep.is_together else knobs
        rows = {
            "-".join(str(cell.setting[k]) for k in knobs): _cell(
                cell.result.scenario, cell.result.schemes[position]
            )
            for cell in sweep.cells
        }
        found.append({"name": printable(scheme.name), "sliders": list(knobs), "rows": rows})
    return found


def _cell(scenario: "Scenario", scheme: SchemeResult) -> list[str]:
    numbers = [estimate_cell(estimate(scheme, FAILING)), *cost_cells(scenario, scheme)]
    return [printable(failing_words(scheme)), *(text for cell in numbers for text in cell)]
