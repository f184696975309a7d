#!/usr/bin/env python3
"""Make a private virtual environment from a hash lock, then run the step in it.

This file uses only the standard library and old syntax: Python 3.6 to 3.9 can parse it, and so it can report that
they are too old. The user's own interpreter and packages are never changed.
"""

import ast
import contextlib
import hashlib
import html
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NoReturn

OLDEST = (3, 10)
HERE = pathlib.Path(__file__).resolve().parent
LOCK = HERE / "locks" / "step.txt"
PATIENCE = 900  # seconds that one run of an installer may take
UNUSED = 14 * 24 * 3600  # seconds without use after which an environment is removed

# What is imported is no garbage: to look for some all the time would take a tenth of the start.
START = (
    "import gc, sys; gc.set_threshold(100_000); sys.path.insert(0, sys.argv.pop(1)); "
    "import bootstrap; from amlwheel.__main__ import main; bootstrap.leave(main())"
)
PIP_INSTALL = "pip install --quiet --no-compile --no-deps --require-hashes --only-binary=:all:".split()
# Copies: a link would let whoever writes into uv's cache write into the environment, and changes with each other link.
UV_INSTALL = "pip install --quiet --no-config --link-mode=copy --no-deps --require-hashes --only-binary=:all:".split()

# Settings of pip, uv, Python and conda that would change an install, and secrets, which an installer doesn't need.
DROPPED = re.compile(
    r"((PIP|UV|PYTHON|CONDA|VIRTUAL_ENV|__PYVENV|AMLWHEEL|AZURE|ACTIONS|INPUT|SECRET|ENDPOINT)(_.*)?"
    r"|PYTHON.*|SYSTEM_ACCESSTOKEN)",
    re.IGNORECASE,
)
# Settings that a company's runners need: mirror, its credentials, proxy, certificates, time limits, caches.
# Extra indexes are left out, because the lock needs one complete index. A project's private feed could only do
# harm: it may ask for credentials (uv gives up at a 401) or have other versions of a name (uv stays with the
# first index that has the name).
KEPT = re.compile(
    r"PIP_(INDEX_URL|CERT|CLIENT_CERT|PROXY|TRUSTED_HOST|DEFAULT_TIMEOUT|TIMEOUT|RETRIES|CACHE_DIR)"
    r"|UV_(DEFAULT_INDEX|INDEX_URL|INDEX_\w+_(USERNAME|PASSWORD)|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS"
    r"|KEYRING_PROVIDER|CACHE_DIR|HTTP_TIMEOUT|HTTP_RETRIES|REQUEST_TIMEOUT|CONCURRENT_DOWNLOADS)",
    re.IGNORECASE,
)
FIXED = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "UV_NO_CONFIG": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_LINK_MODE": "copy",  # a hard link in another environment would let a build change our files
}

NEWER_ON_GITHUB = """Put this step before it:
  - uses: actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0
    with: {python-version: "3.12"}"""
NEWER_ON_AZURE = """Put this step before it:
  - task: UsePythonVersion@0
    inputs: {versionSpec: "3.12"}"""
NEWER_ELSEWHERE = "Run it with a newer one, for example: python3.12 "
UNREACHABLE = (
    "Most likely this machine can't reach the Python package index. Check its network. If your company has a "
    "mirror, a proxy or certificates of its own, set PIP_INDEX_URL, HTTPS_PROXY and SSL_CERT_FILE"
)


FULL = "Its disk is full. Make room, or name folders that have it in TMPDIR, UV_CACHE_DIR and XDG_CACHE_HOME"


class BootstrapError(Exception):
    """The step can't start: the exit status, what happened, the one thing to do, and the output of the tools."""

    def __init__(self, status: int, cause: str, remedy: str, output: str = "") -> None:
        """Keep the parts apart, because each host shows them in its own way."""
        super().__init__(f"{cause}\n{output}")
        self.status, self.cause, self.remedy, self.output = status, cause, remedy, output


def main(argv: "list[str] | None" = None) -> int:
    """Run the step with `argv` in its own environment and return its exit status; report why it can't start."""
    try:
        require_python(sys.version_info[:2], os.environ)
        python = environment(LOCK)
    except BootstrapError as error:
        return report(error, os.environ)
    return run_step(python, sys.argv[1:] if argv is None else argv)


