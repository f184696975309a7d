"""An sdist is unpacked inside its folder, has to be what it should be, and its wheel carries our mark."""

import base64
import contextlib
import csv
import gzip
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.build import archive, project, sdist
from amlwheel.errors.build import BuildFailed, SdistFailed
from amlwheel.model.commit import Commit
from amlwheel.model.lock import Sdist
from amlwheel.model.wheel import File
from unit.environment.shelf import metadata, tar
from unit.parts import CANARY, WHEEL_FILE, pack, sha

FILE = File("slow-1.0.tar.gz", "https://files.example/slow-1.0.tar.gz", sha("slow"))
SLOW = Sdist("slow", "1.0", FILE)
GOOD = {"slow-1.0/PKG-INFO": metadata("Slow", "1.0.0"), "slow-1.0/setup.py": ""}


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Take the place of the build: it makes a wheel of slow 1.0, and tells which variables it got."""
    seen: dict[str, str] = {}

    def build(
        folders: list[Path], into: Path, _: Callable[[str], None], more: Mapping[str, str], base: Mapping[str, str]
    ) -> list[Path]:
        into.mkdir()
        assert (folders[0] / "setup.py").is_file()
        seen.update({**base, **more})
        return [pack(into, seen.get("PIP_WHEEL", "slow-1.0-py3-none-any.whl"), metadata("slow", "1.0"))]

    monkeypatch.setattr(project, "build", build)
    return seen


def test_the_wheel_knows_its_sdist_and_has_our_mark(
    tmp_path: Path, given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SETUPTOOLS_SCM_PRETEND_VERSION", "9")
    monkeypatch.setenv("AMLWHEEL_FEED_TOKEN", CANARY)
    monkeypatch.setenv("UV_INDEX_FEED_PASSWORD", CANARY)
    built = sdist.build(SLOW, tar(tmp_path / "sdist", GOOD), tmp_path / "into", print)
    assert (built.filename, built.sdist) == ("slow-1.0-0amlwheel-py3-none-any.whl", FILE)
    assert given["SOURCE_DATE_EPOCH"] == project.NO_COMMIT_EPOCH
    assert "SETUPTOOLS_SCM_PRETEND_VERSION" not in given
    assert CANARY not in given.values()


def test_a_zip_is_taken_as_well(tmp_path: Path, given: dict[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "sdist", "w") as archive:
        for name, text in GOOD.items():
            archive.writestr(name, text)
    zipped = replace(SLOW, file=replace(FILE, name="slow-1.0.zip"))
    assert sdist.build(zipped, tmp_path / "sdist", tmp_path / "into", print).project == "slow"
    assert given
    with zipfile.ZipFile(tmp_path / "sdist", "a") as archive:
        archive.writestr("slow-1.0/../outside", "x")
    with pytest.raises(SdistFailed, match=r"slow-1\.0\.zip can't be unpacked"):
        sdist.build(zipped, tmp_path / "sdist", tmp_path / "again", print)
    assert not list(tmp_path.rglob("outside"))


def test_a_tar_is_read_as_one_whatever_lies_behind_its_end(tmp_path: Path, given: dict[str, str]) -> None:
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as target:
        target.writestr("slow-1.0/other.py", "")
    path = tar(tmp_path / "sdist", GOOD)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + other.getvalue()) + other.getvalue())
    with contextlib.suppress(SdistFailed):  # Pythons differ in what they say to that
        sdist.build(SLOW, path, tmp_path / "into", print)
    assert not list(tmp_path.rglob("other.py"))
    del given


def add(item: tarfile.TarInfo, size: int = 0) -> Callable[[tarfile.TarFile], None]:
    item.size = size
    return lambda archive: archive.addfile(item, io.BytesIO(b"\0" * size))


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type = kind
    return item


HUGE = tarfile.TarInfo("slow-1.0/huge")
HUGE.pax_headers = {"comment": "x" * 70_000}


@pytest.mark.parametrize(
    "spoil",
    [
        add(special("slow-1.0/device", tarfile.CHRTYPE)),
        add(special("slow-1.0/pipe", tarfile.FIFOTYPE)),
        add(tarfile.TarInfo("/slow-1.0/absolute")),
        add(tarfile.TarInfo("slow-1.0/bomb"), 70_000),
        add(HUGE),
        add(special("slow-1.0/sparse", tarfile.GNUTYPE_SPARSE)),
    ],
)
@pytest.mark.parametrize("packed", ["gz", "bz2", "xz", ""])
def test_an_sdist_that_fills_the_disk_or_leaves_its_folder_is_refused(
    tmp_path: Path,
    given: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[tarfile.TarFile], None],
    packed: str,
) -> None:
    monkeypatch.setattr(archive, "SMALL", 2**16)
    monkeypatch.setattr(archive, "MOST", 2**16)
    with tarfile.open(tmp_path / "sdist", f"w:{packed}") as target:  # type: ignore[call-overload]
        for name, text in GOOD.items():
            item = tarfile.TarInfo(name)
            item.size = len(text)
            target.addfile(item, io.BytesIO(text.encode()))
        spoil(target)
    with pytest.raises(SdistFailed, match="can't be unpacked"):
        sdist.build(SLOW, tmp_path / "sdist", tmp_path / "into", print)
    assert not given


@pytest.mark.parametrize(
    "files",
    [
        {**GOOD, "../outside": "x"},
        {**GOOD, "slow-1.0/../../../outside": "x"},
        {**GOOD, "other/setup.py": ""},
        {"slow-1.0/README": ""},
        {"setup.py": ""},
        {**GOOD, "slow-1.0/PKG-INFO": metadata("fast", "1.0")},
        {**GOOD, "slow-1.0/PKG-INFO": metadata("slow", "1.1")},
        {**GOOD, "slow-1.0/PKG-INFO": metadata("slow", "new")},
        {**GOOD, "slow-1.0/PKG-INFO": "Name: slow\n"},
        {"slow-1.0/setup.py": ""},
    ],
)
def test_what_is_no_sdist_of_the_package_is_never_built(
    tmp_path: Path, given: dict[str, str], files: dict[str, str]
) -> None:
    with pytest.raises(SdistFailed):
        sdist.build(SLOW, tar(tmp_path / "sdist", files), tmp_path / "into", print)
    assert not given
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/hostname", "../../../outside"])
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, given: dict[str, str], kind: bytes, target: str) -> None:
    with tarfile.open(tmp_path / "sdist", "w:gz") as archive:
        item = tarfile.TarInfo("slow-1.0/link")
        item.type, item.linkname = kind, target
        archive.addfile(item)
    with pytest.raises(SdistFailed, match="can't be unpacked"):
        sdist.build(SLOW, tmp_path / "sdist", tmp_path / "into", print)
    assert not given


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "sdist").write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(SdistFailed, match=r"slow-1\.0\.tar\.gz can't be unpacked"):
        sdist.build(SLOW, tmp_path / "sdist", tmp_path / "into", print)


@pytest.mark.parametrize("fix", ["", "Install gcc in a step before this one."])
def test_a_build_of_others_that_fails_is_not_ours_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fix: str
) -> None:
    def fail(*_: object, **__: object) -> list[Path]:
        raise BuildFailed("x doesn't build", fix=fix, details="gone")

    monkeypatch.setattr(project, "build", fail)
    with pytest.raises(BuildFailed) as caught:
        sdist.build(SLOW, tar(tmp_path / "sdist", GOOD), tmp_path / "into", print)
    assert caught.value.details == "gone"
    assert caught.value.fix.startswith(fix or "Publish a wheel of it that fits to the feed once")


def test_another_package_than_the_sdists_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: object, into: Path, *__: object, **___: object) -> list[Path]:
        into.mkdir()
        return [pack(into, "slow-2.0-py3-none-any.whl")]

    monkeypatch.setattr(project, "build", build)
    with pytest.raises(SdistFailed, match=r"was built into slow 2\.0"):
        sdist.build(SLOW, tar(tmp_path / "sdist", GOOD), tmp_path / "into", print)


def test_a_commit_is_built_with_its_own_date(tmp_path: Path, given: dict[str, str]) -> None:
    commit = Commit.parse("slow", f"git+https://github.com/acme/slow@{'a' * 40}#subdirectory=python")
    tree = tmp_path / "tree"
    (tree / "python").mkdir(parents=True)
    with pytest.raises(SdistFailed, match="holds no Python project"):
        sdist.build_commit(commit, tree, tmp_path / "into", print)
    (tree / "python" / "setup.py").touch()
    built = sdist.build_commit(commit, tree, tmp_path / "into", print)
    assert (built.filename, built.sdist) == ("slow-1.0-0amlwheel-py3-none-any.whl", commit.file)
    assert given["SOURCE_DATE_EPOCH"] == project.source_date(tree)
    with pytest.raises(SdistFailed, match="is the package slow, not fast") as caught:
        sdist.build_commit(replace(commit, name="fast"), tree, tmp_path / "again", print)
    assert caught.value.fix.startswith("Require slow from this repository")


def test_an_old_build_tag_is_replaced_and_record_stays_true(tmp_path: Path) -> None:
    info = "slow-1.0.dist-info"
    members = {
        "slow/__init__.py": "x = 1\n",
        f"{info}/METADATA": metadata("slow", "1.0"),
        f"{info}/WHEEL": WHEEL_FILE + "Build: 7\n",
    }
    rows = [f"{name},{digest(text.encode())},{len(text)}" for name, text in members.items()]
    record = "\r\n".join([*rows, "", f"{info}/RECORD,,", ""])
    path = tmp_path / "slow-1.0-7-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**members, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    marked = sdist._marked(path)
    assert marked.name == "slow-1.0-0amlwheel-py3-none-any.whl"
    assert not path.exists()
    with zipfile.ZipFile(marked) as archive:
        said = archive.read(f"{info}/WHEEL").decode()
        assert [line for line in said.splitlines() if line.startswith("Build")] == ["Build: 0amlwheel"]
        listed = list(csv.reader(io.StringIO(archive.read(f"{info}/RECORD").decode())))
        assert sorted(row[0] for row in listed) == sorted(archive.namelist())
        for name, hashed, size in listed:
            content = archive.read(name)
            assert (hashed, size) == (("", "") if name.endswith("RECORD") else (digest(content), str(len(content))))


def digest(content: bytes) -> str:
    """Return a hash as RECORD has it (PEP 376)."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
