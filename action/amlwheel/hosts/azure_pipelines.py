"""Azure Pipelines, in our task or in a script step: logging commands on stdout.

Grammar: azure-pipelines-agent, `Command.cs`, `CommandStringConvertor.cs`, `TaskCommandExtension.cs`.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from typing_extensions import override

from ..errors.base import StepError
from ..inputs.knob import camel
from ..inputs.reading import spell
from ..model.secret import Secret
from . import azure_variables
from .host import LONGEST, Host, pushed_tag
from .neutralise import plain

_DIAGRAM = re.compile(r"```mermaid\n.*?\n```\n+", re.DOTALL)  # the run's page would show its source


class AzurePipelines(Host):
    """A job of Azure Pipelines. In a script step the inputs have the names of the command line.

    The agent's variables are those of Learn, build/variables.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take the agent's variables from `environ`."""
        super().__init__()
        self._environ = environ
        self.debugging = environ.get("SYSTEM_DEBUG", "").lower() == "true"
        self.style = "azure" if azure_variables.is_task(environ) else "terminal"

    @property
    @override
    def repository(self) -> str:
        return self._environ.get("BUILD_REPOSITORY_URI", "")

    @property
    @override
    def commit(self) -> str:
        return self._environ.get("BUILD_SOURCEVERSION", "")

    @property
    @override
    def tag(self) -> str:
        return pushed_tag(self._environ.get("BUILD_SOURCEBRANCH", ""))

    @property
    @override
    def run_url(self) -> str:
        number, collection = (self._environ.get(name, "") for name in ("BUILD_BUILDID", "SYSTEM_COLLECTIONURI"))
        project = quote(self._environ.get("SYSTEM_TEAMPROJECT", ""))
        return f"{collection.rstrip('/')}/{project}/_build/results?buildId={number}" if number else ""

    def _command(self, name: str, data: str, **properties: str) -> None:
        """Issue a logging command. Nothing else in this program writes `##vso[`."""
        words = "".join(f"{key}={_property(self._hidden(value))};" for key, value in properties.items())
        self._put(f"##vso[{name} {words}]{_data(self._hidden(data))}")

    @override
    def _debug(self, line: str) -> None:
        self._command("task.debug", line)

    @override
    def _open(self, title: str) -> None:
        self._put(f"##[group]{plain(self._hidden(title))}")

    @override
    def _close(self) -> None:
        self._put("##[endgroup]")

    @override
    def warning(self, text: str) -> None:
        self._command("task.logissue", _plain(self._hidden(spell(text, self.style))), type="warning")

    @override
    def error(self, error: StepError) -> None:
        super().error(azure_variables.advise(error, self._environ, self.feed))

    @override
    def _annotate(self, title: str, text: str, place: tuple[str, str]) -> None:
        # The agent writes an issue into the log as well, so that what fits isn't printed beside it.
        whole = _plain(self._hidden(f"amlwheel {title}\n{text}"))
        if len(whole) > LONGEST:
            self.say(f"\n{whole}")
            whole = f"{whole[:LONGEST]}…\nThe log and the summary have the rest."
        file, line = place
        beside = {"sourcepath": file, "linenumber": line} if file else {}
        self._command("task.logissue", whole, type="error", code=title.split(maxsplit=1)[0], **beside)

    @override
    def mask(self, secret: Secret, user: str) -> None:
        # The agent derives other forms of a secret, but not base64 (HostContext.cs).
        for form in self._new_forms(secret, user):
            self._put(f"##vso[task.setsecret]{_data(form)}")
        super().mask(secret, user)

    @override
    def python_lines(self, minor: str) -> str:
        return f'- task: UsePythonVersion@0\n  inputs: {{versionSpec: "{minor}", addToPath: false}}'

    @override
    def _outputs(self, values: Mapping[str, str]) -> None:
        for name, value in values.items():
            self._command("task.setvariable", value, variable=camel(name), isOutput="true")

    @override
    def summary(self, markdown: str) -> None:
        # The agent uploads the file later, so each run has a folder of its own.
        folder = tempfile.mkdtemp(prefix="amlwheel-", dir=self._environ.get("AGENT_TEMPDIRECTORY"))
        page = Path(folder) / "amlwheel.md"
        page.write_text(self._hidden(spell(_DIAGRAM.sub("", markdown), self.style)), "utf-8")
        self._command("task.uploadsummary", str(page))

    @override
    def finish(self, status: int, text: str = "") -> int:
        if not azure_variables.is_task(self._environ):
            return status
        # For the agent, a task that exits with another status than 0 is broken (NodeHandler.cs).
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
