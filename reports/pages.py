"""What the pages have in common: tables, figures, rows of data, and the world that they ask."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.core.units import US_PER_S
from sim.report.csvtable import csv_text
from sim.report.delayfigures import NeededDelay
from sim.report.formats import UNKNOWN, format_span
from sim.scenario.load import load
from sim.study.needed import Needed, needed_delays, with_least_hiding

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario

ROOT: Final = Path(__file__).parents[1]
WORLD: Final = ROOT / "reports" / "world.toml"
_TRIALS: Final = 2


def page(title: str, *parts: str, made_by: str = "make reports") -> bytes:
    """A page of Markdown; parts stand apart by an empty line."""
    return ("\n\n".join([title, f"<!-- made by `{made_by}` -->", *parts]) + "\n").encode()


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


def code(lines: Iterable[str]) -> str:
    """A block of lines as they are."""
    return "\n".join(["```text", *(line.rstrip() for line in lines), "```"])


def data(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows of one shape as CSV; at least one."""
    return csv_text(list(rows[0]), rows).encode()


def span(span_us: float) -> str:
    """A span, or a dash where nothing bounds it."""
    return format_span(span_us) if math.isfinite(span_us) else UNKNOWN


def asked(stores: Iterable[str], intervals: Sequence[str]) -> "list[Scenario]":
    """The world of the reports at stores and sync intervals, hiding as early as rules allow."""
    return [
        with_least_hiding(
            load(
                WORLD,
                {"store.profile": store, "gateways.sync_interval": interval, "trials": _TRIALS},
            )
        )
        for store in stores
        for interval in intervals
    ]


def needed(scenarios: "Sequence[Scenario]") -> tuple[Needed, ...]:
    """What they need; stores that are equal but for their names are asked once."""
    keys = [repr((s.store.model_copy(update={"profile": None}), s.gateways)) for s in scenarios]
    different = dict(zip(keys, scenarios, strict=True))
    answers = needed_delays(list(different.values()), workers=None)
    found = dict(zip(different, answers, strict=True))
    return tuple(found[key] for key in keys)


def drawn(store: str, scenario: "Scenario", answer: Needed) -> NeededDelay:
    """One answer as figures want it."""
    return NeededDelay(
        store=store,
        interval_us=round(scenario.gateways.sync_interval.longest_us),
        lag_us=answer.lag_us,
        found_us=answer.delay_us if answer.is_found else math.inf,
        terms_us=answer.terms_us,
        is_proven=math.isfinite(answer.rule_us),
    )


def said(answer: Needed) -> str:
    """The least delay that was found: itself, or the ends of the step in which it lies."""
    if not answer.is_found:
        return f"more than {format_span(answer.delay_us)}"
    if answer.above_us == answer.delay_us:
        return format_span(answer.delay_us)
    if answer.above_us == 0:
        return f"at most {format_span(answer.delay_us)}"
    return f"{format_span(answer.above_us)} to {format_span(answer.delay_us)}"


def needed_row(store: str, scenario: "Scenario", answer: Needed) -> dict[str, Any]:
    """One answer as a row of data; times in seconds, empty without a bound."""

    def seconds(span_us: float) -> float | str:
        return span_us / US_PER_S if math.isfinite(span_us) else ""

    return {
        "store": store,
        "sync_interval_s": seconds(scenario.gateways.sync_interval.longest_us),
        "longest_lag_s": seconds(answer.lag_us),
        "hide_delay_s": seconds(answer.hide_us),
        "found_above_s": seconds(answer.above_us),
        "found_s": seconds(answer.delay_us),
        "worst_case_s": seconds(answer.terms_us),
        "proven_s": seconds(answer.rule_us),
        "trials": answer.trials,
        "deletions": answer.deleted,
    }
