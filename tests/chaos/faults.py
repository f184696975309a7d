"""What goes wrong, at which request: the requests of an undisturbed release, and each fault that one can have."""

import collections
import random
import re
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chaos.bench import Json
from rehearsal.proxy.world import is_write
from rehearsed.steps import SIGN_IN

ONCE: Json = {"times": 1}
_PAGE: Json = {"body": SIGN_IN, "headers": {"Content-Type": "text/html"}}
FAULTS: Mapping[str, Json] = {
    "503 once": {"status": 503, **ONCE},
    "503 always": {"status": 503},
    "429, Retry-After 1, once": {"status": 429, "headers": {"Retry-After": "1"}, **ONCE},
    "429, Retry-After 3600": {"status": 429, "headers": {"Retry-After": "3600"}},
    "reset before it acted": {"reset": True, **ONCE},
    "reset after it acted": {"reset": True, "after": True, **ONCE},
    "truncated": {"mangle": "truncate", **ONCE},
    "HTML with 200": {"status": 200, **_PAGE},
    "HTML with 203": {"status": 203, **_PAGE},
    "401 from here on": {"status": 401},
    "409 of a racing release": {"status": 409, "after": True, **ONCE},
    "hangs before it acted": {"delay": 3600},
    "hangs after it acted": {"mangle": "silence"},
    "drips": {"mangle": "drip"},
    "flood": {"mangle": "flood"},
}
HANGING = frozenset({"hangs before it acted", "hangs after it acted"})
"""Those that run with shorter limits, see `brisk`."""
_FOR_UV = frozenset({"drips", "flood"})
"""Likewise, where uv is asking: it has no limit for a whole answer, but the step has one for uv."""
_BY_UV = " by uv"
_MOVING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_SIGNED = re.compile(r"(?<=[?&])(s[a-z]{1,3}|sig)=[^&]*")
_NAMES = re.compile(r"sha256:[0-9a-f]{64}|(?<=/)[^/]*acme[^/]*|(?<=/)\d+\.\d+[^/]*|[0-9a-f]{12,}")


@dataclass(frozen=True)
class Request:
    """One request of an undisturbed release: the `nth` (from 0) with this method, host and target."""

    index: int
    method: str
    host: str
    target: str
    """A pattern for path and query, in which identifiers and signatures may change."""
    nth: int
    kind: str
    """Method, address without names, whether something was written before, whether uv asks. A kind means the same."""

    def brisk(self, name: str) -> bool:
        """Tell whether that fault needs shorter limits here."""
        return name in HANGING or (name in _FOR_UV and self.kind.endswith(_BY_UV))

    def fault(self, name: str) -> Json:
        """Return the fault of that name at this request: from it on, or once."""
        place = {"method": self.method, "host": f"^{re.escape(self.host)}$", "path": self.target, "skip": self.nth}
        return {**place, **FAULTS[name]}

    def allows(self, name: str) -> bool:
        """Tell whether there can be this fault: what reads can't race."""
        return name != "409 of a racing release" or is_write({"method": self.method, "url": f"https://{self.host}/"})


@dataclass(frozen=True)
class Case:
    """A fault at a request."""

    request: Request
    fault: str


def requests_of(lines: Iterable[Json]) -> list[Request]:
    """Return the requests of a recorded release, by index."""
    seen: collections.Counter[tuple[str, str, str]] = collections.Counter()
    found, written = [], ""
    for index, line in enumerate(lines):
        parts = urllib.parse.urlsplit(line["url"])
        path = parts._replace(scheme="", netloc="", fragment="").geturl()
        same = (line["method"], parts.hostname or "", f"^{_pattern(path)}$")
        found.append(Request(index, *same, seen[same], _kind(line["method"], parts) + written + _client(line)))
        seen[same] += 1
        written = " after a write" if written or is_write(line) else ""
    return found


def cases(
    requests: Sequence[Request], known: frozenset[str] = frozenset(), *, everything: bool, seed: int
) -> list[Case]:
    """Return each request with one fault in turn, and each fault with one request of each kind that isn't `known`.

    With `everything` each request has each fault.
    """
    chance, names, kinds = random.Random(seed), list(FAULTS), set(known)
    if everything:
        return [Case(each, name) for each in requests for name in names if each.allows(name)]
    start = chance.randrange(len(names))
    chosen = [Case(each, _turn(each, names, start + number)) for number, each in enumerate(requests)]
    for each in requests:
        if each.kind not in kinds:
            kinds.add(each.kind)
            chosen += [Case(each, name) for name in names if each.allows(name)]
    return list(dict.fromkeys(chosen))


def _turn(request: Request, names: Sequence[str], start: int) -> str:
    return next(name for name in (names[(start + more) % len(names)] for more in (0, 1)) if request.allows(name))


def _pattern(path: str) -> str:
    marked = _SIGNED.sub(r"\1=SIGNED", _MOVING.sub("MOVING", path))
    return re.escape(marked).replace("MOVING", "[0-9a-fA-F-]{36}").replace("SIGNED", "[^&]*")


def _client(line: Json) -> str:
    return _BY_UV if str(line.get("request_headers", {}).get("user-agent", "")).startswith("uv/") else ""


def _kind(method: str, parts: Any) -> str:  # noqa: ANN401  # urllib's own type has no public name
    path = _NAMES.sub("*", _MOVING.sub("*", parts.path))
    query = ",".join(sorted(key for key in urllib.parse.parse_qs(parts.query) if len(key) > 3))
    return f"{method} {parts.hostname}{path} {query}".strip()
