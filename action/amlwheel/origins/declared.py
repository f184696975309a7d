"""What a project says about where its packages come from, whichever tool it says it to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from .tables import Table, at, revision, text

PUBLIC = "the public index"  # a place
Kind = Literal["index", "files", "git", "url", "path", "workspace"]


@dataclass(frozen=True)
class Origin:
    """Where a project takes the package `name` from. The name is normalised; of an index's package it may be a pattern.

    `place` is an address or a folder as it is written; `detail` a git revision as it is written (`rev 6fdee8f`), or the
    name of the index. `folder` is where the code lies on this machine, if it does, `subdirectory` where in a
    repository. `table` says for people where this is declared. `files` is a flat list of files (pip's find-links).
    """

    name: str
    kind: Kind
    place: str
    table: str
    detail: str = ""
    folder: Path | None = None
    subdirectory: str = ""

    @property
    def one_commit(self) -> bool:
        """Whether its revision is the whole id of a commit, which names the same code for ever."""
        return bool(re.fullmatch(r"rev [0-9a-f]{40}", self.detail))

    @classmethod
    def outside(cls, name: str, source: Table, folder: Path, label: str) -> "Origin | None":
        """Return the origin of a package by git, address or path, in the words of uv and Poetry; None for another."""
        if text(source, "git"):
            place, subdirectory = text(source, "git"), text(source, "subdirectory")
            return cls(name, "git", place, label, revision(source), subdirectory=subdirectory)
        if text(source, "url"):
            return cls(name, "url", text(source, "url"), label)
        if text(source, "path"):
            return cls(name, "path", text(source, "path"), label, folder=at(folder, text(source, "path")))
        return None


@dataclass(frozen=True)
class General:
    """An index that a project names for all packages, before the public one or (`default`) in its place."""

    place: str
    table: str
    default: bool = False


@dataclass(frozen=True)
class Declared:
    """What the projects of a run declare, as far as it applies to the image.

    `members` are the folders of other projects that are developed together with them, by normalised name.
    """

    origins: tuple[Origin, ...] = ()
    general: tuple[General, ...] = ()
    members: Mapping[str, Path] = field(default_factory=dict)

    def __add__(self, other: "Declared") -> "Declared":
        """Return what both declare, each thing once."""
        return Declared(
            tuple(dict.fromkeys((*self.origins, *other.origins))),
            tuple(dict.fromkeys((*self.general, *other.general))),
            {**self.members, **other.members},
        )


@dataclass(frozen=True)
class Target:
    """For what a declaration has to apply: the image's markers (PEP 508), and the `extras` or groups that are on."""

    markers: Mapping[str, str]
    extras: frozenset[str] = frozenset()

    def fits(self, text: object) -> bool:
        """Tell whether a marker holds in the image. One that can't be read does: it may have been meant to."""
        try:
            return not isinstance(text, str) or not text or Marker(text).evaluate(dict(self.markers))
        except InvalidMarker:
            return True

    def is_on(self, name: object) -> bool:
        """Tell whether an extra or group is on; what is bound to none always is."""
        return not isinstance(name, str) or canonicalize_name(name) in self.extras
