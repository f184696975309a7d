"""Questions to tools of this machine (git about a checkout, uv about a Python), and what a tool's failure means."""

import re
from collections.abc import Callable
from pathlib import Path

from ..errors.base import NoNetwork, StepError
from . import process, variables
from .sandbox import Sandbox


def check(finished: process.Finished, error: Callable[..., StepError], what: str) -> None:
    """Return if the tool succeeded; else raise NoNetwork if it couldn't reach a host, or `error` saying `what`.

    Both have the tool's last lines as their details.
    """
    if finished.status == 0:
        return
    host = unreachable(finished.output)
    if host:
        raise NoNetwork(host, finished.tail())
    raise error(what, details=finished.tail())


def unreachable(output: str) -> str:
    """Return the host that a tool couldn't reach, read from its output; empty when it failed for another reason."""
    pattern = r"error sending request|dns error|connection refused|tunnel error|timed out|network is unreachable"
    if not re.search(pattern, output, re.IGNORECASE):
        return ""
    host = re.search(r"https?://(?:[^/\s`@]*@)?([^/\s`:)]+)", output)
    return host[1] if host else "the package index"


def git(folder: Path, *arguments: str) -> str:
    """Return git's answer about the repository around `folder`; empty when git fails or isn't installed.

    A runner's checkout often belongs to another user, and git refuses to read such a repository (`safe.directory`).
    Here it is the user's own project all the same. The repository's settings may name programs, and a build could have
    written them.
    """
    settings = ("-c", "safe.directory=*", "-c", "log.showSignature=false")
    command: list[str | Path] = ["git", *settings, "-C", folder, *arguments]
    try:
        room = Sandbox((folder,), alone=True)
        finished = process.run(command, env=variables.for_tool(build=True), seconds=60, errors=False, sandbox=room)
    except OSError:
        return ""
    return finished.output.strip() if finished.status == 0 else ""


def changes(folder: Path) -> str:
    """Return the tracked files in `folder` that differ from the commit, as `git status` lists them; empty without any.

    Untracked files don't count, nor those in a submodule: CI leaves caches and reports behind.
    """
    untracked = ("--untracked-files=no", "--ignore-submodules=untracked")
    return git(folder, "status", "--porcelain", *untracked, "--", ".")


def committed(folder: Path, commit: str = "HEAD") -> str:
    """Return when a commit of the repository around `folder` was made, in seconds; empty when git can't say."""
    time = git(folder, "log", "-1", "--format=%ct", commit)
    return time if time.isdecimal() else ""


def find_python(version: str) -> str:
    """Return the path of a Python on this machine that fits `version`, found by uv; empty when there is none.

    `version` is one version or a range of versions, such as `3.12` or `>=3.10,<3.14`.
    """
    command = ["uv", "python", "find", "--no-config", "--no-project", "--system", version]
    path = process.run(command, env=variables.for_tool(), seconds=60, errors=False).output.strip()
    return path if Path(path).is_file() else ""
