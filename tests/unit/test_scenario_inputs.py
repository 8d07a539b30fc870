"""Which files a scenario may be read from."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario.inputs import LARGEST_BYTES, Reading, read_file
from sim.scenario.load import build, load
from tests.made_results import SCENARIO

LAW = '\n[producers]\nupload_takes = {{ law = "empirical", file = "{}" }}\n'


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fsencode(path.relative_to(Path.cwd())))


def _device(path: Path) -> None:
    path.symlink_to(os.devnull)


@pytest.mark.parametrize(
    ("make", "kind"),
    [(_pipe, "pipe"), (_folder, "folder"), (_socket, "socket"), (_device, "device")],
)
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x"
    make(path)
    with pytest.raises(OSError, match=f"is a {kind}, not a regular file") as caught:
        load(path)
    assert caught.value.filename == str(path)
    with pytest.raises(ScenarioError, match=f"readable CSV file .is a {kind}, not a") as refused:
        load(SCENARIO + LAW.format("x"), allow_outside=True)
    assert "upload_takes.file='x' must" in str(refused.value)


def test_the_largest_file_is_read_and_a_larger_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"#" * LARGEST_BYTES)
    assert len(read_file(path)) == LARGEST_BYTES
    path.write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(OSError, match="has more than 16 MiB"):
        load(path)
    (tmp_path / "s.toml").write_text(SCENARIO + LAW.format("x"))
    with pytest.raises(ScenarioError, match=r"upload_takes.file='x' must .*more than 16 MiB"):
        load(tmp_path / "s.toml")


def _above(folder: Path) -> str:
    return "../lags.csv"


def _absolute(folder: Path) -> str:
    return str(folder.parent / "lags.csv")


def _link(folder: Path) -> str:
    (folder / "link.csv").symlink_to("../lags.csv")
    return "link.csv"


def _linked_folder(folder: Path) -> str:
    (folder / "sub").symlink_to("..", target_is_directory=True)
    return "sub/lags.csv"


@pytest.mark.parametrize("make", [_above, _absolute, _link, _linked_folder])
def test_a_law_reads_nothing_outside_the_folder_unless_allowed(
    tmp_path: Path, make: Callable[[Path], str]
) -> None:
    (tmp_path / "lags.csv").write_text("1s\n")
    folder = tmp_path / "scenarios"
    folder.mkdir()
    path = folder / "s.toml"
    path.write_text(SCENARIO + LAW.format(make(folder)))
    with pytest.raises(ScenarioError, match=r"must be below the folder of the scenario \(--allow"):
        load(path)
    read: list[Path] = []
    scenario = load(path, allow_outside=True, on_read=read.append)
    assert scenario.producers.upload_takes.mean == 1e6
    assert [file.resolve() for file in read] == [path, tmp_path / "lags.csv"]


def test_whether_a_file_outside_is_there_is_not_told(tmp_path: Path) -> None:
    for name in ("there.csv", "not-there.csv"):
        with pytest.raises(ValueError, match="be below the folder of the scenario"):
            Reading(folder=tmp_path / "sub").bytes_of(f"../{name}")


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("1s\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "link.csv").symlink_to("../real.csv")
    assert Reading(folder=tmp_path).bytes_of("sub/link.csv") == b"1s\n"


def test_a_circle_of_links_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises((ValueError, OSError)):
        Reading(folder=tmp_path).bytes_of("a")


def test_a_mapping_and_a_text_are_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lags.csv").write_text("1s\n")
    (tmp_path / "sub").mkdir()
    text = SCENARIO + LAW.format("../lags.csv")
    law = {"law": "empirical", "file": "../lags.csv"}
    monkeypatch.chdir(tmp_path / "sub")
    raw = load(SCENARIO).raw()
    raw["producers"]["upload_takes"] = law
    with pytest.raises(ScenarioError, match="below the folder"):
        load(text)
    with pytest.raises(ScenarioError, match="below the folder"):
        build(raw)
    assert build(raw, allow_outside=True) == load(text, allow_outside=True)


@pytest.mark.parametrize("content", [b"lag\n1s\nsecret\n", b"lag_s\nsecret\n", b"secret\xff\n"])
def test_an_error_does_not_tell_what_is_in_the_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lags.csv").write_bytes(content)
    (tmp_path / "s.toml").write_text(SCENARIO + LAW.format("lags.csv"))
    with pytest.raises(ScenarioError, match="row|byte 6") as caught:
        load(tmp_path / "s.toml")
    assert "secret" not in str(caught.value)
    assert "xff" not in str(caught.value)
