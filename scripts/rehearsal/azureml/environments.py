"""The environment service: what azureml-core registers and reads. ARM's environments are the same ones.

After azureml-core's `_restclient/environment_client`, which takes status 200 and nothing else.
"""

import hashlib
import json
from typing import Any

from starlette.responses import Response

from ..arm.environments import ONLY_AZUREML_CORE, cannot_be_changed, check_environment_name, not_found, store
from ..arm.guard import Visit, error
from ..web.answers import json_answer
from . import definition

PAGE = 4
"""Environments on a page: few, so that `continuationToken` is met."""


def listed(visit: Visit, _: object) -> Response:
    """List the latest version of each environment."""
    names = list(visit.records["environments"])
    start = int(visit.request.query_params.get("continuation", "0"))
    found = [_definition(visit, name, *_latest(visit, name)) for name in names[start : start + PAGE]]
    more = str(start + PAGE) if start + PAGE < len(names) else None
    return json_answer(200, {"value": found, "continuationToken": more})


def shown(visit: Visit, _: object) -> Response:
    """Show a version, or the latest."""
    return json_answer(200, _definition(visit, visit.part("name"), *find(visit)))


def put(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Register a version, the same definition as often as one likes; without a version the service counts."""
    name = visit.part("name")
    check_environment_name(name)
    wanted = definition.read(content)
    number = visit.request.path_params.get("version") or _next(visit, name)
    before = visit.records["environments"].get(name, {}).get(number)
    properties, rest = definition.to_arm(wanted)
    if before is None:
        before = store(visit, name, number, properties, **{ONLY_AZUREML_CORE: rest})
    elif definition.from_arm(before) != _as_stored(properties, rest):
        raise error(409, "UserError", cannot_be_changed(name, number))
    return json_answer(200, _definition(visit, name, number, before))


def image(visit: Visit, _: object) -> Response:
    """Tell about the image of a version: what it would be called, and whether it was built.

    In the shape that Azure ML's studio gets; the registry of a workspace has a name of 32 hex digits.
    """
    _, record = find(visit)
    name = image_name(record)
    content: dict[str, Any] = {
        "imageExistsInRegistry": name in visit.records.get("images", []),
        "intellectualPropertyPublisher": None,
        "imageCapabilities": {"canAccessData": True, "hasCrossTenantSupport": False},
        "ingredients": {"dockerfile": f"FROM {record['properties']['image']}\n"},
        "vulnerabilityFindings": {"details": None},
        "pythonEnvironment": {
            "interpreterPath": f"/azureml-envs/{name.rpartition('/')[2]}/bin/python",
            "condaEnvironmentName": None,
            "condaEnvironmentPath": f"/azureml-envs/{name.rpartition('/')[2]}",
        },
        "dockerImage": {
            "name": name,
            "registry": {"address": f"{_digest(visit.workspace.id)}.azurecr.io", "username": None, "password": None},
        },
        "warnings": [],
    }
    return json_answer(200, content)


def find(visit: Visit) -> tuple[str, dict[str, Any]]:
    """Return the version that the path names, or the latest, and its record; 404 if there is none."""
    name, number = visit.part("name"), visit.request.path_params.get("version")
    known: dict[str, dict[str, Any]] = visit.records["environments"].get(name, {})
    if not known:
        raise not_found(name)
    if number is None:
        return _latest(visit, name)
    if number not in known:
        raise not_found(f"{name}:{number}")
    return number, known[number]


def image_name(record: dict[str, Any]) -> str:
    """Return the name of an image: content makes it, not the environment's name (Learn, concept-environments)."""
    content = definition.from_arm(record)
    built = [content["docker"]["baseImage"], content["python"]["condaDependencies"]]
    return f"azureml/azureml_{_digest(json.dumps(built, sort_keys=True))}"


def _as_stored(properties: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    return definition.from_arm({"properties": properties, ONLY_AZUREML_CORE: rest})


def _latest(visit: Visit, name: str) -> tuple[str, dict[str, Any]]:
    known: dict[str, dict[str, Any]] = visit.records["environments"][name]
    return list(known.items())[-1]


def _next(visit: Visit, name: str) -> str:
    """Return the next number. That an unchanged definition gets a new one is our model; for v1 nobody says."""
    taken = [int(known) for known in visit.records["environments"].get(name, {}) if known.isdecimal()]
    return str(max(taken, default=0) + 1)


def _definition(visit: Visit, name: str, number: str, record: dict[str, Any]) -> dict[str, Any]:
    workspace = visit.workspace.record
    place = f"azureml://locations/{workspace['location']}/workspaces/{workspace['workspaceId']}"
    identity = {"name": name, "version": number, "assetId": f"{place}/environments/{name}/versions/{number}"}
    return {**identity, **definition.from_arm(record)}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
