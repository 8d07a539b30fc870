"""The report ``systems``: a page for each that is shipped, made of its file alone."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.pages import data, page, span, table
from reports.references import HEADS, WHAT_DANGLES, compared, lost, references, share_of_lost
from sim.analysis.advice import parse_objective
from sim.analysis.costs import garbage_bytes
from sim.analysis.expect import Judgement, judge
from sim.analysis.results import Result, SchemeResult, estimate
from sim.analysis.rules.safety import rules
from sim.core.units import US_PER_S, format_duration
from sim.report.advice import advice_lines, answer
from sim.report.formats import UNKNOWN, format_bytes_short, format_fraction, format_interval
from sim.report.lint import needs_words
from sim.scenario.language.sources import places_of
from sim.scenario.load import load
from sim.scenario.systems import System, system_paths, systems
from sim.study.advise import advise
from sim.study.executors import run_jobs
from sim.study.run import run_scenario

if TYPE_CHECKING:
    from sim.analysis.rules.rule import Rule
    from sim.scenario.schema import Scenario

__all__ = ["files", "linked"]

_SHOWN: Final = ("query-error", "silent-gap")
_ADVICE_TRIALS: Final = 1
_FOLDER: Final = "../../sim/presets/systems"
# What protects readers; the other rules are about compactor and producers.
_READERS: Final = ("R1", "R2", "R3")
# A longer value is a table that says more in the file.
_LONGEST: Final = 80
_THREAD: Final = re.compile(r"\b(?P<repository>[\w-]+/[\w.-]+)(?P<sort>#| PR )(?P<number>\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A system, run, judged and advised."""

    system: System
    result: Result
    judgements: tuple[Judgement, ...]
    advice: tuple[str, ...]

    @property
    def own(self) -> SchemeResult:
        """What came of its own delays."""
        return self.result.schemes[0]

    @property
    def has_readers(self) -> bool:
        """Whether anything is said of its queries."""
        return _has_readers(self.result.scenario)

    @property
    def others(self) -> tuple[SchemeResult, ...]:
        """What came of those of incidents and limits."""
        return self.result.schemes[1:]


