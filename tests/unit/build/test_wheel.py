"""Wheels: built the same twice, inspected without trust, and fitting the image and the tag."""

import base64
import csv
import hashlib
import io
import json
import os
import struct
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from amlwheel.build import project, wheel
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.build import (
    BadWheel,
    BuildFailed,
    DuplicatePackage,
    NoProject,
    PythonOutOfRange,
    TagMismatch,
    WheelDoesNotFit,
)
from amlwheel.model.environment import Python
from amlwheel.transport import process, tools
from unit.parts import WHEEL_FILE, make, pack

# --- inspecting


def test_inspect_reads_what_a_wheel_says(tmp_path: Path) -> None:
    said = (
        "Metadata-Version: 2.4\nName: Acme.Churn\nVersion: 1.2.3rc1\nRequires-Python: >=3.10\n"
        "Requires-Dist: numpy>=2\nRequires-Dist: torch; extra == 'gpu'\n"
    )
    path = pack(tmp_path, "acme_churn-1.2.3rc1-py3-none-any.whl", said)
    found = wheel.inspect(path)
    assert (found.name, found.project, str(found.version)) == ("Acme.Churn", "acme-churn", "1.2.3rc1")
    assert (found.metadata_version, str(found.requires_python)) == ("2.4", ">=3.10")
    assert [each.name for each in found.requires] == ["numpy", "torch"]
    assert {str(tag) for tag in found.tags} == {"py3-none-any"}
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.size == path.stat().st_size


def test_modules_are_the_topmost_that_can_be_imported(tmp_path: Path) -> None:
    members = [
        "acme/churn/__init__.py",  # acme is a namespace
        "acme/churn/deep/__init__.py",
        "single.py",
        "_fast.cpython-311-x86_64-linux-gnu.so",
        "tests/__init__.py",
        "conftest.py",
        "not-a-name/__init__.py",
        "acme_churn-1.2.3.data/scripts/run.py",
        "/etc/__init__.py",
        "data.json",
    ]
    found = wheel.inspect(pack(tmp_path, files=dict.fromkeys(members, "")))
    assert found.modules == ("acme.churn",)
    singles = wheel.inspect(pack(tmp_path, files=dict.fromkeys(["single.py", "conftest.py"], "")))
    assert singles.modules == ("single",)
    assert wheel.inspect(pack(tmp_path, files={"acme/tests/__init__.py": ""})).modules == ()


BASE = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n"


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (BASE.replace("acme", "other"), "is that of other 1.0"),
        (BASE.replace("1.0\n", "2.0\n"), "is that of acme 2.0"),
        (BASE.replace("Name: acme\n", ""), "can't be read as a wheel"),
        (BASE + "Name: other\n", "can't be read as a wheel"),
        (BASE.replace("Version: 1.0", "Version: one"), "can't be read as a wheel"),
        (BASE.replace("Metadata-Version: 2.1\n", ""), "no valid Metadata-Version"),
        (BASE.replace("2.1", "2.1; rm"), "no valid Metadata-Version"),
        (BASE + "Requires-Dist: other @ https://x.example/o.whl\n", "requires other by address"),
        (BASE + "Requires-Dist: !!!\n", "can't be read as a wheel"),
        (BASE + "Requires-Python: three\n", "can't be read as a wheel"),
        ("", "no valid Metadata-Version"),
        (b"\xff\xfe\x00\x01", "no valid Metadata-Version"),
    ],
)
def test_metadata_that_lies_or_makes_no_sense_is_refused(tmp_path: Path, metadata: str | bytes, said: str) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl", metadata)
    with pytest.raises(BadWheel, match=said):
        wheel.inspect(path)


def no_zip(path: Path) -> None:
    path.write_bytes(b"not a zip")


