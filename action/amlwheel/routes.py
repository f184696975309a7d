"""How the wheels of a release reach the image: through the feed, the storage of each workspace, a container, or git."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from . import azureml_core, hosts, inputs, project, publish, remote
from .azureml_process import Worker
from .blobs import Blobs
from .change import Change
from .environment import Environment
from .git_route import GitRoute
from .model import Feed, Pin, Wheel, Workspace
from .secret import Secret
from .storage_route import StorageRoute

Plan = Callable[[], Change[Any]]


class Route(Protocol):
    """One way. Nothing outside changes but by the effects of what `plans` return."""

    @property
    def label(self) -> str:
        """Where the wheels lie, for people."""

    @property
    def late(self) -> bool:
        """Whether `located` knows more once the plans of the wheels are made."""

    def build(self, projects: Sequence[str], into: Path) -> list[Path]:
        """Build a wheel from each of `projects` (folders) below the folder `into`; return them in the same order."""

    def refuse(self, wheel: Wheel) -> None:
        """Raise what the place would say of `wheel`, before anything is sent."""

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Return the lock's `pins`, those of our `wheels` as this route brings them."""

    def options(self, feed: list[str]) -> list[str]:
        """Return pip's options for the environment; `feed` are those that lead to the feed, if there is one."""

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """Yield what compares each wheel with what is there, and says what has to happen."""

    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        """Return `environment` as `workspace` gets it, as far as is known."""

    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """Return `environment` as the proof installs it, which can't sign in to a workspace's storage."""


@dataclass(frozen=True)
class FeedRoute:
    """The wheels are published to the feed itself, never to a view; images are built from its index."""

    feed: Feed
    token: Secret
    host: hosts.Terminal
    late: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """See `Route`."""
        return self.feed.label

    def build(self, projects: Sequence[str], into: Path) -> list[Path]:
        """See `Route`."""
        return project.build(projects, into, self.host.foreign)

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`."""
        publish.refuse_unpublishable(wheel, self.feed)

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """See `Route`: the index finds them by name and version."""
        del wheels
        return tuple(pins)

    def options(self, feed: list[str]) -> list[str]:
        """See `Route`: none but these."""
        return feed

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """See `Route`."""
        del workspaces
        for each in wheels:
            yield partial(publish.plan, self.feed.through(None), each, self.token, self.host.warning)

    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        """See `Route`: it is the same everywhere."""
        del workspace
        return environment

    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """See `Route`: the feed is read as the image builder reads it."""
        del wheels
        return environment


@dataclass(frozen=True)
class WorkspaceRoute:
    """The wheels lie in the storage of each workspace, whose addresses are known once they are there."""

    storage: azureml_core.Storage
    host: hosts.Terminal
    label: ClassVar[str] = "the storage of each workspace"
    late: ClassVar[bool] = True

    def build(self, projects: Sequence[str], into: Path) -> list[Path]:
        """See `Route`."""
        return project.build(projects, into, self.host.foreign)

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`."""
        azureml_core.refuse_unstorable(wheel)

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """See `Route`: our wheels stand by their file names, which are the same in every workspace."""
        files = {each.project: each.filename for each in wheels}
        return tuple(replace(each, stored=files.get(each.name, "")) for each in pins)

    def options(self, feed: list[str]) -> list[str]:
        """See `Route`: none but these."""
        return feed

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """See `Route`."""
        for each in wheels:
            yield from (partial(self.storage.plan, each, place) for place in workspaces)

    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        """See `Route`."""
        return self.storage.at(environment, workspace)

    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """See `Route`: what was stored was read back and compared, so the file here is the same."""
        return environment.at({each.filename: each.path.resolve().as_uri() for each in wheels})


@dataclass(frozen=True)
class Found:
    """What was found beforehand, as far as the route needs it."""

    worker: Worker | None
    blobs: Blobs | None
    source: remote.Remote | None


def of(asked: inputs.Inputs, host: hosts.Terminal, environ: Mapping[str, str], found: Found) -> Route:
    """Return the route that the user asks for; `inputs` has made sure that what it needs is given."""
    if asked.route == "git" and found.source:
        return GitRoute(found.source, asked.connection_token, asked.python_version, host)
    if asked.route == "storage" and found.blobs:
        return StorageRoute.of(asked, found.blobs, host, environ)
    if asked.route == "workspace" and found.worker:
        return WorkspaceRoute(azureml_core.Storage(found.worker), host)
    if asked.feed:
        return FeedRoute(asked.feed, asked.feed_token, host)
    raise AssertionError(asked.route)
