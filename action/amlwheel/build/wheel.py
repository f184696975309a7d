"""Find wheels, read their metadata, and refuse wheels that don't fit."""

import contextlib
import glob
import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from packaging import metadata, utils
from packaging.specifiers import SpecifierSet

from ..errors.build import BadWheel, DuplicatePackage, PythonOutOfRange, WheelDoesNotFit
from ..model import wheel_tags
from ..model.environment import Python
from ..model.wheel import UNREADABLE, Wheel
from . import archive as archives
from . import unusable

_SYMBOL = re.compile(rb"\0GLIBC_2\.(\d+)(?=[.\0])")  # as it stands in an ELF file's table of strings
_NOT_MODULES = frozenset(("test", "tests", "docs", "examples", "conftest", "setup", "__main__", "__init__"))
_ASIDE = _NOT_MODULES | {"benchmarks", "notebooks", "scripts", "tools"}  # folders that builds pack by mistake


def find(patterns: Sequence[str], output: Path) -> list[Path]:
    """Return the wheels that match the patterns, in order; raise BadWheel when a pattern matches none.

    The folder `output` holds copies of an earlier run; they count only when a pattern matches nothing else.
    """
    paths: list[Path] = []
    for pattern in patterns:
        matches = [Path(name) for name in _glob(pattern) if name.endswith(".whl")]
        matches = [path for path in matches if output.resolve() not in path.resolve().parents] or matches
        if not matches:
            raise BadWheel(
                f"`wheel` {pattern!r} matches no .whl file.",
                cause="The step that builds the wheel didn't run in this job, or wrote it to another folder.",
                fix="Build the wheel in an earlier step, or correct the pattern in `wheel`.",
            )
        paths += matches
    return list(dict.fromkeys(paths))


def _glob(pattern: str) -> list[str]:
    # Path.glob refuses absolute patterns.
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207


def inspect(path: Path) -> Wheel:
    """Read a wheel's name, tags, metadata and modules; raise BadWheel when it isn't a valid wheel."""
    try:
        # A build tag may be any text (PEP 427), but the name becomes part of addresses, outputs and shell commands.
        if not re.fullmatch(r"[\w.+!-]+", path.name, re.ASCII):
            raise BadWheel(
                f"The file name {path.name!r} has characters that don't belong in a wheel's name.",
                cause="The file was renamed after it was built, as browsers do with a second download.",
                fix="Give the file the name that the build tool gave it.",
            )
        name, version, _, tags = utils.parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            archives.check(archive, path)
            members = archive.namelist()
            inside = next(each for each in members if each.count("/") == 1 and each.endswith(".dist-info/METADATA"))
            raw = archive.read(inside)
        fields, _ = metadata.parse_email(raw)
        parsed = metadata.Metadata.from_email(raw, validate=False)
        if not re.fullmatch(r"\d+\.\d+", fields.get("metadata_version", ""), re.ASCII):
            raise BadWheel(
                f"{path.name} has no valid Metadata-Version.",
                cause="The tool that wrote the wheel left out the first field of its metadata, or METADATA is damaged.",
                fix="Build the wheel with python -m build --wheel and a current build backend.",
            )
        requires = tuple(parsed.requires_dist or ())
        unusable.refuse_addresses(path, requires)
        if utils.canonicalize_name(parsed.name) != name or parsed.version != version:
            raise BadWheel(
                f"The metadata in {path.name} is that of {fields.get('name')} {fields.get('version')}.",
                cause="The file was renamed after it was built: name and version in it don't change by that.",
                fix="Change name or version in the project, and build the wheel again.",
            )
        return Wheel(
            path=path,
            sha256=sha256(path),
            size=path.stat().st_size,
            name=parsed.name,
            version=parsed.version,
            metadata_version=fields["metadata_version"],
            requires_python=parsed.requires_python or SpecifierSet(),
            requires=requires,
            tags=tags,
            modules=_modules(members),
            extras=frozenset(str(utils.canonicalize_name(each)) for each in parsed.provides_extra or ()),
        )
    except UNREADABLE as error:
        raise unusable.unreadable(path, error) from None


def lfs_pointers(path: Path) -> list[str]:
    """Return the files in a wheel that are pointers of Git LFS in place of the real files (Git LFS, docs/spec.md)."""
    with zipfile.ZipFile(path) as archive:
        small = (item for item in archive.infolist() if item.file_size < unusable.LARGEST_POINTER)
        return [item.filename for item in small if unusable.POINTER.match(archive.read(item))]


