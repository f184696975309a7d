"""Run a tool: its output captured line by line, its environment allow-listed, its time bounded."""

import collections
import contextlib
import ctypes
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors.base import TooSlow

# What a tool needs from the machine. Everything else, above all every token, stays here.
_PLAIN = frozenset(
    """
    PATH HOME USERPROFILE HOMEDRIVE HOMEPATH LOCALAPPDATA APPDATA PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) SYSTEMROOT
    SYSTEMDRIVE WINDIR COMSPEC PATHEXT NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE TEMP TMP TMPDIR LANG LC_ALL LC_CTYPE
    TZ XDG_CACHE_HOME UV_CACHE_DIR SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE PIP_CERT
    GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS UV_NATIVE_TLS UV_SYSTEM_CERTS NO_PROXY HTTP_PROXY HTTPS_PROXY ALL_PROXY
    """.split()
)
# A company's runners reach packages through an index of their own.
_INDEX = re.compile(r"UV_DEFAULT_INDEX|UV_INDEX_URL|PIP_INDEX_URL|UV_INDEX_\w+_(USERNAME|PASSWORD)")
# What build backends and compilers read; named by the tools' own manuals.
_BUILD = re.compile(
    r"CC|CXX|FC|AR|LD|CFLAGS|CXXFLAGS|CPPFLAGS|FFLAGS|LDFLAGS|ARCHFLAGS|MAKEFLAGS|PKG_CONFIG_PATH|PKG_CONFIG|CPATH|INCLUDE"
    r"|LIB|LIBPATH|LIBRARY_PATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|SDKROOT|DEVELOPER_DIR|MACOSX_DEPLOYMENT_TARGET|VCINSTALLDIR"
    r"|VSCMD_\w+|CMAKE_\w+|SKBUILD_\w+|MESON\w*|NINJA|CARGO\w*|RUSTUP_\w+|RUSTFLAGS|MATURIN_\w+|SETUPTOOLS_SCM_\w+"
    r"|SETUPTOOLS_\w+|HATCH_\w+|PDM_BUILD_\w+|PBR_VERSION|POETRY_DYNAMIC_\w+|CYTHON\w*|CIBUILDWHEEL"
)
_SECRETIVE = re.compile(r"TOKEN|PASSWORD|SECRET|CREDENTIAL|API_?KEY|_AUTH", re.IGNORECASE)


DRAIN = 5.0  # seconds for what a tool said last, once it has ended
_running: set["subprocess.Popen[str]"] = set()


@dataclass(frozen=True)
class Finished:
    """A tool's exit status and everything it printed, stdout and stderr in order. The text is hostile."""

    status: int
    output: str

    def tail(self, lines: int = 25) -> str:
        """Return the last `lines` lines that aren't empty."""
        return "\n".join([line for line in self.output.splitlines() if line.strip()][-lines:])


