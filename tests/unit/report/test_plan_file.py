"""The plan file: every part of a release comes back from it."""

import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path

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
