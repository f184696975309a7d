"""management.azure.com: a workspace, its connections and its environments.

After Microsoft.MachineLearningServices, stable/2024-04-01 (azure-rest-api-specs), and what its users report.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from rehearsal import schemas
from rehearsal.arm_guard import PROVIDER, WORKSPACE_PATH, Caller, Workspace, check_name, enter, error, json_body, page
from rehearsal.log import moment
from rehearsal.state import Store
from rehearsal.web import Handler, application, json_answer, route

HOST = "management.azure.com"
PAGE = 4
"""Connections on a page: few, so that ``nextLink`` is met."""
CONNECTION_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}$")
ENVIRONMENT_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}$")
IMMUTABLE = ("image", "condaFile", "build", "osType", "inferenceConfig", "autoRebuild", "isAnonymous")
"""Fields of ``x-ms-mutability`` create and read only."""

_DEFAULTS = {"osType": "Linux", "isAnonymous": False, "isArchived": False, "autoRebuild": "Disabled", "tags": {}}


@dataclass(frozen=True)
class Visit:
    """A request that may do what it asks."""

    request: Request
    workspace: Workspace
    caller: Caller
    records: dict[str, Any]
    """The workspace's record, to be changed."""

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return str(self.request.path_params[name])


Room = Callable[[Visit, Any], Response]


def app(store: Store) -> Starlette:
    """Return the app."""

    def handler(kind: str, **rooms: Room) -> Handler:
        async def handle(request: Request) -> Response:
            workspace, caller = enter(store, request, kind)
            content = await json_body(request) if request.method == "PUT" else None
            with store.edit("arm") as document:
                records = document[workspace.subscription][workspace.group][workspace.name]
                return rooms[request.method](Visit(request, workspace, caller, records), content)

        return handle

    connections = handler("workspaces/connections", GET=_list_connections)
    connection = handler("workspaces/connections", GET=_get_connection, PUT=_put_connection, DELETE=_delete_connection)
    versions = handler("workspaces/environments/versions", GET=_list_versions)
    version = handler("workspaces/environments/versions", GET=_get_version, PUT=_put_version)
    return application(
        [
            route(WORKSPACE_PATH, handler("workspaces", GET=_get_workspace), "GET"),
            route(
                f"{WORKSPACE_PATH}/providers/Microsoft.Authorization/permissions",
                handler("permissions", GET=_list_permissions),
                "GET",
            ),
            route(f"{WORKSPACE_PATH}/connections", connections, "GET"),
            route(f"{WORKSPACE_PATH}/connections/{{name}}", connection, "GET", "PUT", "DELETE"),
            route(f"{WORKSPACE_PATH}/environments", handler("workspaces/environments", GET=_list_environments), "GET"),
            route(
                f"{WORKSPACE_PATH}/environments/{{name}}", handler("workspaces/environments", GET=_get_container), "GET"
            ),
            route(f"{WORKSPACE_PATH}/environments/{{name}}/versions", versions, "GET"),
            route(f"{WORKSPACE_PATH}/environments/{{name}}/versions/{{version}}", version, "GET", "PUT"),
        ],
        _unknown_path,
    )


def _unknown_path(request: Request) -> Response:
    text = f"The resource type could not be found at '{request.url.path}'."
    return error(404, "InvalidResourceType", text).response


def _get_workspace(visit: Visit, _: object) -> Response:
    workspace, record = visit.workspace, visit.workspace.record
    content = {
        "id": workspace.id,
        "name": workspace.name,
        "type": f"{PROVIDER}/workspaces",
        "location": record["location"],
        "tags": {},
        "kind": "Default",
        "identity": {"type": "SystemAssigned"},
        "properties": {
            "friendlyName": workspace.name,
            "workspaceId": record["workspaceId"],
            "discoveryUrl": f"https://{record['location']}.api.azureml.ms/discovery",
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
        },
    }
    return json_answer(200, content)


_ROLES: dict[str | None, dict[str, list[str]]] = {
    "Contributor": {
        "actions": ["*"],
        "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
    },
    "Reader": {"actions": ["*/read"], "notActions": []},
}
"""The parts of the built-in roles (Learn, role-based-access-control/built-in-roles) that matter here."""


def _list_permissions(visit: Visit, _: object) -> Response:
    """Tell what the caller may do (REST reference, "Permissions - List For Resource")."""
    return json_answer(200, {"value": [_ROLES[visit.caller.role]]})


def _list_connections(visit: Visit, _: object) -> Response:
    query = visit.request.query_params
    found = [
        record
        for record in visit.records["connections"].values()
        if all(record["properties"][key] == query[key] for key in ("category", "target") if key in query)
    ]
    return page(visit.request, [_shown(record) for record in found], PAGE)


def _get_connection(visit: Visit, _: object) -> Response:
    record = visit.records["connections"].get(visit.part("name").lower())
    if record is None:
        raise error(404, "UserError", f"Connection {visit.part('name')} can't be found in this workspace")
    return json_answer(200, _shown(record))


