"""Code of others gets no token and changes nothing that the step trusts: neither in a build nor in an import."""

import hashlib
import json
import pathlib
import shutil
import socket
import sys
import time

import pytest
from amlwheel.transport import landlock
from rehearsed.steps import PROJECTS, Step
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
    told = {"loot": str(project / "loot"), "cache": str(step.scratch / "uv"), "port": port}
    told["places"] = [*host.values(), *map(str, places)]
    (project / "acme_hostile" / "attack.json").write_text(json.dumps(told))
    return project, {"GITHUB_ACTIONS": "true", **host}, places


@pytest.mark.network
@pytest.mark.skipif(not landlock.version(), reason="this machine has no Landlock, see SECURITY.md")
def test_a_hostile_build_and_import_get_nothing_and_change_nothing(watched: Step) -> None:
    """A daemon of the build looks for tokens; the build forges uv's cache; both it and the import write where they can.

    The forged page of uv's cache names a file that no index has.
    """
    project, host, places = hostile(watched)
    result = watched(package_dir=project, python_version=HERE, env=given(watched) | host)
    assert result.status == 0, result.output
    assert "imported acme_hostile" in result.told
    assert (project / "alive").is_file()  # the attack was made
    assert (project / "loot").read_text() == ""
    assert "HOSTILE" not in "".join(pathlib.Path(each).read_text() for each in list(host.values())[1:])
    assert [each for each in places if each.exists()] == []
    forged = hashlib.sha256((project / "forged.whl").read_bytes()).hexdigest()
    lock = result.files["requirements.lock"].decode()
    assert "six==1.17.0" in lock
    assert forged not in lock
    assert time.time() - (project / "alive").stat().st_mtime > 1  # it ended before the lock
    assert_kept(watched, result)
