"""GitHub Actions: workflow commands on stdout, outputs and summary through files."""

import uuid
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import override

from ..inputs.knob import Style
from ..inputs.reading import spell
from ..model.secret import Secret
from .handed import Handed
from .host import LONGEST, Host, pushed_tag
from .neutralise import CONTROL


def is_job(environ: Mapping[str, str]) -> bool:
    """Tell whether this is a job of GitHub Actions (GitHub docs, variables)."""
    return environ.get("GITHUB_ACTIONS") == "true"


class GitHub(Host):
    """A job of GitHub Actions; the runner's variables are those of GitHub docs, "Variables reference"."""

    style: Style = "github"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the runner's variables from `environ`."""
        super().__init__()
        self._environ = environ
        self.debugging = environ.get("RUNNER_DEBUG") == "1"
        self._stopped = ""
        self._handed = Handed(environ)

    @property
    @override
    def repository(self) -> str:
        name = self._environ.get("GITHUB_REPOSITORY")
        return f"{self._environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}" if name else ""

    @property
    @override
    def commit(self) -> str:
        return self._environ.get("GITHUB_SHA", "")

    @property
    @override
    def tag(self) -> str:
        if self._environ.get("GITHUB_REF_TYPE") == "tag":
            return self._environ.get("GITHUB_REF_NAME", "")
        return pushed_tag(self._environ.get("GITHUB_REF", ""))

    @property
    @override
    def run_url(self) -> str:
        number, attempt = (self._environ.get(name) for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"))
        again = f"/attempts/{attempt}" if attempt and attempt != "1" else ""
        return f"{self.repository}/actions/runs/{number}{again}" if number else ""

    def _command(self, text: str) -> None:
        with self._lock:
            self._resume()
            self._write(text)

    def _resume(self) -> None:
        if self._stopped:
            self._put(f"::{self._stopped}::")
            self._stopped = ""

    @override
    def foreign(self, text: str) -> None:
        with self._lock:
            if not self._stopped:  # a second fence: workflow commands are switched off
                self._stopped = uuid.uuid4().hex
                self._write(f"::stop-commands::{self._stopped}")
            super().foreign(text)

    def _message(self, text: str) -> str:
        return _data(self._hidden(text))  # in this order: an escaped form that has a % wouldn't be found

    @override
    def _debug(self, line: str) -> None:
        self._command(f"::debug::{self._message(line)}")

    @override
    def _open(self, title: str) -> None:
        self._command(f"::group::{self._message(title)}")

    @override
    def _close(self) -> None:
        self._command("::endgroup::")

    @override
    def warning(self, text: str) -> None:
        self._command(f"::warning title=amlwheel::{self._message(spell(text, self.style))}")

    @override
    def _annotate(self, title: str, text: str, place: tuple[str, str]) -> None:
        # The runner shows the message in the log as well, so that what fits isn't printed beside it.
        whole = self._hidden(f"{title}\n{text}")
        if len(whole) > LONGEST:
            self.say(f"\n{whole}")
            whole = f"{whole[:LONGEST]}…\nThe log and the summary have the rest."
        file, line = place
        beside = f",file={_property(self._hidden(file))},line={line}" if file else ""
        self._command(f"::error title=amlwheel{beside}::{_data(whole)}")

    @override
    def mask(self, secret: Secret, user: str) -> None:
        # The runner itself masks only what comes from `secrets`.
        with self._lock:
            self._resume()  # otherwise the runner would print the command, and the secret in it
            for form in self._new_forms(secret, user):
                self._put(f"::add-mask::{_data(form)}")
        super().mask(secret, user)

    @override
    def python_lines(self, minor: str) -> str:
        return (
            "- uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0\n"
            f'  with: {{python-version: "{minor}", update-environment: false}}'
        )

    @override
    def _outputs(self, values: Mapping[str, str]) -> None:
        self._append("GITHUB_OUTPUT", "".join(_heredoc(name, value) for name, value in values.items()))

    @override
    def summary(self, markdown: str) -> None:
        self._append("GITHUB_STEP_SUMMARY", self._hidden(markdown))

    def _append(self, variable: str, text: str) -> None:
        path = self._environ.get(variable)
        if path:
            self._handed.append(Path(path), text)

    @override
    def check_files(self) -> None:
        self._handed.check()


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
