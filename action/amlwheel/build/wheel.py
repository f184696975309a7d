"""Find wheels, read what they say of themselves, and refuse what doesn't fit."""

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
from ..model.environment import Python
from ..model.wheel import UNREADABLE, Wheel

_LARGEST_POINTER = 1024  # bytes; Git LFS, docs/spec.md
_NOT_MODULES = frozenset(("test", "tests", "docs", "examples", "conftest"))


def find(patterns: Sequence[str], output: Path) -> list[Path]:
    """Return the wheels that the patterns match, in order; raise BadWheel when one matches nothing.

    Copies that an earlier run left in the folder `output` don't count beside others.
    """
    found: list[Path] = []
    for pattern in patterns:
        matches = [Path(name) for name in _glob(pattern) if name.endswith(".whl")]
        matches = [path for path in matches if output.resolve() not in path.resolve().parents] or matches
        if not matches:
            raise BadWheel(
                f"`wheel` {pattern!r} matches no .whl file.",
                fix="Build the wheel in an earlier step, or correct the pattern in `wheel`.",
            )
        found += matches
    return list(dict.fromkeys(found))


def _glob(pattern: str) -> list[str]:
    # Path.glob takes no absolute patterns.
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207


def inspect(path: Path) -> Wheel:
    """Read a wheel's name, tags, metadata and modules; raise BadWheel when it isn't a valid one."""
    try:
        # A build tag may be any text (PEP 427), but the name becomes an address, an output, a line in a shell.
        if not re.fullmatch(r"[\w.+!-]+", path.name, re.ASCII):
            raise BadWheel(f"The file name {path.name!r} has characters that no wheel's name needs.")
        name, version, _, tags = utils.parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            inside = next(each for each in members if each.count("/") == 1 and each.endswith(".dist-info/METADATA"))
            raw = archive.read(inside)
        said, _ = metadata.parse_email(raw)
        parsed = metadata.Metadata.from_email(raw, validate=False)
        if not re.fullmatch(r"\d+\.\d+", said.get("metadata_version", ""), re.ASCII):
            raise BadWheel(f"{path.name} has no valid Metadata-Version.")
        requires = tuple(parsed.requires_dist or ())
        addresses = [each.name for each in requires if each.url]
        if addresses:
            raise BadWheel(
                f"{path.name} requires {', '.join(addresses)} by address, which can't be locked.",
                fix="Publish what is required by address to the feed, and require it by version.",
            )
        if utils.canonicalize_name(parsed.name) != name or parsed.version != version:
            raise BadWheel(f"{path.name} says inside that it is {said.get('name')} {said.get('version')}.")
        return Wheel(
            path=path,
            sha256=sha256(path),
            size=path.stat().st_size,
            name=parsed.name,
            version=parsed.version,
            metadata_version=said["metadata_version"],
            requires_python=parsed.requires_python or SpecifierSet(),
            requires=requires,
            tags=tags,
            modules=_modules(members),
        )
    except UNREADABLE as error:
        raise BadWheel(f"{path.name} can't be read as a wheel.", details=str(error)) from None


def lfs_pointers(path: Path) -> list[str]:
    """Return the members of a wheel that are pointers of Git LFS in place of their files (Git LFS, docs/spec.md)."""
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
    """Return what can be imported from a wheel with these members: its topmost packages, else its single modules.

    Beside packages, single modules are mostly helpers or scripts that importing would run.
    """
    packages = {PurePosixPath(each).parent for each in members if each.endswith("/__init__.py")}
    top = {each.parts for each in packages if not any(parent in packages for parent in each.parents)}
    singles = {(each.split(".")[0],) for each in members if "/" not in each and each.endswith((".py", ".so", ".pyd"))}
    usable = [each for each in (top or singles) if all(part.isidentifier() for part in each)]
    return tuple(sorted(".".join(each) for each in usable if not _NOT_MODULES & set(each)))


def check_together(wheels: Sequence[Wheel]) -> None:
    """Raise DuplicatePackage when two wheels are of one package: an environment holds one of them."""
    seen: dict[str, Wheel] = {}
    for wheel in wheels:
        other = seen.setdefault(wheel.project, wheel)
        if other is not wheel:
            raise DuplicatePackage(f"{other.filename} and {wheel.filename} are both the package {wheel.project}.")


def check_tag(tag: str, wheels: Sequence[Wheel]) -> None:
    """Raise TagMismatch unless `tag` says a version: `v1.2.3` or `1.2.3` of the first wheel, `name-v1.2.3` of any."""
    lead = wheels[0]
    for wheel in wheels:
        for dash in re.finditer("-", tag):  # names and versions may both have dashes: acme-churn-v1.0-rc1
            prefix, rest = tag[: dash.start()], tag[dash.end() :]
            if utils.canonicalize_name(prefix) == wheel.project and _says(rest, wheel):
                return
    if not _says(tag, lead):
        expected = f"v{lead.version}, {lead.version} or {lead.project}-v{lead.version}"
        raise TagMismatch(
            f"The tag is {tag!r}, but {lead.project} has version {lead.version}; the tag must be {expected}."
        )


def _says(text: str, wheel: Wheel) -> bool:
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
    """Return what `twine check` says against the wheel, empty when it passes. The text is hostile.

    A long description that doesn't render is worth a warning, but no reason to hold a private release back. Raises
    BadWheel for metadata with which the upload would fail.
    """
    from twine import exceptions  # noqa: PLC0415  # see the next line
    from twine.commands import check  # noqa: PLC0415  # brings docutils

    said = io.StringIO()
    logger, reasons = logging.getLogger("twine"), logging.StreamHandler(said)
    logger.addHandler(reasons)  # it prints the verdict, but logs why, in the description's own words
    try:
        with contextlib.redirect_stdout(said):
            failed = check.check([str(wheel.path)])
    except exceptions.InvalidDistribution as error:
        raise BadWheel(f"{wheel.filename} has metadata that no upload gets through with.", details=str(error)) from None
    finally:
        logger.removeHandler(reasons)
    return said.getvalue() if failed else ""
