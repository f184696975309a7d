"""The repository that images are built from: which commit, can the workspace's token read it, and what is in it.

The token travels to git in the environment alone. Only https is spoken, nobody is asked for anything, and no
configuration, hook or template of this machine's user takes part.
"""

import base64
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from . import http, process
from .errors import (
    BadRepository,
    CommitIncomplete,
    CommitNotPushed,
    NoNetwork,
    NoRepository,
    RepositoryNotFound,
    RepositoryRefused,
    StepError,
    UncommittedChanges,
)
from .repository import GITHUB, Repository
from .secret import Secret, excerpt

SECONDS = 1200.0
_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"  # git, "HTTP transfer protocols": smart clients
# git's words for a host without the commit, or what the host says itself; all else is the way there, or a fault.
_MISSING = r"remote error: |not our ref|unadvertised object|couldn't find remote ref|not a tree"
_TOO_OLD = "could not read Username"


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
    roots = {process.git(Path(each), "rev-parse", "--show-toplevel") for each in projects}
    if len(roots) > 1:
        message = "The folders in `package-dir` are of several repositories, and a release is of one commit."
        raise BadRepository(message, fix="Release each repository's packages by a step of its own.")
    root = roots.pop()
    head = process.git(Path(projects[0]), "rev-parse", "--verify", "HEAD^{commit}") if root else ""
    repository = given or _origin(Path(projects[0]), environ)
    commit = repository.commit or head
    if not commit:
        message = f"{projects[0]!r} is no checkout of git with a commit, and `git-repository` names none."
        raise NoRepository(message)
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
        process.git(folder, "remote", "get-url", "origin"),
        f"{server}/{name}" if name else "",
        environ.get("BUILD_REPOSITORY_URI", ""),
    )
    for text in filter(None, told):
        if re.match(r"https://|ssh://|[\w.-]+@", text):  # a local folder, such as a mirror of the runner's, is no help
            return Repository.parse(text, remote=True)
    message = f"{str(folder)!r} has no remote called origin that others could fetch from."
    raise NoRepository(message)


def _folder(project: Path, *, checkout: bool) -> str:
    """Return the project's place in the repository, as a requirement's fragment can hold it."""
    place = process.git(project, "rev-parse", "--show-prefix") if checkout else os.path.relpath(project)
    plain = Path(place or ".").as_posix().strip("/")
    plain = "" if plain == "." else plain
    if plain.startswith("..") or not re.fullmatch(r"[\w./+-]*", plain, re.ASCII):
        message = f"`package-dir` {plain!r} can't stand in a requirement: letters, digits and _ . - + / can."
        raise BadRepository(message, fix="Rename the folder, or set `route` to feed.")
    return plain


def _refuse_changes(projects: Sequence[Path], commit: str) -> None:
    """Raise UncommittedChanges when tracked files differ; untracked ones don't count: CI leaves reports behind."""
    changed = [process.git(each, "status", "--porcelain", "--untracked-files=no", "--", ".") for each in projects]
    if any(changed):
        message = f"Tracked files differ from commit {commit[:12]}, from which images would be built."
        raise UncommittedChanges(message, details="\n".join(filter(None, changed))[:2000])


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
        message = f"{repository.url} is a shallow clone itself, from which nobody can fetch what pip asks for."
        raise CommitIncomplete(message, fix="Name the repository that it was cloned from in `git-repository`.")
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        _fetch(Path(name), repository, token, "--depth=1", "--no-tags", "--filter=tree:0")


def _refused(response: requests.Response, repository: Repository) -> StepError:
    """Return what the answer to the first question means; see `scripts/rehearsal/git_host` for the hosts' ways."""
    status, content = response.status_code, response.headers.get("Content-Type", "")
    place = response.headers.get("Location", "").partition("?")[0].removesuffix("/info/refs")
    fix = f"Make {repository.permission}, store it as a secret, and pass it as `connection-token`."
    said = f"{repository.url} answered `connection-token` with {status}"
    if response.is_redirect and "_signin" not in place:
        message = f"{repository.url} has moved to {place[:200]}."
        return RepositoryNotFound(message, fix="Give the new address in `git-repository`, or set it as origin.")
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


