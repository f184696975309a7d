"""A pylock.toml (PEP 751): the packages that it has for the image. uv exports its own lock in this format, too."""

import os
import re
import sys
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from packaging import utils
from packaging.pylock import Package, Pylock, PylockUnsupportedVersionError, PylockValidationError
from packaging.tags import Tag

from ..errors.environment import LockIncomplete
from ..errors.team_lock import LockNotForImage, LockUnreadable
from ..model import wheel_tags
from ..model.declared import filename
from ..model.environment import Python
from ..model.team_lock import Locked, LockFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_WHEELS = re.compile(r"^wheels = \[\n((?:    \{ .* \},\n)+)\]$", re.MULTILINE)
# Whatever fits the image, and more: reading TOML takes most of the time, and most wheels are for other platforms.
_FITTING = re.compile(r"-any\.whl|linux\w*_x86_64")


def read(text: str, file: LockFile, python: Python, chosen: frozenset[str], folder: Path) -> dict[str, Locked]:
    """Return the packages for the image, by normalised name; `chosen` are extras and groups, `folder` that of paths.

    Raises LockUnreadable, LockNotForImage, LockIncomplete.
    """
    content = _content(text, file)
    lock = _validated(content, file)
    _refuse_other_python(lock, file, python)
    environment: dict[str, str | AbstractSet[str]] = {
        **python.markers,
        "extras": chosen,
        "dependency_groups": chosen | frozenset(lock.default_groups or ()),
    }
    tags = {*wheel_tags.supported(python)}
    found: dict[str, Locked] = {}
    for package in lock.packages:
        if package.marker and not package.marker.evaluate(environment, context="lock_file"):
            continue
        if package.name in found:
            raise LockNotForImage(
                f"{file.label} has {package.name} twice for Python {python.minor} on Linux x86-64.",
                cause="The lock's markers don't tell the two apart, as for extras that exclude each other.",
                fix=f"Let the lock have one version of {package.name} for the image. {file.again}",
            )
        found[package.name] = _locked(package, tags, folder)
    return found


def _content(text: str, file: LockFile) -> dict[str, Any]:
    try:
        content: dict[str, Any] = tomllib.loads(_WHEELS.sub(_thinned, text))
    except (ValueError, RecursionError) as problem:
        raise LockUnreadable(f"{file.label} isn't valid TOML.", fix=file.whole, details=str(problem)) from None
    return content


def _thinned(wheels: re.Match[str]) -> str:
    """Return a list of wheels without those for other platforms; one stays, since an empty list isn't valid."""
    lines = wheels[1].splitlines(keepends=True)
    return f"wheels = [\n{''.join(filter(_FITTING.search, lines)) or lines[0]}]"


def _validated(content: dict[str, Any], file: LockFile) -> Pylock:
    try:
        _refuse_unhashed(content, file)
        return Pylock.from_dict(content)
    except PylockUnsupportedVersionError as problem:
        raise LockUnreadable(
            f"{file.label} has a newer format than the step knows: {problem}.",
            cause="The tool that made it is newer than this version of amlwheel.",
            fix=f"Use a newer amlwheel, or write {file.label} with lock-version 1.0.",
        ) from None
    except (PylockValidationError, AttributeError, TypeError) as problem:
        raise LockUnreadable(
            f"{file.label} isn't a lock as PEP 751 has it.", fix=file.whole, details=str(problem)
        ) from None


def _refuse_unhashed(content: dict[str, Any], file: LockFile) -> None:
    bare = [
        f"{package.get('name')}=={package.get('version')}"
        for package in content.get("packages", [])
        for file in [*package.get("wheels", []), *filter(None, map(package.get, ("sdist", "archive")))]
        if "sha256" not in file.get("hashes", {})
    ]
    if bare:
        raise incomplete(bare, file)


def incomplete(pins: list[str], file: LockFile) -> LockIncomplete:
    """Return the error for packages of a lock, as `NAME==VERSION`, that have a file without a sha256."""
    return LockIncomplete(
        f"{file.label} has no sha256 for {', '.join(sorted(set(pins)))}.",
        cause="The lock was made without hashes, or of an index that lists none, or it was edited by hand.",
        fix=file.renewed(*sorted(set(pins))),
    )


def _refuse_other_python(lock: Pylock, file: LockFile, python: Python) -> None:
    asked = lock.requires_python
    if asked and not asked.contains(python.exact):
        raise LockNotForImage(
            f"{file.label} is for Python {asked}, and the environment has Python {python.exact}.",
            cause="`requires-python` of the lock excludes the image's Python.",
            fix=f"Set `python-version` to one that {asked} allows; or widen requires-python. {file.again}",
        )
    if lock.environments and not any(each.evaluate({**python.markers}) for each in lock.environments):
        told = " or ".join(map(str, lock.environments))
        raise LockNotForImage(
            f"{file.label} is for {told}: not for Python {python.minor} on Linux x86-64.",
            cause="The lock was limited to some environments.",
            fix=f"Add sys_platform == 'linux' to the environments of the lock. {file.again}",
        )


def _locked(package: Package, tags: AbstractSet[Tag], folder: Path) -> Locked:
    name, version = package.name, str(package.version or "")
    if package.vcs:
        place = package.vcs.url or str(package.vcs.path)
        return Locked(
            name,
            version,
            kind="git",
            place=place,
            detail=f"rev {package.vcs.commit_id}",
            subdirectory=package.vcs.subdirectory or "",
        )
    if package.directory:
        return Locked(name, version, kind="path", place=_path(folder, package.directory.path))
    if package.archive:
        place = package.archive.url or _path(folder, str(package.archive.path))
        digests = frozenset([package.archive.hashes["sha256"]])
        kind: Any = "url" if package.archive.url else "path"
        return Locked(name, version or _version(filename(place)), digests, digests, kind=kind, place=place)
    return _of_index(package, tags)


def _of_index(package: Package, tags: AbstractSet[Tag]) -> Locked:
    files = {each.filename: each.hashes["sha256"] for each in package.wheels or ()}
    fitting = {name: digest for name, digest in files.items() if utils.parse_wheel_filename(name)[3] & tags}
    sdists = [package.sdist.hashes["sha256"]] if package.sdist else []
    return Locked(
        package.name,
        str(package.version or next(map(_version, files), "")),
        frozenset(fitting.values()),
        frozenset(sdists),
        fitting,
        place=package.index or "",
    )


def _path(folder: Path, path: str) -> str:
    return Path(os.path.normpath(folder / path)).as_posix()


def _version(name: str) -> str:
    """Return the version in the name of a wheel; empty for another file."""
    try:
        return str(utils.parse_wheel_filename(name)[1])
    except (utils.InvalidWheelFilename, ValueError):
        return ""
