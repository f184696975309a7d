"""The emitted files. The same release gives the same bytes, whenever and wherever it is written."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ..errors.inputs import OutputNotWritable
from ..model import exact
from ..model.environment import Environment, Python
from ..model.wheel import Pin, Wheel


def check_folder(folder: Path, name: str = "output-dir") -> None:
    """Try to write in `folder`, or where it will be made; raise OutputNotWritable before anything has changed.

    `name` is the input that names it.

    Nothing stays behind: the build would find a new folder in the project.
    """
    place = next((each for each in (folder, *folder.resolve().parents) if each.exists()), Path())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".amlwheel-"):
            pass
    except OSError as error:
        raise _not_writable(name, folder, error) from None


def lock_text(pins: Sequence[Pin], python: Python, options: Sequence[str]) -> str:
    """Return the lock for pip and uv: options first, then one hashed requirement a line."""
    head = f"# Locked by amlwheel for Python {python.exact} on {python.platform.name}.\n"
    return head + "".join(f"{line}\n" for line in (*options, *(pin.local_line for pin in pins)))


def files(environment: Environment, lock: str, receipt: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each file by its name."""
    return {
        "conda.yml": environment.conda,
        "requirements.lock": lock,
        "environment.yml": _asset(environment, tags),
        "azureml_environment.json": _json(_azureml_core(environment)),
        "aml-release.json": _json(receipt),
    }


def _not_writable(name: str, folder: Path, error: OSError) -> OutputNotWritable:
    why = error.strerror or os.strerror(error.errno or 0)
    place = "a folder" if name == "output-dir" else "a file in a folder"
    return OutputNotWritable(
        f"`{name}` {str(folder)!r} can't be written: {why}.", fix=f"Set `{name}` to {place} that the job may write to."
    )


def write(folder: Path, texts: Mapping[str, str], wheels: Sequence[Wheel], given: str = "output-dir") -> None:
    """Write `texts` and copies of `wheels` (below dist/). Each file appears whole or not at all.

    `given` is the input that names the folder.

    Raises OutputNotWritable, and FileChanged for a wheel that isn't the one that was released any more.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            part = folder / f".{name}.part"
            part.write_bytes(text.encode())
            part.replace(folder / name)
        (folder / "dist").mkdir(exist_ok=True)
        for wheel in wheels:
            place = folder / "dist" / wheel.filename
            part = place.with_name(f".{place.name}.part")
            with exact.held(wheel.path, wheel.sha256) as content, part.open("wb") as copy:
                shutil.copyfileobj(content, copy, exact.BLOCK)
            part.replace(place)
    except OSError as error:
        raise _not_writable(given, folder, error) from None


def _asset(environment: Environment, tags: Mapping[str, str]) -> str:
    """Return the environment asset for the CLI v2. The version is quoted: YAML would read 1.10 as 1.1."""
    asset = {
        "$schema": "https://azuremlschemas.azureedge.net/latest/environment.schema.json",
        "name": environment.name,
        "version": environment.version,
        "image": environment.image.pinned,
        "conda_file": "conda.yml",
        "tags": dict(tags),
    }
    text: str = yaml.safe_dump(asset, sort_keys=False, width=10**6, allow_unicode=True)
    return text.replace(f"version: {environment.version}\n", f"version: {json.dumps(environment.version)}\n", 1)


def _azureml_core(environment: Environment) -> dict[str, Any]:
    """Return the data for azureml-core's `Environment.load_from_directory`.

    The conda spec stands inline: without it the SDK looks for conda_dependencies.yml, finds none, and reports nothing.
    Empty variables keep out the SDK's EXAMPLE_ENV_VAR.
    """
    return {
        "name": environment.name,
        "version": environment.version,
        "environmentVariables": {},
        "python": {
            "userManagedDependencies": False,
            "interpreterPath": "python",
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
            "condaDependencies": environment.spec,
        },
        "docker": {
            "enabled": False,
            "baseImage": environment.image.pinned,
            "baseDockerfile": None,
            "sharedVolumes": True,
            "shmSize": "2g",
            "arguments": [],
            "baseImageRegistry": {
                "address": None,
                "username": None,
                "password": None,
                "registryIdentity": None,
            },
            "platform": {"os": "Linux", "architecture": "amd64"},
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True},
        "inferencingStackVersion": None,
        "r": None,
    }


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
