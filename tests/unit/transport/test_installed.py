"""What the step runs from is as it was before code of others ran, or the run ends."""

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bootstrap
import pytest
from amlwheel.errors.foreign import ToolsChanged
from amlwheel.transport import installed
from amlwheel.transport.installed import freeze, look
from unit.parts import ROOT


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an environment of a few files, which is the step's; the interpreter is the real one."""
    place = tmp_path / "py3.11-key-random"
    site = place / "lib/python3.11/site-packages/twine"
    (site / "__pycache__").mkdir(parents=True)
    (site / "__init__.py").write_text("one = 1\n")
    (place / "bin").mkdir()
    (place / "bin" / "uv").write_text("uv\n")
    bootstrap.publish(place, place.parent / "py3.11-key.ready")
    monkeypatch.setattr(sys, "prefix", str(place))
    monkeypatch.setattr(installed, "look", look)
    monkeypatch.setattr(installed, "_others", set())
    return place


def same_size_and_time(path: Path) -> None:
    old = path.stat()
    path.write_text("two = 2\n")
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def replaced(path: Path) -> None:
    path.unlink()
    path.write_text("one = 1\n")


CHANGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("lib/python3.11/site-packages/evil.pth", lambda path: path.write_text("import evil\n"), "site-packages/evil.pth"),
    ("lib/python3.11/site-packages/twine/__init__.py", same_size_and_time, "site-packages/twine/__init__.py"),
    ("lib/python3.11/site-packages/twine/__init__.py", replaced, "site-packages/twine/__init__.py"),
    ("lib/python3.11/site-packages/twine/__init__.py", Path.unlink, "site-packages/twine/__init__.py"),
    ("bin/uv", lambda path: path.write_text("#!/bin/sh\n"), "bin/uv"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="files have no time of change there")
@pytest.mark.parametrize(("name", "change", "told"), CHANGES)
def test_whatever_is_changed_is_found_and_the_environment_made_anew(
    environment: Path, name: str, change: Callable[[Path], object], told: str
) -> None:
    before = look()
    installed.check(before)
    change(environment / name)
    pointer = environment.parent / "py3.11-key.ready"
    assert bootstrap.follow(pointer) is None or pointer.exists()
    with pytest.raises(ToolsChanged, match=f"were changed: .*{told}") as caught:
        installed.check(before)
    assert "build-then-release.yml" in caught.value.fix
    assert not pointer.exists()


def test_bytecode_is_no_change_since_nothing_reads_it(environment: Path) -> None:
    before = look()
    (environment / "bytecode").mkdir()
    for folder in (environment / "bytecode", environment / "lib/python3.11/site-packages/twine/__pycache__"):
        (folder / "x.pyc").write_bytes(b"evil")
    installed.check(before)


def test_azureml_cores_environment_the_code_of_the_step_and_the_interpreter_count(
    environment: Path, tmp_path: Path
) -> None:
    other = tmp_path / "azureml"
    other.mkdir()
    for number in range(7):
        (other / f"{number}.py").touch()
    installed.add(other)
    before = look()
    assert {str(other / "0.py"), str(environment / "bin/uv"), str(ROOT / "action/bootstrap.py")} <= before.keys()
    assert {str(Path(sys.executable).resolve()), str(Path(sysconfig.get_path("stdlib"), "os.py"))} <= before.keys()
    assert not [path for path in before if path.endswith(".pyc")]
    for path in other.iterdir():
        path.unlink()
    other.rmdir()
    with pytest.raises(ToolsChanged, match=r"azureml/0\.py, .*/4\.py and 2 more\."):
        installed.check(before)


def test_packages_are_copied_and_not_linked_to_a_cache_that_builds_write() -> None:
    assert "--link-mode=copy" in bootstrap.UV_INSTALL


STEPS = [f"templates/azure-pipelines/{each}-steps.yml" for each in ("release", "consume")]


@pytest.mark.parametrize("name", ["action.yml", "action/consume/action.yml", *STEPS])
def test_no_shell_reads_on_in_the_script_that_started_the_step(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    (starts,) = (line for line in lines if re.search(r"\S+ \"\$\S*bootstrap\.py", line))
    assert starts.rpartition("inlineScript:")[2].split()[0] == "exec"


def test_bytecode_of_others_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "bytecode").mkdir()
    assert installed.bytecode(tmp_path) == ["-X", f"pycache_prefix={tmp_path / 'bytecode'}"]
    freeze()
    options = installed.bytecode(tmp_path)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import seen; print(seen.value, seen.__cached__)"
    (tmp_path / "seen.py").write_text("value = 7\n")
    told = subprocess.run(
        [sys.executable, *options, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert told.stdout.startswith(f"7 {os.devnull}/")
    assert sys.dont_write_bytecode


@pytest.mark.skipif(sys.platform == "win32", reason="there the second run writes it")
def test_after_a_first_run_bytecode_is_written_and_nobody_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "loaded.py"
    source.write_text("value = 7\n")
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    loaded = {"loaded": SimpleNamespace(__file__=str(source)), "builtin": SimpleNamespace()}
    installed.compile_later(loaded)
    assert not (tmp_path / "bytecode").exists()  # no environment of bootstrap.py
    cache = tmp_path / "bytecode"
    cache.mkdir()
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*given: Any, **more: Any) -> None:  # noqa: ANN401  # passed on
        started.append(popen(*given, **more))

    monkeypatch.setattr(subprocess, "Popen", start)
    installed.compile_later(loaded)
    assert started.pop().wait(10) == 0
    (written,) = cache.rglob("loaded.*.pyc")
    assert str(written).startswith(str(cache))
    installed.compile_later(loaded)
    assert started == []  # it is there
