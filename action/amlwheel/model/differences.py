"""What differs between two definitions of an environment: image, Python, packages, options.

The older one may be anybody's: it is compared as far as it can be read, and its texts are hostile.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import unquote

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from ..errors.declared import CondaNotExact
from .conda import Package
from .environment import Definition
from .secret import looks_secret, unsigned

# In the order in which people read them.
Kind = Literal["image", "Python", "option", "conda package", "package"]
Way = Literal["removed", "down", "added", "up", "changed", "other files"]
_Key = tuple[Kind, str]
_LONGEST = 200  # characters of a text that is shown
_READABLE = 2000  # characters of a line that is read; patterns take too long for more, and a cut could halve a secret


@dataclass(frozen=True)
class Difference:
    """One thing that differs; `before` or `now` is empty where it isn't there, or has no version."""

    kind: Kind
    name: str
    way: Way
    before: str = ""
    now: str = ""


@dataclass(frozen=True)
class Comparison:
    """An environment beside the newest version (`since`) that `workspaces` have of it; no `since` if they have none.

    `unknown` says why there is no comparison; it is empty otherwise.
    """

    workspaces: tuple[str, ...]
    since: str = ""
    differences: tuple[Difference, ...] = ()
    unknown: str = ""


@dataclass(frozen=True)
class _Part:
    text: str = ""
    hashes: frozenset[str] = frozenset()


def compared(workspace: str, since: str, before: Definition, now: Definition) -> Comparison:
    """Compare `now` with the definition of the version `since`, which `workspace` has."""
    if not isinstance(before.spec, dict):
        return Comparison((workspace,), shown(since), unknown="its conda file can't be read, or it has none")
    return Comparison((workspace,), shown(since), compare(before, now))


def grouped(comparisons: Iterable[Comparison]) -> tuple[Comparison, ...]:
    """Return each comparison once, with all workspaces for which it is the same."""
    found: dict[Comparison, tuple[str, ...]] = {}
    for each in comparisons:
        same = replace(each, workspaces=())
        found[same] = (*found.get(same, ()), *each.workspaces)
    return tuple(replace(each, workspaces=names) for each, names in found.items())


def compare(before: Definition, now: Definition) -> tuple[Difference, ...]:
    """Return what differs, in the order of `Kind` and `Way`."""
    old, new = dict(_parts(before)), dict(_parts(now))
    found = [each for key in {**old, **new} for each in _difference(key, old.get(key), new.get(key))]
    kinds, ways = get_args(Kind), get_args(Way)
    return tuple(sorted(found, key=lambda each: (kinds.index(each.kind), ways.index(each.way), each.name)))


def shown(text: str) -> str:
    """Return foreign text without credentials, and not too long; what looks like a secret isn't shown at all.

    YAML may hold half characters (surrogates), which no file takes.
    """
    if len(text) > _READABLE:
        return f"({len(text)} characters)"
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
    plain = re.sub(r"//[^/\s@]*@", "//", unsigned(printable))
    if looks_secret(plain):
        return "***"
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"


def _difference(key: _Key, before: _Part | None, now: _Part | None) -> Iterator[Difference]:
    """Yield the difference, if there is one. Hashes are compared where both have some."""
    if before is None or now is None:
        way: Way = "added" if before is None else "removed"
    elif before.text != now.text:
        way = _way(before.text, now.text)
    elif before.hashes and now.hashes and before.hashes != now.hashes:
        way = "other files"
    else:
        return
    yield Difference(*key, way, before.text if before else "", now.text if now else "")


def _way(before: str, now: str) -> Way:
    try:
        return "up" if Version(now) > Version(before) else "down"
    except InvalidVersion:
        return "changed"


def _parts(definition: Definition) -> Iterator[tuple[_Key, _Part]]:
    """Yield what a definition consists of; whatever has another shape than conda's files is left out."""
    yield ("image", "image"), _Part(shown(definition.image))
    spec = definition.spec if isinstance(definition.spec, dict) else {}
    channels = ", ".join(_texts(spec.get("channels")))
    if channels:
        yield ("option", "channels"), _Part(shown(channels))
    listed = spec.get("dependencies")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, str):
            yield _conda(each)
        elif isinstance(each, dict):
            yield from map(_pip, _texts(each.get("pip")))


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _conda(line: str) -> tuple[_Key, _Part]:
    try:
        package = Package.parse(line[:_READABLE])
    except CondaNotExact:
        return ("option", shown(line)), _Part()
    part = _Part(shown(package.range.lstrip("= ")))
    return (("Python", "Python") if package.name == "python" else ("conda package", shown(package.name))), part


def _pip(line: str) -> tuple[_Key, _Part]:
    """Read a line of a `pip:` list. An option, and what is no requirement, counts as it stands there."""
    words = line.split()
    hashes = frozenset(each for each in words if each.startswith("--hash="))
    rest = " ".join(each for each in words if each not in hashes)
    file = re.split(r"[/ ]", rest)[-1]  # the same wheel wherever it lies
    try:
        if file.endswith(".whl"):
            name, version, *_ = parse_wheel_filename(unquote(file))
            return ("package", name), _Part(str(version), hashes)
        required = Requirement(rest[:_READABLE])
    except (InvalidRequirement, InvalidWheelFilename):
        return ("option", shown(rest)), _Part()
    return ("package", canonicalize_name(required.name)), _Part(_version(required), hashes)


def _version(required: Requirement) -> str:
    """Return what a requirement asks for: a version, the beginning of a commit, or its own words."""
    commit = re.search(r"@([0-9a-f]{12})[0-9a-f]{28}", required.url or "")
    text = f"commit {commit[1]}" if commit else required.url or re.sub(r"^==(?!.*,)", "", str(required.specifier))
    return shown(f"{text}; {required.marker}" if required.marker else text)
