"""What a scheme costs: bytes kept, requests sent, and both in money.

All are means over the trials of the scheme. What counts is the time between warm-up and horizon.
"""

import math
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from sim.analysis.results import SchemeResult
from sim.analysis.totals import total_counts
from sim.core.units import US_PER_S
from sim.trace.records import REQUEST_KINDS

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

__all__ = ["garbage_bytes", "knows_requests", "price_of_30_days", "requests_per_day"]

_US_PER_DAY: Final = 86_400 * US_PER_S
_GIB: Final = 2**30


def garbage_bytes(scenario: "Scenario", scheme: SchemeResult) -> float:
    """Mean amount of retired data still stored, over time and trials; nan without trials."""
    total = math.fsum(trial.garbage_byte_seconds for trial in scheme.trials)
    return total / len(scheme.trials) * US_PER_S / _span_us(scenario) if scheme.trials else math.nan


def requests_per_day(
    scenario: "Scenario", scheme: SchemeResult, kinds: Collection[str] = REQUEST_KINDS
) -> float:
    """Requests to the store per simulated day, mean over trials; of all kinds, or of some.

    nan without any trial, and where a trial does not know them: see :func:`knows_requests`.
    """
    if not knows_requests(scheme):
        return math.nan
    requests = total_counts([trial.counts for trial in scheme.trials])["requests"]
    total = sum(requests.get(kind, 0) for kind in kinds) * _US_PER_DAY / _span_us(scenario)
    return float(total) / len(scheme.trials)


def knows_requests(scheme: SchemeResult) -> bool:
    """Whether every trial has counted its requests.

    One that was read off the trace of another delay may not have: where a delay changes what
    readers ask for, only a run of its own tells.
    """
    return bool(scheme.trials) and all("requests" in trial.counts for trial in scheme.trials)


def price_of_30_days(scenario: "Scenario", scheme: SchemeResult) -> float:
    """What a scheme costs in 30 days, in the currency of the scenario's prices.

    Everything that is stored is priced, and every request. nan without prices, without any trial,
    and where requests have a price but are not known.
    """
    prices = scenario.prices
    if prices is None or not scheme.trials:
        return math.nan
    counts = total_counts([trial.counts for trial in scheme.trials])
    storage = float(counts.get("stored-bytes", math.nan)) / _GIB * prices.gib_month
    per_1000 = prices.per_1000.model_dump()
    if not any(per_1000.values()):
        return storage
    if not knows_requests(scheme):
        return math.nan
    sent = math.fsum(n / 1000.0 * per_1000[kind] for kind, n in counts["requests"].items())
    return storage + sent / len(scheme.trials) * 30 * _US_PER_DAY / _span_us(scenario)


def _span_us(scenario: "Scenario") -> int:
    return scenario.horizon_us - scenario.warmup_us
