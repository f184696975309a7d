"""Chromium without a window: it measures a page, and takes pictures of it."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from .page import Look, framed

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TALLEST = 8000  # pixels of one picture; Chromium draws no more than 16,384
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --allow-file-access-from-files"
).split()
_MEASURED = re.compile(r'<script type="application/json" id="measured">(.*?)</script>')


@dataclass(frozen=True)
class Measured:
    """What a page needs: its height, each table that is wider than the page, and how many pieces of code are."""

    height: int
    wide: tuple[tuple[int, str], ...]
    code: int


def program() -> str | None:
    """Return Chromium's path, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def shoot(chromium: str, source: pathlib.Path, look: Look, target: pathlib.Path) -> Measured:
    """Take the picture of a Markdown file as `target`, with more of them beside it if one is too tall."""
    with tempfile.TemporaryDirectory(prefix="shots-") as scratch:
        page = pathlib.Path(scratch, "page.html")
        page.write_text(framed(source, look), "utf-8")
        common = [chromium, *_FLAGS, f"--user-data-dir={scratch}/profile"]
        dom = _run([*common, f"--window-size={look.window},1000", "--dump-dom", page.as_uri()])
        found = json.loads(_MEASURED.findall(dom)[-1])
        for number, top in enumerate(range(0, found["height"], TALLEST)):
            height = min(TALLEST, found["height"] - top)
            part = target.with_stem(f"{target.stem}-{number + 1}") if number else target
            size = f"--window-size={look.window},{height}"
            _run([*common, size, f"--screenshot={part}", f"{page.as_uri()}?top={top}"])
    return Measured(found["height"], tuple(map(tuple, found["tables"])), found["code"])


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, timeout=120)
    return done.stdout
