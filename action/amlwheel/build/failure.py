"""Why a build failed: the cause and the fix for what pypa/build and the tools below it print."""

import codecs
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors.base import NoNetwork
from ..errors.build import BuildFailed
from ..model import variable
from ..transport import process, sandbox, tools
from . import limited, members

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OWN = re.compile(
    r"site-packages[/\\](build|pyproject_hooks)[/\\]|setuptools[/\\]build_meta\.py|[/\\](contextlib|subprocess|runpy)\.py\""
)
_MOST = 25  # lines


def check_text(folder: Path) -> None:
    """Raise BuildFailed if a settings file of the project in `folder` begins with a byte order mark.

    TOML is UTF-8 without a mark (toml.io, v1.0.0, "Preliminaries"); Windows PowerShell's > writes UTF-16 with one.
    """
    for name in ("pyproject.toml", "setup.cfg"):
        path = folder / name
        if path.is_file() and path.read_bytes()[:3].startswith(_MARKS):
            raise BuildFailed(
                f"{name} in {folder} begins with a byte order mark, which build tools don't read.",
                cause="An editor or PowerShell saved the file as UTF-16 or as UTF-8 with BOM.",
                fix=f"Save {name} as UTF-8 without BOM (VS Code: click the encoding in the status bar, Save with "
                "Encoding, UTF-8), and commit it.",
            )


def check(folder: Path, finished: process.Finished, env: Mapping[str, str], failed: str = "doesn't build") -> None:
    """Return if a build succeeded; else raise BuildFailed with its cause, or NoNetwork.

    `failed` says what the project didn't do. `env` is what the build got. The details are the lines that matter; the
    log has all of them.
    """
    if finished.status == 0:
        return
    check_text(folder)
    limited.check(folder, finished.output, env)
    details = "\n".join(_lines(finished.output)[-_MOST:])
    host = tools.unreachable(finished.output)
    if host:
        raise NoNetwork(host, details)
    what = f"{folder} {failed} (status {finished.status})."
    why, cause, fix = (
        _root(folder, finished.output) or _several(folder, finished.output) or _reason(finished.output, env)
    )
    raise BuildFailed(f"{what[:-1]}: {why}." if why else what, cause=cause, fix=fix, details=details)


def _lines(output: str) -> list[str]:
    """Return the output's lines without frames of the tools that run a build; where uv fails, its error alone."""
    kept: list[str] = []
    own = False
    for line in output.splitlines():
        frame = re.match(r"\s*File \"", line)
        if frame:
            own = bool(_OWN.search(line))
        elif not line.startswith("    "):
            own = False
        if not own and line.strip() and not line.startswith("TIP "):
            kept.append(line)
    while "subprocess.CalledProcessError" in "".join(kept[-2:]) or kept[-1:] == ["Traceback (most recent call last):"]:
        kept.pop()
    errors = [number for number, line in enumerate(kept) if line.startswith("< error")]
    return kept[errors[0] :] if errors else kept


def _reason(output: str, env: Mapping[str, str]) -> tuple[str, str, str]:
    """Return what happened, its cause and its fix; all are empty for a failure that isn't known."""
    plain = re.sub(r"\s*\n[<>]?\s*", " ", output)
    for explain in (_requirement, _settings, _variable, _module, _program, _closed, _sudo):
        found = explain(plain, env)
        if found:
            return found
    return "", "", ""


def _root(folder: Path, output: str) -> tuple[str, str, str] | None:
    """A folder with packages below it, and no code of its own. The words are those of hatchling and uv's backend."""
    ours = re.search(r"Unable to determine which files to ship|Expected a Python module at", output)
    found = members.below(folder) if ours else []
    return ("it has no code of its own", members.ROOT, members.fix(found)) if found else None


def _several(folder: Path, output: str) -> tuple[str, str, str] | None:
    """Folders or files beside the package, such as `training`. The words are setuptools', which packs none of them."""
    told = re.search(r"Multiple top-level (package|module)s discovered in a flat-layout: \[([\w', ]+)\]", output)
    if not told:
        return None
    names = re.findall(r"\w+", told[2])
    lines = f"[tool.setuptools] the line py-modules = {json.dumps(names)}"
    if told[1] == "package":
        own = [f"{name}*" for name in names if (folder / name / "__init__.py").exists()] or ["PACKAGE*"]
        lines = f"[tool.setuptools.packages.find] the line include = {json.dumps(own)}"
    return (
        f"setuptools finds several {told[1]}s in it: {', '.join(names)}",
        "What lies beside the package looks like another one to setuptools, which then packs nothing.",
        f"Write into pyproject.toml, below {lines}, and commit it.",
    )


