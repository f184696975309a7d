"""Azure Pipelines, in our task or in a script step: logging commands on stdout.

Grammar: azure-pipelines-agent, `Command.cs`, `CommandStringConvertor.cs`, `TaskCommandExtension.cs`.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors.base import StepError
from ..inputs.knob import camel
from ..inputs.reading import spell
from ..model.secret import Secret
from . import azure_variables
from .neutralise import plain
from .terminal import SHORTEST_MASK, Terminal

LONGEST = 3500  # characters of an issue; the run's page shows 4096 at most, and the log has all of them


class AzurePipelines(Terminal):
    """An Azure Pipelines job. In a script step the step is used as on a command line, and so are the inputs' names."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the agent's variables from `environ`."""
        super().__init__()
        self._environ = environ
        self.style = "azure" if azure_variables.is_task(environ) else "terminal"

    def _command(self, name: str, data: str, **properties: str) -> None:
        """Issue a logging command. Nothing else in this program writes `##vso[`."""
        words = "".join(f"{key}={_property(self._hidden(value))};" for key, value in properties.items())
        self._put(f"##vso[{name} {words}]{_data(self._hidden(data))}")

    def _open(self, title: str) -> None:
        self._put(f"##[group]{plain(self._hidden(title))}")

    def _close(self) -> None:
        self._put("##[endgroup]")

    def warning(self, text: str) -> None:
        """Show a warning on the run's page."""
        self._command("task.logissue", _plain(spell(text, self.style)), type="warning")

    def error(self, error: StepError) -> None:
        """Show everything that a person needs to mend `error`, with the build identity's name where it lacks a role."""
        super().error(azure_variables.advise(error, self._environ))

    def _annotate(self, title: str, what: str, advice: str) -> None:
        self.say(f"\n{title}\n{what}\n{advice}")
        text = _plain(self._hidden(f"amlwheel {title}\n{what}\n{advice}"))[:LONGEST]
        self._command("task.logissue", text, type="error", code=title.split(maxsplit=1)[0])

    def mask(self, secret: Secret, user: str) -> None:
        """Have the agent mask every form of `secret`: it doesn't think of base64 by itself (HostContext.cs)."""
        for form in secret.forms(user):
            if len(form) >= SHORTEST_MASK:
                self._put(f"##vso[task.setsecret]{_data(form)}")
        super().mask(secret, user)

    def _outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._command("task.setvariable", value, variable=camel(name), isOutput="true")

    def summary(self, markdown: str) -> None:
        """Add `markdown` to the run's page. The agent uploads the file later, so each run has one of its own."""
        folder = tempfile.mkdtemp(prefix="amlwheel-", dir=self._environ.get("AGENT_TEMPDIRECTORY"))
        page = Path(folder) / "amlwheel.md"
        page.write_text(self._hidden(markdown), "utf-8")
        self._command("task.uploadsummary", str(page))

    def finish(self, status: int, text: str = "") -> int:
        """Say the last word. For the agent, a task that exits with another status than 0 is broken (NodeHandler.cs)."""
        if not azure_variables.is_task(self._environ):
            return status
        self._command("task.complete", text, result="Failed" if status else "Succeeded")
        return 0


def _plain(text: str) -> str:
    """Return a message whose lines, once decoded, can't be taken for a command or a mark of the log viewer."""
    return "\n".join(plain(line) for line in text.split("\n"))


def _data(text: str) -> str:
    """Escape a command's message (CommandStringConvertor.cs)."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a command's property (CommandStringConvertor.cs)."""
    return _data(text).replace("]", "%5D").replace(";", "%3B")
