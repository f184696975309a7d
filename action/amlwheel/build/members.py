"""The packages around a folder: those below one that is none, and the others of its repository."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from ..transport import tools
from . import declared

ROOT = "It is the root of a workspace, or of a repository with several packages."
"""Why a folder has no code of its own."""
_FILES = ("pyproject.toml", "setup.cfg", "setup.py")
_NO_PACKAGES = frozenset(("docs", "doc", "tests", "test", "examples", "benchmarks", "notebooks", "node_modules"))


def beside_the_package(path: str) -> bool:
    """Tell whether a path in a project can't be part of its package: in tests/, docs/, a hidden folder and the like."""
    return any(part in _NO_PACKAGES or part.startswith(".") for part in PurePosixPath(path).parts)


def below(folder: Path) -> list[str]:
    """Return the packages below `folder`, as paths: the members of its workspace, else those up to two levels deep.

    uv reads `members` and `exclude` as patterns of folders (uv, "Using workspaces").
    """
    workspace = declared.table(declared.pyproject(folder), "tool", "uv", "workspace")
    if workspace:
        found = set(_matching(folder, workspace.get("members"))) - set(_matching(folder, workspace.get("exclude")))
    else:
        found = {each for each in _matching(folder, ["*", "*/*"]) if not beside_the_package(each)}
    paths = (folder / each for each in sorted(found))
    return [each.as_posix() for each in paths if declared.read(each).name and _has_files(each)]


def fix(found: Iterable[str]) -> str:
    """Return what to do where a root of the packages that were `found` stands in their place."""
    return f"Write in `package-dir` those to release, each on a line of its own: {' '.join(found)}"


def _matching(folder: Path, patterns: object) -> Iterator[str]:
    for pattern in patterns if isinstance(patterns, list) else []:
        # Path.glob refuses absolute and empty patterns.
        for each in glob.glob(str(pattern), root_dir=folder, recursive=True):  # noqa: PTH207
            yield PurePosixPath(each.replace("\\", "/")).as_posix()


def _has_files(folder: Path) -> bool:
    return any((folder / each).is_file() for each in _FILES)


def of_repository(folder: Path) -> dict[str, Path]:
    """Return the packages of the repository around `folder`: the normalised name of each, and its folder."""
    root = tools.git(folder, "rev-parse", "--show-toplevel")
    tracked = tools.git(Path(root), "ls-files", "-z", "--", *(f":(glob)**/{each}" for each in _FILES)) if root else ""
    return dict(_named(Path(root) / each for each in sorted({str(Path(file).parent) for file in _paths(tracked)})))


def _named(folders: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        name = declared.read(folder).name
        if name:
            yield str(canonicalize_name(name)), folder


def _paths(listed: str) -> list[str]:
    return [each for each in listed.split("\0") if each]
