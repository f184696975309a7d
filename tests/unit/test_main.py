"""The whole step in front of plain fakes: what happens in which order, and what never does."""

import base64
import contextlib
import errno
import json
import logging
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from amlwheel import __main__, consume
from amlwheel.build import project
from amlwheel.environment import image, lock
from amlwheel.environment.image_config import Config
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.sources import Sources
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.environment import ImportFailed, ProofFailed, Unsatisfiable
from amlwheel.errors.storage import ContainerPublic
from amlwheel.feed import artifacts, promote, publish, read_back, relay, upstream
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index
from amlwheel.feed.relay import Relay
from amlwheel.git import remote, source
from amlwheel.git.remote import Remote
from amlwheel.hosts import detect
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs import reading
from amlwheel.model.advisory import Advisory, Package
from amlwheel.model.azure import Container, Workspace
from amlwheel.model.environment import Environment
from amlwheel.model.lock import Lock
from amlwheel.model.recipe import Recipe
from amlwheel.model.repository import Repository
from amlwheel.model.secret import Secret
from amlwheel.model.source import Source
from amlwheel.model.wheel import Pin, Wheel
from amlwheel.plan.change import Change, Verb
from amlwheel.report.outputs import OUTPUTS
from amlwheel.routes.commit import GitRoute
from amlwheel.sign_in import credential, detectors
from amlwheel.step import access, auditing, checklist, images, recipes, stages
from amlwheel.step.proving import Proving
from amlwheel.transport import bounds, debug, http, process, sandbox
from unit.parts import CANARY, GUID, IMAGE, WORKSPACE, FakeArm, answer, pack, pins, sha

SECOND = "fake-reading-token-0123"
ENVIRON = {
    "AMLWHEEL_FEED": "acme/ml/wheels",
    "AMLWHEEL_FEED_TOKEN": CANARY,
    "AMLWHEEL_CONNECTION_TOKEN": SECOND,
    "AMLWHEEL_WORKSPACE": f"{GUID}/rg/research",
}
CONFIG = Config("linux/amd64", datetime(2025, 11, 30, tzinfo=timezone.utc), conda="/opt/miniconda/bin")
FILES = [
    "aml-release.json",
    "azureml_environment.json",
    "conda.yml",
    "dist",
    "environment.yml",
    "requirements.lock",
    "sbom.cdx.json",
]


