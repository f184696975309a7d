"""The process that azureml-core lives in: made early and in the background, asked one question at a time.

The SDK has an environment of its own, since it needs an older packaging than twine; it takes two seconds to import, has
calls that never end, and prints and logs as it likes.
"""

import json
import os
import re
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

from . import process
from .arm import grant
from .errors import (
    ApiVersionRefused,
    AzureRefused,
    BootstrapFailed,
    NoNetwork,
    NoSdkPython,
    SdkFailed,
    StepError,
    StorageRefused,
    TooSlow,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from .model import Workspace

ACTION = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = (3, 10), (3, 13)  # azureml-core 1.61.0.post4 ran on these; 3.14 resolves, but nobody ran it
# What azureml-core asks for, for its data plane too; the double slash is its own (azure_cli_core, resource_to_scopes).
AUDIENCE = "https://management.core.windows.net/"
DEADLINE = 120.0  # seconds for one question
INSTALL_SECONDS = 1800.0
MAKE = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; sys.exit(bootstrap.tell(sys.argv[2]))"
START = "import sys; sys.path.insert(0, sys.argv[1]); from amlwheel.azureml_worker import main; main()"
# The SDK's own retries pause for up to 32 seconds, and 40 in a row; ours are in the worker (clientbase.py).
CALMER = {"AZUREML_DEFAULT_BACKOFF": "2", "AZUREML_DEFAULT_503_BACKOFF": "1"}
_INSTALLER = re.compile(r"PIP_\w+|XDG_CONFIG_(HOME|DIRS)|RUNNER_TEMP|AGENT_TEMPDIRECTORY", re.IGNORECASE)
# Whoever knows a signed address may use it.
_SIGNATURE = re.compile(r"(\bsig=)[^&\s\"'\\<>]+", re.IGNORECASE)
_OLD_VERSION = re.compile(r"NoRegisteredProviderFound|(Invalid|Unsupported)\w*ApiVersion|api-version", re.IGNORECASE)
_MISSING = {"ResourceGroupNotFound": "resource group", "SubscriptionNotFound": "subscription"}
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
    "build": "starting the image build",
    "progress": "following the image build",
}
_NOTHING: Mapping[str, object] = MappingProxyType({})
Json = dict[str, Any]


class Token(Protocol):
    """What a credential gives."""

    @property
    def token(self) -> str:
        """The token itself."""


class Credential(Protocol):
    """Something that signs in, such as `credentials.Credential`."""

    def get_token(self, *scopes: str) -> Token:
        """Return a token for `scopes`."""


class Worker:
    """azureml-core in a process of its own. A question that outlives its deadline ends the process; the next has a new.

    `ready` and `waited` are seconds: until the SDK was imported, and how long questions had to wait for that.
    """

    def __init__(self, credential: Credential, workspaces: Sequence[Workspace]) -> None:
        """Begin to make the process and to open `workspaces`, without waiting for it."""
        self.ready = self.waited = 0.0
        self._credential = credential
        self._lock = threading.Lock()
        self._home = tempfile.TemporaryDirectory(prefix="amlwheel-", ignore_cleanup_errors=True)
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._began = time.monotonic()
        self._child = self._pool.submit(self._start)
        self.opened: dict[Workspace, Future[str]] = {
            each: self._pool.submit(self.ask, "opened", each) for each in workspaces
        }

    def ask(
        self, call: str, workspace: Workspace, given: Mapping[str, object] = _NOTHING, seconds: float = DEADLINE
    ) -> Any:  # noqa: ANN401  # each call has its own answer
        """Return the worker's answer to `call` (a function of `azureml_worker`) about `workspace`.

        Raises TooSlow after `seconds`, and whatever the failure stands for in the catalogue.
        """
        tokens = {AUDIENCE: self._credential.get_token(f"{AUDIENCE}/.default").token}
        line = json.dumps({"call": call, "workspace": asdict(workspace), "tokens": tokens, **given})
        with self._lock:
            child = self._ready_child()
            try:
                answer = child.ask(line, seconds)
            except TooSlow as error:
                self._child = self._pool.submit(self._start)
                message = f"azureml-core gave no answer within {seconds:.0f} seconds, {_doing(call, workspace)}."
                raise TooSlow(message, details=_unsigned(error.details)) from None
        if not answer:
            self._child = self._pool.submit(self._start)
            message = f"The process of azureml-core ended, {_doing(call, workspace)}."
            raise SdkFailed(message, details=_unsigned(child.said))
        said = json.loads(_unsigned(answer))
        if "failure" in said:
            raise failure(said["failure"], call, workspace)
        return said["result"]

    def close(self) -> None:
        """Forget the process; `process.end_all` ends it."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._home.cleanup()

    def _ready_child(self) -> process.Dialogue:
        """Wait until the process is there; raise why it can't be."""
        began = time.monotonic()
        child = self._child.result()
        self.waited += time.monotonic() - began
        return child

    def _start(self) -> process.Dialogue:
        """Make the environment, unless an earlier run left it, and start the worker in it."""
        python = make_environment()
        home = self._home.name  # the SDK caches addresses below it, and can't do without one
        env = process.environment() | {"HOME": home, "USERPROFILE": home, "AZURE_CONFIG_DIR": home, **CALMER}
        command: list[str | Path] = [python, "-X", "utf8", *_bytecode(python), "-I", "-c", START, ACTION]
        child = process.Dialogue(command, env=env, cwd=Path(home))
        if not child.ask('{"call": "hello"}', DEADLINE):
            message = "azureml-core can't be imported."
            raise SdkFailed(message, details=_unsigned(child.said))
        self.ready = time.monotonic() - self._began
        return child


