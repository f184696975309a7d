"""Resolve every dependency for the image's Python and platform, each name from its own index, each file by sha256."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors.base import NoNetwork, StepError
from ..errors.environment import IndexFailed, LockIncomplete, Unsatisfiable
from ..errors.inputs import BadInput
from ..model.environment import Python
from ..model.feed import Feed
from ..model.secret import Secret
from ..model.wheel import PLATFORM, File, Pin, Wheel
from ..transport import http, process, tools, variables

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SECONDS = 600.0
LARGEST = 2 * 2**30  # bytes of a wheel that is read for its hash


@dataclass(frozen=True)
class Sources:
    """Where packages may come from; beside our wheels from the public index alone when there is no `feed`.

    `published` are the names that are the feed's own; None when nobody could tell, and then the feed is asked first
    for every name. `only` takes everything but our wheels from the feed.
    """

    feed: Feed | None
    token: Secret
    published: frozenset[str] | None
    only: bool


def requirements(text: str, folder: Path) -> tuple[Requirement, ...]:
    """Read the `requirements` input: lines, or the path (below `folder`) of a file that holds them.

    Raises BadInput with every line that isn't a plain requirement (PEP 508). Options are refused: an index named there
    would bypass the rule that each name has one source.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and re.search(r"[/\\]|\.(txt|in|lock)$", lines[0].strip()) and "@" not in lines[0]:
        _must_be_file(folder / lines[0].strip())
    if len(lines) == 1 and os.path.isfile(folder / lines[0].strip()):  # noqa: PTH113  # takes any text for a path
        lines = _file_lines(folder / lines[0].strip())
    found, wrong = [], []
    for line in lines:
        plain = re.sub(r"(^|\s)#.*$", "", line).strip()
        try:
            if plain:
                found.append(Requirement(plain))
        except InvalidRequirement:
            wrong.append(re.sub(r"//[^/\s]*@", "//***@", plain))
    wrong += [str(each.name) for each in found if each.url]
    if wrong:
        message = (
            f"`requirements` has {len(wrong)} line(s) that aren't plain requirements: {'; '.join(wrong[:5])[:300]}."
        )
        fix = "Write one PEP 508 requirement a line, such as torch>=2.4; no options, paths or addresses."
        raise BadInput(message, fix=fix)
    return tuple(found)


def _must_be_file(path: Path) -> None:
    # As a requirement, a forgotten requirements.txt would be the package of that name on the public index.
    if not os.path.isfile(path):  # noqa: PTH113  # takes any text for a path
        raise BadInput(
            f"`requirements` names the file {str(path)!r}, which doesn't exist.",
            fix="Give the path of `requirements` from the folder in which the step runs.",
        )


def _file_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadInput(
            f"`requirements` {str(path)!r} isn't a text file in UTF-8.",
            fix="Save the file of `requirements` in UTF-8; PowerShell's > writes UTF-16.",
        ) from None


@dataclass(frozen=True)
class Wanted:
    """What shall be in the environment: our wheels, more requirements, and the Python that it is all for."""

    wheels: tuple[Wheel, ...]
    more: tuple[Requirement, ...]
    python: Python

    @property
    def own(self) -> set[str]:
        """The normalised names of our wheels."""
        return {wheel.project for wheel in self.wheels}

    @property
    def direct(self) -> set[str]:
        """The normalised names that we or our wheels require for this Python on Linux x86-64, without an extra."""
        target = {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": self.python.exact,
            "python_version": self.python.minor,
            "sys_platform": "linux",
        }
        needs = [*self.more, *(each for wheel in self.wheels for each in wheel.requires)]
        wanted = (each for each in needs if not each.marker or each.marker.evaluate(target))
        return {str(canonicalize_name(each.name)) for each in wanted}


def resolve(
    wanted: Wanted, sources: Sources, recheck: Callable[[], object], echo: Callable[[str], None]
) -> tuple[Pin, ...]:
    """Return the pins of everything `wanted` and all that it needs, sorted by name.

    A published name that turns up on the way (uv binds sources for direct requirements only) is bound to the feed and
    the resolution done again, until no such name came from elsewhere: nobody can put a package of that name in front.
    When uv fails, `recheck` first asks the feed again and raises what is wrong there, since uv reads a refused token
    as "not found". Raises Unsatisfiable with uv's explanation, LockIncomplete, IndexFailed, NoNetwork.
    """
    private = set() if sources.only else set(sources.published or ()) - wanted.own
    bound = wanted.direct & private
    needless: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        folder = Path(name)
        _local_index(wanted.wheels, folder / "local")
        while True:
            (folder / "pyproject.toml").write_text(_project(folder, wanted, bound, sources), encoding="utf-8")
            finished = _compile(folder, wanted.python, sources, "--format", "pylock.toml", "-o", "pylock.toml")
            if finished.status == 0:
                pins = _pins(folder / "pylock.toml", wanted.own | bound, sources)
                found = {pin.name for pin in pins} & private
            else:
                recheck()
                found = set(re.findall(r"[a-z0-9][a-z0-9-]*", finished.output)) & private - needless
            if found - bound:
                echo(f"from the feed, not the public index: {', '.join(sorted(found - bound))}")
                bound |= found
                continue
            if finished.status != 0:
                raise _failure(finished.output)
            guessed = _guessed(folder, bound - wanted.direct - needless, wanted.python, sources)
            if not guessed:
                break
            needless |= guessed
            bound -= guessed
    _refuse_unhashed(pins, wanted.wheels)
    return pins