def files() -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the report."""
    shipped = tuple(systems().values())
    jobs = [(system,) for system in shipped]
    found = run_jobs(_found, jobs, count=len(jobs), workers=None)
    for one in found:
        yield f"{one.system.name}.md", page(f"# {one.system.name}", *_parts(one))
    yield "systems.csv", data([row for one in found for row in _rows(one)])
    yield "README.md", page("# Systems on their own delays", *_overview(found))


def _found(job: tuple[System]) -> _Found:
    (system,) = job
    scenario = load(system_paths()[system.name])
    result = run_scenario(scenario, workers=1)
    return _Found(
        system=system, result=result, judgements=judge(result), advice=tuple(_advice(result))
    )


def _advice(result: Result) -> Iterator[str]:
    """What to set, or what shorter delays than its own do."""
    scenario = result.scenario
    scheme = scenario.schemes[0]
    few = scenario.model_copy(update={"trials": min(scenario.trials, _ADVICE_TRIALS)})
    if scheme.kind == "deletion-mark":
        goal = parse_objective("query-error=0", [query.name for query in few.queries])
        advice = advise(few, [goal], scheme_index=0)
        yield f"`sim advise` says: {answer(advice)}"
        yield "\n".join(f"- {line}" for line in advice_lines(advice))
        return
    if scenario.referrers or not _is_by_delay(scenario):
        quiet = [s.name for s in result.schemes if not estimate(s, _SHOWN).interval.fraction]
        what = "had no failing query"
        if scenario.referrers:
            quiet = [s.name for s in result.schemes if s.name in quiet and not lost(s)]
            is_both = _has_readers(scenario)
            what = f"{what} and lost no reference" if is_both else "lost no reference"
        yield (
            "No delay since a block was retired decides here alone. Of the settings above these "
            f"{what}: {', '.join(quiet) or 'none'}."
        )
        return
    asked = [rule for rule in rules(scenario, 0) if rule.name in ("R1", "R2") and rule.is_met]
    key, needed_us = scheme.delete_key, max((r.required_us for r in asked), default=0.0)
    if key is None or not math.isfinite(needed_us) or needed_us == 0:
        yield "It has no delay that the rules say anything about."
        return
    shortest = math.ceil(needed_us / US_PER_S) * US_PER_S
    lines = []
    for delay_us in (shortest, shortest // 4):
        changed = few.model_copy(update={"schemes": (scheme.with_delay(key, delay_us),)})
        (tried,) = run_scenario(changed, workers=1).schemes
        lines.append(
            f"- {key} {format_duration(delay_us)}: {_share(tried, 'query-error')} query-error, "
            f"{format_bytes_short(garbage_bytes(changed, tried))} of garbage"
        )
    yield (
        f"For reads the terms of {' and '.join(rule.name for rule in asked)} add up to "
        f"{span(needed_us)}. A trial with that delay, and with a quarter of it:"
    )
    yield "\n".join(lines)


def _has_readers(scenario: "Scenario") -> bool:
    named = {name for one in scenario.expect.values() for name in (*one.never, *one.sometimes)}
    return not named.isdisjoint(_SHOWN)


def _overview(found: list[_Found]) -> Iterator[str]:
    yield (
        f"{len(found)} systems, each a small scenario of its documented defaults "
        "(`sim presets NAME`), and what becomes of them when delays are as in an incident, or at "
        "a limit that is documented. Fractions are of queries in a small world, and say what can "
        "happen, not how often it does in a real installation."
    )
    yield table(
        ("system", "least slack", *_SHOWN, "incident or limit", *_SHOWN),
        [cells for one in found if one.has_readers for cells in _overview_cells(one)],
    )
    rows = [
        (f"[{one.system.name}]({one.system.name}.md)", *compared(one.own, other))
        for one in found
        if one.result.scenario.referrers
        for other in one.others
    ]
    if rows:
        yield WHAT_DANGLES
        yield table(HEADS, rows)
    yield (
        "*Least slack* is what the own delays have beyond what rules R1 to R3 add up to, less the "
        "age of an index where readers learn from one, and a dash where no delay decides but a "
        "count of commits, the age of an object or a lease; where something stands against a "
        "proof, the page of the system says what. *proven* is a zero by the rules, *< x* what so "
        "few trials bound. All numbers: [systems.csv](systems.csv). Adding one is a file in "
        f"[presets/systems]({_FOLDER}), with a source for each value."
    )


def _overview_cells(one: _Found) -> Iterator[tuple[str, ...]]:
    name = f"[{one.system.name}]({one.system.name}.md)"
    for other in one.others:
        own = (_least_slack(one), *(_share(one.own, outcome) for outcome in _SHOWN))
        yield (name, *own, other.name, *(_share(other, outcome) for outcome in _SHOWN))


def _least_slack(one: _Found) -> str:
    """Of the rules that protect its readers, the one that is nearest to breaking."""
    scenario = one.result.scenario
    if not _is_by_delay(scenario):
        return UNKNOWN
    met = [rule for rule in rules(scenario, 0) if rule.is_met and rule.name in _READERS]
    left = [(rule.slack_us - _index_age_us(one) * (rule.name == "R3"), rule.name) for rule in met]
    slack_us, name = min(left, default=(math.inf, ""))
    return f"{_signed(slack_us)} ({name})" if name else UNKNOWN


def _is_by_delay(scenario: "Scenario") -> bool:
    """Whether a delay since the retirement of a block decides alone when it goes."""
    parts = scenario.schemes[0].composed.primitives
    counts = getattr(parts["delete"], "counted_from", "")
    return (parts["delete"].kind, counts, parts["hold"].kind) == ("after", "record", "nothing")


def _index_age_us(one: _Found) -> int:
    """How old an index gets that readers learn from, where they do not list."""
    scenario = one.result.scenario
    learns = scenario.schemes[0].composed.primitives["learn"].kind
    return scenario.cleanup(0).every_us if learns == "bucket-index" else 0


def _parts(one: _Found) -> Iterator[str]:
    """The page of a system, paragraph by paragraph."""
    scenario, name = one.result.scenario, one.system.name
    yield one.system.summary
    yield f"Source: {linked(one.system.source)}. Scenario: [{name}.toml]({_FOLDER}/{name}.toml)."
    yield "## Its own delays"
    yield _shares(one, one.own)
    yield _verdicts(one, one.own.name)
    if one.has_readers:
        yield table(
            ("rule", "status", "required", "configured", "slack", "compared"),
            [_rule_cells(rule) for rule in rules(scenario, 0) if rule.is_met],
        )
    if index_us := _index_age_us(one):
        yield (
            f"Readers learn from an index that is written every {span(index_us)}, which the rules "
            "do not count: where R3 holds by less, a source may be hidden before what replaces it "
            "shows."
        )
    for scheme in one.others:
        yield f"## {scheme.name}"
        yield from _told(one, scheme)
        yield _shares(one, scheme)
        yield _verdicts(one, scheme.name)
    yield "## What to set"
    yield from one.advice
    yield "## Where its values are from"
    yield table(
        ("key", "value", "known", "source", "note"),
        [
            (
                f"`{row.key}`",
                row.value if len(row.value) <= _LONGEST else "…",
                row.label,
                linked(row.source),
                linked(row.note),
            )
            for row in one.system.rows
        ],
    )
    yield f"Again: `sim init --from {name}`, then `sim run {name}.toml`."


def _told(one: _Found, scheme: SchemeResult) -> Iterator[str]:
    """What the file says of the scheme of an incident."""
    scenario = one.result.scenario
    places = places_of(scenario.raw(), scenario.sources or {})
    for row in one.system.rows:
        if places.get(row.key) == ("schemes", scheme.index):
            yield f"{': '.join(linked(text) for text in (row.source, row.note) if text)}."


def _shares(one: _Found, scheme: SchemeResult) -> str:
    """What came of one way to delete."""
    scenario = one.result.scenario
    cells = [("delays", scheme.name)]
    if one.has_readers:
        cells += [(outcome, _share(scheme, outcome)) for outcome in _SHOWN]
    if scenario.referrers:
        cells.append(("dangling references", references(scheme)))
    cells.append(("garbage", format_bytes_short(garbage_bytes(scenario, scheme))))
    return table([head for head, _ in cells], [[cell for _, cell in cells]])


def _share(scheme: SchemeResult, outcome: str) -> str:
    interval = estimate(scheme, (outcome,)).interval
    return f"{format_fraction(interval.fraction)} ({format_interval(interval)})"


def _verdicts(one: _Found, scheme: str) -> str:
    own = [judgement for judgement in one.judgements if judgement.scheme == scheme]
    return "\n".join(
        f"- *{j.verdict}*: {j.rule}" + (f": {j.reason}" if j.reason else "") for j in own
    )


def _rule_cells(rule: "Rule") -> tuple[str, ...]:
    status = "; ".join([str(rule.status), *(rule.troubles if str(rule.status) == "open" else ())])
    required, configured = span(rule.required_us), span(rule.configured_us)
    cells = (rule.name, status, required, configured, _signed(rule.slack_us), needs_words(rule))
    return tuple(cell or UNKNOWN for cell in cells)


def _signed(span_us: float) -> str:
    return f"-{span(-span_us)}" if span_us < 0 and math.isfinite(span_us) else span(span_us)


def _rows(one: _Found) -> Iterator[dict[str, object]]:
    is_of_writers = one.result.scenario.referrers is not None
    for scheme in one.result.schemes:
        intervals = {outcome: estimate(scheme, (outcome,)).interval for outcome in _SHOWN}
        if is_of_writers:
            intervals["dangling-reference"] = share_of_lost(scheme)
        for outcome, interval in intervals.items():
            yield {
                "system": one.system.name,
                "scheme": scheme.name,
                "outcome": outcome,
                "fraction": interval.fraction,
                "low": interval.low,
                "high": interval.high,
                "method": interval.method,
                "trials": len(scheme.trials),
                "garbage_bytes": round(garbage_bytes(one.result.scenario, scheme)),
            }


def linked(source: str) -> str:
    """A source in which issues and pull requests with their repository are links."""

    def link(found: re.Match[str]) -> str:
        sort = "issues" if found["sort"] == "#" else "pull"
        return f"[{found[0]}](https://github.com/{found['repository']}/{sort}/{found['number']})"

    return _THREAD.sub(link, source)
