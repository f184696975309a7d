"""A registry: found by its name alone, its environments made and waited for, and what it refuses told as its own."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.transport import CredentialElsewhere
from amlwheel.errors.workspace import RegistryForbidden, RegistryNotFound, RegistryRefused
from amlwheel.model.azure import Registry
from amlwheel.model.differences import Comparison
from amlwheel.model.environment import Environment
from amlwheel.plan.change import Change, Verb
from amlwheel.transport.arm import ARM, Arm
from amlwheel.workspace import registry
from amlwheel.workspace.arm import ArmSdk
from amlwheel.workspace.look import Permissions, WorkspaceState, look
from amlwheel.workspace.planner import Planner
from unit.parts import GUID, WORKSPACE, defined, make

REGISTRY = Registry("acme-models")
ID = f"/subscriptions/{GUID}/resourceGroups/rg%20one/providers/Microsoft.MachineLearningServices/registries/acme-models"
REGION = "https://westeurope.api.azureml.ms"
DISCOVERED = {"subscriptionId": GUID, "resourceGroup": "rg one", "primaryRegionResourceProviderUri": f"{REGION}/"}
OPERATION = f"{REGION}/operations/1"
Said = tuple[int, dict[str, Any], Mapping[str, str]]


class Region(Arm):
    """Every service that takes ARM's tokens: a dict of what was PUT, and what is `said` before that, in order."""

    def __init__(self) -> None:
        """Begin with a registry that is there and empty."""
        self.bases = [ARM]
        self.sent: list[tuple[str, str]] = []
        self.said: dict[str, list[Said]] = {"discovery": [(200, DISCOVERED, {})]}
        self.stored: dict[str, dict[str, Any]] = {}

    def at(self, base: str, version: str) -> Arm:
        self.bases.append(f"{base} {version}")
        return self

    def exchange(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, version: str = "", brief: bool = False
    ) -> Said:
        del version, brief
        self.sent.append((method, path))
        for part, answers in self.said.items():
            if f"{method} {path}".endswith(part) and answers:
                return answers.pop(0)
        if body:
            self.stored[path] = {"name": path.rpartition("/")[2], **body}
            return 201, {}, {"Azure-AsyncOperation": OPERATION}
        return (200, self.stored[path], {}) if path in self.stored else (404, {}, {})


@pytest.fixture
def region() -> Region:
    return Region()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return defined(make(tmp_path))


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def state(region: Region, pauses: list[float]) -> WorkspaceState:
    place = replace(registry.find(region, REGISTRY), pause=pauses.append)
    return WorkspaceState((), place=place)


def planned(region: Region, environment: Environment, state: WorkspaceState) -> Change[Environment]:
    return Planner(region, ArmSdk(region)).environment(lambda: environment, {"commit": "c"}, REGISTRY, state)


# --- where it is


def test_a_registry_is_found_by_its_name_and_asked_in_its_own_region(region: Region) -> None:
    place = registry.find(region, REGISTRY)
    assert region.bases[1:] == ["https://eastus.api.azureml.ms v1.0", f"{REGION} 2021-10-01-dataplanepreview"]
    assert region.sent == [("GET", "/registrymanagement/v1.0/registries/acme-models/discovery")]
    assert (place.id, place.root) == (ID, f"/mferp/managementfrontend{ID}")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://westeurope.api.azureml.ms/",
        "https://evil.example/",
        "https://api.azureml.ms.evil.example/",
        "https://x@westeurope.api.azureml.ms/",
        "https://westeurope.api.azureml.ms:8443/",
    ],
)
def test_the_token_goes_to_no_host_but_azure_machine_learnings(region: Region, address: str) -> None:
    region.said["discovery"] = [(200, {**DISCOVERED, "primaryRegionResourceProviderUri": address}, {})]
    with pytest.raises(CredentialElsewhere, match="The registry acme-models is said to be at"):
        registry.find(region, REGISTRY)
    assert len(region.bases) == 2


