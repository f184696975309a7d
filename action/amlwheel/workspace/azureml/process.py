"""The process in which azureml-core runs: started early and in the background, asked one question at a time.

The SDK has an environment of its own, since it needs an older packaging than twine; it takes two seconds to import, has
calls that never end, and prints and logs without being asked.
"""

import atexit
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import bootstrap

from ...errors.base import NoNetwork, StepError, TooSlow
from ...errors.bootstrap import BootstrapFailed
from ...errors.foreign import FileChanged
from ...errors.transport import BeyondBounds
from ...errors.workspace import (
    ApiVersionRefused,
    AzureRefused,
    NoSdkPython,
    SdkFailed,
    StorageRefused,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from ...model.azure import Workspace
from ...model.secret import excerpt, unsigned
from ...plan.observe import observing
from ...transport import debug, dialogue, installed, process, tools, variables
from ...transport.arm import grant

ACTION = Path(__file__).resolve().parents[3]
OLDEST, NEWEST = (3, 10), (3, 13)  # azureml-core 1.61.0.post4 ran on these; 3.14 resolves, but nobody ran it
# What azureml-core asks for, for its data plane too; the double slash is its own (azure_cli_core, resource_to_scopes).
AUDIENCE = "https://management.core.windows.net/"
DEADLINE = 50.0  # seconds for one question: of a request that hangs the SDK sees two attempts (worker.READ)
STARTS = 120.0  # seconds for importing the SDK, on a slow disk
INSTALL_SECONDS = 1800.0
MAKE = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; sys.exit(bootstrap.tell(sys.argv[2]))"
# What is printed on 1 from here on, by imports too, goes to stderr; answers have a way of their own.
START = (
    "import os, sys; sys.path.insert(0, sys.argv[1]); way = os.dup(1); os.dup2(2, 1); "
    "from amlwheel.workspace.azureml.worker import main; main(way)"
)
# The SDK's own retries pause for up to 32 seconds, and 40 in a row; ours are in the worker (clientbase.py).
CALMER = {"AZUREML_DEFAULT_BACKOFF": "2", "AZUREML_DEFAULT_503_BACKOFF": "1"}
STORAGE = ".blob.core.windows.net"
_INSTALLER = re.compile(r"PIP_CONFIG_FILE|XDG_CONFIG_(HOME|DIRS)|RUNNER_TEMP|AGENT_TEMPDIRECTORY", re.IGNORECASE)
_OLD_VERSION = re.compile(r"NoRegisteredProvider|InvalidResourceType|ApiVersion|api.version", re.IGNORECASE)
# What each call of the worker is about, for people.
DOING = {
    "opened": "opening the workspace",
    "readable": "reading the connection",
    "connect": "storing the connection",
    "environment": "reading the environment",
    "register": "registering the environment",
    "wheel": "looking for the wheel",
    "upload": "storing the wheel",
    "image": "asking for the image",
    "recipe": "asking for the files that the image is built from",
    "build": "starting the image build",
    "progress": "following the image build",
}
_NOTHING: Mapping[str, object] = MappingProxyType({})
Json = dict[str, Any]


class Token(Protocol):
    """The token of a credential."""

    @property
    def token(self) -> str:
        """The token itself."""


class Credential(Protocol):
    """Something that signs in, such as `sign_in.credential.Credential`."""

    def get_token(self, *scopes: str) -> Token:
        """Return a token for `scopes`."""


class Worker:
    """azureml-core in a process of its own. A question that outlives its deadline ends the process; the next has a new.

    `ready` is the time in seconds until the SDK was imported; `opened` has a future for each workspace that is opened.
    """

    def __init__(self, credential: Credential, workspaces: Sequence[Workspace], deadline: float = 0) -> None:
        """Begin to make the process and to open `workspaces`, without waiting.

        `deadline` is in seconds a question, DEADLINE without any.
        """
        self.ready = 0.0
        self._deadline = deadline or DEADLINE
        self._credential = credential
        self._lock = threading.Lock()  # one question at a time; only its holder starts or replaces the process
        self._home = tempfile.mkdtemp(prefix="amlwheel-")  # the SDK caches addresses there, and needs one
        atexit.register(shutil.rmtree, self._home, ignore_errors=True)
        self._child: dialogue.Dialogue | None = None
        self._unstartable: StepError | None = None
        self._began = time.monotonic()
        self._pool = ThreadPoolExecutor(max_workers=1)
        self.opened: dict[Workspace, Future[str]] = {
            each: self._pool.submit(self.ask, "opened", each) for each in workspaces
        }

    def wait(self) -> str:
        """Wait until every workspace is opened; return how long that took, for people. Raises as `ask` does."""
        start = time.monotonic()
        with observing() as observer:
            for opened in self.opened.values():
                observer.ask(opened.result)
        return f"azureml-core ready in {self.ready:.1f} s, waited {time.monotonic() - start:.1f} s"

    def ask(self, call: str, workspace: Workspace, given: Mapping[str, object] = _NOTHING, more: float = 0) -> Any:  # noqa: ANN401  # each call has its own answer
        """Return the worker's answer to `call` (a function of `worker`) about `workspace`.

        Raises TooSlow after the deadline and `more` seconds, and the errors that `failure` returns.
        """
        seconds = self._deadline + more
        tokens = {AUDIENCE: self._credential.get_token(f"{AUDIENCE}/.default").token}
        line = json.dumps({"call": call, "workspace": asdict(workspace), "tokens": tokens, **given})
        with self._lock:
            child = self._child = self._child or self._start()
            try:
                answer = child.ask(line, seconds)
            except TooSlow as error:
                self._child = None
                raise TooSlow(
                    f"azureml-core gave no answer within {seconds:.0f} seconds, {_doing(call, workspace)}.",
                    details=unsigned(error.details),
                ) from None
        if not answer:  # no new process: somebody ended this one, or it has crashed, and so would the next one
            raise SdkFailed(
                f"The process of azureml-core ended, {_doing(call, workspace)}.", details=unsigned(child.errors)
            )
        response = json.loads(answer)
        for told in response.get("debug", ()):
            debug.tell(f"azureml-core, {_doing(call, workspace)}: {told}")
        if "failure" in response:
            raise failure(response["failure"], call, workspace)
        return response["result"]

    def _start(self) -> dialogue.Dialogue:
        """Make the environment, unless an earlier run left it, and start the worker in it."""
        if self._unstartable:
            raise self._unstartable  # another attempt would only take as long again
        try:
            python = make_environment()
        except StepError as error:
            self._unstartable = error
            raise
        installed.add(python.parent.parent)
        home = dict.fromkeys(("HOME", "USERPROFILE", "AZURE_CONFIG_DIR"), self._home)
        options = installed.bytecode(python.parent.parent)
        child = dialogue.Dialogue(
            [python, "-X", "utf8", *options, "-I", "-c", START, ACTION],
            env=variables.for_tool() | home | CALMER,
            cwd=Path(self._home),
        )
        if not child.ask('{"call": "hello"}', STARTS):
            self._unstartable = SdkFailed("azureml-core can't be imported.", details=unsigned(child.errors))
            raise self._unstartable
        self.ready = self.ready or time.monotonic() - self._began
        return child


def make_environment() -> Path:
    """Return the python of azureml-core's environment; raise NoSdkPython or BootstrapFailed.

    The bootstrap makes it with the user's interpreter: only that one has pip and knows its configuration.
    """
    extra = {name: value for name, value in os.environ.items() if _INSTALLER.fullmatch(name)}
    extra |= {name: value for name, value in os.environ.items() if bootstrap.KEPT.fullmatch(name)}
    command: list[str | Path] = [interpreter(), "-I", "-B", "-X", "utf8", "-c", MAKE]
    command += [ACTION, ACTION / "locks" / "azureml.txt"]
    finished = process.run(command, env=variables.for_tool() | extra, cwd=ACTION, seconds=INSTALL_SECONDS)
    if finished.status != 0:
        raise BootstrapFailed("azureml-core couldn't be installed.", details=finished.tail())
    return Path(finished.tail(1))


def interpreter(version: tuple[int, int] = sys.version_info[:2], environ: Mapping[str, str] = os.environ) -> str:
    """Return a Python that azureml-core runs on: the step's own, or another one of this machine; raise NoSdkPython."""
    if OLDEST <= version <= NEWEST:
        return str(getattr(sys, "_base_executable", "") or sys.executable)
    versions = f">={OLDEST[0]}.{OLDEST[1]},<{NEWEST[0]}.{NEWEST[1] + 1}"
    python = tools.find_python(versions)
    if python:
        return python
    for variable in ("RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"):  # a setup step hasn't put it on PATH
        cache = Path(environ.get(variable) or os.devnull, "Python")
        for pattern in ("3.1[0-3].*/*/bin/python", "3.1[0-3].*/*/python.exe"):
            for place in sorted(cache.glob(pattern)):
                return str(place)
    raise NoSdkPython(f"azureml-core runs on Python 3.10 to 3.13; this runner only has {version[0]}.{version[1]}.")


def failure(report: Json, call: str, workspace: Workspace) -> StepError:
    """Return the error for what the SDK raised: `kind`, HTTP `status` (0 without one), `host`, `message`."""
    kind, status, host = (str(report[name]) for name in ("kind", "status", "host"))
    details = excerpt(unsigned(str(report["message"])), 2000)
    what = f"A service answered {status} to" if status != "0" else f"{kind} in"
    what = f"{what} azureml-core, {_doing(call, workspace)}."
    if kind == FileChanged.__name__:
        return FileChanged(details)
    if kind == "timeout":
        return TooSlow(f"A service gave no answer to azureml-core, {_doing(call, workspace)}.", details=details)
    if kind == BeyondBounds.__name__:
        return BeyondBounds(f"A service answered azureml-core, {_doing(call, workspace)}.", details=details)
    if kind == "network":
        match = re.search(r"host='([\w.-]+)'|https://([\w.-]+)", details)
        return NoNetwork(host or (match and (match[1] or match[2])) or "a service of Azure Machine Learning", details)
    if host.endswith(STORAGE) or "AuthorizationStorageAccount" in details:
        return StorageRefused(
            f"The storage of {workspace.name} didn't store or show the wheel: {status}.", details=details
        )
    return _refused(what, call, int(status), details, workspace)


def _refused(what: str, call: str, status: int, details: str, workspace: Workspace) -> StepError:
    if status in (401, 403):
        return WorkspaceForbidden(what, fix=grant(workspace), details=details)
    if status in (400, 404) and _OLD_VERSION.search(details):
        return ApiVersionRefused(
            f"Azure Resource Manager refuses azureml-core's request on {workspace.name}.", details=details
        )
    if call == "opened" and (status == 404 or "subscription" in details.lower()):  # noqa: PLR2004
        part = "workspace" if status else "subscription"  # the SDK looks for that one in a list
        name = workspace.name if status else workspace.subscription
        return WorkspaceNotFound(f"azureml-core finds no {part} {name}.", details=details)
    return AzureRefused(what, details=details) if status else SdkFailed(what, details=details)


def _doing(call: str, workspace: Workspace) -> str:
    return f"{DOING.get(call, call)} on {workspace.name}".replace("the workspace on", "workspace")
