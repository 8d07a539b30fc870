"""The report ``delays-judged``: how much of 48h/24h is needed, and what halving it costs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from reports.pages import WORLD, asked, data, drawn, needed, needed_row, page, said, span, table
from sim.analysis.costs import garbage_bytes
from sim.analysis.results import estimate
from sim.analysis.sweep import FAILING, Sweep
from sim.core.units import US_PER_S
from sim.report.delayfigures import failing_ladder, needed_by_interval
from sim.report.formats import format_bytes_short, format_fraction, format_interval
from sim.report.style import new_figure, new_panels, to_svg
from sim.scenario.knobs import parse_knob
from sim.scenario.load import load
from sim.study.sweep import load_settings, run_sweep

if TYPE_CHECKING:
    from sim.analysis.estimators import Interval
    from sim.scenario.schema import Scenario
    from sim.study.needed import Needed

__all__ = ["files"]

_STORES: Final = ("strong", "azure-ra-grs", "s3-pre-2020")
# Those for which rules prove something: where none does, so few trials bound nothing.
_HALVED: Final = ("strong", "azure-ra-grs")
_INTERVALS: Final = ("3m", "15m", "30m")
_SHOWN: Final = ("3m", "30m")
_TODAY_US: Final = 48 * 3_600 * US_PER_S


def files() -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the report."""
    scenarios = asked(_STORES, _INTERVALS)
    names = [store for store in _STORES for _ in _INTERVALS]
    found = list(zip(names, scenarios, needed(scenarios), strict=True))
    rows = [drawn(*one) for one in found]
    yield "needed.svg", to_svg(new_figure(lambda ax: needed_by_interval(rows, ax), height=4.2))
    yield "needed.csv", data([needed_row(*one) for one in found])
    ladder = _Ladder.of(_sweep())
    halved = new_panels(lambda f: failing_ladder(ladder.rungs, ladder.found, f), height=5.6)
    yield "halved.svg", to_svg(halved)
    yield "halved.csv", data(ladder.rows)
    yield "README.md", page("# How much of 48h/24h is needed?", *_parts(found, ladder))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ladder:
    """What every pair of delays gave: by store, by sync interval, in order."""

    rungs: Sequence[str]
    found: "Mapping[str, Mapping[str, Sequence[Interval]]]"
    garbage: Sequence[float]
    rows: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, sweep: Sweep) -> "_Ladder":
        found: dict[str, dict[str, list[Interval]]] = {store: {} for store in _HALVED}
        rows = []
        for cell in sweep.cells:
            store, interval = _HALVED[cell.setting[0]], _INTERVALS[cell.setting[1]]
            schemes = cell.result.schemes
            found[store][interval] = [estimate(scheme, FAILING).interval for scheme in schemes]
            for scheme, failing in zip(schemes, found[store][interval], strict=True):
                rows.append(
                    {
                        "store": store,
                        "sync_interval": interval,
                        "delays": scheme.name,
                        "failing": failing.fraction,
                        "low": failing.low,
                        "high": failing.high,
                        "method": failing.method,
                        "query_error": estimate(scheme, ("query-error",)).interval.fraction,
                        "silent_gap": estimate(scheme, ("silent-gap",)).interval.fraction,
                        "garbage_bytes": round(garbage_bytes(cell.result.scenario, scheme)),
                    }
                )
        first = sweep.cells[0].result
        return cls(
            rungs=[scheme.name for scheme in first.schemes],
            found=found,
            garbage=[garbage_bytes(first.scenario, scheme) for scheme in first.schemes],
            rows=rows,
        )

    def fails_at(self, number: int) -> bool:
        """Whether a query failed with a pair of delays, on any store at any interval."""
        lines = (line for own in self.found.values() for line in own.values())
        return any(line[number].fraction > 0 for line in lines)


def _sweep() -> Sweep:
    """Every pair of delays, on every store, at every sync interval."""
    knobs = [
        parse_knob(f"store.profile={','.join(_HALVED)}"),
        parse_knob(f"gateways.sync_interval={','.join(_INTERVALS)}"),
    ]
    return run_sweep(load_settings(lambda values: load(WORLD, values), knobs), workers=None)


