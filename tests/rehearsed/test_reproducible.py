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
from amlwheel.transport import landlock
from rehearsal.command.projects import commit
from rehearsed.steps import PROJECTS, sha256

BACKENDS = sorted(path.name for path in (PROJECTS / "backends").iterdir())
# A child: its umask is its own, and so is its working directory.
BUILD = "import os, sys, pathlib; os.umask(int(sys.argv[1], 8)); from amlwheel.build import project; \
print(*project.build(sys.argv[2].split(os.pathsep), pathlib.Path(sys.argv[3]), print), sep='\\n')"

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

# Of three packages with the same requirements: one changes its environment in silence, one can't do without.
SETUP = """\
import builtins, contextlib, os, pathlib, sysconfig
from setuptools import setup
here, name = pathlib.Path(sysconfig.get_path("purelib")), os.path.basename(os.getcwd())
if name != "plain":
    with contextlib.suppress(PermissionError) if name == "silent" else contextlib.nullcontext():
        (here / f"{name}.pth").write_text("import builtins; builtins.marked = 1")
setup(name=name, version="1.0", py_modules=[], description=str(getattr(builtins, "marked", "unmarked")))
"""


def checkout(project: pathlib.Path, place: pathlib.Path, *, years_ago: int, mode: int) -> pathlib.Path:
    """Copy a project as its one commit, with other file dates and modes than any other checkout."""
    commit(project, place)
    moment = time.time() - years_ago * 365 * 24 * 3600
    for path in place.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            path.chmod(mode)
        os.utime(path, (moment, moment))
    return place


def lines(projects: str, into: pathlib.Path, umask: int, caches: dict[str, str]) -> list[str]:
    """Build wheels as the step does, with its own umask and folder; return what it says, their paths last."""
    env = {**os.environ, **caches, "PYTHONPATH": str(pathlib.Path(wheel.__file__).parents[2])}
    command = [sys.executable, "-B", "-c", BUILD, f"{umask:o}", projects, str(into)]
    into.mkdir(parents=True)
    return subprocess.run(command, env=env, cwd=into, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()


def build(project: pathlib.Path, into: pathlib.Path, umask: int, caches: dict[str, str]) -> pathlib.Path:
    """Return the wheel of one project."""
    return pathlib.Path(lines(str(project), into, umask, caches)[-1])


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


@pytest.mark.network
@pytest.mark.skipif(not landlock.version(), reason="without Landlock no environment is shared, see SECURITY.md")
def test_packages_that_share_an_environment_have_the_bytes_of_packages_alone(
    tmp_path: pathlib.Path, caches: dict[str, str]
) -> None:
    """None of them can change it: who tries in silence changes nothing, who can't do without gets one of its own."""
    folders = [tmp_path / name for name in ("silent", "plain", "needy")]
    for folder in folders:
        folder.mkdir()
        (folder / "setup.py").write_text(SETUP)
        (folder / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools>=77"]\n')
    said = lines(os.pathsep.join(map(str, folders)), tmp_path / "together", 0o022, caches)
    assert len([line for line in said if line.startswith("build environment:  + setuptools==")]) == 1
    assert {line.partition(": * Creating isolated")[0] for line in said if "* Creating isolated" in line} == {"needy"}
    built = {path.name.split("-")[0]: path for path in map(pathlib.Path, said[-3:])}
    assert [b"unmarked" in metadata(built[each.name]) for each in folders] == [True, True, False]
    assert sha256(build(folders[1], tmp_path / "alone", 0o077, caches)) == sha256(built["plain"])


def metadata(path: pathlib.Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(each for each in archive.namelist() if each.endswith("/METADATA")))
