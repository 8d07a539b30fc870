"""Files and folders are written whole or not at all, and never over somebody else's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sim.cli.files import (
    check_file_target,
    check_folder_target,
    new_folder,
    write_lines,
    write_text,
)


def _is_own(name: str) -> bool:
    return name.startswith("result")


def _fill(path: Path, files: dict[str, str]) -> Path:
    path.mkdir()
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def _content(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in path.iterdir()}


def test_a_file_is_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_text(str(tmp_path / "a.json"), "ä\n")
    write_lines(str(tmp_path / "b.jsonl"), ["1", "2"])
    assert _content(tmp_path) == {"a.json": "ä\n", "b.jsonl": "1\n2\n"}


def test_a_file_keeps_the_permissions_that_others_get(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    write_text(str(tmp_path / "a"), "")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_interrupted_file_leaves_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def lines() -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lines(str(tmp_path / "a"), (line for _ in "x" for line in lines()))
    assert _content(tmp_path) == {"a": "old"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(str(tmp_path / "link"), "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_device_is_written_to_and_not_replaced() -> None:
    check_file_target(os.devnull, "--json")
    write_text(os.devnull, "gone")
    assert not Path(os.devnull).is_file()


def test_standard_output_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    check_file_target("-", "--json")
    write_text("-", "text\n")
    assert capsys.readouterr().out == "text\n"


@pytest.mark.parametrize("name", ["", "no/such/a.json"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(click.BadParameter, match="folder"):
        check_file_target(str(tmp_path / name), "--json")


def test_a_new_folder_appears_with_the_folders_above_it(tmp_path: Path) -> None:
    target = tmp_path / "out" / "run"
    check_folder_target(str(target), "--out", marker="result.json")
    with new_folder(str(target), is_own=_is_own) as folder:
        (folder / "result.json").write_text("1")
        assert not target.exists()
    assert _content(target) == {"result.json": "1"}
    assert os.listdir(tmp_path) == ["out"]
    assert os.listdir(tmp_path / "out") == ["run"]


def test_a_folder_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    target = _fill(tmp_path / "run", {"result.json": "0", "result.csv": "0", "notes": "mine"})
    check_folder_target(str(target), "--out", marker="result.json")
    with new_folder(str(target), is_own=_is_own) as folder:
        (folder / "result.json").write_text("1")
    assert _content(target) == {"result.json": "1", "notes": "mine"}
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_failure_leaves_the_older_folder(tmp_path: Path, error: type[BaseException]) -> None:
    target = _fill(tmp_path / "run", {"result.json": "0"})

    def write() -> None:
        with new_folder(str(target), is_own=_is_own) as folder:
            (folder / "result.json").write_text("1")
            raise error

    with pytest.raises(error):
        write()
    assert _content(target) == {"result.json": "0"}
    assert os.listdir(tmp_path) == ["run"]


def test_a_failure_leaves_no_new_folder(tmp_path: Path) -> None:
    target = tmp_path / "out" / "run"
    with pytest.raises(KeyboardInterrupt), new_folder(str(target), is_own=_is_own):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def _foreign(path: Path) -> Path:
    return _fill(path / "run", {"thesis.tex": "…"})


def _file(path: Path) -> Path:
    (path / "run").touch()
    return path / "run"


def _below_a_file(path: Path) -> Path:
    return _file(path) / "deeper"


@pytest.mark.parametrize("make", [_foreign, _file, _below_a_file])
def test_what_is_not_a_bundle_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(click.BadParameter, match="run"):
        check_folder_target(str(make(tmp_path)), "--out", marker="result.json")


def test_the_current_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(_fill(tmp_path / "run", {"result.json": "0"}))
    with pytest.raises(click.BadParameter, match="where you are"):
        check_folder_target("../run", "--out", marker="result.json")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    check_folder_target(str(_fill(tmp_path / "run", {})), "--out", marker="result.json")