def tell(lock: str) -> int:
    """Make the environment of another lock and print the path of its python on a line; return the exit status.

    The step calls it when it needs a second environment, since this interpreter has pip and the step's has none.
    """
    try:
        say(f"\n{environment(pathlib.Path(lock))}")
    except BootstrapError as error:
        say(f"{error.output}\n{error.cause}.\n{error.remedy}")
        return error.status
    return 0


def require_python(version: "tuple[int, ...]", env: "Mapping[str, str]") -> None:
    """Refuse a Python that the step's packages don't support; raises BootstrapError (AW90)."""
    if version >= OLDEST:
        return
    remedy = NEWER_ON_AZURE if env.get("TF_BUILD") else NEWER_ELSEWHERE + sys.argv[0]
    remedy = NEWER_ON_GITHUB if env.get("GITHUB_ACTIONS") == "true" else remedy
    needed, given = (".".join(str(part) for part in each) for each in (OLDEST, version))
    raise BootstrapError(90, f"Python {needed} or newer is needed, found {given}", remedy)


def environment(lock: pathlib.Path, root: "pathlib.Path | None" = None) -> pathlib.Path:
    """Return the python of a ready private environment that holds exactly the packages of a hash lock.

    `root` is the folder of all environments; by default the host's temporary folder, else the user's cache. A
    new environment gets a name of its own. When everything is installed, a small file with that name is put in
    place atomically. So a killed run leaves nothing that is used later, several runs at the same time don't
    disturb each other, and no folder is renamed, which would break the scripts in it. Raises BootstrapError
    (AW91).
    """
    lock, folder = lock.resolve(), (root or default_root(os.environ)).resolve()
    key = key_of(lock.read_bytes())
    pointer = folder / f"{key}.ready"
    ready = follow(pointer)
    if ready:
        return ready
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fresh = pathlib.Path(tempfile.mkdtemp(prefix=f"{key}-", dir=str(folder)))
    except OSError:  # no home folder, or a read-only one: nothing is kept for the next run
        return fill(pathlib.Path(tempfile.mkdtemp(prefix="amlwheel-")), lock)
    fill(fresh, lock)
    return publish(fresh, pointer)


def default_root(env: "Mapping[str, str]") -> pathlib.Path:
    """Return the folder of environments: one that the host keeps for tools, else its temporary one, else a cache.

    A self-hosted runner has the former from job to job. Those of GitHub live for one job, as the temporary folder does.
    """
    tools = env.get("RUNNER_TOOL_CACHE") if env.get("RUNNER_ENVIRONMENT") == "self-hosted" else ""
    place = tools or env.get("RUNNER_TEMP") or env.get("AGENT_TOOLSDIRECTORY") or env.get("AGENT_TEMPDIRECTORY")
    place = place or env.get("XDG_CACHE_HOME")
    return pathlib.Path(place or os.path.join(os.path.expanduser("~"), ".cache")) / "amlwheel"


def key_of(lock: bytes) -> str:
    """Return a name made from everything that an environment depends on: lock, interpreter, its path, platform."""
    abi = str(sysconfig.get_config_var("SOABI"))  # tells musl from glibc
    parts = [sys.version, sys.base_prefix, sysconfig.get_platform(), abi, *UV_INSTALL]
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape") + b"\0" + lock)
    return f"py{sys.version_info[0]}.{sys.version_info[1]}-{digest.hexdigest()[:16]}"


def python_of(place: pathlib.Path) -> pathlib.Path:
    """Return the python inside the virtual environment at `place`."""
    return place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def follow(pointer: pathlib.Path) -> "pathlib.Path | None":
    """Return the python that a `.ready` file leads to, or None if there is none (any more); record its use."""
    try:
        place = pointer.parent / pointer.read_text("utf-8")
        os.utime(str(place))
    except OSError:
        return None
    python = python_of(place)
    return python if python.exists() else None


def forget(place: pathlib.Path) -> None:
    """Let no `.ready` file lead to the environment at `place` any more: somebody has changed it."""
    for pointer in place.parent.glob("*.ready"):
        if pointer.read_text("utf-8") == place.name:
            pointer.unlink()


def publish(fresh: pathlib.Path, pointer: pathlib.Path) -> pathlib.Path:
    """Let `pointer` name the environment `fresh`; remove environments, complete or not, that are long unused."""
    draft = fresh / "ready"
    draft.write_text(fresh.name, "utf-8")
    os.replace(str(draft), str(pointer))
    for place in (*pointer.parent.glob("py*-*-*"), *pointer.parent.glob("amlwheel-*")):  # that of a run that was killed
        if time.time() - place.stat().st_mtime > UNUSED:
            shutil.rmtree(str(place), ignore_errors=True)
    return python_of(fresh)


