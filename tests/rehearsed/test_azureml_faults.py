"""Services of Azure ML that fail for a moment, for good, or hang: at each request of the worker for azureml-core."""

import pathlib
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from amlwheel.errors.base import TooSlow
from amlwheel.model.azure import Workspace
from amlwheel.sign_in import detectors
from amlwheel.transport import process
from amlwheel.workspace.azureml.process import Worker
from rehearsal.proxy.world import World
from rehearsed.steps import WORKSPACE_LABEL, Step, refused

SERVICES = r"\.api\.azureml\.ms$"
STORAGE = r"\.blob\.core\.windows\.net$"
ARM = r"^management\.azure\.com$"
CONNECTIONS = {"host": ARM, "path": r"/connections/.*2020-01-01"}
REQUESTS: dict[str, dict[str, str]] = {
    "subscriptions": {"host": ARM, "path": r"^/subscriptions\?"},
    "workspace": {"host": ARM, "path": r"2022-05-01"},
    "discovery": {"host": SERVICES, "path": r"^/discovery"},
    "read connection": {"method": "GET", **CONNECTIONS},
    "store connection": {"method": "PUT", **CONNECTIONS},
    "read environment": {"host": SERVICES, "method": "GET", "path": r"/environments/[^/]+/versions/[^/]+$"},
    "register": {"host": SERVICES, "method": "PUT", "path": "/environments/"},
    "find wheel": {"host": SERVICES, "path": "/contentinfo/"},
    "record wheel": {"host": SERVICES, "path": "/batch/metadata/"},
    "store wheel": {"host": STORAGE, "method": "PUT"},
    "look at wheel": {"host": STORAGE, "method": "HEAD"},
    "read wheel": {"host": STORAGE, "method": "GET", "path": "private-packages"},
    "image": {"host": SERVICES, "method": "GET", "path": r"/versions/[^/]+/image"},
    "build": {"host": SERVICES, "method": "POST", "path": r"/image$"},
    "progress": {"host": SERVICES, "path": "/operations/"},
    "log": {"host": STORAGE, "path": "ImageLogs"},
}
RUNS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "v1": ({"sdk": "v1"}, list(REQUESTS)[:7]),
    "storage": ({"route": "workspace", "feed": ""}, list(REQUESTS)[7:12]),
    "image": ({"verify": "image"}, list(REQUESTS)[12:]),
}


@pytest.mark.long
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503, "times": 1},
        {"status": 503, "times": 3},
        {"reset": True, "times": 1},
    ],
    ids=["503", "503 three times", "reset"],
)
def test_a_service_that_fails_for_a_moment_at_each_request_is_asked_again(
    step: Step, world: World, wheel: pathlib.Path, run: str, fault: dict[str, Any]
) -> None:
    given, names = RUNS[run]
    world.fail(*({**REQUESTS[name], **fault} for name in names))
    result = step(wheel=wheel, **given)
    assert result.status == 0, result.output
    failed = [line for line in result.requests if line.get("fault") or line.get("reset")]
    assert len(failed) == fault["times"] * len(names)
    world.fail()
    again = step(wheel=wheel, **given)
    assert again.status == 0, again.output
    assert [kind for _, kind in again.written] in ([], ["connections"])


def test_a_service_that_is_down_is_told(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail({"host": SERVICES, "path": "/environment/", "status": 503})
    result = step(wheel=wheel, sdk="v1")
    refused(result, 46, "A service answered 503 to azureml-core, reading the environment on ws-train.")


def test_a_refused_registration_is_told_in_the_service_s_words(step: Step, world: World, wheel: pathlib.Path) -> None:
    said = {"error": {"code": "ResourceIsBeingDeleted", "message": "Another operation is in progress."}}
    world.fail({**REQUESTS["register"], "status": 409, "body": said})
    result = step(wheel=wheel, sdk="v1", verify="none")
    assert result.status == 46, result.output
    assert "A service answered 409 to azureml-core, registering the environment on ws-train." in result.told
    assert "ResourceIsBeingDeleted" in result.told
    assert "Another operation is in progress." in result.told
    assert (world.workspace()["environments"], result.outputs) == ({}, {})
    world.fail()
    again = step(wheel=wheel, sdk="v1", verify="none")
    assert again.status == 0, again.output
    assert again.written[-1][1] == "environments"


@pytest.mark.long
def test_a_service_that_hangs_once_is_asked_again(step: Step, world: World, wheel: pathlib.Path) -> None:
    world.fail({**REQUESTS["read environment"], "delay": 60, "times": 1})
    start = time.monotonic()
    result = step(wheel=wheel, sdk="v1")
    assert result.status == 0, result.output
    assert time.monotonic() - start < 60


def test_workspaces_that_hang_while_they_are_opened_hold_nobody(worker: Worker, world: World) -> None:
    world.fail({"host": SERVICES, "delay": 300})
    places = [Workspace.parse(WORKSPACE_LABEL), Workspace.parse(WORKSPACE_LABEL.replace("ws-train", "ws-prod"))]
    several = Worker(worker._credential, places, 4.0)
    for place in places:
        with pytest.raises(TooSlow, match="opening workspace"):
            several.opened[place].result(60)
    with pytest.raises(TooSlow):
        several.ask("environment", places[0], NAMED)


@pytest.fixture
def worker(step: Step, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Return the step's own way to azureml-core, in this process."""
    env = step.environment()
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, env[name])
    made = Worker(detectors.find(env), [], 3.0)
    yield made
    process.end_all()


SPEC = {"channels": ["conda-forge"], "dependencies": ["python=3.11.13", {"pip": ["six==1.17.0"]}]}
NAMED = {"name": "hangs", "version": "1"}
STORED = {"name": "c00", "category": "PythonFeed", "target": "https://x", "authType": "PAT", "value": "v"}
QUESTIONS: list[tuple[str, str, Mapping[str, object]]] = [
    ("workspace", "opened", {}),
    ("discovery", "opened", {}),
    ("read connection", "readable", {"name": "feed-acme"}),
    ("store connection", "connect", STORED),
    ("read environment", "environment", NAMED),
    ("register", "register", {**NAMED, "image": "a.example/b@sha256:c", "spec": SPEC}),
    ("find wheel", "wheel", {"file": "a-1-py3-none-any.whl"}),
    ("image", "image", NAMED),
]


@pytest.mark.long
@pytest.mark.parametrize(("request_name", "call", "given"), QUESTIONS, ids=[each[0] for each in QUESTIONS])
def test_a_service_that_hangs_never_holds_the_step(
    worker: Worker, world: World, request_name: str, call: str, given: Mapping[str, object]
) -> None:
    place = Workspace.parse(WORKSPACE_LABEL)
    worker.ask("hello", place)
    world.fail({**REQUESTS[request_name], "delay": 300})
    start = time.monotonic()
    with pytest.raises(TooSlow, match="within 3 seconds"):
        worker.ask(call, place, given)
    assert time.monotonic() - start < 15
    assert worker.ask("hello", place)


def test_what_was_given_up_is_not_stored_later(worker: Worker, world: World) -> None:
    """Else a request of this test would change the Azure of another one, minutes later."""
    place = Workspace.parse(WORKSPACE_LABEL)
    worker.ask("hello", place)
    world.fail({**REQUESTS["store connection"], "delay": 5})
    with pytest.raises(TooSlow):
        worker.ask("connect", place, STORED)
    time.sleep(4)
    assert world.workspace()["connections"] == {}
