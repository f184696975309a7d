"""An environment's definition as azureml-core writes it, and what ARM shows of it: one store, two views.

The defaults are what `Environment._serialize_to_dict` of azureml-core 1.61 holds when nobody sets anything.
"""

import copy
from typing import Any

import yaml

from ..arm.environments import ONLY_AZUREML_CORE
from ..arm.guard import error

_PYTHON: dict[str, Any] = {
    "userManagedDependencies": False,
    "interpreterPath": "python",
    "condaDependenciesFile": None,
    "baseCondaEnvironment": None,
}
_DOCKER: dict[str, Any] = {
    "enabled": False,
    "baseImage": None,
    "baseDockerfile": None,
    "buildContext": None,
    "sharedVolumes": True,
    "shmSize": "2g",
    "arguments": [],
    "baseImageRegistry": dict.fromkeys(("address", "username", "password", "registryIdentity")),
    "platform": {"os": "Linux", "architecture": "amd64"},
}
_REST: dict[str, Any] = {
    "environmentVariables": {},
    "spark": {"repositories": [], "packages": [], "precachePackages": True},
    "inferencingStackVersion": None,
    "r": None,
}


def read(content: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """Return a definition from a request, with its defaults; 400 for what isn't one.

    azureml-core begins some keys with a capital, others not: the service reads both, as .NET's JSON does.
    """
    given = {key[:1].lower() + key[1:]: value for key, value in content.items()} if isinstance(content, dict) else {}
    python, docker = given.get("python"), given.get("docker")
    if not isinstance(python, dict) or not isinstance(docker, dict):
        raise error(400, "UserError", "The environment definition has no python and docker sections.")
    if not docker.get("baseImage"):
        raise error(400, "UserError", "This stand-in knows environments with a base image, and no others.")
    rest = {key: given.get(key) or default for key, default in _REST.items()}
    return {**rest, "python": {**_PYTHON, **python}, "docker": {**_DOCKER, **docker}}


def to_arm(definition: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what ARM knows of a definition, and the rest.

    The conda file is YAML that folds long lines, so that nobody compares it as text: how the service writes what
    azureml-core sent as JSON isn't known.
    """
    rest = copy.deepcopy(definition)
    conda = rest["python"].pop("condaDependencies", None)
    if rest["python"]["userManagedDependencies"]:
        conda = None
    text = yaml.safe_dump(conda, sort_keys=False) if conda else None
    image = rest["docker"].pop("baseImage")
    return {"image": image, "condaFile": text, "osType": rest["docker"]["platform"]["os"]}, rest


def from_arm(record: dict[str, Any]) -> dict[str, Any]:
    """Return the definition of what is stored, whoever registered it."""
    properties, rest = record["properties"], copy.deepcopy(record.get(ONLY_AZUREML_CORE) or {})
    conda = yaml.safe_load(properties["condaFile"]) if properties.get("condaFile") else None
    python = {**_PYTHON, "userManagedDependencies": conda is None, **rest.get("python", {}), "condaDependencies": conda}
    platform = {**_DOCKER["platform"], "os": properties["osType"]}
    docker = {**_DOCKER, "platform": platform, **rest.get("docker", {}), "baseImage": properties["image"]}
    return {**_REST, **rest, "python": python, "docker": docker}
