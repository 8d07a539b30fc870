"""``sim serve`` as one calls it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from sim.cli import main
from tests.made_results import SCENARIO

pytestmark = pytest.mark.usefixtures("signals_as_usual")

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.toml").write_text(SCENARIO)
    monkeypatch.chdir(tmp_path)


def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sim.cli", "serve", "short.toml", "--port", "0", "--speed", "60x"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(6)]
    url = re.search(r"http://127\.0\.0\.1:[0-9]+", told[0])
    assert url is not None, told
    options: Any = {
        **{"endpoint": url[0], "region": "eu-north-1", "allow_http": "true"},
        **{"access_key_id": "sim", "secret_access_key": "lagging-store"},
    }
    store = S3Store("sim", config=options)

    async def put_at_once() -> None:
        await asyncio.gather(
            *(obstore.put_async(store, f"k{i}", bytes(99_999)) for i in range(100))
        )

    asyncio.run(put_at_once())
    assert len(obstore.list(store).collect()) == 100
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors.strip()) == (130, "sim: interrupted")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "it needs a --secret-key of your own"),
        (("--host", "example.org"), "is no address"),
        (("--speed", "fast"), "is no factor"),
        (("--speed", "0x"), "is no factor"),
        (("--from", "soon"), "--from"),
        (("--bucket", "No"), "--bucket"),
        (("--access-key", "a b"), "--access-key"),
        (("--secret-key", ""), "the secret does not match"),
        (("--set", "store.replicas=0"), "store.replicas=0 must"),
    ],
)
def test_a_wrong_word_is_refused(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "short.toml", "--port", "0", *words]) == 2
    out, errors = capsys.readouterr()
    assert out == ""
    assert told in errors


def test_a_scenario_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "nothing.toml", "--port", "0"]) == 2
    assert "nothing.toml: No such file" in capsys.readouterr().err


def test_a_port_that_is_in_use_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "short.toml", "--port", str(port)]) == 2
    told = f"cannot listen on 127.0.0.1, port {port}: Address already in use"
    assert told in capsys.readouterr().err


def test_an_extra_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sim.serving.has_libraries", lambda: False)
    assert main(["serve", "short.toml"]) == 2
    assert 'pip install "consistency-sim[serve]"' in " ".join(capsys.readouterr().err.split())
