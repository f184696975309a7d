"""Whether a container can be used."""

import pytest
from amlwheel.errors.base import StepError
from amlwheel.errors.storage import ContainerNotFound, ContainerPublic, ContainerRefused
from amlwheel.model.azure import Container
from amlwheel.storage.access import usable_container
from amlwheel.storage.blobs import Blobs
from amlwheel.storage.roles import Place
from unit.parts import WORKSPACE, FakeArm

CONTAINER = Container("acmewheels", "wheels")


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let everything be as it should be; return the warnings to come."""
    monkeypatch.setattr(Blobs, "public", lambda _: "")
    monkeypatch.setattr(Place, "may_write", lambda _: None)
    return []


def check(warnings: list[str]) -> Blobs:
    return usable_container(FakeArm(), "credential", CONTAINER, [WORKSPACE], warnings.append)


def test_a_container_comes_back_with_the_credential_and_the_command_that_grants_the_role(warnings: list[str]) -> None:
    blobs = check(warnings)
    assert (blobs.container, blobs.credential, warnings) == (CONTAINER, "credential", [])
    assert "Storage Blob Data Contributor" in blobs.grant


def test_an_identity_without_a_role_is_told_how_to_get_it(warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "may_write", lambda _: False)
    with pytest.raises(ContainerRefused, match="has no role that lets it store blobs there") as caught:
        check(warnings)
    assert "Storage Blob Data Contributor" in caught.value.fix


@pytest.mark.parametrize("level", ["blob", "container"])
def test_a_container_that_anybody_may_read_is_refused(
    warnings: list[str], monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setattr(Blobs, "public", lambda _: level)
    with pytest.raises(ContainerPublic, match=rf"\(public access: {level}\)"):
        check(warnings)


def test_a_missing_container_is_raised(warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def public(_: Blobs) -> str:
        raise ContainerNotFound("none.")

    monkeypatch.setattr(Blobs, "public", public)
    with pytest.raises(StepError, match="none"):
        check(warnings)


def test_a_workspace_that_cannot_read_it_is_a_warning(warnings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Place, "closed_to", lambda _, workspace: f"{workspace.name} can't read.")
    assert check(warnings).container == CONTAINER
    assert warnings == ["research can't read."]
