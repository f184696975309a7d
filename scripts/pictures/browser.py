"""Chromium without a window: it measures a page, and takes pictures of it. One process takes all of them."""

import base64
import json
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, cast

from .page import MEASURE, Look, framed

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TALLEST = 8000  # pixels of one picture; Chromium draws no more than 16,384
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --allow-file-access-from-files --remote-debugging-pipe"
).split()
# Chromium reads commands from 3 and answers on 4: https://chromedevtools.github.io/devtools-protocol/
_PIPES = 'exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'


@dataclass(frozen=True)
class Measured:
    """What a page needs: its height, and what is wider than the page, with the pixels that are missing."""

    height: int
    tables: tuple[tuple[int, str], ...]
    code: tuple[tuple[int, str], ...]


def program() -> str | None:
    """Return Chromium's path, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """A page of a running Chromium."""

    def __init__(self, pipes: subprocess.Popen[bytes], scratch: pathlib.Path) -> None:
        """Open an empty page."""
        self._commands, self._answers = cast("IO[bytes]", pipes.stdin), cast("IO[bytes]", pipes.stdout)
        self._page = scratch / "page.html"
        self._number = 0
        self._session: dict[str, str] = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = {"sessionId": self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}
        self._call("Page.enable")

    def shoot(self, source: pathlib.Path, look: Look, target: pathlib.Path) -> Measured:
        """Take the picture of a Markdown file as `target`, with more of them beside it if one is too tall."""
        self._page.write_text(framed(source, look), "utf-8")
        self._size(look.window, 100)
        self._call("Page.navigate", url=self._page.as_uri())
        self._wait("Page.loadEventFired")
        found = self._call("Runtime.evaluate", expression=MEASURE, returnByValue=True, awaitPromise=True)["result"][
            "value"
        ]
        for number, top in enumerate(range(0, found["height"], TALLEST)):
            part = target.with_stem(f"{target.stem}-{number + 1}") if number else target
            # What scrolls within the page is drawn only where the window shows it.
            self._size(look.window, min(TALLEST, found["height"] - top))
            self._call("Runtime.evaluate", expression=f"scrollTo(0, {top})")
            part.write_bytes(base64.b64decode(self._call("Page.captureScreenshot")["data"]))
        return Measured(found["height"], tuple(map(tuple, found["tables"])), tuple(map(tuple, found["code"])))

    def _size(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def _call(self, method: str, **parameters: object) -> Any:  # noqa: ANN401  # JSON
        """Send a command and return the answer; raises RuntimeError if there is none, or an error."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters, **self._session}
        self._commands.write(json.dumps(command).encode() + b"\0")
        self._commands.flush()
        answer = next(each for each in self._said() if each.get("id") == self._number)
        if "error" in answer:
            raise RuntimeError(f"Chromium refused {method}: {answer['error']}")
        return answer["result"]

    def _wait(self, event: str) -> None:
        next(each for each in self._said() if each.get("method") == event)

    def _said(self) -> Iterator[dict[str, Any]]:
        read = bytearray()
        while byte := self._answers.read(1):
            if byte != b"\0":
                read += byte
            else:
                yield json.loads(read)
                read.clear()
        raise RuntimeError("Chromium ended before it answered")


@contextmanager
def started(chromium: str) -> Iterator[Browser]:
    """Run Chromium as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="shots-", ignore_cleanup_errors=True) as scratch:
        command = ["sh", "-c", _PIPES, chromium, *_FLAGS, f"--user-data-dir={scratch}/profile"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipes:
            try:
                yield Browser(pipes, pathlib.Path(scratch))
            finally:
                pipes.kill()
