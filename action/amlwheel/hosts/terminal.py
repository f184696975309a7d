"""A person's terminal, or a CI system that isn't known."""

import contextlib
import re
import sys
import threading
import time
from collections.abc import Iterator, Mapping

from ..errors.base import Several, StepError, Unexpected
from ..inputs.knob import Style
from ..inputs.reading import spell
from ..model.secret import Secret
from .neutralise import GUTTER, neutralise, plain

# What an output may hold: users paste outputs into shell lines.
_OUTPUT = re.compile(r"[\w .,:/\\@+=!~%()-]*(\n[\w .,:/\\@+=!~%()-]+)*")
SHORTEST_MASK = 8  # characters; masking something shorter would blank out half of the log


class Terminal:
    """A person's terminal, or any CI system that isn't known; the other hosts build on it."""

    style: Style = "terminal"

    def __init__(self) -> None:
        """Write to stdout, one line at a time: packages are built in parallel."""
        self._lock = threading.RLock()
        self._ticking = ""
        self._secrets: list[str] = []

    # --- lines

    def _hidden(self, text: str) -> str:
        for form in self._secrets:
            text = text.replace(form, "***")
        return text

    def _write(self, text: str) -> None:
        self._put(self._hidden(text))

    def _put(self, text: str) -> None:
        with self._lock:
            if self._ticking:
                sys.stdout.write("\r" + " " * len(self._ticking) + "\r")
                self._ticking = ""
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def say(self, text: str = "") -> None:
        """Print our own text, line by line; names from metadata in it can't start a command."""
        for line in text.split("\n"):
            shown = plain(line)
            self._write(GUTTER + shown if shown.strip().startswith("::") else shown)

    def foreign(self, text: str) -> None:
        """Print hostile text behind the gutter."""
        for line in neutralise(text):
            self._write(line)

    # --- stages

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[list[str]]:
        """Group and time what is printed inside; what is appended to the yielded list stands in the closing line."""
        self._open(title)
        start = time.monotonic()
        done: list[str] = []
        try:
            with self._ticker(title, start):
                yield done
        finally:
            self._close()
            mark = "ok" if sys.exc_info()[0] is None else "FAILED"
            parts = [title, *done, f"{time.monotonic() - start:.1f} s"]
            self.say(f"{mark:<6} " + " · ".join(parts))

    def _open(self, title: str) -> None:
        self.say(f"----   {title}")

    def _close(self) -> None:
        pass

    @contextlib.contextmanager
    def _ticker(self, title: str, start: float) -> Iterator[None]:
        """Show a running clock for anything over two seconds, when somebody is looking."""
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(0.5):
                with self._lock:
                    if time.monotonic() - start > 2 and not ended.is_set():  # noqa: PLR2004  # seconds
                        self._ticking = f"       {title} … {time.monotonic() - start:.0f} s"
                        sys.stdout.write("\r" + self._ticking)
                        sys.stdout.flush()

        if self.style != "terminal" or not sys.stdout.isatty():  # act and some runners give a terminal, too
            yield
            return
        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    # --- news

    def warning(self, text: str) -> None:
        """Show a warning that doesn't stop the step."""
        self.say(f"warning: {spell(text, self.style)}")

    def error(self, error: StepError) -> None:
        """Show everything that a person needs to mend `error`."""
        for each in error.errors if isinstance(error, Several) else (error,):
            if each.details:
                self.foreign(each.details)
            self._annotate(f"{each.code} {each.title}", spell(each.what, self.style), _advice(each, self.style))

    def _annotate(self, title: str, what: str, advice: str) -> None:
        self.say(f"\nerror: {title}\n{what}\n{advice}")

    # --- for the host

    def mask(self, secret: Secret, user: str) -> None:
        """Blank out every form in which `secret` may show up in what is printed from now on."""
        forms = (form for form in secret.forms(user) if len(form) >= SHORTEST_MASK)
        self._secrets = sorted({*self._secrets, *forms}, key=len, reverse=True)

    def leaks(self, text: str) -> bool:
        """Tell whether `text` holds a masked secret in any of its forms."""
        return any(form in text for form in self._secrets)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand the outputs to later steps; raise Unexpected for a value that isn't safe in a shell line."""
        for name, value in values.items():
            if not _OUTPUT.fullmatch(value):
                raise Unexpected(f"Output {name} has characters that no output may have.", details=value)
        self._outputs(values)

    def _outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self.say(f"{name}={', '.join(value.splitlines())}")

    def summary(self, markdown: str) -> None:
        """Show a page about the run where the host has a place for one."""

    def finish(self, status: int, text: str = "") -> int:
        """Say how the step ended, where the host wants to be told; return the status that it expects."""
        del text
        return status


def _advice(error: StepError, style: Style) -> str:
    return f"Likely cause: {spell(error.cause, style)}\nWhat to do:   {spell(error.fix, style)}"
