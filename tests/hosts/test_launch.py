"""launch.js, on machines with few, old, odd or no Pythons, and when the job is cancelled; on both Nodes."""

import json
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hosts import agent
from hosts.scenarios import ROOT
from hosts.test_finder import OLD, STORE
from vsix import node

BASE = Path(sys._base_executable)  # type: ignore[attr-defined]
ARCHITECTURE = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
TELL = """
import json, os, sys
print(json.dumps([os.path.realpath(sys.executable), sys.flags.utf8_mode, sys.flags.isolated, dict(os.environ)]))
print("##vso[task.complete result=Succeeded;]")
"""
WAIT = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
def end(number, frame):
    child.terminate()
    child.wait()
    os.write(1, b"##vso[task.complete result=Failed;]cancelled\\n")  # print isn't to be used in a handler
    os._exit(0)
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
print("pids", os.getpid(), child.pid, flush=True)
while True:
    time.sleep(0.1)
"""

pytestmark = pytest.mark.parametrize("major", [20, 24])


class Machine:
    """An agent's machine with nothing on PATH but what is put there, and a task whose bootstrap tells who runs it."""

    def __init__(self, place: Path) -> None:
        """Prepare the machine's folders below `place`."""
        self.path, self.task, self.tools = place / "usr bin", place / "task", place / "tools"
        self.path.mkdir()
        (self.task / "action").mkdir(parents=True)
        shutil.copy(ROOT / "action/launch.js", self.task / "action")
        shutil.copy(ROOT / "azure-pipelines-task.json", self.task / "task.json")
        self.bootstrap = self.task / "action/bootstrap.py"
        self.bootstrap.write_text(TELL)
        self.variables = {"Agent.ToolsDirectory": str(self.tools)}

    def has(self, program: Path, runs: Path | str = BASE) -> Path:
        """Put a Python there, or a shell command; return the interpreter that runs in the end."""
        program.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(runs, str):
            program.write_text(f"#!/bin/sh\n{runs}\n")
            program.chmod(0o755)
        else:
            program.symlink_to(runs)
        return program

    def cached(self, version: str, *, complete: bool = True) -> Path:
        """Put a Python into the tool cache."""
        place = self.tools / "Python" / version / ARCHITECTURE
        if complete:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.with_name(f"{ARCHITECTURE}.complete").touch()
        return self.has(place / "bin/python3", runs=f'exec "{BASE}" "$@" # {version}')

    def run(self, major: int, **variables: str) -> agent.Result:
        """Run the task."""
        job = agent.Job(self.task, self.task, self.task, {"PATH": str(self.path)}, {**self.variables, **variables})
        return agent.run(job, node.node(major), {"feed": "a/b", "workspace": "x"})


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_python_gets_the_environment_as_it_is(machine: Machine, major: int) -> None:
    machine.has(machine.path / "python3")
    result = machine.run(major)
    executable, utf8, isolated, environ = json.loads(result.raw.splitlines()[0])
    assert (Path(executable), utf8, isolated) == (BASE.resolve(), 1, 1)
    assert environ["INPUT_FEED"] == "a/b"
    assert "ENDPOINT_AUTH_SYSTEMVSSCONNECTION" in environ
    assert result.result == "Succeeded"


def witness(name: str) -> str:
    """Return a shell line that runs a Python and says who was asked."""
    return f'echo {name} >> "$0.asked"; exec "{BASE}" "$@"'


def test_the_order_is_the_users_then_the_tool_caches_then_paths(machine: Machine, major: int) -> None:
    location = machine.has(machine.tools.parent / "chosen/bin/python3", witness("chosen"))
    on_path = machine.has(machine.path / "python3", witness("path"))
    cached = [machine.cached(each) for each in ("3.9.13", "3.11.4", "3.12.1", "3.12.10", "3.15.0")]
    half = machine.cached("3.13.0", complete=False)
    for each in (*cached, half):
        each.write_text(f"#!/bin/sh\n{witness('cached')}\n")

    def asked() -> list[Path]:
        found = [each for each in (location, on_path, half, *cached) if each.with_name("python3.asked").exists()]
        for each in found:
            each.with_name("python3.asked").unlink()
        return found

    assert machine.run(major, pythonLocation=str(location.parent.parent)).result == "Succeeded"
    assert asked() == [location]
    assert machine.run(major).result == "Succeeded"
    assert asked() == [cached[3]]
    shutil.rmtree(machine.tools)
    assert machine.run(major).result == "Succeeded"
    assert on_path.with_name("python3.asked").exists()


