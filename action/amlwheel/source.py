"""Where the code came from: repository, commit and tag, as CI host or git tell it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from . import process
from .model import Source


def detect(folder: Path, environ: Mapping[str, str]) -> Source:
    """Return the source of the project in `folder`; parts that nobody tells are empty."""
    commit = _git(folder, "rev-parse", "HEAD")
    # Untracked files don't count: CI leaves caches and reports behind.
    dirty = bool(commit and _git(folder, "status", "--porcelain", "--untracked-files=no", "--", "."))
    return Source(_repository(folder, environ), commit, tag(environ), dirty)


def tag(environ: Mapping[str, str]) -> str:
    """Return the pushed tag, empty when the run isn't for one. GitHub and Azure Pipelines name it in variables."""
    if environ.get("GITHUB_REF_TYPE") == "tag":
        return environ.get("GITHUB_REF_NAME", "")
    ref = environ.get("GITHUB_REF") or environ.get("BUILD_SOURCEBRANCH") or ""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""


def _repository(folder: Path, environ: Mapping[str, str]) -> str:
    """Return the repository's address without any credential."""
    if environ.get("GITHUB_REPOSITORY"):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{environ['GITHUB_REPOSITORY']}"
    url = environ.get("BUILD_REPOSITORY_URI") or _git(folder, "remote", "get-url", "origin")
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.scheme else ""


def _git(folder: Path, *arguments: str) -> str:
    """Return what git says, empty when it says no or isn't there."""
    git = shutil.which("git")
    if not git:
        return ""
    finished = process.run([git, "-C", folder, *arguments], env=process.environment(build=True), seconds=60)
    return finished.output.strip() if finished.status == 0 else ""
