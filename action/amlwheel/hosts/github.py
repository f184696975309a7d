"""GitHub Actions: workflow commands on stdout, outputs and summary through files."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from ..inputs.knob import Style
from ..inputs.reading import spell
from ..model.secret import Secret
from .neutralise import CONTROL
from .terminal import SHORTEST_MASK, Terminal


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


def _data(text: str) -> str:
    """Escape a command's message (actions/toolkit, `escapeData`)."""
    lines = [CONTROL.sub("\ufffd", line) for line in text.replace("\r", "").split("\n")]
    return "\n".join(lines).replace("%", "%25").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a command's property (actions/toolkit, `escapeProperty`)."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _heredoc(name: str, value: str) -> str:
    """Write an output so that no value can end it early: the delimiter is random."""
    delimiter = f"amlwheel_{uuid.uuid4().hex}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
