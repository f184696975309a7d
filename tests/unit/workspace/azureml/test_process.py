"""azureml-core's process: made early, asked one thing at a time, replaced when it hangs; failures get their names."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.errors.bootstrap import BootstrapFailed
from amlwheel.errors.transport import BeyondBounds
from amlwheel.errors.workspace import (
    ApiVersionRefused,
    AzureRefused,
    NoSdkPython,
    SdkFailed,
    StorageRefused,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from amlwheel.model import secret
from amlwheel.transport import debug, dialogue, process
from amlwheel.workspace.azureml.process import Worker, failure, interpreter, make_environment
from unit.parts import CANARY, GUID, WORKSPACE

MAKE_ENVIRONMENT = "amlwheel.workspace.azureml.process.make_environment"

Answer = Callable[[dict[str, Any]], str]


class Credential:
    """Signs in as nobody."""

    def get_token(self, *scopes: str) -> SimpleNamespace:
        assert scopes == ("https://management.core.windows.net//.default",)
        return SimpleNamespace(token=CANARY)


class Children:
    """Takes the place of `process.Dialogue`: every child answers as told, and all that they were asked is kept."""

    def __init__(self, *answers: Answer) -> None:
        """Let the first child answer by the first of `answers`, and so on; the last one is for all others."""
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.commands: list[list[str]] = []
        self.environments: list[Mapping[str, str]] = []

    def __call__(self, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> SimpleNamespace:
        assert cwd.is_dir()
        self.commands.append(list(map(str, command)))
        self.environments.append(env)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

        def ask(line: str, seconds: float) -> str:
            assert seconds > 0
            request = json.loads(line)
            self.asked.append(request)
            return '{"result": "1.61"}' if request["call"] == "hello" else answer(request)

        return SimpleNamespace(ask=ask, errors="said\n")


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[Worker, Children]]:
    def start(*answers: Answer, workspaces: tuple[Any, ...] = ()) -> tuple[Worker, Children]:
        children = Children(*answers)
        monkeypatch.setattr(dialogue, "Dialogue", children)
        (tmp_path / "bin").mkdir()
        monkeypatch.setattr(MAKE_ENVIRONMENT, lambda: tmp_path / "bin" / "python")
        return Worker(Credential(), workspaces), children

    return start


def echo(request: dict[str, Any]) -> str:
    return json.dumps({"result": request})


def hang(_: dict[str, Any]) -> str:
    message = "no answer"
    raise TooSlow(message, details="https://x.blob.core.windows.net/a?sv=1&sig=abc%2Bdef&se=2")


# --- asking


def test_a_question_names_the_workspace_and_brings_a_token(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(echo)
    said = worker.ask("wheel", WORKSPACE, {"file": "a.whl"})
    assert said == {
        "call": "wheel",
        "workspace": {"subscription": GUID, "group": "rg", "name": "research"},
        "tokens": {"https://management.core.windows.net/": CANARY},
        "file": "a.whl",
    }
    assert CANARY not in json.dumps([children.commands, *map(dict, children.environments)])


def test_the_requests_of_the_sdk_are_told_with_what_was_asked(
    begin: Callable[..., tuple[Worker, Children]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(debug, "listeners", [told.append])
    worker, _ = begin(lambda _: json.dumps({"result": 1, "debug": ["GET https://x.example/: 200, 3 ms"]}))
    assert worker.ask("wheel", WORKSPACE) == 1
    assert told == ["azureml-core, looking for the wheel on research: GET https://x.example/: 200, 3 ms"]


def test_workspaces_are_opened_before_anybody_asks(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(echo, workspaces=(WORKSPACE,))
    worker.opened[WORKSPACE].result(5)
    assert [each["call"] for each in children.asked] == ["hello", "opened"]
    assert worker.ready > 0


def test_whoever_waits_learns_how_long_it_took(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(echo, workspaces=(WORKSPACE,))
    assert re.fullmatch(r"azureml-core ready in \d+\.\d s, waited \d+\.\d s", worker.wait())
    assert [each["call"] for each in children.asked] == ["hello", "opened"]


def test_whoever_waits_gets_the_error_of_a_workspace_that_cannot_be_opened(
    begin: Callable[..., tuple[Worker, Children]],
) -> None:
    worker, _ = begin(hang, workspaces=(WORKSPACE,))
    with pytest.raises(TooSlow, match="opening workspace research"):
        worker.wait()


def test_the_sdk_gets_a_home_of_its_own_and_no_secret(
    begin: Callable[..., tuple[Worker, Children]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)
    monkeypatch.setenv("HOME", "/nobody")
    worker, children = begin(echo)
    worker.ask("wheel", WORKSPACE)
    (env,) = children.environments
    assert CANARY not in env.values()
    assert env["HOME"] == env["AZURE_CONFIG_DIR"] != "/nobody"


def test_bytecode_is_written_from_the_second_run_on(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(hang, echo)
    with pytest.raises(TooSlow):
        worker.ask("wheel", WORKSPACE)
    worker.ask("wheel", WORKSPACE)
    first, second = children.commands
    assert "-B" in first
    assert any(word.startswith("pycache_prefix=") for word in second)


def test_a_hanging_process_is_replaced_by_a_new_one(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(hang, echo)
    with pytest.raises(TooSlow, match="no answer within 59 seconds, looking for the wheel on research") as caught:
        worker.ask("wheel", WORKSPACE, more=9)
    assert caught.value.details == "https://x.blob.core.windows.net/a?sv=1&sig=***&se=2"
    assert worker.ask("wheel", WORKSPACE)["call"] == "wheel"
    assert len(children.commands) == 2


def test_a_process_that_ends_is_told_and_not_replaced(begin: Callable[..., tuple[Worker, Children]]) -> None:
    worker, children = begin(lambda _: "", echo)
    with pytest.raises(SdkFailed, match="ended, looking for the wheel on research") as caught:
        worker.ask("wheel", WORKSPACE)
    assert caught.value.details == "said\n"
    with pytest.raises(SdkFailed):
        worker.ask("wheel", WORKSPACE)
    assert len(children.commands) == 1  # who was ended by a cancelled step must not come back


@pytest.mark.parametrize("count", [1, 2, 3])
def test_workspaces_that_hang_while_they_are_opened_hold_nobody(
    begin: Callable[..., tuple[Worker, Children]], count: int
) -> None:
    places = tuple(replace(WORKSPACE, name=f"ws-{number}") for number in range(count))
    worker, children = begin(hang, workspaces=places)
    for place in places:
        with pytest.raises(TooSlow):
            worker.opened[place].result(10)
    with pytest.raises(TooSlow):
        worker.ask("wheel", places[0])
    assert len(children.commands) == count + 1


def test_signed_addresses_in_a_failure_lose_their_signature(begin: Callable[..., tuple[Worker, Children]]) -> None:
    message = "PUT https://x/a.whl?sp=cw&sig=A%2Fb+c=&se=9 'sig=d'"
    said = {"failure": {"kind": "Exception", "status": 500, "host": "", "message": message}}
    worker, _ = begin(lambda _: json.dumps(said))
    with pytest.raises(AzureRefused) as caught:
        worker.ask("wheel", WORKSPACE)
    assert caught.value.details == "PUT https://x/a.whl?sp=cw&sig=***&se=9 'sig=***'"


def test_a_requirement_that_looks_like_a_signature_stays(begin: Callable[..., tuple[Worker, Children]]) -> None:
    spec = {"pip": ["pysig==1.0 --hash=sha256:00"]}
    worker, _ = begin(lambda _: json.dumps({"result": {"spec": spec}}))
    assert worker.ask("environment", WORKSPACE) == {"spec": spec}
    assert secret.unsigned("Collecting pysig==1.0") == "Collecting pysig==1.0"


def test_a_failure_is_raised(begin: Callable[..., tuple[Worker, Children]]) -> None:
    said = {"failure": {"kind": "Exception", "status": 403, "host": "", "message": "no"}}
    worker, _ = begin(lambda _: json.dumps(said))
    with pytest.raises(WorkspaceForbidden):
        worker.ask("environment", WORKSPACE)


def test_without_an_environment_every_question_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def make() -> Path:
        message = "none"
        raise NoSdkPython(message)

    monkeypatch.setattr(MAKE_ENVIRONMENT, make)
    worker = Worker(Credential(), [WORKSPACE])
    for question in (worker.opened[WORKSPACE].result, lambda: worker.ask("wheel", WORKSPACE)):
        with pytest.raises(NoSdkPython):
            question()


def test_an_sdk_that_does_not_import_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(MAKE_ENVIRONMENT, lambda: tmp_path / "bin" / "python")
    dead = SimpleNamespace(ask=lambda *_: "", errors="ImportError\n")
    monkeypatch.setattr(dialogue, "Dialogue", lambda *_, **__: dead)
    worker = Worker(Credential(), [])
    with pytest.raises(SdkFailed, match="can't be imported") as caught:
        worker.ask("wheel", WORKSPACE)
    assert caught.value.details == "ImportError\n"


# --- failures


BLOB, SERVICE = "acme.blob.core.windows.net", "a.api.azureml.ms"


@pytest.mark.parametrize(
    ("call", "kind", "status", "host", "message", "error", "told"),
    [
        (
            "environment",
            "timeout",
            0,
            "",
            "",
            TooSlow,
            "no answer to azureml-core, reading the environment on research",
        ),
        ("wheel", "BeyondBounds", 0, "", "x.example answered with more than 32 MiB.", BeyondBounds, "azureml-core, "),
        ("register", "network", 0, "", "HTTPSConnectionPool(host='a.example', port=443)", NoNetwork, "a.example"),
        ("register", "network", 0, "", "GET https://b.example/x failed", NoNetwork, "No connection to b.example."),
        ("register", "network", 0, SERVICE, "reset", NoNetwork, SERVICE),
        ("register", "network", 0, "", "reset", NoNetwork, "a service of Azure Machine Learning"),
        ("environment", "Exception", 401, "", "", WorkspaceForbidden, "answered 401 to azureml-core, reading the env"),
        ("register", "Exception", 403, "", "", WorkspaceForbidden, "403"),
        ("upload", "UserErrorException", 403, SERVICE, "no role", WorkspaceForbidden, "storing the wheel"),
        ("opened", "ProjectSystemException", 404, "", "Workspace not found.", WorkspaceNotFound, "workspace research"),
        ("opened", "UserErrorException", 0, "", "No access to subscription", WorkspaceNotFound, f"subscription {GUID}"),
        ("opened", "KeyError", 0, "", "'api'", SdkFailed, "KeyError in azureml-core, opening workspace research."),
        ("readable", "X", 400, "", "NoRegisteredProviderFound: …", ApiVersionRefused, "refuses azureml-core's request"),
        ("readable", "X", 404, "", "InvalidResourceType for api version", ApiVersionRefused, "research"),
        ("connect", "X", 400, "", "InvalidApiVersionParameter", ApiVersionRefused, "research"),
        ("register", "Exception", 400, "", "the name", AzureRefused, "answered 400 to azureml-core, registering the"),
        (
            "wheel",
            "HTTPError",
            403,
            BLOB,
            "AuthorizationFailure",
            StorageRefused,
            "didn't store or show the wheel: 403.",
        ),
        ("upload", "AzureMLException", 0, "", "AuthorizationStorageAccount", StorageRefused, "storage of research"),
        ("upload", "HttpOperationError", 500, SERVICE, "oops", AzureRefused, "500"),
        ("progress", "AttributeError", 0, "", "'NoneType'", SdkFailed, "AttributeError"),
    ],
)
def test_every_failure_has_its_name(  # noqa: PLR0913, PLR0917  # a table
    call: str, kind: str, status: int, host: str, message: str, error: type[StepError], told: str
) -> None:
    made = failure({"kind": kind, "status": status, "host": host, "message": message}, call, WORKSPACE)
    assert type(made) is error
    assert told in made.what
    assert made.details == message


@pytest.mark.parametrize(
    "text", ["?sv=1&sig=%s&se=2", "sig=%s", r"https://x?a=b\u0026sig=%s", "%%3Fsv%%3D1%%26sig%%3D%s&x", "SIG=%s'"]
)
def test_a_signature_is_blanked_out_however_it_is_spelled(text: str) -> None:
    assert CANARY not in secret.unsigned(text % CANARY)
    assert secret.unsigned(text % "x") == text % "***"


# --- the environment


def test_the_steps_own_python_will_do_if_the_sdk_runs_on_it() -> None:
    for minor in (10, 11, 12, 13):
        assert Path(interpreter((3, minor))).exists()


@pytest.mark.parametrize("version", [(3, 14), (3, 9)])
def test_another_python_of_the_machine_is_found(monkeypatch: pytest.MonkeyPatch, version: tuple[int, int]) -> None:
    def run(command: list[str], **_: object) -> process.Finished:
        assert command[:3] == ["uv", "python", "find"]
        assert command[-1] == ">=3.10,<3.14"
        return process.Finished(0, f"{sys.executable}\n")

    monkeypatch.setattr(process, "run", run)
    assert interpreter(version, {}) == sys.executable


def test_a_python_in_the_hosts_tool_cache_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: process.Finished(2, ""))
    for version in ("3.14.0", "3.12.9"):
        place = tmp_path / "Python" / version / "x64" / "bin"
        place.mkdir(parents=True)
        (place / "python").touch()
    assert interpreter((3, 14), {"RUNNER_TOOL_CACHE": str(tmp_path)}) == str(place / "python")


def test_without_any_python_for_the_sdk_the_fix_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: process.Finished(2, ""))
    with pytest.raises(NoSdkPython, match=r"this runner only has 3\.14") as caught:
        interpreter((3, 14), {})
    assert "setup-python" in caught.value.fix


def test_the_bootstrap_makes_the_environment_with_the_machines_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Mapping[str, str]] = []

    def run(command: list[str], *, env: Mapping[str, str], **_: object) -> process.Finished:
        assert str(command[-1]).endswith("azureml.txt")
        seen.append(env)
        return process.Finished(0, "amlwheel: installing … 57 packages\n\n/x/bin/python\n")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/pip.conf")
    monkeypatch.setenv("UV_HTTP_TIMEOUT", "99")
    monkeypatch.setenv("AZURE_CLIENT_SECRET", CANARY)
    assert make_environment() == Path("/x/bin/python")
    assert (seen[0]["PIP_CONFIG_FILE"], seen[0]["UV_HTTP_TIMEOUT"]) == ("/pip.conf", "99")
    assert CANARY not in seen[0].values()


def test_a_failed_installation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: process.Finished(91, "no index\n"))
    with pytest.raises(BootstrapFailed, match="azureml-core couldn't be installed") as caught:
        make_environment()
    assert caught.value.details == "no index"


def test_a_wheel_that_was_replaced_before_its_upload_is_called_that() -> None:
    said = {"kind": "FileChanged", "status": 0, "host": "", "message": "a.whl has sha256 1…, and had 2…"}
    error = failure(said, "upload", WORKSPACE)
    assert (error.code, error.what) == ("AW183", "a.whl has sha256 1…, and had 2…")
