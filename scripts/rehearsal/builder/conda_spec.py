"""A conda spec as an image build reads it: exact Python and pip, and lines for pip."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

_KEYS = {"name", "channels", "dependencies", "prefix", "variables"}
_EXACT = re.compile(r"(?P<name>python|pip|git)\s*={1,2}\s*(?P<version>\d+(?:\.\d+)+)")
# Of conda's packages only python and pip matter here: no channel is within reach, so others are looked at and no more.
_OTHER = re.compile(
    r"(?:[\w./-]+::)?(?P<name>\w[\w.-]*?)\s*(?:=\s*\d+(?:\.[0-9a-z]+){2,}|==\s*[\w.!+]+|={1,2}\s*[\w.!+]+=\w+)"
)
_REFUSED_BY_PIP = re.compile(r"(?:--no-deps|--user|--target|--upgrade)\b")
_FILE = re.compile(r"(?:-r|--requirement|-c|--constraint)\b")


class SpecError(Exception):
    """conda, or pip under it, would choke on the spec."""


@dataclass(frozen=True)
class CondaSpec:
    """What a spec asks for; `pip_lines` are the lines of the requirements file that conda writes."""

    python: str
    pip: str
    pip_lines: tuple[str, ...]


def parse(text: str) -> CondaSpec:
    """Return the spec in `text`; SpecError, in words, if it can't be built."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"the spec isn't YAML: {error}") from error
    if not isinstance(content, dict) or not isinstance(content.get("dependencies"), list):
        raise SpecError("the spec needs a list of dependencies")
    unknown = sorted(str(key) for key in set(content) - _KEYS)
    if unknown:
        raise SpecError(f"unknown keys: {', '.join(unknown)}")
    if not content.get("channels"):
        raise SpecError("without channels conda takes Anaconda's, which are licensed")
    return _spec(content["dependencies"])


def _spec(dependencies: list[Any]) -> CondaSpec:
    versions: dict[str, str] = {}
    lines: list[str] = []
    for item in dependencies:
        if isinstance(item, str):
            versions.update([_version(item)])
        elif isinstance(item, dict) and list(item) == ["pip"] and isinstance(item["pip"], list):
            lines += [_line(entry) for entry in item["pip"]]
        else:
            raise SpecError(f"conda can't read the dependency {item!r}")
    missing = [name for name in ("python", "pip") if name not in versions]
    if missing:
        raise SpecError(f"no exact version of {' and '.join(missing)}")
    if "git" not in versions and any("git+" in line for line in lines):
        # The Dockerfiles of today's base images install none (Azure/AzureML-Containers); the words are pip's.
        raise SpecError("ERROR: Cannot find command 'git' - do you have 'git' installed and in your PATH?")
    return CondaSpec(versions["python"], versions["pip"], tuple(lines))


def _version(item: str) -> tuple[str, str]:
    found = _EXACT.fullmatch(item.strip())
    if found:
        return found["name"], found["version"]
    other = _OTHER.fullmatch(item.strip())
    if not other:
        raise SpecError(f"this build takes exact versions alone (NAME=1.2.3, NAME==1.2, NAME=1.2=BUILD), not {item!r}")
    return other["name"], item


def _line(entry: object) -> str:
    """Return one line for pip; refuses what fails in conda's way of running pip."""
    if not isinstance(entry, str):
        raise SpecError(f"an item of pip: isn't text but {entry!r}: quote it")
    line = entry.strip()
    if _REFUSED_BY_PIP.match(line):
        raise SpecError(f"pip: no such option in a requirements file: {line}")
    if _FILE.match(line):
        raise SpecError(f"only the spec's text travels to the build, not the file of {line!r}")
    return line
