"""Resolve all dependencies for the image's Python and platform: each name from its own index, each file by sha256."""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..errors.base import NoNetwork, StepError
from ..errors.environment import IndexFailed, LockIncomplete, Unsatisfiable
from ..model.environment import Python
from ..model.feed import Feed
from ..model.package_index import PackageIndex
from ..model.secret import Secret
from ..model.wheel import PLATFORM, File, Pin, Wheel
from ..transport import http, process, tools, variables
from .requirements import Requirements

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


SECONDS = 600.0
LARGEST = 2 * 2**30  # bytes; a larger wheel isn't read to compute its hash


@dataclass(frozen=True)
class Sources:
    """Where packages may come from: the public index, and the `feed` if there is one; our wheels come from neither.

    `published` are the names that are the feed's own. It is None when they aren't known; then the feed is asked first
    for every name. With `only`, everything but our wheels comes from the feed. `indexes` are those that are named for
    certain packages; they come before all else.
    """

    feed: Feed | None
    token: Secret
    published: frozenset[str] | None
    only: bool
    indexes: tuple[PackageIndex, ...] = ()


def resolve(
    requirements: Requirements, sources: Sources, recheck: Callable[[], object], echo: Callable[[str], None]
) -> tuple[Pin, ...]:
    """Return the pins of all `requirements` and of everything that they need, sorted by name.

    uv binds only direct requirements to an index. When another published name turns up in the solution, it is bound
    to the feed and uv runs again, until every published name comes from the feed: a package of the same name on the
    public index can't take its place. When uv fails, `recheck` asks the feed again and raises its error, because uv
    reports a refused token as "not found". Raises Unsatisfiable with uv's explanation, LockIncomplete, IndexFailed,
    NoNetwork.
    """
    elsewhere = requirements.own | requirements.addresses.keys()
    private = set() if sources.only else set(sources.published or ()) - elsewhere
    bound = requirements.direct & private
    needless: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        folder = Path(name)
        _local_index(requirements.wheels, folder / "local")
        _write_constraints(requirements, folder)
        while True:
            (folder / "pyproject.toml").write_text(_project(folder, requirements, bound, sources), encoding="utf-8")
            finished = _compile(folder, requirements.python, sources, "--format", "pylock.toml", "-o", "pylock.toml")
            if finished.status == 0:
                pins = _pins(folder / "pylock.toml", requirements.own | bound, sources)
                named = {pin.name for pin in pins} & private
            else:
                recheck()
                named = set(re.findall(r"[a-z0-9][a-z0-9-]*", finished.output)) & private - needless
            if named - bound:
                echo(f"from the feed, not the public index: {', '.join(sorted(named - bound))}")
                bound |= named
                continue
            if finished.status != 0:
                raise _failure(finished.output)
            guessed = _guessed(folder, bound - requirements.direct - needless, requirements.python, sources)
            if not guessed:
                break
            needless |= guessed
            bound -= guessed
    _refuse_unhashed(pins, requirements.wheels)
    return pins


def _guessed(folder: Path, names: set[str], python: Python, sources: Sources) -> set[str]:
    """Return those of `names` that nothing in the solution requires: they were bound because a failure named them."""
    if not names:
        return set()
    solution = _compile(folder, python, sources, "--annotation-style", "line").output
    alone = re.findall(r"^(\S+)==\S+\s+# via amlwheel-lock \(pyproject\.toml\)$", solution, re.MULTILINE)
    return names & set(alone)


def _local_index(wheels: Sequence[Wheel], root: Path) -> None:
    """Write our wheels as a PEP 503 index; uv would lock them without a hash if they came by `--find-links`."""
    for wheel in wheels:
        page = root / wheel.project / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(f'<a href="{wheel.path.resolve().as_uri()}#sha256={wheel.sha256}">{wheel.filename}</a>\n')


def _write_constraints(requirements: Requirements, folder: Path) -> None:
    """Write the constraints as a file, if there are any; with --no-config uv reads none from the project file."""
    if requirements.constraints:
        text = "".join(f"{each}\n" for each in requirements.constraints)
        (folder / "constraints.txt").write_text(text, encoding="utf-8")


def _project(folder: Path, requirements: Requirements, bound: set[str], sources: Sources) -> str:
    """Return the project file that uv resolves: the requirements, and which index serves which name.

    Every JSON string is also a TOML string.
    """
    needs = [f"{wheel.project}=={wheel.version}" for wheel in requirements.wheels]
    needs += [str(each) for each in requirements.more if not each.url]
    needs += [*_by_address(requirements), *sorted(bound)]
    bindings = [(name, "local") for name in sorted(requirements.own)] + [(name, "feed") for name in sorted(bound)]
    table = "".join(f"{json.dumps(name)} = {{ index = {json.dumps(index)} }}\n" for name, index in bindings)
    return (
        f'[project]\nname = "amlwheel-lock"\nversion = "0"\nrequires-python = ">={requirements.python.minor}"\n'
        f"dependencies = {json.dumps(needs)}\n"
        f"[tool.uv.sources]\n{table}"
        f'[[tool.uv.index]]\nname = "local"\nurl = "{(folder / "local").resolve().as_uri()}/"\nexplicit = true\n'
    ) + (
        f'[[tool.uv.index]]\nname = "feed"\nurl = {json.dumps(sources.feed.index_url)}\nexplicit = true\n'
        if sources.feed
        else ""
    )


