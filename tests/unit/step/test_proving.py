"""The proof before the first write: how, with which token, and what is told when less than all could be proven."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.environment import imports, interpreter, proof
from amlwheel.environment.imports import Imported
from amlwheel.environment.interpreter import Interpreter, Missing
from amlwheel.errors.environment import NotImportable, ProofFailed
from amlwheel.errors.feed import NotSaved
from amlwheel.hosts.github import GitHub
from amlwheel.model.conda import Conda, Package
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import File, Pin
from amlwheel.plan.change import Change, Verb
from amlwheel.report.release import Release
from amlwheel.step import proving
from amlwheel.step.proving import Proving
from amlwheel.transport.download import Downloads
from unit.parts import FEED, TOKEN, make, release, sha

READER = Secret("reads-only")
FILE = File("numpy-2.2.0-cp311-cp311-manylinux_2_28_x86_64.whl", "https://f.example/n.whl", sha("numpy one"), 2**24)


class Outside:
    """Takes the place of uv, the interpreters and the imports."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Let everything succeed."""
        self.tokens: list[str] = []
        self.asked: list[tuple[str, str]] = []
        self.conda: list[bool] = []
        self.failing = self.refused = False
        self.elsewhere: list[str] = []
        self.private: list[str] = []
        self.found: Interpreter | Missing = Interpreter("/x/python")
        self.imported = Imported(("acme_churn",))
        self.release = release(make(folder))
        monkeypatch.setattr(proving, "check_room", lambda _: None)
        monkeypatch.setattr(proof, "install", self.install)
        monkeypatch.setattr(interpreter, "find", lambda *_: self.found)
        monkeypatch.setattr(imports, "check", self.check)
        monkeypatch.setattr(Downloads, "ask", lambda made, file: self.asked.append((made.token.reveal(), file.name)))

    def install(self, *given: Any) -> int:  # noqa: ANN401  # whatever it gets
        self.tokens.append(given[3].reveal())
        self.private = [pin.name for pin in given[0].pins if pin.private]
        if self.failing:
            raise ProofFailed("uv's words")
        return len(given[0].pins)

    def save(self) -> None:
        if self.refused:
            raise NotSaved("no.")

    def check(self, _: object, modules: list[str], *__: object, conda: bool, projects: list[Path]) -> Imported:
        assert projects == [Path("acme")]
        assert modules == ["acme_churn"]
        self.conda.append(conda)
        return self.imported

    def prove(self, verify: str = "install", *, unsaved: bool = False, **given: object) -> str:
        inputs: Any = SimpleNamespace(
            wheel=(),
            package_dir=("acme",),
            **{"verify": verify, "dry_run": False, "connects": True, "feed": FEED, "feed_only": False} | given,
            connection_token=READER,
            feed_token=TOKEN,
        )
        saving = Change("packages saved in x", Verb.CREATE, "", frozenset(self.elsewhere), self.save)
        return Proving(inputs, {}, GitHub({}), self.release, saving if unsaved else None).prove()


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Outside:
    return Outside(monkeypatch, tmp_path)


def with_file(made: Release, **more: object) -> Release:
    own, public, *_ = made.environment.pins
    public = replace(public, files=(FILE,), **more)  # type: ignore[arg-type]
    return replace(made, environment=replace(made.environment, pins=(own, public, Pin("odd", "1", (sha("odd"),)))))


def test_the_workspaces_token_is_taken_where_it_gets_the_files(outside: Outside) -> None:
    assert outside.prove() == "Proven: 2 installed (1 file from elsewhere, 0.0 MB); imported acme_churn."
    outside.prove(unsaved=True)
    outside.prove(connects=False)
    assert outside.tokens == [READER.reveal(), TOKEN.reveal(), TOKEN.reveal()]
    assert outside.conda == [False, False, False]


