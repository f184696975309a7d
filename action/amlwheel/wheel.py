"""Build wheels so that the same commit gives the same bytes, and read what they say of themselves."""

import contextlib
import glob
import hashlib
import io
import json
import logging
import lzma
import os
import re
import shlex
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from packaging import metadata, tags, utils
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from . import process
from .errors import (
    BadWheel,
    BuildFailed,
    DuplicatePackage,
    NoNetwork,
    NoProject,
    PythonOutOfRange,
    TagMismatch,
    WheelDoesNotFit,
)
from .model import Python, Wheel

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# 2020-02-02, hatchling's own choice for a tree without a commit.
NO_COMMIT_EPOCH = "1580601600"
BUILD_SECONDS = 1800.0  # a large C++ extension takes long, but not for ever
# Manylinux platforms that the image (glibc 2.28 or newer) can load, newest first; PEP 600.
_ALIASES = {17: ["manylinux2014_x86_64"], 12: ["manylinux2010_x86_64"], 5: ["manylinux1_x86_64"]}
_PLATFORMS = [each for n in range(28, 4, -1) for each in (f"manylinux_2_{n}_x86_64", *_ALIASES.get(n, []))]
_PLATFORMS += ["linux_x86_64"]
# What zipfile and packaging raise for a damaged, encrypted or made-up archive.
_UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    StopIteration,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
_NOT_MODULES = frozenset(("test", "tests", "docs", "examples", "conftest"))


def check_projects(folders: Sequence[str]) -> None:
    """Raise NoProject for the first folder that pypa/build couldn't build."""
    for folder in folders:
        path = Path(folder)
        if not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
            what = "has neither pyproject.toml nor setup.py" if path.is_dir() else "is not a folder"
            message = f"`package-dir` {folder!r} {what}."
            raise NoProject(message)


def expected_names(folders: Sequence[str], wheels: Sequence[Path]) -> list[str]:
    """Return the package names to expect, as far as that can be known without building; at least one.

    For a probe of the feed: where the project doesn't say its name, the folder's is as good.
    """
    if wheels:
        return [path.name.split("-")[0] for path in wheels]
    return [_expected_name(Path(folder)) for folder in folders]


