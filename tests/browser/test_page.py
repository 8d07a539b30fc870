"""Pages in a real browser: sliders, keys, dark, phone, paper, and nothing from anywhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from sim.analysis.expect import judge
from sim.analysis.results import Result
from sim.analysis.sweep import Sweep
from sim.report import bundle
from sim.report.answers import failing_words
from sim.report.bundle import files, sweep_files
from sim.report.costtable import cost_cells
from sim.report.names import PAGE, mark_id
from sim.scenario.load import load
from sim.study.delaytable import delay_table
from sim.study.run import run_scenario
from sim.study.sweep import run_sweep
from tests.chromium import Tab
from tests.short import SHORT
from tests.sweeps import DELAYS, SYNCS, settings

KINDS = ("sweep", "run")
# Contrast that WCAG 2 asks for at level AA: of text, of large text and of what is no text.
TEXT, OTHER = 4.5, 3.0


@cache
def _sweep() -> Sweep:
    return run_sweep(settings(DELAYS, SYNCS), workers=1)


@cache
def _at_other_delays() -> Sweep:
    found = delay_table(load(SHORT))
    assert found is not None
    return found


def _made(result: Result) -> dict[str, bytes]:
    delays = _at_other_delays()
    run = files(result, judge(result), again="sim run short.toml", delays=delays)
    swept = sweep_files(_sweep(), again="sim sweep short.toml")
    return {"sweep": dict(swept)[PAGE], "run": dict(run)[PAGE]}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    result = run_scenario(load(SHORT), workers=1)
    # No page has a bitmap.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "to_png", lambda _: b"")
        made = _made(result)
    folder = tmp_path_factory.mktemp("pages")
    for name, content in made.items():
        (folder / f"{name}.html").write_bytes(content)
    return {name: folder / f"{name}.html" for name in made}


@pytest.mark.parametrize("kind", KINDS)
def test_it_opens_without_a_complaint_and_asks_for_nothing_else(
    tab: Tab, pages: dict[str, Path], kind: str
) -> None:
    tab.open(pages[kind])
    assert tab.complaints == []
    assert tab.requests == [pages[kind].as_uri()]
    assert tab.value("document.compatMode") == "CSS1Compat"
    assert tab.value("document.querySelectorAll('svg').length") >= 2


def test_a_page_that_asks_for_something_is_seen_to(tab: Tab, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"")
    page = tmp_path / "bad.html"
    page.write_text("<!DOCTYPE html><img src='x.png'><script>undefined.name</script>")
    tab.open(page)
    assert (tmp_path / "x.png").as_uri() in tab.requests
    assert any("TypeError" in complaint for complaint in tab.complaints)


def _said(setting: tuple[int, ...]) -> str:
    """What the page must say at a setting of the sweep, in its own words."""
    (cell,) = [cell for cell in _sweep().cells if cell.setting == setting]
    words = [f"{scheme.name}: {failing_words(scheme)}" for scheme in cell.result.schemes]
    delay, sync = _sweep().text_of(setting, [0]), _sweep().text_of(setting, [1])
    at = f"delete_delay of later {delay}, gateways.sync_interval {sync}"
    return f"At {at}: {'; '.join(words)}."


def _numbers(setting: tuple[int, ...]) -> list[str]:
    (cell,) = [cell for cell in _sweep().cells if cell.setting == setting]
    cells = cost_cells(cell.result.scenario, cell.result.schemes[1])
    return [text for cell in cells for text in cell]


def test_keys_move_the_sliders_and_they_the_answer(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["sweep"])
    assert tab.value("document.getElementById('said').textContent") == _said((0, 0))
    tab.value("document.getElementById('knob-0').focus()")
    steps = [
        ("ArrowRight", (1, 0)),
        ("ArrowRight", (2, 0)),
        ("Home", (0, 0)),
        ("End", (2, 0)),
        ("ArrowLeft", (1, 0)),
        ("Tab", (1, 0)),
        ("ArrowRight", (1, 1)),
    ]
    seen = set()
    for key, setting in steps:
        tab.press(key)
        said = tab.value("document.getElementById('said').textContent")
        assert said == _said(setting), key
        seen.add(said)
        numbers = [f"document.getElementById('cell-1-{i}').textContent" for i in (2, 3, 4, 5)]
        assert [tab.value(number) for number in numbers] == _numbers(setting)
        spoken = tab.value("document.getElementById('knob-0').getAttribute('aria-valuetext')")
        assert spoken == _sweep().text_of(setting, [0])
        assert tab.value("document.getElementById('value-1').textContent") == _sweep().text_of(
            setting, [1]
        )
        ring = _ring(tab, setting)
        assert ring == pytest.approx([0.0, 0.0], abs=0.6), key
    assert len(seen) == 4
    assert tab.complaints == []


def test_a_run_has_a_slider_that_begins_at_its_own_delay(tab: Tab, pages: dict[str, Path]) -> None:
    tab.open(pages["run"])
    delays = _at_other_delays()
    (scheme,) = delays.cells[0].result.schemes
    own_us = load(SHORT).schemes[scheme.index].delete_delay_us
    numbers = delays.knobs[0].numbers
    assert numbers is not None
    at = numbers.index(own_us)
    assert 0 < at < len(numbers) - 1
    tab.value("document.getElementById('knob-0').focus()")
    said = []
    for key, position in (("", at), ("ArrowLeft", at - 1), ("Home", 0), ("End", len(numbers) - 1)):
        if key:
            tab.press(key)
        text = delays.knobs[0].texts[position]
        words = failing_words(delays.cells[position].result.schemes[0])
        said.append(tab.value("document.getElementById('said').textContent"))
        assert said[-1] == f"At delete_delay of {scheme.name} {text}: {scheme.name}: {words}."
    assert len(set(said)) == 4
    assert tab.complaints == []


def _ring(tab: Tab, setting: tuple[int, ...]) -> list[float]:
    """How far the ring around the garbage of a cell is from its mark, in pixels."""
    mark = f"headline-{mark_id('garbage', 1, setting)}"
    found: list[float] = tab.value(f"""(() => {{
        const middle = (e) => {{ const b = e.getBoundingClientRect();
            return [b.x + b.width / 2, b.y + b.height / 2]; }};
        const [x, y] = middle(document.getElementById({mark!r}));
        const away = [...document.querySelectorAll('.ring')].map(middle)
            .map(([a, b]) => [a - x, b - y]);
        away.sort((p, q) => Math.hypot(...p) - Math.hypot(...q));
        return away[0];
    }})()""")
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [360, 768])
def test_nothing_is_beyond_the_right_edge_of_a_phone(
    tab: Tab, pages: dict[str, Path], kind: str, width: int
) -> None:
    tab.screen(width, 740, is_phone=True)
    tab.open(pages[kind])
    assert tab.value("document.documentElement.scrollWidth") == width
    assert tab.value("window.innerWidth") == width
    beyond = """[...document.querySelectorAll('body *')].filter((e) =>
        !e.closest('.scroll, pre, svg, .skip') && e.getBoundingClientRect().right > %d + 0.5)
        .map((e) => e.outerHTML.slice(0, 80))"""
    assert tab.value(beyond % width) == []
    assert tab.value("document.querySelectorAll('.scroll').length") >= 2


# The least contrast of texts, and the colour of the page.
_CONTRAST = """(() => {
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const light = (c) => c.slice(0, 3).map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = (e) => { for (; e; e = e.parentElement) {
        const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
    const texts = [...document.querySelectorAll('body *')].filter((e) => !e.closest('svg') &&
        !e.closest('script') && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
    const ratios = texts.map((e) => {
        const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); });
    return [Math.min(...ratios), getComputedStyle(document.body).backgroundColor];
})()"""


@pytest.mark.parametrize("kind", KINDS)
def test_light_and_dark_have_contrast_enough(tab: Tab, pages: dict[str, Path], kind: str) -> None:
    grounds = set()
    for scheme in ("light", "dark"):
        tab.media(scheme=scheme)
        tab.open(pages[kind])
        least, ground = tab.value(_CONTRAST)
        assert least >= TEXT, scheme
        grounds.add(ground)
        paper = "getComputedStyle(document.querySelector('.paper')).backgroundColor"
        assert tab.value(paper) == "rgb(255, 255, 255)"
    assert len(grounds) == 2


def test_a_text_that_is_too_faint_is_noticed(tab: Tab, tmp_path: Path) -> None:
    page = tmp_path / "faint.html"
    page.write_text("<!DOCTYPE html><body style='background:#fff'><p style='color:#888'>x</p>")
    tab.open(page)
    assert OTHER < tab.value(_CONTRAST)[0] < TEXT


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    tab: Tab, pages: dict[str, Path]
) -> None:
    tab.open(pages["sweep"])
    tab.press("Tab")
    assert tab.value("document.activeElement.className") == "skip"
    assert tab.value("document.activeElement.getBoundingClientRect().left") >= 0
    wanted = tab.value(
        "document.querySelectorAll('a, input, summary, [tabindex=\"0\"]').length"
        " - document.querySelectorAll('details:not([open]) pre').length"
    )
    met = []
    for _ in range(wanted):
        style = tab.value("getComputedStyle(document.activeElement).outlineStyle")
        assert style != "none"
        met.append(tab.value("document.activeElement.outerHTML.slice(0, 120)"))
        tab.press("Tab")
    assert len(set(met)) == wanted
    assert sum("knob-" in element for element in met) == 2


def test_without_scripts_the_tables_are_there_and_the_sliders_are_not(
    tab: Tab, pages: dict[str, Path]
) -> None:
    tab.without_scripts()
    tab.open(pages["sweep"])
    # The protocol evaluates also where the page may not.
    assert tab.value("document.getElementById('explore').hidden") is True
    assert tab.value("document.querySelector('.answer').innerText").startswith("later: ")
    rows = tab.value("document.querySelectorAll('.numbers tbody tr').length")
    assert rows >= len(_sweep().cells)
    assert tab.value("document.querySelector('svg').getBoundingClientRect().height") > 100


@pytest.mark.parametrize("kind", KINDS)
def test_on_paper_it_is_black_on_white_and_nothing_is_cut(
    tab: Tab, pages: dict[str, Path], kind: str
) -> None:
    tab.screen(700, 900)
    tab.media(scheme="dark", kind="print")
    tab.open(pages[kind])
    assert tab.value(_CONTRAST)[1] == "rgb(255, 255, 255)"
    assert tab.value("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    cut = """[...document.querySelectorAll('.scroll')].filter((e) =>
        getComputedStyle(e).overflowX !== 'visible').length"""
    assert tab.value(cut) == 0
    explore = "getComputedStyle(document.getElementById('explore') ?? document.head).display"
    assert tab.value(explore) == "none"
    rings = "[...document.querySelectorAll('.ring')].map((e) => getComputedStyle(e).display)"
    assert set(tab.value(rings)) == {"none"}
    pdf = tab.paper()
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 2
