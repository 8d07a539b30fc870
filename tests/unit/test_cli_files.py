"""Files and folders are written whole or not at all, and never over somebody else's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from sim.cli.files import (
    check_apart,
    check_file_target,
    check_folder_target,
    check_kept_folder,
    write_lines,
    write_text,
)


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


def test_the_root_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="root"):
        check_folder_target("/", "--out", marker="result.json")


def _same(path: Path) -> Path:
    return path / "in.toml"


def _link(path: Path) -> Path:
    (path / "link").symlink_to("in.toml")
    return path / "link"


def _hard_link(path: Path) -> Path:
    (path / "hard").hardlink_to(path / "in.toml")
    return path / "hard"


def _roundabout(path: Path) -> Path:
    return path / "." / "sub" / ".." / "in.toml"


@pytest.mark.parametrize("make", [_same, _link, _hard_link, _roundabout])
def test_an_input_is_not_written_over(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    source = tmp_path / "in.toml"
    source.touch()
    (tmp_path / "sub").mkdir()
    with pytest.raises(click.BadParameter, match="which is read"):
        check_apart({"--json": str(make(tmp_path))}, [source])


@pytest.mark.parametrize(
    "targets",
    [
        {"--json": "a", "--csv": "a"},
        {"--json": "a", "--csv": "sub/../a"},
        {"--json": "run/result.json", "--out": "run"},
    ],
    ids=str,
)
def test_two_results_do_not_go_to_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, targets: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    with pytest.raises(click.BadParameter, match="would overwrite what --"):
        check_apart(targets, [], folder_files=["result.json"])


def test_an_input_in_the_folder_of_results_may_stay_unless_it_has_their_name(
    tmp_path: Path,
) -> None:
    run = _fill(tmp_path / "run", {"result.json": "", "in.toml": ""})
    targets = {"--out": str(run), "--json": "-", "--csv": os.devnull}
    check_apart(targets, [run / "in.toml"], folder_files=["result.json"])
    with pytest.raises(click.BadParameter, match="result.json, which is read"):
        check_apart(targets, [run / "result.json"], folder_files=["result.json"])


def test_devices_may_be_shared() -> None:
    check_apart({"--json": os.devnull, "--csv": os.devnull}, [Path(os.devnull)])


def test_finished_trials_are_not_kept_where_they_would_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_kept_folder(str(tmp_path / "new" / "trials"), "--resume", apart_from=str(tmp_path / "o"))
    with pytest.raises(click.BadParameter, match="is inside"):
        check_kept_folder(str(tmp_path / "o" / "t"), "--resume", apart_from=str(tmp_path / "o"))
    with pytest.raises(click.BadParameter, match="not a folder"):
        check_kept_folder(str(tmp_path / "file" / "t"), "--resume", apart_from=None)
