"""How the wheels of a release reach the image: through the feed, or through the storage of each workspace."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Protocol

from . import azureml_core, feed, inputs
from .azureml_process import Worker
from .change import Change
from .environment import Environment
from .model import Feed, Pin, Wheel, Workspace
from .secret import Secret

Plan = Callable[[], Change[str]]


class Route(Protocol):
    """One way. Nothing outside changes but by the effects of what `plans` return."""

    @property
    def label(self) -> str:
        """Where the wheels lie, for people."""

    @property
    def late(self) -> bool:
        """Whether `located` knows more once the plans of the wheels are made."""

    def refuse(self, wheel: Wheel) -> None:
        """Raise what the place would say of `wheel`, before anything is sent."""

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Return the lock's `pins`, those of our `wheels` as this route brings them."""

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
    warn: Callable[[str], None]
    late: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """See `Route`."""
        return self.feed.label

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`."""
        feed.refuse_unpublishable(wheel, self.feed)

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """See `Route`: the index finds them by name and version."""
        del wheels
        return tuple(pins)

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """See `Route`."""
        del workspaces
        for each in wheels:
            yield partial(feed.plan, self.feed.through(None), each, self.token, self.warn)

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
    label: ClassVar[str] = "the storage of each workspace"
    late: ClassVar[bool] = True

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


def of(asked: inputs.Inputs, worker: Worker | None, warn: Callable[[str], None]) -> Route:
    """Return the route that the user asks for; `inputs` has made sure that what it needs is given."""
    if asked.route == "workspace" and worker:
        return WorkspaceRoute(azureml_core.Storage(worker))
    if asked.feed:
        return FeedRoute(asked.feed, asked.feed_token, warn)
    raise AssertionError(asked.route)