@dataclass
class World:
    """Everything outside: an index, a workspace, and tools, with the order of the effects."""

    folder: Path
    arm: FakeArm = field(default_factory=FakeArm)
    index: dict[str, str] = field(default_factory=dict)
    status: int = 200
    refused: dict[str, requests.Response] = field(default_factory=dict)
    effects: list[str] = field(default_factory=list)
    metadata: str = "Metadata-Version: 2.1\nName: acme_churn\nVersion: 1.2.3\n"
    code: Source = field(default_factory=Source)
    failure: StepError | None = None
    lost: StepError | None = None
    advisories: dict[Package, tuple[Advisory, ...]] = field(default_factory=dict)

    def get(self, url: str, *, token: Secret, accept: str, headers: Mapping[str, str]) -> requests.Response:
        assert bool(headers) is ("dev.azure.com" in url)
        assert url.endswith("/acme-churn/")
        assert accept
        assert token
        if token.reveal() in self.refused:
            return self.refused[token.reveal()]
        links = "".join(f'<a href="{name}#sha256={digest}"></a>' for name, digest in self.index.items())
        return answer(self.status, links) if self.index or self.status != 200 else answer(404, "no package")

    def post(self, index: Index, built: Wheel, _: object) -> requests.Response:
        assert index.token.reveal() == CANARY
        self.effects.append(f"publish {built.filename}")
        self.index[built.filename] = built.sha256
        return answer(201)

    def build(
        self, folders: tuple[str, ...], into: Path, echo: Callable[[str], None], more: Mapping[str, str]
    ) -> list[Path]:
        assert folders == (".",)
        assert {"UV_INDEX", "UV_INDEX_STRATEGY", "NO_PROXY"} <= set(more)
        echo("##vso[task.complete]building")
        return [pack(into, metadata=self.metadata)]

    def resolve(self, needs: Requirements, sources: Sources, *_: object) -> Lock:
        assert (sources.published, sources.only) == (frozenset(["known"]), False)
        (built,) = needs.wheels
        return Lock((Pin("acme-churn", "1.2.3", (built.sha256,), private=True), Pin("numpy", "2.0", (sha("n"),))))

    def question(self, packages: set[Package]) -> SimpleNamespace:
        assert {each.name for each in packages} <= {"numpy", "pip"}
        return SimpleNamespace(answer=lambda: self.advisories)

    def prove(self, made: Proving) -> str:
        assert made.inputs.connection_token.reveal() == SECOND
        self.effects.append("prove")
        if self.failure:
            raise self.failure
        return "Proven: 2 installed."

    def fetch(self, index: Index, built: Wheel) -> None:
        assert (index.token.reveal(), index.token_input) == (SECOND, "connection-token")
        assert built.filename in self.index
        self.effects.append("fetch")
        if self.lost:
            raise self.lost

    def run(self, *words: str, at: datetime | None = None) -> int:
        """Run the step in the folder, `at` a time; the effects on the workspace stand among the others."""
        send, effects = FakeArm.send, self.effects

        def watched(method: str, path: str, *rest: Any, **more: Any) -> Any:  # noqa: ANN401  # passes on
            if method != "GET":
                effects.append(f"{method} {path.removeprefix(WORKSPACE.id)}")
            return send(self.arm, method, path, *rest, **more)

        self.arm.send = watched  # type: ignore[method-assign]  # the fake of a fake
        if not at:
            return __main__.main(words)
        host = Terminal()
        try:
            __main__.run(words, os.environ, host, lambda: at)
        except StepError as error:
            host.error(error)
            return error.status
        return 0


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back what `main` sets for its process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    handlers = list(logging.getLogger().handlers)
    monkeypatch.setattr(bounds, "keep", lambda: None)
    monkeypatch.setattr(process, "hide", lambda: None)  # the tests' own process stays as it is
    yield
    debug.listeners.clear()
    logging.getLogger().handlers[:] = handlers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme-churn"\nversion = "1.2.3"\n')
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    signed_in = credential.Credential(None, "test", print)  # type: ignore[arg-type]  # never asked
    monkeypatch.setattr(detectors, "find", lambda *_: signed_in)
    monkeypatch.setattr(access, "Arm", lambda *_: made.arm)
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: Facts(frozenset(["known"])))
    monkeypatch.setattr(http, "get", made.get)
    monkeypatch.setattr(publish, "_post", made.post)
    monkeypatch.setattr(image, "pin", lambda *_: image.Found(IMAGE, CONFIG))
    monkeypatch.setattr(project, "build", made.build)
    monkeypatch.setattr(relay, "serve", lambda *rest: contextlib.nullcontext(Relay(*rest)))
    monkeypatch.setattr(lock, "resolve", made.resolve)
    monkeypatch.setattr(Proving, "prove", lambda proving: made.prove(proving))  # noqa: PLW0108  # a method
    monkeypatch.setattr(read_back, "fetch", made.fetch)
    monkeypatch.setattr(source, "detect", lambda *_: made.code)
    monkeypatch.setattr(auditing, "Question", made.question)
    return made


def emitted(folder: Path) -> dict[str, object]:
    """Return the files; of the receipt only what it says of the release, and not of the run."""
    paths = (path for path in (folder / "aml-environment").rglob("*") if path.is_file())
    found: dict[str, object] = {path.name: path.read_bytes() for path in paths}
    said = json.loads((folder / "aml-environment/aml-release.json").read_text())
    kept = {
        name: part for name, part in said.items() if name not in {"plan", "changes", "environments", "run", "dry_run"}
    }
    return {**found, "aml-release.json": kept}


