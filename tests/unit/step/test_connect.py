"""`command: connect`: a token is stored on every workspace that hasn't got it, and nothing else is asked or changed."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import requests
from amlwheel import __main__
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.feed import FeedForbidden, FeedNotFound, TokenRefused, UserNeeded
from amlwheel.errors.inputs import BadInput, MissingToken, TokenExpired
from amlwheel.errors.workspace import ConnectionConflict, TargetsFailed
from amlwheel.feed import artifacts
from amlwheel.feed.artifacts import Facts
from amlwheel.git import remote
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.azure import Workspace
from amlwheel.model.secret import Secret
from amlwheel.report.outputs import OUTPUTS
from amlwheel.sign_in import credential, detectors
from amlwheel.step import connect
from amlwheel.transport import http, tools
from amlwheel.workspace.azureml.process import Worker
from unit.parts import CANARY, GUID, WORKSPACE, FakeArm, answer

LABEL = f"{GUID}/rg/research"
NOTHING: Mapping[str, object] = {}
PAGE = answer(404, "There is no such package")


class World:
    """Workspaces, and a feed or repository that answers the token."""

    def __init__(self, folder: Path) -> None:
        """Begin with one workspace, and a feed that takes the token."""
        self.folder = folder
        self.arm = FakeArm()
        self.page = PAGE
        self.asked: list[str] = []

    def get(self, url: str, *, token: object, **_: object) -> requests.Response:
        assert token
        self.asked.append(url)
        return self.page

    def more(self, count: int) -> str:
        """Return an input that names `count` workspaces."""
        named = [Workspace(GUID, "rg", f"research-{number}") for number in range(count)]
        self.arm.answers |= {("GET", each.id): (200, {}) for each in named}
        return "\n".join(f"{GUID}/rg/{each.name}" for each in named)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    signed_in = credential.Credential(None, "test", print)  # type: ignore[arg-type]  # never asked
    monkeypatch.setattr(detectors, "find", lambda *_: signed_in)
    monkeypatch.setattr(connect, "Arm", lambda *_: made.arm)
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: Facts(frozenset(["known"])))
    monkeypatch.setattr(http, "get", made.get)
    monkeypatch.setenv("AMLWHEEL_CONNECTION_TOKEN", CANARY)
    return made


def run(*words: str, feed: str = "acme/ml/wheels", workspace: str = LABEL) -> int:
    given = (("--feed", feed) if feed else ()) + (("--workspace", workspace) if workspace else ())
    host = Terminal()
    try:
        __main__.run(["--command", "connect", *given, *words], os.environ, host)
    except StepError as error:
        host.error(error)
        return error.status
    return 0


def test_a_token_is_stored_once_and_nothing_else_is_made(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    said = capsys.readouterr().out
    assert world.arm.writes == [f"{WORKSPACE.id}/connections/feed-acme"]
    outputs = dict(line.split("=", 1) for line in said.splitlines() if line.split("=")[0] in OUTPUTS)
    assert set(outputs) == set(OUTPUTS)
    assert {name: text for name, text in outputs.items() if text} == {
        "connection": "feed-acme",
        "index-url": "https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/",
        "changed": "true",
    }
    assert "Stored the token of feed-acme on 1 of 1 workspace(s)" in said
    assert CANARY not in said
    assert [*world.folder.iterdir()] == []
    assert run() == 0
    said = capsys.readouterr().out
    assert "changed=false" in said
    assert "on 0 of 1 workspace(s); the others have it" in said
    assert len(world.arm.writes) == 1


def test_forty_workspaces_are_forty_writes_and_then_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    named = world.more(40)
    assert run(workspace=named) == 0
    assert len(set(world.arm.writes)) == len(world.arm.writes) == 40
    assert "on 40 of 40" in capsys.readouterr().out
    assert run(workspace=named) == 0
    assert len(world.arm.writes) == 40


def test_a_dry_run_stores_nothing_and_a_new_date_is_stored(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run") == 0
    assert world.arm.writes == []
    assert "Dry run: would store the token of feed-acme on 1 of 1" in capsys.readouterr().out
    assert run() == 0
    assert run("--connection-token-expires", "2999-01-01") == 0
    assert len(world.arm.writes) == 2


def test_a_token_that_may_publish_is_not_one_to_store(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AMLWHEEL_FEED_TOKEN", CANARY)
    assert run() == 0
    assert "are one token" in capsys.readouterr().out
    assert len(world.arm.writes) == 1


def test_a_token_that_ends_soon_is_stored_with_a_warning(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    soon = (datetime.now(timezone.utc) + timedelta(days=3)).date().isoformat()
    assert run("--connection-token-expires", soon) == 0
    said = capsys.readouterr().out
    assert f"on {soon}; after that no image can be built." in said
    assert "and run the step with `--command` connect." in said
    assert len(world.arm.writes) == 1


def test_what_one_workspace_refuses_stops_no_other(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    named = world.more(3)
    place = f"{WORKSPACE.id}-1/connections/feed-acme"
    world.arm.answers["PUT", place] = (500, {})
    assert run(workspace=named) == TargetsFailed.status
    said = capsys.readouterr().out
    assert "changed=" not in said
    assert "1 of 3 workspaces failed, 2 done.\n- research-1: AW46 Azure refused the request. " in said
    del world.arm.answers["PUT", place]
    assert run(workspace=named) == 0
    assert world.arm.writes.count(place) == 2
    assert len(world.arm.writes) == 4


@pytest.mark.parametrize(
    ("page", "problem", "said"),
    [
        (answer(401), TokenRefused, "has expired, was revoked"),
        (answer(403), FeedForbidden, "isn't a Feed Reader here"),
        (answer(404, "FeedIdNotFound"), FeedNotFound, "The name is misspelt"),
        (answer(404, "Not Found"), FeedNotFound, "There is no index at"),
    ],
)
def test_a_token_that_the_feed_refuses_is_stored_nowhere(
    world: World, capsys: pytest.CaptureFixture[str], page: requests.Response, problem: type[StepError], said: str
) -> None:
    world.page = page
    assert run() == problem.status
    assert said in capsys.readouterr().out
    assert world.arm.writes == []


def test_a_conflict_on_one_workspace_comes_before_the_first_write(world: World) -> None:
    named = world.more(2)
    other = {"name": "feed-acme", "properties": {"category": "PythonFeed", "target": "https://elsewhere.example"}}
    world.arm.answers["GET", f"{WORKSPACE.id}-1/connections"] = (200, {"value": [other]})
    assert run(workspace=named) == ConnectionConflict.status
    assert world.arm.writes == []


def test_the_repositorys_connection_needs_neither_a_feed_nor_a_commit(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world.page = answer(200, Content_Type="application/x-git-upload-pack-advertisement")
    monkeypatch.setattr(remote, "fetch", None)
    monkeypatch.setattr(tools, "git", lambda *_: "")
    monkeypatch.setenv("GITHUB_REPOSITORY", "acme/churn")
    assert run("--route", "git", feed="") == 0
    assert world.asked == ["https://github.com/acme/churn/info/refs?service=git-upload-pack"]
    assert world.arm.writes == [f"{WORKSPACE.id}/connections/git-acme-churn"]
    assert "index-url=\nconnection=git-acme-churn" in capsys.readouterr().out


def test_azureml_core_stores_it_if_it_shall(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    class Core(Worker):
        def __init__(self, *_: object) -> None:
            pass

        def wait(self) -> str:
            return "azureml-core is there"

        def ask(self, call: str, workspace: Workspace, given: Mapping[str, object] = NOTHING, more: float = 0) -> None:
            del more
            asked.append(call)
            properties = {**given, "metadata": {}}
            if call == "connect":
                world.arm.answers["GET", f"{workspace.id}/connections/feed-acme"] = (200, {"properties": properties})

    monkeypatch.setattr(connect, "Worker", Core)
    assert run("--sdk", "v1") == 0
    assert asked == ["readable", "connect"]
    assert "azureml-core is there" in capsys.readouterr().out


def test_a_release_has_more_inputs_and_one_error_names_them(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--verify", "none", "--package-dir", "churn", "--output-dir", "aml-environment") == BadInput.status
    said = capsys.readouterr().out
    assert "`--package-dir`, `--verify` with `--command` connect: such inputs belong to a release" in said
    assert "Leave `--package-dir`, `--verify` out" in said
    assert world.asked == []
    assert world.arm.sent == []


def test_the_projects_table_may_say_what_a_release_needs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    (world.folder / "pyproject.toml").write_text(
        f'[tool.amlwheel]\nfeed = "acme/ml/wheels"\nworkspace = "{LABEL}"\nconda = ["ffmpeg=?"]\nverify = "none"\n'
    )
    assert run(feed="", workspace="") == 0
    said = capsys.readouterr().out
    assert "pyproject.toml gives feed, workspace\n" in said
    assert "by default: --route, --mirror, --sdk, --dry-run, --output-dir, --timeout-minutes\n" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--route", "workspace"], "with `--route` workspace and without a `--feed` images need no connection"),
        (["--route", "storage", "--mirror"], "with `--mirror` images need no connection"),
    ],
)
def test_without_a_connection_there_is_nothing_to_store(
    world: World, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(*words, feed="") == BadInput.status
    assert said in capsys.readouterr().out
    assert world.arm.sent == []


def test_a_project_whose_images_read_the_feed_stores_its_token_by_any_route(world: World) -> None:
    assert run("--route", "storage") == 0
    assert run("--route", "workspace") == 0
    assert len(world.arm.writes) == 1


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda patch: patch.setenv("AMLWHEEL_CONNECTION_TOKEN", ""), MissingToken),
        (lambda patch: patch.setenv("AMLWHEEL_CONNECTION_TOKEN_EXPIRES", "2020-01-01"), TokenExpired),
        (lambda patch: patch.setattr(http, "get", fail), NoNetwork),
    ],
)
def test_what_is_missing_or_over_stops_it(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[pytest.MonkeyPatch], None],
    problem: type[StepError],
) -> None:
    prepare(monkeypatch)
    assert run() == problem.status
    assert world.arm.writes == []


def fail(*_: object, **__: object) -> None:
    raise NoNetwork("pkgs.dev.azure.com")


def test_a_repository_that_checks_users_is_told_before_anything_is_stored(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def get(_: str, *, token: Secret, **__: object) -> requests.Response:
        return answer(401) if token.alone else answer(200, "<a></a>")

    monkeypatch.setattr(http, "get", get)
    assert run(feed="https://pypi.example/simple/") == UserNeeded.status
    assert (
        "pypi.example refuses `AMLWHEEL_CONNECTION_TOKEN` as the user, without a password, and"
        in capsys.readouterr().out
    )
    assert world.arm.writes == []
    assert run("--connection-user", "ci", feed="https://pypi.example/simple/") == 0
    assert len(world.arm.writes) == 1


def test_another_repositorys_index_needs_no_token_to_publish_and_may_take_no_uploads(world: World) -> None:
    world.page = answer(200, "<a></a>")
    assert run(feed="https://gitlab.example/api/v4/groups/7/-/packages/pypi/simple/") == 0
    assert len(world.arm.writes) == 1
