"""A headless Chromium that a test drives: pages from disk, keys, emulated screens, what went wrong.

Speaks the DevTools protocol; its commands and events are those of that protocol's documentation.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import websocket

__all__ = ["Tab", "chromium", "running"]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 60
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Tab": 9, "Enter": 13}


def chromium() -> str | None:
    """Path of the browser; None if there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page of a browser.

    Attributes
    ----------
    complaints : list of str
        Errors and warnings of the console, uncaught errors, and what a policy refused.
    requests : list of str
        Every address that was asked for, but for data that stands in the address itself.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._count = 0
        self._seen: list[str] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Give a command, and wait for its answer."""
        self._count += 1
        order = {"id": self._count, "method": method, "params": parameters}
        self._connection.send(json.dumps(order))
        while True:
            message = json.loads(self._connection.recv())
            if message.get("id") == self._count:
                assert "error" not in message, (method, message["error"])
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        method, values = message.get("method", ""), message.get("params", {})
        self._seen.append(method)
        if method == "Network.requestWillBeSent":
            url = values["request"]["url"]
            if not url.startswith("data:"):
                self.requests.append(url)
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(values["args"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(values["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(values["entry"]["text"])

    def open(self, path: Path) -> None:
        """Load a file, and wait until all of it is there."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self._seen.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while "Page.loadEventFired" not in self._seen:
            self._note(json.loads(self._connection.recv()))

    def value(self, expression: str) -> Any:
        """Value of an expression of the page, as JSON has it."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key of the keyboard."""
        own = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        self.call("Input.dispatchKeyEvent", type="keyDown", **own)
        self.call("Input.dispatchKeyEvent", type="keyUp", **own)

    def screen(self, width: int, height: int, *, is_phone: bool = False) -> None:
        """Give the page a screen of so many CSS pixels."""
        scale = {"deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone}
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, **scale)

    def media(self, *, scheme: str = "light", kind: str = "screen") -> None:
        """Prefer a light or dark scheme; show as on a screen or on paper."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=kind, features=features)

    def without_scripts(self) -> None:
        """Run no script of the pages that are opened from now on."""
        self.call("Emulation.setScriptExecutionDisabled", value=True)

    def picture(self) -> bytes:
        """PNG of the whole page."""
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def paper(self) -> bytes:
        """PDF of the page."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


@contextlib.contextmanager
def running(path: str, profile: Path) -> Iterator[Tab]:
    """Start a browser with a new profile, give a page of it, and end it."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    quiet = ["--no-first-run", "--disable-background-networking", "--disable-extensions"]
    command = [path, *options, *quiet, "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with subprocess.Popen(
        [*command, "--remote-allow-origins=*", "about:blank"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            told = (re.search(r"ws://\S+", line) for line in process.stderr)
            browser = next(found[0] for found in told if found)
            page = browser.rpartition("/devtools/")[0] + f"/devtools/page/{_page_of(browser)}"
            connection = websocket.create_connection(page, timeout=_TIMEOUT_S)
            try:
                yield Tab(connection)
            finally:
                connection.close()
        finally:
            process.terminate()
            process.communicate(timeout=_TIMEOUT_S)


def _page_of(browser: str) -> str:
    """Id of the page that the browser at an address has opened."""
    connection = websocket.create_connection(browser, timeout=_TIMEOUT_S)
    try:
        connection.send(json.dumps({"id": 1, "method": "Target.getTargets"}))
        while "result" not in (message := json.loads(connection.recv())):
            pass
    finally:
        connection.close()
    pages = [t for t in message["result"]["targetInfos"] if t["type"] == "page"]
    return str(pages[0]["targetId"])
