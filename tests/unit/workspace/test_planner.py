"""Connections and environments of a workspace: what is kept, created, updated, or refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.errors.transport import CredentialElsewhere
from amlwheel.errors.workspace import (
    AzureRefused,
    ConnectionConflict,
    EnvironmentConflict,
    ReadBackDiffers,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from amlwheel.model.azure import Connection, Workspace
from amlwheel.model.connection_token import fingerprint
from amlwheel.model.differences import Comparison, Difference
from amlwheel.model.environment import Environment
from amlwheel.model.secret import Secret
from amlwheel.plan.change import Verb
from amlwheel.transport.arm import ARM, Arm
from amlwheel.workspace.arm import ArmSdk
from amlwheel.workspace.connections import remembered
from amlwheel.workspace.look import Permissions, WorkspaceState, connections, exists, permissions
from amlwheel.workspace.planner import Planner
from azure.core import exceptions
from unit.parts import CANARY, FEED, GUID, IMAGE, TOKEN, WORKSPACE, FakeArm, defined, make

CONNECTION = Connection.of(FEED)
PLACE = f"{WORKSPACE.id}/connections/{CONNECTION.name}"
TAGS = {"package": "acme-churn 1.2.3"}


@pytest.fixture
def arm() -> FakeArm:
    return FakeArm()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return defined(make(tmp_path, "acme_churn-1.2.3+local-py3-none-any.whl"))


def planner(arm: Arm) -> Planner:
    return Planner(arm, ArmSdk(arm))


def connect(
    arm: Arm, token: Secret = TOKEN, *, expires: str = "", told: bool = True, seen: WorkspaceState | None = None
) -> Any:  # noqa: ANN401  # a Change
    wanted = replace(CONNECTION, token_expires=expires)
    found = seen or WorkspaceState(connections(arm, WORKSPACE))
    return planner(arm).connection(wanted, token, WORKSPACE, found, told=told and bool(expires))


def register(arm: Arm, environment: Environment, seen: WorkspaceState = WorkspaceState(())) -> Any:  # noqa: ANN401, B008  # frozen
    return planner(arm).environment(lambda: environment, TAGS, WORKSPACE, seen)


def path_of(environment: Environment) -> str:
    return f"{WORKSPACE.id}/environments/acme-churn/versions/{environment.version.replace('+', '%2B')}"


# --- connections


def test_a_new_connection_is_created_and_then_kept(arm: FakeArm) -> None:
    change = connect(arm)
    assert (change.verb, change.result) == (Verb.CREATE, CONNECTION)
    assert arm.writes == []
    change.effect()
    assert arm.writes == [PLACE]
    assert arm.bodies == [
        {
            "properties": {
                "category": "PythonFeed",
                "target": "https://pkgs.dev.azure.com/acme",
                "authType": "PAT",
                "credentials": {"pat": CANARY},
                "isSharedToAll": True,
                "metadata": {"amlwheel-fingerprint": fingerprint(TOKEN, PLACE)},
            }
        }
    ]
    assert connect(arm).verb is Verb.KEEP


def test_another_token_is_an_update(arm: FakeArm) -> None:
    connect(arm).effect()
    change = connect(arm, Secret("fake-second-token"))
    assert change.verb is Verb.UPDATE
    change.effect()
    assert connect(arm, Secret("fake-second-token")).verb is Verb.KEEP


@pytest.mark.parametrize("stored", [{"metadata": None}, {"metadata": {}}, {"authType": "None"}])
def test_what_another_tool_stored_is_an_update(arm: FakeArm, stored: dict[str, Any]) -> None:
    connect(arm).effect()
    arm.stored[PLACE]["properties"] |= stored
    assert connect(arm).verb is Verb.UPDATE


def test_a_target_is_the_same_in_other_letters(arm: FakeArm) -> None:
    connect(arm).effect()
    arm.stored[PLACE]["properties"]["target"] = "https://PKGS.dev.azure.com/Acme/"
    arm.stored[PLACE]["name"] = CONNECTION.name.upper()
    assert connect(arm).verb is Verb.KEEP


@pytest.mark.parametrize(
    ("name", "properties", "said"),
    [
        ("theirs", {}, "theirs of research is for https://pkgs.dev.azure.com/acme (PythonFeed) as well"),
        (CONNECTION.name, {"target": "https://pkgs.dev.azure.com/other"}, "is for https://pkgs.dev.azure.com/other"),
        (CONNECTION.name, {"category": "Git"}, "(Git), not for"),
    ],
)
def test_a_connection_in_the_way_is_a_conflict_before_any_write(
    arm: FakeArm, name: str, properties: dict[str, str], said: str
) -> None:
    stored = {"category": "PythonFeed", "target": CONNECTION.target, "authType": "PAT"} | properties
    arm.stored[f"{WORKSPACE.id}/connections/{name}"] = {"name": name, "properties": stored}
    with pytest.raises(ConnectionConflict) as caught:
        connect(arm)
    assert said in caught.value.what
    assert arm.writes == []


@pytest.mark.parametrize(
    ("target", "category", "nearer"),
    [
        ("https://pkgs.dev.azure.com/acme/ml", "PythonFeed", True),
        ("https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple", "PythonFeed", True),
        ("https://pkgs.dev.azure.com/acme/ml", "Git", False),
        ("https://pkgs.dev.azure.com/acme/other-project", "PythonFeed", False),
        ("https://pkgs.dev.azure.com", "PythonFeed", False),
    ],
)
def test_a_nearer_connection_would_win_and_is_a_conflict(
    arm: FakeArm, target: str, category: str, *, nearer: bool
) -> None:
    stored = {"category": category, "target": target, "authType": "PAT"}
    arm.stored[f"{WORKSPACE.id}/connections/x"] = {"name": "x", "properties": stored}
    if not nearer:
        assert connect(arm).verb is Verb.CREATE
        return
    with pytest.raises(ConnectionConflict, match="nearer to the feed") as caught:
        connect(arm)
    assert "Delete connection x" in caught.value.fix


def test_connections_for_something_else_are_left_alone(arm: FakeArm) -> None:
    other = {"category": "PythonFeed", "target": "https://pkgs.dev.azure.com/acme-two"}
    arm.stored[f"{WORKSPACE.id}/connections/x"] = {"name": "x", "properties": other}
    arm.stored[f"{WORKSPACE.id}/connections/y"] = {"name": "y", "properties": {"target": None}}
    assert connect(arm).verb is Verb.CREATE


def test_all_pages_of_the_list_are_read(arm: FakeArm) -> None:
    first, second = f"{WORKSPACE.id}/connections", f"{ARM}/next?page=2"
    arm.answers["GET", first] = (200, {"value": [{"name": "a"}], "nextLink": second})
    arm.answers["GET", second] = (200, {"value": [{"name": "b"}], "nextLink": None})
    assert [each["name"] for each in connections(arm, WORKSPACE)] == ["a", "b"]


def test_a_next_page_elsewhere_is_not_followed(arm: FakeArm) -> None:
    arm.answers["GET", f"{WORKSPACE.id}/connections"] = (200, {"value": [], "nextLink": "next"})
    arm.answers["GET", "next"] = (400, {})
    with pytest.raises(StepError, match="answered 400"):
        connections(arm, WORKSPACE)


def test_a_list_without_end_is_not_followed_for_ever(arm: FakeArm) -> None:
    again = f"{ARM}/again"
    arm.answers["GET", f"{WORKSPACE.id}/connections"] = arm.answers["GET", again] = (200, {"nextLink": again})
    assert connections(arm, WORKSPACE) == ()
    assert len(arm.sent) == 1000


@pytest.mark.parametrize("shown", [{"properties": {"target": "https://pkgs.dev.azure.com/x"}}, {}])
def test_a_connection_is_read_back(arm: FakeArm, shown: dict[str, Any]) -> None:
    change = connect(arm)
    arm.answers["GET", PLACE] = (200, shown)
    with pytest.raises(ReadBackDiffers, match="after the write"):
        change.effect()


# --- when its token expires


def noted(arm: FakeArm) -> dict[str, str]:
    found: dict[str, str] = arm.stored[PLACE]["properties"]["metadata"]
    return found


def recalled(arm: FakeArm, token: Secret = TOKEN) -> str:
    return remembered(CONNECTION, token, WORKSPACE, WorkspaceState(connections(arm, WORKSPACE)))


def test_the_date_is_stored_beside_the_fingerprint_and_both_are_compared(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01").effect()
    mark = fingerprint(TOKEN, PLACE)
    assert noted(arm) == {"amlwheel-fingerprint": mark, "amlwheel-token-expires": "2027-03-01"}
    assert connect(arm, expires="2027-03-01").verb is Verb.KEEP
    change = connect(arm, expires="2027-06-01")
    assert (change.verb, change.why) == (Verb.UPDATE, "another expiry date")
    change.effect()
    assert noted(arm) == {"amlwheel-fingerprint": mark, "amlwheel-token-expires": "2027-06-01"}
    assert connect(arm, expires="2027-06-01").verb is Verb.KEEP


def test_a_date_is_added_to_a_token_that_had_none(arm: FakeArm) -> None:
    connect(arm).effect()
    assert (recalled(arm), connect(arm).verb) == ("", Verb.KEEP)
    assert connect(arm, expires="2027-03-01").why == "another expiry date"


def test_without_a_word_about_it_the_stored_date_stays(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01").effect()
    assert connect(arm).verb is Verb.KEEP
    assert connect(arm, expires="2027-01-01", told=False).verb is Verb.KEEP  # known from another workspace
    assert recalled(arm) == "2027-03-01"


def test_the_date_of_another_token_does_not_survive(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01").effect()
    other = Secret("fake-second-token")
    assert recalled(arm, other) == ""
    change = connect(arm, other)
    assert (change.verb, change.why) == (Verb.UPDATE, "another token")
    change.effect()
    assert list(noted(arm)) == ["amlwheel-fingerprint"]
    assert recalled(arm, other) == ""


def test_a_new_connection_gets_the_date_that_another_workspace_remembers(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01", told=False).effect()
    assert recalled(arm) == "2027-03-01"


@pytest.mark.parametrize("stored", ["soon", "2027-02-30", "", None, 7, {"a": "b"}])
def test_a_stored_date_that_is_none_is_none(arm: FakeArm, stored: object) -> None:
    connect(arm, expires="2027-03-01").effect()
    arm.stored[PLACE]["properties"]["metadata"]["amlwheel-token-expires"] = stored
    assert (recalled(arm), connect(arm).verb) == ("", Verb.KEEP)
    assert connect(arm, expires="2027-03-01").why == "another expiry date"


def test_a_date_that_stays_behind_with_another_token_is_told(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01").effect()
    change = connect(arm, Secret("fake-second-token"))
    kept = {"target": CONNECTION.target, "metadata": {"amlwheel-token-expires": "2027-03-01"}}
    arm.answers["GET", PLACE] = (200, {"properties": kept})
    with pytest.raises(ReadBackDiffers, match="of another token") as caught:
        change.effect()
    assert f"Delete connection {CONNECTION.name}" in caught.value.fix


def test_an_sdk_that_can_keep_no_date_is_not_asked_to_again_and_again(arm: FakeArm) -> None:
    connect(arm, expires="2027-03-01").effect()
    sdk = SimpleNamespace(remembers=False)
    wanted = replace(CONNECTION, token_expires="2027-06-01")
    seen = WorkspaceState(connections(arm, WORKSPACE))
    assert Planner(arm, sdk).connection(wanted, TOKEN, WORKSPACE, seen, told=True).verb is Verb.KEEP


def test_a_fingerprint_tells_tokens_and_places_apart_and_nothing_else() -> None:
    marks = {fingerprint(TOKEN, PLACE), fingerprint(Secret("other"), PLACE), fingerprint(TOKEN, f"{PLACE}-two")}
    assert len(marks) == 3
    assert {len(mark) for mark in marks} == {16}
    assert fingerprint(TOKEN, PLACE) == fingerprint(TOKEN, PLACE.upper())


# --- environments


def test_a_new_environment_is_created_and_then_kept(arm: FakeArm, environment: Environment) -> None:
    change = register(arm, environment)
    assert (change.verb, change.result) == (Verb.CREATE, environment)
    assert arm.writes == []
    change.effect()
    assert arm.writes == [path_of(environment)]
    (body,) = arm.bodies
    assert body["properties"]["image"] == IMAGE.pinned
    assert body["properties"]["condaFile"] == environment.conda
    assert body["properties"]["tags"] == TAGS
    assert register(arm, environment).verb is Verb.KEEP


def test_a_definition_that_the_service_wrote_anew_is_kept(arm: FakeArm, environment: Environment) -> None:
    register(arm, environment).effect()
    arm.stored[path_of(environment)]["properties"]["condaFile"] = yaml.safe_dump(environment.spec, width=40)
    assert register(arm, environment).verb is Verb.KEEP


@pytest.mark.parametrize("properties", [{"image": IMAGE.tagged}, {"condaFile": "name: x"}, {"condaFile": None}])
def test_another_definition_under_the_version_is_a_conflict(
    arm: FakeArm, environment: Environment, properties: dict[str, Any]
) -> None:
    register(arm, environment).effect()
    arm.stored[path_of(environment)]["properties"] |= properties
    with pytest.raises(EnvironmentConflict, match="with another definition"):
        register(arm, environment)


def test_a_409_is_settled_by_reading(arm: FakeArm, environment: Environment) -> None:
    change = register(arm, environment)
    register(arm, environment).effect()
    arm.answers["PUT", path_of(environment)] = (409, {"error": {"code": "UserError"}})
    change.effect()
    arm.stored[path_of(environment)]["properties"]["image"] = "other"
    with pytest.raises(EnvironmentConflict):
        change.effect()


@pytest.mark.parametrize(
    ("status", "error"), [(400, AzureRefused), (403, WorkspaceForbidden), (409, AzureRefused), (412, AzureRefused)]
)
def test_a_refusal_is_told_with_the_service_s_own_words(
    arm: FakeArm, environment: Environment, status: int, error: type[StepError]
) -> None:
    change = register(arm, environment)
    said = {"code": "ResourceIsBeingDeleted", "message": "Another operation is in progress."}
    arm.answers["PUT", path_of(environment)] = (status, {"error": said})
    with pytest.raises(error, match=f"{status} ResourceIsBeingDeleted") as caught:
        change.effect()
    assert "Another operation is in progress." in caught.value.details


def test_an_accepted_environment_has_to_be_there(arm: FakeArm, environment: Environment) -> None:
    change = register(arm, environment)
    arm.answers["PUT", path_of(environment)] = (201, {})
    with pytest.raises(ReadBackDiffers, match="is missing on research after it was registered"):
        change.effect()


def test_a_refused_environment_is_said(arm: FakeArm, environment: Environment) -> None:
    change = register(arm, environment)
    arm.answers["PUT", path_of(environment)] = (400, {"error": {"code": "Bad", "message": "too long"}})
    with pytest.raises(AzureRefused) as caught:
        change.effect()
    assert caught.value.details == "too long"


# --- access


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (401, "InvalidAuthenticationToken", WorkspaceForbidden, "401 InvalidAuthenticationToken"),
        (403, "AuthorizationFailed", WorkspaceForbidden, "403 AuthorizationFailed"),
        (404, "SubscriptionNotFound", WorkspaceNotFound, f"no subscription {GUID}"),
        (404, "ResourceGroupNotFound", WorkspaceNotFound, "no resource group rg"),
        (404, "ResourceNotFound", WorkspaceNotFound, "no workspace research"),
        (404, "", WorkspaceNotFound, "no workspace research"),
        (429, "TooManyRequests", AzureRefused, "429 TooManyRequests"),
        (500, "", AzureRefused, "500"),
    ],
)
def test_every_refusal_has_its_name(arm: FakeArm, status: int, code: str, kind: type[StepError], said: str) -> None:
    arm.answers["GET", WORKSPACE.id] = (status, {"error": {"code": code, "message": "words"}} if code else {})
    with pytest.raises(kind) as caught:
        exists(arm, WORKSPACE)
    assert said in caught.value.what
    assert caught.value.details == ("words" if code else "")


def test_a_missing_thing_is_no_missing_workspace(arm: FakeArm) -> None:
    exists(arm, WORKSPACE)
    assert arm.find(f"{WORKSPACE.id}/x", WORKSPACE) is None
    arm.answers["GET", f"{WORKSPACE.id}/x"] = (404, {"error": {"code": "WorkspaceNotFound"}})
    assert arm.find(f"{WORKSPACE.id}/x", WORKSPACE) is None


ALL = {"actions": ["*"], "notActions": []}
READER = {"actions": ["*/read"], "notActions": []}
SCIENTIST = {
    "actions": ["Microsoft.MachineLearningServices/workspaces/*"],
    "notActions": ["Microsoft.MachineLearningServices/workspaces/connections/write"],
}


@pytest.mark.parametrize(
    ("blocks", "allowed"),
    [((), True), ((ALL,), True), ((READER,), False), ((SCIENTIST,), False), ((SCIENTIST, ALL), True), (({},), False)],
)
def test_a_missing_role_shows_before_any_write(
    arm: FakeArm, blocks: tuple[dict[str, Any], ...], *, allowed: bool
) -> None:
    seen = WorkspaceState((), Permissions(blocks))
    if allowed:
        assert connect(arm, seen=seen).verb is Verb.CREATE
        return
    change = connect(arm, seen=seen)
    assert (change.verb, change.why) == (Verb.SKIP, "AW41 workspace access forbidden")
    with pytest.raises(WorkspaceForbidden, match="no role that allows connections/write"):
        change.effect()
    assert arm.writes == []


def test_who_may_not_register_is_told_in_the_plan(arm: FakeArm, environment: Environment) -> None:
    with pytest.raises(WorkspaceForbidden, match="environments/versions/write"):
        register(arm, environment, WorkspaceState((), Permissions((READER,)))).effect()
    register(arm, environment).effect()
    assert register(arm, environment, WorkspaceState((), Permissions((READER,)))).verb is Verb.KEEP


def test_a_workspace_that_showed_nothing_is_asked_nothing_more(arm: FakeArm, environment: Environment) -> None:
    state = WorkspaceState((), failed=TooSlow("no answer."))
    for change in (connect(arm, seen=state), register(arm, environment, state)):
        assert (change.verb, change.target) == (Verb.SKIP, WORKSPACE.id)
        with pytest.raises(TooSlow):
            change.effect()
    assert arm.sent == []


def test_permissions_are_asked_and_unknown_ones_are_none(arm: FakeArm) -> None:
    path = f"{WORKSPACE.id}/providers/Microsoft.Authorization/permissions"
    arm.answers["GET", path] = (200, {"value": [ALL]})
    assert permissions(arm, WORKSPACE.id) == Permissions((ALL,))
    arm.answers["GET", path] = (403, {"value": [READER]})
    assert permissions(arm, WORKSPACE.id) == Permissions()


# --- requests


class Client:
    """Takes the place of azure-core's client: keeps the requests, gives one answer or fails."""

    def __init__(self, answer: object) -> None:
        """Give `answer`, or raise it."""
        self.answer = answer
        self.requests: list[Any] = []
        self.limits: dict[str, int] = {}

    def send_request(self, request: object, **limits: int) -> object:
        self.requests.append(request)
        self.limits = limits
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Answer:
    """A response with status 200."""

    def __init__(self, text: str) -> None:
        """Hold `text` as its body."""
        self.status_code, self.content, self.headers = 200, text.encode(), dict[str, str]()

    def json(self) -> object:
        return json.loads(self.content)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[object], tuple[Arm, Client]]:
    def make_client(answer: object) -> tuple[Arm, Client]:
        made = Arm(None, "scope")
        fake = Client(answer)
        monkeypatch.setattr(made, "_client", fake)
        return made, fake

    return make_client


