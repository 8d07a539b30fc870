"""The page: everything a run or a sweep says, escaped, in one file that needs no network."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest

from sim.analysis.costs import requests_per_day
from sim.analysis.evidence.exercised import Exercised
from sim.analysis.expect import judge
from sim.analysis.queries.outcomes import Bound
from sim.analysis.results import Result, collect, estimate
from sim.analysis.sweep import FAILING, Sweep
from sim.report import bundle
from sim.report.answers import failing_words, run_answer, sweep_answer
from sim.report.bundle import files, sweep_files
from sim.report.costtable import cost_cells
from sim.report.document import document
from sim.report.formats import format_fraction, format_interval
from sim.report.names import PAGE, mark_id
from sim.report.page import PAGE_BYTES_MAX, run_page, sweep_page
from sim.report.stories import longest_story, story_moments
from sim.report.svg import inlined
from sim.report.sweeptable import sweep_tables
from sim.report.tables import scheme_table
from sim.scenario.load import load
from sim.scenario.origins import from_profile
from sim.study.run import run_scenario
from tests.made_results import result, trial
from tests.short import SHORT
from tests.sweeps import made

NAME = "</script><img src=x onerror=alert(1)>&\"'{{7*7}}"
# What the name of a scheme may not have, a summary, a command line and a key may.
HOSTILE = f"{NAME}\u2028\x1b"
TINY = b'<svg viewBox="0 0 1 1"></svg>'
DELAY = "schemes.later.delete_delay=0s,10m,1h,48h"
SYNC = "gateways.sync_interval=1m,15m"
STEPS: tuple[float | Bound, ...] = (0.1, 0.001, Bound(clusters=1000, most=0.5), Bound(proof="R1"))
GRID = made(
    [DELAY, SYNC],
    {(x, y): STEPS[max(0, x - y)] for x in range(4) for y in range(2)},
    garbage={(x, y): 1e14 * x + y for x in range(4) for y in range(2)},
)
STEP = made(
    ["schemes.later.delete_delay=1h,2h", "schemes.later.ignore_deletion_marks_delay=5m,6m"],
    {(0, 0): 0.1, (1, 1): 0.0},
    together=True,
)
WORDS = made(["store.profile=strong,s3"], {(0,): 0.1, (1,): Bound(proof="R1")})
_VOID = {"meta", "input", "br", "img", "link"}


class Page(HTMLParser):
    """What a page is made of; refuses elements that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.references: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self.data: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for key, value in attrs:
            self.attributes.append((tag, key, value or ""))
            if key == "id":
                self.ids.append(value or "")
            is_named = key in ("href", "xlink:href", "for", "aria-labelledby")
            if is_named and not (value or "").startswith("data:"):
                self.references += [word.lstrip("#") for word in (value or "").split()]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.data.append(data)
        elif "style" not in self.open:
            self.texts.append(data)

    @property
    def words(self) -> str:
        """All that is shown, with single spaces."""
        return " ".join(" ".join(self.texts).split())


@cache
def _short() -> Result:
    return run_scenario(load(SHORT), workers=1)


