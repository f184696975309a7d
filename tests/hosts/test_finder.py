"""The shell lines in action.yml that find a Python, on machines that have few, old, odd or no Pythons."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosts import runner
from hosts.scenarios import ROOT

BASE = Path(sys._base_executable)  # type: ignore[attr-defined]
OLD = Path.home() / ".pyenv/versions/3.8.18/bin/python3.8"
# Tells which Python has started it, and as what.
BOOTSTRAP = "import os, sys; print(os.environ['SHIM'], sys.argv[0]); sys.exit(7)"
STORE = "echo 'Python was not found; run without arguments to install from the Microsoft Store' >&2; exit 49"


class Machine:
    """A machine with nothing on PATH but what is put there."""

    def __init__(self, place: Path) -> None:
        """Prepare the machine's folders below `place`."""
        self.path = place / "usr bin"
        self.action = place / "the action"
        self.path.mkdir()
        (self.action / "action").mkdir(parents=True)
        (self.action / "action/bootstrap.py").write_text(BOOTSTRAP)
        (self.action / "action.yml").write_text((ROOT / "action.yml").read_text("utf-8"), "utf-8")
        self.env = {"PATH": str(self.path)}

    def has(self, name: str, runs: Path | str = BASE, folder: Path | None = None) -> None:
        """Put a program on PATH, or into a folder: a Python, or another shell command."""
        program = (folder or self.path) / name
        program.parent.mkdir(parents=True, exist_ok=True)
        command = runs if isinstance(runs, str) else f'SHIM="$0" exec "{runs}" "$@"'
        program.write_text(f"#!/bin/sh\n{command}\n")
        program.chmod(0o755)

    def run(self) -> runner.Result:
        """Run the Action."""
        return runner.run(runner.Place(self.action, self.action, self.path.parent, self.env), {})

    def finds(self, name: str, folder: Path | None = None) -> bool:
        """Tell whether the Action starts the bootstrap with that Python."""
        result = self.run()
        assert result.status == 7, result.raw
        return result.raw == f"{(folder or self.path) / name} {self.action}/action/bootstrap.py\n"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def old() -> Path:
    """Return a real Python that is too old."""
    if not OLD.exists():
        pytest.skip("no Python 3.8 here")
    return OLD


@pytest.mark.parametrize("name", ["python3", "python", "python3.13", "python3.10"])
def test_one_python_whatever_its_name(machine: Machine, name: str) -> None:
    machine.has(name)
    assert machine.finds(name)


def test_the_one_on_path_goes_before_the_systems_own(machine: Machine) -> None:
    machine.has("python")
    machine.has("python3")
    machine.env["pythonLocation"] = ""
    assert machine.finds("python3")


def test_setup_pythons_goes_first(machine: Machine, tmp_path: Path) -> None:
    location = tmp_path / "tool cache"
    machine.has("python3")
    machine.has("bin/python3", folder=location)
    machine.env["pythonLocation"] = str(location)
    assert machine.finds("bin/python3", location)


def test_a_location_without_bin_as_on_windows(machine: Machine, tmp_path: Path) -> None:
    machine.has("python")
    machine.env["pythonLocation"] = str(tmp_path)
    assert machine.finds("python")


def test_the_stores_stand_in_is_no_python(machine: Machine) -> None:
    machine.has("python3", STORE)
    machine.has("python")
    assert machine.finds("python")


def test_a_newer_one_beside_one_too_old(machine: Machine, old: Path) -> None:
    machine.has("python3", old)
    machine.has("python", old)
    machine.has("python3.12")
    assert machine.finds("python3.12")


def test_only_one_too_old(machine: Machine, old: Path) -> None:
    machine.has("python3", old)
    (machine.action / "action/bootstrap.py").write_text((ROOT / "action/bootstrap.py").read_text("utf-8"), "utf-8")
    (machine.action / "action/locks").mkdir()
    result = machine.run()
    assert result.status == 90
    ((title, message),) = result.log.annotations()
    assert "AW90" in title
    assert message.startswith("Python 3.10 or newer is needed, found 3.8.\n")
    assert "actions/setup-python@" in message


@pytest.mark.parametrize("leftover", [None, STORE])
def test_none_at_all(machine: Machine, leftover: str | None) -> None:
    if leftover:
        machine.has("python3", leftover)
    result = machine.run()
    assert result.status == 90
    ((title, message),) = result.log.annotations()
    assert "AW90" in title
    assert "actions/setup-python" in message
    assert result.summary.startswith("## Failed: AW90 There is no Python on PATH.")
    assert set(result.outputs.values()) == {""}


def scripts() -> list[str]:
    steps: list[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"]
    return [step["run"] for step in steps]


@pytest.mark.parametrize("script", scripts())
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [shellcheck, "--shell=bash", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
