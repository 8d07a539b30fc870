"""The page: one HTML file that says everything about a run or a sweep, without a network.

Equal inputs give equal bytes: no time of day, no host, no path, no number of workers. Whatever a
scenario brings is escaped by the templates; nothing here marks a text as HTML but figures.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sim import __version__
from sim.analysis.costs import knows_requests
from sim.analysis.expect import Judgement, Verdict
from sim.analysis.results import Result
from sim.analysis.rules.safety import Rule, rules
from sim.analysis.sweep import Sweep
from sim.errors import printable
from sim.report.answers import run_answer, sweep_answer
from sim.report.formats import UNKNOWN
from sim.report.lint import rule_words
from sim.report.sentences import sentence
from sim.report.sliders import explored, position_now
from sim.report.stories import longest_story, story_moments, story_title
from sim.report.svg import inlined
from sim.report.sweepdocument import sweep_document
from sim.report.sweeptable import sweep_caption, sweep_tables, untried_lines
from sim.report.tables import (
    SchemeTable,
    caption,
    exposure_lines,
    observation_lines,
    scheme_table,
    warning_lines,
)
from sim.scenario.dump import to_toml
from sim.scenario.origins import from_profile

if TYPE_CHECKING:
    pass

__all__ = ["PAGE_BYTES_MAX", "run_page", "sweep_page", "tables_html"]

PAGE_BYTES_MAX: Final = 1_000_000
"""What a page may have; figures that do not fit are named instead, the largest first."""

_ROWS_MAX: Final = 150

_CAPTIONS: Final[Mapping[str, str]] = {
    "outcomes": "How often queries end badly, scheme by scheme, with 95 % intervals.",
    "costs": "What each scheme keeps stored, and how many requests it causes.",
    "day": "One day of a stream: its blocks from commit to deletion, syncs, and failing queries.",
    "deletion": "The deletion that a reader outlasted for longest, told below as well.",
    "windows": "For how long a gateway still answered from blocks that were gone.",
    "headline": "Failing queries, garbage and requests against the key on the axis; "
    "dashed lines, if any, are where the rules begin to prove that no read fails.",
    "failures": "Failing queries of every scheme against the first key that was varied.",
    "map": "Failing queries over two keys, and where the rules begin to hold.",
    "prices": "Failing queries against what they cost.",
}


@dataclass(frozen=True, slots=True)
class _Figure:
    name: str
    caption: str
    svg: Markup | None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sim.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_plain,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": True}
    return environment


def _plain(value: Any) -> Any:
    """A text, line by line without what a screen would obey; HTML stays as it is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "\n".join(map(printable, value.split("\n")))


def run_page(
    result: Result,
    judgements: Sequence[Judgement],
    figures: Mapping[str, bytes],
    *,
    again: str,
    delays: Sweep | None = None,
) -> str:
    """Write the page of a run.

    Parameters
    ----------
    result : Result
    judgements : sequence of Judgement
    figures : Mapping
        SVG files of :func:`sim.report.bundle.figures` by name.
    again : str
        The line that repeats the run; empty if there is none.
    delays : Sweep or None
        One scheme at other delete delays, for a slider; its headline is among the figures.
    """
    answer = run_answer(result)
    return _rendered(
        "run.html.j2",
        figures,
        answer,
        title=result.scenario.name,
        question=result.scenario.summary or "How often does a query fail, and what does it cost?",
        table=scheme_table(result),
        caption=caption(result),
        notes=[
            *(line.plain for line in warning_lines(result)),
            *exposure_lines(result.schemes),
            *observation_lines(result.schemes),
        ],
        verdicts=[_verdict(judgement) for judgement in judgements],
        stories=list(_stories(result)),
        rules=[(s.name, _rule_rows(rules(result.scenario, s.index))) for s in result.schemes],
        explored=None if delays is None else explored(delays, start=position_now(delays, result)),
        delays=[] if delays is None else _tables(delays),
        **_provenance(result, result.digest, again),
    )


