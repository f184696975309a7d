"""Wheels: inspected without trust, and fitting the image and the tag."""

import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from amlwheel.build import wheel
from amlwheel.errors.build import BadWheel, DuplicatePackage, PythonOutOfRange, WheelDoesNotFit
from amlwheel.model.environment import Python
from amlwheel.model.glibc import Platform
from unit.parts import WHEEL_FILE, make, pack, recorded

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


def _complete(archive: zipfile.ZipFile, metadata: str) -> None:
    files = {"acme-1.0.dist-info/METADATA": metadata, "acme-1.0.dist-info/WHEEL": WHEEL_FILE}
    for name, text in files.items():
        archive.writestr(name, text)
    archive.writestr("acme-1.0.dist-info/RECORD", recorded(files, "acme-1.0.dist-info/RECORD"))


def damage(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _complete(archive, BASE * 20)
    data = bytearray(path.read_bytes())
    data[75:85] = b"\xff" * 10
    path.write_bytes(data)


def encrypt(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        _complete(archive, BASE)
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(mark) + offset, 1)
    path.write_bytes(data)


@pytest.mark.parametrize("spoil", [no_zip, no_metadata, damage, encrypt, Path.unlink])
def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl")
    spoil(path)
    with pytest.raises(BadWheel, match=r"can't be read as a wheel|0 folders of metadata"):
        wheel.inspect(path)


@pytest.mark.parametrize(
    "name", ["acme.whl", "acme-1.0.whl", "acme-one-py3-none-any.whl", "acme-1.0-1$(id)-py3-none-any.whl"]
)
def test_a_name_that_is_no_wheels_is_refused(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl").rename(tmp_path / name)
    with pytest.raises(BadWheel):
        wheel.inspect(path)


@pytest.mark.parametrize(
    ("name", "metadata", "cause", "fix"),
    [
        ("acme.whl", BASE, "it was renamed", "the name that the build tool gave it"),
        ("acme-1.0-1(2)-py3-none-any.whl", BASE, "as browsers do", "the name that the build tool gave it"),
        ("acme-2.0-py3-none-any.whl", BASE, "renamed after it was built", "build the wheel again"),
        ("acme-1.0-py3-none-any.whl", BASE + "Requires-Dist: !!!\n", "invalid metadata", "what the details name"),
        ("acme-1.0-py3-none-any.whl", "Name: acme\nVersion: 1.0\n", "the first field", "a current build backend"),
        (
            "acme-1.0-py3-none-any.whl",
            BASE + "Requires-Dist: acme-common @ file:///src/common\nRequires-Dist: x @ https://x.example/x.whl\n",
            "requires another one by its path",
            'Require acme-common by name (Poetry: acme-common = "*" in [tool.poetry.dependencies]',
        ),
    ],
)
def test_each_reason_has_its_own_cause_and_fix(tmp_path: Path, name: str, metadata: str, cause: str, fix: str) -> None:
    path = pack(tmp_path, "acme-1.0-py3-none-any.whl", metadata)
    with pytest.raises(BadWheel) as caught:
        wheel.inspect(path.rename(tmp_path / name))
    assert cause in caught.value.cause
    assert fix in caught.value.fix


def test_a_pointer_in_the_place_of_a_wheel_is_told(tmp_path: Path) -> None:
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(BadWheel, match="can't be read as a wheel") as caught:
        wheel.inspect(path)
    assert caught.value.fix == "Check the code out with `lfs: true`."
    path.write_bytes(b"cut off")
    with pytest.raises(BadWheel) as caught:
        wheel.inspect(path)
    assert "cut off on its way" in caught.value.cause


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


# --- together, fit


def test_two_wheels_of_one_package_are_refused(tmp_path: Path) -> None:
    one = make(tmp_path, "acme_churn-1.0-py3-none-any.whl")
    two = make(tmp_path, "Acme.Churn-1.1-py3-none-any.whl")
    other = make(tmp_path, "acme-1.1-py3-none-any.whl")
    wheel.check_together([one, other])
    with pytest.raises(DuplicatePackage, match="are both the package acme-churn"):
        wheel.check_together([one, other, two])


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


def test_what_was_compiled_on_a_newer_system_than_the_images_is_refused(tmp_path: Path) -> None:
    files = {"acme/__init__.py": "", "acme/fast.so": "\0GLIBC_2.4\0GLIBC_2.38\0", "acme/notes": "\0GLIBC_2.99\0"}
    built = wheel.inspect(pack(tmp_path, "acme-1.0-cp311-cp311-linux_x86_64.whl", files=files))
    wheel.check_fit(built, Python("3.11.13"))  # of an image whose name tells nothing, nothing is known
    wheel.check_fit(built, Python("3.11.13", Platform(39, "Ubuntu 24.04")))
    with pytest.raises(WheelDoesNotFit, match=r"needs glibc 2\.38; the image is for glibc 2\.35") as caught:
        wheel.check_fit(built, Python("3.11.13", Platform(35, "Ubuntu 22.04")))
    assert caught.value.fix == "Let the job run on Ubuntu 22.04, the image's own system."
