"""What a team's files declare for an environment, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from packaging import utils
from packaging.requirements import Requirement

from .conda import NO_CONDA, Conda
from .origin import split
from .package_index import PackageIndex
from .team_lock import TeamLock


@dataclass(frozen=True)
class Hashed:
    """A requirement whose files are declared by sha256 (hex), as pip's `--hash` does."""

    requirement: Requirement
    sha256: frozenset[str]


@dataclass(frozen=True)
class Declared:
    """What `requirements` and `conda` declare.

    `commits` are packages of git repositories that `from-source` builds. `extras` and `groups` are those of our own
    packages, by the folder in `package-dir`, with the groups that a group includes; `grouped` are the requirements of
    these groups, which are among the others. `lock` is the team's own, if it is used. `notes` are sentences for the
    plan: what was taken in another way than it is written; `warnings` need attention.
    """

    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    hashed: tuple[Hashed, ...] = ()
    commits: tuple[Requirement, ...] = ()
    indexes: tuple[PackageIndex, ...] = ()
    conda: Conda = NO_CONDA
    extras: Mapping[str, frozenset[str]] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    grouped: tuple[Requirement, ...] = ()
    lock: TeamLock | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def followed(self) -> str:
        """The file of the team's own lock, for people; empty without one."""
        return self.lock.label if self.lock else ""


NOTHING = Declared()


def wheel_problem(url: str) -> str:
    """Return why an image can't take a wheel from `url`, empty if it can: https, no credential, and a wheel's name."""
    parts = split(url)
    if parts.scheme != "https":
        return "isn't an https address"
    if "@" in parts.netloc or parts.query:
        return "has a credential or a query in its address, which would stand in the environment for everybody"
    try:
        utils.parse_wheel_filename(filename(url))
    except utils.InvalidWheelFilename:
        return "isn't the address of a wheel"
    return ""


def filename(url: str) -> str:
    """Return the name of the file at `url`."""
    return unquote(split(url).path.rpartition("/")[2])


def without_fragment(url: str) -> str:
    """Return `url` without its fragment, such as `#sha256=…`."""
    return split(url)._replace(fragment="").geturl()
