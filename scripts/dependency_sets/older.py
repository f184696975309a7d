"""Which requirements a lock took in an older release without a word: asked of the index itself, not of the resolver."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import requests
from amlwheel.environment.requirements import Requirements
from amlwheel.model.lock import Lock
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version
from twine.utils import DEFAULT_REPOSITORY

_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def unsaid(needs: Requirements, locked: Lock) -> list[str]:
    """Return a sentence for each requirement that is older than its specifier allows, if nothing is said of it."""
    told = " ".join((*locked.warnings, *locked.gaps))
    versions = {pin.name: Version(pin.version) for pin in locked.pins}
    asked: dict[str, list[Requirement]] = {}
    for each in (*needs.applicable, *needs.constraints):
        asked.setdefault(canonicalize_name(each.name), []).append(each)
    names = [name for name, each in asked.items() if name in versions and not any(one.url for one in each)]
    with ThreadPoolExecutor() as pool:
        newest = list(pool.map(lambda name: _newest(name, asked[name], needs.python.exact), names))
    return [
        f"{name} {versions[name]}, newest {version}"
        for name, version in zip(names, newest, strict=True)
        if version > versions[name] and f"{name} {versions[name]} in place" not in told
    ]


def _newest(name: str, asked: list[Requirement], python: str) -> Version:
    specifier = SpecifierSet(",".join(str(each.specifier) for each in asked if str(each.specifier)))
    found = set(_versions(name, python))
    stable = specifier.filter(found, prereleases=specifier.prereleases)
    return max(stable, default=Version("0"))


def _versions(name: str, python: str) -> Iterator[Version]:
    """Yield the versions of a package that have a file for `python`, and aren't yanked (PEP 691)."""
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
    answer = requests.get(f"{_index().rstrip('/')}/{name}/", headers=accept, timeout=60)
    answer.raise_for_status()
    for each in answer.json()["files"]:
        try:
            fits = SpecifierSet(each.get("requires-python") or "").contains(python)
            parse = parse_wheel_filename if each["filename"].endswith(".whl") else parse_sdist_filename
            version = parse(each["filename"])[1]
        except (InvalidSpecifier, InvalidName, ValueError):
            continue  # files of years ago
        if fits and not each.get("yanked"):
            yield version


def _index() -> str:
    given = next(filter(None, map(os.environ.get, _VARIABLES)), "")
    return given or f"https://{urlsplit(DEFAULT_REPOSITORY).netloc.removeprefix('upload.')}/simple/"
