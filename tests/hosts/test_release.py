"""A release of amlwheel itself, made in a copy: no placeholder is left, and what it ships runs on both hosts."""

import os
import shutil
import subprocess
from pathlib import Path

import amlwheel
import pytest
from amlwheel.inputs.readers import DEFAULT_IMAGE
from hosts.scenarios import ROOT
from unit.test_defaults import day

pytestmark = [pytest.mark.network, pytest.mark.long]
HOSTS = [f"tests/hosts/test_{name}.py" for name in ("templates", "pipelines", "github")]


def run(*command: str | Path) -> str:
    """Run a program; return what it says, once it has ended with status 0."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "GIT_"))}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout


def test_a_release_leaves_no_placeholder_and_works(tmp_path: Path) -> None:
    """`scripts/release` runs the manifests' checks itself, and makes nothing if one fails."""
    git, copy = shutil.which("git") or "git", tmp_path / "amlwheel"
    run(git, "clone", "--quiet", ROOT, copy)
    major, minor, _ = amlwheel.__version__.split(".")
    version = f"{major}.{int(minor) + 1}.0"
    date = day(DEFAULT_IMAGE.rpartition(":")[2])  # of the default image: on that day no default is too old
    words = (copy / "scripts/release", version, "--owner", "acme-ml", "--publisher", "acme", "--date", date)
    before = run(git, "-C", copy, "rev-parse", "HEAD")
    assert "A dry run: nothing was changed" in run(*words)
    assert run(git, "-C", copy, "rev-parse", "HEAD") == before
    assert not run(git, "-C", copy, "status", "--porcelain")

    assert f"git tag --sign v{version}" in run(*words, "--write")
    release, named = run(git, "-C", copy, "log", "-2", "--reverse", "--format=%H %s").splitlines()
    assert (release[41:], named[41:]) == (f"Release {version}", f"Templates and pages pin {version}")
    pinned = f"uses: acme-ml/amlwheel@{release[:40]} # v{version}\n"
    assert pinned in (copy / "templates/github/release.yml").read_text("utf-8")
    assert "OWNER/amlwheel" not in run(git, "-C", copy, "grep", "-hI", "/amlwheel", "--", ":!tests", ":!scripts")
    assert run(copy / "scripts/release", version, "--notes").lstrip().startswith("#")
    print(run(copy / "scripts/test", "pytest", "-q", "-n", "2", *HOSTS)[-300:])