def test_none_at_all(machine: Machine, major: int) -> None:
    machine.has(machine.path / "python3", STORE)
    result = machine.run(major)
    ((code, text),) = result.errors
    assert (result.result, result.status, code) == ("Failed", 0, "AW90")
    assert text.endswith('  - task: UsePythonVersion@0\n    inputs: {versionSpec: "3.12"}')


@pytest.mark.skipif(not OLD.exists(), reason="no Python 3.8 here")
def test_only_one_too_old(machine: Machine, major: int) -> None:
    machine.has(machine.path / "python3", OLD)
    machine.bootstrap.write_text((ROOT / "action/bootstrap.py").read_text("utf-8"), "utf-8")
    result = machine.run(major)
    ((code, text),) = result.errors
    assert (result.result, result.status, code) == ("Failed", 0, "AW90")
    assert text.startswith("amlwheel AW90: Python 3.10 or newer is needed, found 3.8.\n")
    assert "UsePythonVersion@0" in text


@pytest.mark.parametrize(
    ("code", "said"), [("import sys; sys.exit(3)", "status 3"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL")]
)
def test_a_child_that_dies_without_a_word_fails_the_task(machine: Machine, major: int, code: str, said: str) -> None:
    machine.has(machine.path / "python3")
    machine.bootstrap.write_text(code)
    result = machine.run(major)
    ((number, text),) = result.errors
    assert (result.result, result.status, number) == ("Failed", 0, "AW99")
    assert said in text


def test_cancelling_ends_the_children(machine: Machine, major: int) -> None:
    machine.has(machine.path / "python3")
    machine.bootstrap.write_text(WAIT)
    job = agent.Job(machine.task, machine.task, machine.task, {"PATH": str(machine.path)}, machine.variables)
    began = time.monotonic()
    result = agent.run(job, node.node(major), {"feed": "a/b"}, cancel=lambda raw: "pids" in raw)
    assert (result.result, result.status) == ("Canceled", 0)
    assert time.monotonic() - began < agent.SIGINT_SECONDS, "SIGINT was enough"
    pids = [int(word) for word in result.raw.splitlines()[0].split()[1:]]
    assert not [pid for pid in pids if agent.alive(pid)]


def test_signals_are_passed_on_one_by_one(machine: Machine, major: int) -> None:
    machine.has(machine.path / "python3")
    machine.bootstrap.write_text(WAIT)
    child = subprocess.Popen(
        [node.node(major), machine.task / "action/launch.js"],
        env={"PATH": str(machine.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    pids = [int(word) for word in child.stdout.readline().split()[1:]]
    child.send_signal(signal.SIGTERM)
    said, _ = child.communicate(timeout=10)
    assert said == "##vso[task.complete result=Failed;]cancelled\n"
    assert child.returncode == 0
    assert not [pid for pid in pids if agent.alive(pid)]


def test_a_child_that_a_signal_ends_is_a_cancelled_one(machine: Machine, major: int) -> None:
    """As the bootstrap is while it installs, which takes no care of signals."""
    machine.has(machine.path / "python3")
    machine.bootstrap.write_text("import time; print('pids', flush=True); time.sleep(120)")
    job = agent.Job(machine.task, machine.task, machine.task, {"PATH": str(machine.path)}, machine.variables)
    result = agent.run(job, node.node(major), {"feed": "a/b"}, cancel=lambda raw: "pids" in raw)
    assert (result.result, result.status, result.errors) == ("Canceled", 0, [])
    assert result.raw.endswith("##vso[task.complete result=Failed;]cancelled\n")
