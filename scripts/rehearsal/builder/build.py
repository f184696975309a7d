"""The image builder: really installs a registered environment, with the workspace's credentials.

The service writes the credentials of the closest connection into the URLs of the conda spec
(azure-sdk-for-python#22441) and signs those of the workspace's own storage (Learn, how-to-use-private-python-packages:
"the service exchanges the URL for a SAS URL"); conda then hands the `pip:` lines to pip as a requirements file.
"""

import atexit
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..git_host.git import trusting_environment
from ..state import images, names
from ..state.store import Store
from ..storage import roles
from . import conda_spec, held, targets
from .credentials import BUILD_WITHIN, COMMIT, insert_credentials, masked, secrets_of, sign_own_urls

_LEGACY_TAGS = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_PASSED_ON = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "XDG_CACHE_HOME",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "LOCALAPPDATA",
)


@dataclass(frozen=True)
class BuildResult:
    """How a build went; the log holds pip's output, with credentials masked."""

    ok: bool
    log: str
    installed: tuple[str, ...] = ()
    """`name version` of everything that was installed."""


Tell = Callable[[str], object]
"""Takes each piece of a build's log as it comes."""


class Place(Protocol):
    """Where a build runs: a `World`, or its proxy's inside."""

    @property
    def store(self) -> Store:
        """What the local Azure remembers."""

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return `base` changed so that a process lives in the local Azure."""


def build(place: Place, workspace_id: str, name: str, version: str, tell: Tell = len) -> BuildResult:
    """Build an environment's image as far as it matters here: check the base image, install the packages.

    `tell` gets the log while it is written. KeyError if the workspace or the environment doesn't exist.
    """
    parts = workspace_id.strip("/").split("/")
    record = place.store.read("arm")[parts[1]][parts[3]][parts[-1]]
    properties = record["environments"][name][version]["properties"]
    connections = [one["properties"] for one in record["connections"].values()]
    account = names.storage_account(workspace_id)
    try:
        held.check_conda(place.store, _manifest(place.store, properties["image"]))
        spec = conda_spec.parse(properties["condaFile"] or "")
        held.check_network(record.get("network", {}), spec.pip_lines)
        form = place.store.read("builder")["pat"]
        lines = [insert_credentials(line, connections, form) for line in spec.pip_lines]
    except (conda_spec.SpecError, held.HeldError, targets.AmbiguousTargetError) as error:
        tell(f"{error}\n")
        return BuildResult(ok=False, log=f"{error}\n")
    signed = [sign_own_urls(line, account, place.store, roles.identity(parts[-1])) for line in lines]
    return _install(place, spec, signed, secrets_of(connections), tell, platforms(properties["image"]))


def platforms(image: str) -> list[str]:
    """Return the platform tags that pip has in the image, best first (packaging, `_manylinux.py`)."""
    tags = []
    for minor in range(images.glibc(image), 4, -1):
        tags.append(f"manylinux_2_{minor}_x86_64")
        if minor in _LEGACY_TAGS:
            tags.append(f"{_LEGACY_TAGS[minor]}_x86_64")
    return [*tags, "linux_x86_64"]


def _manifest(store: Store, image: str) -> str:
    """Return the manifest of an image by digest; SpecError if the registry hasn't it."""
    host, _, rest = image.partition("/")
    repository, _, pinned = rest.partition("@")
    manifests = store.read("registry").get(host, {}).get(repository.partition(":")[0], {})
    for text in manifests.values():
        if images.digest(text) == pinned:
            return str(text)
    raise conda_spec.SpecError(f"manifest unknown: {image}")


def _install(  # noqa: PLR0913, PLR0917  # what a build consists of
    place: Place, spec: conda_spec.CondaSpec, lines: list[str], secrets: list[str], tell: Tell, tags: list[str]
) -> BuildResult:
    with tempfile.TemporaryDirectory(prefix="image-build-") as folder:
        target, requirements = pathlib.Path(folder, "site-packages"), pathlib.Path(folder, "requirements.txt")
        requirements.write_text("\n".join(lines) + "\n", "utf-8")
        command = [sys.executable, "-I", "-X", "utf8", str(pathlib.Path(__file__).with_name("target_pip.py"))]
        log: list[str] = []

        def told(text: str) -> None:
            log.append(masked(text, secrets))
            tell(log[-1])

        arguments = _arguments(spec.python, target, requirements, tags)
        if any(map(COMMIT.fullmatch, lines)):  # an image has no cache, where an earlier build of the commit might lie
            arguments.append("--no-cache-dir")
        status = _run([*command, *arguments], _environment(place), folder, told)
        return BuildResult(status == 0, "".join(log), _installed(target))


def _run(command: list[str], environment: dict[str, str], folder: str, tell: Tell) -> int:
    """Run pip as conda does, and return its status.

    What pip prints on its error stream comes last and only if it failed, headed "Pip subprocess error:" (conda,
    `env/pip_util.py`). Our pip ends with us.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        pip = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            errors="replace",
            cwd=folder,
        )
        atexit.register(pip.kill)
        watchdog = threading.Timer(BUILD_WITHIN, pip.kill)
        watchdog.daemon = True  # or the proxy would wait for it
        watchdog.start()
        with pip:
            for line in pip.stdout or ():
                tell(line)
        if not watchdog.is_alive():
            tell(f"pip took more than {BUILD_WITHIN} s\n")
        watchdog.cancel()
        atexit.unregister(pip.kill)
        if pip.returncode:
            errors.seek(0)
            tell(f"\nPip subprocess error:\n{errors.read()}\nfailed\n\nCondaEnvException: Pip failed\n")
        return pip.returncode


def _arguments(python: str, target: pathlib.Path, requirements: pathlib.Path, tags: list[str]) -> list[str]:
    """Return pip's arguments: conda's own, and what makes it install for the image instead of for us."""
    options: list[Any] = [python, "install", "--exists-action=b", "-r", requirements, "--target", target]
    options += [
        "--python-version",
        python,
        "--implementation",
        "cp",
        "--only-binary=:all:",
        "--no-compile",
        "--no-warn-conflicts",
    ]
    for tag in tags:
        options += ["--platform", tag]
    return [str(option) for option in [*options, "--disable-pip-version-check", "--progress-bar=off", "--no-color"]]


def _environment(place: Place) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    inside = place.environment(kept)
    return {
        **{key: value for key, value in inside.items() if not key.startswith("AZURE_")},
        "PIP_CONFIG_FILE": os.devnull,
        **trusting_environment(inside["REQUESTS_CA_BUNDLE"]),
    }


def _installed(target: pathlib.Path) -> tuple[str, ...]:
    folders = target.glob("*.dist-info") if target.is_dir() else ()
    return tuple(sorted(folder.name.removesuffix(".dist-info").replace("-", " ") for folder in folders))
