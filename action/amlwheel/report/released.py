"""What a consumer takes from a receipt, and whether what is registered bears it out."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from ..model.azure import Connection, Registry, Target, Workspace


@dataclass(frozen=True)
class ReleasedPackage:
    """One of the project's packages: `wheel` is a file name, `sha256` its hash in hex."""

    name: str
    version: str
    wheel: str
    sha256: str


@dataclass(frozen=True)
class ReleasedEnvironment:
    """The parts of a receipt that a consumer needs; see templates/aml-release.schema.json.

    `route` is how the wheels reach the image; `code` is the commit with its repository, as pip reads it; `fed` tells
    whether packages come from a feed.
    """

    name: str
    version: str
    image: str
    sha256: str
    route: str
    code: str
    fed: bool
    packages: tuple[ReleasedPackage, ...]
    workspaces: tuple[Workspace, ...]
    connection: Connection | None
    registry: Registry | None = None

    @property
    def reference(self) -> str:
        """The environment as the receipt names it: in a `registry` if the release is to no workspace."""
        return self.named(self.registry) if self.registry else f"azureml:{self.name}:{self.version}"

    def named(self, target: Target) -> str:
        """Return the environment as jobs name it that have it from `target`."""
        return target.reference(self.name, self.version)

    @property
    def stored(self) -> bool:
        """Whether the wheels are in each workspace's own storage."""
        return self.route == "workspace"

    @property
    def index(self) -> str:
        """The address of the feed's index; empty where images need none."""
        return self.connection.index if self.connection and self.connection.category != "Git" else ""

    @property
    def versions(self) -> list[str]:
        """The packages' versions. A commit pins no version, so there only that of the first is known: it is in ours."""
        return [each.version if not number or self.route != "git" else "" for number, each in enumerate(self.packages)]

    def id(self, target: Target) -> str:
        """Return the environment's id on `target`, as the receipt spells it: nothing is quoted."""
        return f"{target.id}/environments/{self.name}/versions/{self.version}"

    def misfit(self, spec: Any) -> str:  # noqa: ANN401  # a conda spec that has our digest
        """Return what the receipt says and the registered conda `spec` doesn't; empty if it bears everything out."""
        lines = _pip(spec)
        for each in self.packages:
            if not any(self._is_line(each, line) for line in lines):
                return f"the package {each.name} {each.version} with its sha256, by route {self.route}"
        if self.version.rpartition("-")[0] != self.packages[0].version.replace("!", "-"):
            return f"version {self.packages[0].version} of {self.packages[0].name}"
        needed = self.route in {"feed", "git"} or (self.fed and "--no-index" not in lines)
        if self.connection is None and needed:
            return "an environment that needs no connection"
        options = {f"--index-url {self.index}", f"--extra-index-url {self.index}"}
        return f"the index {self.index}" if self.index and options.isdisjoint(lines) else ""

    def _is_line(self, package: ReleasedPackage, line: str) -> bool:
        """Tell whether a line of the registered spec is this package, as its route brings it (`Pin.line`)."""
        if not _is_of(package):
            return False
        if self.route == "git":
            return line.partition("#")[0] == f"{package.name} @ git+{self.code}"
        if self.route == "feed":
            return line == f"{package.name}=={package.version} --hash=sha256:{package.sha256}"
        found = re.fullmatch(r"https://\S+/([^/\s]+) --hash=sha256:([0-9a-f]{64})", line)
        return found is not None and (unquote(found[1]), found[2]) == (package.wheel, package.sha256)


def _pip(spec: Any) -> list[str]:  # noqa: ANN401  # anybody may have registered it
    """Return the `pip:` list of a conda spec; empty without one where ours have it."""
    try:
        return [str(each) for each in spec["dependencies"][-1]["pip"]]
    except (LookupError, TypeError):
        return []


def _is_of(package: ReleasedPackage) -> bool:
    """Tell whether a wheel's file name is that of its package and version."""
    try:
        name, version, *_ = parse_wheel_filename(package.wheel)
    except InvalidWheelFilename:
        return False
    return (name, str(version)) == (package.name, package.version)
