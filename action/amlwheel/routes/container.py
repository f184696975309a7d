"""`route: storage`: a container holds our wheels, or with `mirror` those of the whole lock."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

from typing_extensions import override

from ..errors.storage import NotMirrored
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model.azure import Workspace
from ..model.environment import Python
from ..model.secret import Secret
from ..model.wheel import File, Pin, Wheel
from ..storage import mirror
from ..storage.blobs import Blobs
from ..storage.mirror import Mirror
from ..transport.download import Downloads
from .route import Plan, Route


@dataclass(frozen=True)
class StorageRoute(Route):
    """The wheels lie in a container at addresses known beforehand: ours alone or (`mirror`) those of the whole lock.

    `files` are those that the environment needs, by their paths in the container; `place` fills it.
    """

    blobs: Blobs
    python: Python
    mirror: Mirror | None
    host: Host
    files: dict[str, File] = field(default_factory=dict)

    @classmethod
    def of(cls, inputs: Inputs, blobs: Blobs, host: Host, environ: Mapping[str, str]) -> "StorageRoute":
        """Return the route to this container."""
        source = Downloads(inputs.feed, inputs.feed_token, environ, NotMirrored)
        whole = Mirror(blobs, source, host.say) if inputs.mirror else None
        return cls(blobs, inputs.python_version, whole, host)

    @property
    @override
    def label(self) -> str:
        return self.blobs.container.url

    @cached_property
    def _folder(self) -> Path:
        folder = tempfile.mkdtemp(prefix="amlwheel-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _kept(self, file: File) -> Path:
        """Return where a file is put that is read back from the container."""
        return self._folder / file.sha256[:16] / file.name

    @override
    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Pin each by its address; of a mirrored package, the one wheel that pip would choose."""
        own = {each.project: File(each.filename, "", each.sha256) for each in wheels}
        if self.mirror:
            _refuse_addresses(pins, wheels)
        placed = []
        for pin in pins:
            file = own.get(pin.name) or (mirror.best(pin, self.python) if self.mirror else None)
            if file:
                self.files[f"{pin.name}/{file.name}"] = file
                address = self.blobs.container.address(pin.name, file.name)
            placed.append(replace(pin, sha256=(file.sha256,), address=address) if file else pin)
        return tuple(placed)

    @override
    def resume(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:
        """Know again which files the container has to hold; what is placed already stays where it is."""
        self.place(pins, wheels)

    @override
    def options(self, feed: list[str]) -> list[str]:
        """Turn off every index if there is a mirror: it holds everything."""
        return ["--no-index"] if self.mirror else feed

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """Yield one for each of our wheels, and one for all others."""
        del workspaces
        for each in wheels:
            yield partial(self.blobs.plan, each, self._kept(File(each.filename, "", each.sha256)))
        others = {path: file for path, file in self.files.items() if file.url}
        if self.mirror and others:
            yield partial(self.mirror.plan, others)

    @override
    def fetch(self, wheels: Sequence[Wheel], reader: Secret) -> str:
        """Read back every byte that is stored, also of the mirror; the workspace's identity does it without a token."""
        del wheels, reader
        mirror.fetch(self.blobs, [(path, self._kept(file), file.sha256) for path, file in self.files.items()])
        return f"{len(self.files)} from {self.label}"


def _refuse_addresses(pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:
    """Raise NotMirrored for a wheel that our metadata require by its address: pip takes it from nowhere else."""
    for pin in pins:
        if any(each.requires_by_address(pin.name) for each in wheels):
            raise NotMirrored(
                f"The package requires {pin.name} by its address, so images couldn't take it from the mirror.",
                cause="pip takes a requirement NAME @ ADDRESS from that address alone.",
                fix=f"Require {pin.name}=={pin.version} in the package, and name the address in `requirements`.",
            )