@pytest.mark.parametrize(
    "link",
    [
        "https://management.azure.com.evil.example/?sig=x",
        "HTTPS://evil.example/{x}",
        "http://management.azure.com/",
        "https://management.azure.com:8443/",
        "https://management.azure.com@evil.example/",
        "more",
    ],
)
def test_the_token_never_goes_to_where_an_answer_continues_elsewhere(
    client: Callable[[object], tuple[Arm, Client]], link: str
) -> None:
    arm, fake = client(Answer("{}"))
    with pytest.raises(CredentialElsewhere) as caught:
        arm.send("GET", link)
    assert fake.requests == []
    assert "sig" not in caught.value.what


def test_a_link_with_braces_is_an_address_like_others(client: Callable[[object], tuple[Arm, Client]]) -> None:
    arm, fake = client(Answer("{}"))
    arm.send("GET", f"{ARM}/more?after={{x}}")
    assert fake.requests[0].url.startswith(f"{ARM}/more?after=")


def test_a_request_has_version_and_limits(client: Callable[[object], tuple[Arm, Client]]) -> None:
    arm, fake = client(Answer('{"a": 1}'))
    assert arm.send("PUT", "/x", {"b": 2}, version="2022-04-01") == (200, {"a": 1})
    (request,) = fake.requests
    address = urlsplit(request.url)
    assert request.method == "PUT"
    assert address.netloc == "management.azure.com"
    assert parse_qs(address.query) == {"api-version": ["2022-04-01"]}
    assert json.loads(request.content) == {"b": 2}
    assert fake.limits == {"connection_timeout": 10, "read_timeout": 20}


