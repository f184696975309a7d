"""What Azure Resource Manager tells of a container, and what is said of it."""

from typing import Any

import pytest
from amlwheel.inputs.reading import read
from amlwheel.model.azure import Container
from amlwheel.storage import roles
from amlwheel.storage.roles import Place
from unit.parts import GUID, WORKSPACE, FakeArm

CONTAINER = Container("acmewheels", "wheels")
ACCOUNT = f"/subscriptions/{GUID}/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/acmewheels"
SCOPE = f"{ACCOUNT}/blobServices/default/containers/wheels"
ACCOUNTS = f"/subscriptions/{GUID}/providers/Microsoft.Storage/storageAccounts"
AUTHORIZATION = f"{SCOPE}/providers/Microsoft.Authorization"
ROLE = f"/subscriptions/{GUID}/providers/Microsoft.Authorization/roleDefinitions/r"
PRINCIPAL = "00000000-0000-0000-0000-0000000000aa"
ASSIGNED = f"{AUTHORIZATION}/roleAssignments?$filter=atScope()%20and%20assignedTo('{PRINCIPAL}')"
NO_DATA = {"actions": ["*"], "notActions": ["Microsoft.Storage/storageAccounts/listKeys/action"]}


@pytest.fixture
def arm() -> FakeArm:
    made = FakeArm()
    other = {"name": "others", "id": "/x"}
    made.answers["GET", ACCOUNTS] = (200, {"value": [other, {"name": "acmeWheels", "id": ACCOUNT}]})
    made.answers["GET", WORKSPACE.id] = (200, {"identity": {"type": "SystemAssigned", "principalId": PRINCIPAL}})
    made.answers["GET", ASSIGNED] = (200, {"value": [{"properties": {"roleDefinitionId": ROLE}}]})
    return made


def found(arm: FakeArm) -> Place:
    return roles.find(arm, CONTAINER, [WORKSPACE, WORKSPACE])


def role(arm: FakeArm, **block: list[str]) -> None:
    arm.answers["GET", ROLE] = (200, {"properties": {"permissions": [block]}})


def test_the_account_is_found_in_the_workspaces_subscription(arm: FakeArm) -> None:
    assert found(arm).scope == SCOPE
    assert arm.sent == [("GET", ACCOUNTS)]


@pytest.mark.parametrize("answer", [(403, {}), (200, {"value": []}), (200, {"value": [{"name": 3}, "x"]})])
def test_an_account_that_is_not_told_leaves_everything_open(arm: FakeArm, answer: Any) -> None:  # noqa: ANN401
    arm.answers["GET", ACCOUNTS] = answer
    place = found(arm)
    assert (place.scope, place.may_write(), place.closed_to(WORKSPACE)) == ("", None, "")
    assert "--scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP/providers/Microsoft.Storage" in place.grant


