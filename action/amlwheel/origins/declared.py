"""What a project says about where its packages come from, whichever tool it says it to."""

import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PUBLIC = "the public index"  # a place
Table = Mapping[str, Any]
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


def settings(path: Path) -> Table:
    """Return the content of a TOML file; empty if it isn't one, which the build explains better."""
    content: Table = {}
    with contextlib.suppress(OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return content


def table(value: object, *keys: str) -> Table:
    """Return the table below `keys`; empty if there is none, or something else in its place."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def tables(value: object) -> list[Table]:
    """Return a list of tables, or one table, as a list."""
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, dict)]


def text(value: Table, *keys: str) -> str:
    """Return the first of `keys` that is a text that isn't empty; an empty one if there is none."""
    return next((value[key] for key in keys if isinstance(value.get(key), str) and value[key]), "")


def revision(value: Table) -> str:
    """Return the git revision of a source as it is written, such as `tag v1.2`; empty without one."""
    return next((f"{key} {value[key]}" for key in ("rev", "tag", "branch") if text(value, key)), "")


def project_name(content: Table) -> str:
    """Return a project's normalised name; empty if it doesn't say."""
    name = text(table(content, "project"), "name") or text(table(content, "tool", "poetry"), "name")
    return canonicalize_name(name)


def at(folder: Path, place: str) -> Path:
    """Return a path that stands in a project file in `folder`, without dots in it."""
    return Path(os.path.normpath(folder / place))


def told(path: Path) -> str:
    """Return a path for people: from the current folder, if it lies below."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()
