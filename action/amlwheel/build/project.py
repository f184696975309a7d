"""Build the wheels of projects, so that the same commit gives the same bytes."""

import json
import os
import re
import shlex
import sys
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType

from packaging.utils import canonicalize_name

from ..errors.build import BadWheel
from ..model.wheel import UNREADABLE
from ..transport import tools, variables
from ..transport.sandbox import ENVIRONMENTS, Sandbox
from . import archive, declared, failure, limited
from .shared import Shared

# 2020-02-02, hatchling's own choice for a tree without a commit.
NO_COMMIT_EPOCH = "1580601600"
BUILD_SECONDS = 1800.0  # a large C++ extension takes long, but not for ever


def is_project(folder: str | Path) -> bool:
    """Tell whether pypa/build can build `folder`."""
    return any((Path(folder) / name).is_file() for name in ("pyproject.toml", "setup.py"))


def expected_names(folders: Sequence[str], wheels: Sequence[Path]) -> list[str]:
    """Return the likely names of the packages, at least one, without building.

    They are for a first question to the feed; where the project doesn't tell its name, the folder's name will do.
    """
    if wheels:
        return [path.name.split("-")[0] for path in wheels]
    return [_expected_name(Path(folder)) for folder in folders]


def declared_names(folders: Sequence[str]) -> frozenset[str]:
    """Return the normalised names of the packages that declare one, if there are several packages."""
    names = [declared.read(Path(folder)).name for folder in folders]
    return frozenset(canonicalize_name(name) for name in names if name) if len(folders) > 1 else frozenset()


def _expected_name(folder: Path) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", declared.read(folder).name or folder.resolve().name).strip("-")
    return plain or "package"


def build(
    folders: Sequence[str | Path],
    into: Path,
    echo: Callable[[str], None],
    more: Mapping[str, str] = MappingProxyType({}),
    base: Mapping[str, str] | None = None,
) -> list[Path]:
    """Build one wheel from each folder, as many at a time as there are cores; return them in the same order.

    Packages that require the same for their builds share an environment (`Shared`).
    `more` are further variables for the build, which runs the project's code and so gets no secret; an empty one takes
    the variable away. `base` are those that it gets in any case, in place of those of the project's own build. Raises
    BuildFailed with the tool's last lines, BadWheel, NoNetwork.
    """
    own = base is None
    base = variables.for_tool(build=True) if base is None else base
    many = len(folders) > 1
    given = {**base, **more}
    shared = Shared([*map(Path, folders)], into, {name: value for name, value in given.items() if value}, echo)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = []
        for number, folder in enumerate(folders):
            named = (lambda line, name=Path(folder).name: echo(f"{name}: {line}")) if many else echo
            place = into / str(number)
            room = Sandbox((place, Path(folder)), shared.kept, _expected_name(Path(folder)) if own else "")
            jobs.append(pool.submit(_build, Path(folder), place, named, given, room, shared))
        return [job.result() for job in jobs]


def _build(  # noqa: PLR0913, PLR0917  # what a build needs
    folder: Path, into: Path, echo: Callable[[str], None], given: Mapping[str, str], room: Sandbox, shared: Shared
) -> Path:
    into.mkdir(parents=True)
    report = into / "report.json"
    env = {name: value for name, value in given.items() if value}
    env |= {"SOURCE_DATE_EPOCH": given.get("SOURCE_DATE_EPOCH") or source_date(folder), **_own_build_base(into)}
    env |= _without_paths(folder, into, env)
    finished = shared.build(folder, report, env, echo, room) or limited.run(
        _alone(folder, report), env, BUILD_SECONDS, echo, room
    )
    failure.check(folder, finished, env)
    try:
        (artifact,) = json.loads(report.read_text())["artifacts"]
        return normalise(Path(artifact["path"]), env["SOURCE_DATE_EPOCH"])
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise BadWheel(
            f"The build of {folder} ended without an error, but not with one readable wheel.",
            cause="The project's build backend, or a hook of the project in it, wrote no wheel or a damaged one.",
            fix="Run python -m build --wheel on a clean checkout, and mend the backend's settings.",
            details=str(error),
        ) from None


def _alone(folder: Path, report: Path) -> list[str | Path]:
    """Return pypa/build's command, which makes an environment for this build alone."""
    tool = [sys.executable, "-I", "-X", "utf8", "-m", "build"]  # a build.py in the current folder isn't pypa/build
    return [*tool, "--wheel", "--installer", "uv", "--outdir", report.parent, "--report", report, folder]


def _own_build_base(into: Path) -> dict[str, str]:
    """Return the variable that gives setuptools a new build/ folder: from an old one it would pack deleted modules.

    DIST_EXTRA_CONFIG is setuptools' own variable (setuptools, "Build System Support", since 66.1).
    """
    config = into / "setuptools.cfg"
    config.write_text(f"[build]\nbuild_base = {into / 'build'}\n")
    return {"DIST_EXTRA_CONFIG": str(config)}


def _without_paths(folder: Path, into: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return variables that keep the paths of checkout and build environment out of compiled files.

    Such paths are in debug information and in `__FILE__`. GCC and clang replace a prefix (dpkg-buildflags,
    "fixfilepath"). Below the prefix the build environment has a random name, so debug information is left out unless
    the user asked for it. MSVC doesn't know the options.
    """
    if sys.platform == "win32":
        return {}
    scratch = into / "tmp"
    scratch.mkdir()
    mapped = [f"-ffile-prefix-map={place}=." for place in (folder.resolve(), scratch, into.parent / ENVIRONMENTS)]
    changed = {"TMPDIR": str(scratch)}
    for name in ("CFLAGS", "CXXFLAGS"):
        given = env.get(name, "")
        plain = [] if re.search(r"(^|\s)-g", given) else ["-g0"]
        changed[name] = " ".join([*filter(None, [given]), *plain, *map(shlex.quote, mapped)])
    return changed


def source_date(folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return SOURCE_DATE_EPOCH in seconds: the user's value, else the commit's date, else a constant.

    Source: reproducible-builds.org/specs/source-date-epoch.
    """
    given = environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return given
    return tools.committed(folder) or NO_COMMIT_EPOCH


def normalise(path: Path, epoch: str) -> Path:
    """Write the wheel's files into a new archive: sorted, with one date and the modes 644 or 755; return `path`.

    A backend copies modes and dates from the checkout, so umask and clock would change the sha256. The contents stay
    the same, and so RECORD stays valid: it covers contents only (PEP 376, PEP 427).
    """
    date = max(time.gmtime(int(epoch))[:6], (1980, 1, 1, 0, 0, 0))  # the first date of the zip format
    rewritten = path.with_suffix(".tmp")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(rewritten, "w", zipfile.ZIP_DEFLATED) as target:
        archive.check_members(source, path)
        for item in sorted(source.infolist(), key=_record_last):
            if item.is_dir():
                continue
            mode = 0o100755 if item.external_attr >> 16 & 0o100 else 0o100644
            entry = zipfile.ZipInfo(item.filename, date)
            entry.external_attr = mode << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, on every platform
            target.writestr(entry, source.read(item))
    rewritten.replace(path)
    return path


def _record_last(item: zipfile.ZipInfo) -> tuple[bool, str]:
    """Return a sort key: by name, with the .dist-info folder at the end, as PEP 427 recommends."""
    return (".dist-info/" in item.filename, item.filename)