def test_a_first_run_proves_publishes_fetches_connects_and_registers_in_this_order(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run("--trace", "traces/run.json") == 0
    proven, published, *meanwhile, registered = world.effects
    assert published == "publish acme_churn-1.2.3-py3-none-any.whl"
    assert sorted(meanwhile) == ["PUT /connections/feed-acme", "fetch"]
    assert proven == "prove"
    assert registered.startswith("PUT /environments/acme-churn/versions/1.2.3-")
    assert sorted(path.name for path in (world.folder / "aml-environment").iterdir()) == FILES
    said = capsys.readouterr().out
    outputs = dict(line.split("=", 1) for line in said.splitlines() if line.split("=")[0] in OUTPUTS)
    assert set(outputs) == set(OUTPUTS)
    assert outputs["changed"] == "true"
    assert f"Released {outputs['environment']}" in said
    assert "| #_#vso[task.complete]building" in said
    spent = (world.folder / "traces/run.json").read_text()
    stages = [each["name"] for each in json.loads(spent)["traceEvents"] if each.get("cat") == "stage"]
    order = ["Check access", "Build", "Lock", "Plan", "Audit", "Prove", "Publish", "Register"]
    assert stages[-8:] == order
    assert CANARY not in said + spent
    assert SECOND not in said


def test_a_second_run_changes_nothing_and_emits_the_same_bytes(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run() == 0
    before = emitted(world.folder)
    world.effects.clear()
    capsys.readouterr()
    assert world.run() == 0
    assert world.effects == []
    assert emitted(world.folder) == before
    said = capsys.readouterr().out
    assert "changed=false" in said
    assert "0 to change, 3 to keep" in said
    assert "skip   Prove" in said
    assert "Nothing to do for azureml:acme-churn:1.2.3-" in said


def test_a_dry_run_emits_the_same_and_changes_nothing(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "lacking", lambda: ["This machine lacks it."])
    assert world.run("--dry-run") == 0
    assert world.effects == ["prove"]
    said = capsys.readouterr().out
    assert "changed=true" in said
    assert said.count("This machine lacks it.") == 1
    assert "skip   Publish, fetch, connect, register" in said
    assert "CREATE  wheel acme_churn-1.2.3-py3-none-any.whl" in said
    dry = emitted(world.folder)
    assert world.run() == 0
    assert emitted(world.folder) == dry


def test_a_trace_that_cannot_be_written_is_a_warning(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.folder / "file").touch()
    assert world.run("--dry-run", "--trace", "file/run.json") == 0
    assert "`--trace` file/run.json can't be written" in capsys.readouterr().out


def test_a_check_asks_and_makes_nothing_unless_the_plan_is_wanted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(checklist, "run", lambda inputs, *_: asked.append(inputs.dry_run))
    assert world.run("--check") == 0
    assert world.effects == []
    assert not (world.folder / "aml-environment").exists()
    assert world.run("--check", "--dry-run") == 0
    assert world.effects == ["prove"]
    assert asked == [False, True]


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_what_cannot_be_proven_changes_nothing(world: World, dry: tuple[str, ...]) -> None:
    world.failure = ImportFailed("no.")
    assert world.run(*dry) == ImportFailed.status
    assert world.effects == ["prove"]
    assert not (world.folder / "aml-environment").exists()


def test_what_changes_beside_the_newest_environment_is_told_unless_it_holds_a_secret(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{WORKSPACE.id}/environments/acme-churn/versions"
    place = ("GET", f"{path}?$orderBy=createdtime%20desc&$top=1&listViewType=ActiveOnly")
    conda = f"dependencies: [{{pip: [numpy==1.0, {CANARY}==1]}}]"
    newest = {"name": "1-abc", "properties": {"condaFile": conda, "image": IMAGE.pinned}}
    world.arm.answers[place] = (200, {"value": [newest]})
    assert world.run("--dry-run") == 0
    said = capsys.readouterr().out
    assert "Not compared with what is registered on research: it holds a secret of this run." in said
    newest["properties"] = {"condaFile": conda.replace(CANARY, "six"), "image": IMAGE.pinned}
    assert world.run() == 0
    said = capsys.readouterr().out
    assert "Changed since azureml:acme-churn:1-abc on research: packages: 1 removed, 2 added, 1 up;" in said
    assert "up          numpy 1.0 → 2.0" in said
    receipt = world.folder / "aml-environment/aml-release.json"
    assert json.loads(receipt.read_text())["changes"][0]["since"] == "azureml:acme-churn:1-abc"
    assert world.run() == 0
    assert "changes" not in json.loads(receipt.read_text())


def test_a_killed_run_is_continued(world: World) -> None:
    world.lost = ProofFailed("no.")
    assert world.run() == ProofFailed.status
    assert [effect.split()[0] for effect in world.effects[:2]] == ["prove", "publish"]
    assert sorted(effect.split()[0] for effect in world.effects[2:]) == ["PUT", "fetch"]
    world.effects.clear()
    world.lost = None
    assert world.run() == 0
    assert [effect.split("/")[0] for effect in world.effects] == ["prove", "fetch", "PUT "]


def test_a_release_is_promoted_after_publishing_and_before_anything_else(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: Facts(frozenset(["known"]), untold=("a", "b")))
    monkeypatch.setattr(promote, "promote", lambda _, name, *__: world.effects.append(f"promote to {name}"))
    assert world.run("--feed-view", "Release") == 0
    done = [effect.split()[0] for effect in world.effects]
    assert (done[:3], sorted(done[3:5]), done[5:]) == (["prove", "publish", "promote"], ["PUT", "fetch"], ["PUT"])
    assert "Azure DevOps doesn't say, since its interface takes other tokens: a; b" in capsys.readouterr().out


@pytest.mark.enable_socket
def test_a_feed_that_has_to_have_everything_and_no_upstream_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "resolve", fail(Unsatisfiable("no.")))
    for there in (True, False):
        facts = Facts(frozenset(), upstream=there)
        monkeypatch.setattr(artifacts, "facts", lambda *_, facts=facts, **__: facts)
        assert world.run("--index", "only") == Unsatisfiable.status
        assert ("as an upstream" in capsys.readouterr().out) is not there


@pytest.mark.enable_socket
def test_with_index_only_our_own_wheel_is_not_looked_for_upstream(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "resolve", lambda wanted, *_: Lock(pins(wanted.wheels[0])))
    looked: list[list[Pin]] = []

    def plan(_: object, __: object, wanted: list[Pin], elsewhere: Callable[[Pin], bool]) -> Change[str]:
        looked.append(wanted)
        assert not elsewhere(wanted[0])  # the names may be private, so nobody else is asked
        return Change("packages", Verb.KEEP, "", "")

    monkeypatch.setattr(upstream, "plan", plan)
    assert world.run("--index", "only", "--dry-run") == 0
    assert [pin.name for pin in looked[0]] == ["numpy"]


def test_without_a_proof_the_summary_says_so(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("AMLWHEEL_VERIFY", "none")
    assert world.run() == 0
    assert "prove" not in world.effects
    assert "Not proven" in (tmp_path / "summary").read_text()
    assert [name for name in OUTPUTS if f"{name}<<" not in (tmp_path / "output").read_text()] == []


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda world: world.index.update({"acme_churn-1.2.3-py3-none-any.whl": sha("other")}), 35),
        (lambda world: setattr(world, "status", 401), 30),
        (lambda world: world.arm.answers.update({("GET", WORKSPACE.id): (403, {})}), 41),
        (
            lambda world: world.arm.stored.update(
                {
                    f"{WORKSPACE.id}/connections/x": {
                        "name": "x",
                        "properties": {"target": "https://pkgs.dev.azure.com/acme"},
                    }
                }
            ),
            43,
        ),
        (lambda world: setattr(world, "metadata", world.metadata.replace("1.2.3", "9")), 24),
        (lambda world: setattr(world, "metadata", f"{world.metadata}Requires-Python: >=3.12\n"), 29),
        (lambda world: (world.folder / "pyproject.toml").unlink(), 20),
        (lambda world: (world.folder / "aml-environment").touch(), 15),
    ],
)
def test_whatever_is_wrong_stops_the_step_before_any_effect(
    world: World, capsys: pytest.CaptureFixture[str], spoil: Callable[[World], object], status: int
) -> None:
    spoil(world)
    assert world.run() == status
    assert world.effects == []
    assert f"AW{status} " in capsys.readouterr().out


