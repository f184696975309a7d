"""The connections of a workspace: which one is ours, which one conflicts with it, what is stored beside its token."""

from ..errors.workspace import ConnectionConflict
from ..model import connection_token
from ..model.azure import Connection, Workspace
from ..model.secret import Secret
from ..transport.arm import Json, object_in
from .look import WorkspaceState


def remembered(connection: Connection, token: Secret, workspace: Workspace, state: WorkspaceState) -> str:
    """Return the last day that was stored beside this very `token` under `connection`; empty without one."""
    for each in state.connections:
        mark, expires = note(object_in(each.get("properties")))
        mine = str(each.get("name")).lower() == connection.name.lower()
        if mine and expires and mark == fingerprint(token, connection, workspace):
            return expires
    return ""


def fingerprint(token: Secret, connection: Connection, workspace: Workspace) -> str:
    """Return the fingerprint that shows whether `token` is stored under `connection`, and nothing about the token."""
    return connection_token.fingerprint(token, f"{workspace.id}/connections/{connection.name}")


def find(connection: Connection, workspace: Workspace, state: WorkspaceState) -> Json:
    """Return the properties of the connection that has our name, empty without one.

    Raises ConnectionConflict when any connection conflicts with ours.
    """
    mine: Json = {}
    for each in state.connections:
        properties = object_in(each.get("properties"))
        other = Connection(
            *(str(value or "") for value in (each.get("name"), *map(properties.get, ("target", "category"))))
        )
        if other.name.lower() == connection.name.lower():
            mine = properties
        _check_rival(other, connection, workspace)
    return mine


def _check_rival(other: Connection, connection: Connection, workspace: Workspace) -> None:
    """Raise ConnectionConflict when the existing connection `other` conflicts with ours."""
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
        source = "the feed" if connection.category == "PythonFeed" else "the repository"
        raise ConnectionConflict(
            f"{what}, which is nearer to {source} than {connection.target}: image builds would use its token.",
            fix=f"Delete connection {other.name}, if {source} needs no token of its own.",
        )


def _nearer(other: Connection, connection: Connection) -> bool:
    """Tell whether the image builder would use `other` for our index: the longest target wins."""
    return bool(connection.index) and len(other.target) > len(connection.target) and other.covers(connection.index)


def same_target(one: str | None, other: str) -> bool:
    """Tell whether two targets are one address: case and a slash at the end make no difference."""
    return (one or "").rstrip("/").lower() == other.rstrip("/").lower()


def note(properties: Json) -> tuple[str, str]:
    """Return fingerprint and last day of the token that a connection holds; empty where nothing is stored."""
    return connection_token.noted(object_in(properties.get("metadata")))