def test_a_question_that_may_stay_unanswered_is_asked_once(client: Callable[[object], tuple[Arm, Client]]) -> None:
    arm, fake = client(Answer("{}"))
    arm.send("GET", "/x?$orderBy=createdtime%20desc&$top=1", brief=True)
    assert fake.limits == {"connection_timeout": 10, "read_timeout": 5, "retry_total": 0}
    query = fake.requests[0].url.partition("?")[2]
    assert sorted(query.split("&")) == ["$orderBy=createdtime%20desc", "$top=1", "api-version=2024-04-01"]


def test_a_next_page_is_asked_for_as_it_is_named(client: Callable[[object], tuple[Arm, Client]]) -> None:
    arm, fake = client(Answer(""))
    assert arm.send("GET", f"{ARM}/x?skip=1") == (200, {})
    assert fake.requests[0].url == f"{ARM}/x?skip=1"


def test_a_bare_array_is_a_list_of_the_old_shape(client: Callable[[object], tuple[Arm, Client]]) -> None:
    arm, _ = client(Answer('[{"name": "a"}]'))
    assert connections(arm, WORKSPACE) == ({"name": "a"},)


@pytest.mark.parametrize("text", ["<html>", '"1"', "7"])
def test_an_answer_that_is_no_object_comes_from_somebody_else(
    client: Callable[[object], tuple[Arm, Client]], text: str
) -> None:
    arm, _ = client(Answer(text))
    with pytest.raises(AzureRefused, match="has status 200 and no JSON"):
        arm.send("GET", "/x")


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (exceptions.ServiceResponseTimeoutError(f"{CANARY}"), TooSlow, "no answer within 20 seconds"),
        (exceptions.ServiceRequestError(f"{CANARY}", error=OSError(CANARY)), NoNetwork, "management.azure.com"),
        (exceptions.ServiceResponseError(f"{CANARY}"), NoNetwork, "management.azure.com"),
        (exceptions.IncompleteReadError(f"{CANARY}"), NoNetwork, "management.azure.com"),
    ],
)
def test_a_failed_request_names_the_host_and_nothing_of_the_request(
    client: Callable[[object], tuple[Arm, Client]], failure: Exception, kind: type[StepError], said: str
) -> None:
    arm, _ = client(failure)
    with pytest.raises(kind) as caught:
        arm.send("GET", "/x")
    assert said in caught.value.what
    assert CANARY not in f"{caught.value.what} {caught.value.details}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


