"""Every program in scripts/ runs, as its users start it: by its path, in a shell of their own."""

import pathlib
import re
import subprocess
from collections.abc import Mapping, Sequence

import pytest
from rehearsed.steps import ROOT, Step

SCRIPTS = ROOT / "scripts"
# For each program: arguments of a run, and a pattern of what it then prints.
OFFLINE: Mapping[str, tuple[Sequence[str], str]] = {
    "audit": (["--help"], "known vulnerabilities"),  # `test_audit` has it run
    "check-github": ([], "No findings to report"),
    "check-pipelines": ([], ""),
    "manifests": (["--check"], ""),
    "shots": (["--help"], "needs Chromium on PATH"),
    "snippets": (["--check"], ""),
    "sbom": (["--output", "made"], r"made/amlwheel-[\d.]+\.cdx\.json"),
    "test": (["--help"], "parts: format lint types"),
}
ONLINE: Mapping[str, tuple[Sequence[str], str]] = {
    "bench": (
        ["--rounds", "1", "--latency", "0", "--only", "verify-none", "backend", "floor"],
        r"(?s)the step, verify: none +\d.* MB.*the build backend alone +\d.*the floor: .*\d s",
    ),
    "locks": (["--check"], ""),
    "package-task": (["--output", "packed"], r"[0-9a-f]{64}  amlwheel\.amlwheel-[\d.]+\.vsix "),
    "release": (["9.9.9", "--help"], "two commits that are ready to be pushed"),
    "rehearse": (["--dry-run"], "The step ended with status 0"),
    "sets": (["08ea7b19"], r"\| 08ea7b19 \| 3\.11 \| locked \| .*\n\n1 locked"),
}
LONG = {"locks": pytest.mark.long}


class Program:
    """A program, run in an empty folder, with the variables that the step gets around a rehearsal."""

    def __init__(self, folder: pathlib.Path, caches: Mapping[str, str]) -> None:
        """Take the folder, which is HOME, too, and where caches are."""
        self.folder, self.env = folder, {**Step.inherited(), **caches, "HOME": str(folder)}

    def __call__(self, name: str, *arguments: str) -> str:
        """Run it; return what it printed, once it has ended with status 0."""
        command = [str(SCRIPTS / name), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)


@pytest.fixture
def program(tmp_path: pathlib.Path, caches: dict[str, str]) -> Program:
    return Program(tmp_path, caches)


@pytest.mark.parametrize("name", OFFLINE)
def test_a_program_runs(name: str, program: Program) -> None:
    arguments, said = OFFLINE[name]
    assert re.search(said, program(name, *arguments))


@pytest.mark.network
@pytest.mark.parametrize("name", [pytest.param(name, marks=LONG.get(name, ())) for name in ONLINE])
def test_a_program_that_needs_the_public_index_runs(name: str, program: Program) -> None:
    arguments, said = ONLINE[name]
    assert re.search(said, program(name, *arguments))


def test_every_program_is_run_above() -> None:
    assert {path.name for path in SCRIPTS.iterdir() if path.is_file()} == {*OFFLINE, *ONLINE}
