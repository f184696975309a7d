"""How the wheels of a release reach the image: through the feed, the storage of each workspace, a container, or git."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from . import azureml_core, publish, remote
from .azureml_process import Worker
from .blobs import Blobs
from .git_route import GitRoute
from .hosts import terminal
from .inputs import step
from .model.azure import Workspace
from .model.environment import Environment
from .model.feed import Feed
from .model.secret import Secret
from .model.wheel import Pin, Wheel
from .route import Plan, Route
from .storage_route import StorageRoute


@dataclass(frozen=True)
class FeedRoute(Route):
    """The wheels are published to the feed itself, never to a view; images are built from its index.

    It finds them by name and version, and the proof reads it as the image builder does.
    """

    feed: Feed
    token: Secret
    host: terminal.Terminal

    @property
    def label(self) -> str:
        """See `Route`."""
        return self.feed.label

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`."""
        publish.refuse_unpublishable(wheel, self.feed)

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """See `Route`."""
        del workspaces
        for each in wheels:
            yield partial(publish.plan, self.feed.through(None), each, self.token, self.host.warning)


@dataclass(frozen=True)
class WorkspaceRoute(Route):
    """The wheels lie in the storage of each workspace, whose addresses are known once they are there."""

    storage: azureml_core.Storage
    host: terminal.Terminal
    late: ClassVar[bool] = True

    @property
    def label(self) -> str:
        """See `Route`."""
        return "the storage of each workspace"

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`."""
        azureml_core.refuse_unstorable(wheel)

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """See `Route`: our wheels stand by their file names, which are the same in every workspace."""
        files = {each.project: each.filename for each in wheels}
        return tuple(replace(each, stored=files.get(each.name, "")) for each in pins)

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


def of(asked: step.Inputs, host: terminal.Terminal, environ: Mapping[str, str], found: Found) -> Route:
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
