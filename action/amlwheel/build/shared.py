"""One build environment for all packages of a run that require the same for their builds.

pypa/build makes one for each package, which is most of the time that a small package takes. No build can write into a
shared one: what one package's code does to it would be in the next one's wheel. Where nothing prevents that (no
Landlock), and for a package that is alone with its requirements, it stays as pypa/build does it.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from threading import Lock

from ..model.wheel import UNREADABLE
from ..plan.observe import in_background
from ..transport import process, sandbox
from ..transport.process import Finished
from ..transport.sandbox import Sandbox
from . import declared, limited

Needs = tuple[tuple[str, ...], tuple[str, ...]]
"""What a project's settings require for its build, and what its backend asks for beside that."""
SECONDS = 1800.0  # for an environment and for a build: a large C++ extension takes long, but not for ever
# What pypa/build does in an environment that is there: ask the backend what is lacking, else build. It fails in the
# same words. The answer goes to a file, since hooks print.
_BUILD = """\
import json, os, pathlib, subprocess, sys, traceback
from build import BuildBackendException, BuildException, ProjectBuilder
folder, into, answer, python, needs = sys.argv[1:]
known, more = json.loads(needs)
class Place:
    python_executable = python
    def make_extra_environ(self):
        return {"PATH": os.pathsep.join([os.path.dirname(python), os.environ["PATH"]]), "PYTHONPATH": ""}
try:
    builder = ProjectBuilder.from_isolated_env(Place(), folder)
    asked = set() if more else builder.build_system_requires | builder.get_requires_for_build("wheel")
    lacking = sorted(asked - set(known))
    said = {"lacking": lacking} if lacking else {"artifacts": [{"path": builder.build("wheel", into)}]}
except (BuildException, BuildBackendException) as error:
    inner = getattr(error, "exception", None)
    if inner and not isinstance(inner, subprocess.CalledProcessError):
        print("".join(traceback.format_exception(inner, limit=-1)), flush=True)
    sys.exit(f"ERROR {error}")
pathlib.Path(answer).write_text(json.dumps(said), encoding="utf-8")
"""


def requires(folder: Path) -> tuple[str, ...] | None:
    """Return what the build of a project requires (PEP 518); None where its settings are for pypa/build to refuse."""
    settings = declared.pyproject(folder)
    if settings is None or "build-system" not in settings:
        return None if settings is None else ("setuptools >= 40.8.0",)
    listed = declared.table(settings, "build-system").get("requires")
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        return None
    return tuple(sorted({*listed}))


class Shared:
    """The environments of one run, made when they are needed, below `into`; `echo` gets what is installed there."""

    def __init__(
        self, folders: Sequence[Path], into: Path, env: Mapping[str, str], echo: Callable[[str], None]
    ) -> None:
        """Take the projects of the run, and the variables that all their builds get."""
        self.place, self._env, self._echo = into / sandbox.ENVIRONMENTS, env, echo
        counted = Counter(map(requires, folders)) if len(folders) > 1 and not sandbox.lacking() else Counter()
        self._several = {each for each, count in counted.items() if count > 1 and each is not None}
        self._made: dict[Needs, Future[Path | None]] = {}
        self._looking = Lock()

    @property
    def kept(self) -> tuple[Path, ...]:
        """What no build may change."""
        return (self.place,) if self._several else ()

    def build(
        self, folder: Path, answer: Path, env: Mapping[str, str], echo: Callable[[str], None], room: Sandbox
    ) -> Finished | None:
        """Build a wheel beside the file `answer`, which names it; None where an environment of its own is needed.

        That is so for requirements that can't be installed, which the other way explains, and for a build that writes
        into its environment.
        """
        needs: Needs = (requires(folder) or (), ())
        while needs[0] in self._several and (python := self._python(needs)):
            words = (folder, answer.parent, answer, python, json.dumps(needs))
            command: list[str | Path] = [sys.executable, "-I", "-X", "utf8", "-c", _BUILD, *words]
            finished = process.run(command, env=env, seconds=SECONDS, echo=echo, sandbox=room)
            lacking = _lacking(answer)
            if not lacking and finished.status and self._refused(finished.output):
                echo("it writes into its build environment, so it is built again in one of its own")
                return None
            if not lacking or needs[1]:
                return None if lacking else finished
            needs = (needs[0], lacking)
        return None

    def _python(self, needs: Needs) -> Path | None:
        """Return the Python of the environment with these requirements; whoever asks first has it made."""
        with self._looking:
            if needs not in self._made:
                self._made[needs] = in_background(partial(self._make, needs))
        return self._made[needs].result()

    def _make(self, needs: Needs) -> Path | None:
        """Make an environment as pypa/build does, with its bytecode, since no build can write that later.

        uv may build a requirement from its sdist: the cache that such code can write serves these requirements alone.
        """
        import venv  # noqa: PLC0415  # for several packages only

        name = hashlib.sha256(json.dumps(needs).encode()).hexdigest()[:16]
        python, said = self.place / name / "bin" / "python", list[str]()
        venv.EnvBuilder(symlinks=True, with_pip=False).create(self.place / name)
        env = {**self._env, "UV_COMPILE_BYTECODE": "1"}
        room = Sandbox((self.place / name,), (self.place,), cache=f"{sandbox.ENVIRONMENTS}/{name}")
        for each in filter(None, needs):
            command: list[str | Path] = ["uv", "pip", "install", "--python", python, *each]
            try:
                if limited.run(command, env, SECONDS, said.append, room).status:
                    return None
            except (OSError, ValueError):  # more requirements than a command takes, or no text for one
                return None
        for line in said:
            self._echo(f"build environment: {line}")
        return python

    def _refused(self, output: str) -> bool:
        """Tell whether a build failed since it couldn't write into the environment."""
        ours = re.escape(str(self.place))
        return bool(re.search(rf"Permission denied.*{ours}|{ours}.*(Permission denied|os error 13)", output))


def _lacking(answer: Path) -> tuple[str, ...]:
    """Return what a backend asked for beyond what is installed. The text is hostile."""
    try:
        said = json.loads(answer.read_text(encoding="utf-8"))["lacking"]
        return tuple(map(str, said)) if isinstance(said, list) else ()
    except (*UNREADABLE, KeyError, TypeError):
        return ()
