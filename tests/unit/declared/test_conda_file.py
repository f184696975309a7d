"""A conda file: exact packages stay conda's, Python packages of a range come by hash, all else is told at once."""

from pathlib import Path

import pytest
from amlwheel.declared import files
from amlwheel.declared.surroundings import Surroundings
from amlwheel.errors.base import StepError
from amlwheel.errors.declared import NotTaken
from amlwheel.model.conda import Package, exact
from amlwheel.model.declared import Declared
from amlwheel.model.environment import Python
from unit.parts import CANARY, FEED


def read(folder: Path, text: str, *conda: str, name: str = "env.lst") -> Declared:
    (folder / name).write_text(text)
    around = Surroundings(folder, (".",), Python("3.11.13"), FEED)
    return files.read(name, tuple(map(exact, conda)), around)


def spec(*items: str, channels: str = "conda-forge", pip: str = "") -> str:
    lines = "".join(f"  - {each}\n" for each in items)
    listed = f"  - pip:\n{pip}" if pip else ""
    return f"name: x\nchannels: [{channels}]\ndependencies:\n{lines}{listed}"


def test_it_is_known_by_its_content_and_sorted(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("idna\n")
    pip = f"    - librosa==0.10.1\n    - -r more.txt\n    - --extra-index-url {FEED.index_url}\n"
    text = spec("python=3.11", "pip=23.1", "ffmpeg=6.1.1", "numpy=1.26", "scikit-learn", "scipy>=1.7,<2", pip=pip)
    found = read(tmp_path, text)
    assert [str(each) for each in found.requirements] == [
        "numpy==1.26.*",
        "scikit-learn",
        "scipy<2,>=1.7",
        "librosa==0.10.1",
        "idna",
    ]
    assert found.conda.lines == ("ffmpeg=6.1.1",)
    assert found.conda.channels == ("conda-forge", "nodefaults")
    assert found.constraints == ()
    numpy, *_, pips = found.notes
    assert numpy == "numpy=1.26 of conda is locked by sha256 from the public index, as numpy==1.26.*"
    assert "pip=23.1 isn't taken" in pips


def test_a_python_package_that_conda_installs_has_that_version_in_the_lock(tmp_path: Path) -> None:
    found = read(tmp_path, spec("numpy=2.3.1", "pytorch==2.4.0=py3_0", "tk=8.6.12=h1"))
    assert found.conda.lines == ("numpy=2.3.1", "pytorch==2.4.0=py3_0", "tk=8.6.12=h1")
    assert [str(each) for each in found.constraints] == ["numpy==2.3.1", "torch==2.4.0"]


def test_the_files_channels_stay_and_conda_forge_is_always_there(tmp_path: Path) -> None:
    assert read(tmp_path, spec("gdal=3.9.2", channels="nvidia, pytorch")).conda.channels == (
        "nvidia",
        "pytorch",
        "conda-forge",
        "nodefaults",
    )
    assert read(tmp_path, spec("gdal=3.9.2", channels="defaults")).conda.channels == ("defaults", "conda-forge")
    assert read(tmp_path, spec("numpy", channels="defaults")).conda.channels == ("conda-forge", "nodefaults")


def test_the_input_takes_the_place_of_a_range_and_stands_beside_the_file(tmp_path: Path) -> None:
    found = read(tmp_path, spec("ffmpeg=6", "openmpi", "git=2.52.0"), "openmpi=4.1.6", "ffmpeg=6.1.1", "curl=8.0.1")
    assert found.conda.lines == ("ffmpeg=6.1.1", "openmpi=4.1.6", "git=2.52.0", "curl=8.0.1")
    assert files.read("", (exact("curl=8.0.1"),), Surroundings(tmp_path, (), Python("3.11.13"))).conda.lines == (
        "curl=8.0.1",
    )


def test_what_names_no_single_version_is_told_at_once(tmp_path: Path) -> None:
    items = ("libsndfile=1.2", "ffmpeg>=6", "openmpi", "opencv=4.9", "pytorch=1|2", "numpy=1|2")
    with pytest.raises(StepError) as caught:
        read(tmp_path, spec("python=3.10", *items))
    told = {each.what: (each.code, each.fix) for each in caught.value.errors}  # type: ignore[attr-defined]
    assert [code for code, _ in told.values()] == ["AW109"] * 6 + ["AW10"]
    assert "libsndfile=1.2.X" in told["'libsndfile=1.2' names no single version."][1]
    assert "ffmpeg=X.Y.Z" in told["'ffmpeg>=6' names no single version."][1]
    assert "write opencv-python-headless==4.9.* in its place" in told["'opencv=4.9' has no exact version."][1]
    assert "write torch in its place" in told["'pytorch=1|2' has no exact version."][1]
    assert "'numpy=1|2' has a range that Python doesn't spell." in told
    assert told["env.lst has python=3.10, but `python-version` is 3.11.13."][1] == "Set `python-version` to 3.10."


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("", True),
        ("=3.11", True),
        ("=3.11.*", True),
        ("==3.11.13", True),
        ("=3.11.13=h1_0", True),
        (">=3.9", True),
        ("==3.11", True),
        ("=3.11.9", False),
        ("<3.11", False),
    ],
)
def test_the_files_python_is_the_environments(tmp_path: Path, wanted: str, *, fits: bool) -> None:
    if fits:
        assert read(tmp_path, spec(f"python{wanted}")) == Declared()
        return
    with pytest.raises(StepError, match="but `python-version` is"):
        read(tmp_path, spec(f"python{wanted}"))


