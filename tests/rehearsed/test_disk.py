"""A full disk: a small file system, in a name space that needs no root, takes the place of the runner's."""

import dataclasses
import pathlib
import subprocess

import pytest
from rehearsed.steps import Step, refused, write_wheel

# `unshare` makes its caller root in a name space of its own, where the file system ends with the step.
ALONE = ("unshare", "--user", "--map-root-user", "--mount")
MOUNT = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'


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


def on(step: Step, disk: pathlib.Path, size: str) -> Step:
    """Return the step as it runs where `disk` has `size` bytes."""
    return dataclasses.replace(step, command=(*ALONE, "sh", "-c", MOUNT, "sh", size, disk, *step.command))


def test_a_disk_without_room_is_told_before_anything_is_written(
    step: Step, tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-large", "1.0", requires=["numpy"])
    small = on(step, disk, "20m")
    told = small(wheel=wheel, env={"TMPDIR": str(disk)})
    refused(
        told, 96, "The environment's packages (1 file from elsewhere, ", f" when they are installed, and {disk} has "
    )
    assert "Make room, or name two folders that have it in TMPDIR and UV_CACHE_DIR" in told.told
    room = step.folder("room")
    one = small(wheel=wheel, env={"TMPDIR": str(room), "UV_CACHE_DIR": str(room)})
    refused(one, 170, "Set UV_CACHE_DIR and TMPDIR to two folders, neither of which is inside the other")
    released = small(wheel=wheel, env={"TMPDIR": str(room), "UV_CACHE_DIR": str(step.folder("cache"))})
    assert released.status == 0, released.output
    assert [kind for _, kind in released.written] == ["upload", "connections", "environments"]


@pytest.mark.parametrize("where", ["build", "lock", "prove"])
def test_a_disk_that_becomes_full_is_told_wherever_it_happens(
    step: Step, features: pathlib.Path, tmp_path: pathlib.Path, disk: pathlib.Path, where: str
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-large", "1.0", requires=["numpy"])
    given, size, variable = {
        "build": (("--package-dir", features), "1m", "TMPDIR"),
        "lock": (("--wheel", wheel), "40k", "UV_CACHE_DIR"),
        "prove": (("--wheel", wheel), "36m", "TMPDIR"),  # numpy's wheel fits one and a half times
    }[where]
    result = on(step, disk, size)(*given, env={variable: str(disk)})
    refused(result, 96, "The disk became full while", "TMPDIR and UV_CACHE_DIR, and run the step again")
    assert f"failed {where}" in result.told.lower()
