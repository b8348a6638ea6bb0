"""A headless Chromium for tests, spoken to over pipes by the DevTools protocol; nothing but the standard library."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 120.0  # seconds for one answer, on a busy machine
FLAGS = (
    "--headless=new",
    "--no-sandbox",  # it refuses to run as root with one; the page is ours
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-default-browser-check",
    "--no-first-run",
    "--remote-debugging-pipe",
)
_WITH_PIPES = """
import fcntl, os, sys
reads, writes = (fcntl.fcntl(int(one), fcntl.F_DUPFD, 10) for one in sys.argv[1:3])
os.dup2(reads, 3)
os.dup2(writes, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def found() -> str | None:
    """Path of a Chromium on this machine; None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Browser:
    """One tab of a browser.

    Args:
        reads: Descriptor from which its messages come.
        writes: Descriptor to which commands go.
        session: Name of the tab.
        events: All that it has told without being asked.
    """

    reads: int
    writes: int
    session: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _left: bytes = b""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command, and wait for its answer."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writes, json.dumps(message).encode() + b"\0")
        answer = self._wait(lambda told: told.get("id") == number)
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, event: str) -> None:
        """Until the tab has told this."""
        if not any(told.get("method") == event for told in self.events):
            self._wait(lambda told: told.get("method") == event)

    def value(self, expression: str) -> Any:
        """What an expression is worth in the tab."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def open(self, page: Path) -> None:
        """Load a page, all of it."""
        self.events.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        self.wait("Page.loadEventFired")

    def look(self, width: int, scheme: str = "light", media: str = "screen") -> None:
        """See the page on a screen so wide, in "light" or "dark", or as "print"."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def schemes(self, width: int = 390) -> Iterator[str]:
        """See the page in light, and then in dark."""
        for scheme in ("light", "dark"):
            self.look(width, scheme)
            yield scheme

    def screenshot(self, path: Path) -> Path:
        """Write a picture of the whole page as PNG."""
        height = self.value("document.documentElement.scrollHeight")
        width = self.value("document.documentElement.clientWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, 16000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))
        return path

    @property
    def complaints(self) -> list[str]:
        """Errors and warnings on the console, and whatever was loaded from elsewhere or refused."""
        said = []
        for told in self.events:
            params = told.get("params", {})
            if told.get("method") == "Log.entryAdded":
                said.append(f"{params['entry']['level']}: {params['entry']['text']}")
            elif told.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                said.append(json.dumps(params)[:500])
        return said

    @property
    def requests(self) -> list[str]:
        """Addresses that the page asked for."""
        asked = [told["params"] for told in self.events if told.get("method") == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in asked]

    def _wait(self, is_wanted: Any) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            *whole, self._left = self._left.split(b"\0")
            for place, text in enumerate(whole):
                told = json.loads(text)
                if "id" not in told:
                    self.events.append(told)
                if is_wanted(told):
                    self._left = b"\0".join([*whole[place + 1 :], self._left])
                    return dict(told)
            ready, _, _ = select.select([self.reads], [], [], max(0.0, until - time.monotonic()))
            assert ready, f"expected an answer of the browser within {PATIENCE:.0f} s"
            more = os.read(self.reads, 1 << 20)
            assert more, "expected an answer of the browser, and it has ended"
            self._left += more


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Browser]:
    """A browser while the block runs.

    Args:
        program: Path of a Chromium.
        profile: Folder for what it keeps.
    """
    to_read, to_write = os.pipe(), os.pipe()  # the browser's descriptors 3 and 4
    command = [sys.executable, "-c", _WITH_PIPES, str(to_read[0]), str(to_write[1])]
    home = {**os.environ, "HOME": str(profile)}
    with (
        (profile / "log").open("wb") as log,
        subprocess.Popen(
            [*command, program, *FLAGS, f"--user-data-dir={profile / 'profile'}", "about:blank"],
            pass_fds=(to_read[0], to_write[1]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=home,
        ) as process,
    ):
        os.close(to_read[0])
        os.close(to_write[1])
        try:
            made = Browser(to_write[0], to_read[1])
            tabs = made.call("Target.getTargets")["targetInfos"]
            tab = next(one["targetId"] for one in tabs if one["type"] == "page")
            made.session = made.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                made.call(f"{domain}.enable")
            yield made
        finally:
            process.kill()
            os.close(to_write[0])
            os.close(to_read[1])
