"""A workspace's environments, as ARM shows them. azureml-core's service (`azureml.environments`) has the same store."""

import re
from typing import Any

from starlette.responses import Response

from ..web.answers import json_answer
from . import schemas
from .guard import PROVIDER, Visit, check_name, error, page
from .records import answer, check, system_data

NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$")
IMMUTABLE = ("image", "condaFile", "build", "osType", "inferenceConfig", "autoRebuild", "isAnonymous")
"""Fields of `x-ms-mutability` create and read only."""
ONLY_AZUREML_CORE = "v1"
"""The key of a record under which `azureml.definition` keeps what ARM's contract has no place for."""

_DEFAULTS = {"osType": "Linux", "isAnonymous": False, "isArchived": False, "autoRebuild": "Disabled", "tags": {}}


def listed(visit: Visit, _: object) -> Response:
    """List the environments."""
    return page(visit.request, [_container(visit, name) for name in visit.records["environments"]], 100)


def container(visit: Visit, _: object) -> Response:
    """Show an environment: which versions come last and next."""
    if visit.part("name") not in visit.records["environments"]:
        raise not_found(visit.part("name"))
    return json_answer(200, _container(visit, visit.part("name")))


def versions(visit: Visit, _: object) -> Response:
    """List an environment's versions, as they were registered or the newest first; archived ones if they are asked for.

    `$orderBy`, `$top` and `listViewType` are in mfe.json (EnvironmentVersions_List), which names neither the orders nor
    the default view: those are azure-ai-ml's ("createdtime desc"; ActiveOnly).
    """
    if visit.part("name") not in visit.records["environments"]:
        raise not_found(visit.part("name"))
    found = [_shown(record) for record in visit.records["environments"][visit.part("name")].values()]
    query = visit.request.query_params
    view = query.get("listViewType", "ActiveOnly")
    if view != "All":
        found = [each for each in found if each["properties"]["isArchived"] is (view == "ArchivedOnly")]
    if query.get("$orderBy", "").lower().endswith(" desc"):
        found.reverse()
    if "$top" in query:
        return json_answer(200, {"value": found[: int(query["$top"])]})
    return page(visit.request, found, 100)


def version(visit: Visit, _: object) -> Response:
    """Show one version."""
    name, number = visit.part("name"), visit.part("version")
    record = visit.records["environments"].get(name, {}).get(number)
    if record is None:
        raise not_found(f"{name}:{number}")
    return json_answer(200, _shown(record))


def put(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
    """Create (201), or change what may change (200); an existing definition can't be changed."""
    name, number = visit.part("name"), visit.part("version")
    check_environment_name(name)
    check(schemas.ENVIRONMENT_REQUEST, content)
    wanted = {**_DEFAULTS, **content["properties"]}
    before = visit.records["environments"].get(name, {}).get(number)
    if before and any(before["properties"].get(key) != wanted.get(key) for key in IMMUTABLE):
        refusal = cannot_be_changed(name, number)
        raise error(409, "UserError", f"(UserError) {refusal}")
    return json_answer(200 if before else 201, _shown(store(visit, name, number, wanted)))


def store(visit: Visit, name: str, number: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
    """Put a version into the workspace's record and return it; `more` is kept with what was there before."""
    known = visit.records["environments"].setdefault(name, {})
    before = known.get(number)
    known[number] = {
        **(before or {}),
        **more,
        "id": f"{visit.workspace.id}/environments/{name}/versions/{number}",
        "name": number,
        "type": f"{PROVIDER}/workspaces/environments/versions",
        "properties": {
            **_DEFAULTS,
            **properties,
            "environmentType": "UserCreated",
            "provisioningState": "Succeeded",
        },
        "systemData": system_data(visit.caller, before),
    }
    return dict(known[number])


def check_environment_name(name: str) -> None:
    """Refuse a name that the spec's pattern doesn't match, and one of Microsoft's own environments."""
    check_name(name, NAME, "environment name")
    if name.lower().startswith("azureml"):  # azure-docs#65770 has the text, of the service behind azureml-core
        text = (
            "Environment name can not start with the prefix AzureML. "
            "To alter a curated environment first create a copy of it."
        )
        raise error(400, "UserError", text)


def cannot_be_changed(name: str, number: str) -> str:
    """Return the service's words (azure-cli-extensions#5440).

    That their status is 409 is inferred from azure-ai-ml's except-clause, and from azureml-core's comment in
    `Environment.build`: "If instance matches - no-op, otherwise conflict should occur".
    """
    return f"Environment {name} with version {number} is already registered and cannot be changed."


def not_found(name: str) -> Exception:
    """Return the answer for an environment that doesn't exist."""
    return error(404, "UserError", f"Environment {name} could not be found.")


def _container(visit: Visit, name: str) -> dict[str, Any]:
    known = list(visit.records["environments"][name])
    return {
        "id": f"{visit.workspace.id}/environments/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/environments",
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "latestVersion": known[-1],
            "nextVersion": str(len(known) + 1),
            "provisioningState": "Succeeded",
        },
        "systemData": visit.records["environments"][name][known[0]]["systemData"],
    }


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key != ONLY_AZUREML_CORE}
    return answer(schemas.ENVIRONMENT_VERSION, kept)
