"""uv's tables: `[tool.uv.sources]` and `[[tool.uv.index]]` of a project and of the workspace that it belongs to.

Source: uv's documentation, concepts/projects/dependencies, concepts/projects/workspaces and concepts/indexes.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name

from ..model import package_index
from .declared import Declared, General, Kind, Origin, Target
from .tables import Table, project_name, settings, table, tables, text, told


def read(folder: Path, target: Target) -> Declared:
    """Return what uv's tables of the project in `folder` say. What a member doesn't say its workspace's root does."""
    root = workspace(folder)
    members = _members(root) if root else {}
    own, shared = _sources(folder), _sources(root) if root and root != folder else {}
    indexes = {**_indexes(root or folder), **_indexes(folder)}
    origins: list[Origin] = []
    for name, value in {**shared, **own}.items():
        place = folder if name in own else root or folder
        fitting = [each for each in tables(value) if _applies(each, target)]
        origins += [each for source in fitting for each in _origin(name, source, place, indexes, members)]
    origins += _torch(root or folder)
    return Declared(tuple(origins), tuple(_general(root or folder)), members)


def workspace(folder: Path) -> Path | None:
    """Return the root of the uv workspace to which `folder` belongs; None if it belongs to none."""
    for each in (folder, *folder.parents):
        found = table(settings(each / "pyproject.toml"), "tool", "uv", "workspace")
        if found:
            return each if each == folder or folder in _folders(each, found) else None
    return None


def cutoff(folder: Path) -> str:
    """Return what uv's settings of a project say about `exclude-newer`; empty for nothing."""
    root = workspace(folder) or folder
    return text(settings(root / "uv.toml") or _settings(root), "exclude-newer")


def _folders(root: Path, found: Table) -> list[Path]:
    """Return the folders of the members of a workspace, by its patterns."""
    excluded = {each for pattern in _patterns(found, "exclude") for each in root.glob(pattern)}
    globbed = (each for pattern in _patterns(found, "members") for each in sorted(root.glob(pattern)))
    return [each for each in globbed if each not in excluded and (each / "pyproject.toml").is_file()]


def _patterns(found: Table, key: str) -> list[str]:
    listed = found.get(key)
    return [each.rstrip("/") for each in listed if isinstance(each, str)] if isinstance(listed, list) else []


def _members(root: Path) -> dict[str, Path]:
    """Return the folders of the projects in a workspace by normalised name, its root among them."""
    found = table(settings(root / "pyproject.toml"), "tool", "uv", "workspace")
    named = {project_name(settings(each / "pyproject.toml")): each for each in (root, *_folders(root, found))}
    return {name: each for name, each in named.items() if name}


def _settings(folder: Path) -> Table:
    return table(settings(folder / "pyproject.toml"), "tool", "uv")


def _sources(folder: Path) -> dict[str, object]:
    return {canonicalize_name(name): value for name, value in table(_settings(folder), "sources").items()}


def _indexes(folder: Path) -> dict[str, Table]:
    return {text(each, "name"): each for each in tables(_settings(folder).get("index")) if text(each, "name")}


def _general(folder: Path) -> Iterator[General]:
    """Yield the indexes for all packages. A `uv.toml` takes the place of the whole table."""
    own = settings(folder / "uv.toml")
    found, label = (own, folder / "uv.toml") if own else (_settings(folder), folder / "pyproject.toml")
    for each in tables(found.get("index")):
        if not each.get("explicit") and text(each, "url"):
            yield General(text(each, "url"), f"[[tool.uv.index]] of {told(label)}", bool(each.get("default")))
    more = found.get("extra-index-url")
    for place in more if isinstance(more, list) else ():
        yield General(str(place), f"extra-index-url of {told(label)}")
    if text(found, "index-url"):
        yield General(text(found, "index-url"), f"index-url of {told(label)}", default=True)


def _torch(folder: Path) -> Iterator[Origin]:
    """Yield the packages that `torch-backend` binds, a setting of uv's pip interface; `auto` binds none here."""
    found = _settings(folder)
    backend = text(found, "torch-backend") or text(table(found, "pip"), "torch-backend")
    if re.fullmatch(package_index.BACKEND, backend):
        chosen = package_index.torch(backend)
        label = f"torch-backend of {told(folder / 'pyproject.toml')}"
        yield from (Origin(name, "index", chosen.url, label, backend) for name in sorted(chosen.names))


def _applies(source: Table, target: Target) -> bool:
    """Tell whether a source is meant for the image; several of one package have markers."""
    return target.fits(source.get("marker")) and target.is_on(source.get("extra")) and target.is_on(source.get("group"))


def _origin(
    name: str, source: Table, folder: Path, indexes: dict[str, Table], members: dict[str, Path]
) -> Iterator[Origin]:
    """Yield the meaning of a source that stands in the project file in `folder`."""
    label = f"[tool.uv.sources] of {told(folder / 'pyproject.toml')}"
    if text(source, "index"):
        found = indexes.get(text(source, "index"), {})
        kind: Kind = "files" if found.get("format") == "flat" else "index"
        yield Origin(name, kind, text(found, "url"), label, text(source, "index"))
    elif outside := Origin.outside(name, source, folder, label):
        yield outside
    elif source.get("workspace"):
        yield Origin(name, "workspace", "this workspace", label, folder=members.get(name))
