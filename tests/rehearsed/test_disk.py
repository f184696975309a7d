"""A full disk: a small file system, in a name space that needs no root, takes the place of the runner's."""

import dataclasses
import pathlib
import subprocess

import pytest
from rehearsed.steps import Step, refused, write_wheel

# `unshare` makes its caller root in a name space of its own, where the file system ends with the step.
ALONE = ("unshare", "--user", "--map-root-user", "--mount")
# The step's packages stay where they are: a small disk has no room for them. Temporary files lie beside the links.
MOUNT = """
mount -t tmpfs -o size="$1" none "$2" && mkdir "$2/amlwheel" && ln -s "$XDG_CACHE_HOME"/amlwheel/* "$2/amlwheel" || exit
test "$3" = UV_CACHE_DIR || export XDG_CACHE_HOME="$2"
shift 3 && exec "$@"
"""


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> pathlib.Path:
    """Return the folder that will be a small disk; skip where the system lets nobody mount one."""
    probe = [*ALONE, "mount", "-t", "tmpfs", "none", str(tmp_path)]
    try:
        done = subprocess.run(probe, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("unshare is Linux's own")
    if done.returncode:
        pytest.skip(f"this system has no name spaces for users: {done.stderr.strip()}")
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def on(step: Step, disk: pathlib.Path, size: str, variable: str = "XDG_CACHE_HOME") -> Step:
    """Return the step as it runs where `disk` has `size` bytes, and `variable` names it."""
    return dataclasses.replace(step, command=(*ALONE, "sh", "-c", MOUNT, "sh", size, disk, variable, *step.command))


def test_a_disk_without_room_is_told_before_anything_is_written(
    step: Step, tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-large", "1.0", requires=["numpy"])
    small = on(step, disk, "20m")
    told = small(wheel=wheel)
    refused(told, 96, "The environment's packages (1 file from elsewhere, ", f" when they are installed, and {disk}")
    assert "Make room, or name a folder that has it in UV_CACHE_DIR and (on a command line) XDG_CACHE_HOME" in told.told
    one = small(wheel=wheel, env={"UV_CACHE_DIR": str(disk)})
    refused(one, 170, "Set UV_CACHE_DIR to a folder that holds nothing of the step's")
    released = step(wheel=wheel, env={"UV_CACHE_DIR": str(step.folder("cache"))})
    assert released.status == 0, released.output
    assert [kind for _, kind in released.written] == ["upload", "connections", "environments"]


@pytest.mark.parametrize("where", ["build", "lock", "prove"])
def test_a_disk_that_becomes_full_is_told_wherever_it_happens(
    step: Step, features: pathlib.Path, tmp_path: pathlib.Path, disk: pathlib.Path, where: str
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-large", "1.0", requires=["numpy"])
    given, size, variable = {
        "build": (("--package-dir", features), "1m", "XDG_CACHE_HOME"),
        "lock": (("--wheel", wheel), "40k", "UV_CACHE_DIR"),
        "prove": (("--wheel", wheel), "36m", "XDG_CACHE_HOME"),  # numpy's wheel fits one and a half times
    }[where]
    result = on(step, disk, size, variable)(*given, env={"UV_CACHE_DIR": str(disk)} if where == "lock" else {})
    refused(result, 96, "The disk became full while", "XDG_CACHE_HOME, and run the step again")
    assert f"failed {where}" in result.told.lower()