@pytest.mark.parametrize(
    ("block", "may"),
    [
        ({"dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"]}, True),
        ({"dataActions": ["microsoft.storage/storageaccounts/*"]}, True),
        ({"dataActions": ["*"], "notDataActions": ["Microsoft.Storage/*"]}, False),
        ({"dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]}, False),
        ({"actions": ["*"], "dataActions": []}, False),
        ({"actions": ["*"]}, False),
    ],
)
def test_who_may_write_is_what_the_roles_say_of_data(arm: FakeArm, block: dict[str, Any], may: bool) -> None:  # noqa: FBT001
    arm.answers["GET", f"{AUTHORIZATION}/permissions"] = (200, {"value": [block]})
    assert found(arm).may_write() is may


def test_permissions_that_go_on_are_not_a_no(arm: FakeArm) -> None:
    said = {"value": [{"actions": ["*"]}], "nextLink": "https://management.azure.com/more"}
    arm.answers["GET", f"{AUTHORIZATION}/permissions"] = (200, said)
    assert found(arm).may_write() is None


def test_permissions_that_are_not_told_are_not_a_no(arm: FakeArm) -> None:
    arm.answers["GET", f"{AUTHORIZATION}/permissions"] = (403, {})
    assert found(arm).may_write() is None


@pytest.mark.parametrize(
    "block",
    [
        {"dataActions": ["Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"]},
        {"actions": ["*"]},  # the keys of the account
    ],
)
def test_of_a_workspace_that_may_read_nothing_is_said(arm: FakeArm, block: dict[str, list[str]]) -> None:
    role(arm, **block)
    assert found(arm).closed_to(WORKSPACE) == ""


def test_of_a_workspace_that_cannot_read_the_command_is_told(arm: FakeArm) -> None:
    role(arm, **NO_DATA)
    said = found(arm).closed_to(WORKSPACE)
    assert said.startswith("The identity of workspace research has no role that lets it read https://acmewheels.")
    command = f"az role assignment create --role 'Storage Blob Data Reader' --assignee {PRINCIPAL} --scope {SCOPE}"
    assert said.endswith(command)
    arm.answers["GET", ASSIGNED] = (200, {"value": []})
    assert found(arm).closed_to(WORKSPACE) == said


def test_of_an_account_without_keys_a_role_for_them_is_none(arm: FakeArm) -> None:
    role(arm, actions=["*"])
    properties = {"allowSharedKeyAccess": False}
    arm.answers["GET", ACCOUNTS] = (200, {"value": [{"name": "acmewheels", "id": ACCOUNT, "properties": properties}]})
    assert "has no role that lets it read" in found(arm).closed_to(WORKSPACE)


def test_a_list_of_roles_that_goes_on_is_not_judged(arm: FakeArm) -> None:
    arm.answers["GET", ASSIGNED] = (200, {"value": [], "nextLink": "https://management.azure.com/more"})
    assert found(arm).closed_to(WORKSPACE) == ""


@pytest.mark.parametrize("path", [ASSIGNED, ROLE, WORKSPACE.id])
def test_what_cannot_be_seen_is_not_warned_of(arm: FakeArm, path: str) -> None:
    role(arm, **NO_DATA)
    arm.answers["GET", path] = (403, {})
    assert found(arm).closed_to(WORKSPACE) == ""


def test_all_identities_of_a_workspace_count() -> None:
    assigned = {"/a": {"principalId": "two"}, "/b": {}, "/c": None}
    assert roles.identities({"identity": {"principalId": "one", "userAssignedIdentities": assigned}}) == (
        "one",
        "two",
    )
    assert roles.identities({"identity": {"userAssignedIdentities": assigned}}) == ("two",)
    assert roles.identities({"identity": None}) == ()


GIVEN = {"route": "storage", "storage-container": CONTAINER.url, "workspace": f"{GUID}/rg/research"}


def test_the_route_needs_neither_feed_nor_token() -> None:
    asked = read(GIVEN)
    assert (asked.storage_container, asked.mirror, asked.feed, asked.connects) == (CONTAINER, False, None, False)


def test_with_a_mirror_nothing_has_to_be_stored_on_the_workspace() -> None:
    asked = read({**GIVEN, "feed": "acme/ml/wheels", "mirror": "true"})
    assert (asked.mirror, asked.connects) == (True, False)


def test_with_a_mirror_a_user_of_the_feed_is_no_matter_of_the_sdk() -> None:
    feed = {"feed": "https://pypi.example/simple/", "feed-token": "t", "feed-user": "ci"}
    assert read({**GIVEN, **feed, "mirror": "true", "sdk": "v1"}).feed_token.user == "ci"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"storage-container": ""}, "`route` storage needs a `storage-container`."),
        ({"storage-container": "https://x/y"}, "`storage-container`: 'https://x/y' isn't of the form"),
        ({"route": "workspace"}, "`storage-container` with `route` workspace: it is for `route` storage alone."),
        ({"route": "workspace", "storage-container": "", "mirror": "true"}, "`mirror` with `route` workspace: it is"),
        ({"feed": "acme/ml/wheels"}, "`connection-token` is empty."),
        ({"index": "only"}, "`index` without a `feed`: it tells what comes from the feed"),
        ({"feed-view": "Release"}, "`feed-view` with `route` storage: nothing is published"),
    ],
)
def test_what_does_not_belong_together_is_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(Exception, match=told.replace("(", r"\(")) as caught:
        read({**GIVEN, **given})
    assert not getattr(caught.value, "errors", ())  # one problem, one sentence
