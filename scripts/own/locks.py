"""What the repository's locks pin: packages of Python, and of npm in files of pins (`vsix.node`)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from amlwheel.model.advisory import Package

FOLDERS = ("action/locks", "scripts", "templates/training", "tests")
_PIN = re.compile(
    r"^([\w.-]+)==([^\s;\\]+)(?: *; *([^\\\n]*[^\\\n ]))?((?: *\\\n +--hash=sha256:[0-9a-f]{64})+) *$", re.MULTILINE
)
_NPM = re.compile(r"^(\S+) (\d+\.\d+\.\d+\S*) sha512-\S+$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """A pinned package, the sha256 of each of its files (none for npm's), and the marker behind it."""

    package: Package
    sha256: tuple[str, ...] = ()
    marker: str = ""


def locks(root: Path) -> Iterator[Path]:
    """Yield every lock of the repository; sample projects have none of ours."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.txt")):
            if "projects" not in path.parts and "corpus" not in path.parts:
                yield path


def read(path: Path) -> list[Pin]:
    """Read a lock; raise ValueError for a line that isn't understood, since nobody would look at that package."""
    text = path.read_text("utf-8")
    python = [
        Pin(Package.of(name, version) or _unread(path, name), tuple(re.findall("[0-9a-f]{64}", hashes)), marker)
        for name, version, marker, hashes in _PIN.findall(text)
    ]
    npm = [Pin(Package(_name(place), version, "npm")) for place, version in _NPM.findall(text)]
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    if len(python) + len(npm) != len(lines):
        _unread(path, f"{len(lines)} lines, {len(python) + len(npm)} pins")
    return python + npm


def _name(place: str) -> str:
    """Return the package at a place in node_modules: `a>b` is b below a, `a=b` is b under the name a."""
    path, _, other = place.partition("=")
    return other or path.rpartition(">")[2]


def _unread(path: Path, what: str) -> Package:
    raise ValueError(f"{path}: {what}")
