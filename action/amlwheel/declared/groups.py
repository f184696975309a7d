"""The dependency groups of our own packages (PEP 735)."""

import difflib
import sys
from pathlib import Path
from typing import Any

from packaging.dependency_groups import DependencyGroupInclude, DependencyGroupResolver
from packaging.errors import ExceptionGroup
from packaging.utils import canonicalize_name

from ..errors.declared import NotTaken
from .pip_lines import Line, masked

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read(line: Line, project: Path, group: str) -> tuple[list[str], set[str]]:
    """Return the requirements of a group in a project's pyproject.toml, and the normalised names of what it includes.

    Raises NotTaken, which names the groups that there are.
    """
    groups = _groups(project)
    if canonicalize_name(group) not in map(canonicalize_name, groups):
        raise _unknown(line, group, groups)
    try:
        resolver = DependencyGroupResolver(groups)
        return [str(each) for each in resolver.resolve(group)], _included(resolver, group)
    except ExceptionGroup as error:
        raise NotTaken(
            f"{line.place}: the dependency group {group!r} can't be read: {masked(_first(error))}.",
            cause="A group holds requirements and tables {include-group = NAME} (PEP 735).",
            fix="Correct the group in `[dependency-groups]` of pyproject.toml.",
        ) from None


def _included(resolver: DependencyGroupResolver, group: str) -> set[str]:
    """Return the names of a group that can be resolved, and of the groups in it."""
    inner = (each.include_group for each in resolver.lookup(group) if isinstance(each, DependencyGroupInclude))
    return {str(canonicalize_name(group))}.union(*(_included(resolver, each) for each in inner))


def _groups(project: Path) -> Any:  # noqa: ANN401  # TOML
    try:
        settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):  # the build explains it better
        return {}
    groups = settings.get("dependency-groups", {})
    return groups if isinstance(groups, dict) else {}


def _first(error: BaseException) -> str:
    """Return the first line of the first error inside."""
    inner = getattr(error, "exceptions", None)
    return _first(inner[0]) if inner else str(error).splitlines()[0]


def _unknown(line: Line, group: str, groups: Any) -> NotTaken:  # noqa: ANN401  # TOML
    near = difflib.get_close_matches(group, groups, n=1)
    known = ", ".join(sorted(groups)) or "none"
    meant = f"Did you mean .:{near[0]}?" if near else "Declare the group in `[dependency-groups]` of pyproject.toml."
    return NotTaken(
        f"{line.place}: the project has no dependency group {group!r}; it has {known}.",
        cause="The group's name is misspelt, or its requirements stand elsewhere, such as in an extra (.[NAME]).",
        fix=meant,
    )
