"""The outputs of the step and of `consume`: their names, meanings and values."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from ..model.azure import Connection
from ..model.feed import Feed
from ..plan.change import Change
from .release import Release
from .targets import targets


def outputs(release: Release, folder: str, changes: Sequence[Change[Any]]) -> dict[str, str]:
    """Return the step's outputs by name; those about packages have a line for each package."""
    environment = release.environment
    return {
        "package-name": "\n".join(wheel.project for wheel in release.own),
        "package-version": "\n".join(str(wheel.version) for wheel in release.own),
        "wheel": "\n".join(f"{folder}/dist/{wheel.filename}" for wheel in release.own),
        "wheel-sha256": "\n".join(wheel.sha256 for wheel in release.own),
        "index-url": release.feed.index_url if release.feed else "",
        "connection": release.connection.name if release.connection else "",
        "environment": release.reference,
        "environment-name": environment.name,
        "environment-version": environment.version,
        "studio-url": "\n".join(each.studio(environment.name, environment.version) for each in release.workspaces),
        "environments": json.dumps(targets(release, changes), separators=(",", ":")),
        "environment-file": f"{folder}/environment.yml",
        "conda-file": f"{folder}/conda.yml",
        "lock-file": f"{folder}/requirements.lock",
        "receipt": f"{folder}/aml-release.json",
        "changed": "true" if any(change.changes for change in changes) else "false",
    }


def of_packages(releases: Iterable[tuple[Release, Sequence[Change[Any]]]]) -> str:
    """Return the output `environments` of several environments, each with its changes: also the package of each."""
    found = [
        {"package": release.wheels[0].project, **each}
        for release, changes in releases
        for each in targets(release, changes)
    ]
    return json.dumps(found, separators=(",", ":"))


def connected(connection: Connection, feed: Feed | None, *, changed: bool) -> dict[str, str]:
    """Return the outputs of a run that only connects: those about a release are empty."""
    return {
        **dict.fromkeys(OUTPUTS, ""),
        "index-url": feed.index_url if feed and connection.category != "Git" else "",
        "connection": connection.name,
        "changed": "true" if changed else "false",
    }


OUTPUTS = {
    "package-name": "Name of the package; one line each for several packages.",
    "package-version": "Version of the package; one line each for several packages.",
    "wheel": "Path of the wheel; one line each for several packages.",
    "wheel-sha256": "sha256 of the wheel in hex; one line each for several packages.",
    "index-url": "Address of the feed's simple index, without a credential; empty without a feed.",
    "connection": "Name of the connection with which workspaces build images; empty without one.",
    "environment": "The environment as jobs name it: `azureml:NAME:VERSION`; without a workspace the reference to the "
    "first registry.",
    "environment-name": "Name of the environment.",
    "environment-version": "Version of the environment.",
    "studio-url": "Address of the environment in Azure ML's studio; one line for each workspace and registry.",
    "environments": "The environment on each workspace, as JSON: a list of objects with `workspace` (its resource id; "
    "for a registry `registry`, its name), `reference` (as jobs name it), `changed` (a boolean) and `studio-url`; with "
    "`environment-per-package` an object for each package and workspace, which has `package` as well.",
    "environment-file": "Path of the environment asset, for `az ml environment create -f`.",
    "conda-file": "Path of the conda specification.",
    "lock-file": "Path of the hashed lock.",
    "receipt": "Path of the receipt, `aml-release.json`.",
    "changed": "`true` if the run changed anything outside the job (in a dry run: would change), otherwise `false`.",
}

# Those of `consume`, which reads a receipt.
CONSUME_OUTPUTS = {
    "environment": "The environment as jobs name it: `azureml:NAME:VERSION`; the reference in a registry, where a "
    "workspace has it from there.",
    "environment-id": "Id of the environment; one line for each workspace and registry that was asked.",
    "environment-name": "Name of the environment.",
    "environment-version": "Version of the environment.",
    "package-name": "Name of the package; one line each for several packages.",
    "package-version": "Version of the package; one line each for several packages.",
    "connection": "Name of the connection with which workspaces build images; empty without one.",
    "index-url": "Address of the feed's simple index; empty without a feed.",
}