def _by_address(requirements: Requirements) -> list[str]:
    """Return what is required by address, each once: uv takes addresses of direct requirements only."""
    found = {str(canonicalize_name(each.name)): each for each in requirements.applicable if each.url}
    urls = requirements.addresses
    return [f"{name}{_extras(each)} @ {urls[name]}" for name, each in found.items()]


def _extras(requirement: Requirement) -> str:
    return f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""


def _compile(folder: Path, python: Python, sources: Sources, *options: str) -> process.Finished:
    """Run uv; it gets the token in its environment, which uv never prints."""
    access = zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(sources.token), strict=True)
    env = variables.for_tool() | dict(access)
    command: list[str | Path] = ["uv", "pip", "compile", "pyproject.toml", "--quiet", "--no-config", "--no-header"]
    # Nothing is built, so any interpreter will do; without --python uv would try every one that it finds.
    command += ["--python", sys.executable, "--python-version", python.exact, "--python-platform", PLATFORM]
    command += ["--only-binary", ":all:", *options]
    command += ["--constraints", "constraints.txt"] if (folder / "constraints.txt").is_file() else []
    # With --no-config uv uses the project file's indexes for bound names only.
    if sources.feed and (sources.only or sources.published is None):
        command += ["--default-index" if sources.only else "--index", f"feed={sources.feed.index_url}"]
    return process.run(command, env=env, cwd=folder, seconds=SECONDS)


def _pins(path: Path, bound: set[str], sources: Sources) -> tuple[Pin, ...]:
    """Read and remove uv's pylock.toml (PEP 751), which lists only the wheels that fit the platform."""
    packages: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["packages"]
    path.unlink()  # else the next run of uv would prefer these versions
    return tuple(sorted(_pin(package, bound, sources) for package in packages))


def _pin(package: dict[str, Any], bound: set[str], sources: Sources) -> Pin:
    files = [package["archive"]] if "archive" in package else package.get("wheels", [])  # by address: one file
    hashed = [(each, _sha256(each, sources)) for each in files]
    hashes = {digest for _, digest in hashed if digest}
    kept = tuple(_file(each, digest) for each, digest in hashed if str(each.get("url", "")).startswith("http"))
    host = sources.feed.host if sources.feed else None
    from_feed = any(urlsplit(each.get("url", "")).netloc == host for each in files)
    private = sources.only or package["name"] in bound or from_feed
    return Pin(package["name"], package["version"], tuple(sorted(hashes)), private, files=kept)


def _file(wheel: dict[str, Any], digest: str) -> File:
    """Return a wheel of the lock with its address, without user information; `name` is optional there (PEP 751)."""
    parts = urlsplit(wheel["url"])
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    name = str(wheel.get("name") or unquote(parts.path.rpartition("/")[2]))
    return File(name, url, digest, int(wheel.get("size", 0)))


def _sha256(file: dict[str, Any], sources: Sources) -> str:
    """Return a wheel's sha256; read the file if the feed's page has none (pypiserver's has md5 by default)."""
    listed = file.get("hashes", {}).get("sha256", "")
    url = str(file.get("url", ""))
    if listed or not sources.feed or urlsplit(url).netloc != sources.feed.host:
        return str(listed)
    return http.sha256(url, sources.token, LARGEST, sources.feed.headers)


def _refuse_unhashed(pins: Sequence[Pin], wheels: Sequence[Wheel]) -> None:
    """Raise LockIncomplete unless every pin has a hash, and each of our wheels has its own hash alone."""
    by_name = {pin.name: pin for pin in pins}
    bare = [pin.name for pin in pins if not pin.sha256]
    bare += [
        each.project for each in wheels if each.project not in by_name or by_name[each.project].sha256 != (each.sha256,)
    ]
    if bare:
        raise LockIncomplete(f"No sha256 for {', '.join(sorted(set(bare)))}.")


def _failure(output: str) -> StepError:
    """Return the error for uv's `output`: no network, an index that fails, or requirements that can't be satisfied."""
    host = tools.unreachable(output)
    if host:
        return NoNetwork(host, output[-2000:])
    failed = re.search(r"HTTP status (?:server|client) error \((\d+)|lack of valid authentication credentials", output)
    if failed:
        return IndexFailed(f"An index answered {failed[1] or 401} while the lock was resolved.", details=output[-3000:])
    return Unsatisfiable("uv found no set of versions.", details=output[-6000:])
