"""Import each module of the packages by itself, and say of each why it can't be."""

import json
import re
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors.base import StepError, TooSlow, together
from ..errors.environment import ImportFailed
from ..model import import_names
from ..transport import process, variables
from ..transport.sandbox import Sandbox
from .interpreter import Interpreter

SECONDS = 120.0  # for one module
AT_ONCE = 4  # each may take as much memory as the job will
MOST = 50  # modules; folders without __init__.py can have hundreds
WIDEST = 300  # characters of a line that are shown
_CAUSES = {
    "ImportError": "The locked version of what it imports from is older or newer than its code expects.",
    "SyntaxError": "The code isn't valid in the environment's Python; it may be written for a newer one.",
}
_INSTEAD = "or set `verify` to files, which imports nothing"
_STAYS = "nothing was published, so the version may stay"


@dataclass(frozen=True)
class Imported:
    """What was imported, and, a sentence for each, what couldn't be for a reason that the image may not have."""

    modules: tuple[str, ...]
    elsewhere: tuple[str, ...] = ()


def check(  # noqa: PLR0913  # what a run gives
    site: Path,
    modules: Sequence[str],
    interpreter: Interpreter,
    kept: Sequence[Path] = (),
    *,
    conda: bool,
    projects: Sequence[Path] = (),
) -> Imported:
    """Import `modules` from the folder `site`; with `conda`, the image has packages that this machine hasn't.

    No module can write into the folders that are `kept`. `projects` are the folders from which the wheels were built.
    A library or GPU that isn't there is no error, because images and clusters have what runners don't. Raises
    ImportFailed for a module that can't be imported, or Several of them.
    """
    one = partial(_import, site, interpreter, tuple(kept), conda, tuple(projects))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        answers = list(pool.map(one, modules[:MOST], range(MOST)))
    errors = [each for each in answers if isinstance(each, StepError)]
    if errors:
        raise together(errors)
    done = tuple(module for module, answer in zip(modules, answers, strict=False) if not answer)
    return Imported(done, tuple(str(answer) for answer in answers if answer))


def _import(  # noqa: PLR0913, PLR0917  # what is the same for all, then what differs
    site: Path,
    interpreter: Interpreter,
    kept: tuple[Path, ...],
    conda: bool,  # noqa: FBT001
    projects: tuple[Path, ...],
    module: str,
    number: int,
) -> StepError | str:
    """Import one module in a process of its own; return why it can't be, as an error or as a sentence.

    `-S` hides the interpreter's own packages, which could take the place of a dependency that isn't in the lock. Like a
    job in the image, it has a home of its own. What is in `site` may be one file with what is in uv's cache, so it is
    read only, as all of the step's own folders.
    """
    home = site.parent / f"import-{number}"
    home.mkdir(exist_ok=True)
    report = home / "report.json"
    command: list[str | Path] = [interpreter.path, "-I", "-S", "-B", Path(__file__).with_name("importing.py")]
    command += [site, report, str(SECONDS * 0.9), module]
    env = variables.for_tool(build=True) | interpreter.variables | {"HOME": str(home), "TMPDIR": str(home)}
    env.pop("XDG_CACHE_HOME", None)
    room = Sandbox((home,), kept)
    try:
        finished = process.run(command, env=env, cwd=home, seconds=SECONDS, sandbox=room)
    except TooSlow as error:
        return _hangs(module, _narrow(error.details))
    found = _read(report)
    if found is None:
        return _ended(module, finished.status, _narrow(finished.tail()))
    if not found:
        return ""
    lies = _lies(found.get("module", ""), found.get("where", ""), site, projects)
    return _why(module, found | {"lies": lies}, _narrow(finished.tail()), conda=conda)


def _read(report: Path) -> dict[str, str] | None:
    """Return what a report says, each on one line; None without one. The module could have written it itself."""
    try:
        found = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    told = found.items() if isinstance(found, dict) else ()
    shown = {str(name): " ".join(str(value).split())[:WIDEST] for name, value in told}
    return {"kind": "", "text": "", "unset": "", "partly": ""} | shown if shown else {}


def _narrow(text: str) -> str:
    """Cut lines that are longer than anybody reads."""
    return "\n".join(line[:WIDEST] for line in text.splitlines())


def _hangs(module: str, details: str) -> ImportFailed:
    return ImportFailed(
        f"{module} wasn't imported within {SECONDS:.0f} seconds.",
        cause="When it is imported, it works, waits for a service, or waits for input: the last lines say where.",
        fix=f"Put that into a function, and run the step again ({_STAYS}); {_INSTEAD}.",
        details=details,
    )