def environment(source: Mapping[str, str] = os.environ, *, build: bool = False) -> dict[str, str]:
    """Return the allow-listed environment for a tool, with the step's own tools first on PATH.

    `build=True` is for running the project's code: compiler and backend settings are added, and whatever could hold a
    credential (an index or proxy address with a user name, a variable named like a secret) is left out.
    """
    kept = {}
    for name, value in source.items():
        upper = name.upper()
        if upper in _PLAIN or _INDEX.fullmatch(upper) or (build and _BUILD.fullmatch(upper)):
            kept[name] = value
    if "PIP_INDEX_URL" in kept and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(kept):
        kept["UV_DEFAULT_INDEX"] = kept["PIP_INDEX_URL"]
    if kept.get("HOME") == os.devnull:  # some set it so; uv fails on a home that isn't a folder
        del kept["HOME"]
    if build:
        kept = {name: value for name, value in kept.items() if not _secretive(name, value)}
    tools = sysconfig.get_path("scripts")
    kept["PATH"] = os.pathsep.join([tools, *filter(None, [kept.get("PATH", os.defpath)])])
    return kept | {"PYTHONUTF8": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def withheld(source: Mapping[str, str]) -> list[str]:
    """Return the variables that a build would need for the network, but doesn't get because of a credential in them."""
    needed = (name for name in source if _INDEX.fullmatch(name.upper()) or name.upper().endswith("_PROXY"))
    return sorted(name for name in needed if _secretive(name, source[name]))


def _secretive(name: str, value: str) -> bool:
    """Tell whether a variable is named like a secret, or is an address with user information in it.

    A proxy's address may do without the scheme: `user:password@proxy:3128`.
    """
    return bool(_SECRETIVE.search(name) or re.search(r"//[^/\s]*@|^[^/\\\s:@]+:[^/\\\s@]+@", value))


def unreachable(output: str) -> str:
    """Return the host that a tool couldn't reach, by what it printed; empty when it failed for another reason."""
    pattern = r"error sending request|dns error|connection refused|tunnel error|timed out|network is unreachable"
    if not re.search(pattern, output, re.IGNORECASE):
        return ""
    host = re.search(r"https?://(?:[^/\s`@]*@)?([^/\s`:)]+)", output)
    return host[1] if host else "the package index"


def _start(
    command: Sequence[str | Path], env: Mapping[str, str], cwd: Path | None, stdin: int, stderr: int
) -> "subprocess.Popen[str]":
    program, *rest = map(str, command)
    child = subprocess.Popen(
        [shutil.which(program, path=env.get("PATH")) or program, *rest],
        env=dict(env),
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
        encoding="utf-8",
        errors="replace",
        umask=0o022 if sys.platform != "win32" else -1,
        start_new_session=True,
    )
    _running.add(child)
    return child


def run(  # noqa: PLR0913  # each has its default, and all have names
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    seconds: float = 600,
    echo: Callable[[str], None] | None = None,
    errors: bool = True,
) -> Finished:
    """Run `command` to its end and return what it said; `echo` gets each line as it comes.

    `errors=False` leaves stderr out, for a tool whose answer is parsed. Raises TooSlow when it takes longer than
    `seconds`. Nothing secret may be in `command`: any user of the machine can read another process's arguments.
    """
    child = _start(command, env, cwd, subprocess.DEVNULL, subprocess.STDOUT if errors else subprocess.DEVNULL)
    lines: list[str] = []
    failures: list[Exception] = []

    def listen() -> None:
        try:
            with child.stdout or contextlib.nullcontext(()) as stream:
                for line in stream:
                    lines.append(line)
                    if echo:
                        echo(line.rstrip("\n"))
        except Exception as error:  # noqa: BLE001  # raised again below, in the caller's thread
            failures.append(error)
            _end(child)

    # In a thread of its own: a daemon that the tool leaves behind may keep the pipe open for ever.
    reader = threading.Thread(target=listen, daemon=True)
    reader.start()
    try:
        status = child.wait(seconds)
    except subprocess.TimeoutExpired:
        message = f"{Path(command[0]).name} didn't finish within {seconds:.0f} seconds and was ended."
        raise TooSlow(message, details="".join(lines[-25:])) from None
    finally:
        _end(child)
        child.wait()
        _running.discard(child)
        reader.join(DRAIN)
    if failures:
        raise failures[0]
    return Finished(status, "".join(lines))


class Dialogue:
    """A tool that stays, and answers each line on its stdin with a line on its stdout; its stderr is only kept.

    Lines may hold secrets: unlike arguments and variables, nobody else can read a pipe.
    """

    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start `command`."""
        self._name = Path(command[0]).name
        self._child = _start(command, env, cwd, subprocess.PIPE, subprocess.PIPE)
        self._answers: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said: collections.deque[str] = collections.deque(maxlen=100)
        self._errors = threading.Thread(target=self._keep_errors, daemon=True)
        for thread in (threading.Thread(target=self._listen, daemon=True), self._errors):
            thread.start()

    def ask(self, line: str, seconds: float) -> str:
        """Return the answer to `line`, empty when the tool has ended; raise TooSlow, and end it, after `seconds`."""
        # A tool that hangs doesn't read either, and a pipe holds 64 kB: writing must not be able to block us.
        threading.Thread(target=self._write, args=(line,), daemon=True).start()
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.end()
            message = f"{self._name} gave no answer within {seconds:.0f} seconds."
            raise TooSlow(message, details=self.said) from None
        if not answer:
            self._answers.put("")  # for whoever asks next
            self.end()
        return answer

    @property
    def said(self) -> str:
        """The last lines of its stderr. The text is hostile."""
        return "".join(self._said)

    def end(self) -> None:
        """End the tool."""
        _end(self._child)
        self._child.wait()
        _running.discard(self._child)
        self._errors.join(DRAIN)
        with contextlib.suppress(OSError):  # what nobody has read
            if self._child.stdin:
                self._child.stdin.close()

    def _write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it has ended, which the answer will tell
            assert self._child.stdin  # noqa: S101  # it is a pipe
            self._child.stdin.write(line + "\n")
            self._child.stdin.flush()

    def _listen(self) -> None:
        with self._child.stdout or contextlib.nullcontext(()) as lines:
            for line in lines:
                if line.endswith("\n"):  # else it was ended in the middle
                    self._answers.put(line)
        self._answers.put("")

    def _keep_errors(self) -> None:
        with self._child.stderr or contextlib.nullcontext(()) as lines:
            self._said.extend(lines)


def git(folder: Path, *arguments: str) -> str:
    """Return what git says of the repository around `folder`, empty when it says no or isn't there.

    A runner's checkout often belongs to another user, which git refuses; it is the user's own project all the same.
    """
    command: list[str | Path] = [
        "git",
        "-c",
        "safe.directory=*",
        "-c",
        "log.showSignature=false",
        "-C",
        folder,
        *arguments,
    ]
    try:
        finished = run(command, env=environment(build=True), seconds=60, errors=False)
    except OSError:
        return ""
    return finished.output.strip() if finished.status == 0 else ""


def find_python(wanted: str) -> str:
    """Return a Python of this machine that fits `wanted` (`3.12`, `>=3.10,<3.14`), as uv finds it; empty without."""
    command = ["uv", "python", "find", "--no-config", "--no-project", "--system", wanted]
    found = run(command, env=environment(), seconds=60, errors=False).output.strip()
    return found if Path(found).is_file() else ""


# Whoever knows a signed address of Azure's storage may use it. JSON and addresses in addresses spell it in other ways;
# `pysig==1.0` is a requirement.
_SIGNATURE = re.compile(r"(sig(?:=(?!=)|%3D|\\u003d))[^&\s\"'\\<>]+", re.IGNORECASE)


def unsigned(text: str) -> str:
    """Return `text` with the signatures of signed addresses blanked out."""
    return _SIGNATURE.sub(r"\1***", text)


def hide() -> None:
    """Keep other processes of the same user from reading our environment in /proc (Linux; no help against root).

    prctl(2), PR_SET_DUMPABLE. The build and the proof run the project's code beside us.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def end_all() -> None:
    """End every tool that is running, because the step was cancelled."""
    for child in tuple(_running):
        _end(child)


def _end(child: subprocess.Popen[str]) -> None:
    """End a tool and whatever it started; a build's backend would otherwise live on and hold our pipe."""
    if sys.platform == "win32":
        child.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
