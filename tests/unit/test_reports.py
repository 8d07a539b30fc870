"""Reports are written whole, name what they lack, and link to their sources."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reports import incidents, make, pages
from reports import systems as report
from sim.scenario import systems
from sim.scenario.load import load
from sim.study.needed import Needed

_NEEDED = Needed(
    lag_us=0.0,
    hide_us=60_000_000,
    above_us=90_000_000,
    delay_us=90_000_000,
    is_found=True,
    deleted=10,
    trials=2,
    rule_us=math.inf,
    terms_us=math.inf,
)


def test_an_unknown_report_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(["store"]) == 2
    assert "no report store; there are delays-judged" in capsys.readouterr().err


def test_a_report_takes_the_place_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "README.md", b"new"

    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "README.md").write_text("old")
    monkeypatch.setattr(make, "REPORTS", {"stores": files})
    make.make("stores", tmp_path)
    assert (tmp_path / "stores" / "README.md").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["stores"]


def test_a_report_that_fails_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files() -> Iterator[tuple[str, bytes]]:
        yield "README.md", b"new"
        raise ValueError("no numbers")

    (tmp_path / "stores").mkdir()
    (tmp_path / "stores" / "README.md").write_text("old")
    monkeypatch.setattr(make, "REPORTS", {"stores": files})
    with pytest.raises(ValueError, match="no numbers"):
        make.make("stores", tmp_path)
    assert (tmp_path / "stores" / "README.md").read_text() == "old"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1m30s"),
        ({"above_us": 60_000_000}, "1m to 1m30s"),
        ({"above_us": 0}, "at most 1m30s"),
        ({"is_found": False}, "more than 1m30s"),
    ],
)
def test_a_delay_is_said_as_exactly_as_it_is_known(changes: dict[str, Any], said: str) -> None:
    assert pages.said(replace(_NEEDED, **changes)) == said


def test_data_leave_what_has_no_bound_empty() -> None:
    scenario = load(pages.WORLD)
    content = pages.data([pages.needed_row("strong", scenario, _NEEDED)]).decode()
    (row,) = csv.DictReader(io.StringIO(content))
    assert (row["found_s"], row["worst_case_s"], row["sync_interval_s"]) == ("90.0", "", "180.0")


def test_stores_that_differ_in_their_names_alone_are_asked_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def answers(scenarios: list[object], *, workers: int | None) -> tuple[Needed, ...]:
        asked.append(len(scenarios))
        return tuple(replace(_NEEDED, deleted=number) for number in range(len(scenarios)))

    monkeypatch.setattr(pages, "needed_delays", answers)
    found = pages.needed(pages.asked(["s3", "swift", "gcs"], ["3m", "15m"]))
    assert asked == [4]
    assert [answer.deleted for answer in found] == [0, 1, 2, 3, 0, 1]


def test_a_table_is_one_of_markdown_whatever_its_cells_hold() -> None:
    assert pages.table(["a"], [["b|c"]]) == "| a |\n| --- |\n| b/c |"


def test_threads_of_a_source_are_links() -> None:
    linked = incidents.linked("thanos-io/thanos#1172, #2022; observatorium/operator PR 61")
    assert linked == (
        "[thanos-io/thanos#1172](https://github.com/thanos-io/thanos/issues/1172), "
        "[#2022](https://github.com/thanos-io/thanos/issues/2022); "
        "[observatorium/operator PR 61](https://github.com/observatorium/operator/pull/61)"
    )


def test_incidents_are_scenarios_that_exist() -> None:
    for name in incidents.ASKED:
        assert load(pages.ROOT / "scenarios" / f"{name}.toml").name == name


def test_a_system_that_is_dropped_in_has_a_page_made_of_its_file_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = systems.system_paths()["thanos"].read_text()
    text = text.replace('name    = "thanos"', 'name    = "kept"').replace('"7d"', '"5d"', 1)
    (tmp_path / "kept.toml").write_text(text.replace("trials  = 4", "trials  = 1"))
    monkeypatch.setattr(systems, "FOLDER", tmp_path)
    made = {name: content.decode() for name, content in report.files()}
    assert set(made) == {"kept.md", "systems.csv", "README.md"}
    assert "[kept](kept.md)" in made["README.md"]
    assert "- *valid*: never query-error: proven by R1, R2" in made["kept.md"]
    assert "- *valid*: sometimes query-error" in made["kept.md"]
    assert (
        "[thanos-io/thanos#2022](https://github.com/thanos-io/thanos/issues/2022)"
        in made["kept.md"]
    )
    assert "`sim advise` says: delete_delay = 17m6s" in made["kept.md"]


def test_the_page_of_a_store_of_content_says_what_writers_lose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = systems.system_paths()["rustic"].read_text()
    text = text.replace('name    = "rustic"', 'name    = "kept"')
    (tmp_path / "kept.toml").write_text(text.replace("trials  = 4", "trials  = 1"))
    monkeypatch.setattr(systems, "FOLDER", tmp_path)
    made = {name: content.decode() for name, content in report.files()}
    told = r"\| \[kept\]\(kept.md\) \| 0 of (\d+) \| --instant-delete.* \| (\d+) of \1 \|"
    found = re.search(told, made["README.md"])
    assert found is not None
    assert int(found[2]) > 0
    assert "query-error" not in made["kept.md"]
    assert "lost no reference: defaults." in made["kept.md"]
    assert f"kept,defaults,dangling-reference,0.0,,,none,1,{''}" in made["systems.csv"]


def test_every_system_has_its_page_on_which_it_is_what_it_says() -> None:
    paths = {path.stem: path for path in (pages.ROOT / "reports" / "systems").glob("*.md")}
    assert set(paths) == {*systems.system_paths(), "README"}
    for name in systems.system_paths():
        verdicts = re.findall(r"^- \*(\w+)\*: ", paths[name].read_text(), re.MULTILINE)
        assert set(verdicts) == {"valid"}, name