LIST = f"{WORKSPACE.id}/environments/acme-churn/versions?$orderBy=createdtime%20desc&$top=1&listViewType=ActiveOnly"


def test_an_environment_is_compared_with_the_newest_that_is_registered(arm: FakeArm, environment: Environment) -> None:
    assert planner(arm).compared(environment, WORKSPACE, WorkspaceState(())) == Comparison(("research",))
    properties = {"image": IMAGE.pinned, "condaFile": environment.conda.replace("numpy==2.2.0", "numpy==2.1.0")}
    newest = {"name": "1.2.2-abc", "properties": properties}
    arm.answers["GET", LIST] = (200, {"value": [newest, {"name": "older"}]})
    numpy = Difference("package", "numpy", "up", "2.1.0", "2.2.0")
    assert planner(arm).compared(environment, WORKSPACE, WorkspaceState(())) == Comparison(
        ("research",), "1.2.2-abc", (numpy,)
    )
    assert arm.sent == [("GET", LIST)] * 2
    arm.answers["GET", LIST] = (200, {"value": [{"name": environment.version, "properties": None}]})
    assert planner(arm).compared(environment, WORKSPACE, WorkspaceState(())) == Comparison(("research",))


@pytest.mark.parametrize("answer", [(200, {"value": "x"}), (200, {"value": [7]}), (200, {"value": []}), (404, {})])
def test_where_nothing_is_listed_nothing_is_compared(
    arm: FakeArm, environment: Environment, answer: tuple[int, dict[str, Any]]
) -> None:
    arm.answers["GET", LIST] = answer
    assert planner(arm).compared(environment, WORKSPACE, WorkspaceState(())) == Comparison(("research",))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "Azure Resource Manager forbids this on"),
        (403, "Azure Resource Manager forbids this on"),
        (503, "Azure Resource Manager answered 503"),
    ],
)
def test_what_azure_refuses_to_list_stops_nobody(
    arm: FakeArm, environment: Environment, status: int, said: str
) -> None:
    arm.answers["GET", LIST] = (status, {"error": {"code": "\ud800"}})
    told = planner(arm).compared(environment, WORKSPACE, WorkspaceState(()))
    assert told.unknown.startswith(said)
    assert told.unknown.encode()
    assert told.differences == ()