def checkout(remote: Remote, token: Secret, into: Path) -> None:
    """Put the commit's files into the new folder `into` as pip will in the image: history, tags and submodules too.

    `token` isn't in there, nor known to what runs there later. Submodules are fetched without it: the image builder's
    credential is for this repository. Raises as `check` does, and CommitIncomplete.
    """
    repository = remote.repository
    into.mkdir(parents=True)
    # As pip clones (pip 25.1, `vcs/git.py`): version tools ask for tags and history.
    _fetch(into, repository, token, "--tags", "--filter=blob:none")
    finished = _git(into, token, repository, "checkout", "--quiet", repository.commit)
    if finished.status != 0:
        raise _failure(finished, repository)
    if (into / ".gitmodules").is_file():
        finished = _git(into, Secret(""), repository, "submodule", "update", "--init", "--recursive", "--quiet")
        if finished.status != 0:
            message = f"Commit {repository.commit[:12]} has submodules that can't be fetched without a token."
            raise CommitIncomplete(message, details=finished.tail())


def _fetch(into: Path, repository: Repository, token: Secret, *options: str) -> None:
    """Fetch the commit into a new repository at `into`; GitHub and Azure Repos give commits by their id.

    actions/checkout and azure-pipelines-agent (#2283) fetch so.
    """
    for command in (
        ("init", "--quiet", "--template="),
        ("remote", "add", "origin", repository.url),
        ("fetch", "--quiet", "--no-recurse-submodules", *options, "origin", repository.commit),
    ):
        finished = _git(into, token, repository, *command)
        if finished.status != 0:
            raise _failure(finished, repository)


def _git(folder: Path, token: Secret, repository: Repository, *arguments: str) -> process.Finished:
    command: list[str | Path] = ["git", "-C", folder, *arguments]
    try:
        return process.run(command, env=_environment(repository, token), seconds=SECONDS)
    except OSError:
        message = "There is no git on this machine."
        raise NoRepository(message, fix="Install git 2.31 or newer on the runner.") from None


def _environment(repository: Repository, token: Secret) -> dict[str, str]:
    """Return git's environment: settings by GIT_CONFIG_COUNT (git 2.31), which no other process sees as arguments."""
    basic = base64.b64encode(f"{http.USER}:{token.reveal()}".encode()).decode()
    settings = {
        "core.hooksPath": os.devnull,
        "http.followRedirects": "false",  # whoever it leads to shall not get the token
        "protocol.version": "2",
        "gc.auto": "0",
        "advice.detachedHead": "false",
        "core.autocrlf": "false",
    }
    if token:
        settings[f"http.https://{repository.host}/.extraHeader"] = f"Authorization: Basic {basic}"
    env = process.environment()
    ours = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "https",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "LC_ALL": "C",  # its words are read
    }
    for number, (key, value) in enumerate(settings.items()):
        ours |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    bundle = next(filter(None, map(env.get, ("GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))), "")
    return env | ours | ({"GIT_SSL_CAINFO": bundle} if bundle else {})


def _failure(finished: process.Finished, repository: Repository) -> StepError:
    """Return what a failure of git means, after the first question was answered."""
    said = finished.tail()
    if _TOO_OLD in said:
        message = "git asks for a user, although it was given the token."
        cause = "It is older than 2.31, or the host takes the token for some requests and not for others."
        return RepositoryRefused(message, cause=cause, fix="Install a newer git on the runner.", details=said)
    if re.search(r"Could not resolve|Failed to connect|Connection (refused|reset)", said):
        return NoNetwork(repository.host, said)
    if re.search(_MISSING, said):
        return CommitNotPushed(f"{repository.url} doesn't have commit {repository.commit}.", details=said)
    return RepositoryRefused(
        f"Fetching from {repository.url} failed.",
        cause="The way there broke, or the host has a fault.",
        fix="Run the step again; what stands above is all that git says.",
        details=said,
    )
