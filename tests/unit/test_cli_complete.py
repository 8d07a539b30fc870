"""What a shell is told when it asks how a line may go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.cli import COMMANDS, main
from sim.errors import Problem, ScenarioError
from sim.scenario.load import load
from sim.scenario.stores.profiles import PROFILES
from tests.short import SHORT

FILE = """
[[schemes]]
name = "at once"
kind = "immediate"
[[schemes]]
name = "mark, 1h"
kind = "deletion-mark"
[[schemes]]
kind = "has no name"
[[schemes]]
name = "mark: it's [2]"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.toml").write_text(FILE)
    Path("broken.toml").write_text("schemes = [")
    Path("odd.toml").write_text("schemes = 5")


class Shell:
    """Asks as the script does that click gives to a shell."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._patch = patch

    def ask(self, shell: str, *words: str) -> list[str]:
        self._patch.setenv("_SIM_COMPLETE", f"{shell}_complete")
        self._patch.setenv("COMP_WORDS", "\n".join(["sim", *words]))
        self._patch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words)))
        with pytest.raises(SystemExit) as ended:
            main([])
        assert ended.value.code == 0
        output, errors = self._capsys.readouterr()
        assert errors == ""
        return output.strip("\n").splitlines()

    def source(self, shell: str) -> str:
        self._patch.setenv("_SIM_COMPLETE", f"{shell}_source")
        with pytest.raises(SystemExit):
            main([])
        return self._capsys.readouterr().out


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(capsys, monkeypatch)


def test_commands_are_completed(shell: Shell) -> None:
    assert shell.ask("bash", "st") == ["plain,stores"]
    assert shell.ask("bash", "nothing", "") == [f"plain,{name}" for name in COMMANDS]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("run", "s.t"), "file"),
        (("check", "s.toml", "s.t"), "file"),
        (("trace", "s.t"), "file"),
        (("history", "s.t"), "file"),
        (("serve", "s.t"), "file"),
        (("init", "s.t"), "file"),
        (("import", "s.t"), "file"),
        (("explain", "s.t"), "file"),
        (("explain", "s.toml", "--figure", "s.t"), "file"),
        (("run", "s.toml", "--json", "s.t"), "file"),
        (("run", "s.toml", "--csv", "s.t"), "file"),
        (("trace", "s.toml", "-o", "s.t"), "file"),
        (("run", "s.toml", "--out", "s.t"), "dir"),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, tuple) else case,
)
def test_files_and_folders_are_left_to_the_shell(
    words: tuple[str, ...], kind: str, shell: Shell
) -> None:
    assert shell.ask("bash", *words) == [f"{kind},s.t"]


@pytest.mark.parametrize("command", ["run", "trace", "explain"])
def test_schemes_are_those_of_the_file(command: str, shell: Shell) -> None:
    words = (command, "s.toml", "--scheme")
    assert shell.ask("bash", *words, "m") == ["plain,'mark, 1h'", """plain,'mark: it'"'"'s [2]'"""]
    assert shell.ask("bash", *words, "'at") == ["plain,at once"]
    assert shell.ask("zsh", *words, "at") == ["plain", "at once", "_"]
    assert shell.ask("fish", *words, "mark,") == ["plain,mark, 1h"]
    assert shell.ask("fish", *words, "at") == ["plain,at once"]


def test_schemes_of_several_files_are_completed_once(shell: Shell) -> None:
    assert shell.ask("zsh", "run", "s.toml", "s.toml", "--scheme", "at")[1::3] == ["at once"]


@pytest.mark.parametrize("path", ["broken.toml", "odd.toml", "none.toml", ".", "-"])
def test_a_file_that_cannot_be_read_completes_to_nothing(path: str, shell: Shell) -> None:
    assert shell.ask("bash", "run", path, "--scheme", "") == []


def test_outcomes_are_those_that_can_be_explained(shell: Shell) -> None:
    words = ("explain", "s.toml", "--outcome")
    assert shell.ask("bash", *words, "s") == ["plain,silent-gap"]
    assert "ok" not in shell.ask("zsh", *words, "")


def test_keys_are_those_of_the_format_and_of_the_tables_of_the_file(shell: Shell) -> None:
    for words in (("run", "s.toml", "--set"), ("sweep", "s.toml", "--vary")):
        assert shell.ask("bash", *words, "gateways.sync_i") == ["plain,gateways.sync_interval"]
        assert shell.ask("bash", *words, "schemes.1.del") == ["plain,schemes.1.delete_delay"]
        assert shell.ask("bash", *words, "schemes.0.del") == []
        lags = shell.ask("zsh", *words, "store.lag.create.")[1::3]
        assert lags == ["store.lag.create.get", "store.lag.create.list"]
        assert shell.ask("bash", *words, "gateways.sync_interval=") == []
    assert shell.ask("bash", "run", "odd.toml", "--set", "schemes") == ["plain,schemes"]


def test_every_completed_key_is_known(shell: Shell) -> None:
    names = shell.ask("zsh", "run", "s.toml", "--set", "")[1::3]
    assert len(names) > 60
    assert _unknown([*names, "gateways.sync"]) == ["gateways.sync"]


def _unknown(names: list[str]) -> list[str]:
    """Those that the loader does not know."""
    found = []
    for name in names:
        try:
            load(SHORT, {name: None})
        except ScenarioError as error:
            rules = [problem.rule for problem in error.problems if isinstance(problem, Problem)]
            found += [name] * ("be a known key" in rules)
    return found


def test_stores_are_completed(shell: Shell) -> None:
    assert shell.ask("zsh", "stores", "")[1::3] == list(PROFILES)
    assert shell.ask("bash", "stores", "az") == ["plain,azure-blob", "plain,azure-ra-grs"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_script(name: str, shell: Shell) -> None:
    assert f"_SIM_COMPLETE={name}_complete" in shell.source(name)


def test_fish_keeps_the_commas_of_a_name(shell: Shell) -> None:
    assert 'string split --max 1 ","' in shell.source("fish")
