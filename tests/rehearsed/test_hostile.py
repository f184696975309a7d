"""Code of others gets no token and changes nothing that the step trusts: neither in a build nor in an import."""

import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile

import pytest
from amlwheel.transport import landlock
from rehearsed.steps import PROJECTS, ROOT, Result, Step
from rehearsed.test_secrets import HERE, assert_kept, given, watched

__all__ = ["watched"]
HOST_FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")


def hostile(step: Step) -> tuple[pathlib.Path, dict[str, str], list[pathlib.Path]]:
    """Return a project that attacks the step, GitHub's files, and the other places that it tries to write."""
    project = step.scratch / "project"
    shutil.copytree(PROJECTS / "hostile", project)
    host = {name: str(step.folder("commands") / name) for name in HOST_FILES}
    for each in host.values():
        pathlib.Path(each).touch()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mine = step.scratch / "action"
    places = [
        mine / "amlwheel" / "hostile.py",
        pathlib.Path(sys.prefix) / f"hostile-{port}.pth",
        step.scratch / "uv" / "hostile",
    ]
    told: dict[str, object] = {"look": [str(step.scratch), "/dev/shm"]}  # noqa: S108  # it is only read
    told |= {"loot": str(project / "loot"), "cache": str(step.scratch / "uv"), "port": port}
    told["places"] = [*host.values(), *map(str, places)]
    (project / "acme_hostile" / "attack.json").write_text(json.dumps(told))
    return project, {"GITHUB_ACTIONS": "true", **host}, places


NO_LANDLOCK = pytest.mark.skipif(not landlock.version(), reason="this machine has no Landlock, see SECURITY.md")


@pytest.mark.network
@NO_LANDLOCK
def test_a_hostile_build_and_import_get_nothing_and_change_nothing(watched: Step) -> None:
    """A daemon of the build looks for tokens; the build forges uv's cache; both it and the import write where they can.

    The forged page of uv's cache names a file that no index has. Debug lines are on.
    """
    project, host, places = hostile(watched)
    check(watched, watched(package_dir=project, python_version=HERE, env=given(watched) | host), project, host)
    assert [each for each in places if each.exists()] == []


@pytest.mark.network
@pytest.mark.long
@pytest.mark.enable_socket
@NO_LANDLOCK
@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="no root, so that the test above runs without rights")
def test_neither_if_all_of_it_runs_as_a_user_without_rights(watched: Step) -> None:
    """The whole step is one user's, whose build reads /proc, environments, arguments and files of that user.

    The user has a Python and an installation of the step of its own, since those of the tests are root's.
    """
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if not python or subprocess.run([python, "-c", CAPABLE], check=False).returncode:
        pytest.skip("no Python 3.10 or newer for all users, with venv")
    # The step's bytecode may still be written there (`installed.compile_later`).
    with tempfile.TemporaryDirectory(prefix="amlwheel-", ignore_cleanup_errors=True) as made:
        step = lowered(watched, pathlib.Path(made), python)
        project, host, _ = hostile(step)
        for folder in ("work", "out", "temp"):
            step.folder(folder)
        trust = shutil.copy(step.world.ca_bundle, made)
        variables = {name: trust for name, value in step.environment().items() if value == str(step.world.ca_bundle)}
        for each in (step.scratch.parent, *step.scratch.parent.rglob("*")):
            os.chown(each, NOBODY, NOBODY)
        version = subprocess.run([python, "-c", VERSION], check=True, capture_output=True, text=True).stdout.strip()
        result = step(package_dir=project, python_version=version, env=given(step) | host | variables)
        assert step.folder("out").stat().st_uid == NOBODY
        check(step, result, project, host)


NOBODY = 65534
CAPABLE = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))"
VERSION = "import sys; print(*sys.version_info[:2], sep='.')"


def lowered(step: Step, place: pathlib.Path, python: str) -> Step:
    """Return the step as it runs as a user without rights, from below ``place``."""
    place.chmod(0o755)  # others pass
    shutil.copytree(ROOT / "action", place / "action", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "bin").mkdir()
    shutil.copy(pathlib.Path(sysconfig.get_path("scripts"), "uv"), place / "bin")
    (place / "scratch").mkdir()
    caches = {"XDG_CACHE_HOME": str(place / "cache"), "UV_CACHE_DIR": str(place / "scratch" / "uv")}
    caches["PATH"] = f"{place / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    user = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs")
    command = (*user, python, "-B", place / "action" / "bootstrap.py")
    return dataclasses.replace(step, scratch=place / "scratch", caches=caches, command=command)


def check(step: Step, result: Result, project: pathlib.Path, host: dict[str, str]) -> None:
    """Assert that the attack was made, and got and changed nothing."""
    assert result.status == 0, result.output
    assert "imported acme_hostile" in result.told
    assert re.search(r"^::debug::\$ uv pip compile ", result.output, re.MULTILINE)
    assert (project / "alive").is_file()  # the attack was made
    assert (project / "loot").read_text() == ""
    assert "HOSTILE" not in "".join(pathlib.Path(each).read_text() for each in list(host.values())[1:])
    forged = hashlib.sha256((project / "forged.whl").read_bytes()).hexdigest()
    lock = result.files["requirements.lock"].decode()
    assert "six==1.17.0" in lock
    assert forged not in lock
    emitted = step.folder("out") / "requirements.lock"
    assert (project / "alive").stat().st_mtime < emitted.stat().st_mtime  # it has ended, or it would write on
    assert_kept(step, result)
