"""The report ``stores``: how late every named store is, and the delay that this asks for."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from reports.pages import asked, data, drawn, needed, needed_row, page, said, span, table
from sim.report.delayfigures import needed_by_store, store_height
from sim.report.style import new_figure, to_svg
from sim.scenario.stores.profiles import PROFILES

if TYPE_CHECKING:
    from sim.scenario.schema import Scenario
    from sim.study.needed import Needed

__all__ = ["files"]

_INTERVALS: Final = ("3m", "15m")


def files() -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the report."""
    scenarios = asked(PROFILES, _INTERVALS)
    names = [store for store in PROFILES for _ in _INTERVALS]
    found = list(zip(names, scenarios, needed(scenarios), strict=True))
    rows = [drawn(*one) for one in found]
    height = store_height(rows)
    yield "stores.svg", to_svg(new_figure(lambda ax: needed_by_store(rows, ax), height=height))
    yield "stores.csv", data([needed_row(*one) for one in found])
    yield (
        "README.md",
        page("# How late is the store, and how long must deletion wait?", *_parts(found)),
    )


def _parts(found: "list[tuple[str, Scenario, Needed]]") -> Iterator[str]:
    """The page, paragraph by paragraph."""
    quiet = sum(answer.lag_us == 0 for _, _, answer in found[:: len(_INTERVALS)])
    most_us = max(answer.delay_us for _, _, answer in found if answer.is_found)
    failing = list(dict.fromkeys(store for store, _, answer in found if not answer.is_found))
    yield (
        f"Of the {len(PROFILES)} stores that `sim stores` knows, {quiet} show every change at "
        "once, and still need a delay: it is the readers that look late. With a sync every "
        f"{' or every '.join(_INTERVALS)}, {span(most_us)} was enough for all but "
        f"{', '.join(f'`{store}`' for store in failing)}: there reads failed at every delay that "
        "was tried, up to the worst case, for blocks whose files arrive after what names them."
    )
    yield "![Longest lag of every store, and the delete delays that it needs](stores.svg)"
    heads = [f"{what}, sync {i}" for i in _INTERVALS for what in ("found", "worst case")]
    yield table(("store", "longest lag", "hide delay", *heads, "proven"), _rows(found))
    yield (
        "*Longest lag* is the time until a put shows to everybody, *hide delay* the shortest that "
        "it allows (rule R3), in whole minutes. *Found* is the least delete delay with which no "
        f"read failed in {found[0][2].trials} trials, or the ends of the step in which it lies; "
        "longer runs may find more. *Worst case* is what the terms of the rules add up to, a dash "
        "where one of them has no bound; *proven* says whether the rules prove for this store "
        "that it is enough. Whoever deletes comes by every five minutes only, so that a delay "
        "shorter than the hide delay can be enough here. Numbers: [stores.csv](stores.csv); how "
        "much of 48h that is, and at other intervals: [delays-judged](../delays-judged/README.md)."
    )
    yield (
        "Where the lags are from, and which of them are assumed because nobody published them, "
        "`sim stores NAME` says value by value:"
    )
    yield "\n".join(f"- `{profile.name}`: {profile.summary}" for profile in PROFILES.values())
    yield (
        "The world is [world.toml](../world.toml): one Prometheus, 9 days, blocks that are "
        "replaced and blocks that expire. It is small, so that the page is made anew in a minute."
    )


def _rows(found: "list[tuple[str, Scenario, Needed]]") -> Iterator[tuple[str, ...]]:
    step = len(_INTERVALS)
    for first in range(0, len(found), step):
        own = [answer for _, _, answer in found[first : first + step]]
        cells = [cell for answer in own for cell in (said(answer), span(answer.terms_us))]
        is_proven = all(math.isfinite(answer.rule_us) for answer in own)
        lag, hide = span(own[0].lag_us), span(own[0].hide_us)
        yield (found[first][0], lag, hide, *cells, "yes" if is_proven else "no")
