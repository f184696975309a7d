"""ARM's rules, asked without a proxy: subscriptions, workspaces, connections and environments."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal.arm import host as arm
from rehearsal.arm import schemas
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.web import tokens
from unit.rehearsal.asking import WORKSPACE, Answer, arm_caller, entra_token

TARGET = "https://pkgs.dev.azure.com/acme"
CONNECTION = {
    "properties": {
        "category": "PythonFeed",
        "target": TARGET,
        "authType": "PAT",
        "credentials": {"pat": names.READ_TOKEN},
        "isSharedToAll": True,
        "metadata": {"k": "v"},
    }
}
ENVIRONMENT = {"properties": {"image": "mcr.microsoft.com/x@sha256:00", "condaFile": "name: x\n", "osType": "Linux"}}


@pytest.fixture
def call(store: Store) -> Callable[..., Answer]:
    """Call ARM as the pipeline does."""
    return arm_caller(store)


def test_workspace_is_found_in_any_case(call: Callable[..., Answer]) -> None:
    path = WORKSPACE.upper()
    assert call("GET", path).json["id"] == WORKSPACE


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (names.SUBSCRIPTION_ID, names.TENANT_ID, "SubscriptionNotFound"),
        ("rg-ml", "rg-nope", "ResourceGroupNotFound"),
        ("ws-train", "ws-nope", "ResourceNotFound"),
        ("workspaces", "workspacez", "InvalidResourceType"),
    ],
)
def test_arm_says_what_is_missing(call: Callable[..., Answer], old: str, new: str, code: str) -> None:
    answer = call("GET", WORKSPACE.replace(old, new))
    assert (answer.status, answer.json["error"]["code"]) == (404, code)


@pytest.mark.parametrize(
    ("version", "code"), [("", "MissingApiVersionParameter"), ("2020-01-01", "NoRegisteredProviderFound")]
)
def test_arm_wants_a_known_api_version(call: Callable[..., Answer], version: str, code: str) -> None:
    answer = call("GET", WORKSPACE, version=version)
    assert (answer.status, answer.json["error"]["code"]) == (400, code)


def test_arm_wants_a_token_for_itself(store: Store, call: Callable[..., Answer]) -> None:
    other = entra_token(store, entra.DEVOPS_AUDIENCE).json["access_token"]
    late = {"aud": "https://management.azure.com", "exp": 1, "appid": names.CLIENT_ID, "oid": "x"}
    expired = tokens.issue(late, store.read("entra")["signing_key"])
    forged = tokens.issue({**late, "exp": time.time() + 60}, "no key of ours")
    codes = [
        call("GET", WORKSPACE, authorization=f"Bearer {one}").json["error"]["code"] for one in (other, expired, forged)
    ]
    assert codes == ["InvalidAuthenticationTokenAudience", "ExpiredAuthenticationToken", "InvalidAuthenticationToken"]
    missing = call("GET", WORKSPACE, authorization="")
    assert (missing.status, missing.json["error"]["code"]) == (401, "AuthenticationFailed")
    assert "authorization_uri=" in missing.header("www-authenticate")


def test_arm_knows_roles(store: Store, call: Callable[..., Answer]) -> None:
    def bearer(client_id: str, secret: str) -> str:
        return f"Bearer {entra_token(store, client_id=client_id, client_secret=secret).json['access_token']}"

    reader = bearer(names.READER_CLIENT_ID, names.READER_CLIENT_SECRET)
    outsider = bearer(names.OUTSIDER_CLIENT_ID, names.OUTSIDER_CLIENT_SECRET)
    assert call("GET", WORKSPACE, authorization=reader).status == 200
    refused = call("PUT", f"{WORKSPACE}/connections/feed", CONNECTION, authorization=reader)
    assert (refused.status, refused.json["error"]["code"]) == (403, "AuthorizationFailed")
    assert "workspaces/connections/write" in refused.json["error"]["message"]
    assert call("GET", WORKSPACE, authorization=outsider).status == 403


def test_connection_is_stored_and_its_secret_never_shown(store: Store, call: Callable[..., Answer]) -> None:
    path = f"{WORKSPACE}/connections/feed-acme"
    assert call("GET", path).json["error"]["code"] == "UserError"
    answers = [call("PUT", path, CONNECTION), call("PUT", path, CONNECTION), call("GET", path)]
    answers.append(call("GET", f"{WORKSPACE}/connections"))
    assert [answer.status for answer in answers] == [200, 200, 200, 200]
    assert not any(names.READ_TOKEN.encode() in answer.content for answer in answers)
    shown = answers[2].json["properties"]
    assert (shown["metadata"], shown["credentials"]) == ({"k": "v"}, None)
    stored = store.read("arm")[names.SUBSCRIPTION_ID]["rg-ml"]["ws-train"]["connections"]["feed-acme"]
    assert stored["properties"]["credentials"] == {"pat": names.READ_TOKEN}
    assert [call("DELETE", path).status for _ in range(2)] == [200, 204]


def test_connections_are_listed_by_page_and_filtered(call: Callable[..., Answer]) -> None:
    for number in range(arm.PAGE + 1):
        call("PUT", f"{WORKSPACE}/connections/feed-{number}", CONNECTION)
    git = {"properties": {**CONNECTION["properties"], "category": "Git"}}
    call("PUT", f"{WORKSPACE}/connections/git-one", git)
    first = call("GET", f"{WORKSPACE}/connections?category=PythonFeed&target={TARGET}").json
    rest = call("GET", first["nextLink"].removeprefix(f"https://{arm.HOST}"), version="").json
    assert len(first["value"]) == arm.PAGE
    assert [one["name"] for one in rest["value"]] == [f"feed-{arm.PAGE}"]
    assert "nextLink" not in rest


@pytest.mark.parametrize("name", ["ab", "a.b.c", "-abc", "a" * 34])
def test_connection_name_is_checked(call: Callable[..., Answer], name: str) -> None:
    answer = call("PUT", f"{WORKSPACE}/connections/{name}", CONNECTION)
    assert (answer.status, answer.json["error"]["code"]) == (400, "ValidationError")


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 1},
        {"metadata": {"a": 1}},
        {"credentials": {"pat": 1}},
        {"credentials": {"username": "u", "password": "p"}},
        {"authType": "None"},
        {"authType": "SAS"},
        {"isSharedToAll": "true"},
        {"target": None},
    ],
)
def test_connection_payload_is_checked_without_telling_secrets(
    call: Callable[..., Answer], change: dict[str, Any]
) -> None:
    answer = call("PUT", f"{WORKSPACE}/connections/feed", {"properties": {**CONNECTION["properties"], **change}})
    assert (answer.status, answer.json["error"]["code"]) == (400, "ValidationError")
    assert names.READ_TOKEN.encode() not in answer.content


# ARM, as azureml-core asks it: api-version 2020-01-01


OLD = {"category": "PythonFeed", "target": TARGET, "authType": "PAT"}
OLD_CONNECTION = {"name": "feed", "properties": {**OLD, "value": names.READ_TOKEN}}


def old_call(call: Callable[..., Answer], method: str, path: str, content: object = None) -> Answer:
    return call(method, f"{WORKSPACE}/connections{path}", content, version="2020-01-01")


def test_subscriptions_are_listed_for_whoever_has_a_role(store: Store, call: Callable[..., Answer]) -> None:
    listed = call("GET", "/subscriptions", version="2022-12-01").json["value"]
    assert [(one["subscriptionId"], one["state"]) for one in listed] == [(names.SUBSCRIPTION_ID, "Enabled")]
    assert set(listed[0]) == {"id", "subscriptionId", "displayName", "state", "tenantId"}
    login = {"client_id": names.OUTSIDER_CLIENT_ID, "client_secret": names.OUTSIDER_CLIENT_SECRET}
    outsider = f"Bearer {entra_token(store, **login).json['access_token']}"
    assert call("GET", "/subscriptions", version="2022-12-01", authorization=outsider).json == {"value": []}
    assert call("GET", "/subscriptions", version="2022-12-01", authorization="").status == 401
    assert call("GET", "/subscriptions", version="1999-01-01").status == 400


def test_workspace_tells_its_storage_account(call: Callable[..., Answer]) -> None:
    account = call("GET", WORKSPACE, version="2022-05-01").json["properties"]["storageAccount"]
    assert re.fullmatch(r"/subscriptions/.*/Microsoft\.Storage/storageAccounts/wstrain\d{10}", account)
    other = call("GET", names.workspace_id(names.OTHER_WORKSPACE)).json["properties"]["storageAccount"]
    assert account != other


def test_storage_accounts_name_is_made_of_what_storage_allows() -> None:
    assert re.fullmatch("[a-z0-9]{24}", names.storage_account("/x/A_workspace-with_a-Long-Name"))


def test_old_connection_is_shown_without_its_value(call: Callable[..., Answer]) -> None:
    answers = [old_call(call, "PUT", "/feed", OLD_CONNECTION), old_call(call, "GET", "/feed")]
    wanted = {
        "id": f"{WORKSPACE}/connections/feed",
        "name": "feed",
        "type": "Microsoft.MachineLearningServices/workspaces/connections",
        "properties": OLD,
    }
    assert [(answer.status, answer.json) for answer in answers] == [(200, wanted), (200, wanted)]
    assert old_call(call, "GET", "").json == [wanted]
    assert old_call(call, "GET", "?category=Git").json == []
    assert [old_call(call, "DELETE", "/feed").status for _ in range(2)] == [200, 204]


def test_old_list_has_no_pages(call: Callable[..., Answer]) -> None:
    for number in range(arm.PAGE + 1):
        old_call(call, "PUT", f"/feed-{number}", OLD_CONNECTION)
    assert len(old_call(call, "GET", "").json) == arm.PAGE + 1


def test_one_store_two_views_and_an_old_put_takes_the_metadata_away(store: Store, call: Callable[..., Answer]) -> None:
    path = f"{WORKSPACE}/connections/feed"
    call("PUT", path, {"properties": {**CONNECTION["properties"], "expiryTime": "2027-01-01T00:00:00Z"}})
    assert old_call(call, "GET", "/feed").json["properties"] == OLD
    old_call(call, "PUT", "/feed", OLD_CONNECTION)
    shown = call("GET", path).json["properties"]
    unset = {"isSharedToAll": True, "metadata": {}, "credentials": None, "group": "GenericProtocol"}
    assert shown == {**OLD, **unset}
    (stored,) = store.read("arm")[names.SUBSCRIPTION_ID]["rg-ml"]["ws-train"]["connections"].values()
    assert stored["properties"]["credentials"] == {"pat": names.READ_TOKEN}


def test_an_old_connection_may_have_a_user(store: Store, call: Callable[..., Answer]) -> None:
    basic = {**OLD, "authType": "Basic", "value": "{'Username': 'me', 'Password': 'fake-password'}"}
    assert old_call(call, "PUT", "/feed", {"name": "feed", "properties": basic}).status == 200
    (stored,) = store.read("arm")[names.SUBSCRIPTION_ID]["rg-ml"]["ws-train"]["connections"].values()
    assert stored["properties"]["authType"] == "UsernamePassword"
    assert stored["properties"]["credentials"] == {"username": "me", "password": "fake-password"}
    assert old_call(call, "PUT", "/feed", {"name": "feed", "properties": {**basic, "value": "fake"}}).status == 400


@pytest.mark.parametrize("change", [{"authType": "SAS"}, {"value": None}, {"value": 1}, {"metadata": {}}])
def test_old_payload_is_checked(call: Callable[..., Answer], change: dict[str, Any]) -> None:
    answer = old_call(call, "PUT", "/feed", {"name": "feed", "properties": {**OLD_CONNECTION["properties"], **change}})  # type: ignore[dict-item]
    assert (answer.status, answer.json["error"]["code"]) == (400, "ValidationError")
    assert names.READ_TOKEN.encode() not in answer.content


def test_an_api_version_can_be_switched_off(store: Store, call: Callable[..., Answer]) -> None:
    with store.edit("arm") as document:
        document["refused_api_versions"] = ["2020-01-01"]
    answer = old_call(call, "PUT", "/feed", OLD_CONNECTION)
    assert (answer.status, answer.json["error"]["code"]) == (400, "NoRegisteredProviderFound")
    assert "are '2024-04-01," in answer.json["error"]["message"]
    assert call("PUT", f"{WORKSPACE}/connections/feed", CONNECTION).status == 200


@pytest.mark.parametrize("name", ["AzureML-sklearn", "azureml", "AZUREML_x"])
def test_microsofts_own_environments_are_let_be(call: Callable[..., Answer], name: str) -> None:
    answer = call("PUT", f"{WORKSPACE}/environments/{name}/versions/1", ENVIRONMENT)
    assert (answer.status, "can not start with the prefix AzureML" in answer.json["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    "change", [{"image": None}, {"tags": {"a": 1}}, {"condafile": ""}, {"osType": "linux"}, {"properties": {"a": None}}]
)
def test_environment_payload_is_checked(change: dict[str, Any]) -> None:
    assert schemas.problem(schemas.ENVIRONMENT_REQUEST, ENVIRONMENT) is None
    assert schemas.problem(schemas.ENVIRONMENT_REQUEST, {"properties": {**ENVIRONMENT["properties"], **change}})


def test_environment_is_created_once_and_its_definition_never_changed(call: Callable[..., Answer]) -> None:
    path = f"{WORKSPACE}/environments/churn/versions/1.4.0-abc"
    assert call("GET", path).status == 404
    tagged = {"properties": {**ENVIRONMENT["properties"], "tags": {"a": "b"}}}
    other = {"properties": {**ENVIRONMENT["properties"], "condaFile": "name: y\n"}}
    assert [call("PUT", path, body).status for body in (ENVIRONMENT, ENVIRONMENT, tagged, other)] == [
        201,
        200,
        200,
        409,
    ]
    kept = call("GET", path).json
    assert (kept["name"], kept["properties"]["tags"]) == ("1.4.0-abc", {"a": "b"})
    assert kept["properties"]["condaFile"] == "name: x\n"
    assert "is already registered and cannot be changed" in call("PUT", path, other).json["error"]["message"]


def test_environment_versions_are_listed(call: Callable[..., Answer]) -> None:
    for version in ("1.0", "1.0%2Blocal"):
        call("PUT", f"{WORKSPACE}/environments/churn/versions/{version}", ENVIRONMENT)
    newest = call("GET", f"{WORKSPACE}/environments/churn/versions?$orderBy=createdtime%20desc&$top=1").json
    assert [one["name"] for one in newest["value"]] == ["1.0+local"]
    archived = {"properties": {**ENVIRONMENT["properties"], "isArchived": True}}
    assert call("PUT", f"{WORKSPACE}/environments/churn/versions/1.0%2Blocal", archived).status == 200
    for view, listed in (("ActiveOnly", ["1.0"]), ("ArchivedOnly", ["1.0+local"]), ("All", ["1.0", "1.0+local"])):
        found = call("GET", f"{WORKSPACE}/environments/churn/versions?listViewType={view}").json
        assert [one["name"] for one in found["value"]] == listed
    assert call("GET", f"{WORKSPACE}/environments/churn").json["properties"]["latestVersion"] == "1.0+local"
    assert call("GET", f"{WORKSPACE}/environments/other").status == 404
    assert call("PUT", f"{WORKSPACE}/environments/a.b/versions/1", ENVIRONMENT).status == 400
