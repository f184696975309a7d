"""What every host has in common: its log, its masks, its outputs, and what it says about the run.

A new host is a class beside `github.py`, and a line in `detect.py`. What else differs between hosts: how inputs are
spelled (`inputs.knob`, `Style`), and how a job signs in (`sign_in.detectors`).
"""

import contextlib
import re
import shlex
import sys
import sysconfig
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from ..errors.base import StepError, Unexpected
from ..inputs.knob import Style
from ..inputs.reading import spell
from ..model.secret import Secret
from ..model.source import Source
from ..plan.change import Change
from ..report import failure
from ..transport import trace
from .hiding import Hiding
from .neutralise import GUTTER, neutralise, plain
from .ticking import ticking

# The characters of an output: users paste outputs into shell lines.
_OUTPUT = re.compile(r"[\w .,:/\\@+=!~%()?-]*(\n[\w .,:/\\@+=!~%()?-]+)*")
_JSON = re.compile(r'[][{}"]')  # what our own JSON has beside its texts
EVERY = 10.0  # seconds between two lines about something that takes long
MESSAGES = 10  # GitHub shows that many annotations of a step, and nobody reads more
LONGEST = 3500  # characters of a message on the run's page; both hosts show 4096 at most
SHORTEST_MASK = 8  # characters; masking something shorter would blank out half of the log