def _requirement(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A build requirement that no index has, or not in that version. The words are uv's."""
    del env
    name = re.search(r"[Bb]ecause ([\w.-]+) was not found in the (?:package registry|provided)", plain)
    if name:
        return (
            f"no index has its build requirement {name[1]}",
            "Neither the feed nor the public index has a package of this name.",
            f"Publish {name[1]} to the feed of `feed`, or correct the name in `[build-system] requires`.",
        )
    lacking = re.search(r"[Bb]ecause (?:there (?:is|are) no versions? of|only) ([\w.-]+)([\w.<>=!~,*+-]*)", plain)
    if lacking:
        wanted = lacking[1] + ("" if "ecause only" in lacking[0] else lacking[2])  # uv tells what there is
        return (
            f"there is no fitting version of its build requirement {wanted}",
            "The index that has this package has no version of it that `[build-system] requires` allows.",
            f"Allow a version of {lacking[1]} in `[build-system] requires` that the index has.",
        )
    return None


def _settings(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    del env
    broken = re.search(r"ERROR Failed to parse \S*?pyproject\.toml: (.{1,200}?\(at [^)]*\))", plain)
    if not broken:
        return None
    return (
        f"pyproject.toml isn't valid TOML: {broken[1]}",
        "A line of pyproject.toml has a mistake.",
        "Correct that line.",
    )


def _variable(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A variable that the build hasn't: CPython's traceback ends in the frame of os.py, others write a sentence."""
    lacking = re.search(
        r"File \"[^\"]*\bos(?:\.py|>)\", line \d+, in __getitem__.{0,200}?KeyError: '(\w+)'"
        r"|[Ee]nvironment variable [`'\"]?([A-Z][A-Z0-9_]+)\b|\b([A-Z][A-Z0-9_]+)[`'\"]? environment variable",
        plain,
    )
    name = next(filter(None, lacking.groups())) if lacking else ""
    if not name or name in env:
        return None
    if variable.secretive(name):
        return (
            f"it reads the variable {name}",
            "The build runs the project's code, so it gets no variable that is named like a secret.",
            "Do what needs the secret in a step before this one, so that the build finds the result in the project.",
        )
    given = f"Add the line {name} to `build-env`."
    if name in os.environ:
        cause = f"{name} is set for this step, but a build gets only variables that are known or named."
        return f"it reads the variable {name}, which was withheld", cause, given
    return (
        f"it reads the variable {name}",
        f"{name} isn't set for this step.",
        f"Set {name} for this step, and add the line {name} to `build-env`.",
    )


def _module(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    del env
    lacking = re.search(r"(?:ModuleNotFoundError|ImportError): No module named '([\w.]+)'", plain)
    if not lacking:
        return None
    return (
        f"it imports {lacking[1]}, which its build environment hasn't",
        "A build sees only what `[build-system] requires` names, and nothing that is installed beside it.",
        f"Add the package that has {lacking[1]} to `[build-system] requires` in pyproject.toml.",
    )


def _program(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    del env
    lacking = re.search(
        r"command '([\w./+-]+)' failed: No such file"
        r"|FileNotFoundError: \[Errno 2\] No such file or directory: '([\w.+-]+)'",
        plain,
    )
    if not lacking:
        return None
    name = lacking[1] or lacking[2]
    return (
        f"there is no {name}",
        f"The build runs {name} or reads it, and this machine hasn't got it.",
        f"Install or make {name} in a step before this one.",
    )


def _closed(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    """A file where a build can't make new ones: Python's and coreutils' words."""
    del env
    refused = re.search(
        r"PermissionError: \[Errno 13\] Permission denied: '(/[^']+)'"
        r"|['\u2018\"](/[^'\u2019\"]+)['\u2019\"]: Permission denied",
        plain,
    )
    path = Path(refused[1] or refused[2]) if refused else Path()
    kept = sandbox.closed(path) if refused else None
    if not kept:
        return None
    folder = next(each for each in (path, *path.parents) if each.parent.exists())
    return (
        f"it can't make {folder}",
        f"No build can make something new in {folder.parent}, since {kept} lies there, which builds must not change.",
        f"Make it in a step before this one: mkdir -p {folder}",
    )


def _sudo(plain: str, env: Mapping[str, str]) -> tuple[str, str, str] | None:
    del env
    if "no new privileges" not in plain:
        return None
    return (
        "it calls sudo",
        "A build can't become another user: it runs code of others beside a step that holds tokens.",
        "Do what needs sudo in a step before this one.",
    )
