"""Build environments that packages share: one for each set of requirements, which no build can change."""

import json
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from amlwheel.build import project, shared
from amlwheel.errors.build import BuildFailed
from amlwheel.transport import process, sandbox
from amlwheel.transport.process import Finished
from amlwheel.transport.sandbox import Sandbox
from unit.parts import pack

HATCHLING = '[build-system]\nrequires = ["hatchling"]\n'


class Tools:
    """Takes the place of all processes: uv installs, a build in a shared environment answers, pypa/build builds.

    `asks` are what the backend of a folder wants beside what is installed, question by question.
    """

    def __init__(self, asks: Mapping[str, list[list[str]]] | None = None) -> None:
        """Begin with backends that ask for nothing more."""
        self.asks = {name: list(each) for name, each in (asks or {}).items()}
        self.installed: list[tuple[list[str], str]] = []
        self.together: list[tuple[str, str]] = []
        self.alone: list[str] = []
        self.rooms: list[Sandbox] = []
        self.installing = self.building = Finished(0, "")

    def __call__(
        self,
        command: list[str | Path],
        *,
        env: Mapping[str, str],
        seconds: float,
        echo: Callable[[str], None],
        sandbox: Sandbox,
    ) -> Finished:
        assert seconds == project.BUILD_SECONDS == shared.SECONDS
        words = list(map(str, command))
        if words[0] == "uv":
            assert (words[:4], env["UV_COMPILE_BYTECODE"]) == (["uv", "pip", "install", "--python"], "1")
            if "too-much" in words:
                raise OSError(7, "Argument list too long")
            self.installed.append((words[5:], words[4]))
            self.rooms.append(sandbox)
            echo("+ hatchling==1.0")
            return self.installing
        echo("building")
        assert "UV_COMPILE_BYTECODE" not in env
        if "-m" in words:
            return self._alone(words)
        return self._together(words[6:], sandbox)

    def _together(self, words: list[str], room: Sandbox) -> Finished:
        folder, into, answer, python, _ = words
        name, place = Path(folder).name, Path(python).parents[1]
        assert room.kept == (place.parent,)
        self.together.append((name, python))
        asked = self.asks.get(name, [])
        if self.building.status:
            return Finished(self.building.status, self.building.output.format(place=place))
        said = {"lacking": asked.pop(0)} if asked else {"artifacts": [{"path": str(_wheel(into, name))}]}
        Path(answer).write_text(json.dumps(said))
        return Finished(0, "")

    def _alone(self, words: list[str]) -> Finished:
        name, into = Path(words[-1]).name, words[words.index("--outdir") + 1]
        self.alone.append(name)
        if self.installing.status:
            return Finished(1, "< error: Because hatchling was not found in the package registry")
        report = Path(words[words.index("--report") + 1])
        report.write_text(json.dumps({"artifacts": [{"path": str(_wheel(into, name))}]}))
        return Finished(0, "")


def _wheel(into: str, name: str) -> Path:
    return pack(Path(into), f"{name}-1.0-py3-none-any.whl")


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Tools:
    """Let no process start, and the kernel guard what is kept."""
    made = Tools()
    monkeypatch.setattr(process, "run", made)
    monkeypatch.setattr(sandbox, "lacking", list)
    monkeypatch.setattr(venv.EnvBuilder, "create", lambda _, folder: folder.mkdir(parents=True))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return made


def projects(folder: Path, **settings: str) -> list[str]:
    for name, text in settings.items():
        (folder / name).mkdir()
        (folder / name / "pyproject.toml").write_text(text)
    return [str(folder / name) for name in settings]


def build(folders: list[str], into: Path) -> list[str]:
    said = list[str]()
    paths = project.build(folders, into, said.append)
    assert [path.name.split("-")[0] for path in paths] == [Path(each).name for each in folders]
    return said