def fill(place: pathlib.Path, lock: pathlib.Path) -> pathlib.Path:
    """Install a lock's packages with the first installer that succeeds; raises BootstrapError (AW91)."""
    began = time.monotonic()
    failures = []  # type: list[str]
    with clock(f"amlwheel: installing the packages of {lock.name} ... "):
        how = install(place, lock, failures)
    if how:
        count = sum(1 for _ in place.rglob("*.dist-info"))
        say(f"{count} {how}, {time.monotonic() - began:.1f} s")
        return python_of(place)
    say("failed")
    shutil.rmtree(str(place), ignore_errors=True)
    cause = f"the packages that it runs on ({lock.name}) could not be installed"
    output = "\n".join(failures)
    raise BootstrapError(91, cause, FULL if "No space left on device" in output else UNREACHABLE, output)


def install(place: pathlib.Path, lock: pathlib.Path, failures: "list[str]") -> str:
    """Try one installer after the other; return how the packages were installed, empty if all failed."""
    env = tool_environment(os.environ, pip_config())
    for installer in (with_own_uv, with_fetched_uv, with_pip):
        how = installer.__name__.replace("_", " ")
        try:
            installer(place, lock, env)
        except (OSError, subprocess.SubprocessError) as error:
            failures.append(f"{how}: {explain(error)}")
            debug(failures[-1])
        else:
            return how
    return ""


def with_own_uv(place: pathlib.Path, lock: pathlib.Path, env: "Mapping[str, str]") -> None:
    """Install with the uv on PATH; raises FileNotFoundError if there is none."""
    uv = shutil.which("uv", path=env.get("PATH"))
    if not uv:
        raise FileNotFoundError("there is none on PATH")
    with_this_uv(uv, place, lock, env)


def with_fetched_uv(place: pathlib.Path, lock: pathlib.Path, env: "Mapping[str, str]") -> None:
    """Install with a uv that pip fetches by the hashes in the step's lock, which is faster than pip alone."""
    with tempfile.TemporaryDirectory(prefix="amlwheel-uv-") as scratch:
        pinned = pathlib.Path(scratch) / "uv.txt"
        pinned.write_text(requirement(LOCK.read_text("utf-8"), "uv"), "utf-8")
        run([sys.executable, "-m", *PIP_INSTALL, "--target", scratch, "-r", str(pinned)], env)
        uv = shutil.which("uv", path=str(pathlib.Path(scratch) / "bin"))
        with_this_uv(uv or "uv", place, lock, env)


def with_this_uv(uv: str, place: pathlib.Path, lock: pathlib.Path, env: "Mapping[str, str]") -> None:
    """Make an environment without pip, which takes 0.1 s instead of 4 s, and let `uv` fill it."""
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(place)], env)
    run([uv, *UV_INSTALL, "--python", str(python_of(place)), "-r", str(lock)], env)


def with_pip(place: pathlib.Path, lock: pathlib.Path, env: "Mapping[str, str]") -> None:
    """Install with the environment's own pip, which is slow."""
    run([sys.executable, "-m", "venv", "--clear", str(place)], env)
    run([str(python_of(place)), "-m", *PIP_INSTALL, "-r", str(lock)], env)


def requirement(lock: str, name: str) -> str:
    """Return the lines of one package in a lock, with its hashes; empty if the package isn't there."""
    lines = re.search(rf"^{re.escape(name)}==.*(?:\n[ \t]+.*)*\n", lock, re.MULTILINE)
    return lines.group() if lines else ""


def clean_environment(base: "Mapping[str, str]") -> "dict[str, str]":
    """Return `base` without secrets and settings that change an install; index, proxy and certificates stay.

    A tool with the result as its environment reads no configuration file of pip or uv.
    """
    kept = {name: value for name, value in base.items() if KEPT.fullmatch(name) or not DROPPED.fullmatch(name)}
    return {**kept, **FIXED}


