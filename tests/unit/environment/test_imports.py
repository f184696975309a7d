"""Each module is imported in a process of its own; each failure is named with its own cause and fix."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from amlwheel.environment import imports
from amlwheel.environment.imports import Imported, check
from amlwheel.environment.interpreter import Interpreter
from amlwheel.errors.base import Several, StepError, TooSlow
from amlwheel.errors.environment import ImportFailed
from amlwheel.model import import_names
from amlwheel.transport import process
from amlwheel.transport.sandbox import Sandbox
from unit.parts import CANARY

PYTHON = Interpreter("/x/python", "/x/lib")
BASE = {"kind": "RuntimeError", "text": "x", "unset": "", "where": "acme/__init__.py:2", "package": "acme 1.0"}
Answer = dict[str, str] | process.Finished | StepError


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


def answering(monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Answer]) -> None:
    """Let the import of each module end as given: with a report, without one, or not at all."""
    monkeypatch.setenv("AMLWHEEL_FEED_TOKEN", CANARY)

    def run(
        command: list[str | Path], *, env: Mapping[str, str], cwd: Path, sandbox: Sandbox, **more: object
    ) -> process.Finished:
        assert more
        python, *options, _, _, report, _, module = map(str, command)
        assert (python, options) == ("/x/python", ["-I", "-S", "-B"])
        assert env["LD_LIBRARY_PATH"] == "/x/lib"
        assert CANARY not in env.values()
        assert {env["HOME"], env["TMPDIR"], str(cwd), str(Path(report).parent)} == {str(cwd)}
        assert "XDG_CACHE_HOME" not in env
        assert sandbox == Sandbox((cwd,))
        answer = answers[module]
        if isinstance(answer, StepError):
            raise answer
        if isinstance(answer, process.Finished):
            return answer
        Path(report).write_text(json.dumps(answer))
        return process.Finished(bool(answer), "last words")

    monkeypatch.setattr(process, "run", run)


@pytest.mark.parametrize(
    ("answer", "what", "cause", "fix"),
    [
        ({**BASE, "module": "yaml", "partly": ""}, "imports yaml, and no package", "declared", "Add PyYAML to"),
        ({**BASE, "module": "acme.models", "partly": "yes"}, "installed acme has no", "built without it", "pack acme"),
        ({**BASE, "module": "acme.models", "partly": ""}, "no package", "built without it", "pack acme.models"),
        (
            {**BASE, "module": "numpy.x", "partly": "yes"},
            "installed numpy has no",
            "older or newer",
            "that has numpy.x",
        ),
        ({**BASE, "variable": "URL"}, "needs the environment variable URL", "every job", "Read URL in the function"),
        ({**BASE, "unset": "URL"}, "RuntimeError in acme/__init__.py:2", "reads URL", "Read it in a function"),
        ({**BASE, "kind": "SystemExit", "unset": "URL"}, "SystemExit in", "reads URL", "Read it in a function"),
        (
            {**BASE, "kind": "SystemExit", "text": "2"},
            "is a script: importing it ended Python with exit status 2",
            "",
            "__main__",
        ),
        ({**BASE, "kind": "SyntaxError"}, "SyntaxError in", "newer", "last lines"),
        ({**BASE, "kind": "ImportError"}, "ImportError in", "locked version", "last lines"),
        (BASE, "can't be imported: RuntimeError in", "fails when", "the version may stay"),
        ({"where": "a\n::error::x\n```"}, "can't be imported:  in a ::error::x ```.", "fails when", ""),
        (process.Finished(3, "bye"), "is a script: importing it ended Python with exit status 3", "", "__main__"),
        (process.Finished(-11, "Fatal"), "ended Python with signal SIGSEGV", "Native code", "pin the package"),
        (process.Finished(-9, ""), "ended Python with signal SIGKILL", "too little memory", ""),
        (TooSlow("", details="where"), "wasn't imported within 120 seconds", "waits", "into a function"),
    ],
)
def test_why_a_module_cannot_be_imported(  # noqa: PLR0913, PLR0917  # a table
    monkeypatch: pytest.MonkeyPatch, site: Path, answer: Answer, what: str, cause: str, fix: str
) -> None:
    answering(monkeypatch, {"acme": answer, "other": {}})
    with pytest.raises(ImportFailed) as caught:
        check(site, ["acme", "other"], PYTHON, conda=False)
    assert what in caught.value.what
    assert "acme" in caught.value.what
    assert cause in caught.value.cause
    assert fix in caught.value.fix
    assert not caught.value.fix.startswith("Fix")


def test_what_the_image_may_have_is_no_error(monkeypatch: pytest.MonkeyPatch, site: Path) -> None:
    library = {**BASE, "package": "mpi4py 4.1", "library": "libmpi.so.12"}
    answering(
        monkeypatch,
        {"a": library, "b": {**library, "package": ""}, "c": {}, "d": {**BASE, "module": "gdal", "partly": ""}},
    )
    found = check(site, ["a", "b", "c", "d"], PYTHON, conda=True)
    assert found == Imported(
        ("c",),
        (
            "a: mpi4py 4.1 needs libmpi.so.12",
            "b: it needs libmpi.so.12",
            "d: acme/__init__.py:2 imports gdal, which one of the conda packages may bring",
        ),
    )
    answering(monkeypatch, {"acme": {**BASE, "module": "acme.models", "partly": ""}})
    with pytest.raises(ImportFailed):
        check(site, ["acme"], PYTHON, conda=True)


def test_each_failure_is_named_and_very_many_modules_are_not_all_imported(
    monkeypatch: pytest.MonkeyPatch, site: Path
) -> None:
    answering(monkeypatch, {"a": BASE, "b": {}, "c": process.Finished(-6, "")})
    with pytest.raises(Several) as caught:
        check(site, ["a", "b", "c"], PYTHON, conda=False)
    assert [each.what.split()[0] for each in caught.value.errors] == ["a", "Importing"]
    monkeypatch.setattr(json, "dumps", lambda _: "[1]")  # a report that the module wrote
    answering(monkeypatch, {"a": BASE})
    assert check(site, ["a"], PYTHON, conda=False) == Imported(("a",))
    monkeypatch.undo()
    answering(monkeypatch, {f"m{number}": {} for number in range(99)})
    found = check(site, [f"m{number}" for number in range(99)], PYTHON, conda=False)
    assert len(found.modules) == imports.MOST


def test_only_what_was_installed_can_be_imported(site: Path) -> None:
    """The step's own packages, such as requests, mustn't take the place of a dependency that isn't declared."""
    (site / "fine.py").write_text("import json\n")
    (site / "needy.py").write_text("import fine, requests\n")
    with pytest.raises(ImportFailed) as caught:
        check(site, ["fine", "needy"], Interpreter(sys.executable), conda=False)
    assert "needy.py:1 imports requests, and no package of the lock has it" in caught.value.what
    assert "No module named 'requests'" in caught.value.details


