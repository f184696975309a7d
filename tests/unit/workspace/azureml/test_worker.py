"""The worker's own rules: what it tries again, and what it says of the SDK's many kinds of failure.

azureml-core isn't here, so stand-ins of its modules let the file be imported; the rehearsed tests run it for real.
"""

import importlib
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from amlwheel.errors.transport import BeyondBounds
from azure.core.exceptions import HttpResponseError

MODULES = {
    "azureml._restclient.artifacts_client": ["ArtifactsClient"],
    "azureml._restclient.environment_client": ["EnvironmentClient"],
    "azureml._vendor.azure_storage.blob._shared.policies": ["ExponentialRetry"],
    "azureml.core": ["VERSION", "Environment", "Workspace"],
    "azureml.core.authentication": ["TokenAuthentication"],
    "azureml.core.conda_dependencies": ["CondaDependencies"],
}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, members in MODULES.items():
        module = types.ModuleType(name)
        for member in members:
            setattr(module, member, object)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "amlwheel.workspace.azureml.worker", raising=False)
    imported: Any = importlib.import_module("amlwheel.workspace.azureml.worker")
    monkeypatch.setattr(imported, "PAUSES", (0.0, 0.0, 0.0))
    yield imported
    sys.modules.pop("amlwheel.workspace.azureml.worker", None)


@pytest.mark.parametrize(
    ("place", "followed"),
    [
        ("https://eastus.api.azureml.ms/runs/1", True),
        ("https://eastus.api.azureml.ms:443/runs/1", True),
        ("http://eastus.api.azureml.ms/runs/1", False),
        ("https://api.azureml.ms.evil.example/runs/1", False),
    ],
)
def test_the_progress_of_a_build_is_asked_at_the_service_that_started_it(
    worker: types.ModuleType, monkeypatch: pytest.MonkeyPatch, place: str, *, followed: bool
) -> None:
    client = types.SimpleNamespace(
        _start_cloud_image_build=lambda *_: {"location": place},
        get_cluster_url=lambda: "https://eastus.api.azureml.ms",
    )
    monkeypatch.setattr(worker, "EnvironmentClient", lambda _: client)
    monkeypatch.setattr(worker, "_workspace", lambda _: types.SimpleNamespace(service_context=None))
    assert worker.build({"name": "e", "version": "1"}) == (place if followed else "")


def with_status(status: int) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    return made


def wrapped(inner: Exception) -> Exception:
    outer = Exception("azureml's own")
    outer.inner_exception = inner  # type: ignore[attr-defined]  # as azureml-core and msrest keep it
    return outer


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (Exception("Error retrieving the environment definition. Code: 404\n: {}"), "Exception", 404),
        (Exception("Code: none"), "Exception", 0),
        (KeyError("api"), "KeyError", 0),
        (requests.HTTPError("x", response=with_status(503)), "HTTPError", 503),
        (HttpResponseError("x", response=with_status(409)), "HttpResponseError", 409),  # type: ignore[arg-type]
        (requests.ReadTimeout("x"), "timeout", 0),
        (wrapped(BeyondBounds("x.example answered with more than 32 MiB.")), "BeyondBounds", 0),
        (requests.ConnectionError("x"), "network", 0),
        (ConnectionResetError("x"), "network", 0),
        (wrapped(requests.ConnectTimeout("x")), "timeout", 0),
        (wrapped(requests.ConnectionError("x")), "network", 0),
        (wrapped(requests.HTTPError("x", response=with_status(403))), "Exception", 403),
    ],
)
def test_a_failure_is_told_by_kind_and_status(worker: Any, error: Exception, kind: str, status: int) -> None:  # noqa: ANN401
    def fail(_: object) -> None:
        raise error

    worker.CALLS["hello"] = fail
    said = worker.answer({"call": "hello"})
    assert (said["failure"]["kind"], said["failure"]["status"]) == (kind, status)


@pytest.mark.parametrize(
    ("errors", "outcome"),
    [
        (["503", "503", "503"], "done"),
        (["reset", "timeout", "429"], "done"),
        (["503", "503", "503", "503"], "Code: 503"),
        (["404"], "Code: 404"),
        (["409"], "Code: 409"),
    ],
)
def test_what_may_pass_is_tried_again(worker: Any, errors: list[str], outcome: str) -> None:  # noqa: ANN401
    kinds = {"reset": requests.ConnectionError("reset"), "timeout": requests.Timeout("slow")}
    left = [kinds.get(each) or Exception(f"Code: {each}") for each in errors]

    def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    if outcome == "done":
        assert worker._again(call) == outcome
    else:
        with pytest.raises(Exception, match=outcome):
            worker._again(call)
    assert left == []


def test_every_request_has_a_limit_and_an_upload_a_longer_one(worker: Any) -> None:  # noqa: ANN401
    seen: list[Any] = []
    send = worker._bounded(lambda *_, **more: seen.append(more["timeout"]))
    for headers in ({}, {"Content-Length": str(60 * worker.SLOWEST)}):
        send(None, requests.Request("PUT", "https://x.example", headers=headers).prepare(), timeout=None, stream=True)
    assert seen == [(worker.CONNECT, worker.READ), (worker.CONNECT, worker.READ + 60)]


@pytest.mark.parametrize(
    ("said", "stored", "lines"),
    [
        ({"status": "Failed", "logUrl": "https://told"}, "", ["told"]),
        ({"status": "Failed", "logUrl": None}, "https://b-1", ["stored"]),
        ({"status": "Failed", "logUrl": "https://refused"}, "https://b-1", ["stored"]),
        ({"status": "Failed", "error": "under the path /azureml/ImageLogs/i-2/build.log"}, "https://i-2", ["stored"]),
        ({"status": "Failed", "logUrl": "https://refused"}, "", None),
        ({"status": "Failed", "logUrl": "https://empty"}, "", None),
        ({"status": "Running", "logUrl": "https://empty"}, "https://b-1", []),
    ],
)
def test_a_log_that_is_not_where_the_service_says_is_looked_for_in_the_storage(
    worker: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    said: dict[str, Any],
    stored: str,
    lines: list[str] | None,
) -> None:
    class Client:
        def __init__(self, _: object) -> None:
            """Take what the SDK's clients take."""

        def _get_lro_response(self, _: str) -> dict[str, Any]:
            return said

        def get_file_uri(self, origin: str, build: str, path: str) -> str:
            assert (origin, path) == ("ImageLogs", "build.log")
            if not stored:
                raise AttributeError("the SDK's own")
            return f"https://{build}"

    def text(address: str) -> str:
        if address == "https://refused":
            raise requests.HTTPError("x", response=with_status(403))
        return {"https://told": "told\n", "https://empty": "", stored: "stored\n"}[address]

    monkeypatch.setattr(worker, "ArtifactsClient", Client)
    monkeypatch.setattr(worker, "EnvironmentClient", Client)
    monkeypatch.setattr(worker, "_text", text)
    monkeypatch.setattr(worker, "_workspace", lambda _: types.SimpleNamespace(service_context=None))
    assert worker.progress({"location": "https://x/operations/b-1?a=b", "seen": 0})["lines"] == lines


def test_the_host_that_failed_is_told(worker: Any) -> None:  # noqa: ANN401
    answer = with_status(403)
    answer.url = "https://acme.blob.core.windows.net/x"
    for error, host in ((requests.HTTPError("x", response=answer), "acme.blob.core.windows.net"), (KeyError(), "")):
        assert worker.failures.host(error) == host
