"""The environment's Python on this machine: where it is looked for, and why there is none."""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from ..errors.base import TooSlow
from ..model.environment import Python
from ..transport import process, tools, variables


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine. `libraries` is the folder of its own shared library, where it isn't told where it is.

    actions/python-versions builds with `--enable-shared` for one path of the tool cache; actions/setup-python sets
    LD_LIBRARY_PATH for all others.
    """

    path: str
    libraries: str = ""

    @property
    def variables(self) -> dict[str, str]:
        """The variables that it needs."""
        return {"LD_LIBRARY_PATH": self.libraries} if self.libraries else {}


@dataclass(frozen=True)
class Missing:
    """Why nothing can be imported here; `python`: one of the environment's Pythons on this machine would mend it."""

    why: str
    python: bool = False


def find(python: Python, environ: Mapping[str, str] = os.environ) -> Interpreter | Missing:
    """Return the environment's Python on this machine: the step's own, of the host's tool cache, on PATH, or uv's."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return Missing("this machine isn't Linux x86-64, as the image is")
    if glibc() < python.platform.glibc:
        return Missing(f"it may need glibc 2.{python.platform.glibc}, which the image has and this machine hasn't")
    if sys.version_info[:2] == python.numbers and sys.implementation.name == "cpython":
        return Interpreter(sys.executable)
    for each in _cached(python, environ):
        if _works(each, python):
            return each
    path = tools.find_python(f"cpython@{python.minor}")
    return Interpreter(path) if path else Missing(f"there is no Python {python.minor} on this machine", python=True)


def _cached(python: Python, environ: Mapping[str, str]) -> Iterator[Interpreter]:
    """Yield the Pythons of the host's tool cache, the newest first.

    Complete ones have a mark beside them (actions/toolkit, `_completeToolPath`; azure-pipelines-tool-lib the same).
    """
    for variable in ("RUNNER_TOOL_CACHE", "AGENT_TOOLSDIRECTORY"):
        root = Path(environ.get(variable) or os.devnull, "Python")
        for place in sorted(root.glob(f"{python.minor}.*/x64"), key=_version, reverse=True):
            if place.with_name("x64.complete").exists():
                yield Interpreter(str(place / "bin" / "python3"), str(place / "lib"))


def _version(place: Path) -> Version:
    try:
        return Version(place.parent.name)
    except InvalidVersion:
        return Version("0")


def _works(found: Interpreter, python: Python) -> bool:
    """Tell whether it starts and is what its folder says: a cache may have been copied from another system."""
    command: list[str | Path] = [found.path, "-I", "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
    try:
        finished = process.run(command, env=variables.for_tool() | found.variables, seconds=60, errors=False)
    except (OSError, TooSlow):
        return False
    return finished.status == 0 and finished.output.strip() == python.minor


def glibc() -> int:
    """Return the minor version of this machine's glibc 2, 0 if it has none."""
    name, version = platform.libc_ver()
    return int(version.split(".")[1]) if name == "glibc" else 0
