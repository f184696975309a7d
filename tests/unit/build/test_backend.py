"""The requirements of a build: asked of the backend as pip asks, without a secret."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from amlwheel.build import backend
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.build import BuildFailed
from amlwheel.errors.git import CommitIncomplete
from amlwheel.transport import process
from amlwheel.transport.sandbox import Sandbox
from unit.parts import CANARY


class Backend:
    """Takes the place of the child process: ends with a status, and writes an answer if there is one."""

    def __init__(self, answer: str | None, status: int = 0, output: str = "") -> None:
        """Write `answer`, print `output`, end with `status`."""
        self.answer, self.status, self.output = answer, status, output
        self.environments: list[dict[str, str]] = []

    def __call__(
        self,
        command: list[str | Path],
        *,
        env: dict[str, str],
        seconds: float,
        echo: Callable[[str], None],
        sandbox: Sandbox,
    ) -> process.Finished:
        assert (command[0], seconds) == (sys.executable, backend.SECONDS)
        assert len(sandbox.writable) == 2
        self.environments.append(env)
        echo("asking")
        if self.answer is not None:
            Path(command[-1]).write_text(self.answer, encoding="utf-8")
        return process.Finished(self.status, self.output)


def test_the_backends_requirements_are_read_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child, lines = Backend(json.dumps(["hatchling>=1.26", "hatch-vcs"])), list[str]()
    monkeypatch.setattr(process, "run", child)
    monkeypatch.setenv("FAKE_TOKEN", CANARY)
    needs = backend.requirements(tmp_path / "churn", tmp_path / "new/scratch", lines.append)
    assert [str(each) for each in needs] == ["hatchling>=1.26", "hatch-vcs"]
    assert lines == ["asking"]
    (env,) = child.environments
    assert CANARY not in env.values()


@pytest.mark.parametrize(
    ("child", "error", "texts"),
    [
        (Backend(None, 3, "line\nno backend\n"), BuildFailed, ("what its build needs (status 3).", "no backend")),
        (Backend(None, 1, "dns error: https://index.example/simple"), NoNetwork, ("index.example", "dns error")),
        (Backend(None), BuildFailed, ("churn doesn't say what its build needs.", "needs.json")),
        (Backend("[1]"), BuildFailed, ("churn doesn't say what its build needs.", "")),
        (Backend("{"), BuildFailed, ("churn doesn't say what its build needs.", "Expecting")),
        (Backend('["=="]'), BuildFailed, ("churn doesn't say what its build needs.", "==")),
        (Backend('["a", "b @ https://x.example/b.whl"]'), CommitIncomplete, ("build of churn needs b by address", "")),
    ],
)
def test_a_build_without_requirements_that_can_be_locked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: Backend, error: type[StepError], texts: tuple[str, str]
) -> None:
    monkeypatch.setattr(process, "run", child)
    with pytest.raises(error) as caught:
        backend.requirements(tmp_path / "churn", tmp_path, lambda _: None)
    assert texts[0] in caught.value.what
    assert texts[1] in caught.value.details


def test_the_static_requirements_and_the_backends_own_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real question to a real backend, which lies in the project: nothing is installed."""
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "mine"\nbackend-path = ["."]\n'
    )
    (tmp_path / "mine.py").write_text(
        "def get_requires_for_build_wheel(settings=None):\n    print(1)\n    return ['numpy>=2', 'cython']\n"
        "def build_wheel(folder, settings=None, metadata=None):\n    raise SystemExit(1)\n"
    )
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    needs = backend.requirements(tmp_path, tmp_path / "scratch", lambda _: None)
    assert [str(each) for each in needs] == ["cython", "numpy>=2"]
