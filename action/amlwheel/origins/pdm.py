"""PDM's table `[[tool.pdm.source]]`; where packages lie otherwise, PDM writes into their requirements.

Source: PDM's documentation, usage/config, "Configure the Package Indexes".
"""

from pathlib import Path

from packaging.utils import canonicalize_name

from .declared import PUBLIC, Declared, General, Kind, Origin
from .tables import settings, table, tables, text, told


def read(folder: Path) -> Declared:
    """Return what PDM's table of the project in `folder` says. The source called pypi is the public index."""
    label = f"[[tool.pdm.source]] of {told(folder / 'pyproject.toml')}"
    origins: list[Origin] = []
    general: list[General] = []
    for each in tables(table(settings(folder / "pyproject.toml"), "tool", "pdm").get("source")):
        place, name = text(each, "url"), text(each, "name")
        kind: Kind = "files" if each.get("type") == "find_links" else "index"
        included, excluded = _patterns(each.get("include_packages")), _patterns(each.get("exclude_packages"))
        origins += [Origin(pattern, kind, place, label, name) for pattern in included]
        origins += [Origin(pattern, "index", PUBLIC, label, name) for pattern in excluded]
        if not included and place and kind == "index":
            general.append(General(place, label, default=name == "pypi"))
    return Declared(tuple(origins), tuple(general))


def _patterns(value: object) -> list[str]:
    return [canonicalize_name(str(each)) for each in value] if isinstance(value, list) else []