def test_an_answer_without_a_subscription_is_told(region: Region) -> None:
    region.said["discovery"] = [(200, {**DISCOVERED, "subscriptionId": ""}, {})]
    with pytest.raises(RegistryRefused, match="doesn't tell its subscription"):
        registry.find(region, REGISTRY)


@pytest.mark.parametrize(
    ("status", "error", "fix"),
    [
        (403, RegistryForbidden, "--role 'AzureML Registry User' --assignee CLIENT-ID --scope $(az ml registry show"),
        (404, RegistryNotFound, "az ml registry list"),
        (400, RegistryRefused, "take the registry out of `workspace`"),
    ],
)
def test_what_it_answers_is_told_as_its_own(region: Region, status: int, error: type[StepError], fix: str) -> None:
    region.said["discovery"] = [(status, {"error": {"code": "Code", "message": "why"}}, {})] * 2
    with pytest.raises(error, match=f"registry acme-models.*{status} Code") as caught:
        registry.find(region, REGISTRY)
    assert (caught.value.details, fix in caught.value.fix) == ("why", True)
    if error is RegistryNotFound:  # the input is wrong, so nothing is done elsewhere
        with pytest.raises(RegistryNotFound):
            look(region, REGISTRY)
    else:
        assert isinstance(look(region, REGISTRY).failed, error)


def test_a_look_asks_for_the_role_as_well(region: Region, environment: Environment) -> None:
    region.said["permissions"] = [(200, {"value": [{"actions": ["*/read"]}]}, {})]
    seen = look(region, REGISTRY)
    assert seen.place
    assert seen.place.id == ID
    assert ("GET", f"{ID}/providers/Microsoft.Authorization/permissions") in region.sent
    change = planned(region, environment, seen)
    assert (change.verb, change.why) == (Verb.SKIP, "AW197 registry access forbidden")
    with pytest.raises(RegistryForbidden, match="no role that allows assets/write"):
        change.effect()


# --- environments in it


def test_an_environment_is_made_waited_for_and_then_kept(
    region: Region, environment: Environment, state: WorkspaceState, pauses: list[float]
) -> None:
    state = replace(state, permissions=Permissions(({"actions": ["Microsoft.MachineLearningServices/registries/*"]},)))
    region.said["operations/1"] = [
        (200, {"status": "InProgress"}, {}),
        (200, {"status": "InProgress"}, {"Retry-After": "0"}),
        (200, {"status": "InProgress"}, {"Retry-After": "7"}),
        (200, {"status": "InProgress"}, {"Retry-After": "600"}),
        (200, {"status": "Succeeded"}, {}),
    ]
    change = planned(region, environment, state)
    named = f"environment acme-churn:{environment.version} on registry acme-models"
    assert (change.verb, change.subject, change.target) == (Verb.CREATE, named, "azureml://registries/acme-models")
    change.effect()
    assert pauses == [1, 2, 7, 30]
    (path,) = region.stored
    assert path == f"/mferp/managementfrontend{ID}/environments/acme-churn/versions/{environment.version}"
    assert region.stored[path]["properties"]["condaFile"] == environment.conda
    assert planned(region, environment, state).verb is Verb.KEEP


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_what_it_couldnt_make_is_told_with_its_words(
    region: Region, environment: Environment, state: WorkspaceState, status: str
) -> None:
    said = {"status": status, "error": {"code": "ImageBuildFailed", "message": "no such package"}}
    region.said["operations/1"] = [(200, said, {})]
    region.said[f"GET /mferp/managementfrontend{ID}/environments/acme-churn/versions/{environment.version}"] = [
        (404, {}, {})
    ] * 2
    with pytest.raises(RegistryRefused, match=f"couldn't make acme-churn: {status} ImageBuildFailed") as caught:
        planned(region, environment, state).effect()
    assert caught.value.details == "no such package"


