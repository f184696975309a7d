"""Install the environment's packages into a new folder as the image builder will, with the same token."""

import platform
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors.environment import ImportFailed, ProofFailed
from ..model.azure import Connection
from ..model.environment import Environment, Python
from ..model.secret import Secret
from ..transport import http, process, tools, variables

SECONDS = 1800.0
IMPORT_SECONDS = 120.0


def prove(
    environment: Environment,
    connection: Connection | None,
    token: Secret,
    modules: Sequence[str],
    echo: Callable[[str], None],
) -> str:
    """Install the packages of `environment` and import `modules`; return one line about what was proven.

    The feed's own packages are fetched with `token` and without a cache, as the builder fetches them, and so are those
    of an index that the connection covers. Stored wheels are installed from the files that were stored, packages of
    another index from that index alone, and the rest as this machine gets public packages. Every file must have its
    sha256. Raises ProofFailed, ImportFailed, NoNetwork.
    """
    private = {pin.name for pin in environment.pins if pin.private}
    requirements = [item for item in environment.pip if not item.startswith("--")]
    stored = [line for line in requirements if line.startswith("file:")]
    ours = [line for line in requirements if line.split("==")[0] in private]
    elsewhere = {pin.name: pin.index for pin in environment.pins if pin.index}
    places: dict[str, list[str]] = {}
    for line in requirements:
        if line not in (*stored, *ours):
            places.setdefault(elsewhere.get(line.split("==")[0], ""), []).append(line)
    python = environment.base.python
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as name:
        installer = _Installer(Path(name), python, echo)
        # uv gets the token in its environment: every user of the machine could read it in an argument.
        access = dict(zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(token), strict=True))
        if ours and connection:
            index = ["--no-cache", "--default-index", f"feed={_index(environment, connection)}"]
            installer.install(ours, "the feed", index, access)
        installer.install(stored, "this release", [], {})
        for place, lines in sorted(places.items()):
            mine = access if place and connection and connection.covers(place) else {}
            options = ["--no-cache"] if mine else []
            options += ["--default-index", f"feed={place}"] if place else []
            installer.install(lines, place or "the public index", options, mine)
        return f"{len(requirements)} installed; " + _import(installer.site, modules, python, echo)


class _Installer:
    """Installs locked packages into one folder, for the image's Python and platform."""

    def __init__(self, folder: Path, python: Python, echo: Callable[[str], None]) -> None:
        self.site = folder / "site"
        self._folder, self._python, self._echo = folder, python, echo

    def install(self, lines: Sequence[str], source: str, options: Sequence[str], access: dict[str, str]) -> None:
        """Install the requirement `lines` from one index; raise ProofFailed with uv's last lines."""
        if not lines:
            return
        listed = self._folder / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command: list[str | Path] = ["uv", "pip", "install", "--no-config", "--no-deps", "--require-hashes"]
        command += [*options, "--target", self.site]
        command += ["--python-version", self._python.exact, "--python-platform", self._python.platform.name]
        command += ["--only-binary", ":all:", "--requirement", listed]
        env = variables.for_tool() | access
        finished = process.run(command, env=env, cwd=self._folder, seconds=SECONDS, echo=self._echo)
        tools.check(finished, ProofFailed, f"{len(lines)} package(s) from {source} don't install as locked.")


def _index(environment: Environment, connection: Connection) -> str:
    """Return the feed's address in the spec; the builder adds credentials to an address that the connection covers."""
    for item in environment.pip:
        match = re.fullmatch(r"--(?:extra-)?index-url (\S+)", item)
        if match and connection.covers(match[1]):
            return match[1]
    raise ProofFailed(f"No index in the environment is covered by connection {connection.name} ({connection.target}).")


def _import(site: Path, modules: Sequence[str], python: Python, echo: Callable[[str], None]) -> str:
    """Import `modules` with the image's Python, if this machine has it and the image's platform; return what was done.

    `-S` hides the interpreter's own packages, which could take the place of a dependency that isn't in the lock.
    """
    if not modules:
        return "nothing in them to import"
    interpreter = _interpreter(python)
    if not interpreter:
        return f"not imported (no Python {python.minor} for Linux x86-64 here)"
    if _glibc() < python.platform.glibc:
        return (
            f"not imported (it may need glibc 2.{python.platform.glibc}, which the image has and this machine hasn't)"
        )
    code = (
        "import importlib, sys, site; site.addsitedir(sys.argv[1]); [importlib.import_module(m) for m in sys.argv[2:]]"
    )
    command: list[str | Path] = [interpreter, "-I", "-S", "-B", "-c", code, site, *modules]
    finished = process.run(
        command, env=variables.for_tool(build=True), cwd=site.parent, seconds=IMPORT_SECONDS, echo=echo
    )
    if finished.status != 0:
        raise ImportFailed(
            f"{', '.join(modules)} can't be imported with Python {python.minor} from the installed packages.",
            details=finished.tail(),
        )
    return f"imported {', '.join(modules)}"


def _glibc() -> int:
    """Return the minor version of this machine's glibc 2, 0 if it has none."""
    name, version = platform.libc_ver()
    return int(version.split(".")[1]) if name == "glibc" else 0


def _interpreter(python: Python) -> str:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return ""
    if sys.version_info[:2] == python.numbers:
        return sys.executable
    return tools.find_python(python.minor)