def make_environment() -> Path:
    """Return the python of azureml-core's environment; raise NoSdkPython or BootstrapFailed.

    The bootstrap makes it, with the user's interpreter: only that one knows pip and its configuration.
    """
    extra = {name: value for name, value in os.environ.items() if _INSTALLER.fullmatch(name)}
    command: list[str | Path] = [interpreter(), "-I", "-B", "-X", "utf8", "-c", MAKE]
    command += [ACTION, ACTION / "locks" / "azureml.txt"]
    finished = process.run(command, env=process.environment() | extra, cwd=ACTION, seconds=INSTALL_SECONDS)
    if finished.status != 0:
        message = "azureml-core couldn't be installed."
        raise BootstrapFailed(message, details=finished.tail())
    return Path(finished.tail(1))


def interpreter(version: tuple[int, int] = sys.version_info[:2], environ: Mapping[str, str] = os.environ) -> str:
    """Return a Python that azureml-core runs on: the step's own, or another one of this machine; raise NoSdkPython."""
    if OLDEST <= version <= NEWEST:
        return str(getattr(sys, "_base_executable", "") or sys.executable)
    wanted = f">={OLDEST[0]}.{OLDEST[1]},<{NEWEST[0]}.{NEWEST[1] + 1}"
    command = ["uv", "python", "find", "--no-config", "--no-project", "--system", wanted]
    found = process.run(command, env=process.environment(environ), seconds=60, errors=False).output.strip()
    if Path(found).is_file():
        return found
    for variable in ("RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"):  # not on PATH until a setup step puts it there
        cache = Path(environ.get(variable) or os.devnull, "Python")
        for pattern in ("3.1[0-3].*/*/bin/python", "3.1[0-3].*/*/python.exe"):
            for place in sorted(cache.glob(pattern)):
                return str(place)
    message = f"azureml-core runs on Python 3.10 to 3.13; this runner has {version[0]}.{version[1]} only."
    raise NoSdkPython(message)


def _bytecode(python: Path) -> list[str]:
    """Keep bytecode beside the environment from the second run on, as `bootstrap.bytecode` does for the step."""
    cache = python.parent.parent / "bytecode"
    if cache.is_dir():
        return ["-X", f"pycache_prefix={cache}"]
    cache.mkdir()
    return ["-B"]


def failure(said: Json, call: str, workspace: Workspace) -> StepError:
    """Return the error of the catalogue for what the SDK raised: `kind`, HTTP `status` (0 without one), `message`."""
    kind, status, details = str(said["kind"]), int(said["status"]), str(said["message"])[:2000]
    what = f"azureml-core got {status or kind}, {_doing(call, workspace)}."
    if kind == "timeout":
        return TooSlow(f"A service gave no answer to azureml-core, {_doing(call, workspace)}.", details=details)
    if kind == "network":
        host = re.search(r"host='([\w.-]+)'|https://([\w.-]+)", details)
        return NoNetwork(host[1] or host[2] if host else "a service of Azure Machine Learning", details)
    if call in ("wheel", "upload") and (status in (403, 404, 409) or "Storage" in details):
        message = f"The storage of {workspace.name} didn't take or show the wheel: {status}."
        return StorageRefused(message, details=details)
    return _refused(what, call, status, details, workspace)


def _doing(call: str, workspace: Workspace) -> str:
    return f"{DOING.get(call, call)} on {workspace.name}".replace("the workspace on", "workspace")


def _refused(what: str, call: str, status: int, details: str, workspace: Workspace) -> StepError:
    if status in (401, 403):
        return WorkspaceForbidden(what, fix=grant(workspace), details=details)
    if status in (0, 404) and call == "opened":
        return _unopened(what, details, workspace)
    if status == 400 and _OLD_VERSION.search(details):  # noqa: PLR2004
        message = f"Azure Resource Manager refuses azureml-core's request on {workspace.name}."
        return ApiVersionRefused(message, details=details)
    if status:
        return AzureRefused(what, fix=_name_fix(call, status), details=details)
    return SdkFailed(what, details=details)


def _unopened(what: str, details: str, workspace: Workspace) -> StepError:
    """Return what a workspace that can't be opened stands for; a subscription that isn't shown has no status."""
    missing = next((part for code, part in _MISSING.items() if code in details), "workspace")
    if "subscription" in details.lower() and "ResourceGroup" not in details and "Workspace" not in details:
        missing = "subscription"
    if missing == "workspace" and "not found" not in details.lower():
        return SdkFailed(what, details=details)
    name = {"subscription": workspace.subscription, "resource group": workspace.group}.get(missing, workspace.name)
    return WorkspaceNotFound(f"azureml-core finds no {missing} {name}.", details=details)


def _name_fix(call: str, status: int) -> str:
    if call == "register" and status == 400:  # noqa: PLR2004
        return "Read Azure's message; if it is about the name, set `environment-name` to another."
    return ""


def _unsigned(text: str) -> str:
    return _SIGNATURE.sub(r"\1***", text)
