"""Projects: built into the same bytes twice, without a secret, and named before the build."""

import base64
import csv
import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from amlwheel.build import project
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.build import BadWheel, BuildFailed
from amlwheel.transport import process, sandbox, tools
from amlwheel.transport.sandbox import Sandbox
from unit.parts import WHEEL_FILE, pack

METADATA = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"

# --- the same bytes twice


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}


def scrambled(folder: Path, order: int, mode: int, year: int) -> Path:
    """Write one wheel's files in another order, with other modes and dates."""
    members = {
        "acme-1.0.dist-info/METADATA": METADATA,
        "acme-1.0.dist-info/WHEEL": WHEEL_FILE,
        "acme/__init__.py": "x = 1\n" * 50,
        "acme/run.sh": "#!/bin/sh\n",
    }
    rows = [(name, record(text), len(text)) for name, text in members.items()]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([*rows, ("acme-1.0.dist-info/RECORD", "", "")])
    path = folder / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, text in sorted([*members.items(), ("acme-1.0.dist-info/RECORD", out.getvalue())])[::order]:
            entry = zipfile.ZipInfo(name, (year, 5, 5, 5, 5, 5))
            entry.external_attr = (0o100700 if name.endswith(".sh") else mode) << 16
            archive.writestr(entry, text)
        archive.writestr(zipfile.ZipInfo("acme/", (year, 1, 1, 0, 0, 0)), "")
    return path