def tool_environment(base: "Mapping[str, str]", config: "Mapping[str, str]") -> "dict[str, str]":
    """Return a clean environment for installers, in which pip and uv share one index and its certificates.

    So a machine that is set up for one of them is set up for both. `config` is pip's configuration, by option;
    it applies where the environment has no value.
    """
    env = clean_environment(base)
    for name in ("index-url", "cert", "proxy", "trusted-host"):
        share(env, "PIP_" + name.upper().replace("-", "_"), config.get(name))
    share(env, "UV_DEFAULT_INDEX", env.pop("UV_INDEX_URL", None) or env.get("PIP_INDEX_URL"))
    share(env, "PIP_INDEX_URL", re.sub(r"^[\w.-]+=", "", env.get("UV_DEFAULT_INDEX", "")))  # uv's may be named
    share(env, "SSL_CERT_FILE", env.get("PIP_CERT") or env.get("REQUESTS_CA_BUNDLE"))
    share(env, "REQUESTS_CA_BUNDLE", env.get("SSL_CERT_FILE"))
    share(env, "HTTPS_PROXY", env.get("PIP_PROXY"))
    share(env, "UV_INSECURE_HOST", env.get("PIP_TRUSTED_HOST"))
    return env


def share(env: "dict[str, str]", name: str, value: "str | None") -> None:
    """Set a variable, unless it has a value already, in capital or in small letters."""
    if value and not env.get(name) and not env.get(name.lower()):
        env[name] = value


def may_have_config(env: "Mapping[str, str]") -> bool:
    """Tell whether pip may have a configuration: without any of its files nobody needs to ask it, which takes 0.4 s.

    Source: pip, "Configuration", "Location"; on other systems than Linux it is always asked.
    """
    home, local = os.path.expanduser("~"), env.get("XDG_CONFIG_HOME")
    folders = [*env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"), "/etc/xdg", local or os.path.join(home, ".config")]
    paths = [os.path.join(each, "pip", "pip.conf") for each in folders]
    paths += ["/etc/pip.conf", os.path.join(home, ".pip", "pip.conf"), os.path.join(sys.prefix, "pip.conf")]
    return sys.platform != "linux" or bool(env.get("PIP_CONFIG_FILE")) or any(map(os.path.exists, paths))


def pip_config() -> "dict[str, str]":
    """Return the options in the user's pip configuration, merged as pip merges them; none if there is no pip."""
    if not may_have_config(os.environ):
        return {}
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        listed = run([sys.executable, "-m", "pip", "config", "list"], env)
    except (OSError, subprocess.SubprocessError):
        return {}
    options = re.findall(r"^(?:global|install)\.([a-z-]+)=('.*'|\".*\")\r?$", listed, re.MULTILINE)
    return {option: str(ast.literal_eval(value)).strip() for option, value in options}


def run(command: "list[str]", env: "Mapping[str, str]") -> str:
    """Run a tool without input, away from any project's own configuration; return its output."""
    debug("$ " + " ".join(command))
    done = subprocess.run(
        command,
        env=dict(env),
        cwd=str(LOCK.parent),
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
    )
    return done.stdout.decode("utf-8", "replace")


def explain(error: Exception) -> str:
    """Return the last lines of a failed tool's output, or the error itself."""
    output = (getattr(error, "output", None) or b"").decode("utf-8", "replace")
    return "\n".join(output.strip().splitlines()[-6:]) or str(error)


def run_step(python: pathlib.Path, argv: "list[str]") -> int:
    """Run the step from source in its environment and return its exit status.

    `-I` ignores PYTHONUTF8 and PYTHONPATH. Hence `-X utf8`, since Windows would read and write cp1252, and
    START, which names the path.
    """
    options = ["-X", "utf8", *bytecode(python.parent.parent), "-I"]
    command = [str(python), *options, "-c", START, str(HERE), *argv]
    debug(f"Python {sys.version.split()[0]} at {sys.executable} starts the step with {python}")
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)  # the host's signals reach the step itself
    child = subprocess.Popen(command)
    for name in ("SIGINT", "SIGBREAK"):  # Windows sends them to the step, too, which then ends
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    return child.wait()


def leave(status: int) -> "NoReturn":
    """End the step's process at once: Python would take all modules apart first, a tenth of a second nobody needs."""
    import atexit  # noqa: PLC0415  # only the step's own process needs it

    atexit._run_exitfuncs()  # noqa: SLF001  # what is removed at the end
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads any more
            stream.flush()
    os._exit(status)


def bytecode(place: pathlib.Path) -> "list[str]":
    """Return Python's options for bytecode: in the first run none, later it lies beside the environment.

    The first run of the step has it written when it ends, see `transport/installed.py`. The folder of the Action stays
    as it was checked out.
    """
    cache = place / "bytecode"
    if cache.is_dir():
        return ["-X", f"pycache_prefix={cache}"]
    cache.mkdir(exist_ok=True)  # another job may make it at the same time
    return ["-B"]


