"""management.azure.com: subscriptions, and in them a workspace, its connections, environments and jobs.

After Microsoft.MachineLearningServices, stable/2024-04-01 (azure-rest-api-specs), and what its users report.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from rehearsal import arm_connections, arm_environments, arm_jobs, arm_storage, names, roles
from rehearsal.arm_guard import (
    PROVIDER,
    WORKSPACE_PATH,
    Visit,
    check_api_version,
    error,
    known_caller,
    rooms,
    subscriptions,
)
from rehearsal.state import Store
from rehearsal.web import application, json_answer, route

HOST = "management.azure.com"
PAGE = arm_connections.PAGE


def app(store: Store) -> Starlette:
    """Return the app."""

    async def listed(request: Request) -> Response:
        return _list_subscriptions(store, request)

    connected, defined = "workspaces/connections", "workspaces/environments"
    connections = rooms(store, connected, GET=arm_connections.listed)
    connection = rooms(
        store, connected, GET=arm_connections.shown, PUT=arm_connections.put, DELETE=arm_connections.delete
    )
    environments = rooms(store, defined, GET=arm_environments.listed)
    environment = rooms(store, defined, GET=arm_environments.container)
    versions = rooms(store, f"{defined}/versions", GET=arm_environments.versions)
    version = rooms(store, f"{defined}/versions", GET=arm_environments.version, PUT=arm_environments.put)
    job = rooms(store, "workspaces/jobs", GET=arm_jobs.shown, PUT=arm_jobs.put)
    permissions = rooms(store, "permissions", GET=_list_permissions)
    return application(
        [
            route("/subscriptions", listed, "GET"),
            route(WORKSPACE_PATH, rooms(store, "workspaces", GET=_get_workspace), "GET"),
            route(f"{WORKSPACE_PATH}/providers/Microsoft.Authorization/permissions", permissions, "GET"),
            route(f"{WORKSPACE_PATH}/connections", connections, "GET"),
            route(f"{WORKSPACE_PATH}/connections/{{name}}", connection, "GET", "PUT", "DELETE"),
            route(f"{WORKSPACE_PATH}/environments", environments, "GET"),
            route(f"{WORKSPACE_PATH}/environments/{{name}}", environment, "GET"),
            route(f"{WORKSPACE_PATH}/environments/{{name}}/versions", versions, "GET"),
            route(f"{WORKSPACE_PATH}/environments/{{name}}/versions/{{version}}", version, "GET", "PUT"),
            route(f"{WORKSPACE_PATH}/jobs/{{name}}", job, "GET", "PUT"),
            *arm_storage.routes(store),
        ],
        _unknown_path,
    )


def _list_subscriptions(store: Store, request: Request) -> Response:
    """List the subscriptions in which the caller has a role (REST reference, "Subscriptions - List").

    azureml-core asks for them before anything else, and goes on only if the workspace's is among them.
    """
    caller = known_caller(store, request)
    check_api_version(store, request, "subscriptions")
    found = [
        {
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "displayName": names.ORGANIZATION,
            "state": "Enabled",
            "tenantId": names.TENANT_ID,
        }
        for subscription in (subscriptions(store) if caller.role else {})
    ]
    return json_answer(200, {"value": found})


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
        "identity": {
            "type": "SystemAssigned",
            "principalId": roles.identity(workspace.name),
            "tenantId": names.TENANT_ID,
        },
        "properties": {
            "friendlyName": workspace.name,
            "workspaceId": record["workspaceId"],
            "storageAccount": (
                f"/subscriptions/{workspace.subscription}/resourceGroups/{workspace.group}"
                f"/providers/Microsoft.Storage/storageAccounts/{workspace.storage_account}"
            ),
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
