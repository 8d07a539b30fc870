"""The columns of a table that say what a scheme costs."""

import math
from typing import TYPE_CHECKING, Final

from sim.analysis.costs import garbage_bytes, knows_requests, price_of_30_days, requests_per_day
from sim.analysis.results import SchemeResult
from sim.report.formats import UNKNOWN, format_bytes_short, format_count

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["cost_cells", "cost_titles"]

# Requests that stores sell at one price: list and put cost about ten times as much as get and
# head, and delete is free (price lists of Amazon S3 and Google Cloud Storage).
_PRICED_ALIKE: Final = (("list", "put"), ("get", "head"))


def cost_titles(scenario: "Scenario") -> tuple[tuple[str, str], ...]:
    """Titles of the columns of :func:`cost_cells`, each with what stands below a number."""
    titles = (("garbage", ""), (", ".join(_PRICED_ALIKE[0]), ", ".join(_PRICED_ALIKE[1])))
    if scenario.prices is None:
        return titles
    return (*titles, (f"{scenario.prices.currency}/30d", ""))


def cost_cells(scenario: "Scenario", scheme: SchemeResult) -> tuple[tuple[str, str], ...]:
    """Garbage, the requests of both prices a day and, if there are prices, the price of 30 days.

    Each is a number and what stands below it. What some trial does not know is a dash.
    """
    garbage = (format_bytes_short(garbage_bytes(scenario, scheme)), "")
    cells = (garbage, _requests(scenario, scheme))
    if scenario.prices is None:
        return cells
    price = price_of_30_days(scenario, scheme)
    return (*cells, (UNKNOWN if math.isnan(price) else f"{price:,.2f}", ""))


def _requests(scenario: "Scenario", scheme: SchemeResult) -> tuple[str, str]:
    if not knows_requests(scheme):
        return UNKNOWN, ""
    per_day = (requests_per_day(scenario, scheme, kinds) for kinds in _PRICED_ALIKE)
    dear, cheap = (f"{format_count(number)}/d" for number in per_day)
    return dear, cheap
