"""Whether a project is a package: before the build by what its files declare, afterwards by what its wheel holds."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..errors.build import CheckoutIncomplete, EmptyWheel, NoProject, NothingDeclared
from ..model.wheel import Wheel
from . import declared, failure, members, project, wheel
from .declared import Declared, table

_EXAMPLE = "0.1.0"
# A version in code, as backends read it: __version__ = "0.0.0".
_ZERO_IN_CODE = re.compile(rb"^_*version_*\s*(:[^=\n]+)?=.*[\"']0(\.0)*[\"']", re.IGNORECASE | re.MULTILINE)


def check_projects(folders: Sequence[str]) -> None:
    """Raise NoProject for the first folder that can't be built, NothingDeclared for one without a name or a version.

    Raises BuildFailed for a pyproject.toml that no tool can read.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise NoProject(f"`package-dir` {folder!r} is not a folder.")
        if not project.is_project(folder):
            _refuse_root(folder, "has neither pyproject.toml nor setup.py")
            raise NoProject(f"`package-dir` {folder!r} has neither pyproject.toml nor setup.py.")
        failure.check_text(Path(folder))
        said = declared.read(Path(folder))
        if said.name is None:
            _refuse_root(folder, "declares no package")
        if said.name is None or said.version is None:
            raise _undeclared(folder, said)


def _refuse_root(folder: str, what: str) -> None:
    """Raise NoProject if there are packages below a folder that is none."""
    found = members.below(Path(folder))
    if found:
        raise NoProject(
            f"`package-dir` {folder!r} {what}, but below it are {', '.join(found)}.",
            cause=members.ROOT,
            fix=members.fix(found),
        )


def _undeclared(folder: str, said: Declared) -> NothingDeclared:
    lacking = [key for key in ("name", "version") if getattr(said, key) is None]
    what = f"`package-dir` {folder!r} declares no {' and no '.join(lacking)} of a package."
    if table(said.settings, "tool", "poetry").get("package-mode") is False:
        return NothingDeclared(
            what,
            cause="Its pyproject.toml says package-mode = false: Poetry installs requirements, and builds nothing.",
            fix="Delete package-mode = false from [tool.poetry], and give name and version there.",
        )
    return NothingDeclared(
        what,
        cause="Its files are settings of tools alone, or it isn't meant to be a package.",
        fix=_write(Path(folder), said, lacking),
    )


def _write(folder: Path, said: Declared, lacking: Sequence[str]) -> str:
    """Return what to write, and where, so that a project declares what it lacks."""
    values = {"name": f'"{_likely_name(folder)}"', "version": f'"{_EXAMPLE}"'}
    tables = [each for each in ("project", "tool.poetry") if table(said.settings, *each.split("."))]
    if not tables and (folder / "setup.py").is_file():
        return f"Write in setup() of setup.py: {', '.join(f'{each}={values[each]}' for each in lacking)}."
    if not tables and said.name:
        return f"Write in [metadata] of setup.cfg: version = {_EXAMPLE}"
    lines = " and ".join(f"{each} = {values[each]}" for each in lacking)
    return f"Write in pyproject.toml, below the line [{(*tables, 'project')[0]}]: {lines}, each on a line of its own."


def _likely_name(folder: Path) -> str:
    """Return the name of the only package that lies in the folder, else the folder's own."""
    return next(iter(_packages(folder)), folder.resolve().name).rpartition("/")[2]


def _packages(folder: Path) -> list[str]:
    """Return the topmost packages of a project's usual layouts, such as src/acme."""
    found = [
        path.parent.relative_to(folder).as_posix()
        for each in ("", "src")
        for path in (folder / each).glob("*/__init__.py")
    ]
    return sorted(each for each in found if not members.beside_the_package(each))