def no_metadata(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme/__init__.py", "")
        archive.writestr("deep/acme-1.0.dist-info/METADATA", BASE)


def damage(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", BASE * 20)
    data = bytearray(path.read_bytes())
    data[75:85] = b"\xff" * 10
    path.write_bytes(data)


def encrypt(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", BASE)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(mark) + offset, 1)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [no_zip, no_metadata, damage, encrypt, Path.unlink])
def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl")
    spoil(path)
    with pytest.raises(BadWheel, match="can't be read as a wheel"):
        wheel.inspect(path)


@pytest.mark.parametrize(
    "name", ["acme.whl", "acme-1.0.whl", "acme-one-py3-none-any.whl", "acme-1.0-1$(id)-py3-none-any.whl"]
)
def test_a_name_that_is_no_wheels_is_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl").rename(tmp_path / name)
    with pytest.raises(BadWheel):
        wheel.inspect(path)


def test_twine_check_is_a_warning(tmp_path: Path) -> None:
    fine = make(tmp_path, more="Description-Content-Type: text/markdown\n\n# Fine\n")
    assert wheel.check_description(fine) == ""
    broken = make(tmp_path, more="Description-Content-Type: text/x-rst\n\nTitle\n=\n\n.. nothing::\n")
    assert "FAILED" in wheel.check_description(broken)


def test_metadata_that_twine_refuses_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    with pytest.raises(BadWheel) as caught:
        wheel.check_description(make(tmp_path, more="Description-Content-Type: text/evil\n"))
    assert "description-content-type" in caught.value.details


# --- finding


OUTPUT = Path("out")


def test_find_takes_patterns_in_order_and_each_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b-1-py3-none-any.whl", "a-1-py3-none-any.whl", "note.txt"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    names = [path.name for path in wheel.find(["b-*", str(tmp_path / "[a]*.whl"), "*"], OUTPUT)]
    assert names[:2] == ["b-1-py3-none-any.whl", "a-1-py3-none-any.whl"]
    assert wheel.find(["*"], OUTPUT) == [Path("a-1-py3-none-any.whl"), Path("b-1-py3-none-any.whl")]
    assert wheel.find(["*", "a*"], OUTPUT) == wheel.find(["*"], OUTPUT)
    (tmp_path / "out/dist").mkdir(parents=True)
    (tmp_path / "out/dist/b-1-py3-none-any.whl").touch()
    assert wheel.find(["**/b-*"], OUTPUT) == [Path("b-1-py3-none-any.whl")]
    assert len(wheel.find(["out/dist/*"], OUTPUT)) == 1
    assert len(wheel.find(["*"], Path())) == 2


def test_a_pattern_that_matches_no_wheel_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.txt").touch()
    with pytest.raises(BadWheel, match=r"matches no \.whl file") as caught:
        wheel.find([str(tmp_path / "*")], OUTPUT)
    assert "`wheel`" in caught.value.fix


# --- the same bytes twice


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist() if not item.is_dir()}


def scrambled(folder: Path, order: int, mode: int, year: int) -> Path:
    """Write one wheel's files in another order, with other modes and dates."""
    members = {
        "acme-1.0.dist-info/METADATA": BASE,
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

    def __call__(
        self, command: list[str | Path], *, env: Mapping[str, str], seconds: float, echo: Callable[[str], None]
    ) -> process.Finished:
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
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    monkeypatch.setenv("FAKE_TOKEN", "x")
    paths = project.build(["src/two", "src/one"], tmp_path, said.append)
    assert [path.name for path in paths] == ["two-1.0-py3-none-any.whl", "one-1.0-py3-none-any.whl"]
    assert sorted(said) == ["one: building", "two: building"]
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
        def __call__(
            self, command: list[str | Path], *, env: Mapping[str, str], seconds: float, echo: Callable[[str], None]
        ) -> process.Finished:
            finished = super().__call__(command, env=env, seconds=seconds, echo=echo)
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


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old/setup.py").touch()
    (tmp_path / "empty").mkdir()
    project.check_projects([str(tmp_path / "old")])
    with pytest.raises(NoProject, match="has neither pyproject"):
        project.check_projects([str(tmp_path / "old"), str(tmp_path / "empty")])
    with pytest.raises(NoProject, match="is not a folder"):
        project.check_projects([str(tmp_path / "nowhere")])


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


def test_a_wheels_file_tells_the_name_to_expect(tmp_path: Path) -> None:
    pack(tmp_path)
    assert project.expected_names(["."], list(tmp_path.glob("*.whl"))) == ["acme_churn"]
    assert project.expected_names([os.sep], ()) == ["package"]


# --- together, tag, fit


def test_two_wheels_of_one_package_are_refused(tmp_path: Path) -> None:
    one = make(tmp_path, "acme_churn-1.0-py3-none-any.whl")
    two = make(tmp_path, "Acme.Churn-1.1-py3-none-any.whl")
    other = make(tmp_path, "acme-1.1-py3-none-any.whl")
    wheel.check_together([one, other])
    with pytest.raises(DuplicatePackage, match="are both the package acme-churn"):
        wheel.check_together([one, other, two])


@pytest.mark.parametrize(
    ("version", "tags"),
    [
        ("1.2.3", ["v1.2.3", "1.2.3", "V1.2.3", "v1.2.3.0"]),
        ("1.2.3", ["acme-churn-v1.2.3", "acme_churn-1.2.3", "Acme.Churn-v1.2.3"]),
        ("1.0rc1", ["v1.0rc1", "v1.0-rc1", "v1.0.RC.1", "1.0.0rc1", "acme-churn-v1.0-rc1", "acme-churn-1.0rc1"]),
        ("1.0.post2", ["v1.0.post2", "v1.0-2", "acme-churn-v1.0-2"]),
        ("1!2.0", ["v1!2.0", "1!2"]),
        ("2026.5", ["2026.05", "v2026.5"]),
    ],
)
def test_a_tag_says_the_version_in_any_spelling(tmp_path: Path, version: str, tags: list[str]) -> None:
    built = make(tmp_path, f"acme_churn-{version}-py3-none-any.whl")
    for tag in tags:
        wheel.check_tag(tag, [built])


def test_with_several_packages_a_tag_names_one_or_means_the_first(tmp_path: Path) -> None:
    wheels = [make(tmp_path, "acme_churn-1.0-py3-none-any.whl"), make(tmp_path, "acme-2.0-py3-none-any.whl")]
    for tag in ("v1.0", "acme-churn-v1.0", "acme-v2.0"):
        wheel.check_tag(tag, wheels)
    for tag in ("v2.0", "acme-v1.0", "acme-churn-v2.0"):
        with pytest.raises(TagMismatch):
            wheel.check_tag(tag, wheels)


@pytest.mark.parametrize("tag", ["v1.2.4", "release", "-v1.2.3", "other-v1.2.3", "acme-churn", "v1.2.3-acme-churn", ""])
def test_a_tag_that_says_something_else_is_refused_with_what_it_must_be(tmp_path: Path, tag: str) -> None:
    with pytest.raises(TagMismatch, match=r"must be v1\.2\.3, 1\.2\.3 or acme-churn-v1\.2\.3"):
        wheel.check_tag(tag, [make(tmp_path)])


@pytest.mark.parametrize(
    "tag",
    [
        "py3-none-any",
        "py2.py3-none-any",
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux2014_x86_64",
        "cp311-cp311-linux_x86_64",
        "cp310-abi3-manylinux_2_17_x86_64",
        "py3-none-manylinux1_x86_64",
    ],
)
def test_a_wheel_for_the_image_fits(tmp_path: Path, tag: str) -> None:
    wheel.check_fit(make(tmp_path, f"acme-1.0-{tag}.whl"), Python("3.11.13"))


@pytest.mark.parametrize(
    "tag",
    [
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux_2_39_x86_64",
        "cp311-cp311-macosx_11_0_arm64",
        "cp311-cp311-win_amd64",
        "cp311-cp311-manylinux_2_28_aarch64",
        "cp312-abi3-manylinux_2_17_x86_64",
    ],
)
def test_a_wheel_for_another_place_does_not_fit(tmp_path: Path, tag: str) -> None:
    with pytest.raises(WheelDoesNotFit, match=f"is for {tag}"):
        wheel.check_fit(make(tmp_path, f"acme-1.0-{tag}.whl"), Python("3.11.13"))


def test_requires_python_is_asked_about_the_exact_version(tmp_path: Path) -> None:
    built = make(tmp_path, more="Requires-Python: >=3.11.5\n")
    wheel.check_fit(built, Python("3.11.13"))
    with pytest.raises(PythonOutOfRange, match=r"needs Python >=3\.11\.5; the environment has 3\.11\.4"):
        wheel.check_fit(built, Python("3.11.4"))
