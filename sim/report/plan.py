"""What a run would be, as lines and as data: what it takes, and every value with its origin."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from sim.analysis.effort.estimate import Effort, busy_share, sweep_share
from sim.core.objects import RESOLUTIONS
from sim.core.units import NEVER, US_PER_S
from sim.errors import printable
from sim.report.formats import format_bytes_short, format_count, format_span
from sim.scenario.complaints.text import format_path
from sim.scenario.dump import inline
from sim.scenario.origins import Origin, ResolvedValue
from sim.scenario.overrides import place_of

if TYPE_CHECKING:
    from sim.scenario.language.sources import Sourced
    from sim.scenario.schema import Scenario

__all__ = [
    "Plan",
    "busy_line",
    "effort_line",
    "headline",
    "plan_document",
    "plan_lines",
    "rival_lines",
    "sweep_line",
]

_WIDTH_MAX: Final = 60
_SCREEN: Final = 80
_BUSY: Final = 0.8
"""Share of the time for which a compactor may well be busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would run.

    Attributes
    ----------
    scenario : Scenario
    schemes : tuple of int
        Ordinals of the schemes that would run.
    mode : str
    workers : int
        Number of processes.
    effort : Effort
        Of those schemes.
    values : tuple of ResolvedValue
    """

    scenario: "Scenario"
    schemes: tuple[int, ...]
    mode: str
    workers: int
    effort: Effort
    values: tuple[ResolvedValue, ...]

    @property
    def wall_s(self) -> float:
        """Estimated time until it ends, in seconds."""
        return self.effort.cpu_s / min(self.workers, self.runs)

    @property
    def runs(self) -> int:
        """Number of simulated worlds: schemes times trials."""
        return len(self.schemes) * self.scenario.trials


def headline(scenario: "Scenario", place: str) -> str:
    """Say what a scenario at a place would run."""
    span_s = (scenario.horizon_us - scenario.warmup_us) / US_PER_S
    queries = scenario.trials * span_s * sum(query.rate_per_s for query in scenario.queries)
    return (
        f"{printable(place)}: {scenario.name}: {_number(len(scenario.schemes), 'scheme')} x "
        f"{_number(scenario.trials, 'trial')} of {format_span(scenario.horizon_us)}, "
        f"seed {scenario.seed}, {format_count(queries)} queries a scheme, "
        f"digest {scenario.digest}"
    )


def effort_line(effort: Effort) -> str:
    """Say what a run takes, about."""
    return (
        f"  about {format_count(effort.records)} records and "
        f"{format_bytes_short(effort.memory_bytes)} a trial, "
        f"{format_count(effort.cpu_s)} s of one CPU in all"
    )


def busy_line(scenario: "Scenario") -> str:
    """Say that compactors have more to do than they can, and what is enough; empty if they do not.

    Enough is what keeps each of them busy for four fifths of the time.
    """
    share, shards = busy_share(scenario), scenario.compactor.n_shards
    if share <= 1.0:
        return ""
    enough = min(math.ceil(share * shards / _BUSY), scenario.producers.count)
    more = f"; compactor.count = {enough} is more" if enough > shards else ""
    return (
        f"  the compactor never catches up: it has work for {format_count(100.0 * share)} % of the "
        f"time{more}"
    )


def sweep_line(scenario: "Scenario", scheme_index: int) -> str:
    """Say that a limited rate of deletions leaves more and more; empty if it does not."""
    share, scheme = sweep_share(scenario, scheme_index), scenario.schemes[scheme_index]
    rate_per_s = scheme.composed.delete.rate_per_s
    if share <= 1.0 or rate_per_s is None:
        return ""
    left = (share - 1.0) * rate_per_s * scenario.horizon_us / US_PER_S
    return (
        f"deletions never catch up: {format_count(100.0 * share)} % of what delete.rate lets go "
        f"comes to be deleted, about {format_count(left)} objects are left at the end"
    )


def rival_lines(scenario: "Scenario", scheme_index: int) -> Iterator[str]:
    """Say what somebody else deletes by its age although it is to be kept, or still marked."""
    scheme = scenario.schemes[scheme_index].composed
    spares_us, delay_us = scheme.others.spares_us, scheme.delete_delay_us
    if scheme.record.kind == "mark" and scheme.others.mark_age_us < delay_us:
        mark = f"whose mark is older than {format_span(scheme.others.mark_age_us)}"
        who = f"beside = {scheme.others.kind}"
        yield f"what is kept for {_delay(delay_us)}, and {mark}, goes ({who})"
    if spares_us >= scenario.horizon_us:
        return
    goes = f"what is older than {format_span(spares_us)} goes (beside = {scheme.others.kind})"
    n_made = len(RESOLUTIONS) if scenario.compactor.downsampling else 1
    kept = zip(RESOLUTIONS[:n_made], scenario.compactor.retention_us, strict=False)
    for resolution, kept_us in kept:
        if not kept_us:
            yield f"{goes}, and {resolution} data is to be kept for ever (compactor.retention)"
        elif spares_us < kept_us:
            yield f"{goes}, and {resolution} data is to be kept for {format_span(kept_us)}"
        elif spares_us < kept_us + delay_us < NEVER:
            waits = f"{format_span(kept_us)}, then marked for {format_span(delay_us)}"
            yield f"{goes}, and {resolution} data is kept for {waits}"


def _delay(delay_us: int) -> str:
    return "ever" if delay_us >= NEVER else format_span(delay_us)


def plan_lines(plan: Plan, place: str) -> Iterator[str]:
    """Say what would run, what it takes, and where every value comes from."""
    yield headline(plan.scenario, place)
    yield effort_line(plan.effort)
    if line := busy_line(plan.scenario):
        yield line
    for index in plan.schemes:
        swept = (sweep_line(plan.scenario, index), *rival_lines(plan.scenario, index))
        for line in filter(None, swept):
            yield f"  {printable(plan.scenario.schemes[index].name)}: {line}"
    needed = format_bytes_short(plan.effort.total_bytes(plan.workers))
    yield (
        f"  {_number(plan.runs, 'run')} in {_number(plan.workers, 'process')}: about "
        f"{format_span(plan.wall_s * US_PER_S)}, {needed} of memory"
    )
    for index in plan.schemes:
        scheme = plan.scenario.schemes[index]
        first, last = plan.scenario.seed, plan.scenario.seed + plan.scenario.trials - 1
        seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
        yield f"  {printable(scheme.name)}: {_number(plan.scenario.trials, 'trial')}, {seeds}"
    yield ""
    yield from _value_lines(plan)


def _value_lines(plan: Plan) -> Iterator[str]:
    """Give every value, and below those that have one their source, once for each of its rows."""
    sources, told = plan.scenario.sources or {}, set[str]()
    values = [value for value in plan.values if value.path[0] != "sources"]
    texts = [f"{format_path(v.path)} = {printable(inline(v.value))}" for v in values]
    width = max((len(text) for text in texts if len(text) <= _WIDTH_MAX), default=0)
    for text, value in zip(texts, values, strict=True):
        yield f"  {text:<{width}}  # {_origin(value, plan.scenario)}"
        row = value.sourced_by
        if row is not None and row not in told:
            told.add(row)
            is_own = place_of(plan.scenario.raw(), row) == value.path
            yield from _source_lines(sources[row], "" if is_own else f"all of {row}: ")
    for fact, source in sources.items():
        if fact.startswith("("):
            yield ""
            yield f"  not simulated: {printable(fact[1:-1])}"
            yield from _source_lines(source, "")


def _source_lines(source: "Sourced", prefix: str) -> Iterator[str]:
    """Say how a value is known, and by whom, in lines of a screen."""
    said = ", ".join(part for part in (source.source, source.version) if part)
    texts = (f"{prefix}{source.label}{': ' if said else ''}{said}", source.note or "")
    for text in filter(None, texts):
        yield from textwrap.wrap(
            printable(text),
            _SCREEN,
            initial_indent="    # ",
            subsequent_indent="    #   ",
            break_on_hyphens=False,
        )


def _origin(value: ResolvedValue, scenario: "Scenario") -> str:
    match value.origin:
        case Origin.FILE:
            return "file" if value.line is None else f"file, line {value.line}"
        case Origin.PROFILE:
            label = "" if value.provenance is None else f": {value.provenance.label}"
            return f"profile {scenario.store.profile}{label}"
        case _:
            return str(value.origin)


def plan_document(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    """Give plans as plain data, one table each."""
    return [
        {
            "scenario": plan.scenario.name,
            "scenario_digest": plan.scenario.digest,
            "seed": plan.scenario.seed,
            "trials": plan.scenario.trials,
            "mode": plan.mode,
            "schemes": [plan.scenario.schemes[index].name for index in plan.schemes],
            "runs": plan.runs,
            "effort": asdict(plan.effort),
            "values": [
                {
                    "key": format_path(value.path),
                    "value": value.value,
                    "origin": str(value.origin),
                    "line": value.line,
                    "provenance": None if value.provenance is None else asdict(value.provenance),
                    "source": _source_data(plan.scenario, value.sourced_by),
                }
                for value in plan.values
            ],
        }
        for plan in plans
    ]


def _source_data(scenario: "Scenario", row: str | None) -> dict[str, Any] | None:
    """A row of ``[sources]``, with the key that it is of."""
    if row is None or scenario.sources is None:
        return None
    return {"key": row, **scenario.sources[row].model_dump()}


def _number(count: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"1 {what}" if count == 1 else f"{count} {plural}"
