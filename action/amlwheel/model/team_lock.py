"""A team's own lock, as far as it concerns the image's Python and platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.requirements import Requirement

Kind = Literal["index", "git", "url", "path"]


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
class TeamLock:
    """A team's lock: the file `label`, and `mend`, how it is made anew.

    `packages` are those that the image may get, by normalised name. `requires` is what the lock was made for, by our
    own packages' names, where the lock tells that: what comes from no index has `url` set. `overrides` are the names
    whose versions the lock chose against what other packages require.
    """

    label: str
    mend: str
    packages: Mapping[str, Locked]
    requires: Mapping[str, tuple[Requirement, ...]] = field(default_factory=dict)
    overrides: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()

    @property
    def again(self) -> str:
        """The fix of most problems, as a sentence."""
        return f"Run {self.mend}, and commit {self.label}."
