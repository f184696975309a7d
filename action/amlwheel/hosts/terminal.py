"""A person's terminal, or a CI host that amlwheel doesn't know."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from typing_extensions import override

from ..inputs.reading import spell
from .azure_pipelines import AzurePipelines
from .github import GitHub
from .host import Host

PATIENCE = 2  # seconds that a stage may take before its clock is shown


class Terminal(Host):
    """A person's terminal, or a CI host that amlwheel doesn't know: everything is plain lines.

    Many CI hosts, and the containers that a job starts, have the variables of GitHub Actions or Azure Pipelines. So
    what these name counts here too: a release of a pushed tag is compared with that tag.
    """

    def __init__(self, environ: Mapping[str, str] = MappingProxyType({})) -> None:
        """Write to stdout; `environ` may name the run."""
        super().__init__()
        self._ticking = ""
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
            if self._ticking:
                sys.stdout.write("\r" + " " * len(self._ticking) + "\r")
                self._ticking = ""
            super()._put(text)

    @override
    def _open(self, title: str) -> None:
        self.say(f"----   {title}")

    @override
    def _close(self) -> None:
        pass

    @override
    @contextlib.contextmanager
    def _clock(self, title: str, start: float) -> Iterator[None]:
        if not sys.stdout.isatty():
            yield
            return
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(0.5):
                with self._lock:
                    if time.monotonic() - start > PATIENCE and not ended.is_set():
                        self._ticking = f"       {title} … {time.monotonic() - start:.0f} s"
                        sys.stdout.write("\r" + self._ticking)
                        sys.stdout.flush()

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    @override
    def waiting(self, text: str) -> contextlib.AbstractContextManager[None]:
        """Say nothing where the stage's own clock is seen."""
        return contextlib.nullcontext() if sys.stdout.isatty() else super().waiting(text)

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
