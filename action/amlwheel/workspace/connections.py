"""The connections of a workspace: which is ours, which stands in its way, what was noted beside its token."""

from ..errors.workspace import ConnectionConflict
from ..model import connection_token
from ..model.azure import Connection, Workspace
from ..model.secret import Secret
from ..transport.arm import Json, object_in
from .look import WorkspaceState


def remembered(connection: Connection, token: Secret, workspace: Workspace, seen: WorkspaceState) -> str:
    """Return the last day that was stored beside this very `token` under `connection`; empty without one."""
    for each in seen.connections:
        mark, expires = note(object_in(each.get("properties")))
        mine = str(each.get("name")).lower() == connection.name.lower()
        if mine and expires and mark == fingerprint(token, connection, workspace):
            return expires
    return ""


def fingerprint(token: Secret, connection: Connection, workspace: Workspace) -> str:
    """Return what tells whether `token` is stored under `connection`, and nothing about the token."""
    return connection_token.fingerprint(token, f"{workspace.id}/connections/{connection.name}")


def find(connection: Connection, workspace: Workspace, seen: WorkspaceState) -> Json:
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
    same = same_target(other.target, connection.target)
    if other.name.lower() == connection.name.lower():
        if not same or other.category != connection.category:
            raise ConnectionConflict(
                f"{what}, not for {connection.target}.", fix="Set `connection-name` to a name that is free."
            )
    elif same:
        raise ConnectionConflict(f"{what} as well.")
    elif other.category == connection.category and _nearer(other, connection):
        read = "the feed" if connection.category == "PythonFeed" else "the repository"
        raise ConnectionConflict(
            f"{what}, which is nearer to {read} than {connection.target}: image builds would use its token.",
            fix=f"Delete connection {other.name}, if {read} needs no token of its own.",
        )


def _nearer(other: Connection, connection: Connection) -> bool:
    """Tell whether the image builder would take `other` for what we read: the longest target wins."""
    return bool(connection.index) and len(other.target) > len(connection.target) and other.covers(connection.index)


def same_target(one: str | None, other: str) -> bool:
    """Tell whether two targets are one address: case and a slash at the end don't count."""
    return (one or "").rstrip("/").lower() == other.rstrip("/").lower()


def note(properties: Json) -> tuple[str, str]:
    """Return fingerprint and last day of the token that a connection holds; empty where there is none."""
    return connection_token.noted(object_in(properties.get("metadata")))
