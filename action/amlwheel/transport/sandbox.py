"""What code of others may change while it runs: builds, and packages that are imported. And which cache uv trusts."""

import atexit
import contextlib
import os
import re
import shutil
import signal
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from . import landlock

T = TypeVar("T")
# The files that GitHub's runner reads after the step (GitHub, "Workflow commands").
_HOST_FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")
_HOST_FOLDER = "_runner_file_commands"  # with an outer Action's (actions/runner, FileCommandManager.cs)
_removals: list[threading.Thread] = []
ENVIRONMENTS = ".environments"
"""Among the caches for builds, those from which shared environments are made. No package has such a name."""
_NO_LANDLOCK = (
    "This machine has no Landlock (Linux has it since 5.19): builds and imports can read and change what the user of "
    "this job can; uv locks and proves with a cache that begins empty"
)


class Trust:
    """The caches of uv for all but code of others: the user's own, as long as no such code could write into it.

    Then new ones: one until the next code of others has run.
    """

    def __init__(self) -> None:
        """Begin with the user's cache."""
        self.exposed = False
        self._fresh = Path()
        self._used = True

    def spoil(self) -> None:
        """Use no cache again that was used by now."""
        self._used = True

    @property
    def cache(self) -> Path:
        """The cache to use now."""
        usual = _made(usual_cache())
        if usual and landlock.version() and not self.exposed:
            return usual
        if self._used:
            self._fresh = Path(tempfile.mkdtemp(prefix="amlwheel-uv-", dir=private()))
            self._used = False
            atexit.register(shutil.rmtree, self._fresh, ignore_errors=True)  # until then a tool may still read it
        return self._fresh


TRUST = Trust()


def usual_cache(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of uv's cache on Linux, made or not (uv, "Caching")."""
    return Path(os.path.realpath(environ.get("UV_CACHE_DIR") or _caches(environ) / "uv"))


def _builds(usual: Path) -> Path:
    """Return the folder of the caches for builds, which is beside uv's."""
    return usual.with_name(f"{usual.name}-builds")


def _caches(environ: Mapping[str, str]) -> Path:
    try:
        return Path(environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    except RuntimeError:  # a user without a home
        return Path(os.devnull)


def _home(environ: Mapping[str, str]) -> Path | None:
    """Return the user's home; None where there is none."""
    with contextlib.suppress(RuntimeError):
        home = Path(environ.get("HOME") or Path("~").expanduser())
        return home if home.is_dir() else None
    return None


def _linked(folder: Path, to: Path) -> Path:
    """Return `folder`, with links to what is in the folder `to`, and none to what is there no more."""
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for each in folder.iterdir():
            if each.is_symlink() and not each.exists():
                each.unlink()
        for each in to.iterdir():
            with contextlib.suppress(FileExistsError):
                (folder / each.name).symlink_to(each)
    return folder


def _made(folder: Path) -> Path | None:
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return None


def private() -> Path | None:
    """Return the folder for the step's own temporary files, which no code of others can write; None: the system's.

    It is that of the step's packages, see bootstrap.py.
    """
    place = Path(sys.prefix)
    folder = place.parent if re.match(r"py3\.\d+-", place.name) else place
    return folder if os.access(folder, os.W_OK) else None


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder of the step's own. It is removed in the background; see `removed`."""
    made = tempfile.TemporaryDirectory(prefix="amlwheel-", dir=private())
    try:
        yield Path(os.path.realpath(made.name))
    finally:
        _removals.append(threading.Thread(target=made.cleanup))
        _removals[-1].start()


def removed() -> None:
    """Wait until the temporary folders are removed, whatever signal comes meanwhile."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.signal(each, signal.SIG_IGN) for each in numbers]
    while _removals:
        _removals.pop().join()
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


def ours(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return what no code of others may change: the step's code, Python and files, uv's cache, the host's files."""
    files = [environ[name] for name in _HOST_FILES if environ.get(name)]
    files += {str(Path(each).parent) for each in files if Path(each).parent.name == _HOST_FOLDER}
    code = [sys.prefix, sys.executable, sysconfig.get_path("stdlib"), str(Path(__file__).parents[2])]
    usual = usual_cache(environ)
    more = [str(each) for each in (private(), _made(usual), _made(_builds(usual) / ENVIRONMENTS)) if each]
    return [Path(os.path.realpath(each)) for each in (*files, *code, *more)]


def lacking() -> list[str]:
    """Return what this machine can't do to keep code of others apart, a sentence for the log."""
    return [] if landlock.version() else [_NO_LANDLOCK]


def closed(path: Path) -> Path | None:
    """Return what is kept in the folder where a build would have to make `path`; None if it may make it."""
    if not landlock.version():
        return None
    folder = next(each for each in (path, *path.parents) if each.exists())
    return next((each for each in ours() if folder in (each, *each.parents) or each in folder.parents), None)


@dataclass(frozen=True)
class Sandbox:
    """The room of code that others wrote.

    It writes into `writable`, and not into `kept`, beside what is `ours`. uv in it has a cache of its own, named
    `cache`, which no lock and no proof reads; without a name it lies in the first folder of `writable`. `alone` is for
    a tool that writes nowhere else: to forbid it all takes no time, while what is open must be named entry by entry.
    """

    writable: tuple[Path, ...]
    kept: tuple[Path, ...] = ()
    cache: str = ""
    alone: bool = False

    def variables(self) -> dict[str, str]:
        """Return the variables for the caches in it.

        With a name it also gets a home and a folder for all other caches, since it can't make new folders beside
        uv's. What is there already it finds there.
        """
        if not landlock.version():
            return {}
        found = {"UV_CACHE_DIR": str(self._cache)}
        if not self.cache:
            return found
        others, usual = _linked(self._cache / "others", _caches(os.environ)), _home(os.environ)
        found["XDG_CACHE_HOME"] = str(others)
        if usual and sys.platform != "win32":
            home = self._cache / "home"
            with contextlib.suppress(OSError):
                home.mkdir(exist_ok=True)
                (home / ".cache").symlink_to(others)  # before the user's own, for programs that know no XDG_CACHE_HOME
            found["HOME"] = str(_linked(home, usual))
        return found

    @property
    def _cache(self) -> Path:
        usual, own = usual_cache(), self.writable[0] / "uv-cache"
        return _made(_builds(usual) / self.cache) or own if self.cache else own

    def start(self, do: Callable[[], T]) -> T:
        """Return what `do`, which starts the code, returns. Raises OSError."""
        writable = [Path(os.path.realpath(each)) for each in self.writable]
        usual = usual_cache()
        if not landlock.version():
            return do()
        TRUST.exposed |= any(each in (usual, *usual.parents) for each in writable)
        own = [self._cache] if self.cache else []
        kept = [*ours(), *(Path(os.path.realpath(each)) for each in self.kept)]
        if self.alone and not any(each.is_relative_to(folder) for each in kept for folder in writable):
            return landlock.within([*writable, Path("/dev")], (), do)
        return landlock.within([*writable, *own], kept, do)
