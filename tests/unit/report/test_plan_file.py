"""The plan file: every part of a release comes back from it."""

import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from amlwheel.errors.planned import PlanAltered
from amlwheel.model.advisory import Audit, Finding, Package
from amlwheel.model.conda import Conda, exact
from amlwheel.model.limit import Limit
from amlwheel.model.wheel import File
from amlwheel.report import plan_file
from amlwheel.report.plan_file import Plan, PlannedChange, PlannedWheel
from unit import parts
from unit.parts import make

SDIST = File("six-1.0.tar.gz", "https://files.example/six-1.0.tar.gz", "a" * 64, 5)


def test_every_part_of_a_release_comes_back(tmp_path: Path) -> None:
    wheel = make(tmp_path)
    plain = parts.release(wheel)
    pinned = dataclasses.replace(plain.environment.pins[1], files=(SDIST,), index="https://i.example/", url="https://u")
    release = dataclasses.replace(
        plain,
        environment=dataclasses.replace(plain.environment, pins=(plain.environment.pins[0], pinned)),
        view="Release",
        warnings=("a",),
        gaps=("b",),
        limit=Limit(datetime(2026, 1, 1, tzinfo=timezone.utc), "why", asked=True),
        limited=("c",),
        notes=("d",),
        conda=Conda((exact("ffmpeg=6.1.1"),)),
        audit=Audit(1, 2, (Finding(Package("six", "1.0"), "CVE-1-2", ("GHSA-1",), "low", "1.1", reason="é"),)),
        team_lock="uv.lock",
    )
    plan = Plan(
        "0.1.0",
        "c" * 40,
        {"index": "extra"},
        ("/id",),
        (PlannedWheel(wheel.filename, wheel.sha256, SDIST),),
        (PlannedChange("KEEP", "a", "b"),),
        "Proven.",
        plan_file.kept(release),
    )
    path = tmp_path / "plan.json"
    path.write_text(plan_file.text(plan))
    assert plan_file.read(path) == plan
    again = plan_file.restored(
        plan_file.read(path),
        wheels=(wheel,),
        feed=release.feed,
        connection=release.connection,
        workspaces=release.workspaces,
    )
    assert again == release
    assert again.environment.pins[1].files == (SDIST,)
    assert (again.environment.pins[1].index, again.environment.pins[0].private) == ("https://i.example/", True)


def test_the_text_is_the_same_each_time_and_has_its_hash_last(tmp_path: Path) -> None:
    plan = Plan("0.1.0", "c", {}, (), (), (), "", plan_file.kept(parts.release(make(tmp_path))))
    assert plan_file.text(plan) == plan_file.text(plan)
    assert list(json.loads(plan_file.text(plan)))[-1] == "sha256"


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """Return the path of a good plan file."""
    path = tmp_path / "plan.json"
    plan = Plan("0.1.0", "c", {}, (), (), (), "", plan_file.kept(parts.release(make(tmp_path))))
    path.write_text(plan_file.text(plan))
    return path


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"sha256": "x', b'{"sha256": "x"}', b"[" * 10**5, b"\xff"])
def test_what_is_no_plan_file_is_refused(good: Path, text: bytes) -> None:
    good.write_bytes(text)
    with pytest.raises(PlanAltered):
        plan_file.read(good)


def resealed(path: Path, **more: object) -> Plan:
    """Read a plan file that was altered by somebody who has computed its hash anew."""
    data = {**json.loads(path.read_text()), **more}
    del data["sha256"]
    path.write_text(json.dumps({**data, "sha256": plan_file._hash(data)}))
    return plan_file.read(path)


@pytest.mark.parametrize("more", [{"proven": []}, {"wheels": [{"name": "a"}]}, {"plan": {}}, {"other": 1}])
def test_another_shape_is_refused_though_its_hash_is_right(good: Path, more: dict[str, object]) -> None:
    with pytest.raises(PlanAltered, match="isn't a plan file as the step writes it"):
        resealed(good, **more)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"lock": None}, "doesn't hold a release"),
        ({"wheels": []}, "doesn't hold a release"),
        (
            {"environment": {"version": "1.2.3-000000000000"}},
            "another content for azureml:acme-churn:1.2.3-000000000000",
        ),
        ({"environment": {"conda": "dependencies: []"}}, "another content for azureml:acme-churn:1.2.3-"),
    ],
)
def test_a_release_that_does_not_hold_together_is_refused(good: Path, part: dict[str, Any], said: str) -> None:
    release = json.loads(good.read_text())["release"]
    for name, value in part.items():
        release[name] = {**release[name], **value} if isinstance(value, dict) else value
    plan = resealed(good, release=release)
    with pytest.raises(PlanAltered, match=said):
        plan_file.restored(plan, wheels=(), feed=None, connection=None, workspaces=())
