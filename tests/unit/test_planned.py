"""A plan that one run writes and others apply, in front of the fakes of the whole step."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.base import Unexpected
from amlwheel.errors.inputs import BadInput, OutputNotWritable
from amlwheel.errors.planned import NotPlannable, PlanAltered, PlanDiffers, PlanOfOtherCommit, PlanOfOtherVersion
from amlwheel.errors.workspace import AzureRefused, WorkspaceNotFound
from amlwheel.hosts.host import Host
from amlwheel.model.source import Source
from amlwheel.report import plan_file
from amlwheel.routes.feed import FeedRoute
from amlwheel.step import access, planned, proving
from unit.parts import CANARY
from unit.test_main import SECOND, World, _signals, emitted, world  # noqa: F401  # fixtures

PLAN = Path("handed/plan.json")
CODE = Source("https://github.example/acme/churn", "c" * 40)


@pytest.fixture
def told(world: World, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:  # noqa: F811  # the fixture
    """Return what asks for the words printed since; a plan is written before."""
    world.code = CODE
    assert world.run("--plan-file", str(PLAN)) == 0
    return lambda: " ".join(capsys.readouterr().out.split())


def alter(**more: Any) -> None:  # noqa: ANN401  # JSON
    """Alter the plan file, and compute its hash anew."""
    data = {**json.loads(PLAN.read_text()), **more}
    del data["sha256"]
    PLAN.write_text(json.dumps({**data, "sha256": plan_file._hash(data)}))


def test_a_plan_is_written_without_a_change_and_then_applied(world: World, told: Callable[[], str]) -> None:  # noqa: F811
    said = told()
    assert world.effects == ["prove"]
    assert f"Write the plan · {PLAN.as_posix()} and 1 in dist beside it" in said
    text = PLAN.read_text()
    assert CANARY not in text
    assert SECOND not in text
    assert json.loads(text)["plan"][0]["verb"] == "CREATE"
    dry = emitted(world.folder)
    (world.folder / "pyproject.toml").unlink()  # nothing is built
    world.effects.clear()

    assert world.run("--apply", str(PLAN), "--shard", "1/1") == 0
    published, *meanwhile, registered = [effect.split()[0] for effect in world.effects]
    assert (published, sorted(meanwhile), registered) == ("publish", ["PUT", "fetch"], "PUT")
    said = told()
    assert "Read the plan · acme_churn-1.2.3-py3-none-any.whl · commit cccccccccccc · 1 of 1 workspaces" in said
    assert "(part 1/1 of the plan)" in said
    assert "The proof needs" not in said
    assert json.loads((world.folder / "aml-environment/aml-release.json").read_text())["shard"] == "1/1"
    world.effects.clear()
    assert world.run("--apply", str(PLAN)) == 0
    assert world.effects == []
    assert emitted(world.folder) == dry
    assert world.run("--apply", str(PLAN), "--dry-run") == 0


def test_a_plan_that_is_not_for_this_job_stops_it(world: World, told: Callable[[], str]) -> None:  # noqa: F811
    good, wheel = PLAN.read_bytes(), PLAN.parent / "dist/acme_churn-1.2.3-py3-none-any.whl"
    world.effects.clear()
    asked = len(world.arm.sent)

    def stopped(kind: type[Exception], *words: str) -> str:
        assert world.run("--apply", str(PLAN), *words) == kind.status  # type: ignore[attr-defined]
        assert world.effects == []
        PLAN.write_bytes(good)
        return told()

    PLAN.write_bytes(good.replace(b'"KEEP"', b'"XEEP"').replace(b'"CREATE"', b'"UPDATE"'))
    assert "plan.json isn't what it was when it was written" in stopped(PlanAltered)
    alter(step="9.9")
    assert "was written by amlwheel '9.9', and this is '0.1.0'" in stopped(PlanOfOtherVersion)
    said = stopped(PlanDiffers, "--python-version", "3.12", "--verify", "none")
    assert "`--python-version`, `--verify`: not what the plan was made with." in said
    assert "no workspace is left for this part" in stopped(BadInput, "--shard", "2/2")
    wheel.write_bytes(wheel.read_bytes() + b"\0")
    assert f"{wheel.name} isn't the wheel of the plan" in stopped(PlanAltered)
    wheel.unlink()
    assert f"{wheel.name} is missing beside the plan file" in stopped(PlanAltered)
    world.code = replace(CODE, commit="d" * 40)
    assert "of commit cccccccccccc, and this job is for dddddddddddd" in stopped(PlanOfOtherCommit)
    world.code = Source()
    assert "nobody knows for which commit this job is" in stopped(PlanOfOtherCommit)
    PLAN.unlink()
    assert world.run("--apply", str(PLAN)) == BadInput.status
    assert "Fetch it before the step" in told()
    assert len(world.arm.sent) == asked


def test_what_the_plan_counts_on_may_be_gone(
    world: World,  # noqa: F811
    told: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: object) -> None:
        raise WorkspaceNotFound("No workspace research.")

    with monkeypatch.context() as patch:
        patch.setattr(access, "look", gone)
        assert world.run("--apply", str(PLAN)) == WorkspaceNotFound.status
        assert "deleted or moved since" in told()
    monkeypatch.setattr(FeedRoute, "label", "elsewhere")
    assert world.run("--apply", str(PLAN)) == PlanDiffers.status
    assert "The plan has its wheels in acme/ml/wheels, and this job would take elsewhere." in told()
    assert world.effects == ["prove"]


def test_other_errors_of_the_access_check_stay_as_they_are() -> None:
    with pytest.raises(AzureRefused) as caught, planned.meanwhile():
        raise AzureRefused("No.")
    assert caught.value.cause == AzureRefused.cause


def test_what_no_other_job_could_apply_is_not_written(
    world: World,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert world.run("--plan-file", str(PLAN)) == NotPlannable.status
    world.code = CODE
    with monkeypatch.context() as patch:
        patch.setattr(proving.Proving, "prove", lambda _: f"Not proven: {proving.WAITS}.")
        assert world.run("--plan-file", str(PLAN)) == NotPlannable.status
    assert "Run the step once without `--plan-file`" in " ".join(capsys.readouterr().out.split())
    with monkeypatch.context() as patch:
        patch.setattr(Host, "leaks", lambda _, text: '"proven"' in text)
        assert world.run("--plan-file", str(PLAN)) == Unexpected.status
    (world.folder / "file").touch()
    assert world.run("--plan-file", "file/plan.json") == OutputNotWritable.status
    assert "Set `--plan-file` to a file in a folder that the job may write to." in capsys.readouterr().out
    assert not PLAN.exists()
