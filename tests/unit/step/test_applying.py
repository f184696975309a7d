"""The effects of a plan on several workspaces, and what is told of those that failed."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.base import StepError, TooSlow
from amlwheel.errors.workspace import AzureRefused, TargetsFailed, WorkspaceForbidden
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.azure import Registry, Workspace
from amlwheel.plan.change import Change, Verb, by_target
from amlwheel.report import failure
from amlwheel.step import applying
from unit.parts import GUID

PLACES = [Workspace(GUID, "rg", "one"), Workspace(GUID, "rg", "ml"), Workspace(GUID, "other", "ML")]


def fail(error: StepError) -> None:
    raise error


def change(workspace: Workspace, verb: Verb = Verb.CREATE, error: StepError | None = None) -> Change[None]:
    effect = partial(fail, error) if error else (lambda: None)
    return Change("environment x", verb, "new", None, effect, workspace.id)


def test_what_failed_is_one_error_that_names_each_workspace_and_what_to_do_there() -> None:
    host = Terminal()
    errors = WorkspaceForbidden("No role.", fix="Grant it."), AzureRefused("409 <b>.", details="said")
    changes = [change(PLACES[0]), *(change(each, error=error) for each, error in zip(PLACES[1:], errors, strict=True))]
    host.progress.plan = changes
    with pytest.raises(TargetsFailed) as caught:
        applying.to_targets("Register", by_target(changes), PLACES, host, None)
    error = caught.value
    assert error.what.splitlines() == [
        "2 of 3 workspaces failed, 1 done.",
        "- ml in rg: AW41 workspace access forbidden. No role. Grant it.",
        f"- ML in other: AW46 Azure refused the request. 409 <b>. {AzureRefused.fix}",
    ]
    assert error.details == "ML in other: said"
    (problem,) = failure.problems(error)
    page = failure.page([problem], host.progress, str)
    assert "| ML in other | AW46 Azure refused the request | 409 &lt;b&gt;. | Read Azure" in page
    assert page.count("| CREATE | environment x | new | done |") == 1
    assert page.count("| CREATE | environment x | new | begun |") == 2


@pytest.mark.parametrize(("verb", "looks"), [(Verb.KEEP, 0), (Verb.CREATE, 1)])
def test_the_steps_files_are_looked_at_before_something_is_changed(verb: Verb, looks: int) -> None:
    looked: list[None] = []
    fence: Any = SimpleNamespace(check=lambda: looked.append(None))
    changes = [change(PLACES[0], verb)]
    applying.once("Publish", changes, Terminal(), fence)
    assert len(looked) == looks
    applying.to_targets("Register", by_target(changes), PLACES[:1], Terminal(), fence)
    assert len(looked) == 2 * looks


def test_a_workspace_alone_fails_with_its_own_error() -> None:
    error = AzureRefused("no.")
    with pytest.raises(AzureRefused) as caught:
        applying.to_targets("Register", by_target([change(PLACES[0], error=error)]), PLACES[:1], Terminal(), None)
    assert caught.value is error


def test_a_workspace_that_shows_nothing_stops_a_dry_run_and_a_run_without_another_one() -> None:
    skipped = partial(change, verb=Verb.SKIP, error=TooSlow("no answer."))
    some = by_target([change(PLACES[0]), skipped(PLACES[1])])
    applying.check(some, PLACES[:2], dry_run=False)
    with pytest.raises(TargetsFailed, match="1 of 2 workspaces failed"):
        applying.check(some, PLACES[:2], dry_run=True)
    with pytest.raises(TargetsFailed, match="2 of 2 workspaces failed, none done"):
        applying.check(by_target(map(skipped, PLACES[:2])), PLACES[:2], dry_run=False)


def test_a_registry_is_told_as_one() -> None:
    names = applying.named([*PLACES, Registry("ml")])
    assert list(names.values()) == ["one", "ml in rg", "ML in other", "registry ml"]
