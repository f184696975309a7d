"""Compares a release with what a workspace or registry holds: what has to change, and whether a change took effect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote

from ..errors.base import StepError
from ..errors.workspace import AzureRefused, EnvironmentConflict, ReadBackDiffers
from ..model import connection_token
from ..model.azure import Connection, Target, Workspace
from ..model.differences import Comparison, compared, shown
from ..model.environment import Definition, Environment
from ..model.secret import Secret
from ..plan.change import Change, Result, Verb
from ..transport.arm import Arm, check, items_in, object_in
from .connections import find, fingerprint, note, same_target
from .look import WorkspaceState, own
from .sdk import Holder, OnWorkspace, Sdk

LARGEST = 2**19  # characters of a conda file that is compared: reading YAML takes seconds for more


@dataclass(frozen=True)
class Planner:
    """Compares a release with what workspaces hold. `sdk` makes the changes, and `arm` reads connections back."""

    arm: Arm
    sdk: Sdk

    def connection(
        self, connection: Connection, token: Secret, workspace: Workspace, state: WorkspaceState, *, told: bool = False
    ) -> Change[Connection]:
        """Say what storing `token` under `connection` means. A stored secret can't be read, so a fingerprint decides.

        `told`: the user says when the token expires; otherwise the date that is stored beside the same token stays.
        Raises ConnectionConflict when another connection has the target, or our name has another target.
        """
        plan = partial(self._connection, connection, token, workspace, state, told=told)
        return _or_skip(_connection_on(connection, workspace), connection, workspace, state, plan)

    def _connection(
        self, connection: Connection, token: Secret, workspace: Workspace, state: WorkspaceState, *, told: bool
    ) -> Change[Connection]:
        subject = _connection_on(connection, workspace)
        mine = find(connection, workspace, state)
        mark = fingerprint(token, connection, workspace)
        stored, expires = note(mine)
        same = stored == mark and mine.get("authType") == connection_token.credentials(token)[0]
        if same and (expires == connection.token_expires or not (told and self.sdk.remembers)):
            return Change(subject, Verb.KEEP, "same target and same token", connection, target=workspace.id)
        state.permissions.check("connections/write", workspace)
        self.sdk.check(workspace, connection)
        why = "another token" if stored else "its token can't be compared"
        why = "another expiry date" if same else why
        verb, why = (Verb.UPDATE, why) if mine else (Verb.CREATE, "new")

        def effect() -> None:
            self.sdk.store(workspace, connection, token, mark)
            self._read_back(workspace, connection, mark)

        return Change(subject, verb, why, connection, effect, workspace.id)

    def _read_back(self, workspace: Workspace, connection: Connection, mark: str) -> None:
        """Raise ReadBackDiffers unless the connection has our target, and no fingerprint or date of another token."""
        path = f"{workspace.id}/connections/{quote(connection.name)}"
        stored = object_in((self.arm.find(path, workspace) or {}).get("properties"))
        if not same_target(stored.get("target", ""), connection.target):
            shown = stored.get("target")
            raise ReadBackDiffers(
                f"Connection {connection.name} of {workspace.name} shows target {shown!r} after the write."
            )
        ours = (mark, connection.token_expires)
        if any(shown not in ("", own) for shown, own in zip(note(stored), ours, strict=True)):
            raise ReadBackDiffers(
                f"Connection {connection.name} of {workspace.name} keeps fingerprint or date of another token.",
                fix=f"Delete connection {connection.name}, and run the step again.",
            )

    def compared(self, environment: Environment, target: Target, state: WorkspaceState) -> Comparison:
        """Compare with the newest version of the environment that is registered, and isn't archived.

        It only tells people what changes, so whatever goes wrong stops nobody: `unknown` then says it.
        """
        # EnvironmentVersions_List in mfe.json; the order's name is azure-ai-ml's (`OrderString.CREATED_AT_DESC`).
        query = "$orderBy=createdtime%20desc&$top=1&listViewType=ActiveOnly"
        arm, root = (state.place.arm, state.place.root) if state.place else (self.arm, target.id)
        path = f"{root}/environments/{quote(environment.name)}/versions?{query}"
        try:
            status, page = arm.send("GET", path, brief=True)
            if status != 404:  # noqa: PLR2004  # no version yet
                check(status, page, target)
        except StepError as error:
            return Comparison((target.label,), unknown=shown(error.what).rstrip("."))
        for newest in items_in(page.get("value"))[:1]:
            if newest.get("name") == environment.version:
                break  # it is kept: nothing to compare
            properties = object_in(newest.get("properties"))
            conda = str(properties.get("condaFile") or "")
            if len(conda) > LARGEST:
                return Comparison((target.label,), unknown=f"its conda file has {len(conda)} characters")
            before = Definition.read(str(properties.get("image") or ""), conda)
            now = Definition(environment.image.pinned, environment.spec)
            return compared(target.label, str(newest.get("name")), before, now)
        return Comparison((target.label,))

    def environment(
        self, located: Callable[[], Environment], tags: Mapping[str, str], target: Target, state: WorkspaceState
    ) -> Change[Environment]:
        """Say what registering an environment means; raise EnvironmentConflict when its version has another definition.

        `located` returns it with the addresses that are known when it is called: some are known only after an upload.
        """
        environment = located()
        plan = partial(self._environment, located, tags, target, state)
        return _or_skip(_environment_on(environment, target), environment, target, state, plan)

    def _environment(
        self, located: Callable[[], Environment], tags: Mapping[str, str], target: Target, state: WorkspaceState
    ) -> Change[Environment]:
        environment = located()
        subject = _environment_on(environment, target)
        holder = self._holder(target, state)
        registered = _registered(environment, target, holder)
        if registered and environment.whole:
            return Change(subject, Verb.KEEP, "registered with the same definition", environment, target=target.id)
        state.permissions.check_register(target)
        # Its wheel is missing and will be stored again: only then it shows whether the address is the same.
        verb, why = (Verb.UPDATE, "its wheel is stored anew") if registered else (Verb.CREATE, "new definition")
        effect = partial(_register, located, tags, target, holder)
        return Change(subject, verb, why, environment, effect, target.id)

    def _holder(self, target: Target, state: WorkspaceState) -> Holder:
        """Return what reads and registers environments on `target`."""
        if isinstance(target, Workspace):
            return OnWorkspace(self.sdk, target)
        assert state.place  # noqa: S101  # a registry that showed itself is somewhere
        return state.place


def _register(located: Callable[[], Environment], tags: Mapping[str, str], target: Target, holder: Holder) -> None:
    """Register, then read: a service may accept and change only the tags, and a conflict may be our own retry."""
    environment = located()
    try:
        holder.register(environment, tags)
    except AzureRefused:
        if not _registered(environment, target, holder):
            raise  # with the service's own code and message
    if not _registered(environment, target, holder):
        raise ReadBackDiffers(f"{environment.reference} is missing on {target.label} after it was registered.")


def _registered(environment: Environment, target: Target, holder: Holder) -> bool:
    """Tell whether the environment is registered; raise EnvironmentConflict when its definition is another one."""
    definition = holder.find(environment)
    if definition is not None and not environment.same_as(definition):
        raise EnvironmentConflict(f"{environment.reference} is registered on {target.label} with another definition.")
    return definition is not None


def _connection_on(connection: Connection, workspace: Workspace) -> str:
    return f"connection {connection.name} on {workspace.name}"


def _environment_on(environment: Environment, target: Target) -> str:
    return f"environment {environment.name}:{environment.version} on {target.label}"


def _or_skip(
    subject: str, result: Result, target: Target, state: WorkspaceState, plan: Callable[[], Change[Result]]
) -> Change[Result]:
    """Return the change of a `plan`, or if the target itself keeps it from being made, one that fails with that."""
    try:
        if state.failed:
            raise state.failed
        return plan()
    except own(target) as error:
        return Change(subject, Verb.SKIP, f"{error.code} {error.title}", result, partial(_fail, error), target.id)


def _fail(error: StepError) -> None:
    raise error
