"""The repository that images are built from: which commit it is, and whether the workspace's token can read it.

git gets the token in its environment alone. It uses only https, asks the user for nothing, and reads no configuration,
hook or template of this machine's user.
"""

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from ..errors.base import StepError
from ..errors.git import (
    BadRepository,
    CommitIncomplete,
    NoRepository,
    RepositoryNotFound,
    RepositoryRefused,
    UncommittedChanges,
)
from ..model.repository import GITHUB, Repository
from ..model.secret import Secret, excerpt
from ..transport import http, tools
from .command import fetch, git

_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"  # git, "HTTP transfer protocols", "Smart Clients"


@dataclass(frozen=True)
class Remote:
    """What images are built from: a repository with its commit, and the projects' `folders` in it ("" is its root).

    `checked_out` tells whether the runner has checked out this very commit.
    """

    repository: Repository
    folders: tuple[str, ...]
    checked_out: bool


def locate(given: Repository | None, projects: Sequence[str], environ: Mapping[str, str]) -> Remote:
    """Return where `projects` (folders) can be fetched from: the `given` repository, else that of their checkout.

    This needs no network. Raises NoRepository, BadRepository, NotACommit, UncommittedChanges.
    """
    roots = {tools.git(Path(each), "rev-parse", "--show-toplevel") for each in projects}
    if len(roots) > 1:
        raise BadRepository(
            "The folders in `package-dir` belong to several repositories, but a release is made from one commit.",
            fix="Release the packages of each repository by a step of its own.",
        )
    root = roots.pop()
    head = tools.git(Path(projects[0]), "rev-parse", "--verify", "HEAD^{commit}") if root else ""
    repository = given or origin(Path(projects[0]), environ)
    commit = repository.commit or head
    if not commit:
        raise NoRepository(f"{projects[0]!r} is no git checkout with a commit, and `git-repository` names no commit.")
    folders = tuple(_folder(Path(each), checkout=bool(root)) for each in projects)
    if commit == head:
        _refuse_changes([Path(each) for each in projects], commit)
    return Remote(repository.at(commit), folders, commit == head)


def is_trial(remote: Remote, environ: Mapping[str, str]) -> bool:
    """Tell whether the commit is the trial merge of a pull request; the host deletes it when that is closed.

    Source: GitHub docs, events that trigger workflows (`pull_request`); Learn, build/variables (`Build.SourceBranch`).
    """
    ref = environ.get("GITHUB_REF") or environ.get("BUILD_SOURCEBRANCH") or ""
    return remote.checked_out and bool(re.fullmatch(r"refs/pull/\d+/merge", ref))


def origin(folder: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository that `folder` was cloned from (origin), else the one that the CI host names.

    Raises NoRepository, BadRepository.
    """
    server, name = environ.get("GITHUB_SERVER_URL", "https://github.com"), environ.get("GITHUB_REPOSITORY")
    addresses = (
        tools.git(folder, "remote", "get-url", "origin"),
        f"{server}/{name}" if name else "",
        environ.get("BUILD_REPOSITORY_URI", ""),
    )
    for text in filter(None, addresses):
        # The image builder can't fetch from a local folder, such as a mirror on the runner.
        if re.match(r"https://|ssh://|[\w.-]+@", text):
            return Repository.parse(text, remote=True)
    raise NoRepository(f"{str(folder)!r} has no remote called origin with an https or ssh address.")


def _folder(project: Path, *, checkout: bool) -> str:
    """Return the project's folder in the repository as a requirement's fragment can name it; raise BadRepository."""
    place = tools.git(project, "rev-parse", "--show-prefix") if checkout else os.path.relpath(project)
    plain = Path(place or ".").as_posix().strip("/")
    plain = "" if plain == "." else plain
    if plain.startswith("..") or not re.fullmatch(r"[\w./+-]*", plain, re.ASCII):
        raise BadRepository(
            f"`package-dir` {plain!r} can't be part of a requirement: only letters, digits and _ . - + / can.",
            fix="Rename the folder, or set `route` to feed.",
        )
    return plain


def _refuse_changes(projects: Sequence[Path], commit: str) -> None:
    """Raise UncommittedChanges when tracked files of a project differ from the commit."""
    changed = [changes for changes in map(tools.changes, projects) if changes]
    if changed:
        raise UncommittedChanges(
            f"Tracked files differ from commit {commit[:12]}, from which images would be built.",
            details="\n".join(changed)[:2000],
        )


def check(remote: Remote, token: Secret) -> str:
    """Return when the commit was made, in seconds; empty if git can't say.

    Raises RepositoryRefused, RepositoryNotFound or CommitNotPushed unless `token` can fetch the commit, and
    CommitIncomplete when the host lacks the history.
    """
    repository = remote.repository
    check_readable(repository, token)
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        fetch(Path(name), repository, token, "--depth=1", "--no-tags", "--filter=tree:0")
        said = git(Path(name), token, repository, "log", "-1", "--format=%ct", repository.commit).output.strip()
        return said if said.isdecimal() else ""


def check_readable(repository: Repository, token: Secret) -> None:
    """Raise RepositoryRefused, RepositoryNotFound or CommitIncomplete unless `token` can read the repository.

    The request is the one with which git begins every fetch; its status tells more than git's words.
    """
    response = http.get(f"{repository.url}/info/refs?service=git-upload-pack", token=token, headers=repository.headers)
    if response.status_code != requests.codes.ok or _ADVERTISEMENT not in response.headers.get("Content-Type", ""):
        raise _refused(response, repository)
    # So a host says that its history is cut off (git, "HTTP transfer protocols"). git 2.39 fetches from it without end.
    if re.search(r"shallow [0-9a-f]{40}", response.text):
        raise CommitIncomplete(
            f"{repository.url} is a shallow clone itself and lacks the history that pip fetches.",
            fix="Name the repository that it was cloned from in `git-repository`.",
        )


def _refused(response: requests.Response, repository: Repository) -> StepError:
    """Return the error for a refused first request; `scripts/rehearsal/git_host` shows how each host refuses."""
    status, content = response.status_code, response.headers.get("Content-Type", "")
    place = response.headers.get("Location", "").partition("?")[0].removesuffix("/info/refs")
    fix = f"Make {repository.permission}, store it as a secret, and pass it as `connection-token`."
    what = f"{repository.url} answered `connection-token` with {status}"
    if response.is_redirect and "_signin" not in place:
        return RepositoryNotFound(
            f"{repository.url} has moved to {place[:200]}.",
            fix="Write the new address in `git-repository`, or set it as the remote origin.",
        )
    if status == requests.codes.not_found:
        return RepositoryNotFound(f"{what}.", fix=f"Correct `git-repository`, if it is wrong. {fix}")
    if status == requests.codes.unauthorized:
        cause = "The token has expired, was revoked, or isn't complete."
    elif status == requests.codes.forbidden:
        cause = "The token is known, but may not read code here"
        cause += ", or the organisation requires single sign-on for it." if repository.host == GITHUB else "."
    elif response.is_redirect or (response.ok and "html" in content):
        what = f"{what}, a sign-in page"
        cause = "The host doesn't know the token: it has expired, or belongs to another host or organisation."
    else:
        cause = "The host is failing, or the address is not that of a repository."
        fix = "Run the step again, or correct the address."
    return RepositoryRefused(
        f"{what}.", cause=cause, fix=fix, details="" if "html" in content else excerpt(response.text, 500)
    )