def sweep_page(sweep: Sweep, figures: Mapping[str, bytes], *, again: str) -> str:
    """Write the page of a sweep, with a slider for each knob.

    Parameters
    ----------
    sweep : Sweep
    figures : Mapping
        SVG files by name: the headline, and those of :func:`sim.report.bundle.sweep_figures`.
    again : str
        The line that repeats the sweep; empty if there is none.
    """
    answer = sweep_answer(sweep)
    first = sweep.cells[0].result
    return _rendered(
        "sweep.html.j2",
        figures,
        answer,
        title=sweep.name,
        question=first.scenario.summary or "How often does a query fail, and what does it cost?",
        tables=_tables(sweep),
        caption=sweep_caption(sweep),
        notes=[*untried_lines(sweep), *_unknown(sweep)],
        explored=explored(sweep),
        **_provenance(first, str(sweep_document(sweep)["digest"]), again),
    )


def tables_html(tables: Iterable[tuple[str, SchemeTable]], caption: str) -> str:
    """Write tables, each with its title, and what their columns are, as a notebook shows them."""
    template = _environment().get_template("tables.html.j2")
    return template.render(tables=list(tables), caption=caption)


def _rendered(name: str, figures: Mapping[str, bytes], answer: str, **content: Any) -> str:
    """Fill a template; without its largest figures, if it would be too large with them."""
    template = _environment().get_template(name)
    shown = dict(figures)
    while True:
        parts = {
            figure: _Figure(
                figure,
                _CAPTIONS[figure],
                inlined(
                    shown[figure],
                    figure,
                    title=_CAPTIONS[figure],
                    description=_plain(answer),
                )
                if figure in shown
                else None,
            )
            for figure in figures
        }
        text = template.render(figures=parts, answer=answer, version=__version__, **content)
        if len(text.encode()) <= PAGE_BYTES_MAX or not shown:
            return text
        del shown[max(shown, key=lambda figure: len(shown[figure]))]


def _provenance(result: Result, digest: str, again: str) -> dict[str, Any]:
    scenario = result.scenario
    return {
        "store": scenario.store.profile,
        "source": scenario.source,
        "provenance": from_profile(scenario),
        "scenario": to_toml(scenario),
        "seed": scenario.seed,
        "trials": scenario.trials,
        "digest": digest,
        "again": again,
    }


def _verdict(judgement: Judgement) -> dict[str, str]:
    is_shown = judgement.witness is not None and judgement.verdict is not Verdict.UNKNOWN
    return {
        "verdict": str(judgement.verdict),
        "claim": f"{judgement.scheme}: {judgement.rule}",
        "reason": judgement.reason,
        "witness": sentence(judgement.witness) if is_shown and judgement.witness else "",
    }


def _stories(result: Result) -> Iterator[dict[str, Any]]:
    for scheme in result.schemes:
        story = longest_story(scheme)
        if story is not None:
            moments = list(story_moments(story))
            yield {"scheme": scheme.name, "title": story_title(story), "moments": moments}


def _rule_rows(found: Sequence[Rule]) -> list[dict[str, str]]:
    return [
        {
            "name": rule.name,
            "status": str(rule.status) if rule.is_met else "not needed",
            "words": rule_words(rule),
            "protects": rule.protects,
        }
        for rule in found
    ]


def _unknown(sweep: Sweep) -> list[str]:
    """Say that requests are missing, if so."""
    schemes = [scheme for cell in sweep.cells for scheme in cell.result.schemes]
    if all(map(knows_requests, schemes)):
        return []
    return [
        f"{UNKNOWN} in a column of requests: this setting was read off the run of another delay, "
        "and only one of its own tells what readers then ask for."
    ]


def _tables(sweep: Sweep) -> list[dict[str, Any]]:
    return [_limited(title, table) for title, table in sweep_tables(sweep)]


def _limited(title: str, table: SchemeTable) -> dict[str, Any]:
    """A table without what would make the page too long, and how many rows that are."""
    kept = SchemeTable(
        heading=table.heading,
        titles=table.titles,
        names=table.names[:_ROWS_MAX],
        rows=table.rows[:_ROWS_MAX],
    )
    return {"title": title, "table": kept, "more": max(0, len(table.rows) - _ROWS_MAX)}
