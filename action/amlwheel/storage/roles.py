"""What Azure Resource Manager knows of a container: whether the identity may write, and the workspaces may read.

Paths: azure-rest-api-specs, Microsoft.Storage 2023-05-01 and Microsoft.Authorization 2022-04-01. An
identity that may not ask learns nothing, and then nothing is reported here: the container itself will answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from ..model.azure import Container, Workspace
from ..transport.arm import Arm, Json, allows, items_in, object_in

# Learn, "Authorize access to blobs using Microsoft Entra ID" and built-in-roles/storage.
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
READ, WRITE = f"{BLOBS}/read", (f"{BLOBS}/write", f"{BLOBS}/add/action")
# Whoever may list the account's keys can sign an address for anything in it.
KEYS = "Microsoft.Storage/storageAccounts/listKeys/action"
_ROLES, _ACCOUNTS = "2022-04-01", "2023-05-01"
_WRITER, _READER = "Storage Blob Data Contributor", "Storage Blob Data Reader"


@dataclass(frozen=True)
class Place:
    """A container as Azure Resource Manager knows it; `scope` is its resource id, empty when that is unknown.

    `keys`: the account accepts its keys, as it does unless `allowSharedKeyAccess` is false (Learn,
    shared-key-authorization-prevent).
    """

    arm: Arm
    container: Container
    scope: str
    keys: bool = True

    @property
    def grant(self) -> str:
        """The command that lets an identity write."""
        return f"{self._command(_WRITER, 'CLIENT-ID')} It takes some minutes to take effect."

    def may_write(self) -> bool | None:
        """Tell whether the identity may store blobs; None when that is unknown."""
        status, page = self._ask("permissions") if self.scope else (404, {})
        if status >= 400:  # noqa: PLR2004
            return None
        may = any(allows(items_in(page.get("value")), data=each) for each in WRITE)
        return may or (None if page.get("nextLink") else False)

    def closed_to(self, workspace: Workspace) -> str:
        """Return why `workspace` can't read the blobs, and the command that fixes it; empty if none is known.

        The image builder reads as the workspace's identity. Roles count up to the subscription, and through groups
        (Learn, role-assignments-list-rest: `atScope` and `assignedTo`).
        """
        status, found = self.arm.send("GET", workspace.id)
        principals = identities(found) if self.scope and status < 400 else ()  # noqa: PLR2004
        if not principals or any(self._may_read(each) is not False for each in principals):
            return ""
        return (
            f"The identity of workspace {workspace.name} has no role that lets it read {self.container.url}, so "
            f"images can't be built there. {self._command(_READER, principals[0])}"
        )

    def _may_read(self, principal: str) -> bool | None:
        query = quote(f"atScope() and assignedTo('{principal}')", safe="()'")
        status, page = self._ask(f"roleAssignments?$filter={query}")
        if status >= 400 or page.get("nextLink"):  # noqa: PLR2004  # more than one page of roles isn't searched
            return None
        named = (str(object_in(each.get("properties")).get("roleDefinitionId")) for each in items_in(page.get("value")))
        for role in dict.fromkeys(named):
            status, found = self.arm.send("GET", role, version=_ROLES) if role.startswith("/") else (404, {})
            blocks = items_in(object_in(found.get("properties")).get("permissions"))
            if status >= 400:  # noqa: PLR2004
                return None
            if allows(blocks, data=READ) or (self.keys and allows(blocks, action=KEYS)):
                return True
        return False

    def _ask(self, what: str) -> tuple[int, Json]:
        return self.arm.send("GET", f"{self.scope}/providers/Microsoft.Authorization/{what}", version=_ROLES)

    def _command(self, role: str, who: str) -> str:
        account = f"providers/Microsoft.Storage/storageAccounts/{self.container.account}"
        unknown = f"/subscriptions/SUBSCRIPTION/resourceGroups/GROUP/{account}/{_below(self.container)}"
        command = f"az role assignment create --role '{role}' --assignee {who} --scope {self.scope or unknown}"
        return f"Grant the role: {command}"


def find(arm: Arm, container: Container, workspaces: Iterable[Workspace]) -> Place:
    """Look for the account in the workspaces' subscriptions; an account's name is unique in Azure."""
    for subscription in dict.fromkeys(each.subscription for each in workspaces):
        path = f"/subscriptions/{subscription}/providers/Microsoft.Storage/storageAccounts"
        for _ in range(1000):
            status, page = arm.send("GET", path, version=_ACCOUNTS)
            for each in items_in(page.get("value")) if status < 400 else ():  # noqa: PLR2004
                if str(each.get("name")).lower() == container.account:
                    keys = object_in(each.get("properties")).get("allowSharedKeyAccess") is not False
                    return Place(arm, container, f"{each.get('id')}/{_below(container)}", keys)
            path = str(page.get("nextLink") or "")
            if not path:
                break
    return Place(arm, container, "")


def _below(container: Container) -> str:
    return f"blobServices/default/containers/{container.name}"


def identities(workspace: Json) -> tuple[str, ...]:
    """Return the object ids of a workspace's managed identities, its own first."""
    identity = object_in(workspace.get("identity"))
    assigned = [object_in(each) for each in object_in(identity.get("userAssignedIdentities")).values()]
    return tuple(str(each["principalId"]) for each in (identity, *assigned) if each.get("principalId"))