@pytest.mark.parametrize(
    "properties", [None, {}, {"image": 7, "condaFile": {"a": 1}}, {"condaFile": "a: [", "image": "x"}]
)
def test_an_environment_that_cannot_be_read_is_not_compared(
    arm: FakeArm, environment: Environment, properties: object
) -> None:
    arm.answers["GET", LIST] = (200, {"value": [{"name": "7", "properties": properties}]})
    told = planner(arm).compared(environment, WORKSPACE, WorkspaceState(()))
    assert told.since == "7"
    assert told.unknown or all(each.way for each in told.differences)


def test_a_conda_file_that_is_too_long_is_not_read(arm: FakeArm, environment: Environment) -> None:
    properties = {"image": "x", "condaFile": "a" * (2**19 + 1)}
    arm.answers["GET", LIST] = (200, {"value": [{"name": "7", "properties": properties}]})
    assert (
        planner(arm).compared(environment, WORKSPACE, WorkspaceState(())).unknown
        == "its conda file has 524289 characters"
    )


def test_two_workspaces_have_two_fingerprints() -> None:
    arm, other = FakeArm(), replace(WORKSPACE, name="second")
    assert isinstance(other, Workspace)
    connect(arm).effect()
    planner(arm).connection(CONNECTION, TOKEN, other, WorkspaceState(())).effect()
    first, second = (each["properties"]["metadata"]["amlwheel-fingerprint"] for each in arm.stored.values())
    assert first != second


def test_a_user_is_stored_with_its_password_and_another_user_is_an_update(arm: FakeArm) -> None:
    connect(arm).effect()
    named = Secret("fa@ke", "ci@acme")
    change = connect(arm, named)
    assert change.verb is Verb.UPDATE
    change.effect()
    properties = arm.bodies[-1]["properties"]
    assert properties["authType"] == "UsernamePassword"
    assert properties["credentials"] == {"username": "ci%40acme", "password": "fa%40ke"}
    assert connect(arm, named).verb is Verb.KEEP
    assert connect(arm, Secret("fa@ke", "other")).verb is Verb.UPDATE
    assert connect(arm, Secret("fa@ke")).verb is Verb.UPDATE
