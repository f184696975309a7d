"""What a workspace shows before anything is planned."""

import pytest
from amlwheel.errors.base import Several
from amlwheel.errors.workspace import WorkspaceForbidden
from amlwheel.workspace.look import Permissions, WorkspaceState, known, look
from unit.parts import WORKSPACE, FakeArm

CONNECTION = {"name": "feed-acme", "properties": {"target": "https://pkgs.dev.azure.com/acme"}}
ALLOWED = {"actions": ["*"]}
CONNECTIONS = f"{WORKSPACE.id}/connections"
PERMISSIONS = f"{WORKSPACE.id}/providers/Microsoft.Authorization/permissions"


def test_a_look_asks_for_the_workspace_its_connections_and_the_permissions() -> None:
    arm = FakeArm()
    arm.answers["GET", WORKSPACE.id] = (200, {"properties": {"imageBuildCompute": "builder"}})
    arm.answers["GET", CONNECTIONS] = (200, {"value": [CONNECTION]})
    arm.answers["GET", PERMISSIONS] = (200, {"value": [ALLOWED]})
    shown = {"imageBuildCompute": "builder"}
    assert look(arm, WORKSPACE) == WorkspaceState((CONNECTION,), Permissions((ALLOWED,)), shown)
    assert sorted(arm.sent) == [("GET", path) for path in (WORKSPACE.id, CONNECTIONS, PERMISSIONS)]


def test_a_workspace_that_is_refused_is_reported_once() -> None:
    arm = FakeArm()
    arm.answers |= {("GET", path): (403, {}) for path in (WORKSPACE.id, CONNECTIONS, PERMISSIONS)}
    state = look(arm, WORKSPACE)
    assert isinstance(state.failed, WorkspaceForbidden)
    assert known([WorkspaceState(()), state], dry_run=False) == (WorkspaceState(()), state)
    for states, dry_run in (([WorkspaceState(()), state], True), ([state, state], False)):
        with pytest.raises(WorkspaceForbidden):
            known(states, dry_run=dry_run)


def test_all_problems_of_a_workspace_are_reported_together() -> None:
    arm = FakeArm()
    arm.answers["GET", WORKSPACE.id] = (403, {})
    arm.answers["GET", CONNECTIONS] = (404, {"error": {"code": "ResourceNotFound"}})
    with pytest.raises(Several) as caught:
        look(arm, WORKSPACE)
    assert [each.code for each in caught.value.errors] == ["AW41", "AW42"]
