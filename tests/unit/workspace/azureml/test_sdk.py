"""What is done through azureml-core: connections, environments, stored wheels, image builds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.base import StepError, TooSlow
from amlwheel.errors.build import BadWheel
from amlwheel.errors.workspace import ImageBuildFailed, StorageRefused, StoredWheelDiffers, StoredWheelMissing
from amlwheel.model.azure import Connection
from amlwheel.model.environment import Definition, Environment
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Wheel
from amlwheel.plan.change import Verb
from amlwheel.workspace.azureml.image_build import IMAGE_SECONDS, PATIENCE, POLL, build_image, telling
from amlwheel.workspace.azureml.sdk import Core
from amlwheel.workspace.azureml.storage import Storage, refuse_unstorable
from unit.parts import CANARY, FEED, IMAGE, TOKEN, WORKSPACE, defined, make

ADDRESS = "https://acme.blob.core.windows.net/azureml/Environment/azureml-private-packages/"
FILE = "acme_churn-1.2.3-py3-none-any.whl"


class FakeWorker:
    """azureml-core as answers by call; a list is given one by one. All questions are kept."""

    opened: Mapping[Any, Any] = {}

    def __init__(self, **answers: Any) -> None:  # noqa: ANN401  # each call has its own
        """Answer as told."""
        self.answers = answers
        self.asked: list[tuple[str, Mapping[str, Any]]] = []

    def ask(self, call: str, workspace: object, given: Mapping[str, object] = {}, more: float = 0) -> Any:  # noqa: ANN401  # as Worker
        assert workspace
        assert (more > 0) == (call in ("wheel", "upload"))
        self.asked.append((call, given))
        answer = self.answers[call]
        return answer.pop(0) if isinstance(answer, list) else answer


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


@pytest.fixture
def environment(wheel: Wheel) -> Environment:
    return defined(wheel)


# --- connections and environments


def test_a_connection_is_stored_as_the_article_does_it() -> None:
    worker = FakeWorker(connect=None)
    Core(worker).store(WORKSPACE, Connection.of(FEED), TOKEN, "mark")  # type: ignore[arg-type]  # a fake
    target = "https://pkgs.dev.azure.com/acme"
    given = {"name": "feed-acme", "category": "PythonFeed", "target": target, "authType": "PAT", "value": CANARY}
    assert worker.asked == [("connect", given)]


def test_a_user_is_stored_beside_the_password_and_neither_can_end_its_quotes() -> None:
    worker = FakeWorker(connect=None)
    Core(worker).store(WORKSPACE, Connection.of(FEED), Secret("it's", "me@acme"), "mark")  # type: ignore[arg-type]
    ((_, given),) = worker.asked
    assert (given["authType"], given["value"]) == ("Basic", "{'Username': 'me%40acme', 'Password': 'it%27s'}")


def test_the_way_to_connections_is_tried_by_reading() -> None:
    worker = FakeWorker(readable=None)
    Core(worker).check(WORKSPACE, Connection.of(FEED))  # type: ignore[arg-type]
    assert worker.asked == [("readable", {"name": "feed-acme"})]


def test_an_environment_is_registered_and_found(environment: Environment) -> None:
    worker = FakeWorker(register=None, environment=[None, {"image": IMAGE.pinned, "spec": environment.spec}])
    core = Core(worker)  # type: ignore[arg-type]
    assert core.find(WORKSPACE, environment) is None
    core.register(WORKSPACE, environment, {"a": "b"})
    found = core.find(WORKSPACE, environment)
    assert found == Definition(IMAGE.pinned, environment.spec)
    assert environment.same_as(found)
    named = {"name": "acme-churn", "version": environment.version}
    assert worker.asked[1] == ("register", {**named, "image": IMAGE.pinned, "spec": environment.spec})


# --- stored wheels


def storing(worker: FakeWorker, pauses: list[float] | None = None) -> Storage:
    return Storage(worker, pause=([] if pauses is None else pauses).append)  # type: ignore[arg-type]  # a fake


def test_a_new_wheel_is_stored_and_its_address_known_then(wheel: Wheel) -> None:
    worker = FakeWorker(wheel=[None, {"address": ADDRESS + FILE, "sha256": wheel.sha256}], upload=None)
    storage = storing(worker)
    change = storage.plan(wheel, WORKSPACE)
    assert (change.verb, change.result) == (Verb.CREATE, wheel.sha256)
    assert storage.addresses == {}
    assert [call for call, _ in worker.asked] == ["wheel"]
    change.effect()
    assert worker.asked[1] == ("upload", {"path": str(wheel.path), "sha256": wheel.sha256})
    assert storage.addresses == {WORKSPACE: {FILE: ADDRESS + FILE}}


def test_a_file_may_follow_its_record_while_another_run_uploads_it(wheel: Wheel) -> None:
    answers = [{"address": ADDRESS + FILE, "sha256": each} for each in ("", "", wheel.sha256)]
    pauses: list[float] = []
    assert storing(FakeWorker(wheel=answers), pauses).plan(wheel, WORKSPACE).verb is Verb.KEEP
    assert pauses == [0, PATIENCE / 3, PATIENCE / 3]


def test_a_name_that_the_sdk_would_store_under_another_is_refused(tmp_path: Path) -> None:
    refuse_unstorable(make(tmp_path, "acme_churn-1.0+cu12-py3-none-any.whl"))
    with pytest.raises(BadWheel, match="has an epoch"):
        refuse_unstorable(make(tmp_path, "acme_churn-1!1.0-py3-none-any.whl"))


def test_a_stored_wheel_is_kept_and_its_address_known_at_once(wheel: Wheel) -> None:
    storage = Storage(FakeWorker(wheel={"address": ADDRESS + FILE, "sha256": wheel.sha256}))  # type: ignore[arg-type]
    assert storage.plan(wheel, WORKSPACE).verb is Verb.KEEP
    assert storage.addresses == {WORKSPACE: {FILE: ADDRESS + FILE}}


@pytest.mark.parametrize(
    ("found", "kind", "told"),
    [
        ({"sha256": "e" * 64}, StoredWheelDiffers, "with sha256 eeeeeeeeeeee…"),
        ({"sha256": ""}, StoredWheelMissing, f"has a record of {FILE}, but no file"),
        ({"address": f"http://x/{FILE}"}, StorageRefused, "no environment can use"),
        ({"address": f"https://me:pw@x/{FILE}"}, StorageRefused, "no environment can use"),
        ({"address": f"https://x/{FILE}?sig=abc"}, StorageRefused, "no environment can use"),
        ({"address": f"https://x/a b/{FILE}"}, StorageRefused, "no environment can use"),
        ({"address": "https://x/other.whl"}, StorageRefused, "under another name"),
    ],
)
def test_what_lies_there_has_to_be_the_wheel(
    wheel: Wheel, found: dict[str, str], kind: type[StepError], told: str
) -> None:
    answer = {"address": ADDRESS + FILE, "sha256": wheel.sha256, **found}
    with pytest.raises(kind) as caught:
        storing(FakeWorker(wheel=answer)).plan(wheel, WORKSPACE)
    assert told in caught.value.what
    storage = storing(FakeWorker(wheel=[None, *[answer] * 4], upload=None))
    change = storage.plan(wheel, WORKSPACE)
    with pytest.raises(kind):
        change.effect()
    assert storage.addresses == {}


def test_every_workspace_has_its_own_address(wheel: Wheel, environment: Environment) -> None:
    stored = replace(environment.pins[0], stored=FILE)
    assert stored.line == f"{FILE} --hash=sha256:{wheel.sha256}"
    assert stored.local_line == f"./dist/{FILE} --hash=sha256:{wheel.sha256}"
    other = replace(WORKSPACE, name="second")
    spec = {**environment.spec, "dependencies": [*environment.spec["dependencies"][:-1], {"pip": [stored.line]}]}
    bare = replace(environment, spec=spec)
    storage = Storage(FakeWorker(), {WORKSPACE: {FILE: f"https://one/{FILE}"}, other: {FILE: f"https://two/{FILE}"}})  # type: ignore[arg-type]
    one, two = storage.at(bare, WORKSPACE), storage.at(bare, other)
    assert one.pip == [f"https://one/{FILE} --hash=sha256:{wheel.sha256}"]
    assert two.pip == [f"https://two/{FILE} --hash=sha256:{wheel.sha256}"]
    assert one.version == two.version == environment.version
    assert f"https://one/{FILE}" in one.conda
    assert bare.same_as(Definition(IMAGE.pinned, one.spec))
    assert not one.same_as(Definition(IMAGE.pinned, two.spec))
    assert not bare.same_as(Definition(IMAGE.pinned, {**one.spec, "channels": []}))
    assert not bare.same_as(Definition(IMAGE.pinned, bare.spec))  # registered from the files of a dry run
    assert (bare.whole, one.whole) == (False, True)
    assert storage.at(bare, replace(WORKSPACE, name="third")) == replace(
        bare, conda=storage.at(bare, other).conda.replace(f"https://two/{FILE}", FILE)
    )


# --- image builds


def build(worker: FakeWorker, environment: Environment) -> tuple[str, list[str], list[float]]:
    lines: list[str] = []
    pauses: list[float] = []
    return build_image(worker, WORKSPACE, environment, lines.append, pauses.append), lines, pauses  # type: ignore[arg-type]


def test_an_image_that_is_built_is_not_built_again(environment: Environment) -> None:
    worker = FakeWorker(image=True)
    assert build(worker, environment)[0] == "was built before"
    assert [call for call, _ in worker.asked] == ["image"]


def state(status: str, *lines: str) -> dict[str, Any]:
    return {"status": status, "ended": status not in ("Queued", "Running"), "lines": list(lines)}


def test_a_build_is_awaited_and_its_log_shown_line_by_line(environment: Environment) -> None:
    progress = [state("Queued"), state("Running", "one", "two"), state("Running"), state("Succeeded", "three")]
    worker = FakeWorker(image=False, build="https://there", progress=progress)
    said, lines, pauses = build(worker, environment)
    waits, *log = lines
    assert "waits in the queue for a compute" in waits
    assert (said, log, pauses) == ("built", ["one", "two", "three"], [POLL] * 3)
    assert [given["seen"] for call, given in worker.asked if call == "progress"] == [0, 0, 2, 2]


def test_a_build_that_another_run_has_started_is_awaited(environment: Environment) -> None:
    worker = FakeWorker(image=[False, False, True], build="")
    assert build(worker, environment) == ("built", [], [POLL])


@pytest.mark.parametrize("status", ["Failed", "Canceled", "Unknown"])
def test_a_failed_build_quotes_the_failing_line(environment: Environment, status: str) -> None:
    log = ("Collecting x", "Pip subprocess error:", "ERROR: No matching distribution for x==1", "CondaEnvException: no")
    worker = FakeWorker(image=False, build="l", progress=state(status, *log))
    with pytest.raises(ImageBuildFailed, match="ERROR: No matching distribution for x==1") as caught:
        build(worker, environment)
    assert status in caught.value.what


def test_a_build_that_waits_says_so_once_and_a_quota_has_its_own_advice(environment: Environment) -> None:
    log = ("2026-01-02T03:04:05: Collecting", "2026-01-02T03:04:05: Exceeded quota of Standard DSv2 cores", "Error: x")
    states = [state("Queued"), state("Queued"), {**state("GettingOrProvisioningACR"), "ended": False}]
    worker = FakeWorker(image=False, build="l", progress=[*states, state("Failed", *log)])
    lines: list[str] = []
    with pytest.raises(ImageBuildFailed, match=r"\(Failed\): Exceeded quota of Standard DSv2 cores") as caught:
        build_image(worker, WORKSPACE, environment, lines.append, lambda _: None)  # type: ignore[arg-type]
    assert [line.split()[3:5] for line in lines[:2]] == [["in", "the"], ["for", "the"]]
    assert tuple(lines[2:]) == log
    assert "az ml workspace update --name research --resource-group rg --image-build-compute" in caught.value.fix


@pytest.mark.parametrize(
    ("log", "cause", "fix"),
    [
        ("Error\n(ImageBuildComputeNotValid) set one", "behind a network", "--image-build-compute"),
        ("/bin/sh: 1: conda: not found\nError: x", "has no conda", "Set `base-image` to one with conda"),
        ("Conda command not found", "has no conda", "Set `base-image` to one with conda"),
    ],
)
def test_what_holds_a_build_up_has_its_own_advice(environment: Environment, log: str, cause: str, fix: str) -> None:
    worker = FakeWorker(image=False, build="l", progress=state("Failed", *log.split("\n")))
    with pytest.raises(ImageBuildFailed) as caught:
        build(worker, environment)
    assert cause in caught.value.cause
    assert fix in caught.value.fix


def test_a_log_that_cannot_be_read_hides_no_result(environment: Environment) -> None:
    unreadable = {"status": "Succeeded", "ended": True, "lines": None}
    assert build(FakeWorker(image=False, build="l", progress=unreadable), environment)[0] == "built"
    with pytest.raises(ImageBuildFailed, match="its log can't be read from here"):
        build(FakeWorker(image=False, build="l", progress={**unreadable, "status": "Failed"}), environment)


def test_a_build_without_end_is_left_alone(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    worker = FakeWorker(image=False, build="l", progress=state("Running"))
    ask = worker.ask

    def slow(*given: Any, **more: Any) -> Any:  # noqa: ANN401  # as ask
        clock[0] += 60  # every answer takes a minute, and the pauses aren't all
        return ask(*given, **more)

    monkeypatch.setattr(worker, "ask", slow)
    with pytest.raises(TooSlow, match="isn't built") as caught:
        build(worker, environment)
    assert "the build goes on" in caught.value.fix
    assert clock[0] <= IMAGE_SECONDS + 180


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("  ERROR: first\nERROR: second\n", "ERROR: first"),
        ("a\nUser for pkgs.dev.azure.com: \nEOFError: EOF when reading a line\n", "User for pkgs.dev.azure.com:"),
        ("a\nResolvePackageError: python=3.11\nb\n", "ResolvePackageError: python=3.11"),
        ("fetching\nno space left\n\n", "no space left"),
        ("2024-10-15T08:09:10: x\n2024-10-15T08:09:10:   ERROR: second\nError: y", "ERROR: second"),
        ("2024-10-15 08:09:10.123Z User for acme:\nError: y", "User for acme:"),
        ("Error: x\nquota exceeded", "quota exceeded"),
        ("\n", "its log is empty"),
        ("ERROR: " + "x" * 1000, "ERROR: " + "x" * 493),
    ],
)
def test_the_telling_line_is_found(log: str, line: str) -> None:
    assert telling(log.split("\n")) == line


def test_a_hostile_log_is_searched_in_no_time() -> None:
    """With a pattern that looks twice at white space this would take minutes."""
    assert telling([" " * 100_000] * 50_000) == "its log is empty"
