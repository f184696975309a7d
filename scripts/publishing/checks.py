"""What must be true before and after the words of a release are replaced."""

import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

from . import words
from .words import Release

NAME = re.compile(r"[A-Za-z\d](?:[A-Za-z\d]|-(?=[A-Za-z\d])){0,38}")  # GitHub's rule for owners; fits a publisher, too
NUMBER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
# The existing checks: manifests and pages as generated, both hosts' schemas, actions pinned, no old default, no doubt.
CHECKS = (
    ["manifests", "linters"],
    ["pytest", "-q", *(f"tests/unit/test_{name}.py" for name in ("defaults", "vsix", "docs", "scripts", "release"))],
)


def before(root: pathlib.Path, to: Release, now: str) -> Iterator[str]:
    """Yield what keeps this release from being made, a sentence each; `now` is the version that the code has."""
    if _git(root, "status", "--porcelain"):
        yield "The checkout has changes: commit or stash them."
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    yield from _version(root, to.version, now, re.findall(r"(?m)^## (\d+\.\d+\.\d+) - ", changelog))
    found = words.CHANGES.search(changelog)
    if not found or not re.search(r"(?m)^- ", found[1]):
        yield "CHANGELOG.md has no entry under Unreleased."
    if to.owner == words.UNNAMED or not NAME.fullmatch(to.owner):
        yield "--owner: the user or the organisation on GitHub that owns the repository."
    if not NAME.fullmatch(to.publisher):
        yield "--publisher: the id of the publisher on the Visual Studio Marketplace."


def _version(root: pathlib.Path, version: str, now: str, made: list[str]) -> Iterator[str]:
    if not NUMBER.fullmatch(version):
        yield f"{version} isn't a version: three numbers, such as 0.2.0."
        return
    newest = max(map(_numbers, made), default=())
    if _numbers(version) < _numbers(now) or _numbers(version) <= newest:
        yield f"{version} isn't newer than {max(now, *made, key=_numbers) if made else now}."
    if _git(root, "tag", "--list", f"v{version}"):
        yield f"The tag v{version} is there already: a version is never released twice."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def after(root: pathlib.Path, to: Release) -> Iterator[str]:
    """Yield what is wrong with a copy of the repository in which the release is made."""
    for path in words.files(root):
        for line in words.left(path.read_text("utf-8"), to.owner, to.version):
            yield f"{path.relative_to(root)} still has: {line[:150]}"
    for part in CHECKS:
        done = subprocess.run(
            [sys.executable, root / "scripts/test", *part], cwd=root, capture_output=True, text=True, check=False
        )
        if done.returncode:
            yield f"scripts/test {' '.join(part)} fails:\n{(done.stdout + done.stderr)[-3000:]}"


def _git(root: pathlib.Path, *words_: str) -> str:
    done = subprocess.run([words.GIT, "-C", root, *words_], capture_output=True, text=True, check=True)
    return done.stdout.strip()
