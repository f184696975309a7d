"""Who may do what with the containers of the local Azure: role assignments, as Azure's access control judges them.

Roles by name, id and content: Learn, role-based-access-control/built-in-roles/storage and /privileged, /general.
"""

import fnmatch
from collections.abc import Iterable
from typing import Any

from ..state import names
from ..state.store import Store

CONTAINERS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_KEY = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action"
_BLOBS = f"{CONTAINERS}/blobs"
ROLES: dict[str, tuple[str, dict[str, list[str]]]] = {
    "Storage Blob Data Contributor": (
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        {
            "actions": [f"{CONTAINERS}/delete", f"{CONTAINERS}/read", f"{CONTAINERS}/write", _KEY],
            "notActions": [],
            "dataActions": [f"{_BLOBS}/{each}" for each in ("delete", "read", "write", "move/action", "add/action")],
            "notDataActions": [],
        },
    ),
    "Storage Blob Data Reader": (
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        {
            "actions": [f"{CONTAINERS}/read", _KEY],
            "notActions": [],
            "dataActions": [f"{_BLOBS}/read"],
            "notDataActions": [],
        },
    ),
    "Contributor": (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        {
            "actions": ["*"],
            "notActions": ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"],
            "dataActions": [],
            "notDataActions": [],
        },
    ),
    "Reader": (
        "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []},
    ),
}


def account_id(store: Store, account: str) -> str:
    """Return the ARM id of a storage account."""
    group = store.read("storage")["accounts"][account]["group"]
    scope = f"/subscriptions/{names.SUBSCRIPTION_ID}/resourceGroups/{group}"
    return f"{scope}/providers/Microsoft.Storage/storageAccounts/{account}"


def container_id(store: Store, account: str, container: str) -> str:
    """Return the ARM id of a container."""
    return f"{account_id(store, account)}/blobServices/default/containers/{container}"


def assigned(store: Store, principal: str, scope: str) -> list[dict[str, str]]:
    """Return the assignments to `principal` that count at `scope`: made there or above."""
    listed: list[dict[str, str]] = store.read("storage")["assignments"]
    return [one for one in listed if one["principal"] == principal and _covers(one["scope"], scope)]


def permissions(store: Store, principal: str, scope: str) -> list[dict[str, list[str]]]:
    """Return what the principal's roles allow at `scope`."""
    return [ROLES[one["role"]][1] for one in assigned(store, principal, scope)]


def allowed(store: Store, principal: str, scope: str, wanted: tuple[str, bool]) -> bool:
    """Tell whether the principal may do `wanted`: an operation, and whether it is about data."""
    operation, data = wanted
    yes, no = ("dataActions", "notDataActions") if data else ("actions", "notActions")
    blocks = permissions(store, principal, scope)
    return any(_matches(block[yes], operation) and not _matches(block[no], operation) for block in blocks)


def identity(workspace: str) -> str:
    """Return the object id of a workspace's managed identity, as which images are built."""
    return names.guid("identity", workspace)


def _matches(patterns: Iterable[str], operation: str) -> bool:
    return any(fnmatch.fnmatchcase(operation.lower(), each.lower()) for each in patterns)


def _covers(above: str, scope: str) -> bool:
    return f"{scope.lower()}/".startswith(f"{above.lower().rstrip('/')}/")


def definition(identifier: str) -> dict[str, Any] | None:
    """Return a role's definition as ARM shows it, by its GUID."""
    for name, (guid, block) in ROLES.items():
        if guid == identifier.lower():
            return {"roleName": name, "type": "BuiltInRole", "permissions": [block]}
    return None
