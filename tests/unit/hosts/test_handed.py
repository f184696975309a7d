"""What the step hands to GitHub's runner through files is what the step wrote, and nothing of others."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from amlwheel.errors.foreign import HostFilesChanged
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.handed import FOLDER
from amlwheel.hosts.terminal import Terminal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the runner's folder, with files of the step and of an Action around it."""
    place = tmp_path / FOLDER
    place.mkdir()
    for name in ("set_env_1", "set_output_1", "set_env_0"):
        (place / name).touch()
    (place / "set_env_0").write_text("THEIRS=1\n")
    return place


@pytest.fixture
def host(folder: Path) -> GitHub:
    named = {"GITHUB_ENV": "set_env_1", "GITHUB_OUTPUT": "set_output_1", "GITHUB_PATH": "not_there"}
    return GitHub({name: str(folder / path) for name, path in named.items()} | {"GITHUB_STATE": ""})


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(folder.iterdir())}


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / "precious")


def stuck(path: Path) -> None:
    path.unlink()
    path.mkdir()


ATTACKS: dict[str, Callable[[Path], object]] = {
    "set_output_1": lambda path: path.write_text("wheel-sha256=0\n"),
    "set_env_1": lambda path: path.write_text("BASH_ENV=/evil\n"),
    "set_env_0": lambda path: path.write_text("THEIRS=2\n"),
    "not_there": lambda path: path.write_text("/evil\n"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_others_write_is_told_and_taken_out_again(host: GitHub, folder: Path, name: str) -> None:
    host.outputs({"wheel": "ours"})
    before = contents(folder)
    ATTACKS[name](folder / name)
    with pytest.raises(HostFilesChanged, match=f"wrote to {name}, from which"):
        host.check_files()
    assert contents(folder) == before
    host.check_files()
    host.outputs({"more": "ours"})
    host.check_files()
    assert "ours" in contents(folder)["set_output_1"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
@pytest.mark.parametrize("attack", [pipe, link, stuck, Path.unlink])
def test_a_file_that_became_something_else_is_put_back(
    host: GitHub, folder: Path, attack: Callable[[Path], object]
) -> None:
    precious = folder.parent / "precious"
    precious.write_text("THEIRS=1\n")
    attack(folder / "set_env_0")
    with pytest.raises(HostFilesChanged, match="set_env_0"):
        host.outputs({"wheel": "ours"})
    assert precious.read_text() == "THEIRS=1\n"
    assert attack is stuck or contents(folder) == {"set_env_0": "THEIRS=1\n", "set_env_1": "", "set_output_1": ""}


def test_the_files_are_checked_however_the_step_ends(host: GitHub, folder: Path) -> None:
    (folder / "set_env_1").write_text("PATH=/evil\n")
    with pytest.raises(HostFilesChanged), host.ours():
        raise KeyboardInterrupt
    with Terminal({}).ours():
        pass


def test_where_files_lie_elsewhere_only_the_named_ones_count(tmp_path: Path) -> None:
    (tmp_path / "another").touch()
    host = GitHub({"GITHUB_OUTPUT": str(tmp_path / "out")})
    (tmp_path / "another").write_text("of somebody\n")
    host.check_files()
    host.outputs({"wheel": "ours"})
    assert "ours" in (tmp_path / "out").read_text()
