"""Run git with its settings and its credential in the environment, and turn its failures into errors of the step."""

import base64
import os
import re
from pathlib import Path

from ..errors.base import NoNetwork, StepError
from ..errors.git import CommitNotPushed, NoRepository, RepositoryRefused
from ..model.repository import Repository
from ..model.secret import Secret
from ..transport import http, process, variables

SECONDS = 1200.0
# git's words, and the hosts' own, for a missing commit. Any other failure is one of the network or of the host.
_MISSING = r"remote error: |not our ref|unadvertised object|couldn't find remote ref|not a tree"
_TOO_OLD = "could not read Username"


def fetch(into: Path, repository: Repository, token: Secret, *options: str) -> None:
    """Fetch the commit by its id into a new repository at `into`; git gets `options` too.

    GitHub and Azure Repos allow that; actions/checkout and azure-pipelines-agent (#2283) fetch so. Raises as `failure`
    says, and NoRepository when there is no git.
    """
    for command in (
        ("init", "--quiet", "--template="),
        ("remote", "add", "origin", repository.url),
        ("fetch", "--quiet", "--no-recurse-submodules", *options, "origin", repository.commit),
    ):
        finished = git(into, token, repository, *command)
        if finished.status != 0:
            raise failure(finished, repository)


def git(folder: Path, token: Secret, repository: Repository, *arguments: str) -> process.Finished:
    """Run git in `folder`, with `token` for the repository's host; raise NoRepository when there is no git."""
    command: list[str | Path] = ["git", "-C", folder, *arguments]
    try:
        return process.run(command, env=_environment(repository, token), seconds=SECONDS)
    except OSError:
        raise NoRepository("There is no git on this machine.", fix="Install git 2.31 or newer on the runner.") from None


def _environment(repository: Repository, token: Secret) -> dict[str, str]:
    """Return git's environment, with settings by GIT_CONFIG_COUNT (git 2.31): other processes can't read them there."""
    basic = base64.b64encode(f"{http.USER}:{token.reveal()}".encode()).decode()
    settings = {
        "core.hooksPath": os.devnull,
        "http.followRedirects": "false",  # else another host would get the token
        "protocol.version": "2",
        "http.lowSpeedLimit": "10",  # bytes a second, for so many seconds: a host that says nothing more
        "http.lowSpeedTime": "40",
        "gc.auto": "0",
        "advice.detachedHead": "false",
        "core.autocrlf": "false",
    }
    if token:
        settings[f"http.https://{repository.host}/.extraHeader"] = f"Authorization: Basic {basic}"
    env = variables.for_tool()
    ours = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "https",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "LC_ALL": "C",  # `failure` reads git's words
        **dict.fromkeys(("HOME", "USERPROFILE"), os.devnull),  # where git's curl looks for a netrc
    }
    for number, (key, value) in enumerate(settings.items()):
        ours |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    bundle = next(filter(None, map(env.get, ("GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"))), "")
    return env | ours | ({"GIT_SSL_CAINFO": bundle} if bundle else {})


def failure(finished: process.Finished, repository: Repository) -> StepError:
    """Return the error for a failed git command: RepositoryRefused, NoNetwork or CommitNotPushed.

    It holds for a host that has already answered the question of `remote.check`.
    """
    tail = finished.tail()
    if _TOO_OLD in tail:
        return RepositoryRefused(
            "git asks for a user name, although it has the token.",
            cause="git is older than 2.31, or the host accepts the token for some requests and not for others.",
            fix="Install a newer git on the runner.",
            details=tail,
        )
    if re.search(r"Could not resolve|Failed to connect|Connection (refused|reset)", tail):
        return NoNetwork(repository.host, tail)
    if re.search(_MISSING, tail):
        return CommitNotPushed(f"{repository.url} doesn't have commit {repository.commit}.", details=tail)
    return RepositoryRefused(
        f"Fetching from {repository.url} failed.",
        cause="The connection broke, or the host is failing.",
        fix="Run the step again; the lines above are all that git says.",
        details=tail,
    )
