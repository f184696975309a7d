"""Connections and environments of a workspace: what is there, what shall change, and whether it then is so.

What differs between the SDKs is small and stands behind `Sdk`: how a connection is stored, how an environment is read
and registered. Paths, bodies and rules of `Documented` (`sdk: v2`): azure-rest-api-specs,
Microsoft.MachineLearningServices, stable/2024-04-01.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol
from urllib.parse import quote

from .errors.workspace import ConnectionConflict, EnvironmentConflict, ReadBackDiffers, WorkspaceForbidden
from .model import connection_token
from .model.azure import Connection, Workspace
from .model.environment import Definition, Environment
from .model.secret import Secret
from .plan.change import Change, Verb
from .transport.arm import ARM, Arm, Json, allows, check, grant, items_in, object_in


class Sdk(Protocol):
    """A way to write to a workspace, and to read environments back."""

    @property
    def remembers(self) -> bool:
        """Whether `store` can keep anything beside the token."""

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Raise what would make `store` fail, as far as a read can tell."""

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """Store `token` under `connection`, with the fingerprint `mark` and its last day where there is a place."""

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """Return what is registered under the name and version of `environment`; None when nothing is."""

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """Register `environment`; a version that exists already is no error, since what is there is read afterwards."""


def exists(arm: Arm, workspace: Workspace) -> None:
    """Raise WorkspaceForbidden or WorkspaceNotFound unless the identity may see the workspace."""
    check(*arm.send("GET", workspace.id), workspace)


@dataclass(frozen=True)
class Permissions:
    """What the identity may do on a workspace; `blocks` is empty when Azure Resource Manager doesn't tell."""

    blocks: tuple[Json, ...] = ()

    def check(self, action: str, workspace: Workspace) -> None:
        """Raise WorkspaceForbidden when `action` (below Microsoft.MachineLearningServices/workspaces) isn't allowed.

        Where nothing is known, the request itself will tell.
        """
        if self.blocks and not allows(self.blocks, action=f"Microsoft.MachineLearningServices/workspaces/{action}"):
            message = f"The identity may see workspace {workspace.name}, but has no role that allows {action}."
            raise WorkspaceForbidden(message, fix=grant(workspace))


@dataclass(frozen=True)
class Seen:
    """What was found on a workspace before anything was planned."""

    connections: tuple[Json, ...]
    permissions: Permissions = Permissions()


def permissions(arm: Arm, workspace: Workspace) -> Permissions:
    """Ask what the identity may do, so that a missing role shows before the wheel is published.

    REST reference, "Permissions - List For Resource", 2022-04-01; any reader may ask.
    """
    path = f"{workspace.id}/providers/Microsoft.Authorization/permissions"
    status, said = arm.send("GET", path, version="2022-04-01")
    return Permissions(items_in(said.get("value")) if status < 400 else ())  # noqa: PLR2004


def connections(arm: Arm, workspace: Workspace) -> tuple[Json, ...]:
    """Return all connections of the workspace (never their secrets), every page of the list."""
    found: list[Json] = []
    path = f"{workspace.id}/connections"
    for _ in range(1000):
        status, said = arm.send("GET", path)
        check(status, said, workspace)
        found += items_in(said.get("value"))
        path = str(said.get("nextLink") or "")
        if not path.startswith(f"{ARM}/"):
            break
    return tuple(found)