def test_one_package_in_two_versions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotTaken, match=r"git is named twice: git=2.52.0 and git=2.40.0"):
        read(tmp_path, spec("git=2.52.0"), "git=2.40.0")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dependencies: [", "isn't YAML"),
        ("x: &a [python=3.11]\ndependencies: *a", "has the alias *a, which must be written out"),
        ("dependencies: " + "[" * 10**4, "is nested without an end"),
        ("dependencies: x", "has no list of dependencies"),
        ("dependencies:\n- a: b\n", "neither text nor pip's list"),
        ("dependencies: [\x01]", "isn't YAML"),
        (spec("curl=8.0.1") + "variables: {A: b}\n", "has variables, which isn't part"),
        (spec("curl=8.0.1") + "image: x\n", "has image, which isn't part"),
        (spec("curl=8.0.1", channels=f"https://x.example/t/{CANARY}/c"), "the channel https://x.example can't be"),
        (spec("curl=8.0.1", channels=f"https://{CANARY}@x.example/c"), "the channel https://***@x.example/c can't be"),
        (spec("numpy[version='>1']"), "isn't a conda package"),
        (spec("curl=8.0.1", pip="    - --pre\n"), "env.lst, pip:1: --pre isn't taken"),
    ],
)
def test_a_file_that_conda_or_an_environment_could_not_hold(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(StepError) as caught:
        read(tmp_path, text)
    assert told in caught.value.what
    assert CANARY not in caught.value.what


def test_a_range_allows_the_versions_in_it() -> None:
    allowed = [
        ("ffmpeg=6", "ffmpeg=6.1.1", True),
        ("ffmpeg=6", "ffmpeg=7.0.1", False),
        ("git=2.52.0", "git=2.52.0=h1", True),
        ("git=2.52.0=h1", "git==2.52.0", False),
        ("openssl=1.1.1*", "openssl==1.1.1w", True),
        ("openssl=1.1.1", "openssl==3.0.1", False),
    ]
    for wanted, given, fits in allowed:
        assert Package.parse(wanted).allows(exact(given)) is fits, (wanted, given)


def test_an_environment_of_azure_ml_names_or_holds_its_conda_file(tmp_path: Path) -> None:
    (tmp_path / "conda").mkdir()
    (tmp_path / "conda/env.yml").write_text(spec("curl=8.0.1", pip="    - -r more.txt\n"))
    (tmp_path / "conda/more.txt").write_text("idna\n")
    for text in ("name: x\nconda_file: conda/env.yml\n", "conda_file:\n  dependencies: [curl=8.0.1, {pip: [idna]}]\n"):
        found = read(tmp_path, text)
        assert (found.conda.lines, [str(each) for each in found.requirements]) == (("curl=8.0.1",), ["idna"])
    with pytest.raises(NotTaken, match=r"has the image mcr\.example/a:1, but `base-image` is another one") as caught:
        read(tmp_path, "image: mcr.example/a:1\nconda_file: conda/env.yml\n")
    assert caught.value.fix == "Set `base-image` to mcr.example/a:1"
    with pytest.raises(NotTaken, match=r"names the conda file 'no\.yml', which doesn't exist"):
        read(tmp_path, "conda_file: no.yml\n")


@pytest.mark.parametrize(
    ("name", "fix"),
    [("pyproject.toml", "Take the line out"), ("setup.py", "Take the line out"), ("uv.lock", "Export it")],
)
def test_a_file_of_another_kind_is_no_list(tmp_path: Path, name: str, fix: str) -> None:
    with pytest.raises(NotTaken, match="isn't a list of requirements") as caught:
        read(tmp_path, "", name=name)
    assert caught.value.fix.startswith(fix)
