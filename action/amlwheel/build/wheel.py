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
from packaging.version import InvalidVersion, Version

from ..errors.build import BadWheel, DuplicatePackage, PythonOutOfRange, TagMismatch, WheelDoesNotFit
from ..model import wheel_tags
from ..model.declared import wheel_problem, without_fragment
from ..model.environment import Python
from ..model.wheel import UNREADABLE, Wheel

_LARGEST_POINTER = 1024  # bytes; Git LFS, docs/spec.md
_NOT_MODULES = frozenset(("test", "tests", "docs", "examples", "conftest"))


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
            raise BadWheel(f"The file name {path.name!r} has characters that don't belong in a wheel's name.")
        name, version, _, tags = utils.parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            inside = next(each for each in members if each.count("/") == 1 and each.endswith(".dist-info/METADATA"))
            raw = archive.read(inside)
        fields, _ = metadata.parse_email(raw)
        parsed = metadata.Metadata.from_email(raw, validate=False)
        if not re.fullmatch(r"\d+\.\d+", fields.get("metadata_version", ""), re.ASCII):
            raise BadWheel(f"{path.name} has no valid Metadata-Version.")
        requires = tuple(parsed.requires_dist or ())
        addresses = [each.name for each in requires if each.url and wheel_problem(without_fragment(each.url))]
        if addresses:
            raise BadWheel(
                f"{path.name} requires {', '.join(addresses)} by address, which can't be locked.",
                cause="Only a wheel at an https address, without a credential or a query, is the same for everybody.",
                fix="Publish the packages that are required by address to the feed, and require them by version.",
            )
        if utils.canonicalize_name(parsed.name) != name or parsed.version != version:
            raise BadWheel(f"The metadata in {path.name} is that of {fields.get('name')} {fields.get('version')}.")
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
        raise BadWheel(f"{path.name} can't be read as a wheel.", details=str(error)) from None


def lfs_pointers(path: Path) -> list[str]:
    """Return the files in a wheel that are pointers of Git LFS in place of the real files (Git LFS, docs/spec.md)."""
    with zipfile.ZipFile(path) as archive:
        small = (item for item in archive.infolist() if item.file_size < _LARGEST_POINTER)
        return [
            item.filename
            for item in small
            if archive.read(item).startswith(b"version https://git-lfs.github.com/spec/")
        ]


def sha256(path: Path) -> str:
    """Return the file's sha256 in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _modules(members: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that can be imported from a wheel: its topmost packages, else its single modules.

    Beside packages, single modules are mostly scripts, which an import would run.
    """
    packages = {PurePosixPath(each).parent for each in members if each.endswith("/__init__.py")}
    top = {each.parts for each in packages if not any(parent in packages for parent in each.parents)}
    singles = {(each.split(".")[0],) for each in members if "/" not in each and each.endswith((".py", ".so", ".pyd"))}
    usable = [each for each in (top or singles) if all(part.isidentifier() for part in each)]
    return tuple(sorted(".".join(each) for each in usable if not _NOT_MODULES & set(each)))


def check_together(wheels: Sequence[Wheel]) -> None:
    """Raise DuplicatePackage when two wheels have one package name: an environment can hold only one of them."""
    by_name: dict[str, Wheel] = {}
    for wheel in wheels:
        other = by_name.setdefault(wheel.project, wheel)
        if other is not wheel:
            raise DuplicatePackage(f"{other.filename} and {wheel.filename} are both the package {wheel.project}.")


def check_tag(tag: str, wheels: Sequence[Wheel]) -> None:
    """Raise TagMismatch unless `tag` names a version: `v1.2.3` or `1.2.3` of the first wheel, `name-v1.2.3` of any."""
    lead = wheels[0]
    for wheel in wheels:
        for dash in re.finditer("-", tag):  # both parts may have dashes: acme-churn-v1.0-rc1
            prefix, rest = tag[: dash.start()], tag[dash.end() :]
            if utils.canonicalize_name(prefix) == wheel.project and _is_version(rest, wheel):
                return
    if not _is_version(tag, lead):
        expected = f"v{lead.version}, {lead.version} or {lead.project}-v{lead.version}"
        raise TagMismatch(
            f"The tag is {tag!r}, but {lead.project} has version {lead.version}; the tag must be {expected}."
        )


def _is_version(text: str, wheel: Wheel) -> bool:
    with contextlib.suppress(InvalidVersion):
        return Version(text) == wheel.version
    return False


def check_fit(wheel: Wheel, python: Python) -> None:
    """Raise PythonOutOfRange or WheelDoesNotFit unless `wheel` installs in an image with `python`."""
    if not wheel.requires_python.contains(python.exact, prereleases=True):
        raise PythonOutOfRange(
            f"{wheel.project} {wheel.version} needs Python {wheel.requires_python}; the environment has {python.exact}."
        )
    if not wheel.tags & {*wheel_tags.supported(python)}:
        shown = ", ".join(sorted(map(str, wheel.tags)))
        raise WheelDoesNotFit(
            f"{wheel.filename} is for {shown}; the environment has Python {python.minor} on Linux x86-64."
        )


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
        raise BadWheel(f"{wheel.filename} has metadata that make every upload fail.", details=str(error)) from None
    finally:
        logger.removeHandler(reasons)
    return output.getvalue() if failed else ""
