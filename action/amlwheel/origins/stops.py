"""Why a package can't come from where a project takes it from, and what to do about it."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..errors.origins import SourceNotFollowed
from ..model.package_index import shown
from .declared import Origin

_WHOLE = 'Write the commit\'s whole id into {}: rev = "…" with 40 hex digits.'
_CAUSE = "An index knows nothing of {what}: it would give the public package of that name, or none."


@dataclass(frozen=True)
class Way:
    """What a fix depends on: the feed's label (empty without a feed), and whether the step builds the wheels.

    `from_commit`: images are built from the project's commit, without a feed and without anything else to build.
    """

    feed: str
    built: bool
    from_commit: bool = False

    @property
    def missing(self) -> str:
        """How to say that neither this run nor the feed has a package."""
        return f"neither part of this run nor published to {self.feed}" if self.feed else "no part of this run"

    @property
    def publish(self) -> str:
        """What to do where there is no other way."""
        if self.from_commit:
            return "publish it to a feed, and release by `route` feed"
        return "publish it to the feed" if self.feed else "publish it to a feed, and name that in `feed`"

    def build(self, origin: Origin) -> str:
        """Return how the step builds the commit of `origin`."""
        if self.from_commit:
            return "Release by another `route`, where `from-source` builds that commit."
        begin = "Set" if origin.one_commit else f"{_WHOLE.format(origin.table)} Then set"
        return f"{begin} `from-source` to {origin.name}: the step builds that commit. Or {self.publish}."


def in_folder(name: str, folder: Path, way: Way, where: str = "") -> SourceNotFollowed:
    """Return the error for a package whose code lies in `folder`."""
    place = _relative(folder)
    where = where or f"is developed in {place} of the same checkout"
    add = (
        f"Add a line to `package-dir`: {place}."
        if way.built
        else f"Build {place} as well, and add its wheel to `wheel`."
    )
    return SourceNotFollowed(f"{name} {where}, but it is {way.missing}.", cause=_CAUSE.format(what="folders"), fix=add)


def not_followed(origin: Origin, way: Way) -> SourceNotFollowed:
    """Return the error for a source that no index can take the place of."""
    name, place = origin.name, shown(origin.place)
    if origin.kind in ("path", "workspace") and origin.folder and (origin.folder / "pyproject.toml").is_file():
        return in_folder(name, origin.folder, way, f"comes from {_relative(origin.folder)} by {origin.table}")
    kind = "path" if origin.kind == "url" and not place.endswith(".whl") else origin.kind
    what = {
        "git": ("commits", way.build(origin)),
        "url": ("single files", f"Add a line to `requirements`: {name} @ {place}. Or {way.publish}."),
        "files": ("lists of files", f"Add a line to `requirements`: {name} @ ADDRESS-OF-THE-WHEEL. Or {way.publish}."),
    }.get(kind, ("folders", f"To use {name} as it is, {way.publish}."))
    came = f"{origin.kind} {place} {origin.detail}".rstrip() if origin.kind == "git" else place
    return SourceNotFollowed(
        f"{name} comes from {came} by {origin.table}, but it is {way.missing}.",
        cause=_CAUSE.format(what=what[0]),
        fix=what[1],
    )


def not_a_commit(origin: Origin) -> SourceNotFollowed:
    """Return the error for a package that is to be built from what isn't one commit for ever."""
    return SourceNotFollowed(
        f"{origin.name} is to be built from {shown(origin.place)} {origin.detail}".rstrip() + f" by {origin.table}.",
        cause="A branch or a tag is other code tomorrow, and a shortened id may become ambiguous.",
        fix=_WHOLE.format(origin.table),
    )


def _relative(folder: Path) -> str:
    """Return a folder as `package-dir` takes it: from the current folder."""
    try:
        return Path(os.path.relpath(folder)).as_posix()
    except ValueError:  # another drive of Windows
        return folder.as_posix()
