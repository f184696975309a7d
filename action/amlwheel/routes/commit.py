"""The way of a commit: pip fetches and builds it in the image, and takes everything else by address and sha256."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from typing_extensions import override

from ..build import backend, project, wheel
from ..environment import lock
from ..environment.lock import Sources
from ..environment.requirements import Requirements
from ..errors.build import BuildFailed
from ..errors.environment import Unsatisfiable
from ..errors.git import CommitDiffers, CommitIncomplete, NotForBuilder
from ..git import checkout
from ..git.remote import Remote
from ..hosts.host import Host
from ..model import wheel_tags
from ..model.azure import Workspace
from ..model.environment import Environment, Python
from ..model.secret import Secret
from ..model.wheel import Pin, Wheel
from ..transport import variables
from .route import Plan, Route


class GitRoute(Route):
    """Nothing is stored anywhere.

    What the build needs is locked too, so that pip finds it, and nothing else, with `--no-index` and `--find-links`.
    """

    @property
    @override
    def label(self) -> str:
        """The commit."""
        return f"{self._source.repository.url}@{self._source.repository.commit[:12]}"

    def __init__(self, source: Remote, token: Secret, python: Python, host: Host) -> None:
        """Take what images are built from, and the token that may read it."""
        self._source, self._token, self._python, self.host = source, token, python, host
        self._tools: dict[str, None] = {}  # the files that builds need, by address, in order and once
        self._folders: dict[str, str] = {}  # of each package in the repository

    @override
    def build(self, projects: Sequence[str], into: Path) -> list[Path]:
        """What is built is the commit as the image builder gets it, not what is checked out.

        Raises CommitDiffers when that is another commit, of another version.
        """
        tree = into / "repository"
        checkout.checkout(self._source, self._token, tree)
        built = [self._build(tree, folder, into / str(number)) for number, folder in enumerate(self._source.folders)]
        if not self._source.checked_out and all(map(project.is_project, projects)):
            ours = project.build(projects, into / "checked-out", self.host.foreign)
            for there, here in zip(map(wheel.inspect, built), map(wheel.inspect, ours), strict=True):
                if (there.project, there.version) != (here.project, here.version):
                    commit = self._source.repository.commit[:12]
                    message = f"Commit {commit} holds {there.project} {there.version}"
                    raise CommitDiffers(f"{message}, but {here.project} {here.version} is checked out.")
        return built

    def _build(self, tree: Path, folder: str, into: Path) -> Path:
        """Build one project with the very versions that pip will find in the image."""
        place = tree / folder
        if not project.is_project(place):
            raise CommitIncomplete(
                f"Commit {self._source.repository.commit[:12]} has no project in {folder or 'its root'}.",
                fix="Commit the project, or correct `package-dir`.",
            )
        pins = self._locked(place, into)
        self._tools |= dict.fromkeys(map(self._address, pins))
        versions = into / "versions.txt"
        versions.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pins), encoding="utf-8")
        (path,) = project.build([place], into / "wheel", self.host.foreign, {"UV_CONSTRAINT": str(versions)})
        self._folders[wheel.inspect(path).project] = folder
        return path

    def _locked(self, place: Path, into: Path) -> tuple[Pin, ...]:
        needs = backend.requirements(place, into, self.host.foreign)
        nowhere = Sources(None, Secret(""), frozenset(), only=False)
        try:
            return lock.resolve(Requirements((), needs, self._python), nowhere, lambda: None, self.host.say)
        except Unsatisfiable as error:
            message = f"What the build of {place.name} needs can't be locked: {', '.join(map(str, needs))}."
            fix = "Choose a backend that has wheels for the image, or set `route` to feed."
            raise BuildFailed(
                message, cause="pip builds in the image, from wheels.", fix=fix, details=error.details
            ) from None

    @override
    def refuse(self, built: Wheel) -> None:
        """Git without Git LFS leaves a pointer in the place of each large file."""
        pointers = wheel.lfs_pointers(built.path)
        if pointers:
            raise CommitIncomplete(
                f"{built.filename} has {len(pointers)} file(s) of Git LFS, of which the commit holds only pointers.",
                details="\n".join(pointers[:5]),
            )

    @override
    def place(self, pins: Sequence[Pin], wheels: Sequence[Wheel]) -> tuple[Pin, ...]:
        """Ours by the commit, each other one by the address of the file that pip would take."""
        ours = {each.project: each for each in wheels}
        found = []
        for pin in pins:
            if pin.name in ours:
                line = self._source.repository.requirement(pin.name, self._folders[pin.name])
                found.append(replace(pin, requirement=line, stored=ours[pin.name].filename))
            else:
                file = self._address(pin)
                digest = file.rpartition("#sha256=")[2]
                found.append(replace(pin, requirement=f"{pin.name} @ {file}", sha256=(digest,)))
        files = [*self._tools, *(pin.requirement.partition(" @ ")[2] for pin in found if pin.name not in ours)]
        self.host.say(
            f"images take public packages from {', '.join(sorted({urlsplit(each).netloc for each in files}))}"
        )
        return tuple(found)

    def _address(self, pin: Pin) -> str:
        """Return address and sha256 of the file that pip takes; raise NotForBuilder if nobody else can fetch it."""
        file = wheel_tags.best_file(pin.files, self._python)
        if not file or not file.url.startswith("https://") or not file.sha256:
            raise NotForBuilder(f"{pin.name} {pin.version} comes from an address that the image builder can't use.")
        return f"{file.url}#sha256={file.sha256}"

    @override
    def options(self, feed: list[str]) -> list[str]:
        """What the build needs, and no index, so that pip takes nothing that isn't named here."""
        del feed
        return ["--no-index", *(f"--find-links {address}" for address in self._tools)]

    @override
    def plans(self, wheels: Sequence[Wheel], workspaces: Sequence[Workspace]) -> Iterator[Plan]:
        """The commit is there already."""
        del wheels, workspaces
        yield from ()

    @override
    def local(self, environment: Environment, wheels: Sequence[Wheel]) -> Environment:
        """The wheels were built from the commit, fetched with the workspace's token."""
        built = {each.project: f"{each.path.resolve().as_uri()} --hash=sha256:{each.sha256}" for each in wheels}
        return environment.listing([built.get(line.split(" @ ")[0], line) for line in environment.pip])


def refuse_credentials(environ: Mapping[str, str]) -> None:
    """Raise NotForBuilder when this machine's package index wants a credential: images couldn't be built from it."""
    names = [name for name in variables.withheld(environ) if not name.upper().endswith("_PROXY")]
    if names:
        raise NotForBuilder(f"{', '.join(names)} holds a credential for the index of public packages.")
