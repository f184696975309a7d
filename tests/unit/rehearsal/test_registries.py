"""The rules of the stand-in for registries, asked as azure-ai-ml asks."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rehearsal.azureml import host
from rehearsal.azureml.builds import Builds
from rehearsal.azureml.registries import PATH, VERSION
from rehearsal.builder.build import BuildResult
from rehearsal.state import names
from rehearsal.state.store import Store
from unit.rehearsal.asking import AML_HOST, Answer, ask, entra_token

R = PATH.format(subscription=names.SUBSCRIPTION_ID, group=names.SHARED_GROUP, registry=names.MODEL_REGISTRY)
ONE = f"/mferp/managementfrontend{R}/environments/churn/versions/1"
BODY = {"properties": {"image": "mcr.microsoft.com/x@sha256:00", "condaFile": "{}", "isAnonymous": False}}


@pytest.fixture
def region(store: Store) -> Callable[..., Answer]:
    app = host.app(store, Builds(store, lambda *_: BuildResult(ok=True, log="")))

    def call(
        method: str, path: str, content: object = None, version: str = VERSION, who: tuple[str, str] = ("", "")
    ) -> Answer:
        client = {"client_id": who[0], "client_secret": who[1]} if who[0] else {}
        token = entra_token(store, **client).json["access_token"]
        body = json.dumps(content).encode() if content else b""
        url = f"https://{AML_HOST}{path}{'&' if '?' in path else '?'}api-version={version}"
        return ask(app, method, url, body, authorization=f"Bearer {token}")

    return call


def test_a_registry_tells_where_it_is_by_its_name_in_any_case(region: Callable[..., Answer]) -> None:
    found = region("GET", "/registrymanagement/v1.0/registries/ACME-Models/discovery", version="v1.0").json
    assert (found["registryName"], found["resourceGroup"]) == (names.MODEL_REGISTRY, names.SHARED_GROUP)
    assert found["primaryRegionResourceProviderUri"] == f"https://{AML_HOST}/"
    assert region("GET", "/registrymanagement/v1.0/registries/other/discovery").status == 404


def test_a_version_is_there_once_its_operation_has_ended(region: Callable[..., Answer]) -> None:
    made = region("PUT", ONE, BODY)
    operation = made.header("azure-asyncoperation").partition(AML_HOST)[2].partition("?")[0]
    assert made.status == 201
    assert region("GET", ONE).status == 404
    assert region("GET", f"{ONE.rpartition('/')[0]}?$top=1").status == 404
    assert [region("GET", operation).json["status"] for _ in range(2)] == ["InProgress", "Succeeded"]
    assert region("GET", ONE).json["properties"]["condaFile"] == "{}"
    listed = region("GET", f"{ONE.rpartition('/')[0]}?$orderBy=createdtime%20desc&$top=1").json["value"]
    assert [each["name"] for each in listed] == ["1"]
    other: dict[str, Any] = {"properties": {**BODY["properties"], "condaFile": "{a: b}"}}
    assert region("PUT", ONE, other).status == 409
    assert region("GET", operation.rpartition("/")[0] + "/none").status == 404


def test_who_may_not_and_what_is_wrong_is_refused(region: Callable[..., Answer]) -> None:
    reader = (names.READER_CLIENT_ID, names.READER_CLIENT_SECRET)
    outsider = (names.OUTSIDER_CLIENT_ID, names.OUTSIDER_CLIENT_SECRET)
    assert [region("PUT", ONE, BODY, who=who).status for who in (reader, outsider)] == [403, 403]
    assert region("GET", ONE, who=reader).status == 404
    assert region("PUT", ONE, BODY, version="2024-04-01").status == 400
    assert region("PUT", ONE.replace(names.SHARED_GROUP, "rg-x"), BODY).status == 404
    assert region("PUT", ONE.replace("environments", "tempdatarefs"), {"assetId": "x"}).status == 400
