"""From the inputs and the team's files to what has to be locked."""

from pathlib import Path

import pytest
from amlwheel.errors.declared import NotTaken
from amlwheel.inputs import reading
from amlwheel.inputs.step import Inputs
from amlwheel.model.declared import Declared
from amlwheel.model.environment import Python
from amlwheel.step import needs
from packaging.requirements import Requirement
from unit.parts import CANARY, GUID, make

PYTHON = Python("3.11.13")


def inputs(**more: str) -> Inputs:
    given = {"feed": "acme/ml/wheels", "workspace": f"{GUID}/rg/research", "feed-token": CANARY}
    return reading.read({**given, "connection-token": CANARY, **{key.replace("_", "-"): v for key, v in more.items()}})


def test_the_indexes_of_this_machine_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mirror = {"UV_DEFAULT_INDEX": f"https://me:{CANARY}@mirror.example/simple"}
    lines = f"-i https://mirror.example/simple/\n--extra-index-url {needs._public_index()}\nidna"
    found = needs.declared(inputs(requirements=lines, conda="curl=8.0.1"), mirror)
    assert [str(each) for each in found.requirements] == ["idna"]
    assert found.conda.lines == ("curl=8.0.1",)
    assert needs.declared(inputs(), {}) == Declared()
    with pytest.raises(NotTaken, match="another index"):
        needs.declared(inputs(requirements=lines), {})


def test_extras_are_those_of_the_wheel_from_their_folder(tmp_path: Path) -> None:
    first = make(tmp_path, more="Provides-Extra: Train_X\n")
    second = make(tmp_path, "acme_base-1-py3-none-any.whl")
    asked = Declared(extras={"a": frozenset(["train-x"]), "b": frozenset()})
    found = needs.requirements(asked, (first, second), ("a", "b"), PYTHON)
    assert [str(each) for each in found.more] == ["acme-churn[train-x]"]
    (tmp_path / "p").mkdir()
    (tmp_path / "p/pyproject.toml").write_text('[project]\nname = "acme.churn"\n')
    folder = str(tmp_path / "p")
    built = needs.requirements(Declared(extras={folder: frozenset(["train-x"])}), (second, first), (folder,), PYTHON)
    assert [str(each) for each in built.more] == ["acme-churn[train-x]"]


def test_an_extra_that_our_package_lacks_is_said(tmp_path: Path) -> None:
    wheel = make(tmp_path, more="Provides-Extra: train\n")
    with pytest.raises(NotTaken, match=r"acme-churn\[tests\], but .* has no such extra") as caught:
        needs.requirements(Declared(extras={".": frozenset(["tests"])}), (wheel,), (".",), PYTHON)
    assert caught.value.fix == "Name one of its extras: train."


@pytest.mark.parametrize("text", ["acme-churn==1.2.2", "acme.churn<1"])
def test_another_version_of_our_own_package_is_said(tmp_path: Path, text: str) -> None:
    wheel = make(tmp_path)
    with pytest.raises(NotTaken, match=r"but this run releases acme-churn 1\.2\.3") as caught:
        needs.requirements(Declared(constraints=(Requirement(text),)), (wheel,), (".",), PYTHON)
    assert caught.value.fix.startswith("Take acme-churn out of the list")
    same = Declared(requirements=(Requirement("acme-churn>=1"), Requirement("numpy<1")))
    assert needs.requirements(same, (wheel,), (".",), PYTHON).more == same.requirements
