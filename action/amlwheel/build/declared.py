"""What a project's files say of its name and version, read without running them.

Most build backends make up what nobody declares (setuptools: the name of a folder, and 0.0.0). Where a file can't be
read, or a tool may compute what is missing, nothing is refused here: `contents` then judges the wheel.
"""

import ast
import configparser
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Said = dict[str, str]
COMPUTED = ""  # declared, but only a build knows the value
_UNKNOWN = {"name": COMPUTED, "version": COMPUTED}
# These backends read the name from [project] alone; others, such as maturin, know further files.
_PROJECT_ONLY = ("hatchling.build", "uv_build", "pdm.backend", "scikit_build_core.build")
# The keywords of setup() that compute nothing (setuptools, "Keywords"). Tools for versions bring others.
_PLAIN_KEYWORDS = frozenset(
    """
    name version description long_description long_description_content_type author author_email maintainer
    maintainer_email url download_url project_urls license license_files classifiers keywords platforms packages
    package_dir package_data exclude_package_data include_package_data data_files py_modules ext_modules scripts
    entry_points install_requires extras_require python_requires tests_require test_suite zip_safe
    """.split()
)


@dataclass(frozen=True)
class Declared:
    """A project's name and version: the text, COMPUTED, or None where nothing declares it.

    `tool`: a tool such as setuptools-scm makes the version at build time. `settings` is pyproject.toml.
    """

    name: str | None
    version: str | None
    tool: bool
    settings: Mapping[str, Any]


def read(folder: Path) -> Declared:
    """Read what the project in `folder` declares."""
    settings = pyproject(folder)
    said = _UNKNOWN if settings is None else _said(folder, settings)
    tool = any(re.search(r"scm|vcs|version|pbr", each) for each in _required(settings or {}))
    return Declared(said.get("name"), said.get("version"), tool, settings or {})


def pyproject(folder: Path) -> dict[str, Any] | None:
    """Return pyproject.toml, empty if there is none; None if it can't be read, which the build explains better."""
    try:
        settings: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    return settings


def metadata(folder: Path) -> str:
    """Return the METADATA of a wheel that [project] declares as a whole; empty where a build may say something else.

    Of what it leaves out nothing is read by a resolver. Raises InvalidRequirement, InvalidVersion.
    """
    settings = pyproject(folder) or {}
    said = table(settings, "project")
    dynamic = {"version", "dependencies", "optional-dependencies", "requires-python"} & {*said.get("dynamic", ())}
    if dynamic or not (isinstance(said.get("name"), str) and isinstance(said.get("version"), str)):
        return ""
    extras = sorted(table(said, "optional-dependencies").items())
    lines = [f"Name: {said['name']}", f"Version: {Version(said['version'])}"]
    lines += [f"Requires-Python: {said['requires-python']}"] if "requires-python" in said else []
    lines += [f"Requires-Dist: {each}" for each in _sorted(said.get("dependencies", ()), settings)]
    for name, listed in extras:
        extra = canonicalize_name(name)
        lines.append(f"Provides-Extra: {extra}")
        lines += [f"Requires-Dist: {_for_extra(each, extra)}" for each in _sorted(listed, settings)]
    return "\n".join(["Metadata-Version: 2.1", *lines, ""])


def _sorted(listed: Sequence[str], settings: Mapping[str, Any]) -> list[Requirement]:
    """Return requirements in the order of the wheel: hatchling sorts them (metadata/core.py), others leave them."""
    needs = [Requirement(each) for each in listed]
    for each in needs:
        each.name = canonicalize_name(each.name)
    return sorted(needs, key=str) if backend(settings) == "hatchling.build" else needs


def _for_extra(need: Requirement, extra: str) -> Requirement:
    marker = f'({need.marker}) and extra == "{extra}"' if need.marker else f'extra == "{extra}"'
    need.marker = Marker(marker)
    return need


def table(settings: object, *path: str) -> dict[str, Any]:
    """Return the table at `path`; empty if there is none, or another value in its place."""
    for name in path:
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings if isinstance(settings, dict) else {}


def backend(settings: Mapping[str, Any]) -> str:
    """Return the build backend; pip's and pypa/build's default is setuptools (PEP 517, "Source trees")."""
    named = table(settings, "build-system").get("build-backend") or "setuptools.build_meta"
    return str(named).partition(":")[0]