def test_a_feed_that_does_not_save_says_so_itself(outside: Outside) -> None:
    outside.failing = True
    for unsaved in (False, True):
        with pytest.raises(ProofFailed, match="uv's words"):
            outside.prove(unsaved=unsaved)
    outside.refused = True
    with pytest.raises(NotSaved):
        outside.prove(unsaved=True)


def test_a_dry_run_saves_nothing_in_the_feed(outside: Outside) -> None:
    assert outside.prove(unsaved=True, dry_run=True).startswith("Not proven: its packages may have to be saved")
    mirror = outside.prove(dry_run=True, feed_only=True, connects=False)  # no token reads without saving
    assert mirror.startswith("Not proven: its packages may have to be saved")
    assert outside.tokens == []


def test_what_the_feed_lacks_and_the_public_index_has_is_proven_in_a_dry_run_as_well(outside: Outside) -> None:
    outside.release = with_file(outside.release, private=True)
    outside.elsewhere = ["numpy"]
    assert outside.prove(unsaved=True, dry_run=True, feed_only=True).startswith("Proven: 3 installed")
    assert outside.tokens == [READER.reveal()]
    assert outside.private == ["acme-churn"]
    outside.failing = outside.refused = True
    with pytest.raises(ProofFailed, match="uv's words"):
        outside.prove(unsaved=True)


def test_each_file_is_asked_for_and_nothing_installed(outside: Outside) -> None:
    outside.release = with_file(outside.release)
    said = "Files proven, nothing installed or imported: 1 of 2 files from elsewhere, 16 MB, are there, 1 not asked."
    assert outside.prove("files") == said
    assert outside.asked == [(READER.reveal(), FILE.name)]
    assert outside.tokens == []
    outside.release = with_file(outside.release, private=True)
    assert "0 of 2 files" in outside.prove("files", unsaved=True)
    assert len(outside.asked) == 1


def test_without_a_python_the_lines_that_give_one_are_told(
    outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.found = Missing("there is no Python 3.11 on this machine", python=True)
    said = outside.prove()
    assert said.startswith("Installed, not imported: 2 installed")
    assert 'python-version: "3.11"' in said.split("\n", 1)[1]
    shown = capsys.readouterr().out
    assert "::warning title=amlwheel::The packages were installed, not imported: there is no Python 3.11" in shown
    assert "actions/setup-python@" in shown
    with pytest.raises(NotImportable) as caught:
        outside.prove("import")
    assert "actions/setup-python@" in caught.value.fix


def test_on_another_system_no_lines_help(outside: Outside, capsys: pytest.CaptureFixture[str]) -> None:
    outside.found = Missing("this machine isn't Linux x86-64, as the image is")
    assert outside.prove().endswith("this machine isn't Linux x86-64, as the image is.")
    assert "setup-python" not in capsys.readouterr().out
    with pytest.raises(NotImportable) as caught:
        outside.prove("import")
    assert caught.value.fix == NotImportable.fix


def test_what_the_image_may_have_is_a_warning(outside: Outside, capsys: pytest.CaptureFixture[str]) -> None:
    outside.release = replace(outside.release, conda=Conda((Package.parse("gdal==3.9.1"),)))
    outside.imported = Imported((), ("acme_churn: mpi4py 4.1 needs libmpi.so.12",))
    assert "mpi4py 4.1 needs libmpi.so.12" in outside.prove()
    assert outside.conda == [True]
    outside.imported = Imported(("a",), outside.imported.elsewhere)
    assert "imported a; this machine hasn't" in outside.prove()
    assert "::warning" in capsys.readouterr().out
    with pytest.raises(NotImportable, match="libmpi"):
        outside.prove("import")


def test_a_package_without_modules_and_one_with_very_many(outside: Outside) -> None:
    (wheel,) = outside.release.wheels
    outside.imported = Imported(())
    assert outside.prove().endswith("imported  and not 1 more.")
    outside.release = replace(outside.release, wheels=(replace(wheel, modules=()),))
    assert outside.prove().endswith("nothing in them to import.")
