"""The report ``incidents-2018-2020``: what people met and asked, simulated, told, and mended."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reports.pages import ROOT, code, data, page, span, table
from sim.analysis.costs import garbage_bytes
from sim.analysis.evidence.tale import Explained
from sim.analysis.expect import Judgement, judge
from sim.analysis.results import estimate
from sim.analysis.rules.safety import safe_delay_us
from sim.report.formats import format_bytes_short, format_fraction, format_interval
from sim.report.style import to_svg
from sim.report.tale import explained_lines
from sim.report.timeline import tale_figure
from sim.scenario.load import load
from sim.study.explain import explain
from sim.study.run import run_scenario

if TYPE_CHECKING:
    from sim.analysis.results import Result

__all__ = ["ASKED", "files", "linked"]

# A question for each scenario that comes from an incident, in the order of what one learns.
ASKED: Final = {
    "thanos-2022": "Sources are deleted at once: how often does a query fail until the next sync?",
    "strong-is-not-enough": "Does a strongly consistent store make deletion at once safe?",
    "retention-race": "What about blocks that nothing replaces?",
    "mark-shorter-than-hide": "The delete delay is lowered, and the hide delay forgotten?",
    "long-queries": "Does the delay cover a query that began just before?",
    "lagging-store": "New keys are late in listings: what do readers see?",
    "half-uploaded-delay-off": "meta.json shows before the files it speaks of?",
    "half-uploaded-delay-on": "And if readers wait as long as files may be late?",
    "replicated-gateways-abort": "Do more replicas help, if one failure fails the query?",
    "replicated-gateways-warn": "And if failures become warnings?",
}
# Their lanes show what those of others show, with more gateways.
_NO_FIGURE: Final = ("replicated-gateways-abort", "replicated-gateways-warn")
_TRIALS_MAX: Final = 2
_SHOWN: Final = ("query-error", "partial-response", "silent-gap", "warned")
_LINKS: Final = (
    (r"thanos-io/thanos#(\d+)", "https://github.com/thanos-io/thanos/issues/{}"),
    (r"observatorium/operator PR (\d+)", "https://github.com/observatorium/operator/pull/{}"),
    (r"(?<![\w/])#(\d+)", "https://github.com/thanos-io/thanos/issues/{}"),
    (r"pull request (\d+)", "https://github.com/thanos-io/thanos/pull/{}"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incident:
    """One scenario, run, judged and told."""

    name: str
    result: "Result"
    judgements: tuple[Judgement, ...]
    told: Explained | None

    @property
    def figure(self) -> str | None:
        """Name of the figure of the tale, if it has one."""
        has_one = self.told is not None and self.name not in _NO_FIGURE
        return f"{self.name}.svg" if has_one else None


def files() -> Iterator[tuple[str, bytes]]:
    """Give the name and content of every file of the report."""
    incidents = [_incident(name) for name in ASKED]
    for incident in incidents:
        if incident.told is not None and incident.figure is not None:
            yield incident.figure, to_svg(tale_figure(incident.told.tale))
    yield "incidents.csv", data([row for incident in incidents for row in _rows(incident)])
    yield "README.md", page("# Incidents of 2018 to 2020, simulated", *_parts(incidents))


def _incident(name: str) -> _Incident:
    path = ROOT / "scenarios" / f"{name}.toml"
    trials = min(load(path).trials, _TRIALS_MAX)
    scenario = load(path, {"trials": trials})
    result = run_scenario(scenario, workers=None)
    found = explain(scenario, trials=[0, 1])
    told = found if isinstance(found, Explained) else None
    return _Incident(name=name, result=result, judgements=judge(result), told=told)


def _rows(incident: _Incident) -> Iterator[dict[str, object]]:
    for scheme in incident.result.schemes:
        for outcome in _SHOWN:
            interval = estimate(scheme, (outcome,)).interval
            yield {
                "scenario": incident.name,
                "scheme": scheme.name,
                "outcome": outcome,
                "fraction": interval.fraction,
                "low": interval.low,
                "high": interval.high,
                "method": interval.method,
                "trials": len(scheme.trials),
                "garbage_bytes": round(garbage_bytes(incident.result.scenario, scheme)),
            }


def _parts(incidents: list[_Incident]) -> Iterator[str]:
    """The page, paragraph by paragraph."""
    told = [incident for incident in incidents if incident.told is not None]
    yield (
        "Systems that delete blocks from object stores met these failures one by one, and each "
        "was argued over in a thread. Here each is a scenario: what the simulation says of it, "
        "the first query that failed as a story, and which change of a single setting would have "
        f"saved that query. {len(told)} of {len(incidents)} have a failure to tell."
    )
    yield table(
        ("incident", "question", "expectations of the file"),
        [(f"[{i.name}](#{i.name})", ASKED[i.name], _verdicts(i)) for i in incidents],
    )
    yield (
        f"Numbers are of the first {_TRIALS_MAX} trials of each file, so that the page is made "
        "anew in a minute; `sim run` takes all. In brackets stand 95 % intervals; *proven* "
        "is a zero by the rules, *ruled out* one that could have been no other at any phase of the "
        "readers. *Proven from* is the delete delay from which "
        "on rules prove that no read fails, a dash if none does; what a story ends with saves that "
        "one query, and seldom the next. As data: [incidents.csv](incidents.csv)."
    )
    for incident in incidents:
        yield from _section(incident)


def _verdicts(incident: _Incident) -> str:
    verdicts = [str(judgement.verdict) for judgement in incident.judgements]
    return ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))


def _section(incident: _Incident) -> Iterator[str]:
    scenario = incident.result.scenario
    yield f"## {incident.name}"
    yield f"**{ASKED[incident.name]}** {scenario.summary}"
    file = f"[{incident.name}.toml](../../scenarios/{incident.name}.toml)"
    yield f"Source: {linked(scenario.source)}. Scenario: {file}."
    seen = [o for o in _SHOWN if _is_seen(incident.result, o)] or ["query-error"]
    yield table(("scheme", *seen, "garbage", "proven from"), _cells(incident, seen))
    yield "\n".join(_verdict(judgement) for judgement in incident.judgements)
    if incident.told is None:
        yield "No query failed in the trials that were looked at, so there is no story to tell."
        return
    if incident.figure is not None:
        yield f"![The deletion that a query met, lane by lane]({incident.figure})"
    yield code(explained_lines(incident.told, columns=88))
    yield f"Again, with lanes: `sim explain scenarios/{incident.name}.toml`."


def _is_seen(result: "Result", outcome: str) -> bool:
    return any(estimate(scheme, (outcome,)).interval.fraction > 0 for scheme in result.schemes)


def _cells(incident: _Incident, outcomes: list[str]) -> Iterator[tuple[str, ...]]:
    for scheme in incident.result.schemes:
        found = [estimate(scheme, (outcome,)).interval for outcome in outcomes]
        fractions = (f"{format_fraction(i.fraction)} ({format_interval(i)})" for i in found)
        garbage = format_bytes_short(garbage_bytes(incident.result.scenario, scheme))
        proven = span(safe_delay_us(incident.result.scenario, scheme.index))
        yield (scheme.name, *fractions, garbage, proven)


def _verdict(judgement: Judgement) -> str:
    reason = f": {judgement.reason}" if judgement.reason else ""
    return f"- *{judgement.verdict}*: {judgement.scheme}, {judgement.rule}{reason}"


def linked(source: str) -> str:
    """A source in which threads are links."""
    pattern = re.compile("|".join(f"(?:{pattern})" for pattern, _ in _LINKS))

    def link(found: re.Match[str]) -> str:
        number = found.lastindex or 1
        return f"[{found[0]}]({_LINKS[number - 1][1].format(found[number])})"

    return pattern.sub(link, source)
