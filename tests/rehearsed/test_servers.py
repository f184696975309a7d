"""Other repositories than Azure Artifacts: real servers, which nobody of us wrote."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from amlwheel.build.wheel import inspect
from amlwheel.errors.base import StepError
from amlwheel.errors.feed import VersionTaken
from amlwheel.feed import publish
from amlwheel.feed.index import Index
from amlwheel.model.secret import Secret
from amlwheel.plan.change import Verb
from rehearsal.builder.build import build
from rehearsal.command import rehearse
from rehearsal.proxy.world import World
from rehearsal.state.names import workspace_id
from rehearsed import servers
from rehearsed.servers import READER, WRITER, Devpi, Server
from rehearsed.steps import Result, Step, refused, write_wheel

pytestmark = pytest.mark.xdist_group("servers")  # one process, so that devpi is started once


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reach this machine without the proxy that it may use for others."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture(scope="module")
def devpi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devpi]:
    with servers.devpi(tmp_path_factory.mktemp("devpi")) as running:
        yield running


@pytest.fixture(scope="module")
def pypiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return pypiserver as it is by default: with md5 on its pages."""
    with servers.pypiserver(tmp_path_factory.mktemp("pypiserver"), "md5") as running:
        yield running


@pytest.fixture(params=["devpi", "pypiserver"])
def server(request: pytest.FixtureRequest) -> Server:
    found = request.getfixturevalue(request.param)
    return found.server() if isinstance(found, Devpi) else found


def run(step: Step, server: Server, wheel: pathlib.Path, password: Secret | None = None, **more: str) -> Result:
    """Run the step with the server's users."""
    tokens = {
        "AMLWHEEL_FEED_TOKEN": (password or server.writer).reveal(),
        "AMLWHEEL_CONNECTION_TOKEN": server.reader.reveal(),
    }
    users = {"feed": server.url, "feed_user": server.writer.user, "connection_user": server.reader.user}
    given: dict[str, Any] = {**users, **more}
    return step(wheel=wheel, env=tokens, **given)


def warn(text: str) -> None:
    raise AssertionError(text)


def test_a_rehearsal_releases_to_a_server_of_ones_own(
    devpi: Devpi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, caches: dict[str, str]
) -> None:
    server = devpi.server()
    wheel = write_wheel(tmp_path / "wheels", "acme-rehearsed", "1.0")
    secrets = {"AMLWHEEL_FEED_TOKEN": server.writer.reveal(), "AMLWHEEL_CONNECTION_TOKEN": server.reader.reveal()}
    for name, value in {**secrets, **caches}.items():
        monkeypatch.setenv(name, value)
    words = ["--wheel", str(wheel), "--keep", str(tmp_path / "kept"), "--build-image", "--feed", server.url]
    users = ["--feed-user", server.writer.user, "--connection-user", server.reader.user]
    assert rehearse.main([*words, *users]) == 0
    assert [line for line in (tmp_path / "kept" / "log.txt").read_text("utf-8").splitlines() if "changed=true" in line]


def test_a_release_installs_and_a_second_run_writes_nothing(
    step: Step, world: World, server: Server, tmp_path: pathlib.Path
) -> None:
    server.seed(write_wheel(tmp_path / "seeds", "acme-core", "3.0"))
    wheel = write_wheel(tmp_path / "wheels", "acme-features", "0.3.0", requires=["acme-core"])
    released = run(step, server, wheel)
    assert released.status == 0, released.output
    assert released.written == [("PUT", "connections"), ("PUT", "environments")]
    assert "from the feed, not the public index" not in released.output  # known as the feed's own from the start

    (connection,) = world.workspace()["connections"].values()
    assert connection["properties"]["authType"] == "UsernamePassword"
    assert connection["properties"]["credentials"] == {
        "username": "images%40acme.example",
        "password": "fake%2520reader%26pass-0002",
    }
    outputs = released.outputs
    built = build(world, workspace_id(), outputs["environment-name"], outputs["environment-version"])
    assert built.ok, built.log
    assert built.installed == ("acme_core 3.0", "acme_features 0.3.0")
    for secret in (WRITER, READER):
        assert not [form for form in secret.forms(secret.user) if form in f"{released.output}{built.log}"]

    posts = server.posts
    again = run(step, server, wheel)
    assert again.status == 0, again.output
    assert (again.writes, again.outputs["changed"], server.posts) == ([], "false", posts)
    assert again.released == released.released

    other = write_wheel(tmp_path / "others", "acme-features", "0.3.0", requires=["acme-core"], text="others")
    refused(run(step, server, other, output_dir="other"), 35, "already has acme_features-0.3.0-py3-none-any.whl")
    assert server.posts == posts


def test_with_another_password_nothing_is_changed(
    step: Step, world: World, server: Server, tmp_path: pathlib.Path
) -> None:
    """Pypiserver says it when it is looked at; devpi, where everybody may read, when something is to be published."""
    wheel = write_wheel(tmp_path / "wheels", "acme-locked-out", "1.0")
    result = run(step, server, wheel, Secret("fake-wrong-password"))
    refused(result, 30 if "+simple" in server.url else 33, "Check `--feed-user` and `AMLWHEEL_FEED_TOKEN`")
    assert world.workspace()["connections"] == {}


def test_without_a_user_it_is_a_token_in_either_form(
    step: Step, world: World, devpi: Devpi, tmp_path: pathlib.Path
) -> None:
    """Devpi looks at no name where everybody may read."""
    wheel = write_wheel(tmp_path / "wheels", "acme-token", "1.0")
    devpi.server().seed(wheel)
    result = run(step, devpi.server(), wheel, feed_user="", connection_user="")
    assert result.status == 0, result.output
    (connection,) = world.workspace()["connections"].values()
    assert connection["properties"]["authType"] == "PAT"
    for form in ("user", "password"):
        assert installed(world, result, form) == ("acme_token 1.0",)


