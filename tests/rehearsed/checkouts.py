"""A checkout of two small projects, and the release of its commit."""

import pathlib
import shutil
import subprocess
import sys
from typing import Any

from rehearsal.command.projects import commit
from rehearsal.git_host.git import git_environment
from rehearsal.state.names import CODE_TOKEN
from rehearsed.steps import Result, Step

HERE = ".".join(map(str, sys.version_info[:2]))
"""The Python that is surely on this machine: a proof imports with it."""
PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-geese"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["six>=1.10"]

[tool.setuptools]
py-modules = ["acme_geese"]
"""
BELOW = "packages/geese"
FLOCK = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-flock"
version = "2.0"
dependencies = ["acme-geese>=1"]

[tool.setuptools]
py-modules = ["acme_flock"]
"""


def make(folder: pathlib.Path) -> pathlib.Path:
    """Return a checkout with two projects in folders below its root, one needing the other; it has no remote."""
    source = folder / "source" / BELOW
    source.mkdir(parents=True)
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "acme_geese.py").write_text("import six\n")
    (source.parent / "flock").mkdir()
    (source.parent / "flock" / "pyproject.toml").write_text(FLOCK)
    (source.parent / "flock" / "acme_flock.py").write_text("import acme_geese\n")
    return commit(folder / "source", folder / "checkout")


def release(step: Step, checkout: pathlib.Path, token: str = CODE_TOKEN, **given: Any) -> Result:  # noqa: ANN401
    """Release the commit of `checkout`."""
    env = {"AMLWHEEL_FEED_TOKEN": "", "AMLWHEEL_CONNECTION_TOKEN": token, **given.pop("env", {})}
    given = {"feed": "", "route": "git", "package_dir": checkout / BELOW, "python_version": HERE, **given}
    return step(env=env, **given)


def git(checkout: pathlib.Path, *words: str) -> str:
    """Run git there, and return what it says."""
    command = [shutil.which("git") or "git", "-C", str(checkout), *words]
    done = subprocess.run(command, env=git_environment(), check=True, capture_output=True)
    return done.stdout.decode().strip()
