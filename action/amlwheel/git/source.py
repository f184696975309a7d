"""Where the code came from: repository, commit, tag and run, as CI host or git tell it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from ..model.source import Source
from ..transport import tools


def detect(folders: Sequence[Path], environ: Mapping[str, str]) -> Source:
    """Return the source of the projects in `folders` (one repository); parts that nobody tells are empty."""
    said = tools.git(folders[0], "rev-parse", "HEAD")
    told = environ.get("GITHUB_SHA") or environ.get("BUILD_SOURCEVERSION") or ""
    commit = next((each for each in (said, told) if re.fullmatch(r"[0-9a-f]{40,64}", each)), "")
    dirty = any(map(tools.changes, folders))
    return Source(_repository(folders[0], environ), commit, tag(environ), dirty, run(environ))


def tag(environ: Mapping[str, str]) -> str:
    """Return the pushed tag, empty when the run isn't for one. GitHub and Azure Pipelines name it in variables."""
    if environ.get("GITHUB_REF_TYPE") == "tag":
        return environ.get("GITHUB_REF_NAME", "")
    ref = environ.get("GITHUB_REF") or environ.get("BUILD_SOURCEBRANCH") or ""
    return ref.removeprefix("refs/tags/") if ref.startswith("refs/tags/") else ""


def run(environ: Mapping[str, str]) -> str:
    """Return the address of the CI run, empty where there is none (GitHub docs, variables; Learn, build/variables)."""
    if environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        found = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{environ['GITHUB_RUN_ID']}"
        attempt = environ.get("GITHUB_RUN_ATTEMPT", "1")
        found += f"/attempts/{attempt}" if attempt != "1" else ""
    elif environ.get("BUILD_BUILDID"):
        collection, project = environ.get("SYSTEM_COLLECTIONURI", ""), quote(environ.get("SYSTEM_TEAMPROJECT", ""))
        found = f"{collection.rstrip('/')}/{project}/_build/results?buildId={environ['BUILD_BUILDID']}"
    else:
        return ""
    return found if re.fullmatch(r"https?://[^@\s]+", found) else ""


def _repository(folder: Path, environ: Mapping[str, str]) -> str:
    """Return the repository's address without any credential (a query could hold one); empty for what is no address."""
    if environ.get("GITHUB_REPOSITORY"):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{environ['GITHUB_REPOSITORY']}"
    url = environ.get("BUILD_REPOSITORY_URI") or tools.git(folder, "remote", "get-url", "origin")
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    host, path = parts.netloc.rpartition("@")[2], quote(parts.path, safe="/%:+~!$&'()*,;=")
    found = f"{parts.scheme}://{host}{path}"
    return found if re.fullmatch(r"[a-z][a-z0-9+.-]*://[^@\s]+", found) and "://" in url else ""
