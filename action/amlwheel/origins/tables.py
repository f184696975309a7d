"""The tables of a project file, read as far as they have the shape that is expected."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Table = Mapping[str, Any]


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