def report(error: BootstrapError, env: "Mapping[str, str]") -> int:
    """Tell the host why the step can't start; return the exit status that this host expects."""
    code, text = f"AW{error.status}", f"{error.cause}.\n{error.remedy}"
    if error.output:
        say(neutralise(error.output))
    if env.get("GITHUB_ACTIONS") == "true":
        say(f"::error title=amlwheel {code}::{escape(text, '%25')}")
        if env.get("GITHUB_STEP_SUMMARY"):
            with contextlib.suppress(OSError), open(env["GITHUB_STEP_SUMMARY"], "a", encoding="utf-8") as page:
                page.write(f"## Failed: {code}\n\n<pre>\n{html.escape(text)}\n</pre>\n")
        return error.status
    if env.get("TF_BUILD"):
        say(f"##vso[task.logissue type=error;code={code};]amlwheel {code}: {escape(text, '%AZP25')}")
        # As amlwheel.hosts.azure_variables.is_task tells it.
        if not any(name in env for name in ("INPUT_FEED", "INPUT_WORKSPACE", "INPUT_DRYRUN")):
            return error.status
        # In our task: the agent takes every status but 0 for a failure of the task itself.
        say(f"##vso[task.complete result=Failed;]amlwheel {code}: {escape(error.cause, '%AZP25')}")
        return 0
    say(f"{code}: {text}", to_stderr=True)
    return error.status


def escape(text: str, percent: str) -> str:
    """Write a message on one line, encoded for the host (toolkit, command.ts; the agent's Command.cs)."""
    return text.replace("%", percent).replace("\r", "%0D").replace("\n", "%0A")


def neutralise(text: str) -> str:
    """Make a tool's output safe to print: no host obeys a command in it, and no URL shows a credential.

    GitHub obeys `::command::` at the start of a line and `##[command]` anywhere, and Azure
    Pipelines obeys `##vso[command]` anywhere. Lines end at LF, CR and CRLF only (actions/runner, ActionCommand.cs;
    azure-pipelines-agent, Command.cs).
    """
    lines = re.split(r"\r\n|\r|\n", re.sub(r"://[^/\s@]+@", "://***@", text))
    plain = (re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", "\ufffd", line) for line in lines)
    return "\n".join("| " + re.sub(r"##(?=\[|vso)", "#_#", line, flags=re.IGNORECASE) for line in plain)


def debug(text: str) -> None:
    """Show a text where the run was started with debug lines."""
    mark, percent = debug_mark(os.environ)
    for line in neutralise(text).splitlines() if mark else ():
        say(mark + line[2:].replace("%", percent))


def debug_mark(env: "Mapping[str, str]") -> "tuple[str, str]":
    """Return how a debug line begins and how % is written in it; empty without debug lines. As in amlwheel.hosts."""
    if env.get("TF_BUILD"):
        return ("##vso[task.debug]" if env.get("SYSTEM_DEBUG", "").lower() == "true" else ""), "%AZP25"
    if env.get("GITHUB_ACTIONS") == "true":
        return ("::debug::" if env.get("RUNNER_DEBUG") == "1" else ""), "%25"
    return ("debug: " if env.get("AMLWHEEL_DEBUG") == "1" else ""), "%"


@contextlib.contextmanager
def clock(text: str) -> "Iterator[None]":
    """Say what takes long; at a terminal with the seconds, in the same line, which what is said next replaces."""
    lines = bool(debug_mark(os.environ)[0])  # a host finds a command only where a line begins
    say(text, end="\n" if lines else "")
    began, ended = time.monotonic(), threading.Event()

    def tick() -> None:
        while not ended.wait(1):
            say(f"\r{text}{time.monotonic() - began:.0f} s ", end="")

    thread = threading.Thread(target=tick, daemon=True)
    if sys.stdout.isatty() and not lines:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if thread.is_alive():
            thread.join()
            say(f"\r{text}", end="")


def say(text: str, *, end: str = "\n", to_stderr: bool = False) -> None:
    """Print at once; a character that the stream's encoding lacks is replaced."""
    stream = sys.stderr if to_stderr else sys.stdout
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "replace").decode(encoding) + end)
    stream.flush()


if __name__ == "__main__":
    sys.exit(main())