def record(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"


def test_normalise_makes_equal_files_of_equal_contents(tmp_path: Path) -> None:
    results = []
    for number, (order, mode, year) in enumerate([(1, 0o100644, 2020), (-1, 0o100666, 2026)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = scrambled(folder, order, mode, year)
        before = contents(path)
        assert project.normalise(path, "1700000000") == path
        assert contents(path) == before
        assert list(folder.iterdir()) == [path]
        results.append(path.read_bytes())
        assert project.normalise(path, "1700000000").read_bytes() == results[-1]
    assert results[0] == results[1]
    assert project.normalise(path, "1800000000").read_bytes() != results[1]


def test_normalise_keeps_record_true_and_puts_dist_info_last(tmp_path: Path) -> None:
    path = project.normalise(scrambled(tmp_path, -1, 0o100600, 2021), "0")
    found = contents(path)
    for name, digest, _ in csv.reader(io.StringIO(found["acme-1.0.dist-info/RECORD"].decode())):
        assert digest in ("", record(found[name].decode()))
    with zipfile.ZipFile(path) as archive:
        items = archive.infolist()
    assert [".dist-info/" in item.filename for item in items] == [False, False, True, True, True]
    assert {item.date_time for item in items} == {(1980, 1, 1, 0, 0, 0)}
    assert {item.filename: item.external_attr >> 16 for item in items if item.filename.startswith("acme/")} == {
        "acme/__init__.py": 0o100644,
        "acme/run.sh": 0o100755,
    }


# --- building


class Builder:
    """Takes the place of the build tool: writes a wheel and its report, or fails."""

    def __init__(self, status: int = 0, output: str = "") -> None:
        """End with `status`, having printed `output`."""
        self.status, self.output = status, output
        self.runs: list[tuple[list[str], Mapping[str, str]]] = []
        self.rooms: list[Sandbox] = []

    def __call__(
        self,
        command: list[str | Path],
        *,
        env: Mapping[str, str],
        seconds: float,
        echo: Callable[[str], None],
        sandbox: Sandbox,
    ) -> process.Finished:
        self.rooms.append(sandbox)
        assert seconds == project.BUILD_SECONDS
        words = list(map(str, command))
        self.runs.append((words, env))
        echo("building")
        into, folder = Path(words[words.index("--outdir") + 1]), Path(words[-1]).name
        if self.status == 0:
            path = pack(into, f"{folder}-1.0-py3-none-any.whl")
            report = Path(words[words.index("--report") + 1])
            report.write_text(json.dumps({"artifacts": [{"path": str(path)}]}))
        return process.Finished(self.status, self.output)


def test_build_runs_the_tool_for_each_folder_and_keeps_the_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool, said = Builder(), list[str]()
    monkeypatch.setattr(process, "run", tool)
    monkeypatch.setattr(sandbox, "lacking", lambda: ["no Landlock"])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("FAKE_TOKEN", "x")
    paths = project.build(["src/two", "src/one"], tmp_path, said.append)
    assert [path.name for path in paths] == ["two-1.0-py3-none-any.whl", "one-1.0-py3-none-any.whl"]
    assert sorted(said) == ["one: building", "two: building"]
    rooms = [Sandbox((tmp_path / str(n), Path("src", name)), cache=name) for n, name in enumerate(["two", "one"])]
    assert sorted(tool.rooms, key=str) == sorted(rooms, key=str)
    for words, env in tool.runs:
        assert words[0] == sys.executable
        assert {"--wheel", "--installer", "uv"} <= set(words)
        assert env["SOURCE_DATE_EPOCH"] == "1700000000"
        assert "FAKE_TOKEN" not in env
        assert "build_base" in Path(env["DIST_EXTRA_CONFIG"]).read_text()
    with zipfile.ZipFile(paths[0]) as archive:
        assert {item.date_time[0] for item in archive.infolist()} == {2023}


@pytest.mark.parametrize(
    ("output", "kind", "details"),
    [
        ("line\nSyntaxError: no\n\n", BuildFailed, "SyntaxError: no"),
        ("error sending request for url (https://index.example/simple/hatchling/)", NoNetwork, "index.example"),
    ],
)
def test_a_failed_build_shows_the_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str, kind: type[StepError], details: str
) -> None:
    monkeypatch.setattr(process, "run", Builder(1, output))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with pytest.raises(kind) as caught:
        project.build(["project"], tmp_path, print)
    assert details in caught.value.details


def test_a_build_that_leaves_no_one_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Several(Builder):
        def __call__(self, command: list[str | Path], *, env: Mapping[str, str], **more: Any) -> process.Finished:  # noqa: ANN401  # as above
            finished = super().__call__(command, env=env, **more)
            report = tmp_path / "0/report.json"
            report.write_text(json.dumps({"artifacts": json.loads(report.read_text())["artifacts"] * 2}))
            return finished

    monkeypatch.setattr(process, "run", Several())
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with pytest.raises(BadWheel, match="not with one readable wheel"):
        project.build(["project"], tmp_path, print)


def test_elsewhere_compilers_keep_their_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert project._without_paths(tmp_path, tmp_path, {}) == {}


@pytest.mark.parametrize(
    ("git", "given", "expected"),
    [
        (process.Finished(0, "1750000000\n"), {}, "1750000000"),
        (process.Finished(0, "1750000000\n"), {"SOURCE_DATE_EPOCH": "12"}, "12"),
        (process.Finished(0, "1750000000\n"), {"SOURCE_DATE_EPOCH": "yesterday"}, "1750000000"),
        (process.Finished(128, "fatal: not a git repository"), {}, project.NO_COMMIT_EPOCH),
        (process.Finished(0, ""), {}, project.NO_COMMIT_EPOCH),
    ],
)
def test_the_date_is_the_users_or_the_commits_or_a_constant(
    monkeypatch: pytest.MonkeyPatch, git: process.Finished, given: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(process, "run", lambda *_, **__: git)
    assert project.source_date(Path(), given) == expected


def test_without_git_the_date_is_a_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "git", lambda *_: "")
    assert project.source_date(Path(), {}) == project.NO_COMMIT_EPOCH


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('[project]\nname = "Acme.Churn"', "Acme-Churn"),
        ('[tool.poetry]\nname = "acme_poetry"', "acme-poetry"),
        ('[project]\ndynamic = ["name"]', "my-folder"),
        ("not toml [", "my-folder"),
        ("project = 3", "my-folder"),
        (None, "my-folder"),
    ],
)
def test_a_name_can_be_expected_before_the_build(tmp_path: Path, text: str | None, name: str) -> None:
    folder = tmp_path / "my_folder"
    folder.mkdir()
    if text is not None:
        (folder / "pyproject.toml").write_text(text)
    assert project.expected_names([str(folder)], ()) == [name]


def test_of_several_packages_the_declared_names_are_known(tmp_path: Path) -> None:
    for name, text in (("one", '[project]\nname = "Acme_One"'), ("two", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    both = [str(tmp_path / "one"), str(tmp_path / "two")]
    assert project.declared_names(both) == {"acme-one"}
    assert project.declared_names(both[:1]) == frozenset()


def test_a_wheels_file_tells_the_name_to_expect(tmp_path: Path) -> None:
    pack(tmp_path)
    assert project.expected_names(["."], list(tmp_path.glob("*.whl"))) == ["acme_churn"]
    assert project.expected_names([os.sep], ()) == ["package"]