def test_a_version_that_couldnt_be_made_counts_for_nothing(
    region: Region, environment: Environment, state: WorkspaceState
) -> None:
    """The registry may list it, with the very definition: then the next run would keep what no job can use."""
    region.said["operations/1"] = [(200, {"status": "Failed", "error": {"code": "ImageBuildFailed"}}, {})]
    change = planned(region, environment, state)
    unmade = {"properties": {"image": environment.image.pinned, "condaFile": environment.conda}}
    unmade["properties"]["provisioningState"] = "Failed"
    path = f"GET /mferp/managementfrontend{ID}/environments/acme-churn/versions/{environment.version}"
    region.said[path] = [(200, unmade, {})] * 2
    with pytest.raises(RegistryRefused, match="couldn't make acme-churn: Failed ImageBuildFailed"):
        change.effect()
    assert planned(region, environment, state).verb is Verb.CREATE


def test_a_registry_that_cant_be_reached_stops_nothing_else(
    region: Region, environment: Environment, state: WorkspaceState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> Said:
        raise NoNetwork("eastus.api.azureml.ms")

    monkeypatch.setattr(region, "exchange", unreachable)
    for seen in (look(region, REGISTRY), state):
        change = planned(region, environment, seen)
        assert (change.verb, change.why) == (Verb.SKIP, "AW70 no network")
    with pytest.raises(NoNetwork):
        look(region, WORKSPACE)  # every workspace has this host


def test_an_operation_that_is_forgotten_leaves_it_to_what_is_there(
    region: Region, environment: Environment, state: WorkspaceState
) -> None:
    region.said["operations/1"] = [(404, {"error": {"code": "OperationNotFound"}}, {})]
    planned(region, environment, state).effect()
    assert planned(region, environment, state).verb is Verb.KEEP


def test_a_conflict_with_nothing_to_see_is_another_run(
    region: Region, environment: Environment, state: WorkspaceState
) -> None:
    change = planned(region, environment, state)
    region.said[f"versions/{environment.version}"] = [(409, {"error": {"code": "Conflict"}}, {}), (404, {}, {})]
    with pytest.raises(RegistryRefused, match="answered 409 Conflict") as caught:
        change.effect()
    assert caught.value.cause.startswith("Another run is registering the same version")
    assert "run the step again: it keeps" in caught.value.fix


def test_nobody_waits_for_ever(region: Region, environment: Environment, state: WorkspaceState) -> None:
    assert state.place
    region.said["operations/1"] = [(200, {"status": "InProgress"}, {"Retry-After": "30"})] * 21
    with pytest.raises(RegistryRefused, match="hasn't made acme-churn within 10 minutes") as caught:
        state.place.register(environment, {})
    assert "Run the step again" in caught.value.fix
    assert len(region.said["operations/1"]) == 1


def test_a_version_without_an_operation_is_there_at_once(
    region: Region, environment: Environment, state: WorkspaceState
) -> None:
    assert state.place
    region.said[f"PUT /mferp/managementfrontend{ID}/environments/acme-churn/versions/{environment.version}"] = [
        (200, {}, {})
    ]
    state.place.register(environment, {})
    assert region.sent[-1][0] == "PUT"


def test_the_newest_version_in_it_is_compared(region: Region, environment: Environment, state: WorkspaceState) -> None:
    compare = partial(Planner(region, ArmSdk(region)).compared, environment, REGISTRY)
    assert compare(state) == Comparison(("registry acme-models",))
    assert region.sent[-1][1].startswith(f"/mferp/managementfrontend{ID}/environments/acme-churn/versions?$orderBy")


def test_a_client_for_another_service_has_its_address_and_version() -> None:
    other = Arm(None, "scope").at(REGION, "v9")
    with pytest.raises(CredentialElsewhere, match=f"An answer of {REGION} continues elsewhere"):
        other.send("GET", f"{ARM}/more")
