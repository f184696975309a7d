"""The artifact service's rules: when there is a record, and what its URLs allow."""

from collections.abc import Callable

import pytest
from rehearsal.builder.build import BuildResult
from rehearsal.state import names
from rehearsal.state.store import Store
from unit.rehearsal.asking import WORKSPACE, Answer, aml_caller, message

ARTIFACTS = f"/artifact/v2.0{WORKSPACE}/artifacts"
PACKAGES = "Environment/azureml-private-packages"


@pytest.fixture
def service(store: Store) -> Callable[..., Answer]:
    return aml_caller(store, lambda *_: BuildResult(ok=True, log=""))


def create(service: Callable[..., Answer], *paths: str) -> Answer:
    return service("POST", f"{ARTIFACTS}/batch/metadata/{PACKAGES}", {"paths": [{"path": path} for path in paths]})


def test_artifact_is_created_with_a_url_to_write_to(store: Store, service: Callable[..., Answer]) -> None:
    answer = create(service, "a.whl").json
    assert answer["artifacts"]["a.whl"]["artifactId"] == f"{PACKAGES}/a.whl"
    assert answer["errors"] == {}
    content = answer["artifactContentInformation"]["a.whl"]
    url, _, query = content["contentUri"].partition("?")
    account = names.storage_account(WORKSPACE)
    assert url == f"https://{account}.blob.core.windows.net/azureml/{PACKAGES}/a.whl"
    assert "&sp=rcw&" in query
    assert (content["origin"], content["path"]) == ("Environment", "a.whl")
    assert not store.blobs(account).exists(), "the record is there, and nothing else"


def test_second_creation_is_a_conflict_in_a_good_answer(service: Callable[..., Answer]) -> None:
    create(service, "a.whl")
    answer = create(service, "a.whl", "b.whl")
    text = f"Resource Conflict: ArtifactId {PACKAGES}/a.whl already exists."
    assert answer.status == 200
    assert answer.json["errors"]["a.whl"]["error"]["message"] == text
    assert list(answer.json["artifacts"]) == ["b.whl"] == list(answer.json["artifactContentInformation"])


def test_content_is_found_by_its_record_and_not_by_its_blob(service: Callable[..., Answer]) -> None:
    path = f"{ARTIFACTS}/contentinfo/{PACKAGES}/a.whl"
    assert message(service("GET", path)) == (404, f"ArtifactId {PACKAGES}/a.whl not found.")
    create(service, "a.whl")
    assert "&sp=r&" in service("GET", path).json["contentUri"]


def test_artifacts_of_a_container_are_listed(service: Callable[..., Answer]) -> None:
    create(service, "a.whl", "b.whl")
    listed = service("GET", f"{ARTIFACTS}/{PACKAGES}").json
    assert [one["path"] for one in listed["value"]] == ["a.whl", "b.whl"]
    assert service("GET", f"{ARTIFACTS}/Environment/other").json["value"] == []


@pytest.mark.parametrize("content", [{}, [], {"paths": []}, {"paths": [{}]}, {"paths": [{"path": ""}]}])
def test_creation_needs_paths(service: Callable[..., Answer], content: object) -> None:
    assert service("POST", f"{ARTIFACTS}/batch/metadata/{PACKAGES}", content).status == 400
