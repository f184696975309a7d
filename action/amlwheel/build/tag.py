"""A pushed tag has to name the version of a package of this run.

The spellings are those of monorepos: the package's name in front (`NAME-v1.2.0`, `NAME/1.2.0`, `NAME@1.2.0`,
`NAME==1.2.0`, `NAME_1.2.0`), and a path before that. Names and versions may have the same separators in them.
"""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors.build import TagMismatch
from ..model.wheel import Wheel
from . import checkout, members

# In front of a version these name no package: release/1.2.0, python/v1.2.0.
_WORDS = frozenset(("release", "releases", "version", "versions", "tag", "tags", "python", "v"))


def check(pushed: str, wheels: Sequence[Wheel], folders: Sequence[str]) -> None:
    """Raise TagMismatch unless the tag names a version: alone that of the first wheel, with a package's name its own.

    `folders` are those of the projects, in the order of `wheels`, and empty for wheels that were given. A folder's name
    stands for its package's. Raises CheckoutChanged where that is why the version is another.
    """
    fronts = {each.project: [front for front, rest in _readings(pushed) if rest == each.version] for each in wheels}
    if any(project in _names(front) for project, found in fronts.items() for front in found):
        return
    lead = wheels[0]
    if "" in fronts[lead.project]:
        return
    _refuse_others(pushed, wheels, folders)
    for each, folder in zip(wheels, folders, strict=False):
        if any(_plain(Path(folder).resolve().name) in _names(front) for front in fronts[each.project]):
            return
    if any(_names(front) <= _WORDS for front in fronts[lead.project]):
        return
    raise _mismatch(pushed, _meant(pushed, wheels), wheels, folders)


def versions(pushed: str) -> list[str]:
    """Return the texts in a tag that may be its version, as a tool would write them into a file."""
    return [str(version) for _, version in _readings(pushed) if len(version.release) > 1]


def _readings(pushed: str) -> Iterator[tuple[str, Version]]:
    """Yield each way to read a tag, as what stands in front of a version, and the version."""
    text = pushed.removeprefix("refs/tags/")
    for start, end in ((0, 0), *(found.span() for found in re.finditer(r"(?<=.)(==|[-/@_])", text))):
        with contextlib.suppress(InvalidVersion):
            yield text[:start], Version(text[end:])


def _names(front: str) -> set[str]:
    """Return what a front may name: its last part, and the last one that isn't a word such as release."""
    parts = [_plain(part) for part in front.split("/")]
    return {parts[-1], next((part for part in reversed(parts) if part not in _WORDS), parts[-1])}


def _plain(name: str) -> str:
    return str(canonicalize_name(name))


def _meant(pushed: str, wheels: Sequence[Wheel]) -> Wheel:
    """Return the wheel that the tag names, else the first."""
    named = set[str]().union(*(_names(front) for front, _ in _readings(pushed)))
    return next((each for each in wheels if each.project in named), wheels[0])


def _refuse_others(pushed: str, wheels: Sequence[Wheel], folders: Sequence[str]) -> None:
    """Raise TagMismatch for a tag that names a package of the repository which this run doesn't release."""
    around = members.of_repository(Path(folders[0] if folders else "."))
    others = {name: place for name, place in around.items() if name not in {each.project for each in wheels}}
    for name in sorted({name for front, _ in _readings(pushed) for name in _names(front)} & others.keys()):
        place = others[name] if folders and Path(folders[0]).is_absolute() else Path(os.path.relpath(others[name]))
        raise TagMismatch(
            f"The tag {pushed!r} names {name}, another package of this repository, which isn't in this run.",
            cause=f"The pipeline starts for the tags of every package, but it releases {wheels[0].project}.",
            fix=f"Set `package-dir` to {place.as_posix()} for this tag, or let only tags of {wheels[0].project} start "
            "the step.",
        )


def _mismatch(pushed: str, meant: Wheel, wheels: Sequence[Wheel], folders: Sequence[str]) -> Exception:
    version = meant.version
    if folders and (version.is_devrelease or version.local):
        folder = Path(folders[[each.project for each in wheels].index(meant.project)])
        dirt = checkout.dirt(folder)
        if dirt:
            return checkout.differs(dirt)
        return TagMismatch(
            f"The tag is {pushed!r}, but the version that the build made from git is {version}.",
            cause="The checkout is shallow or lacks the tag, or the version tool doesn't know this form of tags.",
            fix="Check out with the whole history and its tags (fetch-depth: 0; before a rehearsal make the tag: git "
            "tag TAG), or give the project a plain version.",
        )
    bare = f"v{version}, {version} or " if meant is wheels[0] else ""
    told = (
        f"The tag is {pushed!r}, but {meant.project} has version {version}; "
        f"the tag must be {bare}{meant.project}-v{version}."
    )
    if all(rest != version for _, rest in _readings(pushed)):
        return TagMismatch(told)
    return TagMismatch(
        told,
        cause="What stands before the version is neither the name of a package of this run nor of its folder.",
        fix=f"Make the tag {meant.project}-v{version}, or let only tags of {meant.project} start the step.",
    )
