"""`route: git`: pip fetches and builds the commit in the image, and takes all else by address and sha256."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from typing_extensions import override

from ..build import backend, project, wheel
from ..environment import lock
from ..environment.requirements import Requirements
from ..environment.sources import Sources
from ..errors.build import BuildFailed
from ..errors.environment import Unsatisfiable
from ..errors.git import CommitDiffers, CommitIncomplete, NotForBuilder
from ..git import checkout
from ..git.remote import Remote
from ..hosts.host import Host
from ..model import wheel_tags
from ..model.azure import Workspace
from ..model.environment import Python
from ..model.limit import NO_LIMIT, Limit
from ..model.secret import Secret
from ..model.source import Source
from ..model.wheel import Pin, Wheel
from ..transport import variables
from .route import Plan, Route


class GitRoute(Route):
    """Images are built from a commit, and nothing is stored anywhere.

    What builds require is locked too: with `--no-index` and `--find-links` pip finds these files and no other.
    """

    @property
    @override
    def label(self) -> str:
        return f"{self._remote.repository.url}@{self._remote.repository.commit[:12]}"

    def __init__(self, commit: Remote, token: Secret, python: Python, host: Host, limit: Limit = NO_LIMIT) -> None:
        """Build images from `commit`, which `token` may read, with tools that were uploaded before the `limit`."""
        self._remote, self._token, self._python, self.host, self._limit = commit, token, python, host, limit
        self._tools: dict[str, None] = {}  # addresses of the files that builds need: in order, each once
        self._folders: dict[str, str] = {}  # the folder of each package in the repository

    @override
    def build(self, projects: Sequence[str], into: Path, more: Mapping[str, str] = MappingProxyType({})) -> list[Path]:
        """Build the commit as the image builder gets it, not what is checked out. `more` takes variables away.

        Raises CommitDiffers when what is checked out is another commit and has another version.
        """
        tree = into / "repository"
        checkout.checkout(self._remote.repository, self._token, tree)
        built = [
            self._build(tree, folder, into / str(number), more) for number, folder in enumerate(self._remote.folders)
        ]
        if not self._remote.checked_out and all(map(project.is_project, projects)):
            ours = project.build(projects, into / "checked-out", self.host.foreign, more)
            for there, here in zip(map(wheel.inspect, built), map(wheel.inspect, ours), strict=True):
                if (there.project, there.version) != (here.project, here.version):
                    commit = self._remote.repository.commit[:12]
                    raise CommitDiffers(
                        f"Commit {commit} holds {there.project} {there.version}, "
                        f"but {here.project} {here.version} is checked out."
                    )
        return built

    def _build(self, tree: Path, folder: str, into: Path, more: Mapping[str, str]) -> Path:
        """Build one project with the very versions that pip will find in the image."""
        place = tree / folder
        if not project.is_project(place):
            raise CommitIncomplete(
                f"Commit {self._remote.repository.commit[:12]} has no project in {folder or 'its root'}.",
                fix="Commit the project, or correct `package-dir`.",
            )
        pins = self._locked(place, into)
        self._tools |= dict.fromkeys(map(self._address, pins))
        versions = into / "versions.txt"
        versions.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        (path,) = project.build([place], into / "wheel", self.host.foreign, {**more, "UV_CONSTRAINT": str(versions)})
        self._folders[wheel.inspect(path).project] = folder
        return path

    def _locked(self, place: Path, into: Path) -> tuple[Pin, ...]:
        needs = backend.requirements(place, into, self.host.foreign, self._limit)
        nowhere = Sources(None, Secret(""), frozenset(), only=False, until=self._limit.text)
        wanted = Requirements((), needs, self._python, builds=False)
        try:
            return lock.resolve(wanted, nowhere, lambda: None, self.host.say).pins
        except Unsatisfiable as error:
            raise BuildFailed(
                f"The build requirements of {place.name} can't be locked: {', '.join(map(str, needs))}.",
                cause="pip builds in the image, from wheels.",
                fix="Choose a backend that has wheels for the image, or set `route` to feed.",
                details=error.details,
            ) from None

    @override
    def refuse(self, built: Wheel) -> None:
        """Raise CommitIncomplete for files of Git LFS: without it, git leaves a pointer in the place of each."""
        pointers = wheel.lfs_pointers(built.path)
        if pointers:
            raise CommitIncomplete(
                f"{built.filename} has {len(pointers)} file(s) of Git LFS, of which the commit holds only pointers.",
                details="\n".join(pointers[:5]),
            )

    @override
    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Pin ours by the commit, and each other package by the address of the file that pip would take."""
        ours = {each.project: each for each in wheels}
        placed = []
        for pin in pins:
            if pin.name in ours:
                line = self._remote.repository.requirement(pin.name, self._folders[pin.name])
                placed.append(replace(pin, requirement=line, stored=ours[pin.name].filename))
            else:
                _refuse_other_spelling(pin, wheels)
                file = self._address(pin)
                digest = file.rpartition("#sha256=")[2]
                placed.append(replace(pin, requirement=f"{pin.name} @ {file}", sha256=(digest,)))
        files = [*self._tools, *(pin.requirement.partition(" @ ")[2] for pin in placed if pin.name not in ours)]
        self.host.say(
            f"images take public packages from {', '.join(sorted({urlsplit(each).netloc for each in files}))}"
        )
        return tuple(placed)

    def _address(self, pin: Pin) -> str:
        """Return address and sha256 of the file that pip takes; raise NotForBuilder if nobody else can fetch it."""
        file = wheel_tags.best_file(pin.files, self._python)
        if not file or not file.url.startswith("https://") or not file.sha256:
            raise NotForBuilder(f"{pin.name} {pin.version} comes from an address that the image builder can't use.")
        return f"{file.url}#sha256={file.sha256}"

    @override
    def options(self, feed: list[str]) -> list[str]:
        """Name the files that builds need, and no index, so that pip takes nothing else."""
        del feed
        return ["--no-index", *(f"--find-links {address}" for address in self._tools)]

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """Yield nothing: the commit is on its host already."""
        del wheels, workspaces
        yield from ()

    @override
    def source(self, checkout: Source) -> Source:
        """Name the commit and its repository in place of what is checked out."""
        place = self._remote.repository
        return replace(checkout, repository=place.url, commit=place.commit, dirty=False)


def _refuse_other_spelling(pin: Pin, wheels: Sequence[Wheel]) -> None:
    """Raise NotForBuilder for a wheel that our metadata require by a bare address.

    Its line has to hold the sha256, and pip takes the same address with and without it for two packages.
    """
    if pin.url and "#" not in pin.url and any(each.requires_by_address(pin.name) for each in wheels):
        raise NotForBuilder(
            f"The package requires {pin.name} by an address without its sha256, which the image can't check.",
            cause="pip's hash mode is off with `route` git, so the sha256 has to stand in the address.",
            fix=f"Write {pin.name} @ {pin.url}#sha256={pin.sha256[0]} in the package's dependencies.",
        )


def refuse_credentials(environ: Mapping[str, str]) -> None:
    """Raise NotForBuilder when this machine's package index wants a credential: images couldn't be built from it."""
    names = [name for name in variables.withheld(environ) if not name.upper().endswith("_PROXY")]
    if names:
        raise NotForBuilder(f"{', '.join(names)} holds a credential for the index of public packages.")