def _expected_name(folder: Path) -> str:
    name: object = None
    # AttributeError: a table that isn't one, such as `project = 3`; the build says it better.
    with contextlib.suppress(OSError, AttributeError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        said = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        poetry = said.get("tool", {}).get("poetry", {})
        name = said.get("project", {}).get("name") or poetry.get("name")
    plain = re.sub(r"[^A-Za-z0-9]+", "-", str(name or folder.resolve().name)).strip("-")
    return plain or "package"


def build(folders: Sequence[str], into: Path, echo: Callable[[str], None]) -> list[Path]:
    """Build one wheel from each folder, as many at a time as there are cores; return them in the same order.

    Raises BuildFailed with the tool's last lines. The build runs the project's code, so it gets no secret.
    """
    many = len(folders) > 1
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = []
        for number, folder in enumerate(folders):
            told = (lambda line, name=Path(folder).name: echo(f"{name}: {line}")) if many else echo
            jobs.append(pool.submit(_build, Path(folder), into / str(number), told))
        return [job.result() for job in jobs]


def _build(folder: Path, into: Path, echo: Callable[[str], None]) -> Path:
    into.mkdir(parents=True)
    report = into / "report.json"
    env = process.environment(build=True)
    env |= {"SOURCE_DATE_EPOCH": source_date(folder), **_own_build_base(into)}
    env |= _without_paths(folder, into, env)
    command: list[str | Path] = [
        sys.executable,
        "-I",  # a build.py in the current folder isn't pypa/build
        "-X",
        "utf8",
        "-m",
        "build",
        "--wheel",
        "--installer",
        "uv",
        "--outdir",
        into,
        "--report",
        report,
        folder,
    ]
    finished = process.run(command, env=env, seconds=BUILD_SECONDS, echo=echo)
    if finished.status != 0:
        host = process.unreachable(finished.output)
        if host:
            raise NoNetwork(host, finished.tail())
        message = f"{folder} doesn't build (status {finished.status})."
        raise BuildFailed(message, details=finished.tail())
    try:
        (artifact,) = json.loads(report.read_text())["artifacts"]
        return normalise(Path(artifact["path"]), env["SOURCE_DATE_EPOCH"])
    except (*_UNREADABLE, KeyError, TypeError) as error:
        message = f"{folder} was built without an error, but not into one readable wheel."
        raise BadWheel(message, details=str(error)) from None


def _own_build_base(into: Path) -> dict[str, str]:
    """Keep setuptools away from an old build/ folder in the project, whose deleted modules it would pack again.

    DIST_EXTRA_CONFIG is setuptools' own variable (setuptools, "Build System Support", since 66.1).
    """
    config = into / "setuptools.cfg"
    config.write_text(f"[build]\nbuild_base = {into / 'build'}\n")
    return {"DIST_EXTRA_CONFIG": str(config)}


def _without_paths(folder: Path, into: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Keep the places of checkout and build environment out of compiled files (debug information, `__FILE__`).

    GCC and clang map a prefix away (dpkg-buildflags, "fixfilepath"); the build environment's name is random below it,
    so debug information is left out unless the user asked for it. MSVC wouldn't know the options.
    """
    if sys.platform == "win32":
        return {}
    scratch = into / "tmp"
    scratch.mkdir()
    mapped = [f"-ffile-prefix-map={place}=." for place in (folder.resolve(), scratch)]
    changed = {"TMPDIR": str(scratch)}
    for name in ("CFLAGS", "CXXFLAGS"):
        given = env.get(name, "")
        plain = [] if re.search(r"(^|\s)-g", given) else ["-g0"]
        changed[name] = " ".join([*filter(None, [given]), *plain, *map(shlex.quote, mapped)])
    return changed


def source_date(folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return SOURCE_DATE_EPOCH (seconds): the user's, else the commit's date, else a constant.

    reproducible-builds.org/specs/source-date-epoch.
    """
    given = environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return given
    said = process.git(folder, "log", "-1", "--format=%ct")
    return said if said.isdecimal() else NO_COMMIT_EPOCH


def normalise(path: Path, epoch: str) -> Path:
    """Rewrite the archive around the wheel's files: sorted, one date, modes 644 or 755; no file is changed.

    A backend copies the modes and dates of the checkout, so that umask and clock would change the sha256. RECORD
    covers contents only (PEP 376, PEP 427), so it stays true.
    """
    date = max(time.gmtime(int(epoch))[:6], (1980, 1, 1, 0, 0, 0))  # what the zip format can hold
    rewritten = path.with_suffix(".tmp")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as target:
        for item in sorted(source.infolist(), key=_record_last):
            if item.is_dir():
                continue
            mode = 0o100755 if item.external_attr >> 16 & 0o100 else 0o100644
            entry = zipfile.ZipInfo(item.filename, date)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it runs
            target.writestr(entry, source.read(item))
    rewritten.replace(path)
    return path


def _record_last(item: zipfile.ZipInfo) -> tuple[bool, str]:
    """Sort by name with the .dist-info folder at the end, as PEP 427 recommends."""
    return (".dist-info/" in item.filename, item.filename)


def find(patterns: Sequence[str], output: Path) -> list[Path]:
    """Return the wheels that the patterns match, in order; raise BadWheel when one matches nothing.

    Copies that an earlier run left in the folder `output` don't count beside others.
    """
    found: list[Path] = []
    for pattern in patterns:
        matches = [Path(name) for name in _glob(pattern) if name.endswith(".whl")]
        matches = [path for path in matches if output.resolve() not in path.resolve().parents] or matches
        if not matches:
            message = f"`wheel` {pattern!r} matches no .whl file."
            raise BadWheel(message, fix="Build the wheel in an earlier step, or correct the pattern in `wheel`.")
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
            message = f"The file name {path.name!r} has characters that no wheel's name needs."
            raise BadWheel(message)
        name, version, _, wheel_tags = utils.parse_wheel_filename(path.name)
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            inside = next(each for each in members if each.count("/") == 1 and each.endswith(".dist-info/METADATA"))
            raw = archive.read(inside)
        said, _ = metadata.parse_email(raw)
        parsed = metadata.Metadata.from_email(raw, validate=False)
        if not re.fullmatch(r"\d+\.\d+", said.get("metadata_version", ""), re.ASCII):
            message = f"{path.name} has no valid Metadata-Version."
            raise BadWheel(message)
        requires = tuple(parsed.requires_dist or ())
        addresses = [each.name for each in requires if each.url]
        if addresses:
            message = f"{path.name} requires {', '.join(addresses)} by address, which can't be locked."
            raise BadWheel(message, fix="Publish what is required by address to the feed, and require it by version.")
        if utils.canonicalize_name(parsed.name) != name or parsed.version != version:
            message = f"{path.name} says inside that it is {said.get('name')} {said.get('version')}."
            raise BadWheel(message)
        return Wheel(
            path=path,
            sha256=sha256(path),
            size=path.stat().st_size,
            name=parsed.name,
            version=parsed.version,
            metadata_version=said["metadata_version"],
            requires_python=parsed.requires_python or SpecifierSet(),
            requires=requires,
            tags=wheel_tags,
            modules=_modules(members),
        )
    except _UNREADABLE as error:
        message = f"{path.name} can't be read as a wheel."
        raise BadWheel(message, details=str(error)) from None


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
            message = f"{other.filename} and {wheel.filename} are both the package {wheel.project}."
            raise DuplicatePackage(message)


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
        message = f"The tag is {tag!r}, but {lead.project} has version {lead.version}; the tag must be {expected}."
        raise TagMismatch(message)


def _says(text: str, wheel: Wheel) -> bool:
    with contextlib.suppress(InvalidVersion):
        return Version(text) == wheel.version
    return False


def fitting(python: Python) -> list[tags.Tag]:
    """Return the tags that an image with `python` takes, in the order in which pip prefers them (PEP 425, PEP 600)."""
    interpreter = f"cp{''.join(map(str, python.numbers))}"
    found = [*tags.cpython_tags(python.numbers, platforms=_PLATFORMS)]
    return [*found, *tags.compatible_tags(python.numbers, interpreter, _PLATFORMS)]


def check_fit(wheel: Wheel, python: Python) -> None:
    """Raise PythonOutOfRange or WheelDoesNotFit unless `wheel` installs in an image with `python`."""
    if not wheel.requires_python.contains(python.exact, prereleases=True):
        message = (
            f"{wheel.project} {wheel.version} needs Python {wheel.requires_python}; the environment has {python.exact}."
        )
        raise PythonOutOfRange(message)
    if not wheel.tags.intersection(fitting(python)):
        shown = ", ".join(sorted(map(str, wheel.tags)))
        message = f"{wheel.filename} is for {shown}; the environment has Python {python.minor} on Linux x86-64."
        raise WheelDoesNotFit(message)


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
        message = f"{wheel.filename} has metadata that no upload gets through with."
        raise BadWheel(message, details=str(error)) from None
    finally:
        logger.removeHandler(reasons)
    return said.getvalue() if failed else ""
