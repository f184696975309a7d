"""How the wheels of a release reach the image: through the feed, the storage of each workspace, or a container."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from . import azureml_core, feed, hosts, inputs, mirror
from .azureml_process import Worker
from .blobs import Blobs
from .change import Change
from .environment import Environment
from .model import Feed, File, Pin, Python, Wheel, Workspace
from .secret import Secret
from .wheel import fitting

Plan = Callable[[], Change[Any]]


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


@dataclass(frozen=True)
class StorageRoute:
    """The wheels lie in a container, ours alone or (`mirror`) those of the whole lock, at addresses known beforehand.

    `files` and `paths` hold, by address, what `place` has found to be wanted.
    """

    blobs: Blobs
    python: Python
    mirror: mirror.Mirror | None
    files: dict[str, File] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    late: ClassVar[bool] = False

    @property
    def label(self) -> str:
        """See `Route`."""
        return self.blobs.container.url

    @cached_property
    def _folder(self) -> Path:
        folder = tempfile.mkdtemp(prefix="amlwheel-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _kept(self, file: File) -> Path:
        """Where a file is that was read back from the container."""
        return self._folder / file.sha256[:16] / file.name

    def refuse(self, wheel: Wheel) -> None:
        """See `Route`: a container takes every name."""

    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """See `Route`: each stands by its address; of a mirrored package the one wheel that pip would choose."""
        best_first = fitting(self.python)
        own = {each.project: File(each.filename, "", each.sha256) for each in wheels}
        placed = []
        for pin in pins:
            file = own.get(pin.name) or (mirror.best(pin, best_first) if self.mirror else None)
            if file:
                address = self.blobs.container.address(pin.name, file.name)
                self.files[address], self.paths[address] = file, f"{pin.name}/{file.name}"
            placed.append(replace(pin, sha256=(file.sha256,), address=address) if file else pin)
        return tuple(placed)

    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """See `Route`: one for each of our wheels, and one for all others."""
        del workspaces
        for each in wheels:
            yield partial(self.blobs.plan, each, self._kept(File(each.filename, "", each.sha256)))
        others = {self.paths[address]: file for address, file in self.files.items() if file.url}
        if self.mirror and others:
            yield partial(self.mirror.plan, others)

    def located(self, environment: Environment, workspace: Workspace) -> Environment:
        """See `Route`: it is the same everywhere."""
        del workspace
        return environment

    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """See `Route`: what is stored is read back, every byte of it."""
        del wheels
        wanted = [(self.paths[address], self._kept(file), file.sha256) for address, file in self.files.items()]
        mirror.fetch(self.blobs, wanted)
        return environment.at({address: self._kept(file).as_uri() for address, file in self.files.items()})


def of(
    asked: inputs.Inputs, worker: Worker | None, blobs: Blobs | None, host: hosts.Terminal, environ: Mapping[str, str]
) -> Route:
    """Return the route that the user asks for; `inputs` has made sure that what it needs is given."""
    if asked.route == "storage" and blobs:
        source = mirror.Source(asked.feed, asked.feed_token, environ)
        return StorageRoute(
            blobs, asked.python_version, mirror.Mirror(blobs, source, host.say) if asked.mirror else None
        )
    if asked.route == "workspace" and worker:
        return WorkspaceRoute(azureml_core.Storage(worker))
    if asked.feed:
        return FeedRoute(asked.feed, asked.feed_token, host.warning)
    raise AssertionError(asked.route)