@dataclass(frozen=True)
class Planner:
    """Compares what is wanted of workspaces with what they hold. Changes are made by `sdk`, and looked at by `arm`."""

    arm: Arm
    sdk: Sdk

    def connection(
        self, connection: Connection, token: Secret, workspace: Workspace, seen: Seen, *, told: bool = False
    ) -> Change[Connection]:
        """Say what storing `token` under `connection` means. A stored secret can't be read, so a fingerprint decides.

        `told`: the user says when the token expires; if not, the date that is stored beside the same token stays.
        Raises ConnectionConflict when another connection has the target, or the name stands for something else.
        """
        mine = find(connection, workspace, seen)
        mark = _mark(token, connection, workspace)
        subject = f"connection {connection.name} on {workspace.name}"
        stored, expires = _noted(mine)
        same = stored == mark and mine.get("authType") == connection_token.credentials(token)[0]
        if same and (expires == connection.token_expires or not (told and self.sdk.remembers)):
            return Change(subject, Verb.KEEP, "same target and same token", connection)
        seen.permissions.check("connections/write", workspace)
        self.sdk.check(workspace, connection)
        why = "another token" if stored else "there is no telling which token it holds"
        why = "another expiry date" if same else why
        verb, why = (Verb.UPDATE, why) if mine else (Verb.CREATE, "new")

        def effect() -> None:
            self.sdk.store(workspace, connection, token, mark)
            self._read_back(workspace, connection, mark)

        return Change(subject, verb, why, connection, effect)

    def _read_back(self, workspace: Workspace, connection: Connection, mark: str) -> None:
        """Raise ReadBackDiffers unless the connection has our target, and nothing that was noted of another token."""
        path = f"{workspace.id}/connections/{quote(connection.name)}"
        stored = object_in((self.arm.find(path, workspace) or {}).get("properties"))
        if not _same_target(stored.get("target", ""), connection.target):
            shown = stored.get("target")
            message = f"Connection {connection.name} of {workspace.name} shows target {shown!r} after the write."
            raise ReadBackDiffers(message)
        wanted = (mark, connection.token_expires)
        if any(noted not in ("", ours) for noted, ours in zip(_noted(stored), wanted, strict=True)):
            message = f"Connection {connection.name} of {workspace.name} keeps fingerprint or date of another token."
            raise ReadBackDiffers(message, fix=f"Delete connection {connection.name}, and run the step again.")

    def environment(
        self, located: Callable[[], Environment], tags: Mapping[str, str], workspace: Workspace, seen: Seen
    ) -> Change[Environment]:
        """Say what registering an environment means; raise EnvironmentConflict when its version is something else.

        `located` returns it with the addresses that are known at that moment: some are known only after an upload.
        """
        environment = located()
        subject = f"environment {environment.name}:{environment.version} on {workspace.name}"
        registered = self.sdk.find(workspace, environment)
        if registered is not None:
            _same(registered, environment, workspace)
            if environment.whole:
                return Change(subject, Verb.KEEP, "registered with the same definition", environment)
        seen.permissions.check("environments/versions/write", workspace)
        # Its wheel has gone and comes back: whether under the same address shows only then.
        verb, why = (Verb.UPDATE, "its wheel is stored anew") if registered else (Verb.CREATE, "new definition")
        return Change(subject, verb, why, environment, lambda: self._register(located(), tags, workspace))

    def _register(self, environment: Environment, tags: Mapping[str, str], workspace: Workspace) -> None:
        """Register, then read: a service can accept and change only the tags, and a conflict may be our own retry."""
        self.sdk.register(workspace, environment, tags)
        registered = self.sdk.find(workspace, environment)
        if registered is None:
            message = f"{environment.reference} isn't there after it was registered on {workspace.name}."
            raise ReadBackDiffers(message)
        _same(registered, environment, workspace)


def remembered(connection: Connection, token: Secret, workspace: Workspace, seen: Seen) -> str:
    """Return the last day that was stored beside this very `token` under `connection`; empty without one."""
    for each in seen.connections:
        mark, expires = _noted(object_in(each.get("properties")))
        mine = str(each.get("name")).lower() == connection.name.lower()
        if mine and expires and mark == _mark(token, connection, workspace):
            return expires
    return ""


def _mark(token: Secret, connection: Connection, workspace: Workspace) -> str:
    return connection_token.fingerprint(token, f"{workspace.id}/connections/{connection.name}")


