"""One screen about a run: a table of the schemes, the verdicts, and how to have it again.

Readable at 80 columns: a cell holds a number and, below it, its interval. Returns values for a
rich console and plain lines, and prints nothing itself.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.estimators import Interval
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Estimate, Result, SchemeResult, estimate, total_counts
from sim.core.units import US_PER_S, format_duration
from sim.report.names import block_name
from sim.scenario.schema import OBSERVATIONS

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "CAPTION",
    "FAILED",
    "GAPS",
    "format_bytes_short",
    "format_count",
    "format_fraction",
    "format_interval",
    "judgement_lines",
    "observation_lines",
    "scheme_table",
    "witness_sentence",
]

FAILED: Final = ("query-error",)
GAPS: Final = ("partial-response", "silent-gap")

CAPTION: Final = "gaps: data is missing, with or without a warning; below: 95 % interval"

_STYLES: Final[Mapping[Verdict, str]] = MappingProxyType(
    {
        Verdict.VALID: "green",
        Verdict.INVALID: "bold red",
        Verdict.UNKNOWN: "yellow",
    }
)
_VERDICT_WIDTH: Final = 8
_US_PER_DAY: Final = 86_400 * US_PER_S
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def format_fraction(fraction: float) -> str:
    """Three significant digits: as per cent from 0.1 %, below in powers of ten; nan as a dash."""
    if math.isnan(fraction):
        return "–"
    if fraction == 0:
        return "0"
    if fraction < 0.001:
        return f"{fraction:.2e}".replace("e-0", "e-")
    percent = fraction * 100
    return f"{percent:.3g} %" if percent < 99.95 or fraction == 1 else f"{percent:.8g} %"


def format_interval(interval: Interval) -> str:
    """Bounds in the unit of the fraction: "0.287 – 0.315 %"; "< 1.2e-7" if nothing was seen."""
    if math.isnan(interval.fraction):
        return "not measured"
    if interval.fraction == 0:
        return f"< {format_fraction(interval.high)}"
    low, high = format_fraction(interval.low), format_fraction(interval.high)
    if low.endswith(" %") and high.endswith(" %"):
        low = low.removesuffix(" %")
    return f"{low} – {high}"


def format_count(number: float) -> str:
    """At most four digits and a unit: 950, 1.25k, 17.9M."""
    if math.isnan(number):
        return "–"
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= 0.9995 * size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}"


def format_bytes_short(amount: float) -> str:
    """Three significant digits in binary units: "12.3 GiB"."""
    for unit in _UNITS:
        if amount < 999.5 or unit == _UNITS[-1]:
            return f"{amount:.3g} {unit}"
        amount /= 1024
    raise AssertionError("the last unit takes every amount")


def scheme_table(result: Result) -> "Table":
    """Build the table of schemes: how often queries fail, and what waiting costs.

    Garbage is the mean amount of retired data still stored, requests are those of producers,
    compactor and gateways per simulated day, both over all trials.
    """
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, pad_edge=False, show_edge=False)
    table.add_column("scheme", overflow="fold", max_width=24)
    for title in ("failed", "gaps"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("garbage", justify="right", no_wrap=True)
    table.add_column("requests", justify="right", no_wrap=True)
    span_us = result.scenario.horizon_us - result.scenario.warmup_us
    for scheme in result.schemes:
        trials = max(1, len(scheme.trials))
        garbage = math.fsum(trial.garbage_byte_seconds for trial in scheme.trials)
        counts = total_counts([trial.counts for trial in scheme.trials])
        requests = counts.get("requests", {})
        per_day = sum(requests.values()) / trials * (_US_PER_DAY / span_us)
        table.add_row(
            _text(scheme.name),
            _cell(estimate(scheme, FAILED)),
            _cell(estimate(scheme, GAPS)),
            format_bytes_short(garbage / trials * (US_PER_S / span_us)),
            f"{format_count(per_day)}/d",
        )
    return table


def judgement_lines(judgements: Iterable[Judgement]) -> "list[Text]":
    """One line per rule, and one more per witness."""
    from rich.text import Text

    lines = []
    for judgement in judgements:
        line = Text()
        line.append(f"{judgement.verdict:<{_VERDICT_WIDTH}}", style=_STYLES[judgement.verdict])
        line.append(f"{judgement.scheme}: {judgement.rule}")
        lines.append(line)
        if judgement.witness is not None and judgement.verdict is not Verdict.UNKNOWN:
            sentence = witness_sentence(judgement.witness)
            lines.append(Text(" " * _VERDICT_WIDTH + sentence, "dim"))
    return lines


def witness_sentence(witness: dict[str, Any]) -> str:
    """Say in words what a witness shows."""
    parts = []
    if "fraction" in witness:
        low, high = format_fraction(witness["low"]), format_fraction(witness["high"])
        parts.append(f"{format_fraction(witness['fraction'])} ({low} – {high})")
    if "total" in witness:
        parts.append(f"{format_count(witness['total'])} in all")
    if "trial" in witness:
        parts.append(f"trial {witness['trial']} (seed {witness['seed']})")
    if "count" in witness:
        count = witness["count"]
        parts.append("once" if count == 1 else f"{format_count(count)} times")
    if witness.get("query"):
        parts.append(f"query {witness['query']}")
    if witness.get("at_us") is not None:
        at_us, until_us = witness["at_us"], witness["until_us"]
        lasts = format_duration(_rounded(until_us - at_us))
        parts.append(f"from {format_duration(_rounded(at_us))} for {lasts}")
    if "block" in witness:
        block = block_name(str(witness["block"]))
        parts.append(f"gateway {witness['gateway']} reads the block of {block}")
    return ", ".join(parts)


def _rounded(span_us: int) -> int:
    """Round a span to the seconds, or a short one to the milliseconds, that it is made of."""
    for unit_us in (US_PER_S, US_PER_S // 1000):
        if span_us > 10 * unit_us:
            return round(span_us / unit_us) * unit_us
    return span_us


def observation_lines(schemes: Sequence[SchemeResult]) -> list[str]:
    """One line per scheme of which the table does not say all; none if all is well."""
    lines = []
    for scheme in schemes:
        counts = total_counts([trial.counts for trial in scheme.trials])
        seen = [f"{format_count(counts[o])} {o}" for o in OBSERVATIONS if counts.get(o)]
        for outcome in ("duplicated", "warned"):
            found = estimate(scheme, (outcome,))
            if found.expected:
                seen.append(f"{format_fraction(found.interval.fraction)} {outcome}")
        if seen:
            lines.append(f"{scheme.name}: {', '.join(seen)}")
    return lines


def _cell(found: Estimate) -> "Text":
    from rich.text import Text

    text = Text(format_fraction(found.interval.fraction))
    text.append(f"\n{format_interval(found.interval)}", style="dim")
    return text


def _text(content: str) -> "Text":
    """Text that is no markup, whatever brackets it holds."""
    from rich.text import Text

    return Text(content)