@pytest.mark.parametrize(
    ("missing", "where", "cause", "fix"),
    [
        ("helpers.x", "acme/train.py:2", "as acme.helpers.x", "Import acme.helpers.x there, and"),
        ("utils", "train.py:3", "The project has utils, and its build left it out", "Let the build pack utils (with"),
        ("tools", "acme/train.py:3", "The project has tools", "Let the build pack tools"),
        ("empty", "acme/train.py:3", "declared", "Add empty"),
        ("../utils", "../../train.py:3", "declared", "to the dependencies"),
    ],
)
def test_a_module_of_ones_own_is_no_missing_dependency(  # noqa: PLR0913, PLR0917  # a table
    monkeypatch: pytest.MonkeyPatch, site: Path, missing: str, where: str, cause: str, fix: str
) -> None:
    """Whoever adds `utils` to the dependencies gets a stranger's package."""
    project = site.parent / "project"
    for path in (site / "acme/helpers.py", project / "utils.py", project / "src/tools/a.py", project / "empty/a.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    answering(monkeypatch, {"train": {**BASE, "module": missing, "partly": "", "where": where}})
    with pytest.raises(ImportFailed) as caught:
        check(site, ["train"], PYTHON, conda=False, projects=[project])
    assert cause in caught.value.cause
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("yaml.nodes", "PyYAML"),
        ("google.cloud.bigquery", "google-cloud-bigquery"),
        ("azure.identity", "azure-identity"),
        ("azure", "azure (or the package that has this module)"),
        ("acme_core.x", "acme-core (or the package that has this module)"),
    ],
)
def test_the_package_that_has_a_module(module: str, package: str) -> None:
    assert import_names.package_of(module) == package