def _parts(found: "list[tuple[str, Scenario, Needed]]", ladder: _Ladder) -> Iterator[str]:
    """The page, paragraph by paragraph."""
    yield _summary(found, ladder)
    yield "## The least delay, by store and sync interval"
    yield "![Delete delay needed over the sync interval, by store](needed.svg)"
    heads = ("store", "sync", "hide delay", "found", "worst case", "proven", "found, of 48h")
    yield table(heads, [_needed_cells(*one) for one in found])
    fewest = min(answer.deleted for _, _, answer in found)
    yield (
        "*Hide delay* is the shortest that hides no block before its replacement shows (rule R3), "
        "in whole minutes. *Found* is the least delete delay with which no read failed in "
        f"{found[0][2].trials} trials of together {fewest} deletions or more: the largest critical "
        "delay of a block and a reader where one trace says it for every delay, else the ends of "
        "the step in which it lies. Longer runs may find more. *Worst case* is what the terms of "
        "the rules add up to; *proven* says whether they prove for this store that it is enough: "
        "where a mark may vanish before its block, they do not. What is found can be less than "
        "the hide delay: whoever deletes comes by every five minutes only, and most lags are much "
        "shorter than the longest. Numbers: [needed.csv](needed.csv)."
    )
    yield "## What halving costs"
    yield "![Failing fraction for halved delays, by store and sync interval](halved.svg)"
    columns = (f"{store}, sync {interval}" for store in _HALVED for interval in _SHOWN)
    yield table(
        ("delays", "garbage", *columns), [_cells(n, ladder) for n in range(len(ladder.rungs))]
    )
    yield (
        "A query fails here if it has no complete answer: an error, or data missing. In brackets "
        "stands the 95 % interval; *proven* is a zero by the rules, *ruled out* one that "
        "could have been no other at any phase of the readers. The "
        "S3 of old is left out: no rule proves a delay there, and that nobody saw a failure in a "
        "few trials bounds next to nothing (`sim run` says so, too). "
        "Garbage is that of the store `strong`, a sync every three minutes. All settings: "
        "[halved.csv](halved.csv). The same as a curve, on another scenario: "
        "[headline.svg](../delays/headline.svg)."
    )
    yield "## The world that was asked"
    yield (
        "[world.toml](../world.toml) is small, so that everything here is made anew in minutes: "
        "one Prometheus, 9 days of which the first 5 do not count, two levels of compaction, "
        "blocks that expire after 2 days, a query a second for 30s each. A fleet asks more "
        "readers of more blocks and meets rarer coincidences. Ask it yourself:"
    )
    stores, intervals = ",".join(_HALVED), ",".join(_INTERVALS)
    yield (
        f"    sim sweep reports/world.toml --vary store.profile={stores} \\\n"
        f"        --vary gateways.sync_interval={intervals}"
    )


def _summary(found: "list[tuple[str, Scenario, Needed]]", ladder: _Ladder) -> str:
    """The answer in a few sentences."""
    store, scenario, answer = max(found, key=lambda one: one[2].delay_us)
    quiet = []
    for number in range(len(ladder.rungs)):
        if ladder.fails_at(number):
            break
        quiet.append(number)
    interval = span(scenario.gateways.sync_interval.longest_us)
    most = (
        f"The most that a store and sync interval here needed of 48h is {span(answer.delay_us)} "
        f"({store}, a sync every {interval})."
    )
    if not quiet:
        return f"{most} With every pair of delays some query failed on some store."
    last = quiet[-1]
    return (
        f"{most} Every pair of delays down to **{ladder.rungs[last]}** had no failing query on "
        f"{' and '.join(_HALVED)}, at any of these intervals; it keeps "
        f"{format_bytes_short(ladder.garbage[last])} of garbage where {ladder.rungs[0]} keeps "
        f"{format_bytes_short(ladder.garbage[0])}. What a delay must not go below follows from "
        "the readers' sync interval, on every store; a store that lags adds its longest lag. The "
        "rest of 48h is time for people to notice a mistake, which is not simulated."
    )


def _needed_cells(store: str, scenario: "Scenario", answer: "Needed") -> tuple[str, ...]:
    return (
        store,
        span(scenario.gateways.sync_interval.longest_us),
        span(answer.hide_us),
        said(answer),
        span(answer.terms_us),
        "yes" if math.isfinite(answer.rule_us) else "no",
        format_fraction(answer.delay_us / _TODAY_US),
    )


def _cells(number: int, ladder: _Ladder) -> tuple[str, ...]:
    shown = [ladder.found[store][interval][number] for store in _HALVED for interval in _SHOWN]
    fractions = (f"{format_fraction(i.fraction)} ({format_interval(i)})" for i in shown)
    return (ladder.rungs[number], format_bytes_short(ladder.garbage[number]), *fractions)
