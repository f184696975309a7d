"""The repositories that the hosts have: bare ones, in folders below `git`."""

import pathlib
import shutil
import subprocess
import urllib.parse

from ..state.store import Store
from .git import git_environment

_PUSHED = ("+HEAD:refs/heads/main", "+refs/tags/*:refs/tags/*")


def folder(store: Store, host: str, path: str) -> pathlib.Path:
    """Return where a repository lies, by its path on the host."""
    parts = [part for part in path.lower().split("/") if part]
    if {".", ".."} & set(parts):
        raise ValueError(path)
    return store.root / "git" / host / pathlib.Path(*parts)


def push(store: Store, checkout: pathlib.Path, url: str) -> None:
    """Push what is checked out in `checkout` to the repository at `url`, which is made if it isn't there.

    Its tags come along, from which many projects have their version. It is fetched in truth, since a push would run the
    checkout's hooks. ValueError for a clone without its history: no host holds such, and git 2.39 fetches from one
    without end as soon as something is filtered.
    """
    if _git("-C", str(checkout), "rev-parse", "--is-shallow-repository") == "true":
        raise ValueError(f"{checkout} is a clone without its history: run git fetch --unshallow there first")
    root = _git("-C", str(checkout), "rev-parse", "--show-toplevel")
    parts = urllib.parse.urlsplit(url)
    place = folder(store, parts.hostname or "", urllib.parse.unquote(parts.path))
    for command in (
        ["init", "--quiet", "--bare", "--initial-branch=main", str(place)],
        ["-C", str(place), "fetch", "--quiet", root, *_PUSHED],
    ):
        _git(*command)


def set_origin(checkout: pathlib.Path, url: str) -> None:
    """Let `checkout` look as if it had been cloned from `url`."""
    _git("-C", str(checkout), "remote", "add", "origin", url)


def _git(*arguments: str) -> str:
    command = [shutil.which("git") or "git", *arguments]
    return subprocess.run(command, env=git_environment(), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