def check(built: Wheel, folder: str | None) -> None:
    """Raise CheckoutIncomplete, EmptyWheel or NothingDeclared for a wheel that nobody can have meant.

    `folder` is its project's; None for a wheel that was given.
    """
    _refuse_pointers(built)
    said = declared.read(Path(folder)) if folder is not None else Declared(None, None, tool=False, settings={})
    _refuse_empty(built, folder, said)
    if built.project == "unknown" and (said.name or "").lower() != "unknown":
        raise NothingDeclared(
            f"{built.filename} has the name UNKNOWN: its project declares none.",
            cause="The build backend found no name, such as a setuptools older than the project's pyproject.toml.",
            fix=_write(Path(folder or "."), said, ["name"]),
        )
    if _is_zero(built) and not _zero_is_meant(built, said):
        raise _made_up(built, folder, said)


def _refuse_pointers(built: Wheel) -> None:
    pointers = wheel.lfs_pointers(built.path)
    if pointers:
        raise CheckoutIncomplete(
            f"{built.filename} holds {len(pointers)} pointer(s) of Git LFS in place of files: {pointers[0]!r}.",
            cause="The wheel was built from a checkout without the files of Git LFS.",
            fix="Run git lfs pull before the wheel is built, or check out with lfs: true (actions/checkout, or "
            "checkout: self of Azure Pipelines).",
            details="\n".join(pointers[:20]),
        )


def _refuse_empty(built: Wheel, folder: str | None, said: Declared) -> None:
    """Raise EmptyWheel. That hatchling shall ship a metapackage is a setting of its own (hatch, "Wheel builder")."""
    with zipfile.ZipFile(built.path) as archive:
        files = [each for each in archive.namelist() if not each.endswith("/")]
    hatch = table(said.settings, "tool", "hatch", "build")
    meant = hatch.get("bypass-selection") or table(hatch, "targets", "wheel").get("bypass-selection")
    if meant or any(".dist-info/" not in each for each in files):
        return
    what, fix = f"{built.filename} has no file beside its own metadata.", _pack(folder, said)
    found = members.below(Path(folder)) if folder and not fix else []
    if found:
        raise EmptyWheel(what, cause=members.ROOT, fix=members.fix(found))
    raise EmptyWheel(what, fix=fix)


def _pack(folder: str | None, said: Declared) -> str:
    """Return the setting that puts the project's code into its wheel; empty where it isn't known."""
    found = _packages(Path(folder)) if folder is not None else []
    listed = ", ".join(f'"{each}"' for each in found)
    used = declared.backend(said.settings)
    if found and used == "hatchling.build":
        return f"Write in pyproject.toml, below the line [tool.hatch.build.targets.wheel]: packages = [{listed}]"
    if found and used == "setuptools.build_meta":
        where = "src" if found[0].startswith("src/") else "."
        return (
            "Delete packages and py-modules from [tool.setuptools] of pyproject.toml (or setup.py, setup.cfg), and "
            f'write below the line [tool.setuptools.packages.find]: where = ["{where}"]'
        )
    return ""


def _is_zero(built: Wheel) -> bool:
    version = built.version
    return not any(version.release) and not version.is_prerelease and not version.is_postrelease


def _zero_is_meant(built: Wheel, said: Declared) -> bool:
    """Tell whether somebody wrote 0.0.0; a version tool writes it into the code by itself."""
    if said.version and re.fullmatch(r"v?0(\.0)*", said.version):
        return True
    with zipfile.ZipFile(built.path) as archive:
        code = [archive.read(each) for each in archive.namelist() if each.endswith(".py")]
    return not said.tool and any(_ZERO_IN_CODE.search(each) for each in code)


def _made_up(built: Wheel, folder: str | None, said: Declared) -> NothingDeclared:
    """Return the error for a version that nobody declared."""
    what = f"{built.filename} has version {built.version}, which its project doesn't declare."
    if said.tool:
        return NothingDeclared(
            what,
            cause="A tool makes the version from git, and the checkout is shallow, or no tag leads to the commit.",
            fix="Check out with the whole history and its tags (fetch-depth: 0), and release a commit with a tag.",
        )
    write = _write(Path(folder or "."), said, ["version"]).removesuffix(".")
    write += ", and build the wheel again" if folder is None else ""
    if "version" in str(table(said.settings, "project").get("dynamic")):
        write += ", and delete version from dynamic"
    return NothingDeclared(
        what,
        cause="The build backend found no version, and wrote 0.0.0.",
        fix=f"{write}.",
    )