def _guessed(folder: Path, names: set[str], python: Python, sources: Sources) -> set[str]:
    """Return those of `names` that nothing in the solution requires: they were bound on a mere mention."""
    if not names:
        return set()
    said = _compile(folder, python, sources, "--annotation-style", "line").output
    alone = re.findall(r"^(\S+)==\S+\s+# via amlwheel-lock \(pyproject\.toml\)$", said, re.MULTILINE)
    return names & set(alone)


def _local_index(wheels: Sequence[Wheel], root: Path) -> None:
    """Write a PEP 503 folder with our wheels; from `--find-links` uv would lock them without a hash."""
    for wheel in wheels:
        page = root / wheel.project / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="{wheel.path.resolve().as_uri()}#sha256={wheel.sha256}">{wheel.filename}</a>\n')


def _project(folder: Path, wanted: Wanted, bound: set[str], sources: Sources) -> str:
    """Return the project file that uv resolves: what is wanted, and which index answers for which name.

    A JSON string is a TOML string as well.
    """
    needs = [f"{wheel.project}=={wheel.version}" for wheel in wanted.wheels]
    needs += [*map(str, wanted.more), *sorted(bound)]
    bindings = [(name, "local") for name in sorted(wanted.own)] + [(name, "feed") for name in sorted(bound)]
    table = "".join(f"{json.dumps(name)} = {{ index = {json.dumps(index)} }}\n" for name, index in bindings)
    return (
        f'[project]\nname = "amlwheel-lock"\nversion = "0"\nrequires-python = ">={wanted.python.minor}"\n'
        f"dependencies = {json.dumps(needs)}\n"
        f"[tool.uv.sources]\n{table}"
        f'[[tool.uv.index]]\nname = "local"\nurl = "{(folder / "local").resolve().as_uri()}/"\nexplicit = true\n'
    ) + (
        f'[[tool.uv.index]]\nname = "feed"\nurl = {json.dumps(sources.feed.index_url)}\nexplicit = true\n'
        if sources.feed
        else ""
    )


def _compile(folder: Path, python: Python, sources: Sources, *options: str) -> process.Finished:
    """Run uv; the token travels in the environment, which uv never prints."""
    access = zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(sources.token), strict=True)
    env = variables.for_tool() | dict(access)
    command: list[str | Path] = ["uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-config", "--no-header"]
    # Nothing is built, so any interpreter will do; without one named, uv tries those that it finds.
    command += [
        "--python",
        sys.executable,
        "--python-version",
        python.exact,
        "--python-platform",
        PLATFORM,
        "--only-binary",
        ":all:",
        *options,
    ]
    # With --no-config uv takes from the project file the indexes of bound names alone.
    if sources.feed and (sources.only or sources.published is None):
        command += ["--default-index" if sources.only else "--index", f"feed={sources.feed.index_url}"]
    return process.run(command, env=env, cwd=folder, seconds=SECONDS)


def _pins(path: Path, bound: set[str], sources: Sources) -> tuple[Pin, ...]:
    """Read uv's pylock.toml (PEP 751), which lists only the wheels that fit the platform."""
    packages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["packages"]
    path.unlink()  # else the next resolution would prefer these versions
    return tuple(sorted(_pin(package, bound, sources) for package in packages))


def _pin(package: dict[str, Any], bound: set[str], sources: Sources) -> Pin:
    files = package.get("wheels", [])
    hashed = [(each, _sha256(each, sources)) for each in files]
    hashes = {digest for _, digest in hashed if digest}
    kept = tuple(_file(each, digest) for each, digest in hashed if str(each.get("url", "")).startswith("http"))
    host = sources.feed.host if sources.feed else None
    from_feed = any(urlsplit(each.get("url", "")).netloc == host for each in files)
    private = sources.only or package["name"] in bound or from_feed
    return Pin(package["name"], package["version"], tuple(sorted(hashes)), private, files=kept)


def _file(said: dict[str, Any], digest: str) -> File:
    """Return a wheel of the lock, by its address without user information; its name may be said (PEP 751)."""
    parts = urlsplit(said["url"])
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    name = str(said.get("name") or unquote(parts.path.rpartition("/")[2]))
    return File(name, url, digest, int(said.get("size", 0)))


def _sha256(file: dict[str, Any], sources: Sources) -> str:
    """Return a wheel's sha256; one of the feed is read where its page has none (pypiserver's has md5 by default)."""
    told = file.get("hashes", {}).get("sha256", "")
    url = str(file.get("url", ""))
    if told or not sources.feed or urlsplit(url).netloc != sources.feed.host:
        return str(told)
    return http.sha256(url, sources.token, most=LARGEST)


def _refuse_unhashed(pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:
    """Raise LockIncomplete unless every pin has a hash, and each of our wheels exactly its own."""
    by_name = {pin.name: pin for pin in pins}
    bare = [pin.name for pin in pins if not pin.sha256]
    bare += [
        each.project for each in wheels if each.project not in by_name or by_name[each.project].sha256 != (each.sha256,)
    ]
    if bare:
        raise LockIncomplete(f"No sha256 for {', '.join(sorted(set(bare)))}.")


def _failure(said: str) -> StepError:
    """Return what uv's failure stands for: an index that fails, or requirements that can't be met."""
    host = tools.unreachable(said)
    if host:
        return NoNetwork(host, said[-2000:])
    failed = re.search(r"HTTP status (?:server|client) error \((\d+)|lack of valid authentication credentials", said)
    if failed:
        return IndexFailed(f"An index answered {failed[1] or 401} while the lock was resolved.", details=said[-3000:])
    return Unsatisfiable("uv found no set of versions.", details=said[-6000:])
