"""A team's own lock, as far as it concerns the image's Python and platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Kind = Literal["index", "git", "url", "path"]
_KEEPING = ("uv lock", "uv pip compile", "pip-compile")  # they keep versions and hashes of the file that they write


@dataclass(frozen=True)
class Locked:
    """A package of a lock: its version, and the sha256 (hex) of the files that it may be.

    `wheels` are those of wheels that fit the image, `sdists` those of sdists; of a list that doesn't tell them apart
    each has all. `named` has those of wheels by their file names, where the lock tells these. `place` is the address of
    its index (empty: the lock doesn't say), or where it comes from otherwise; `detail` a git commit as `rev ID`.
    """

    name: str
    version: str
    wheels: frozenset[str] = frozenset()
    sdists: frozenset[str] = frozenset()
    named: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = "index"
    place: str = ""
    detail: str = ""
    subdirectory: str = ""

    @property
    def pin(self) -> str:
        """Name and version as a requirement."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class LockFile:
    """The file of a lock, by its path for people, and the `command` that makes it, where that is known."""

    label: str
    command: str = ""

    @property
    def again(self) -> str:
        """The fix for a lock that was made for something else."""
        return self._run(self.command)

    @property
    def whole(self) -> str:
        """The fix for a lock that can't be read: tools don't write over one."""
        again = self.again
        return f"Restore {self.label} as it was before; or delete it. {again}"

    def renewed(self, *pins: str) -> str:
        """Return the fix for `pins` whose files aren't right: most tools keep what they have, if they aren't told."""
        options = "".join(f" --upgrade-package {each}" for each in pins)
        return self._run(self.command + options) if self.command.startswith(_KEEPING) else self.again

    def _run(self, command: str) -> str:
        folder = self.label.rpartition("/")[0]
        where = f" in {folder}" if folder else ""
        how = f"Run `{command}`{where}" if command else "Lock again with the tool that made it"
        return f"{how}, and commit {self.label}."


@dataclass(frozen=True)
class TeamLock(LockFile):
    """A team's lock.

    `packages` are those that the image may get, by normalised name. `requires` is what the lock was made for, by our
    own packages' names, where the lock tells that, `grouped` the same for the groups that are chosen: what comes from
    no index has `url` set. `overrides` are the names whose versions the lock chose against what other packages require.
    """

    packages: Mapping[str, Locked] = field(default_factory=dict)
    requires: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    grouped: tuple[Requirement, ...] | None = None
    overrides: frozenset[str] = frozenset()

    @property
    def outside(self) -> frozenset[str]:
        """The names that our packages take from no index, such as other packages of the workspace."""
        return frozenset(canonicalize_name(each.name) for some in self.requires.values() for each in some if each.url)
