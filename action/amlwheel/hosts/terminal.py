"""A person's terminal, or a CI host that amlwheel doesn't know."""

import contextlib
import re
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from typing_extensions import override

from ..inputs.reading import spell
from .azure_pipelines import AzurePipelines
from .github import GitHub
from .host import Host
from .ticking import ticking

PATIENCE = 2  # seconds that something may take before the clock is shown
BEAT = 0.5  # seconds between two looks at the clock
READY = "Getting ready"
# The colours of the beginnings of lines, as ECMA-48 numbers them.
_COLOURS = {"ok": 32, "FAILED": 31, "error:": "1;31", "warning:": 33, "skip": 2, "debug:": 2, "----": 1, "|": 2}
_MARK = re.compile(r"(ok|FAILED|warning:)(?= )|(error:|skip|debug:|----|\|) .*")


class Terminal(Host):
    """A person's terminal, or a CI host that amlwheel doesn't know: everything is plain lines.

    Many CI hosts, and the containers that a job starts, have the variables of GitHub Actions or Azure Pipelines. So
    what these name counts here too: a release of a pushed tag is compared with that tag.
    """

    def __init__(self, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write to stdout; `environ` may name the run."""
        super().__init__()
        self.debugging = environ.get("AMLWHEEL_DEBUG") == "1"
        self._colours = _wanted(environ)
        self._ticking, self._doing, self._since = "", READY, time.monotonic()
        self._named = (GitHub(environ), AzurePipelines(environ))

    @property
    @override
    def repository(self) -> str:
        return self._first("repository")

    @property
    @override
    def commit(self) -> str:
        return self._first("commit")

    @property
    @override
    def tag(self) -> str:
        return self._first("tag")

    @property
    @override
    def run_url(self) -> str:
        return self._first("run_url")

    def _first(self, name: str) -> str:
        return next(filter(None, (getattr(host, name) for host in self._named)), "")

    @override
    def _put(self, text: str) -> None:
        with self._lock:
            self._wipe()
            super()._put(self._coloured(text))

    def _wipe(self) -> None:
        self._out.write("\r" + " " * len(self._ticking) + "\r" if self._ticking else "")
        self._ticking = ""

    def _coloured(self, line: str) -> str:
        """Return a line of the log in colours, where a person looks; foreign text has a gutter, so it chooses none."""
        mark = _MARK.match(line)
        if not mark or not (self._out.isatty() if self._colours is None else self._colours):
            return line
        return f"\x1b[{_COLOURS[mark[0].split()[0]]}m{mark[0]}\x1b[0m{line[mark.end() :]}"

    @override
    def _debug(self, line: str) -> None:
        self._write(f"debug: {line}")

    @override
    def _open(self, title: str) -> None:
        self.say(f"----   {title}")
        self._doing, self._since = title, time.monotonic()

    @override
    def _close(self) -> None:
        self._doing, self._since = READY, time.monotonic()

    @override
    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        """Show meanwhile what is going on, and for how long, where a person looks."""
        clock = ticking(BEAT, self._tick) if self._out.isatty() else contextlib.nullcontext()
        with super().ours(), clock:
            yield

    def _tick(self) -> None:
        """Show it in one line, which the next one replaces: so it has to fit."""
        seconds = time.monotonic() - self._since
        if seconds > PATIENCE:
            end = f" … {seconds:.0f} s"
            room = shutil.get_terminal_size().columns - len(end) - 1
            with self._lock:
                self._wipe()
                self._ticking = f"       {self._doing}"[:room] + end
                self._out.write(self._ticking)
                self._out.flush()

    @override
    @contextlib.contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Where the clock is seen, say it there."""
        before, self._doing = self._doing, f"{self._doing} · {text}"
        try:
            with contextlib.nullcontext() if self._out.isatty() else super().waiting(text):
                yield
        finally:
            self._doing = before

    @override
    def warning(self, text: str) -> None:
        self.say(f"warning: {spell(text, self.style)}")

    @override
    def _annotate(self, title: str, text: str, place: tuple[str, str]) -> None:
        del place
        self.say(f"\nerror: {title}\n{text}")

    @override
    def _outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.say(f"{name}={', '.join(value.splitlines())}")

    @override
    def summary(self, markdown: str) -> None:
        pass  # the lines of the log say the same


def _wanted(environ: Mapping[str, str]) -> bool | None:
    """Tell whether the user wants colours, or nothing (no-color.org, force-color.org; an old Windows shows none)."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return False if sys.platform == "win32" and "WT_SESSION" not in environ else None