def _said(folder: Path, settings: dict[str, Any]) -> Said:
    """Return what all files say together; the first to speak counts."""
    said = _flit(settings) | _pdm(settings) | _poetry(settings) | _project(settings)
    used = backend(settings)
    if used.startswith("setuptools"):
        return _setup_py(folder, settings) | _setup_cfg(folder) | said
    known = used in _PROJECT_ONLY or used.startswith(("poetry", "flit"))
    return said if known else _UNKNOWN | said


def _project(settings: dict[str, Any]) -> Said:
    """Read the table [project] (PEP 621)."""
    project = table(settings, "project")
    dynamic = project.get("dynamic")
    computed = {"version": COMPUTED} if isinstance(dynamic, list) and "version" in dynamic else {}
    return computed | _texts(project)


def _poetry(settings: dict[str, Any]) -> Said:
    """Read Poetry's table. A version that a plugin replaces is a placeholder (poetry-dynamic-versioning, README)."""
    poetry = table(settings, "tool", "poetry")
    if poetry.get("package-mode") is False:
        return {}
    replaced = {"version": COMPUTED} if table(settings, "tool", "poetry-dynamic-versioning") else {}
    return _texts(poetry) | replaced


def _flit(settings: dict[str, Any]) -> Said:
    """Read flit's table of before PEP 621: the version is the module's own."""
    old = table(settings, "tool", "flit", "metadata")
    name = old.get("dist-name") or old.get("module")
    return {"name": str(name), "version": COMPUTED} if name else {}


def _pdm(settings: dict[str, Any]) -> Said:
    """Read PDM's settings for a computed version, and its table of before PEP 621."""
    return _texts(table(settings, "tool", "pdm"))


def _texts(said: Mapping[str, object]) -> Said:
    """Return name and version; a table in place of a text says how to compute it."""
    given = {key: said[key] for key in ("name", "version") if said.get(key)}
    return {key: value if isinstance(value, str) else COMPUTED for key, value in given.items()}


def _setup_cfg(folder: Path) -> Said:
    """Read [metadata] of setup.cfg (setuptools, "Configuring setuptools using setup.cfg files")."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string((folder / "setup.cfg").read_text(encoding="utf-8"))
        said = _texts(parser["metadata"])
    except (FileNotFoundError, KeyError):
        return {}
    except (OSError, UnicodeDecodeError, configparser.Error):
        return dict(_UNKNOWN)
    return {key: COMPUTED if re.match(r"(attr|file):", value) else value for key, value in said.items()}


def _setup_py(folder: Path, settings: dict[str, Any]) -> Said:
    """Read the calls of setup() in setup.py. Without one that can be read, anything may be declared."""
    helped = {"version": COMPUTED} if _required(settings) - {"setuptools", "wheel"} else {}
    try:
        tree = ast.parse((folder / "setup.py").read_bytes())
    except FileNotFoundError:
        return helped
    except (OSError, SyntaxError, ValueError):
        return dict(_UNKNOWN)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_setup(node.func)]
    said = helped if calls else dict(_UNKNOWN)
    for call in calls:
        said |= _called(call)
    return said


def _is_setup(called: ast.expr) -> bool:
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "setup"


def _called(call: ast.Call) -> Said:
    """Return what one call of setup() declares; a keyword that isn't plain may compute anything."""
    given = {str(keyword.arg): keyword.value for keyword in call.keywords}  # `**more` has no name
    said = {} if not call.args and given.keys() <= _PLAIN_KEYWORDS else dict(_UNKNOWN)
    for key in given.keys() & {"name", "version"}:
        value = given[key]
        said |= _texts({key: value.value}) if isinstance(value, ast.Constant) else {key: COMPUTED}
    return said


def _required(settings: Mapping[str, Any]) -> set[str]:
    """Return the names of the build requirements."""
    names = set()
    requires = table(settings, "build-system").get("requires")
    for each in requires if isinstance(requires, list) else []:
        try:
            names.add(str(canonicalize_name(Requirement(str(each)).name)))
        except InvalidRequirement:
            continue  # the build explains it
    return names