def test_all_that_is_wrong_with_access_is_told_in_one_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.status = 401
    world.arm.answers["GET", WORKSPACE.id] = (404, {"error": {"code": "ResourceNotFound"}})
    assert world.run() == 30
    said = capsys.readouterr().out
    assert "`AMLWHEEL_FEED_TOKEN`" in said
    assert "`AMLWHEEL_CONNECTION_TOKEN`" in said
    assert "AW42 " in said


# --- the token that the workspace gets

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
EXPIRES = "--connection-token-expires"


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_an_expired_token_stops_the_step_before_anything_is_asked(
    world: World, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    assert world.run(EXPIRES, "2026-11-24", *more, at=NOW) == 48
    assert (world.effects, world.arm.sent) == ([], [])
    assert "`AMLWHEEL_CONNECTION_TOKEN` expired on 2026-11-24." in capsys.readouterr().out


def test_the_end_of_a_token_is_announced_once_and_its_date_stored(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(EXPIRES, "2026-12-10", at=NOW) == 0
    said = capsys.readouterr().out
    assert said.count("warning:") == 1
    assert "expires in 15 days, on 2026-12-10" in said
    (stored,) = (each for path, each in world.arm.stored.items() if "/connections/" in path)
    assert stored["properties"]["metadata"]["amlwheel-token-expires"] == "2026-12-10"


def test_who_says_nothing_is_warned_by_the_stored_date_and_not_stopped(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(EXPIRES, "2026-12-31", at=NOW) == 0
    assert "warning:" not in capsys.readouterr().out
    for days, told in ((20, "expires in 16 days, on 2026-12-31"), (60, "but the feed still takes it")):
        world.effects.clear()
        assert world.run(at=NOW + timedelta(days)) == 0
        said = capsys.readouterr().out
        assert (said.count("warning:"), told in said) == (1, True)
        assert world.effects == []


def test_one_token_for_both_is_a_warning(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMLWHEEL_CONNECTION_TOKEN", CANARY)
    assert world.run("--verify", "none") == 0
    assert capsys.readouterr().out.count("are one token") == 1


@pytest.mark.parametrize("text", ["eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjF9.fake", "fake-token-of-the-job"])
def test_a_token_that_soon_ends_is_never_stored(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("AMLWHEEL_CONNECTION_TOKEN", text)
    monkeypatch.setenv("SYSTEM_ACCESSTOKEN", "fake-token-of-the-job")
    assert world.run() == 49
    assert (world.effects, world.arm.sent) == ([], [])
    assert text not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        (answer(401), 30, "or lacks the scope Packaging (read)"),
        (answer(203), 31, "Azure DevOps doesn't know it"),
        (answer(302, Location="https://x.example/_signin"), 32, "Azure DevOps doesn't know it"),
        (answer(403), 33, "whose owner isn't a Feed Reader"),
        (answer(404, reason="FeedIdNotFoundException"), 34, "`AMLWHEEL_CONNECTION_TOKEN` sees no feed acme/ml/wheels"),
    ],
)
def test_what_is_wrong_with_the_reading_token_alone_is_told_as_such(
    world: World, capsys: pytest.CaptureFixture[str], given: requests.Response, status: int, told: str
) -> None:
    world.refused = {SECOND: given}
    assert world.run() == status
    said = capsys.readouterr().out
    assert told in said
    assert said.count("error: AW") == 1
    assert "`AMLWHEEL_FEED_TOKEN`" not in said
    assert world.effects == []


def test_a_feed_that_nobody_sees_is_told_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.refused = {token: answer(404, reason="FeedIdNotFoundException") for token in (CANARY, SECOND)}
    assert world.run() == 34
    said = capsys.readouterr().out
    assert said.count("error: AW") == 1
    assert "sees no feed" not in said


@pytest.mark.parametrize(("tag", "status"), [("v1.2.3", 0), ("v1.2.4", 23)])
def test_a_pushed_tag_has_to_say_the_version(
    world: World, monkeypatch: pytest.MonkeyPatch, tag: str, status: int
) -> None:
    monkeypatch.setenv("TF_BUILD", "True")
    monkeypatch.setenv("BUILD_SOURCEBRANCH", f"refs/tags/{tag}")
    assert world.run() == status


def test_warnings_do_not_stop_the_step(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{CANARY}@proxy.example")
    world.code = Source(dirty=True)
    world.metadata += "Description-Content-Type: text/x-rst\n\nTitle\n=\n\n.. nothing::\n"
    bare = image.Found(IMAGE, replace(CONFIG, conda=""))
    monkeypatch.setattr(image, "pin", lambda *_: bare)
    yanked = "numpy 2.0 is yanked: ::error::broken"
    monkeypatch.setattr(lock, "resolve", lambda *given: replace(world.resolve(*given), warnings=(yanked,)))
    assert world.run() == 0
    said = capsys.readouterr().out
    assert "warning: numpy 2.0 is yanked" in said
    assert "warning: HTTPS_PROXY holds a credential" in said
    assert "warning: The project has uncommitted changes" in said
    assert "doesn't pass twine check" in said
    assert "has no folder of conda on its PATH" in said
    assert "Base image: linux/amd64, made 2025-11-30, " in said
    assert CANARY not in said


def test_wheels_built_elsewhere_need_no_project(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "build", lambda *_: pytest.fail("built"))
    (world.folder / "pyproject.toml").unlink()
    (world.folder / "dist").mkdir()
    pack(world.folder / "dist")
    assert world.run("--wheel", "dist/*.whl") == 0


def test_a_secret_in_a_file_stops_the_step_before_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMLWHEEL_CONNECTION_TOKEN", "acme-churn")
    assert world.run() == 99
    assert world.effects == []
    assert not (world.folder / "aml-environment").exists()
    assert "would hold a secret, so nothing was changed or written" in capsys.readouterr().out


def test_wrong_inputs_are_refused_in_the_users_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)
    assert __main__.main(["--index", "onyl"]) == 10
    assert "`--index` can't be 'onyl'" in capsys.readouterr().out
    assert __main__.main(["--fed", "x"]) == 10
    assert list(tmp_path.iterdir()) == []


# --- other ways


def test_without_a_token_for_the_feed_the_identity_that_signs_in_gets_one(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AMLWHEEL_FEED_TOKEN")
    scopes: list[str] = []

    def get_token(self: credential.Credential, *wanted: str) -> SimpleNamespace:
        assert self.label == "test"
        scopes.extend(wanted)
        return SimpleNamespace(token=CANARY)

    monkeypatch.setattr(credential.Credential, "get_token", get_token)
    assert world.run() == 0
    assert scopes == [credential.FEED_SCOPE]
    assert world.effects[1].startswith("publish ")
    assert CANARY not in capsys.readouterr().out


def test_an_index_that_is_not_of_azure_artifacts_is_asked_for_its_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMLWHEEL_FEED", "https://pypi.example/simple/")
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: pytest.fail("asked Azure DevOps"))
    monkeypatch.setattr(Index, "names", lambda _: frozenset(["known"]))
    assert world.run("--dry-run") == 0


class Worker:
    """azureml-core with two lists: what was asked, and images."""

    def __init__(self, *_: object) -> None:
        """Begin with no image."""

    def wait(self) -> str:
        return "azureml-core ready at once"

    def ask(self, *_: object) -> bool:
        return True


def test_with_verify_image_each_workspace_builds_it_last(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build(_: object, workspace: Workspace, environment: Environment, __: object) -> str:
        world.effects.append(f"image of {environment.name} on {workspace.name}")
        return "built"

    monkeypatch.setattr(access, "Worker", Worker)
    monkeypatch.setattr(stages, "build_image", build)
    assert world.run("--verify", "image") == 0
    assert world.effects[-1] == "image of acme-churn on research"
    said = capsys.readouterr().out
    assert "azureml-core ready at once" in said
    assert "Build the image on research · built" in said
    world.effects.clear()
    assert world.run("--verify", "image", "--dry-run") == 0
    assert world.effects == []
    assert world.run("--verify", "image") == 0
    assert "Image on research: exists already" in capsys.readouterr().out


def test_with_verify_recipe_each_workspace_tells_last_and_builds_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(access, "Worker", Worker)
    monkeypatch.setattr(recipes, "ask", lambda *_: Recipe("", {}) if world.effects else pytest.fail("asked too early"))
    assert world.run("--verify", "recipe") == 176
    said = capsys.readouterr().out
    assert "on research leaves out channel conda-forge, channel nodefaults, python=" in said
    assert (world.folder / "aml-environment/aml-release.json").exists()


def test_with_the_storage_of_workspaces_the_wheel_is_stored_and_nothing_published(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored: dict[str, str] = {}

    def ask(_: Worker, call: str, __: Workspace, given: dict[str, str], *___: object) -> dict[str, str] | None:
        if call == "upload":
            world.effects.append("upload")
            stored["sha256"] = given["sha256"]
        address = "https://acme.blob.core.windows.net/azureml/acme_churn-1.2.3-py3-none-any.whl"
        return {"address": address, **stored} if stored else None

    monkeypatch.setattr(access, "Worker", type("Storing", (Worker,), {"ask": ask}))
    monkeypatch.setattr(Proving, "prove", lambda _: "Proven.")
    monkeypatch.setattr(lock, "resolve", lambda wanted, *_: Lock(pins(wanted.wheels[0])))
    for name in ("AMLWHEEL_FEED", "AMLWHEEL_FEED_TOKEN", "AMLWHEEL_CONNECTION_TOKEN"):
        monkeypatch.delenv(name)
    conda = world.folder / "aml-environment/conda.yml"
    assert world.run("--route", "workspace", "--dry-run") == 0
    assert world.effects == []
    assert "https://not-stored-yet.invalid/acme_churn-1.2.3" in conda.read_text()
    assert world.run("--route", "workspace") == 0
    assert [effect.split("/")[0] for effect in world.effects] == ["upload", "PUT "]
    assert "https://acme.blob.core.windows.net/azureml/acme_churn-1.2.3" in conda.read_text()
    assert "in the storage of each workspace" in capsys.readouterr().out


def test_a_container_is_asked_before_the_build(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_: object, __: object, container: Container, **more: object) -> None:
        assert more["workspaces"] == (WORKSPACE,)
        raise ContainerPublic(f"Anybody may read {container.url}.")

    monkeypatch.setattr(access, "usable_container", refuse)
    url = "https://acmewheels.blob.core.windows.net/wheels"
    assert world.run("--route", "storage", "--storage-container", url) == ContainerPublic.status
    assert f"Anybody may read {url}." in capsys.readouterr().out


COMMIT = Remote(Repository("https://github.com/acme/churn", "c" * 40), ("",), checked_out=True)


def test_with_git_the_receipt_names_the_commit_and_a_trial_merge_is_a_warning(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Secret] = []

    def placed(self: GitRoute, found: tuple[Pin, ...], _: object) -> tuple[Pin, ...]:
        assert self.label == f"https://github.com/acme/churn@{'c' * 12}"
        return (replace(found[0], requirement="acme-churn @ git+https://github.com/acme/churn"), *found[1:])

    monkeypatch.setattr(remote, "locate", lambda *_: COMMIT)
    monkeypatch.setattr(remote, "check", lambda _, token: asked.append(token))
    monkeypatch.setattr(GitRoute, "build", lambda _, __, into, ___: [pack(into)])
    monkeypatch.setattr(GitRoute, "place", placed)
    monkeypatch.setattr(lock, "resolve", lambda wanted, *_: Lock(pins(wanted.wheels[0])))
    monkeypatch.setenv("GITHUB_REF", "refs/pull/7/merge")
    for name in ("AMLWHEEL_FEED", "AMLWHEEL_FEED_TOKEN"):
        monkeypatch.delenv(name)
    assert world.run("--route", "git") == 0
    assert asked == [Secret(SECOND)]
    assert "warning: The commit is the trial merge of a pull request" in capsys.readouterr().out
    said = json.loads((world.folder / "aml-environment/aml-release.json").read_text())
    assert said["source"]["commit"] == "c" * 40
    assert said["connection"]["category"] == "Git"


def test_the_companion_is_started_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[object] = []
    monkeypatch.setattr(consume, "run", lambda arguments, *_: given.append(arguments))
    monkeypatch.setattr(__main__, "run", lambda *_: pytest.fail("released"))
    assert __main__.main(["consume", "--receipt", "x.json"]) == 0
    assert given == [["--receipt", "x.json"]]


# --- the last fence


def fail(error: BaseException) -> Callable[..., None]:
    def run(*_: object) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (NoNetwork("a.example"), 70, "AW70 no network"),
        (ZeroDivisionError(f"about {CANARY}"), 99, "| ZeroDivisionError: about ***"),
        (FileNotFoundError(2, "No such file", CANARY), 99, "a bug of its own"),
        (OSError(errno.ENOSPC, "No space left on device", f"/x/{CANARY}"), 96, "while the step wrote a file"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 96, "a folder that has it in UV_CACHE_DIR"),
        (FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"), 96, "The disk became full"),
        (KeyboardInterrupt(), 130, "cancelled; run the step again"),
    ],
)
def test_whatever_ends_the_step_has_a_status_and_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    said: str,
) -> None:
    host = Terminal()
    host.mask(Secret(CANARY), http.USER)
    monkeypatch.setattr(detect, "detect", lambda: host)
    monkeypatch.setattr(__main__, "run", fail(error))
    assert __main__.main([]) == status
    shown = capsys.readouterr().out
    assert said in shown
    assert CANARY not in shown


def test_with_debug_lines_it_is_told_where_an_error_was_raised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMLWHEEL_DEBUG", "1")
    monkeypatch.setattr(__main__, "run", fail(NoNetwork(CANARY)))
    assert __main__.main([]) == 70
    shown = capsys.readouterr().out
    assert re.search(r"^debug: amlwheel \d", shown, re.MULTILINE)
    assert re.search(r'^debug:   File ".*test_main\.py", line \d+, in run$', shown, re.MULTILINE)
    assert CANARY not in "".join(line for line in shown.splitlines() if line.startswith("debug: "))


@pytest.mark.parametrize("option", [[], ["--no-color"]])
def test_no_color_is_an_option_of_the_command_line_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("FORCE_COLOR", "1")
    seen: list[list[str]] = []

    def run(given: list[str], *_: object) -> None:
        seen.append(given)
        raise NoNetwork("a.example")

    monkeypatch.setattr(__main__, "run", run)
    assert __main__.main(["--feed", "a/b", *option]) == 70
    assert seen == [["--feed", "a/b"]]
    assert ("\x1b[1;31merror: " in capsys.readouterr().out) is not bool(option)


def test_the_step_hides_its_environment_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(process, "hide", lambda: order.append("hide"))
    monkeypatch.setattr(__main__, "run", lambda *_: order.append("run"))
    assert __main__.main([]) == 0
    assert order == ["hide", "run"]


def test_a_signal_ends_the_tools_first(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(process, "end_all", lambda: ended.append(1))
    ended_at: list[int] = []

    def run(*_: object) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            ended_at.extend(ended)

    monkeypatch.setattr(__main__, "run", run)
    assert __main__.main([]) == 130
    assert ended_at == [1]


def test_a_second_signal_does_not_break_off_the_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[int] = []

    def run(*_: object) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            cleaned.append(1)

    monkeypatch.setattr(__main__, "run", run)
    assert __main__.main([]) == 130
    assert cleaned == [1]


def test_no_tool_outlives_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(process, "end_all", lambda: ended.append(1))
    monkeypatch.setattr(__main__, "run", lambda *_: None)
    assert __main__.main([]) == 0
    assert ended == [1]


def test_arguments_are_the_programs_own_unless_given(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr(__main__, "run", lambda arguments, *_: seen.append(arguments))
    monkeypatch.setattr("sys.argv", ["amlwheel", "--dry-run"])
    assert __main__.main() == 0
    assert seen == [["--dry-run"]]


def test_a_token_of_entra_belongs_to_the_given_user(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"feed": "acme/wheels", "workspace": f"{GUID}/rg/research", "connection-token": SECOND, "feed-user": "ci"}
    signed_in = SimpleNamespace(get_token=lambda _scope: SimpleNamespace(token=CANARY))
    monkeypatch.setattr(detectors, "find", lambda *_: signed_in)
    token = __main__.sign_in_to_feed(reading.read(given), {}, Terminal()).feed_token
    assert (token.reveal(), token.user) == (CANARY, "ci")


def test_a_password_is_masked_beside_each_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme-churn"\nversion = "1.2.3"\n')
    monkeypatch.chdir(tmp_path)
    host = Terminal()
    secrets = {"AMLWHEEL_FEED_TOKEN": CANARY, "AMLWHEEL_CONNECTION_TOKEN": SECOND}
    words = ["--feed", "https://pypi.example/simple/", "--workspace", f"{GUID}/rg/research", "--feed-user", "ci@acme"]
    asked = __main__.read(words, secrets, host)
    for token in (asked.feed_token, asked.connection_token):
        assert token.user == "ci@acme"
        for user in ("ci@acme", http.USER):
            assert host.leaks(base64.b64encode(f"{user}:{token.reveal()}".encode()).decode())


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_an_environment_per_package_has_files_of_its_own(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, dry: tuple[str, ...]
) -> None:
    monkeypatch.setattr(images, "told", lambda *_: ("The image is there",))
    assert world.run("--environment-per-package", *dry) == 0
    top = world.folder / "aml-environment"
    assert sorted(path.name for path in (top / "acme-churn").iterdir()) == FILES
    assert sorted(path.name for path in top.iterdir()) == ["acme-churn", *FILES]
    same = (top / "acme-churn/aml-release.json").read_text()
    assert (top / "aml-release.json").read_text() == same
    assert [each.split("/")[0] for each in world.effects[:1]] == ["prove"]
    assert ("publish acme_churn-1.2.3-py3-none-any.whl" in world.effects) is not bool(dry)
    said = capsys.readouterr().out
    assert 'environments=[{"package":"acme-churn",' in said
    assert "aml-environment/acme-churn/" in said


def test_a_package_of_the_run_that_turns_up_in_the_lock_is_taken_from_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder / "other").mkdir()
    (world.folder / "other/pyproject.toml").write_text('[project]\nname = "acme-other"\nversion = "1"\n')
    locked: list[list[str]] = []

    def build(_: object, into: Path, *__: object) -> list[Path]:
        return [pack(into, metadata=world.metadata), pack(into, "acme_other-1-py3-none-any.whl")]

    def resolve(needs: Requirements, *_: object) -> Lock:
        locked.append([each.project for each in needs.wheels])
        ours = [Pin(each.project, str(each.version), (each.sha256,), private=True) for each in needs.wheels]
        older = [Pin("acme-other", "0.9", (sha("old"),), private=True)] * (locked[-1] == ["acme-churn"])
        return Lock((*ours, *older))

    monkeypatch.setattr(project, "build", build)
    monkeypatch.setattr(lock, "resolve", resolve)
    monkeypatch.setattr(http, "get", lambda *_, **__: answer(404, "no package"))
    assert world.run("--environment-per-package", "--package-dir", ".\nother", "--dry-run") == 0
    assert locked == [["acme-churn"], ["acme-churn", "acme-other"], ["acme-other"]]
