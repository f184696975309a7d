"""A requirements file that is a lock: every line of it has an exact version and its hashes."""

import re
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..errors.base import StepError, together
from ..errors.team_lock import LockUnreadable
from ..model.commit import Commit
from ..model.declared import Hashed
from ..model.team_lock import Locked, LockFile
from . import indexes, pip_lines
from .pip_lines import Line
from .pylock import incomplete
from .reader import Reader
from .surroundings import Surroundings


def read(path: Path, file: LockFile, around: Surroundings) -> dict[str, Locked]:
    """Return the packages for the image, by normalised name; what pip would ignore there is ignored here.

    Raises NotTaken for each line that an environment can't take, LockIncomplete for one without a hash.
    """
    reader = Reader(around)
    reader.file(Line(file.label, None, 0, path.parent), path.name, constraint=False)
    reader.finish()
    places, refused = _places(reader, around)
    problems = [*reader.problems, *refused]
    if problems:
        raise together(problems)
    bare = [pip_lines.masked(re.split(r"[\s=;]", each.text)[0]) for each in reader.unhashed]
    if bare:
        raise incomplete(bare, file)
    found = {each.name: each for each in map(_commit, reader.commits)}
    for each in reader.hashed:
        if not each.requirement.marker or each.requirement.marker.evaluate(around.python.markers):
            locked = _locked(each, places)
            found[locked.name] = locked
    if not found:
        raise LockUnreadable(
            f"{file.label} has no package in it.",
            cause="It is another kind of file than a requirements file with hashes, a uv.lock or a pylock.toml.",
            fix="Name one of these in `lock`.",
        )
    return found


def _places(reader: Reader, around: Surroundings) -> tuple[dict[str, str], Sequence[StepError]]:
    """Return the index of each package, as far as one is named: `--index-url` alone is for the whole list."""
    foreign = {each.url for each in reader.indexes if not around.known(each.url)}
    if len(foreign) == 1 and all(each.instead for each in reader.indexes):
        return {canonicalize_name(each.name): next(iter(foreign)) for each in reader.requirements}, []
    named, refused = indexes.named(reader.indexes, [*reader.requirements, *reader.constraints], around)
    return {name: each.url for each in named for name in each.names}, refused


def _locked(hashed: Hashed, places: dict[str, str]) -> Locked:
    requirement, digests = hashed.requirement, hashed.sha256
    name = canonicalize_name(requirement.name)
    if requirement.url:
        return Locked(name, "", digests, digests, kind="url", place=requirement.url)
    version = next(each.version for each in requirement.specifier if each.operator in ("==", "==="))
    return Locked(name, version, digests, digests, place=places.get(name, ""))


def _commit(requirement: Requirement) -> Locked:
    commit = Commit.parse(requirement.name, str(requirement.url))
    detail = f"rev {commit.repository.commit}"
    return Locked(commit.name, "", kind="git", place=commit.repository.url, detail=detail, subdirectory=commit.folder)
