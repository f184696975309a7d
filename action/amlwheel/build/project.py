"""Build wheels so that the same commit gives the same bytes."""

import contextlib
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

from ..errors.build import BadWheel, BuildFailed, NoProject
from ..model.wheel import UNREADABLE
from ..transport import process, tools, variables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


# 2020-02-02, hatchling's own choice for a tree without a commit.
NO_COMMIT_EPOCH = "1580601600"
BUILD_SECONDS = 1800.0  # a large C++ extension takes long, but not for ever


def is_project(folder: str | Path) -> bool:
    """Tell whether pypa/build could build `folder`."""
    return any((Path(folder) / name).is_file() for name in ("pyproject.toml", "setup.py"))


def check_projects(folders: Sequence[str]) -> None:
    """Raise NoProject for the first folder that pypa/build couldn't build."""
    for folder in folders:
        if not is_project(folder):
            what = "has neither pyproject.toml nor setup.py" if Path(folder).is_dir() else "is not a folder"
            raise NoProject(f"`package-dir` {folder!r} {what}.")


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


def build(
    folders: Sequence[str | Path],
    into: Path,
    echo: Callable[[str], None],
    more: Mapping[str, str] = MappingProxyType({}),
) -> list[Path]:
    """Build one wheel from each folder, as many at a time as there are cores; return them in the same order.

    `more` are variables for the build. Raises BuildFailed with the tool's last lines. The build runs the project's
    code, so it gets no secret.
    """
    many = len(folders) > 1
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        jobs = []
        for number, folder in enumerate(folders):
            told = (lambda line, name=Path(folder).name: echo(f"{name}: {line}")) if many else echo
            jobs.append(pool.submit(_build, Path(folder), into / str(number), told, more))
        return [job.result() for job in jobs]


def _build(folder: Path, into: Path, echo: Callable[[str], None], more: Mapping[str, str]) -> Path:
    into.mkdir(parents=True)
    report = into / "report.json"
    env = variables.for_tool(build=True) | dict(more)
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
    tools.check(finished, BuildFailed, f"{folder} doesn't build (status {finished.status}).")
    try:
        (artifact,) = json.loads(report.read_text())["artifacts"]
        return normalise(Path(artifact["path"]), env["SOURCE_DATE_EPOCH"])
    except (*UNREADABLE, KeyError, TypeError) as error:
        raise BadWheel(
            f"{folder} was built without an error, but not into one readable wheel.", details=str(error)
        ) from None


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
    said = tools.git(folder, "log", "-1", "--format=%ct")
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
