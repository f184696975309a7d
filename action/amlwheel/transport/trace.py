"""What a run spends its time on: stages, requests and tools; for people, and as a file for a viewer.

Chrome (chrome://tracing), Edge and Perfetto read it ("Trace Event Format": complete events, microseconds).
"""

import contextlib
import json
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

Kind = Literal["stage", "request", "tool"]
SHOWN = 5


@dataclass(frozen=True)
class Span:
    """One thing that took time: `start` is on the clock of `time.monotonic`, both times are in seconds."""

    kind: Kind
    name: str
    start: float
    seconds: float


class Trace:
    """What has ended by now. Threads add to it at the same time."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.spans: list[Span] = []

    @contextlib.contextmanager
    def span(self, kind: Kind, name: str) -> Iterator[None]:
        """Note how long the block takes, however it ends."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.spans.append(Span(kind, name, start, time.monotonic() - start))

    @property
    def longest(self) -> list[tuple[str, str, float]]:
        """Kind, name and seconds of what took longest."""
        found = sorted(self.spans, key=lambda each: -each.seconds)[:SHOWN]
        return [(each.kind, each.name, each.seconds) for each in found]

    def chrome(self, hidden: Callable[[str], str]) -> str:
        """Return all as JSON for a viewer; `hidden` takes secrets out of a text."""
        kinds: tuple[Kind, ...] = ("stage", "request", "tool")
        events = [event for number, kind in enumerate(kinds, 1) for event in self._events(number, kind, hidden)]
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}, indent=1) + "\n"

    def write(self, path: Path, hidden: Callable[[str], str]) -> None:
        """Write it to `path`. A link that somebody has put there is replaced and not followed. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder, "trace.json")
            draft.write_text(self.chrome(hidden), "utf-8")
            draft.replace(path)

    def _events(self, number: int, kind: Kind, hidden: Callable[[str], str]) -> Iterator[dict[str, Any]]:
        yield {"ph": "M", "pid": number, "name": "process_name", "args": {"name": f"{kind}s"}}
        began = min((each.start for each in self.spans), default=0.0)
        ends: list[float] = []  # of the last span in each row
        for each in sorted((each for each in tuple(self.spans) if each.kind == kind), key=lambda each: each.start):
            row = next((row for row, end in enumerate(ends) if end <= each.start), len(ends))
            ends[row : row + 1] = [each.start + each.seconds]
            times = {"ts": round((each.start - began) * 1e6), "dur": round(each.seconds * 1e6)}
            yield {"ph": "X", "pid": number, "tid": row, "cat": kind, "name": hidden(each.name), **times}


RUN = Trace()


def request(method: str, url: str) -> str:
    """Return a request's name: without user, query and fragment, which may hold secrets."""
    parts = urlsplit(url)
    return f"{method} {parts.hostname or ''}{parts.path}"


def tool(command: Sequence[str | os.PathLike[str]]) -> str:
    """Return a tool's name: the program, and the words that say what it does; no path and no option."""
    program, *rest = map(str, command)
    plain = [each for each in rest[:2] if re.fullmatch(r"[a-z]+", each)]
    words = [rest[rest.index("-m") + 1]] if "-m" in rest else plain
    return " ".join([Path(program).name, *words])
