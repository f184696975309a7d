"""Which route is taken, and what the routes tell about themselves."""

from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.storage import NotMirrored
from amlwheel.feed import read_back
from amlwheel.git import remote
from amlwheel.git.remote import Remote
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs.reading import read
from amlwheel.inputs.step import Inputs
from amlwheel.model.azure import Container
from amlwheel.model.repository import Repository
from amlwheel.model.secret import Secret
from amlwheel.model.source import Source
from amlwheel.model.wheel import File, Pin
from amlwheel.routes import choose
from amlwheel.routes.choose import Resources
from amlwheel.routes.commit import GitRoute
from amlwheel.routes.container import StorageRoute
from amlwheel.routes.feed import FeedRoute
from amlwheel.routes.route import Route
from amlwheel.routes.workspace import WorkspaceRoute
from amlwheel.storage.blobs import Blobs
from unit.parts import FEED, GUID, WORKSPACE, defined, make

CONTAINER = Container("acmewheels", "wheels")
COMMIT = Remote(Repository("https://github.com/acme/churn", "c" * 40), ("",), checked_out=True)
WORKER: Any = object()
GIVEN = {
    "feed": {"feed": "acme/ml/wheels", "feed-token": "fake-a", "connection-token": "fake-b"},
    "workspace": {},
    "storage": {"storage-container": CONTAINER.url},
    "mirror": {"route": "storage", "storage-container": CONTAINER.url, "mirror": "true"},
    "git": {"connection-token": "fake-b"},
}


def inputs(kind: str) -> Inputs:
    return read({"route": kind, "workspace": f"{GUID}/rg/research", **GIVEN[kind]})


def route(kind: str) -> Route:
    resources = Resources(WORKER, Blobs(CONTAINER, None), COMMIT)
    return choose.of(inputs(kind), Terminal(), {}, resources)


@pytest.mark.parametrize(
    ("kind", "expected", "label"),
    [
        ("feed", FeedRoute, FEED.label),
        ("workspace", WorkspaceRoute, "the storage of each workspace"),
        ("storage", StorageRoute, CONTAINER.url),
        ("git", GitRoute, f"https://github.com/acme/churn@{'c' * 12}"),
    ],
)
def test_each_route_has_its_class_and_names_the_place_of_the_wheels(
    kind: str, expected: type[Route], label: str
) -> None:
    made = route(kind)
    assert type(made) is expected
    assert made.label == label
    assert made.publishes is (kind == "feed")
    assert made.late is (kind == "workspace")


def test_a_container_with_a_mirror_needs_no_index() -> None:
    option = FEED.option(only=False)
    assert route("storage").options([option]) == [option]
    assert route("mirror").options([option]) == ["--no-index"]


def test_only_images_from_git_have_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "locate", lambda *_: COMMIT)
    assert choose.commit(inputs("git"), {}) == COMMIT
    assert choose.commit(inputs("feed"), {}) is None


def test_the_source_is_what_is_checked_out_or_the_commit_that_images_are_built_from() -> None:
    checkout = Source("https://mirror.example/churn", "a" * 40, "v1", dirty=True, run="https://ci.example/1")
    assert route("feed").source(checkout) == checkout
    assert route("git").source(checkout) == Source(
        COMMIT.repository.url, "c" * 40, "v1", dirty=False, run="https://ci.example/1"
    )


def test_what_is_the_same_everywhere_is_emitted_as_it_is(tmp_path: Path) -> None:
    wheel = make(tmp_path)
    environment = defined(wheel)
    assert route("feed").emitted(environment, WORKSPACE, [wheel]) == environment


def test_images_read_the_feed_with_the_workspaces_token_and_a_commit_was_read_before_the_build(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        read_back, "fetch", lambda index, wheel: read.append((index.token.reveal(), index.token_input, wheel.project))
    )
    reader, wheel = Secret("reads-only"), make(tmp_path)
    assert route("feed").fetch([wheel], reader) == f"1 from {FEED.label} with the workspace's token"
    assert read == [("reads-only", "connection-token", "acme-churn")]
    assert route("git").fetch([wheel], reader) == ""


def test_a_mirror_cannot_stand_in_for_an_address_in_our_metadata(tmp_path: Path) -> None:
    url = "https://x.example/f-1.0-py3-none-any.whl"
    wheel = make(tmp_path, more=f"Requires-Dist: f @ {url}\n")
    mirror = route("mirror")
    pin = Pin("f", "1.0", ("a" * 64,), files=(File("f-1.0-py3-none-any.whl", url, "a" * 64),), url=url)
    with pytest.raises(NotMirrored, match="requires f by its address"):
        mirror.place([pin], [wheel])
    (placed,) = mirror.place([pin], [])
    assert placed.line == f"{CONTAINER.address('f', 'f-1.0-py3-none-any.whl')} --hash=sha256:{'a' * 64}"
    assert placed.local_line == f"f @ {url} --hash=sha256:{'a' * 64}"
