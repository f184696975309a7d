"""The same commit gives the same wheel, byte for byte, wherever, whenever and under whichever umask it is built."""

import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

import pytest
from amlwheel.build import wheel
from rehearsal.command.projects import commit
from rehearsed.steps import PROJECTS, sha256

BACKENDS = sorted(path.name for path in (PROJECTS / "backends").iterdir())
# A child: its umask is its own, and so is its working directory.
BUILD = "import os, sys, pathlib; os.umask(int(sys.argv[1], 8)); from amlwheel.build import project; \
print(project.build([sys.argv[2]], pathlib.Path(sys.argv[3]), lambda line: None)[0])"

C_PROJECT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-speedups"
version = "0.1.0"

[tool.setuptools]
packages = ["acme_speedups"]
ext-modules = [{name = "acme_speedups._sum", sources = ["acme_speedups/_sum.c"]}]
""",
    "acme_speedups/__init__.py": "from acme_speedups._sum import add\n",
    "acme_speedups/_sum.c": """\
#define PY_SSIZE_T_CLEAN
#include <Python.h>
static PyObject *add(PyObject *self, PyObject *args) {
    long a, b;
    if (!PyArg_ParseTuple(args, "ll", &a, &b)) return NULL;
    return PyLong_FromLong(a + b);
}
static PyMethodDef methods[] = {{"add", add, METH_VARARGS, "Add."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_sum", __FILE__, -1, methods};
PyMODINIT_FUNC PyInit__sum(void) { return PyModule_Create(&module); }
""",
}


def checkout(project: pathlib.Path, place: pathlib.Path, *, years_ago: int, mode: int) -> pathlib.Path:
    """Copy a project as its one commit, with other file dates and modes than any other checkout."""
    commit(project, place)
    moment = time.time() - years_ago * 365 * 24 * 3600
    for path in place.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            path.chmod(mode)
        os.utime(path, (moment, moment))
    return place


def build(project: pathlib.Path, into: pathlib.Path, umask: int, caches: dict[str, str]) -> pathlib.Path:
    """Build a wheel as the step does, in a process with its own umask and folder."""
    env = {**os.environ, **caches, "PYTHONPATH": str(pathlib.Path(wheel.__file__).parents[2])}
    command = [sys.executable, "-B", "-c", BUILD, f"{umask:o}", str(project), str(into)]
    into.mkdir(parents=True)
    done = subprocess.run(command, env=env, cwd=into, stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.splitlines()[-1])


def twice(project: pathlib.Path, tmp_path: pathlib.Path, caches: dict[str, str]) -> list[pathlib.Path]:
    """Return the wheels of two checkouts that differ in everything but their commit."""
    one = checkout(project, tmp_path / "a" / "project", years_ago=0, mode=0o644)
    other = checkout(project, tmp_path / "bbbb" / "x" / "another name", years_ago=3, mode=0o600)
    return [
        build(one, tmp_path / "built" / "one", 0o022, caches),
        build(other, tmp_path / "built-2" / "o", 0o077, caches),
    ]


@pytest.mark.network
@pytest.mark.parametrize("backend", BACKENDS)
def test_two_checkouts_of_one_commit(backend: str, tmp_path: pathlib.Path, caches: dict[str, str]) -> None:
    one, other = twice(PROJECTS / "backends" / backend, tmp_path, caches)
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()
    with zipfile.ZipFile(one) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 15, 12, 0, 0)}
        assert any(name.endswith("colours.json") for name in archive.namelist())


@pytest.mark.network
@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler here")
def test_two_checkouts_of_compiled_code(tmp_path: pathlib.Path, caches: dict[str, str]) -> None:
    for name, text in C_PROJECT.items():
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    one, other = twice(tmp_path / "source", tmp_path, caches)
    assert "linux_x86_64" in one.name or sys.platform != "linux"
    assert sha256(one) == sha256(other)


@pytest.mark.network
def test_another_commit_date_gives_other_bytes(
    tmp_path: pathlib.Path, caches: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the tests above can fail: the date that they share does reach the wheel."""
    project = checkout(PROJECTS / "backends" / "flit", tmp_path / "project", years_ago=0, mode=0o644)
    first = build(project, tmp_path / "one", 0o022, caches)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert sha256(build(project, tmp_path / "two", 0o022, caches)) != sha256(first)
