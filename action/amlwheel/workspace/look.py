"""What a workspace shows before anything is planned: whether it exists, its connections, the identity's permissions."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from ..errors.base import NoNetwork, Several, StepError, TooSlow, together
from ..errors.workspace import AzureRefused, RegistryForbidden, WorkspaceForbidden
from ..model.azure import Registry, Target, Workspace
from ..plan.observe import observing
from ..transport.arm import Arm, Json, allows, check, grant, items_in, object_in
from . import registry
from .registry import Place


def own(target: Target) -> tuple[type[StepError], ...]:
    """Return what is wrong with one target and says nothing against the release or the input: it stops no other one.

    A registry has hosts of its own, which a firewall may not know; all workspaces have the same.
    """
    always = (WorkspaceForbidden, AzureRefused, TooSlow)
    return (*always, NoNetwork) if isinstance(target, Registry) else always


def exists(arm: Arm, workspace: Workspace) -> Json:
    """Return the workspace's properties; raise WorkspaceForbidden or WorkspaceNotFound unless it may be seen."""
    status, page = arm.send("GET", workspace.id)
    check(status, page, workspace)
    return object_in(page.get("properties"))


@dataclass(frozen=True)
class Permissions:
    """What the identity may do on a workspace or registry; `blocks` is empty when Azure doesn't say."""

    blocks: tuple[Json, ...] = ()

    def check(self, action: str, workspace: Workspace) -> None:
        """Raise WorkspaceForbidden when `action` (below Microsoft.MachineLearningServices/workspaces) isn't allowed.

        Where nothing is known, the request itself will show it.
        """
        if self._denies(f"workspaces/{action}"):
            raise WorkspaceForbidden(
                f"The identity may see workspace {workspace.name}, but has no role that allows {action}.",
                fix=grant(workspace),
            )

    def check_register(self, target: Target) -> None:
        """Raise WorkspaceForbidden or RegistryForbidden when no environment may be registered on `target`.

        A registry has one action for all assets (Learn, built-in roles, AzureML Registry User).
        """
        if isinstance(target, Workspace):
            self.check("environments/versions/write", target)
        elif self._denies("registries/assets/write"):
            raise RegistryForbidden(
                f"The identity may see {target.label}, but has no role that allows assets/write.", fix=grant(target)
            )

    def _denies(self, action: str) -> bool:
        full = f"Microsoft.MachineLearningServices/{action}"
        return bool(self.blocks) and not allows(self.blocks, action=full)


@dataclass(frozen=True)
class WorkspaceState:
    """What a workspace or registry showed before anything was planned: `properties` are those of the workspace itself.

    `failed` is why it showed nothing. `place` is where a registry is.
    """

    connections: tuple[Json, ...]
    permissions: Permissions = Permissions()
    properties: Json = field(default_factory=dict)
    failed: StepError | None = None
    place: Place | None = None


def look(arm: Arm, target: Target) -> WorkspaceState:
    """Return what `target` shows; raise WorkspaceNotFound, NoNetwork, or `Several` with such an error.

    A registry's NoNetwork is its own matter.
    """
    try:
        return _look_into(arm, target) if isinstance(target, Registry) else _look(arm, target)
    except StepError as error:
        found = error.errors if isinstance(error, Several) else (error,)
        if not all(isinstance(each, own(target)) for each in found):
            raise
        return WorkspaceState((), failed=found[0])


def known(states: Iterable[WorkspaceState], *, dry_run: bool) -> tuple[WorkspaceState, ...]:
    """Return the states of all workspaces, if at least one showed itself; in a dry run all have to.

    Raises the errors of the others.
    """
    seen = tuple(states)
    failed = [each.failed for each in seen if each.failed]
    if failed and (dry_run or len(failed) == len(seen)):
        raise together(failed)
    return seen


def _look(arm: Arm, workspace: Workspace) -> WorkspaceState:
    """Ask for the workspace, its connections and the identity's permissions at once."""
    with observing() as observer:
        shown = observer.ask(partial(exists, arm, workspace))
        listed = observer.ask(partial(connections, arm, workspace))
        allowed = observer.ask(partial(permissions, arm, workspace.id))
    return WorkspaceState(listed.result(), allowed.result(), shown.result())


def _look_into(arm: Arm, target: Registry) -> WorkspaceState:
    """Ask where the registry is, and then for the identity's permissions."""
    place = registry.find(arm, target)
    return WorkspaceState((), permissions(arm, place.id), place=place)


def permissions(arm: Arm, resource: str) -> Permissions:
    """Ask what the identity may do, so that a missing role is reported before the wheel is published.

    REST reference, "Permissions - List For Resource", 2022-04-01; any reader may ask.
    """
    path = f"{resource}/providers/Microsoft.Authorization/permissions"
    status, page = arm.send("GET", path, version="2022-04-01")
    return Permissions(items_in(page.get("value")) if status < 400 else ())  # noqa: PLR2004


def connections(arm: Arm, workspace: Workspace) -> tuple[Json, ...]:
    """Return all connections of the workspace (never their secrets), every page of the list."""
    listed: list[Json] = []
    path = f"{workspace.id}/connections"
    for _ in range(1000):
        status, page = arm.send("GET", path)
        check(status, page, workspace)
        listed += items_in(page.get("value"))
        path = str(page.get("nextLink") or "")
        if not path:
            break
    return tuple(listed)
