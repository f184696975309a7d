"""What in the repository changes with its owner, publisher, version or commit: every place, by its pattern."""

import pathlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

GIT = shutil.which("git") or "git"
HOME = re.compile(r'(?m)^HOME = "https://github\.com/([\w-]+)/amlwheel"$')  # in errors/base.py: the owner as of now
UNNAMED = "OWNER"  # the owner, until somebody publishes it
VERSION = re.compile(r'(?m)^__version__ = "([^"]+)"$')  # in amlwheel/__init__.py: the version as of now
CHANGES = re.compile(r"(?ms)^## Unreleased\n(.*?)(?=^## |\Z)")
# What users fill in themselves has these words, and stays: OWNER/REPOSITORY, https://HOST/OWNER/REPO.
LEFT = re.compile(
    r"(?<![$\w-])(?!PROJECT/)[A-Z][A-Z_-]*/amlwheel\b"  # an owner; no variable, and no copy of users' own
    r"|\bOWNER\b(?!/(<wbr>)?REPO)|\bPUBLISHER\b|\b(TODO|FIXME|TBD)\b"
    r"|\bamlwheel[\w./-]*@(COMMIT|SHA|<)"  # a pin
)
MARKS = ("amlwheel", "refs/tags/v", "OWNER", "PUBLISHER", "TODO", "FIXME", "TBD")  # in every line that is left
REFERRED = re.compile(r"(?:refs/tags/|--branch |\bamlwheel[\w./-]*@\S+ # )v(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class Release:
    """A release that is being made. `before` is the owner whom the repository names until then."""

    version: str
    date: str
    before: str
    owner: str
    publisher: str
    public: bool


def files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the texts in which words are replaced: all but code that isn't shipped, locks, pictures and the history."""
    listed = subprocess.run([GIT, "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        apart = name.startswith(("tests/", "scripts/")) or name.endswith((".png", ".txt")) or name == "CHANGELOG.md"
        if not apart:
            yield root / name


def released(path: str, text: str, to: Release) -> str:
    """Return the text of a file as it is in the release itself, which can't name its own commit."""
    text = text.replace(f"{to.before}/amlwheel", f"{to.owner}/amlwheel")
    text = re.sub(rf"(name: (?:{to.owner}|PROJECT)/amlwheel\n +ref: refs/tags/v)[\d.]+", rf"\g<1>{to.version}", text)
    text = re.sub(rf"(--branch v)[\d.]+( \S+/{to.owner}/amlwheel)", rf"\g<1>{to.version}\g<2>", text)
    for pattern, value in _OF.get(path, {}).items():
        text = re.sub(pattern, rf"\g<1>{value.format(to=to)}\g<2>", text, count=1)
    if path == "extension/vss-extension.json" and to.public:
        text = text.replace('"public": false', '"public": true')
    return text


# By file: a pattern with what is before and behind the place, and what comes there.
_OF = {
    "action/amlwheel/__init__.py": {r'(?m)^(__version__ = ")[^"]+(")$': "{to.version}"},
    "pyproject.toml": {r'(?m)^(version = ")[^"]+(")$': "{to.version}"},
    "extension/vss-extension.json": {r'("publisher": ")[^"]+(")': "{to.publisher}"},
    ".github/ISSUE_TEMPLATE/bug.yml": {r"(placeholder: )\d+\.\d+\.\d+(,)": "{to.version}"},
}


def pinned(text: str, owner: str, version: str, commit: str) -> str:
    """Return a text in which each pin of amlwheel names this commit; the version stands behind it as a comment."""
    if f"{owner}/amlwheel" not in text:
        return text
    pin = rf"\b({owner}/amlwheel[\w./-]*)@(COMMIT|<40 hex digits>|[0-9a-f]{{40}})( # v[\d.]+)?"
    return re.sub(pin, rf"\1@{commit} # v{version}", text)


def dated(changelog: str, to: Release) -> str:
    """Return the changelog with its Unreleased entries under the version and its date."""
    return changelog.replace("## Unreleased\n", f"## Unreleased\n\n## {to.version} - {to.date}\n", 1)


def notes(changelog: str, version: str) -> str:
    """Return what the changelog says of a version, for the release's page; empty if it says nothing."""
    found = re.search(rf"(?ms)^## {re.escape(version)} - [\d-]+\n(.*?)(?=^## |\Z)", changelog)
    return found[1].strip() if found else ""


def left(text: str, owner: str, version: str) -> Iterator[str]:
    """Yield each line that still has a placeholder, or names another version of amlwheel."""
    for line in text.splitlines():
        if not any(mark in line for mark in MARKS):
            continue  # patterns take long for so many lines
        others = [each for each in REFERRED.findall(line) if each != version]
        if others or LEFT.search(line.replace(f"{owner}/amlwheel", "amlwheel")):
            yield line.strip()
