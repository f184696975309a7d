"""The route through the storage of each workspace."""

from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.build import BadWheel
from amlwheel.hosts.terminal import Terminal
from amlwheel.model import environment
from amlwheel.model.azure import Workspace
from amlwheel.model.environment import Environment
from amlwheel.model.wheel import Wheel
from amlwheel.plan.change import Verb
from amlwheel.routes.workspace import NOT_STORED, WorkspaceRoute
from amlwheel.workspace.azureml.storage import Storage
from unit.parts import BASE, GUID, WORKSPACE, make, pins

OTHER = Workspace(GUID, "rg", "serving")
ADDRESS = "https://acme.blob.core.windows.net/azureml/acme_churn-1.2.3-py3-none-any.whl"


class Worker:
    """azureml-core with an empty storage on the one workspace, and the wheel on the other."""

    def __init__(self, wheel: Wheel) -> None:
        """Keep the sha256 that is stored."""
        self.sha256 = wheel.sha256

    def ask(self, call: str, workspace: Workspace, *_: object) -> Any:  # noqa: ANN401  # as the real one
        assert call == "wheel"
        return {"address": ADDRESS, "sha256": self.sha256} if workspace == OTHER else None


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


@pytest.fixture
def route(wheel: Wheel) -> WorkspaceRoute:
    return WorkspaceRoute(Storage(Worker(wheel)), Terminal())  # type: ignore[arg-type]  # a fake


@pytest.fixture
def defined(route: WorkspaceRoute, wheel: Wheel) -> Environment:
    return environment.define("", wheel, route.place(pins(wheel), [wheel]), BASE, [])


def line(made: Environment) -> str:
    """Return the address of our wheel in the environment."""
    return next(each for each in made.pip if "acme" in each).split()[0]


def test_our_wheels_stand_by_their_file_names_and_others_by_their_versions(defined: Environment, wheel: Wheel) -> None:
    assert [pin.stored for pin in defined.pins] == [wheel.filename, ""]
    assert line(defined) == wheel.filename
    assert any(each.startswith("numpy==2.2.0 ") for each in defined.pip)


def test_each_workspace_is_compared_and_gets_its_own_address(
    route: WorkspaceRoute, defined: Environment, wheel: Wheel
) -> None:
    assert [plan().verb for plan in route.plans([wheel], [WORKSPACE, OTHER])] == [Verb.CREATE, Verb.KEEP]
    assert line(route.located(defined, WORKSPACE)) == wheel.filename
    assert line(route.located(defined, OTHER)) == ADDRESS


def test_a_file_shows_the_address_or_one_that_no_tool_takes(
    route: WorkspaceRoute, defined: Environment, wheel: Wheel
) -> None:
    (plan,) = route.plans([wheel], [OTHER])
    assert plan().verb is Verb.KEEP
    assert line(route.emitted(defined, OTHER, [wheel])) == ADDRESS
    assert line(route.emitted(defined, WORKSPACE, [wheel])) == f"{NOT_STORED}/{wheel.filename}"


def test_a_name_that_azureml_core_would_change_is_refused(route: WorkspaceRoute, wheel: Wheel, tmp_path: Path) -> None:
    route.refuse(wheel)
    with pytest.raises(BadWheel, match="epoch"):
        route.refuse(make(tmp_path, "acme_churn-1!2.0-py3-none-any.whl"))
