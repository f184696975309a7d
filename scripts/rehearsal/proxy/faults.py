"""Answers that go wrong on demand."""

import json
import pathlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_MANGLES = ("", "drip", "truncate", "flood", "silence")


@dataclass
class Fault:
    """One way for requests to go wrong. The patterns are searched for, in any case.

    Either `status` (with `headers` and `body`: text, or something to send as JSON) or `reset`
    (the connection is closed without an answer) or just `delay` (seconds, then the real answer).
    `after` lets the stand-in handle the request first, for "an error although it was stored". `mangle` always does:
    the true response comes byte by byte (`drip`), in part (`truncate`), without an end (`flood`) or never (`silence`).
    """

    host: str = ""
    path: str = ""
    """Searched for in the request's path and query as they were sent."""
    method: str = ""
    skip: int = 0
    """So many matching requests pass before the first one fails."""
    times: int | None = None
    """So many requests fail; None: all."""
    delay: float = 0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = ""
    reset: bool = False
    after: bool = False
    mangle: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing, so that no test passes because its fault was misspelt."""
        if self.status is None and not self.reset and not self.delay and not self.mangle:
            raise ValueError(f"a fault needs status, reset, delay or mangle: {self}")
        if self.mangle not in _MANGLES:
            raise ValueError(f"nothing is mangled so: {self.mangle}")
        for pattern in (self.host, self.path, self.method):
            re.compile(pattern)

    def matches(self, method: str, host: str, path: str) -> bool:
        """Tell whether this fault is about such a request."""
        pairs = ((self.host, host), (self.path, path))
        return all(re.search(pattern, text, re.IGNORECASE) for pattern, text in pairs) and bool(
            re.fullmatch(self.method or ".*", method, re.IGNORECASE)
        )

    @property
    def answers(self) -> bool:
        """Tell whether the client gets this fault instead of the stand-in's answer."""
        return self.reset or self.status is not None

    def content(self) -> tuple[bytes, dict[str, str]]:
        """Return the answer's body and headers."""
        if isinstance(self.body, str):
            return self.body.encode(), {"Content-Type": "text/plain; charset=utf-8", **self.headers}
        return json.dumps(self.body).encode(), {"Content-Type": "application/json", **self.headers}


class Faults:
    """The faults of one run, which counts how often each matched."""

    def __init__(self, faults: Iterable[Mapping[str, Any]]) -> None:
        """Take faults as JSON objects; TypeError or ValueError for one that makes no sense."""
        self._faults = [Fault(**fault) for fault in faults]
        self._seen = [0] * len(self._faults)

    def hit(self, method: str, host: str, path: str) -> Fault | None:
        """Return the first fault that strikes this request. Each matching fault counts the request."""
        struck = None
        for index, fault in enumerate(self._faults):
            if not fault.matches(method, host, path):
                continue
            self._seen[index] += 1
            nth = self._seen[index] - fault.skip
            if struck is None and nth > 0 and (fault.times is None or nth <= fault.times):
                struck = fault
        return struck


class LiveFaults:
    """The faults in a file, which may be replaced at any time; the requests are then counted anew."""

    def __init__(self, path: pathlib.Path) -> None:
        """Read `path` (a JSON list) at each request, if it has changed."""
        self._path = path
        self._mark = (0, 0)
        self._faults = Faults([])

    def hit(self, method: str, host: str, path: str) -> Fault | None:
        """Return the fault that strikes this request now."""
        found = self._path.stat()
        if self._mark != (found.st_ino, found.st_mtime_ns):
            self._mark = (found.st_ino, found.st_mtime_ns)
            self._faults = Faults(json.loads(self._path.read_text("utf-8")))
        return self._faults.hit(method, host, path)