def test_packages_that_require_the_same_share_an_environment(tmp_path: Path, tools: Tools) -> None:
    other = '[build-system]\nrequires = ["flit_core"]\n'
    said = build(projects(tmp_path, one=HATCHLING, odd=other, two=HATCHLING), tmp_path / "built")
    ((words, python),) = tools.installed
    assert words == ["hatchling"]
    assert sorted(tools.together) == [("one", python), ("two", python)]
    assert tools.alone == ["odd"]
    place = tmp_path / "built" / ".environments"
    assert Path(python).parents[2] == place
    name = Path(python).parents[1].name
    assert tools.rooms == [Sandbox((place / name,), (place,), cache=f".environments/{name}")]
    assert said.count("build environment: + hatchling==1.0") == 1
    assert {"one: building", "two: building", "odd: building"} <= {*said}


def test_what_backends_ask_for_makes_another_environment(tmp_path: Path, tools: Tools) -> None:
    tools.asks = {"one": [["wheel"]], "two": [["wheel"]], "odd": [["a"], ["b"]], "plain": []}
    build(projects(tmp_path, **dict.fromkeys(tools.asks, HATCHLING)), tmp_path / "built")
    installed = [words for words, _ in tools.installed]
    assert sorted(installed) == [["a"], *[["hatchling"]] * 3, ["wheel"]]
    assert len({python for _, python in tools.together}) == 3
    assert tools.alone == ["odd"]  # its answer isn't the same twice


@pytest.mark.parametrize("said", ["Permission denied: '{place}/lib/x'", "error: `{place}/x`: denied (os error 13)"])
def test_a_build_that_writes_into_its_environment_gets_one_of_its_own(tmp_path: Path, tools: Tools, said: str) -> None:
    tools.building = Finished(1, f"PermissionError: [Errno 13] {said}")
    told = build(projects(tmp_path, one=HATCHLING, two=HATCHLING), tmp_path / "built")
    assert sorted(tools.alone) == ["one", "two"]
    assert len([line for line in told if "built again in one of its own" in line]) == 2


def test_another_failure_is_that_of_the_first_package(tmp_path: Path, tools: Tools) -> None:
    tools.building = Finished(1, "ModuleNotFoundError: No module named 'numpy'")
    with pytest.raises(BuildFailed, match=r"/one doesn't build \(status 1\): it imports numpy"):
        build(projects(tmp_path, one=HATCHLING, two=HATCHLING), tmp_path / "built")
    assert tools.alone == []


def test_requirements_that_cannot_be_installed_are_told_of_a_package(tmp_path: Path, tools: Tools) -> None:
    tools.installing = Finished(1, "nowhere")
    with pytest.raises(BuildFailed, match=r"/one doesn't build .*: no index has its build requirement hatchling"):
        build(projects(tmp_path, one=HATCHLING, two=HATCHLING), tmp_path / "built")


def test_more_requirements_than_a_command_takes_are_left_to_each_build(tmp_path: Path, tools: Tools) -> None:
    many = '[build-system]\nrequires = ["too-much"]\n'
    build(projects(tmp_path, one=many, two=many), tmp_path / "built")
    assert sorted(tools.alone) == ["one", "two"]


def test_without_landlock_nothing_is_shared(tmp_path: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "lacking", lambda: ["This machine has no Landlock"])
    build(projects(tmp_path, one=HATCHLING, two=HATCHLING), tmp_path / "built")
    assert sorted(tools.alone) == ["one", "two"]
    assert tools.installed == []


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ('[build-system]\nrequires = ["b", "a", "b"]\n', ("a", "b")),
        ("[build-system]\nrequires = []\n", ()),
        ("[project]\n", ("setuptools >= 40.8.0",)),
        ("[build-system]\n", None),
        ("build-system = 1\n", None),
        ("[build-system]\nrequires = [1]\n", None),
        ('[build-system]\nrequires = "a"\n', None),
        ("[", None),
    ],
)
def test_what_a_build_requires_is_read(tmp_path: Path, text: str, needs: tuple[str, ...] | None) -> None:
    (folder,) = projects(tmp_path, one=text)
    assert shared.requires(Path(folder)) == needs


@pytest.mark.parametrize("text", ["[" * 5000, '{"lacking": 7}', "[]"])
def test_an_answer_that_is_none_asks_for_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "answer").write_text(text)
    assert shared._lacking(tmp_path / "answer") == ()
