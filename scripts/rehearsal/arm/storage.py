"""management.azure.com, Microsoft.Storage and Microsoft.Authorization: accounts, and who may do what with containers.

REST references: Storage Accounts - List; Permissions - List For Resource; Role Assignments - List For Scope; Role
Definitions - Get. Learn, role-assignments-list-rest, for the filter.
"""

import re
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..state import names
from ..state.store import Store
from ..storage import roles
from ..web.answers import json_answer
from ..web.routes import Handler, route
from .guard import Caller, check_api_version, error, known_caller

SCOPE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Storage/storageAccounts/{account}"
    "/blobServices/default/containers/{container}"
)
_ASSIGNED = re.compile(r"atScope\(\) and assignedTo\('(?P<principal>[0-9a-f-]{36})'\)")
Operation = Callable[[Store, Caller, Request], Response]


def routes(store: Store) -> list[Route]:
    """Return the routes."""
    storage, authorization = "providers/Microsoft.Storage", "providers/Microsoft.Authorization"
    below = "/subscriptions/{subscription}"
    accounts = _handler(store, "storageAccounts", _list_accounts)
    assignments = _handler(store, "roleAssignments", _list_assignments)
    definition = _handler(store, "roleDefinitions", _get_definition)
    permissions = _handler(store, "permissions", _list_permissions)
    return [
        route(f"{below}/{storage}/storageAccounts", accounts, "GET"),
        route(f"{below}/{authorization}/roleDefinitions/{{role}}", definition, "GET"),
        route(f"{SCOPE}/{authorization}/permissions", permissions, "GET"),
        route(f"{SCOPE}/{authorization}/roleAssignments", assignments, "GET"),
    ]


def _handler(store: Store, kind: str, operation: Operation) -> Handler:
    async def handle(request: Request) -> Response:
        caller = known_caller(store, request)
        check_api_version(store, request, kind)
        return operation(store, caller, request)

    return handle


def _list_accounts(store: Store, caller: Caller, _: Request) -> Response:
    """List the accounts that the caller may read: a list leaves out what he may not see."""
    known = store.read("storage")["accounts"]
    seen = [name for name, one in known.items() if caller.role and not one["hidden"]]
    content = [
        {
            "id": roles.account_id(store, name),
            "name": name,
            "type": "Microsoft.Storage/storageAccounts",
            "location": "westeurope",
            "kind": "StorageV2",
            "properties": {"allowBlobPublicAccess": known[name]["allow_public"], "provisioningState": "Succeeded"},
        }
        for name in seen
    ]
    return json_answer(200, {"value": content})


def _scope(store: Store, caller: Caller, request: Request) -> str:
    account = request.path_params["account"]
    known = store.read("storage")["accounts"].get(account)
    if not caller.role or known is None or known["hidden"]:
        raise error(403, "AuthorizationFailed", f"'{caller.application}' may not do this over '{request.url.path}'.")
    return roles.container_id(store, account, request.path_params["container"])


def _list_permissions(store: Store, caller: Caller, request: Request) -> Response:
    scope = _scope(store, caller, request)
    general = [roles.ROLES[caller.role][1]] if caller.role in roles.ROLES else []
    return json_answer(200, {"value": [*general, *roles.permissions(store, caller.object_id, scope)]})


def _list_assignments(store: Store, caller: Caller, request: Request) -> Response:
    scope = _scope(store, caller, request)
    found = _ASSIGNED.fullmatch(request.query_params.get("$filter", ""))
    if found is None:
        raise error(400, "UnsupportedQuery", "The filter isn't supported here.")
    content = [
        {
            "name": names.guid(one["scope"], one["principal"], one["role"]),
            "type": "Microsoft.Authorization/roleAssignments",
            "properties": {
                "roleDefinitionId": _definition_id(roles.ROLES[one["role"]][0]),
                "principalId": one["principal"],
                "scope": one["scope"],
            },
        }
        for one in roles.assigned(store, found["principal"], scope)
    ]
    return json_answer(200, {"value": content})


def _definition_id(guid: str) -> str:
    scope = f"/subscriptions/{names.SUBSCRIPTION_ID}"
    return f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{guid}"


def _get_definition(_: Store, caller: Caller, request: Request) -> Response:
    found = roles.definition(request.path_params["role"]) if caller.role else None
    if found is None:
        raise error(404, "RoleDefinitionDoesNotExist", "The specified role definition doesn't exist.")
    return json_answer(200, {"id": _definition_id(request.path_params["role"]), "properties": found})
