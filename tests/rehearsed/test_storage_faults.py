"""`route: storage` where something between here and the account answers, or the account itself has a bad day."""

import pathlib
from typing import Any

import pytest
from rehearsal.proxy.world import World
from rehearsed.steps import Step
from rehearsed.test_storage_route import HOST, release, stored

pytestmark = pytest.mark.network  # npm brings Azurite


@pytest.mark.long
@pytest.mark.parametrize("method", ["HEAD", "PUT", "GET"])
def test_who_asks_too_often_is_patient(
    world: World, step: Step, container: str, wheel: pathlib.Path, method: str
) -> None:
    world.fail({"host": HOST, "method": method, "status": 429, "times": 1, "headers": {"Retry-After": "1"}})
    result = release(step, container, wheel)
    assert result.status == 0, result.output
    assert len(stored(result.requests)) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"status": 200, "body": "<html>"}, "gave a response for acme-features/"),
        ({"status": 302, "headers": {"Location": "https://login.example/"}}, "answered 302"),
        ({"status": 409, "headers": {"x-ms-error-code": "ContainerBeingDeleted"}, "method": "PUT"}, "AW100"),
    ],
)
def test_what_is_no_answer_of_a_storage_account_is_told(  # noqa: PLR0913, PLR0917  # fixtures
    world: World, step: Step, container: str, wheel: pathlib.Path, fault: dict[str, Any], told: str
) -> None:
    world.fail({"host": HOST, **fault})
    result = release(step, container, wheel)
    assert (result.status in (100, 104), told in result.told) == (True, True), result.output
    assert not result.outputs
    assert not [line for line in result.requests if "login.example" in line["url"]]
