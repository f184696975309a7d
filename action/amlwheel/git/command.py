"""Run git: its settings and its credential travel in the environment, and its failures get a name."""

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
# git's words for a host without the commit, or what the host says itself; all else is the way there, or a fault.
_MISSING = r"remote error: |not our ref|unadvertised object|couldn't find remote ref|not a tree"
_TOO_OLD = "could not read Username"


def fetch(into: Path, repository: Repository, token: Secret, *options: str) -> None:
    """Fetch the commit into a new repository at `into`; GitHub and Azure Repos give commits by their id.

    actions/checkout and azure-pipelines-agent (#2283) fetch so.
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
    """Run git in `folder` with `token` for the repository's host; raise NoRepository when there is no git."""
    command: list[str | Path] = ["git", "-C", folder, *arguments]
    try:
        return process.run(command, env=_environment(repository, token), seconds=SECONDS)
    except OSError:
        raise NoRepository("There is no git on this machine.", fix="Install git 2.31 or newer on the runner.") from None


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
    env = variables.for_tool()
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


def failure(finished: process.Finished, repository: Repository) -> StepError:
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
