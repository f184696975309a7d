"""management.azure.com: subscriptions, and in them a workspace, its connections, environments and jobs.

After Microsoft.MachineLearningServices, stable/2024-04-01 (azure-rest-api-specs), and what its users report.
"""

import functools

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from ..state import names
from ..state.store import Store
from ..storage import roles
from ..web.answers import json_answer
from ..web.routes import application, route
from . import connections, environments, guard, jobs, storage
from .guard import PROVIDER, WORKSPACE_PATH, Visit, check_api_version, check_role, error, known_caller, subscriptions

HOST = "management.azure.com"
PAGE = connections.PAGE
REGISTRY_PATH = "/subscriptions/{subscription}/resourceGroups/{group}/providers/" + PROVIDER + "/registries/{registry}"


def app(store: Store) -> Starlette:
    """Return the app."""

    async def listed(request: Request) -> Response:
        return _list_subscriptions(store, request)

    async def in_registry(request: Request) -> Response:
        return _list_registry_permissions(store, request)

    connected, defined = "workspaces/connections", "workspaces/environments"
    versioned = f"{defined}/versions"
    guarded = functools.partial(guard.guarded, store)
    connection = guarded(connected, GET=connections.shown, PUT=connections.put, DELETE=connections.delete)
    version = guarded(versioned, GET=environments.version, PUT=environments.put)
    permissions = f"{WORKSPACE_PATH}/providers/Microsoft.Authorization/permissions"
    job = guarded("workspaces/jobs", GET=jobs.shown, PUT=functools.partial(jobs.put, store))
    one = f"{WORKSPACE_PATH}/environments/{{name}}"
    return application(
        [
            route("/subscriptions", listed, "GET"),
            route(WORKSPACE_PATH, guarded("workspaces", GET=_get_workspace), "GET"),
            route(permissions, guarded("permissions", GET=_list_permissions), "GET"),
            route(f"{WORKSPACE_PATH}/connections", guarded(connected, GET=connections.listed), "GET"),
            route(f"{WORKSPACE_PATH}/connections/{{name}}", connection, "GET", "PUT", "DELETE"),
            route(f"{WORKSPACE_PATH}/environments", guarded(defined, GET=environments.listed), "GET"),
            route(one, guarded(defined, GET=environments.container), "GET"),
            route(f"{one}/versions", guarded(versioned, GET=environments.versions), "GET"),
            route(f"{one}/versions/{{version}}", version, "GET", "PUT"),
            route(f"{WORKSPACE_PATH}/jobs/{{name}}", job, "GET", "PUT"),
            route(f"{REGISTRY_PATH}/providers/Microsoft.Authorization/permissions", in_registry, "GET"),
            *storage.routes(store),
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
            "imageBuildCompute": None,
            "managedNetwork": {"isolationMode": "Disabled"},  # as shown in azure-sdk-for-python#33598
            **record.get("network", {}),
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


def _list_registry_permissions(store: Store, request: Request) -> Response:
    """Tell what the caller may do in a registry: here his role is that on workspaces."""
    caller = known_caller(store, request)
    check_api_version(store, request, "permissions")
    check_role(caller, request, "permissions")
    return json_answer(200, {"value": [_ROLES[caller.role]]})
