"""Poetry's tables: `[[tool.poetry.source]]`, and what a dependency says beside its version.

Source: Poetry's documentation, repositories and dependency-specification.
"""

from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from .declared import PUBLIC, Declared, General, Origin, Target
from .tables import Table, settings, table, tables, text, told

_PYPI = "pypi"  # the name by which Poetry knows the public index, without an address


def read(folder: Path, target: Target) -> Declared:
    """Return what Poetry's tables of the project in `folder` say. Groups that aren't on aren't in the wheel."""
    content = table(settings(folder / "pyproject.toml"), "tool", "poetry")
    sources = {text(each, "name").lower(): each for each in tables(content.get("source"))}
    origins: list[Origin] = []
    groups = {name: table(each, "dependencies") for name, each in table(content, "group").items()}
    chosen = [table(content, "dependencies"), *(each for name, each in groups.items() if target.is_on(name))]
    for name, value in (item for each in chosen for item in each.items()):
        origins += _origins(canonicalize_name(name), value, folder, target, sources)
    return Declared(tuple(origins), tuple(_general(folder, sources)))


def _general(folder: Path, sources: dict[str, Table]) -> Iterator[General]:
    """Yield the primary sources. Beside one, the public index is asked only if it is listed as well."""
    label = f"[[tool.poetry.source]] of {told(folder / 'pyproject.toml')}"
    found = [each for name, each in sources.items() if _priority(each) == "primary" and name != _PYPI]
    public = _PYPI in sources and _priority(sources[_PYPI]) != "explicit"
    for each in found:
        yield General(text(each, "url"), label, default=each is found[-1] and not public)


def _priority(source: Table) -> str:
    """Return a source's priority in today's words; older ones had two flags and two more words."""
    if source.get("secondary") or source.get("priority") == "secondary":
        return "supplemental"
    return text(source, "priority").replace("default", "primary") or "primary"


def _origins(name: str, value: object, folder: Path, target: Target, sources: dict[str, Table]) -> Iterator[Origin]:
    label = f"[tool.poetry.dependencies] of {told(folder / 'pyproject.toml')}"
    for each in tables(value):
        if not _fits(each, target):
            continue
        if text(each, "source"):
            source = sources.get(text(each, "source").lower(), {})
            place = PUBLIC if text(each, "source").lower() == _PYPI and not text(source, "url") else text(source, "url")
            yield Origin(name, "index", place, label, text(each, "source"))
        elif outside := Origin.outside(name, each, folder, label):
            yield outside


def _fits(each: Table, target: Target) -> bool:
    """Tell whether an entry applies to the image, by its marker, Python and platform."""
    platform = text(each, "platform")
    try:
        python = SpecifierSet(text(each, "python")).contains(target.markers["python_full_version"])
    except InvalidSpecifier:  # such as ^3.10
        python = True
    return python and target.fits(each.get("markers")) and platform in ("", target.markers["sys_platform"])
