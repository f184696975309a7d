"""Where the code came from: repository, commit and tag, as CI host or git tell it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from . import process
from .model import Source


def detect(folders: Sequence[Path], environ: Mapping[str, str]) -> Source:
    """Return the source of the projects in `folders` (one repository); parts that nobody tells are empty."""
    said = process.git(folders[0], "rev-parse", "HEAD")
    told = environ.get("GITHUB_SHA") or environ.get("BUILD_SOURCEVERSION") or ""
    commit = next((each for each in (said, told) if re.fullmatch(r"[0-9a-f]{40,64}", each)), "")
    # Untracked files don't count: CI leaves caches and reports behind.
    status = ("status", "--porcelain", "--untracked-files=no", "--", ".")
    dirty = any(process.git(folder, *status) for folder in folders)
    return Source(_repository(folders[0], environ), commit, tag(environ), dirty)


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
    url = environ.get("BUILD_REPOSITORY_URI") or process.git(folder, "remote", "get-url", "origin")
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl() if parts.scheme else ""