def _put_connection(visit: Visit, content: Any) -> Response:  # noqa: ANN401 (JSON)
    """Create or replace: 200 either way, the spec has no 201.

    Two names for one target are let through, and break the image build (azure-docs#114975).
    """
    name = visit.part("name")
    check_name(name, CONNECTION_NAME, "connection name")
    _check(schemas.CONNECTION_REQUEST, content)
    before = visit.records["connections"].get(name.lower())
    record = {
        "id": f"{visit.workspace.id}/connections/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/connections",
        "properties": {"isSharedToAll": True, "metadata": {}, **content["properties"], "group": "GenericProtocol"},
        "systemData": _system_data(visit.caller, before),
    }
    visit.records["connections"][name.lower()] = record
    return json_answer(200, _shown(record))


def _delete_connection(visit: Visit, _: object) -> Response:
    gone = visit.records["connections"].pop(visit.part("name").lower(), None)
    return Response(status_code=204 if gone is None else 200)


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    """Return a connection as GET, list and PUT show it: never with its secret."""
    shown = {**record, "properties": {**record["properties"], "credentials": None}}
    return _answer(schemas.CONNECTION, shown)


def _list_environments(visit: Visit, _: object) -> Response:
    return page(visit.request, [_container(visit, name) for name in visit.records["environments"]], 100)


def _get_container(visit: Visit, _: object) -> Response:
    if visit.part("name") not in visit.records["environments"]:
        raise _no_environment(visit.part("name"))
    return json_answer(200, _container(visit, visit.part("name")))


def _container(visit: Visit, name: str) -> dict[str, Any]:
    versions = list(visit.records["environments"][name])
    return {
        "id": f"{visit.workspace.id}/environments/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/environments",
        "properties": {
            "description": None,
            "tags": {},
            "properties": {},
            "isArchived": False,
            "latestVersion": versions[-1],
            "nextVersion": str(len(versions) + 1),
            "provisioningState": "Succeeded",
        },
        "systemData": visit.records["environments"][name][versions[0]]["systemData"],
    }


def _list_versions(visit: Visit, _: object) -> Response:
    if visit.part("name") not in visit.records["environments"]:
        raise _no_environment(visit.part("name"))
    versions = list(visit.records["environments"][visit.part("name")].values())
    query = visit.request.query_params
    if query.get("$orderBy", "").lower().endswith(" desc"):
        versions.reverse()
    if "$top" in query:
        return json_answer(200, {"value": versions[: int(query["$top"])]})
    return page(visit.request, versions, 100)


def _get_version(visit: Visit, _: object) -> Response:
    name, version = visit.part("name"), visit.part("version")
    record = visit.records["environments"].get(name, {}).get(version)
    if record is None:
        raise _no_environment(f"{name}:{version}")
    return json_answer(200, record)


def _put_version(visit: Visit, content: Any) -> Response:  # noqa: ANN401 (JSON)
    """Create (201), or change what may change (200); an existing definition can't be changed.

    The text is the service's (azure-cli-extensions#5440); that its status is 409 is inferred from
    azure-ai-ml's except-clause.
    """
    name, version = visit.part("name"), visit.part("version")
    check_name(name, ENVIRONMENT_NAME, "environment name")
    _check(schemas.ENVIRONMENT_REQUEST, content)
    wanted = {**_DEFAULTS, **content["properties"]}
    versions = visit.records["environments"].setdefault(name, {})
    before = versions.get(version)
    if before and any(before["properties"].get(key) != wanted.get(key) for key in IMMUTABLE):
        text = f"Environment {name} with version {version} is already registered and cannot be changed."
        raise error(409, "UserError", f"(UserError) {text}")
    versions[version] = {
        "id": f"{visit.workspace.id}/environments/{name}/versions/{version}",
        "name": version,
        "type": f"{PROVIDER}/workspaces/environments/versions",
        "properties": {**wanted, "environmentType": "UserCreated", "provisioningState": "Succeeded"},
        "systemData": _system_data(visit.caller, before),
    }
    return json_answer(200 if before else 201, _answer(schemas.ENVIRONMENT_VERSION, versions[version]))


def _no_environment(name: str) -> Exception:
    return error(404, "UserError", f"Environment {name} could not be found.")


def _system_data(caller: Caller, before: dict[str, Any] | None) -> dict[str, str]:
    now = moment(time.time())
    created = (before or {}).get("systemData") or {
        "createdAt": now,
        "createdBy": caller.object_id,
        "createdByType": "Application",
    }
    changed = {"lastModifiedAt": now, "lastModifiedBy": caller.object_id, "lastModifiedByType": "Application"}
    return {**created, **changed}


def _check(schema: dict[str, Any], content: Any) -> None:  # noqa: ANN401 (JSON)
    problem = schemas.problem(schema, content)
    if problem:
        raise error(400, "ValidationError", f"The request is invalid: {problem}")


def _answer(schema: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that was checked, so that a stand-in which strays from the contract is noticed."""
    problem = schemas.problem(schema, content)
    if problem:
        msg = f"the stand-in would answer wrongly: {problem}"
        raise AssertionError(msg)
    return content