def find(connection: Connection, workspace: Workspace, seen: Seen) -> Json:
    """Return the properties of the connection that has our name, empty without one; refuse rivals of the others."""
    mine: Json = {}
    for each in seen.connections:
        properties = object_in(each.get("properties"))
        other = Connection(
            *(str(found or "") for found in (each.get("name"), *map(properties.get, ("target", "category"))))
        )
        if other.name.lower() == connection.name.lower():
            mine = properties
        _check_rival(other, connection, workspace)
    return mine


def _check_rival(other: Connection, connection: Connection, workspace: Workspace) -> None:
    """Raise ConnectionConflict when the existing connection `other` stands in the way of ours."""
    what = f"Connection {other.name} of {workspace.name} is for {other.target} ({other.category})"
    same = _same_target(other.target, connection.target)
    if other.name.lower() == connection.name.lower():
        if not same or other.category != connection.category:
            message = f"{what}, not for {connection.target}."
            raise ConnectionConflict(message, fix="Set `connection-name` to a name that is free.")
    elif same:
        message = f"{what} as well."
        raise ConnectionConflict(message)
    elif other.category == connection.category and _nearer(other, connection):
        read = "the feed" if connection.category == "PythonFeed" else "the repository"
        message = f"{what}, which is nearer to {read} than {connection.target}: image builds would use its token."
        raise ConnectionConflict(message, fix=f"Delete connection {other.name}, if {read} needs no token of its own.")


def _nearer(other: Connection, connection: Connection) -> bool:
    """Tell whether the image builder would take `other` for what we read: the longest target wins."""
    return bool(connection.index) and len(other.target) > len(connection.target) and other.covers(connection.index)


def _same_target(one: str | None, other: str) -> bool:
    return (one or "").rstrip("/").lower() == other.rstrip("/").lower()


def _noted(properties: Json) -> tuple[str, str]:
    return connection_token.noted(object_in(properties.get("metadata")))


def _same(registered: Definition, environment: Environment, workspace: Workspace) -> None:
    if not environment.same_as(registered):
        message = f"{environment.reference} is registered on {workspace.name} with another definition."
        raise EnvironmentConflict(message)


@dataclass(frozen=True)
class Documented:
    """Connections and environments through Azure Resource Manager's documented contract (`sdk: v2`)."""

    arm: Arm
    remembers: ClassVar[bool] = True

    def check(self, workspace: Workspace, connection: Connection) -> None:
        """Find nothing to object to: the list of connections was read by the same contract."""

    def store(self, workspace: Workspace, connection: Connection, token: Secret, mark: str) -> None:
        """PUT the connection. What it said before is replaced, so no date of another token stays."""
        kind, held = connection_token.credentials(token)
        body: Json = {
            "properties": {
                "category": connection.category,
                "target": connection.target,
                "authType": kind,
                "credentials": held,
                "isSharedToAll": True,
                "metadata": connection_token.note(mark, connection.token_expires),
            }
        }
        check(*self.arm.send("PUT", f"{workspace.id}/connections/{quote(connection.name)}", body), workspace)

    def find(self, workspace: Workspace, environment: Environment) -> Definition | None:
        """GET the version."""
        found = self.arm.find(_path(workspace, environment), workspace)
        if found is None:
            return None
        properties = object_in(found.get("properties"))
        return Definition.read(properties.get("image") or "", properties.get("condaFile") or "")

    def register(self, workspace: Workspace, environment: Environment, tags: Mapping[str, str]) -> None:
        """PUT the version. A 409 says that it exists."""
        body: Json = {
            "properties": {
                "image": environment.image.pinned,
                "condaFile": environment.conda,
                "osType": "Linux",
                "isAnonymous": False,
                "isArchived": False,
                "description": "Registered by amlwheel; see the receipt of the release.",
                "tags": {key: str(value) for key, value in tags.items()},
            }
        }
        status, said = self.arm.send("PUT", _path(workspace, environment), body)
        if status != 409:  # noqa: PLR2004
            check(status, said, workspace)


def _path(workspace: Workspace, environment: Environment) -> str:
    return f"{workspace.id}/environments/{quote(environment.name)}/versions/{quote(environment.version, safe='')}"
