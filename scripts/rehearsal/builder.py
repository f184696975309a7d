"""The image builder: really installs a registered environment, with the workspace's credentials.

The service writes the credentials of the closest connection into the URLs of the conda spec
(azure-sdk-for-python#22441); conda then hands the ``pip:`` lines to pip as a requirements file.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rehearsal import conda_spec, registry_seed, targets
from rehearsal.world import World

GLIBC_MINORS = (28, 27, 26, 24, 17, 12, 5)
"""The manylinux_2_N tags that Ubuntu 22.04 installs and the index has wheels for, newest first."""
BUILD_WITHIN = 1800
"""Seconds that an installation may take."""

_LEGACY_TAGS = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_INDEX_OPTION = re.compile(r"(?P<option>-i|--index-url|--extra-index-url|-f|--find-links)(?P<gap>\s+|=)(?P<url>\S+)")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
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
    """``name version`` of everything that was installed."""


def build(world: World, workspace_id: str, name: str, version: str) -> BuildResult:
    """Build an environment's image as far as it matters here: check the base image, install the packages.

    KeyError if the workspace or the environment doesn't exist.
    """
    parts = workspace_id.strip("/").split("/")
    record = world.store.read("arm")[parts[1]][parts[3]][parts[-1]]
    properties = record["environments"][name][version]["properties"]
    connections = [one["properties"] for one in record["connections"].values()]
    try:
        _check_image(world, properties["image"])
        spec = conda_spec.parse(properties["condaFile"] or "")
        lines = [insert_credentials(line, connections) for line in spec.pip_lines]
    except (conda_spec.SpecError, targets.AmbiguousTargetError) as error:
        return BuildResult(ok=False, log=f"{error}\n")
    return _install(world, spec, lines, secrets_of(connections))


def insert_credentials(line: str, connections: Iterable[targets.Connection]) -> str:
    """Return a line for pip, with credentials in the URL if it is an index option."""
    found = _INDEX_OPTION.fullmatch(line)
    if not found:
        return line
    return f"{found['option']}{found['gap']}{targets.with_credentials(found['url'], connections)}"


def secrets_of(connections: Iterable[targets.Connection]) -> list[str]:
    """Return every stored secret."""
    return [value for one in connections for value in (one.get("credentials") or {}).values()]


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` without user information in URLs and without the secrets."""
    text = _USERINFO.sub("****@", text)
    for secret in secrets:
        text = text.replace(secret, "****")
    return text


def platforms() -> list[str]:
    """Return the platform tags of the image, best first."""
    tags = []
    for minor in GLIBC_MINORS:
        tags.append(f"manylinux_2_{minor}_x86_64")
        if minor in _LEGACY_TAGS:
            tags.append(f"{_LEGACY_TAGS[minor]}_x86_64")
    return [*tags, "linux_x86_64"]


def _check_image(world: World, image: str) -> None:
    host, _, rest = image.partition("/")
    repository, _, pinned = rest.partition("@")
    manifests = world.store.read("registry").get(host, {}).get(repository.partition(":")[0], {})
    known = {registry_seed.digest(text) for text in manifests.values()}
    if pinned not in known:
        msg = f"manifest unknown: {image}"
        raise conda_spec.SpecError(msg)


def _install(world: World, spec: conda_spec.CondaSpec, lines: list[str], secrets: list[str]) -> BuildResult:
    with tempfile.TemporaryDirectory(prefix="image-build-") as folder:
        target, requirements = pathlib.Path(folder, "site-packages"), pathlib.Path(folder, "requirements.txt")
        requirements.write_text("\n".join(lines) + "\n", "utf-8")
        command = [sys.executable, "-I", "-X", "utf8", str(pathlib.Path(__file__).with_name("target_pip.py"))]
        try:
            done = subprocess.run(
                [*command, *_arguments(spec.python, target, requirements)],
                env=_environment(world),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=BUILD_WITHIN,
                check=False,
                cwd=folder,
            )
        except subprocess.TimeoutExpired:
            return BuildResult(ok=False, log=f"pip took more than {BUILD_WITHIN} s\n")
        output = masked(done.stdout.decode("utf-8", "replace"), secrets)
        return BuildResult(done.returncode == 0, output, _installed(target))


def _arguments(python: str, target: pathlib.Path, requirements: pathlib.Path) -> list[str]:
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
    for tag in platforms():
        options += ["--platform", tag]
    return [str(option) for option in [*options, "--disable-pip-version-check", "--progress-bar=off", "--no-color"]]


def _environment(world: World) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    inside = world.environment(kept)
    return {
        **{key: value for key, value in inside.items() if not key.startswith("AZURE_")},
        "PIP_CONFIG_FILE": os.devnull,
    }


def _installed(target: pathlib.Path) -> tuple[str, ...]:
    folders = target.glob("*.dist-info") if target.is_dir() else ()
    return tuple(sorted(folder.name.removesuffix(".dist-info").replace("-", " ") for folder in folders))