def test_a_server_that_checks_users_tells_the_form_that_it_refuses(
    step: Step, world: World, pypiserver: Server, tmp_path: pathlib.Path
) -> None:
    """Pypiserver knows the step's own user here, to whom a token belongs that is given without one."""
    wheel = write_wheel(tmp_path / "wheels", "acme-checked", "1.0")
    bare = Server(pypiserver.url, pypiserver.log, servers.BARE, servers.BARE)
    stopped = run(step, bare, wheel, feed_user="", connection_user="")
    told = "refuses `AMLWHEEL_CONNECTION_TOKEN` as the user, without a password, and takes it as the password"
    refused(stopped, 168, told, "Set `--connection-user` to the user to whom `AMLWHEEL_CONNECTION_TOKEN` belongs.")
    wrong = run(step, bare, wheel, feed_user="", connection_user=READER.user)
    refused(wrong, 33, "forbids this to `AMLWHEEL_CONNECTION_TOKEN`", "Check `--connection-user`")
    assert world.workspace()["connections"] == {}
    result = run(step, bare, wheel, feed_user="", connection_user=servers.BARE.user)
    assert result.status == 0, result.output
    for form in ("user", "password"):  # a user's name is stored, so there is no other form
        assert installed(world, result, form) == ("acme_checked 1.0",)


def installed(world: World, released: Result, form: str) -> tuple[str, ...]:
    """Return what an image build installs, with a PAT in this form."""
    with world.store.edit("builder") as document:
        document["pat"] = form
    names = released.outputs
    built = build(world, workspace_id(), names["environment-name"], names["environment-version"])
    assert built.ok, built.log
    return built.installed


def test_a_user_is_stored_through_azureml_core_too(
    step: Step, world: World, pypiserver: Server, tmp_path: pathlib.Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-by-core", "0.3.0")
    released = run(step, pypiserver, wheel, sdk="v1")
    assert released.status == 0, released.output
    (connection,) = world.workspace()["connections"].values()
    assert connection["properties"]["authType"] == "UsernamePassword"
    assert connection["properties"]["credentials"]["username"] == "images%40acme.example"
    outputs = released.outputs
    built = build(world, workspace_id(), outputs["environment-name"], outputs["environment-version"])
    assert built.ok, built.log
    assert not [form for form in READER.forms(READER.user) if form in f"{released.output}{built.log}"]


def test_the_same_file_twice_is_one_and_other_bytes_are_refused(server: Server, tmp_path: pathlib.Path) -> None:
    """Devpi answers 200 and 409 to them, pypiserver 400 to twine in either case."""
    ours = inspect(write_wheel(tmp_path / "ours", "acme-twice", "1.0"))
    others = inspect(write_wheel(tmp_path / "others", "acme-twice", "1.0", text="others"))
    publish.publish(Index(server.feed, server.writer), ours, warn)
    publish.publish(Index(server.feed, server.writer), ours, warn)
    with pytest.raises(VersionTaken, match="already has"):
        publish.publish(Index(server.feed, server.writer), others, warn)
    with pytest.raises(VersionTaken, match="already has"):
        publish.plan(Index(server.feed, server.writer), others, warn)


@pytest.mark.parametrize("hashes", ["sha256", "sha512", "off"])
def test_whatever_hash_a_page_has_bytes_are_compared(hashes: str, tmp_path: pathlib.Path) -> None:
    with servers.pypiserver(tmp_path, hashes) as server:
        path = write_wheel(tmp_path / "ours", "acme-hashed", "1.0")
        server.seed(path)
        page = Index(server.feed, server.writer, "feed-token").page("acme-hashed")
        assert bool(page.files[path.name]) is (hashes == "sha256")
        change = publish.plan(Index(server.feed, server.writer), inspect(path), warn)
        assert change.verb is Verb.KEEP
        other = inspect(write_wheel(tmp_path / "others", "acme-hashed", "1.0", text="others"))
        with pytest.raises(VersionTaken):
            publish.plan(Index(server.feed, server.writer), other, warn)
        assert Index(server.feed, server.writer).names() == frozenset(["acme-hashed"])


def test_what_devpi_mirrors_was_not_published_to_it(devpi: Devpi, tmp_path: pathlib.Path) -> None:
    devpi.index("base").seed(write_wheel(tmp_path, "acme-below", "1.0"))
    devpi.index("mirror", type="mirror", mirror_url=f"{devpi.url}/ci/base/+simple/")
    top = devpi.index("top", bases=["ci/base", "ci/mirror"])
    top.seed(write_wheel(tmp_path, "Acme_Above", "1.0"))
    assert Index(top.feed, top.writer).names() == frozenset(["acme-above", "acme-below"])
    assert Index(devpi.index("empty").feed, top.writer).names() == frozenset()


@pytest.mark.parametrize(
    ("address", "told"), [("/ci/dev/", "/ci/dev/+simple/"), ("/ci/none/+simple/", "as pip has it")]
)
def test_a_wrong_address_of_devpi_is_told(devpi: Devpi, address: str, told: str) -> None:
    server = Server(f"{devpi.url}{address}", devpi.log)
    with pytest.raises(StepError) as caught:
        Index(server.feed, server.writer, "feed-token").page("acme-features")
    assert caught.value.code == "AW34"
    assert told in caught.value.fix