@contextmanager
def _no_bitmaps() -> Iterator[None]:
    """Draw no figure that no page has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "to_png", lambda _: b"")
        yield


@cache
def _run_page() -> str:
    with _no_bitmaps():
        return dict(files(_short(), judge(_short()), again="sim run s.toml"))[PAGE].decode()


@cache
def _sweep_text(name: str) -> str:
    sweep = {"grid": GRID, "step": STEP, "words": WORDS}[name]
    with _no_bitmaps():
        return dict(sweep_files(sweep, again="sim sweep s.toml"))[PAGE].decode()


def _page(name: str) -> str:
    return _run_page() if name == "run" else _sweep_text(name)


@pytest.mark.parametrize("name", ["run", "grid", "step", "words"])
def test_a_page_is_html_of_one_file_without_a_network(name: str) -> None:
    text = _page(name)
    page = Page(text)
    assert len(text.encode()) < PAGE_BYTES_MAX
    assert text.startswith("<!DOCTYPE html>")
    assert [page.tags[tag] for tag in ("html", "head", "body", "main", "h1", "title")] == [
        1
    ] * 5 + [1 + page.tags["svg"]]
    assert page.tags["svg"] >= 1
    assert not page.tags["link"]
    assert [value for _, key, value in page.attributes if key == "src"] == []
    links = [value for _, key, value in page.attributes if key.endswith("href")]
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)


@pytest.mark.parametrize("name", ["run", "grid", "step", "words"])
def test_every_id_is_there_once_and_what_is_referred_to_is_there(name: str) -> None:
    text = _page(name)
    page = Page(text)
    assert [i for i, count in Counter(page.ids).items() if count > 1] == []
    named = set(page.references) | set(re.findall(r"url\(#([^)]+)\)", text))
    assert named <= set(page.ids)


def test_ids_of_two_figures_are_apart() -> None:
    svg = b'<?xml version="1.0"?><svg viewBox="0 0 1 1"><g id="a"/><use xlink:href="#a"/></svg>'
    one, two = (inlined(svg, name, title="<t>", description="d") for name in ("one", "two"))
    assert 'id="one-a"' in one
    assert 'href="#one-a"' in one
    assert "&lt;t&gt;" in one
    assert not set(Page(one).ids) & set(Page(two).ids)


@pytest.mark.parametrize("name", ["run", "grid", "step", "words"])
def test_figures_have_words_and_inputs_have_labels(name: str) -> None:
    page = Page(_page(name))
    roles = [value for tag, key, value in page.attributes if (tag, key) == ("svg", "role")]
    assert roles == ["img"] * page.tags["svg"]
    assert page.tags["desc"] == page.tags["svg"]
    labelled = {value for tag, key, value in page.attributes if (tag, key) == ("label", "for")}
    inputs = {value for tag, key, value in page.attributes if (tag, key) == ("input", "id")}
    assert inputs == labelled
    assert len(inputs) == {"run": 0, "grid": 2, "step": 1, "words": 1}[name]


def _hostile(sweep: bool) -> str:
    spelled = json.dumps(NAME)
    text = SHORT.replace('"at once"', spelled).replace('"short"', spelled)
    free = json.dumps(HOSTILE)
    text = text.replace("schema = 1\n", f"schema = 1\nsummary = {free}\nsource = {free}\n")
    text = text.replace('name = "day"', f"name = {spelled}")
    scenario = load(text)
    if not sweep:
        found = collect(scenario, "exact", _short().schemes[0].trials)
        trials = tuple(
            replace(t, story=t.story and replace(t.story, scheme=HOSTILE))
            for t in found.schemes[0].trials
        )
        found = replace(found, schemes=(replace(found.schemes[0], trials=trials),))
        return run_page(found, judge(found), {}, again=f"sim run {HOSTILE}")
    cells = tuple(
        replace(c, result=collect(scenario, "exact", c.result.schemes[0].trials))
        for c in GRID.cells
    )
    knobs = tuple(replace(k, path=HOSTILE + k.path) for k in GRID.knobs)
    hostile = replace(GRID, name=HOSTILE, cells=cells, knobs=knobs)
    return sweep_page(hostile, {"headline": TINY}, again=f"sim sweep {HOSTILE}")


@pytest.mark.parametrize("sweep", [False, True])
def test_names_are_text_wherever_they_stand(sweep: bool) -> None:
    text = _hostile(sweep)
    page = Page(text)
    assert page.tags["img"] == 0
    assert not any(key.startswith("on") for _, key, _ in page.attributes)
    assert page.tags["script"] == (2 if sweep else 0)
    assert "{{7*7}}" in text
    assert "\u2028" not in text
    assert "\x1b" not in text
    assert "</script><img src=x onerror=alert(1)>&" in page.words
    if sweep:
        (data, code) = page.data
        assert not re.search(r"[<>&\u2028]", data)
        assert json.loads(data)["schemes"][0]["name"].startswith("</script><img src=x")
        assert "img" not in code


@pytest.mark.parametrize("name", ["grid", "step"])
def test_equal_inputs_give_equal_pages(name: str) -> None:
    sweep = {"grid": GRID, "step": STEP}[name]
    assert dict(sweep_files(sweep, again="sim sweep s.toml"))[PAGE].decode() == _sweep_text(name)


def test_a_page_of_a_run_says_what_the_document_says() -> None:
    page = Page(_run_page())
    content = document(_short(), judge(_short()))
    assert content["digest"] in page.words
    assert "sim run s.toml" in page.words
    table = scheme_table(_short())
    for scheme, row, rules in zip(_short().schemes, table.rows, content["schemes"], strict=True):
        assert scheme.name in page.words
        assert all(part in page.words for cell in row for part in cell)
        assert all(f"{rule['rule']}" in page.words for rule in rules["rules"])
        story = longest_story(scheme)
        assert story is not None
        assert all(moment.words in page.words for moment in story_moments(story))
    assert run_answer(_short()) in page.words
    assert from_profile(_short().scenario)
    assert all(known.source in page.words for known in from_profile(_short().scenario))
    assert "kind" in page.words


def test_stories_are_told_in_the_order_of_time() -> None:
    story = longest_story(_short().schemes[0])
    assert story is not None
    words = [moment.words for moment in story_moments(story)]
    assert words.index("the compactor retires the block: compacted") < words.index(
        "its deletion begins"
    )
    assert any(word.endswith("query-error") for word in words)


def _cells(text: str) -> Any:
    return json.loads(Page(text).data[0])


@pytest.mark.parametrize(("name", "sweep"), [("grid", GRID), ("step", STEP), ("words", WORDS)])
def test_sliders_say_of_every_cell_what_the_sweep_says(name: str, sweep: Sweep) -> None:
    content = _cells(_sweep_text(name))
    for cell in sweep.cells:
        for scheme, own in zip(cell.result.schemes, content["schemes"], strict=True):
            row = own["rows"]["-".join(str(cell.setting[k]) for k in own["sliders"])]
            interval = estimate(scheme, FAILING).interval
            scenario = cell.result.scenario
            costs = [text for cell in cost_cells(scenario, scheme) for text in cell]
            numbers = [format_fraction(interval.fraction), format_interval(interval)]
            assert row[1:] == [*numbers, *costs]
            assert (format_fraction(interval.fraction) in row[0]) or interval.fraction == 0
    for slider in content["sliders"]:
        assert sorted(slider["order"]) == list(range(len(slider["texts"])))


def test_all_is_readable_without_a_script() -> None:
    text = _sweep_text("grid")
    page = Page(text)
    for title, table in sweep_tables(GRID):
        assert title in page.words
        for name, row in zip(table.names, table.rows, strict=True):
            assert name in page.words
            assert all(part in page.words for cell in row for part in cell)
    assert sweep_answer(GRID) in page.words
    assert re.search(r'<section id="explore"[^>]* hidden>', text)


def test_the_headline_has_the_mark_of_every_cell_that_the_knob_moves() -> None:
    ids = set(Page(_sweep_text("grid")).ids)
    for cell in GRID.cells:
        for kind in ("failing", "garbage", "requests"):
            assert f"headline-{mark_id(kind, 1, cell.setting)}" in ids


def test_the_answer_is_the_smallest_delay_from_which_on_nothing_fails() -> None:
    answer = sweep_answer(GRID)
    assert "from 1h on with gateways.sync_interval 1m, from 48h on with 15m" in answer
    assert answer.startswith("later: no query was seen to fail at a delete_delay")
    assert "at once" not in answer
    failing = made([DELAY], {(i,): 0.1 * (i + 1) for i in range(4)})
    assert "at no value tried" in sweep_answer(failing)
    assert sweep_answer(WORDS).startswith("at once: 25 % of the queries")


def test_a_zero_that_nothing_could_break_is_no_answer() -> None:
    found = result([0.0, 0.0], [0.0, 0.0])
    trials = [replace(t, exercised=Exercised(trials=1)) for s in found.schemes for t in s.trials]
    hollow = collect(found.scenario, "exact", trials)
    assert "which says nothing" in run_answer(hollow)
    assert "which says nothing" not in run_answer(found)
    # Only the longest delay is said to be calm, and there nothing was tried.
    *others, last = made([DELAY], {(i,): (0.1, 0.1, 0.1, 0.0)[i] for i in range(4)}).cells
    tried = Sweep(name="s", knobs=GRID.knobs[:1], is_together=False, cells=(*others, last))
    untried = replace(tried, cells=(*others, replace(last, result=hollow)))
    assert "from 48h on" in sweep_answer(tried)
    assert "at no value tried" in sweep_answer(untried)


def test_requests_that_are_unknown_are_no_zero() -> None:
    counts = {"lost-block": 0}
    found = collect(result([0.0], [0.0]).scenario, "exact", [trial(0, 0, counts=counts)])
    (scheme,) = found.schemes
    assert cost_cells(found.scenario, scheme)[1] == ("–", "")
    assert math.isnan(requests_per_day(found.scenario, scheme))
    known = result([0.0], [0.0])
    day = known.scenario.model_copy(update={"horizon_us": 86_400_000_000, "warmup_us": 0})
    assert cost_cells(day, known.schemes[0])[1] == ("0/d", "3/d")


def test_a_page_says_why_requests_are_missing() -> None:
    (first, *others) = GRID.cells
    bare = [replace(t, counts={}) for s in first.result.schemes for t in s.trials]
    cell = replace(first, result=collect(first.result.scenario, "exact", bare))
    text = sweep_page(replace(GRID, cells=(cell, *others)), {"headline": TINY}, again="")
    assert "was read off the run of another delay" in Page(text).words
    assert "was read off the run" not in _sweep_text("grid")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Bound(proof="R1"), "no query fails, as the rules prove"),
        (Bound(clusters=1000, most=0.0), "no query fails, ruled out"),
        (Bound(clusters=1000, most=0.5), "no query fails, as far as was seen (at most "),
        (0.001, "0.1 % of the queries get no complete answer"),
        (math.nan, "nothing was asked"),
    ],
)
def test_words_say_how_sure_a_zero_is(found: float | Bound, words: str) -> None:
    (cell,) = made(["schemes.later.delete_delay=1h"], {(0,): found}).cells
    assert failing_words(cell.result.schemes[1]).startswith(words)


def test_figures_that_do_not_fit_are_named_instead() -> None:
    huge = b'<svg viewBox="0 0 1 1"><desc>' + b"x" * PAGE_BYTES_MAX + b"</desc></svg>"
    text = run_page(_short(), (), {"outcomes": huge}, again="")
    assert len(text.encode()) < PAGE_BYTES_MAX
    assert "it is in outcomes.svg" in text
    fits = run_page(_short(), (), {"outcomes": TINY}, again="")
    assert "it is in outcomes.svg" not in fits


def test_a_sweep_of_very_many_cells_fits() -> None:
    many = made(["schemes.later.delete_delay=0s..48h/300"], {(i,): 0.1 for i in range(300)})
    text = sweep_page(many, {"headline": TINY}, again="")
    assert len(text.encode()) < PAGE_BYTES_MAX
    assert len(_cells(text)["sliders"][0]["texts"]) == 300
