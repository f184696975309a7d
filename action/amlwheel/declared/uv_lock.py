"""A uv.lock, as uv itself exports it: nothing is resolved, built or downloaded, and nothing of the project is run.

What the lock was made for stands in it beside our own packages (`[package.metadata]`), and isn't exported. Only their
parts and the head are parsed here: the whole would take a second. Source: uv's documentation, concepts/projects/layout.
"""

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors.base import StepError
from ..errors.team_lock import LockNotForImage, LockStale, LockUnreadable
from ..model.environment import Python
from ..model.team_lock import Locked, LockFile, TeamLock
from ..transport import process, variables
from . import pylock

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FORMAT = 1
_ELSEWHERE = ("git", "url", "path", "directory", "editable", "virtual")
_OWN = re.compile(r"^source = \{ (editable|virtual|directory) = ", re.MULTILINE)


@dataclass(frozen=True)
class Asked:
    """What of one of our packages is in the environment: its name, and the extras and groups that are chosen."""

    name: str
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def options(self, extras: Iterable[str]) -> list[str]:
        """Return what uv is told of it; of the extras those that the lock knows, since it refuses others."""
        more = [("--extra", each) for each in sorted(self.extras.intersection(extras))]
        more += [("--group", each) for each in sorted(self.groups)]
        return ["--package", self.name, *(word for pair in more for word in pair)]


def read(path: Path, file: LockFile, asked: Sequence[Asked], python: Python, *, whole: bool) -> TeamLock:
    """Return the lock for what is `asked` of our packages; with `whole` all that it has besides is kept as well.

    Raises LockUnreadable, LockStale, LockNotForImage, LockIncomplete.
    """
    head, own = _parts(path, file)
    named = [each for each in asked if each.name in own]
    if not named:
        raise LockStale(
            f"{file.label} doesn't have {asked[0].name}.",
            cause="The lock was made before the package had this name, or is that of other packages.",
            fix=file.again,
        )
    packages = _everything(path, file, python) if whole else {}
    for each in named if not packages else ():
        options = each.options(own[each.name].get("package", {}).get("optional-dependencies", ()))
        _merge(packages, _export(path, file, options, python), file)
    metadata = {each.name: own[each.name].get("package", {}).get("metadata", {}) for each in named}
    overrides = head.get("manifest", {}).get("overrides", [])
    return TeamLock(
        file.label,
        file.command,
        packages,
        {name: tuple(_requires(each.get("requires-dist", []))) for name, each in metadata.items()},
        tuple(requirement for each in named for requirement in _grouped(metadata[each.name], each.groups)),
        frozenset(str(each["name"]) for each in overrides),
    )


def _parts(path: Path, file: LockFile) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the head of the lock, and the part of each package of ours by name."""
    try:
        head, *parts = path.read_text(encoding="utf-8").split("\n[[package]]\n")
        parsed = tomllib.loads(head)
        own = [tomllib.loads(each) for each in parts if _OWN.search(each)]
        version = int(parsed["version"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        raise LockUnreadable(f"{file.label} isn't a lock of uv.", fix=file.whole, details=str(problem)) from None
    if version > FORMAT:
        raise LockUnreadable(
            f"{file.label} has format {version}, and the step knows format {FORMAT}.",
            cause="The uv that made it is newer than that of this version of amlwheel.",
            fix="Use a newer amlwheel; or export the lock (`uv export --format pylock.toml -o pylock.toml`), commit "
            "pylock.toml, and name it in `lock`.",
        )
    return parsed, {str(each.get("name")): each for each in own}


def _export(path: Path, file: LockFile, options: Sequence[str], python: Python) -> dict[str, Locked]:
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        out = Path(name, "pylock.toml")
        # --frozen: as it is. --offline and --no-cache: uv would download a file to compute a hash that is missing.
        command: list[str | Path] = ["uv", "export", "--frozen", "--offline", "--no-cache", "--no-config", "--quiet"]
        command += ["--no-header", "--no-emit-workspace", "--no-default-groups", "--python", sys.executable]
        command += ["--format", "pylock.toml", "-o", out, *options]
        finished = process.run(command, env=variables.for_tool(), cwd=path.parent, seconds=60)
        if finished.status != 0:
            raise _failed(finished, file)
        return pylock.read(out.read_text(encoding="utf-8"), file, python, frozenset(), out.parent)


def _failed(finished: process.Finished, file: LockFile) -> StepError:
    unhashed = re.search(r"/([\w.]+)-(\d[\w.!+]*?)(-\S*|\.tar\.gz|\.zip)` to compute missing hashes", finished.output)
    if unhashed:
        return pylock.incomplete([f"{canonicalize_name(unhashed[1])}=={unhashed[2]}"], file)
    return LockUnreadable(f"uv can't read {file.label}.", fix=file.whole, details=finished.tail())


def _everything(path: Path, file: LockFile, python: Python) -> dict[str, Locked]:
    """Return all that the lock has; nothing where that isn't one set, since some of its extras exclude each other."""
    try:
        return _export(path, file, ["--all-packages", "--all-extras", "--all-groups"], python)
    except (LockUnreadable, LockNotForImage):
        return {}


def _merge(into: dict[str, Locked], more: Mapping[str, Locked], file: LockFile) -> None:
    """Add what another of our packages needs; two that need two versions can't be in one environment."""
    for name, each in more.items():
        if into.setdefault(name, each).version != each.version:
            raise LockUnreadable(
                f"{file.label} has {name} {into[name].version} for one of the packages, {each.version} for another.",
                cause="The workspace declares the two as conflicting, and one environment is to hold both.",
                fix="Release the packages into an environment each.",
            )


def _grouped(metadata: Mapping[str, Any], groups: Iterable[str]) -> Iterator[Requirement]:
    for group in sorted(map(canonicalize_name, groups)):
        yield from _requires(metadata.get("requires-dev", {}).get(group, []))


def _requires(listed: Sequence[Mapping[str, Any]]) -> Iterator[Requirement]:
    """Yield what a package of ours required when the lock was made; `url` marks what isn't from an index."""
    for each in listed:
        extras = f"[{','.join(each['extras'])}]" if each.get("extras") else ""
        marker = f" ; {each['marker']}" if each.get("marker") else ""
        try:
            requirement = Requirement(f"{each['name']}{extras}{each.get('specifier', '')}{marker}")
        except (InvalidRequirement, KeyError):
            continue  # uv itself would refuse it
        requirement.url = next((kind for kind in _ELSEWHERE if kind in each), None)
        yield requirement