def sha256(path: Path) -> str:
    """Return the file's sha256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _modules(members: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that can be imported from a wheel: its topmost packages, else its single modules.

    Folders without an __init__.py are packages, too (PEP 420): importing one proves nothing, so its modules count.
    Beside packages, single modules are mostly scripts, which an import would run.
    """
    files = [PurePosixPath(each) for each in members if each.endswith((".py", ".so", ".pyd"))]
    packages = {each.parent for each in files if each.name.startswith("__init__.") and each.parent.parts}
    top = {each.parts for each in packages if not any(parent in packages for parent in each.parents)}
    loose = {(*each.parts[:-1], each.name.split(".")[0]) for each in files if packages.isdisjoint(each.parents)}
    kept = {each for each in loose if not _ASIDE & set(each)} or loose
    shared = {each[0] for each in top if len(each) > 1}  # folders that several packages fill
    found = top | {each for each in kept if len(each) > 1 and each[0] in shared} if top else kept
    usable = [each for each in found if all(part.isidentifier() for part in each)]
    return tuple(sorted(".".join(each) for each in usable if not _NOT_MODULES & set(each)))


def check_together(wheels: Sequence[Wheel]) -> None:
    """Raise DuplicatePackage when two wheels have one package name: an environment can hold only one of them."""
    by_name: dict[str, Wheel] = {}
    for wheel in wheels:
        other = by_name.setdefault(wheel.project, wheel)
        if other is not wheel:
            raise DuplicatePackage(f"{other.filename} and {wheel.filename} are both the package {wheel.project}.")


def check_fit(wheel: Wheel, python: Python) -> None:
    """Raise PythonOutOfRange or WheelDoesNotFit unless `wheel` installs in an image with `python`."""
    if not wheel.requires_python.contains(python.exact, prereleases=True):
        raise PythonOutOfRange(
            f"{wheel.project} {wheel.version} needs Python {wheel.requires_python}; the environment has {python.exact}."
        )
    if not wheel.tags & {*wheel_tags.supported(python)}:
        shown = ", ".join(sorted(map(str, wheel.tags)))
        raise WheelDoesNotFit(
            f"{wheel.filename} is for {shown}; the environment has Python {python.minor} on Linux x86-64, "
            f"{python.platform.why}."
        )
    needed = _glibc(wheel.path) if python.platform.system else 0
    if needed > python.platform.glibc:
        raise WheelDoesNotFit(
            f"{wheel.filename} needs glibc 2.{needed}; the image is for glibc 2.{python.platform.glibc}, "
            f"{python.platform.why}.",
            cause="Its C code was compiled on a newer system than the image's, and would fail there when imported.",
            fix=f"Let the job run on {python.platform.system}, the image's own system.",
        )


def _glibc(path: Path) -> int:
    """Return the newest glibc 2.x that a wheel's libraries ask for, by the versions of their symbols; 0 without any."""
    with zipfile.ZipFile(path) as archive:
        libraries = [name for name in archive.namelist() if re.search(r"\.so(\.[\d.]+)?$", name)]
        return max((int(each) for name in libraries for each in _SYMBOL.findall(archive.read(name))), default=0)


def check_description(wheel: Wheel) -> str:
    """Return the output of a failed `twine check`, empty when the wheel passes. The text is hostile.

    A long description that doesn't render is worth a warning, but no reason to stop a private release. Raises
    BadWheel for metadata that would make the upload fail.
    """
    from twine import exceptions  # noqa: PLC0415  # see the next line
    from twine.commands import check  # noqa: PLC0415  # brings docutils

    output = io.StringIO()
    logger, reasons = logging.getLogger("twine"), logging.StreamHandler(output)
    logger.addHandler(reasons)  # twine prints the result and logs the reasons, which quote the description
    try:
        with contextlib.redirect_stdout(output):
            failed = check.check([str(wheel.path)])
    except exceptions.InvalidDistribution as error:
        raise BadWheel(
            f"{wheel.filename} has metadata that make every upload fail.",
            cause="A field of the metadata isn't valid, or is of a later version of the metadata than twine knows.",
            fix="Correct the field that the details name in the project's settings, and build the wheel again.",
            details=str(error),
        ) from None
    finally:
        logger.removeHandler(reasons)
    return output.getvalue() if failed else ""
