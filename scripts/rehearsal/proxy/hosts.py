"""Which stand-in answers for a host."""

import re
from collections.abc import Mapping

from starlette.types import ASGIApp


class Hosts:
    """A stand-in for each host, named exactly or by a pattern for the whole name; in any case."""

    def __init__(self, apps: Mapping[str | re.Pattern[str], ASGIApp]) -> None:
        """Take the apps by host."""
        self._apps = [(_pattern(host), app) for host, app in apps.items()]

    def find(self, host: str) -> ASGIApp | None:
        """Return the stand-in for a host, None if it has none."""
        return next((app for pattern, app in self._apps if re.fullmatch(pattern, host, re.IGNORECASE)), None)

    @property
    def pattern(self) -> str:
        """A pattern that is found in `host:443` exactly for hosts with a stand-in (mitmproxy's allow_hosts)."""
        return f"^(?:{'|'.join(pattern for pattern, _ in self._apps)}):443$"


def _pattern(host: str | re.Pattern[str]) -> str:
    text = re.escape(host) if isinstance(host, str) else host.pattern
    return re.sub(r"\(\?P<\w+>", "(?:", text)
