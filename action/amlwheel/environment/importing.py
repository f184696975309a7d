"""Import one module, and report why it can't be. The image's Python runs this file, without anything else of the step.

Usage: importing.py FOLDER REPORT SECONDS MODULE
"""

import contextlib
import faulthandler
import importlib
import importlib.metadata
import json
import os
import re
import site
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType

# What is said of a library that isn't there, or of a GPU: by dlopen, cffi, ctypes' users (cairocffi, pyzbar,
# python-magic, soundfile), the dynamic linker, and PyTorch.
_LIBRARY = re.compile(
    r"([\w.+-]+): cannot open shared object file|cannot load library '([^']+)'|no library called \"([^\"]+)\""
    r"|[Uu]nable to find (\w+) shared library|failed to find (lib\w+)|(\w+) library not found"
    r"|([\w.+-]+\.so[\w.]*): version `[^']+' not found|no (NVIDIA driver)|No (CUDA GPUs)|(CUDA driver) version is"
)
_MOST = 2000  # characters of a message
Asked = list[tuple[KeyError, str, bool]]


def main(folder: str, report: str, seconds: str, module: str) -> int:
    """Import `module` from `folder`, write JSON into `report` (empty if all is well), return the exit status.

    Without a report the module has ended the interpreter by itself.
    """
    faulthandler.enable()
    faulthandler.dump_traceback_later(float(seconds))  # where an import hangs, before it is ended
    site.addsitedir(folder)
    sys.argv = [module]
    found: dict[str, str] = {}
    with watching(Path(folder), module) as asked:
        try:
            importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001  # SystemExit too: that is what a script does
            _flush()
            traceback.print_exception(type(error), error, _below(error.__traceback__, folder))
            found = why(error, Path(folder), asked)
    faulthandler.cancel_dump_traceback_later()
    Path(report).write_text(json.dumps(found), encoding="utf-8")
    return bool(found)


def _flush() -> None:
    with contextlib.suppress(Exception):  # the module may have closed them
        sys.stdout.flush()
        sys.stderr.flush()


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MOST]
    except Exception:  # noqa: BLE001  # an exception of the module's own
        return ""


def _below(trace: TracebackType | None, folder: str) -> TracebackType | None:
    """Return the part of a traceback that begins in `folder`: how the import got there is of no use."""
    step = trace
    while step and not step.tb_frame.f_code.co_filename.startswith(folder):
        step = step.tb_next
    return step or trace


@contextlib.contextmanager
def watching(folder: Path, module: str) -> Iterator[Asked]:
    """Note each environment variable that isn't set when it is read, and whether `module` itself reads it.

    What is read with a default isn't needed. Source: os.py, `_Environ`; its `get` and `in` come from collections.abc.
    """
    asked: Asked = []
    kind, own = type(os.environ), str(folder / module.split(".", maxsplit=1)[0])
    original = kind.__getitem__

    def getitem(self: "os._Environ[str]", key: str) -> str:
        try:
            return original(self, key)
        except KeyError as error:
            frame = sys._getframe(1)  # noqa: SLF001  # who asks
            if frame.f_code.co_name != "get" or frame.f_locals.get("default") is None:
                asked.append((error, str(key), any(own in each for each in _files(frame))))
            raise

    kind.__getitem__ = getitem  # type: ignore[method-assign]
    try:
        yield asked
    finally:
        kind.__getitem__ = original  # type: ignore[method-assign]


def _files(frame: FrameType | None) -> Iterator[str]:
    """Yield the files of the frames that lead to a variable: of the one that reads it, below the library's own."""
    for _ in range(3):  # os.getenv, get, then the reader
        if frame:
            yield frame.f_code.co_filename
            frame = frame.f_back


def why(error: BaseException, folder: Path, asked: Asked) -> dict[str, str]:
    """Return what is known of `error`: its kind and text, and what is missing: a module, a library or a variable.

    An error that was raised while another was handled may be that one in other words, so all of them are looked at.
    """
    found = {"kind": type(error).__name__, "text": _text(error), "unset": ", ".join(_own(asked))}
    link: BaseException | None = error
    seen: set[int] = set()
    while link and id(link) not in seen:
        seen.add(id(link))
        missing = _missing(link, folder, asked)
        if missing:
            return found | missing | _place(link, folder)
        link = link.__cause__ or link.__context__
    return found | _place(error, folder)


def _own(asked: Asked) -> list[str]:
    return list(dict.fromkeys(key for _, key, own in asked if own))[:3]


def _missing(error: BaseException, folder: Path, asked: Asked) -> dict[str, str]:
    if isinstance(error, ModuleNotFoundError) and error.name:
        packed = (folder / error.name.split(".")[0] / "__init__.py").exists()
        return {"module": error.name, "partly": "yes" if packed else ""}
    library = _LIBRARY.search(_text(error))
    if library:
        return {"library": next(filter(None, library.groups())).rpartition("/")[2]}
    variable = next((key for raised, key, _ in asked if raised is error), "")
    return {"variable": variable} if variable else {}


def _place(error: BaseException, folder: Path) -> dict[str, str]:
    """Return file and line below `folder` where `error` comes from, and the package (with its version) that has it."""
    places = [(name[len(str(folder)) + 1 :], line) for name, line in _lines(error) if name.startswith(str(folder))]
    if not places:
        return {}
    where, line = places[-1]
    top = Path(where).parts[0].split(".")[0]
    with contextlib.suppress(Exception):
        owner = importlib.metadata.packages_distributions()[top][0]
        return {"where": f"{where}:{line}", "package": f"{owner} {importlib.metadata.version(owner)}"}
    return {"where": f"{where}:{line}", "package": top}


def _lines(error: BaseException) -> Iterator[tuple[str, int]]:
    """Yield file and line of each frame, the innermost last; an extension module that isn't loaded has none."""
    step: TracebackType | None = error.__traceback__
    while step:
        yield step.tb_frame.f_code.co_filename, step.tb_lineno
        step = step.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        yield error.filename, error.lineno or 0
    path = getattr(error, "path", None)
    if isinstance(path, str) and path.endswith(".so"):
        yield path, 0


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    _flush()
    os._exit(status)  # threads that the module started don't keep it alive