def _ended(module: str, status: int, details: str) -> ImportFailed:
    """Return the error for an import that ended the interpreter itself: native code that crashed, or `os._exit`."""
    if status >= 0:
        return _script(module, f"with exit status {status}", details)
    name = signal.Signals(-status).name
    memory = "The machine has too little memory for it."
    crash = "Native code of the module or of a dependency crashed: the lines above name the module that was imported."
    return ImportFailed(
        f"Importing {module} ended Python with signal {name}.",
        cause=memory if name == "SIGKILL" else crash,
        fix=f"Correct or pin the package that crashes, and run the step again ({_STAYS}); {_INSTEAD}.",
        details=details,
    )


def _script(module: str, how: str, details: str) -> ImportFailed:
    return ImportFailed(
        f"{module} is a script: importing it ended Python {how}.",
        cause="Its topmost lines run a program, which reads its arguments or exits.",
        fix=f'Put them under `if __name__ == "__main__":`, and run the step again ({_STAYS}); {_INSTEAD}.',
        details=details,
    )


def _why(module: str, found: dict[str, str], details: str, *, conda: bool) -> StepError | str:
    """Return what a report means: an error, or a sentence for what the image may have."""
    package, where = found.get("package", ""), found.get("where", module)
    if found.get("library"):
        return f"{module}: {package or 'it'} needs {found['library']}"
    if found.get("module"):
        missing = found["module"]
        if conda and not found["partly"] and missing.split(".")[0] != module.split(".", maxsplit=1)[0]:
            return f"{module}: {where} imports {missing}, which one of the conda packages may bring"
        return _missing(module, missing, where, details, found)
    if found.get("variable"):
        return _variable(module, found["variable"], where, details)
    unset, kind = found["unset"], found["kind"]
    if kind == "SystemExit" and not unset:
        return _script(module, f"with exit status {found['text'] or 0}", details)
    return ImportFailed(
        f"{module} can't be imported: {kind} in {where}.",
        cause=f"It reads {unset} when it is imported, and that isn't set here." if unset else _CAUSES.get(kind, ""),
        fix=f"Read it in a function, and run the step again ({_STAYS}); {_INSTEAD}." if unset else "",
        details=details,
    )


def _lies(missing: str, where: str, site: Path, projects: tuple[Path, ...]) -> str:
    """Return where a missing module of the team's own lies: its whole name in the wheel, "project", or nothing.

    The report is foreign, so only names and paths of the plain form are looked up.
    """
    top = missing.split(".", maxsplit=1)[0]
    beside = re.fullmatch(r"((?:\w+/)+)\w+\.py:\d+", where)
    if not top.isidentifier():
        return ""
    if beside and _is_module(site / beside[1] / top):
        return f"{beside[1].replace('/', '.')}{missing}"
    return "project" if any(_is_module(each / below / top) for each in projects for below in ("", "src")) else ""


def _is_module(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or any(path.glob("*.py"))


def _missing(module: str, missing: str, where: str, details: str, found: dict[str, str]) -> ImportFailed:
    """Return the error for a module that isn't there; `found` tells if its topmost package is, and where it lies."""
    top, partly, lies = missing.split(".", maxsplit=1)[0], found["partly"], found["lies"]
    lacking = f"the installed {top} has no such module" if partly else "no package of the lock has it"
    cause = "The package that has it isn't among the declared dependencies."
    fix = f"Add {import_names.package_of(missing)} to the dependencies in the project's metadata"
    if top == module.split(".", maxsplit=1)[0]:
        cause = "The wheel was built without it; setuptools, for one, may leave out a folder without an __init__.py."
        fix = f"Let the build pack {missing}"
    elif partly:
        cause = f"The locked version of {top} is older or newer than the one that has it."
        fix = f"Require a version of {top} that has {missing}"
    elif lies == "project":
        cause = f"The project has {top}, and its build left it out of the wheel."
        fix = f"Let the build pack {top} (with setuptools: a file in `py-modules`, a folder in `packages`)"
    elif lies:
        cause = f"It lies in the package, as {lies}; the short name works only for a script that is started beside it."
        fix = f"Import {lies} there"
    return ImportFailed(
        f"{module} can't be imported: {where} imports {missing}, and {lacking}.",
        cause=cause,
        fix=f"{fix}, and run the step again; {_STAYS}.",
        details=details,
    )


def _variable(module: str, variable: str, where: str, details: str) -> ImportFailed:
    return ImportFailed(
        f"{module} can't be imported: {where} needs the environment variable {variable}, which isn't set.",
        cause="It is read when the package is imported, so every job and test that imports the package needs it.",
        fix=f"Read {variable} in the function that needs it, and run the step again ({_STAYS}); {_INSTEAD}.",
        details=details,
    )
