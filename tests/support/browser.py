"""A real browser for tests: Chromium, headless, with a new profile, driven over WebDriver.

It needs Chromium and its driver (Debian: `apt-get install chromium chromium-driver`); `why_not`
says what is missing. The protocol is plain HTTP and JSON: https://www.w3.org/TR/webdriver2/.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from search.host.ports import free_port
from tests.support.waiting import GUARD, wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
TAB, ENTER = "\ue004", "\ue007"
"""Codes of keys."""

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1600,900",
)


_DIRECT = build_opener(ProxyHandler({}))


def why_not() -> str | None:
    """Why there is no browser here; None if there is one."""
    if CHROMIUM is None or DRIVER is None:
        return "needs Chromium: apt-get install chromium chromium-driver"
    return None


@dataclass(frozen=True)
class Browser:
    """An open browser with one window."""

    session: str

    def open(self, address: str) -> None:
        """Go to an address, and wait until the document is loaded."""
        _call(f"{self.session}/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script's `return` gives."""
        return _call(f"{self.session}/execute/sync", {"script": script, "args": arguments})

    @property
    def address(self) -> str:
        """Where the window is."""
        return str(self.run("return location.href"))

    @property
    def text(self) -> str:
        """What a person reads on the page."""
        return str(self.run("return document.body.innerText"))

    def until(self, *words: str) -> str:
        """Wait until all `words` are on the page; return all that is."""
        try:
            wait_until(lambda: all(word in self.text for word in words), pause=0.2)
        except TimeoutError:
            text = self.text
            missing = [word for word in words if word not in text]
            pytest.fail(f"{missing} not at {self.address}:\n{text[:3000]}")
        return self.text

    def follow(self, words: str) -> None:
        """Click the first link whose text holds `words`."""
        found = self.run(
            "const link = [...document.querySelectorAll('a')]"
            ".find(link => link.innerText.includes(arguments[0]));"
            "if (link) link.click(); return Boolean(link)",
            words,
        )
        assert found, f"no link {words!r} at {self.address}:\n{self.text[:3000]}"

    def complaints(self) -> list[str]:
        """What the browser wrote to its console since it was asked last: errors, refusals."""
        return [entry["message"] for entry in _call(f"{self.session}/se/log", {"type": "browser"})]

    def press(self, key: str) -> None:
        """Press and release one key: a letter, or a code of WebDriver's."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": strokes}
        _call(f"{self.session}/actions", {"actions": [keyboard]})

    def show_as(self, scheme: str, width: int) -> None:
        """Be a window of that width whose user likes pages `light` or `dark`."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        liked = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        for command, given in (
            ("Emulation.setDeviceMetricsOverride", size),
            ("Emulation.setEmulatedMedia", liked),
        ):
            _call(f"{self.session}/goog/cdp/execute", {"cmd": command, "params": given})

    def save(self, file: Path) -> None:
        """A picture of the window."""
        file.write_bytes(base64.b64decode(_call(f"{self.session}/screenshot")))


@contextmanager
def browser(profile: Path, *options: str) -> Iterator[Browser]:
    """A browser that was never anywhere; gone at the end of the block."""
    assert DRIVER is not None
    port = free_port()
    driver = subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _ready(base), "chromedriver answers")
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {
                "binary": CHROMIUM,
                "args": [*OPTIONS, *options, f"--user-data-dir={profile}"],
            },
        }
        opened = _call(f"{base}/session", {"capabilities": {"alwaysMatch": wanted}})
        session = f"{base}/session/{opened['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _call(session, method="DELETE")
    finally:
        driver.terminate()
        driver.wait(30)


def _ready(base: str) -> bool:
    try:
        return bool(_call(f"{base}/status")["ready"])
    except OSError:
        return False


def _call(address: str, given: dict[str, Any] | None = None, method: str | None = None) -> Any:
    data = None if given is None else json.dumps(given).encode()
    request = Request(address, data, {"Content-Type": "application/json"}, method=method)
    with _DIRECT.open(request, timeout=GUARD) as answer:
        return json.load(answer)["value"]
