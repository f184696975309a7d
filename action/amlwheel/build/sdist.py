"""Build the wheel of a package that was published without one, or that is at a commit, once and for all images."""

import base64
import csv
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from email.parser import HeaderParser
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from ..errors.build import BadWheel, BuildFailed, SdistFailed
from ..model.commit import Commit
from ..model.limit import NO_LIMIT, Limit
from ..model.lock import Sdist
from ..model.wheel import UNREADABLE, File, Wheel
from ..transport import variables
from . import project, unpack, wheel

BUILD_TAG = "0amlwheel"
"""In the file name (PEP 427) of each wheel that is made here: so the feed shows which of its files we built."""


def build(sdist: Sdist, archive: Path, into: Path, echo: Callable[[str], None], limit: Limit = NO_LIMIT) -> Wheel:
    """Return the wheel of `sdist`, whose file is `archive`, built below the folder `into`.

    The same sdist gives the same bytes: nothing of this project's commit or variables gets in, but for the time until
    which uploads count (`limit`). The package's code runs
    here, without a secret, as that of the project does. Raises SdistFailed, BuildFailed, BadWheel, NoNetwork.
    """
    folder = _unpack(archive, sdist.file, into / "source")
    _check(folder, sdist)
    built = _build(folder, sdist.file, _variables(project.NO_COMMIT_EPOCH, limit), into / "wheel", echo)
    if (built.project, str(built.version)) != (sdist.name, sdist.version):
        raise SdistFailed(f"{sdist.file.name} was built into {built.project} {built.version}.")
    return built


def build_commit(commit: Commit, tree: Path, into: Path, echo: Callable[[str], None], limit: Limit = NO_LIMIT) -> Wheel:
    """Return the wheel of a package at a commit, which is checked out in `tree`; otherwise as `build`."""
    folder = tree / commit.folder
    if not project.is_project(folder):
        raise SdistFailed(
            f"{commit.file.url} holds no Python project.",
            cause="The project lies in a folder of the repository.",
            fix=f"Name its folder where {commit.name} is required: `subdirectory`.",
        )
    built = _build(folder, commit.file, _variables(project.source_date(tree), limit), into, echo)
    if built.project != commit.name:
        raise SdistFailed(
            f"{commit.file.url} is the package {built.project}, not {commit.name}.",
            cause="The name and the repository don't belong together.",
            fix=f"Require {built.project} from this repository, or {commit.name} from its own.",
        )
    return built


def _variables(epoch: str, limit: Limit) -> dict[str, str]:
    return {"SOURCE_DATE_EPOCH": epoch, **limit.variables}


def _build(folder: Path, source: File, more: Mapping[str, str], into: Path, echo: Callable[[str], None]) -> Wheel:
    env = variables.for_tool(build=True)
    env = {key: value for key, value in env.items() if not variables.PROJECT.fullmatch(key)}
    try:
        (path,) = project.build([folder], into, echo, more, base=env)
    except BuildFailed as error:
        if error.fix != BuildFailed.fix:
            raise
        raise BuildFailed(
            f"{source.name} doesn't build.",
            cause="Its own build fails with today's tools, or on this machine; the last lines of the output say why.",
            fix="Publish a wheel of it that fits to the feed once, and take its name out of `from-source`.",
            details=error.details,
        ) from None
    wheel.inspect(path)  # what is marked must be readable
    return replace(wheel.inspect(_marked(path)), sdist=source)


def _unpack(path: Path, file: File, into: Path) -> Path:
    """Unpack an sdist and return its one folder (PEP 625); nothing lands outside `into`."""
    into.mkdir(parents=True)
    try:
        unpack.unpack(path, file.name, into)
    except (*UNREADABLE, tarfile.TarError, AttributeError, BadWheel) as error:  # a Python before 3.10.12 has no filter
        raise SdistFailed(f"{file.name} can't be unpacked.", details=str(error)) from None
    folders = list(into.iterdir())
    if len(folders) != 1 or not project.is_project(folders[0]):
        raise SdistFailed(f"{file.name} holds no Python project.")
    return folders[0]


def _check(folder: Path, sdist: Sdist) -> None:
    """Raise SdistFailed unless the sdist says that it is this package in this version."""
    said: Mapping[str, str] = {}
    if (folder / "PKG-INFO").is_file():
        said = dict(HeaderParser().parsestr((folder / "PKG-INFO").read_text("utf-8", "replace")).items())
    try:
        same = canonicalize_name(said["Name"]) == sdist.name and Version(said["Version"]) == Version(sdist.version)
    except (KeyError, InvalidVersion):
        same = False
    if not same:
        raise SdistFailed(f"{sdist.file.name} doesn't say that it is {sdist.name} {sdist.version}.")


def _marked(path: Path) -> Path:
    """Give a wheel our build tag, in its name and in its WHEEL file; RECORD follows. Return the new path."""
    distribution, version, *_, python, abi, platform = path.stem.split("-")
    marked = path.with_name(f"{distribution}-{version}-{BUILD_TAG}-{python}-{abi}-{platform}.whl")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(marked, "w", zipfile.ZIP_DEFLATED) as new:
        files = {item: old.read(item) for item in old.infolist()}
        ours = next(item for item in files if item.filename.endswith(".dist-info/WHEEL"))
        record = next(item for item in files if item.filename.endswith(".dist-info/RECORD"))
        kept = [line for line in files[ours].splitlines() if not line.lower().startswith(b"build:")]
        files[ours] = b"\n".join([*filter(None, kept), b"Build: " + BUILD_TAG.encode(), b""])
        files[record] = _recorded(files[record].decode(), ours.filename, files[ours])
        for item, content in files.items():
            new.writestr(item, content, zipfile.ZIP_DEFLATED)
    path.unlink()
    return marked


def _recorded(record: str, name: str, content: bytes) -> bytes:
    """Return RECORD with the line of one file made anew."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    rows = [
        [name, f"sha256={digest}", str(len(content))] if row[0] == name else row
        for row in csv.reader(io.StringIO(record))
        if row
    ]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
