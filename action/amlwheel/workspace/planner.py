"""What is wanted of a workspace compared with what it holds: what shall change, and whether it then is so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from ..errors.workspace import EnvironmentConflict, ReadBackDiffers
from ..model import connection_token
from ..model.azure import Connection, Workspace
from ..model.environment import Definition, Environment
from ..model.secret import Secret
from ..plan.change import Change, Verb
from ..transport.arm import Arm, object_in
from .connections import find, fingerprint, note, same_target
from .look import WorkspaceState
from .sdk import Sdk


@dataclass(frozen=True)
class Planner:
    """Compares what is wanted of workspaces with what they hold. Changes are made by `sdk`, and looked at by `arm`."""

    arm: Arm
    sdk: Sdk

    def connection(
        self, connection: Connection, token: Secret, workspace: Workspace, seen: WorkspaceState, *, told: bool = False
    ) -> Change[Connection]:
        """Say what storing `token` under `connection` means. A stored secret can't be read, so a fingerprint decides.

        `told`: the user says when the token expires; if not, the date that is stored beside the same token stays.
        Raises ConnectionConflict when another connection has the target, or the name stands for something else.
        """
        mine = find(connection, workspace, seen)
        mark = fingerprint(token, connection, workspace)
        subject = f"connection {connection.name} on {workspace.name}"
        stored, expires = note(mine)
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
        if not same_target(stored.get("target", ""), connection.target):
            shown = stored.get("target")
            raise ReadBackDiffers(
                f"Connection {connection.name} of {workspace.name} shows target {shown!r} after the write."
            )
        wanted = (mark, connection.token_expires)
        if any(shown not in ("", ours) for shown, ours in zip(note(stored), wanted, strict=True)):
            raise ReadBackDiffers(
                f"Connection {connection.name} of {workspace.name} keeps fingerprint or date of another token.",
                fix=f"Delete connection {connection.name}, and run the step again.",
            )

    def environment(
        self, located: Callable[[], Environment], tags: Mapping[str, str], workspace: Workspace, seen: WorkspaceState
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
            raise ReadBackDiffers(f"{environment.reference} isn't there after it was registered on {workspace.name}.")
        _same(registered, environment, workspace)


def _same(registered: Definition, environment: Environment, workspace: Workspace) -> None:
    if not environment.same_as(registered):
        raise EnvironmentConflict(f"{environment.reference} is registered on {workspace.name} with another definition.")