class Host(ABC):
    """Where the step runs: a CI host or a terminal.

    `style` is how the names of inputs are spelled there, `feed` the feed as it is given, once the inputs are known.
    `title` is the stage that was begun last, `progress` what is planned and done, `debugging` whether debug lines show.
    """

    style: Style = "terminal"
    feed: str = ""
    debugging = False

    def __init__(self) -> None:
        """Write to stdout, one line at a time: packages are built in parallel."""
        self._stdout: TextIO | None = None
        self._lock = threading.RLock()
        self.progress = failure.Progress()
        self._hiding = Hiding()
        self.title = ""

    # --- the run

    @property
    @abstractmethod
    def repository(self) -> str:
        """The repository's address, perhaps with a user name in it; empty if the host names none."""

    @property
    @abstractmethod
    def commit(self) -> str:
        """The id of the commit that the run is for; empty if the host names none. Not every host uses git."""

    @property
    @abstractmethod
    def tag(self) -> str:
        """The tag whose push started the run; empty if the run is for something else."""

    @property
    @abstractmethod
    def run_url(self) -> str:
        """The address of the run's page; empty if there is none."""

    @property
    def source(self) -> Source:
        """All of this together, as the host spells it: nothing is checked."""
        return Source(self.repository, self.commit, self.tag, run=self.run_url)

    # --- lines

    def _hidden(self, text: str) -> str:
        return self._hiding.hidden(text)

    def write_trace(self, path: str) -> None:
        """Write what the run spent its time on to a file, if a path is given. That it can't be written stops no run."""
        try:
            if path:
                trace.RUN.write(Path(path), self._hidden)
        except OSError as error:
            self.warning(f"`trace` {path} can't be written: {error.strerror}.")

    def _write(self, text: str) -> None:
        self._put(self._hidden(text))

    def _put(self, text: str) -> None:
        with self._lock:
            self._out.write(text + "\n")
            self._out.flush()

    @property
    def _out(self) -> TextIO:
        """The stdout with which the run began: while a library's words are caught, other threads speak."""
        return self._stdout or sys.stdout

    def say(self, text: str = "") -> None:
        """Print our own text, line by line; names from metadata in it can't start a command."""
        for line in self._hidden(text).split("\n"):
            shown = plain(line)
            self._write(GUTTER + shown if shown.strip().startswith("::") else shown)

    def foreign(self, text: str) -> None:
        """Print hostile text behind the gutter. What makes it harmless could make a secret unrecognisable."""
        for line in neutralise(self._hidden(text)):
            self._write(line)

    def debug(self, text: str) -> None:
        """Show hostile text to whoever looks for a fault, where the run was started so; else nothing is done."""
        if self.debugging:
            for line in self._hidden(text).splitlines():
                self._debug(plain(line)[:LONGEST])

    @abstractmethod
    def _debug(self, line: str) -> None:
        """Show one harmless line as the host shows those for debugging."""

    # --- stages

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[list[str]]:
        """Group and time the lines that are printed inside; the closing line shows the texts of the yielded list."""
        self._open(title)
        self.title = title
        start = time.monotonic()
        done: list[str] = []
        try:
            with trace.RUN.span("stage", title):
                yield done
        finally:
            self._close()
            mark = "ok" if sys.exc_info()[0] is None else "FAILED"
            parts = [title, *done, f"{time.monotonic() - start:.1f} s"]
            self.say(f"{mark:<6} " + " · ".join(parts))

    @abstractmethod
    def _open(self, title: str) -> None:
        """Begin a group of lines."""

    @abstractmethod
    def _close(self) -> None:
        """End the group of lines."""

    def waiting(self, text: str) -> contextlib.AbstractContextManager[None]:
        """Say in a log, every ten seconds, for how long something has been going on."""
        start = time.monotonic()
        return ticking(EVERY, lambda: self.say(f"       {text}: {time.monotonic() - start:.0f} s"))

    # --- messages

    @abstractmethod
    def warning(self, text: str) -> None:
        """Show a warning that doesn't stop the step."""

    def begin(self, change: Change[Any]) -> None:
        """Say that a change is made from now on."""
        self.say(change.told)
        self.progress.begin(change)

    def saves(self, file: str) -> None:
        """Say that the feed saves `file` from now on, before there is a plan."""
        self.say(f"SAVE {file}: without that nobody tells what it requires")
        self.progress.saved.append(file)

    def error(self, error: StepError) -> None:
        """Show everything that a person needs to fix `error`: in the log, and on the run's page."""
        problems = failure.problems(error)
        for number, problem in enumerate(problems, 1):
            for each in problem.errors:
                if each.details:
                    self.foreign(each.details)
            if number <= MESSAGES:
                self._annotate(problem.title, problem.text(self._words), problem.place)
            else:
                self.say(f"\n{problem.title}\n{problem.text(self._words)}")
        self._page(failure.page(problems, self.progress, self._words))

    def cancelled(self) -> None:
        """Say that the run was cancelled, and what is done."""
        self.say("\ncancelled; run the step again to continue where it stopped")
        self._page(failure.cancelled(self.progress, self._words))

    def _page(self, markdown: str) -> None:
        with contextlib.suppress(OSError):  # a full disk, perhaps: the error itself is what counts
            self.summary(markdown)

    def _words(self, text: str) -> str:
        return "\n".join(plain(line) for line in self._hidden(spell(text, self.style)).split("\n"))

    @abstractmethod
    def _annotate(self, title: str, text: str, place: tuple[str, str]) -> None:
        """Show one message of an error, once. `place` is the file that is at fault and the line, or empty."""

    # --- for the host

    def mask(self, secret: Secret, user: str) -> None:
        """Blank out every form of `secret`, also beside the name of its `user`, in all that is printed from now on."""
        self._hiding.add(_worth_masking(secret, user))

    def _new_forms(self, secret: Secret, user: str) -> list[str]:
        """Return the forms of a secret that aren't masked yet: a host lists its masks, and each only once."""
        return [form for form in _worth_masking(secret, user) if form not in self._hiding.forms]

    def leaks(self, text: str) -> bool:
        """Tell whether `text` holds a masked secret in any of its forms."""
        return any(form in text for form in self._hiding.forms)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Hand the outputs to later steps; raise Unexpected for a value that isn't safe in a shell line."""
        for name, value in values.items():
            if not _OUTPUT.fullmatch(_JSON.sub("", value) if value.startswith("[{") else value):
                raise Unexpected(f"Output {name} has characters that no output may have.", details=value)
        self._outputs(values)

    @abstractmethod
    def _outputs(self, values: Mapping[str, str]) -> None:
        """Hand over outputs that were checked."""

    @abstractmethod
    def summary(self, markdown: str) -> None:
        """Add `markdown` to the run's page, if the host has one."""

    def check_files(self) -> None:  # noqa: B027  # most hosts read what a step hands on from its output alone
        """Raise HostFilesChanged if code of others wrote to the files from which the host reads outputs and variables.

        Called after each stretch of such code, and at the end. What was there is put back.
        """

    @contextlib.contextmanager
    def ours(self) -> Iterator[None]:
        """Check the host's files at the end of the block, however it ends: the host reads them in any case."""
        self._stdout = sys.stdout
        try:
            yield
        finally:
            self.check_files()

    def python_lines(self, minor: str) -> str:
        """Return the lines that give a job Python `minor` on this host, as users write them."""
        uv = Path(sysconfig.get_path("scripts"), "uv")  # the step's own: a person's machine may have none
        return f"{shlex.quote(str(uv))} python install {minor}"

    def finish(self, status: int, text: str = "") -> int:
        """Report how the step ended, if the host wants that; return the exit status that the host expects."""
        del text
        return status


def _worth_masking(secret: Secret, user: str) -> list[str]:
    return [form for form in secret.forms(user) if len(form) >= SHORTEST_MASK]


def pushed_tag(ref: str) -> str:
    """Return the tag of which `ref` is the full name, such as refs/tags/v1.0; empty for a branch."""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""
