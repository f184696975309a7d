"""The repository that images are built from: which commit, can the workspace's token read it, and what is in it.

The token travels to git in the environment alone. Only https is spoken, nobody is asked for anything, and no
configuration, hook or template of this machine's user takes part.
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
from .command import fetch

_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"  # git, "HTTP transfer protocols": smart clients


@dataclass(frozen=True)
class Remote:
    """What images are built from: a repository with its commit, and the projects' `folders` in it, "" for its root.

    `checked_out` tells whether the commit is the one that the runner has checked out.
    """

    repository: Repository
    folders: tuple[str, ...]
    checked_out: bool


def locate(given: Repository | None, projects: Sequence[str], environ: Mapping[str, str]) -> Remote:
    """Return where `projects` (folders) can be fetched from: as `given`, else as their checkout says.

    Only this machine is asked. Raises NoRepository, BadRepository, NotACommit, UncommittedChanges.
    """
    roots = {tools.git(Path(each), "rev-parse", "--show-toplevel") for each in projects}
    if len(roots) > 1:
        raise BadRepository(
            "The folders in `package-dir` are of several repositories, and a release is of one commit.",
            fix="Release each repository's packages by a step of its own.",
        )
    root = roots.pop()
    head = tools.git(Path(projects[0]), "rev-parse", "--verify", "HEAD^{commit}") if root else ""
    repository = given or _origin(Path(projects[0]), environ)
    commit = repository.commit or head
    if not commit:
        raise NoRepository(f"{projects[0]!r} is no checkout of git with a commit, and `git-repository` names none.")
    folders = tuple(_folder(Path(each), checkout=bool(root)) for each in projects)
    if commit == head:
        _refuse_changes([Path(each) for each in projects], commit)
    return Remote(repository.at(commit), folders, commit == head)


def is_trial(remote: Remote, environ: Mapping[str, str]) -> bool:
    """Tell whether the commit is the trial merge of a pull request, which its host throws away when that is closed.

    GitHub docs, events that trigger workflows (`pull_request`); Learn, build/variables (`Build.SourceBranch`).
    """
    ref = environ.get("GITHUB_REF") or environ.get("BUILD_SOURCEBRANCH") or ""
    return remote.checked_out and bool(re.fullmatch(r"refs/pull/\d+/merge", ref))


def _origin(folder: Path, environ: Mapping[str, str]) -> Repository:
    """Return the repository that `folder` was cloned from; else the one that the CI host names."""
    server, name = environ.get("GITHUB_SERVER_URL", "https://github.com"), environ.get("GITHUB_REPOSITORY")
    told = (
        tools.git(folder, "remote", "get-url", "origin"),
        f"{server}/{name}" if name else "",
        environ.get("BUILD_REPOSITORY_URI", ""),
    )
    for text in filter(None, told):
        if re.match(r"https://|ssh://|[\w.-]+@", text):  # a local folder, such as a mirror of the runner's, is no help
            return Repository.parse(text, remote=True)
    raise NoRepository(f"{str(folder)!r} has no remote called origin that others could fetch from.")


def _folder(project: Path, *, checkout: bool) -> str:
    """Return the project's place in the repository, as a requirement's fragment can hold it."""
    place = tools.git(project, "rev-parse", "--show-prefix") if checkout else os.path.relpath(project)
    plain = Path(place or ".").as_posix().strip("/")
    plain = "" if plain == "." else plain
    if plain.startswith("..") or not re.fullmatch(r"[\w./+-]*", plain, re.ASCII):
        raise BadRepository(
            f"`package-dir` {plain!r} can't stand in a requirement: letters, digits and _ . - + / can.",
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


def check(remote: Remote, token: Secret) -> None:
    """Raise RepositoryRefused, RepositoryNotFound or CommitNotPushed unless `token` gets the commit from its host.

    CommitIncomplete where the host lacks the history. The first question is the one with which every fetch begins; its
    status tells more than git's words.
    """
    repository = remote.repository
    response = http.get(f"{repository.url}/info/refs?service=git-upload-pack", token=token)
    if response.status_code != requests.codes.ok or _ADVERTISEMENT not in response.headers.get("Content-Type", ""):
        raise _refused(response, repository)
    # git, "HTTP transfer protocols": so a host says that history is cut off. git 2.39 fetches from there without end.
    if re.search(r"shallow [0-9a-f]{40}", response.text):
        raise CommitIncomplete(
            f"{repository.url} is a shallow clone itself, from which nobody can fetch what pip asks for.",
            fix="Name the repository that it was cloned from in `git-repository`.",
        )
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        fetch(Path(name), repository, token, "--depth=1", "--no-tags", "--filter=tree:0")


def _refused(response: requests.Response, repository: Repository) -> StepError:
    """Return what the answer to the first question means; see `scripts/rehearsal/git_host` for the hosts' ways."""
    status, content = response.status_code, response.headers.get("Content-Type", "")
    place = response.headers.get("Location", "").partition("?")[0].removesuffix("/info/refs")
    fix = f"Make {repository.permission}, store it as a secret, and pass it as `connection-token`."
    said = f"{repository.url} answered `connection-token` with {status}"
    if response.is_redirect and "_signin" not in place:
        return RepositoryNotFound(
            f"{repository.url} has moved to {place[:200]}.",
            fix="Give the new address in `git-repository`, or set it as origin.",
        )
    if status == requests.codes.not_found:
        return RepositoryNotFound(f"{said}.", fix=f"Correct `git-repository`, if it is wrong. {fix}")
    if status == requests.codes.unauthorized:
        cause = "The token has expired, was revoked, or isn't whole."
    elif status == requests.codes.forbidden:
        cause = "The token is known, but may not read code here"
        cause += ", or the organisation wants it authorised for single sign-on." if repository.host == GITHUB else "."
    elif response.is_redirect or (response.ok and "html" in content):
        said, cause = f"{said}, a sign-in page", "The host doesn't know the token: it has expired, or is of elsewhere."
    else:
        cause = "The host has a fault, or no repository is served there."
        fix = "Run the step again, or correct the address."
    return RepositoryRefused(
        f"{said}.", cause=cause, fix=fix, details="" if "html" in content else excerpt(response.text, 500)
    )
