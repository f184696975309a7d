"""Where the step runs, and how it talks there: stages, warnings, errors, masks, outputs, summary.

Everything that comes from outside (tools, servers, package metadata) is neutralised: CI hosts execute commands that
they find in the log. Grammar: actions/runner `ActionCommand.cs`, azure-pipelines-agent `Command.cs`.
"""

import contextlib
import os
import re
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors.base import Several, StepError, Unexpected
from .inputs.knob import Style
from .inputs.reading import spell
from .model.secret import Secret

GUTTER = "| "
# Control, direction and invisible characters, and surrogates, which no stream could encode.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_COMMAND = re.compile(r"##(?=\[|vso)", re.IGNORECASE)
# What an output may hold: users paste outputs into shell lines.
_OUTPUT = re.compile(r"[\w .,:/\\@+=!~%()-]*(\n[\w .,:/\\@+=!~%()-]+)*")
SHORTEST_MASK = 8  # characters; masking something shorter would blank out half of the log


def neutralise(text: str) -> list[str]:
    """Split hostile `text` into lines that no CI host takes for a command, each behind a visible gutter.

    Lines end at CR, LF or both, as the runners have it; control and direction characters become U+FFFD; `##[` and
    `##vso` are broken up visibly, never by an invisible character (culture-sensitive comparisons skip those).
    """
    return [GUTTER + plain(line) for line in re.split(r"\r\n|\r|\n", text)]


def plain(line: str) -> str:
    """Return one line without control characters and without anything that could start a command inside it."""
    return _COMMAND.sub("#_#", _CONTROL.sub("\ufffd", line.replace("\r", " ").replace("\n", " ")))


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
                message = f"Output {name} has characters that no output may have."
                raise Unexpected(message, details=value)
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


class GitHub(Terminal):
    """GitHub Actions: workflow commands on stdout, outputs and summary through files."""

    style: Style = "github"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the paths of the runner's files from `environ`."""
        super().__init__()
        self._environ = environ
        self._stopped = ""

    def _command(self, text: str) -> None:
        with self._lock:
            self._resume()
            self._write(text)

    def _resume(self) -> None:
        if self._stopped:
            self._put(f"::{self._stopped}::")
            self._stopped = ""

    def foreign(self, text: str) -> None:
        """Print hostile text behind the gutter, with workflow commands switched off as a second fence."""
        with self._lock:
            if not self._stopped:
                self._stopped = uuid.uuid4().hex
                self._write(f"::stop-commands::{self._stopped}")
            super().foreign(text)

    def _message(self, text: str) -> str:
        return _data(self._hidden(text))  # in this order: a form with % in it would not be found when escaped

    def _open(self, title: str) -> None:
        self._command(f"::group::{self._message(title)}")

    def _close(self) -> None:
        self._command("::endgroup::")

    def warning(self, text: str) -> None:
        """Annotate the run with a warning."""
        self._command(f"::warning title=amlwheel::{self._message(spell(text, self.style))}")

    def _annotate(self, title: str, what: str, advice: str) -> None:
        # An annotation holds 4096 characters; what is cut off there still stands in the log.
        self.say(f"\n{title}\n{what}\n{advice}")
        text = self._hidden(f"{what}\n{advice}")[:3500]
        self._command(f"::error title={_property('amlwheel ' + title)}::{_data(text)}")

    def mask(self, secret: Secret, user: str) -> None:
        """Have the runner mask every form of `secret` too; it knows only those that came from `secrets`."""
        with self._lock:
            self._resume()  # else the runner would print the command, and the secret in it
            for form in secret.forms(user):
                if len(form) >= SHORTEST_MASK:
                    self._put(f"::add-mask::{_data(form)}")
        super().mask(secret, user)

    def _outputs(self, values: Mapping[str, str]) -> None:
        self._append("GITHUB_OUTPUT", "".join(_heredoc(name, value) for name, value in values.items()))

    def summary(self, markdown: str) -> None:
        """Add `markdown` to the job's summary page."""
        self._append("GITHUB_STEP_SUMMARY", markdown)

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if path:
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(text)


def detect(environ: Mapping[str, str] = os.environ) -> Terminal:
    """Return the host that `environ` tells of."""
    return GitHub(environ) if environ.get("GITHUB_ACTIONS") == "true" else Terminal()


def _advice(error: StepError, style: Style) -> str:
    return f"Likely cause: {spell(error.cause, style)}\nWhat to do:   {spell(error.fix, style)}"


def _data(text: str) -> str:
    """Escape a command's message (actions/toolkit, `escapeData`)."""
    lines = [_CONTROL.sub("\ufffd", line) for line in text.replace("\r", "").split("\n")]
    return "\n".join(lines).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a command's property (actions/toolkit, `escapeProperty`)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _heredoc(name: str, value: str) -> str:
    """Write an output so that no value can end it early: the delimiter is random."""
    delimiter = f"amlwheel_{uuid.uuid4().hex}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
