"""One environment for each package: which packages are in it, in which order, and what all of them change together."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.advisories.osv import NoAnswer
from amlwheel.errors.build import BuiltDifferently, PackagesInCircle
from amlwheel.inputs import reading
from amlwheel.model.advisory import Advisory, Package
from amlwheel.model.environment import Python
from amlwheel.model.wheel import Wheel
from amlwheel.plan.change import Change, Verb
from amlwheel.step import auditing, per_package
from amlwheel.step.changes import Changes
from amlwheel.step.per_package import Part
from packaging.requirements import Requirement
from unit.parts import CANARY, GUID, make, release

PYTHON = Python("3.11.13")
INPUTS = reading.read(
    {
        "feed": "acme/ml/wheels",
        "feed-token": CANARY,
        "connection-token": CANARY,
        "workspace": f"{GUID}/rg/research",
        "environment-per-package": "true",
    }
)


def wheels(folder: Path, **requires: str) -> list[Wheel]:
    """Return a wheel of each name, with the requirements that it has."""
    lines = {
        name: "".join(f"Requires-Dist: {each}\n" for each in filter(None, needed.split("|")))
        for name, needed in requires.items()
    }
    return [make(folder, f"{name}-1.0-py3-none-any.whl", f"Provides-Extra: x\n{more}") for name, more in lines.items()]


def names(found: list[Wheel]) -> str:
    return " ".join(each.project for each in found)


def test_what_others_need_comes_first_and_extras_make_no_order(tmp_path: Path) -> None:
    made = wheels(tmp_path, b="a|numpy", c="b", a="c; extra == 'x'")
    assert names(per_package.ordered(made, PYTHON)) == "a b c"


def test_packages_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackagesInCircle, match=r"in a circle: (a needs c needs b needs a|b needs a needs c needs b|c)"):
        per_package.ordered(wheels(tmp_path, b="a", a="c", c="b", d=""), PYTHON)


def test_an_environment_has_what_its_package_needs_of_the_others(tmp_path: Path) -> None:
    a, b, c, d = made = wheels(tmp_path, a="c; extra == 'x'", b="a[x]|d; python_version < '3'", c="", d="a")
    assert names(per_package.members(b, [], made, PYTHON)) == "b a c"
    assert names(per_package.members(a, [], made, PYTHON)) == "a"
    assert names(per_package.members(d, [], made, PYTHON)) == "d a"
    assert names(per_package.members(c, [Requirement("d"), Requirement("numpy")], made, PYTHON)) == "c d a"


def change(subject: str, target: str = "") -> Change[Any]:
    return Change(subject, Verb.CREATE, "new", None, target=target)


def test_what_several_plans_have_is_changed_once() -> None:
    one = Changes(
        (change("a"),), (change("a in View"),), (change("feed", "w1"), change("feed", "w2")), (change("a:1"),)
    )
    two = Changes((change("b"), change("a")), (), one.connections, (change("b:1"),), (change("packages"),))
    assert [each.subject for each in per_package.union([one, two]).all] == [
        "packages",
        "a",
        "b",
        "a in View",
        "feed",
        "feed",
        "a:1",
        "b:1",
    ]


def part(made: Wheel, answer: dict[Package, tuple[Advisory, ...]] | None, accepted: dict[str, str]) -> Part:
    def answered() -> dict[Package, tuple[Advisory, ...]]:
        if answer is None:
            raise NoAnswer("it is down")
        return answer

    step: Any = SimpleNamespace(
        inputs=replace(INPUTS, audit_accept=accepted), host=None, declared=SimpleNamespace(lock=None)
    )
    asked: Any = SimpleNamespace(question=SimpleNamespace(answer=answered))
    return Part(step, release(made), Changes((), (), (), ()), asked)


def test_an_accepted_id_counts_if_one_environment_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr(auditing, "settle", lambda _, __, inputs, *___: seen.append([*inputs.audit_accept]))
    a, b = wheels(tmp_path, a="", b="")
    flaw: dict[Package, tuple[Advisory, ...]] = {Package("six", "1.0"): (Advisory("PYSEC-1"),)}
    accepted = {"PYSEC-1": "", "PYSEC-2": ""}
    per_package._audited([part(a, flaw, accepted), part(b, None, accepted)])
    assert seen == [["PYSEC-1", "PYSEC-2"], ["PYSEC-2"]]


def test_two_builds_of_one_file_are_refused(tmp_path: Path) -> None:
    (a,) = wheels(tmp_path, a="")
    parts = [part(each, {}, {}) for each in (a, replace(a, sha256="0" * 64))]
    assert per_package._wheels(parts[:1]) == (a,)
    with pytest.raises(BuiltDifferently, match=r"a-1\.0-py3-none-any\.whl was built from source twice"):
        per_package._wheels(parts)
