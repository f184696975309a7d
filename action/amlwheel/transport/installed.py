"""The files that run with the step's tokens: its environments, its own code, the interpreter. Nobody else changes them.

A build and an imported package run as the same user and can write there. What they change shows in a file's inode,
size, or time of change (ctime): no user but root can set that one. So nothing has to be read, and a look at all files
takes some 30 ms. bootstrap.py copies packages into an environment: a link to uv's cache would change with each other
link.
"""

import contextlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import bootstrap

from ..errors.foreign import ToolsChanged
from . import variables

Stamp = tuple[int, int, int, int]
ACTION = Path(bootstrap.__file__).resolve().parent
_NEVER_READ = ("__pycache__", "bytecode")  # see `freeze`
_SHOWN = 5
_COMPILE = "import os, py_compile, sys; os.nice(19); [py_compile.compile(each.strip(), quiet=2) for each in sys.stdin]"
_others: set[Path] = set()


def add(environment: Path) -> None:
    """Look after one more environment: azureml-core's."""
    _others.add(environment)


def look() -> dict[str, Stamp]:
    """Return what tells whether a file was changed, for each by its path."""
    found: dict[str, Stamp] = {}
    for place in (Path(sys.prefix), ACTION, *_others):
        found.update(_below(str(place)))
    library = sysconfig.get_path("stdlib")
    skipped = (*_NEVER_READ, "site-packages", "dist-packages", "test")
    found.update((path, stamp) for path, stamp in _below(library, skipped) if path.endswith((".py", ".so", ".pyd")))
    binaries = {Path(sys.executable).resolve(), *Path(sys.base_prefix, "lib").glob("libpython*")}
    found.update((str(path), _stamp(path.stat())) for path in binaries if path.exists())
    return found


def _below(folder: str, skipped: tuple[str, ...] = _NEVER_READ) -> Iterator[tuple[str, Stamp]]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:  # what is gone counts as changed
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in skipped:
                    yield from _below(entry.path, skipped)
            else:
                yield entry.path, _stamp(entry.stat(follow_symlinks=False))


def _stamp(stat: os.stat_result) -> Stamp:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def freeze() -> None:
    """Read and write no bytecode from now on: others can write it, and builds do, beside the interpreter's modules."""
    sys.dont_write_bytecode, sys.pycache_prefix = True, os.devnull


def bytecode(environment: Path) -> list[str]:
    """Return the options for the bytecode of a Python that is started now, as bootstrap.py gives them to this one."""
    if sys.pycache_prefix == os.devnull:
        return ["-B", "-X", f"pycache_prefix={os.devnull}"]
    return bootstrap.bytecode(environment)


def compile_later(modules: Mapping[str, object] = sys.modules) -> None:
    """After the first run in an environment: have the bytecode of all loaded `modules` written, waiting for nothing.

    A hosted runner has no later run, and the job goes on meanwhile: so with the least priority, and after all else. On
    Windows the second run writes it.
    """
    cache = Path(sys.prefix, "bytecode")
    if sys.platform == "win32" or not cache.is_dir() or any(cache.iterdir()):
        return
    loaded = {str(getattr(each, "__file__", None)) for each in tuple(modules.values())}
    with contextlib.suppress(OSError), tempfile.TemporaryFile() as listed:  # the next run starts more slowly then
        listed.write("\n".join(sorted(each for each in loaded if each.endswith(".py"))).encode())
        listed.seek(0)
        subprocess.Popen(
            [sys.executable, "-I", "-X", f"pycache_prefix={cache}", "-c", _COMPILE],
            env=variables.for_tool(),
            stdin=listed,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def check(before: dict[str, Stamp]) -> None:
    """Raise ToolsChanged if a file isn't as it was before; the next run makes the step's environments anew then."""
    now = look()
    changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    if not changed:
        return
    for place in (Path(sys.prefix), *_others):
        with contextlib.suppress(OSError):
            bootstrap.forget(place)
    names = ", ".join("/".join(Path(path).parts[-3:]) for path in changed[:_SHOWN])
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    raise ToolsChanged(f"While code of others ran, files that the step runs from were changed: {names}{more}.")
