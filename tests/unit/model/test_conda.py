"""Conda packages as users spell them."""

import pytest
from amlwheel.errors.declared import CondaNotExact
from amlwheel.model.conda import Conda, Package, exact


@pytest.mark.parametrize(
    ("text", "name", "version", "build"),
    [
        ("ffmpeg=6.1.1", "ffmpeg", "6.1.1", ""),
        ("cuda-version==12.4", "cuda-version", "12.4", ""),
        ("tk=8.6=h1ccaba5_0", "tk", "8.6", "h1ccaba5_0"),
        ("conda-forge::GDAL = 3.9.2", "gdal", "3.9.2", ""),
        ("_libgcc_mutex=0.1=main", "_libgcc_mutex", "0.1", "main"),
        ("ca-certificates=2023.08.22=h06", "ca-certificates", "2023.08.22", "h06"),
        ("bzip2=1.0.8=h7b6447c_0", "bzip2", "1.0.8", "h7b6447c_0"),
        ("ld_impl_linux-64=2.38=h1181459_1", "ld_impl_linux-64", "2.38", "h1181459_1"),
        ("openssl==1.1.1w", "openssl", "1.1.1w", ""),
        ("libsndfile 1.2.2", "libsndfile", "1.2.2", ""),
        ("tk 8.6", "tk", "8.6", ""),
        ("tk 8.6 h1ccaba5_0", "tk", "8.6", "h1ccaba5_0"),
    ],
)
def test_exact_packages(text: str, name: str, version: str, build: str) -> None:
    found = exact(text)
    assert (found.text, found.name, found.version, found.build) == (text, name, version, build)
    assert Conda((found,)).lines == (text,)
    assert Conda((found,)).names == {name}


@pytest.mark.parametrize("text", ["ffmpeg", "ffmpeg=6", "ffmpeg=6.1", "ffmpeg>=6.1.1", "ffmpeg=6.1.*", "ffmpeg=6.X.X"])
def test_what_conda_would_choose_from_is_refused(text: str) -> None:
    with pytest.raises(CondaNotExact, match="names no single version") as caught:
        exact(text)
    assert "ffmpeg=" in caught.value.fix


def test_python_and_pip_have_their_place_elsewhere() -> None:
    with pytest.raises(CondaNotExact, match="`python-version` says which Python"):
        exact("python=3.11.9")
    with pytest.raises(CondaNotExact, match="brings its own pip"):
        exact("pip=26.2.1")
    with pytest.raises(CondaNotExact, match="isn't a conda package"):
        exact("$(x)")


def test_a_pattern_of_builds_is_no_build() -> None:
    with pytest.raises(CondaNotExact, match="names no single build") as caught:
        exact("openmpi=4.1.6=*_external")
    assert "conda search 'openmpi=4.1.6=*_external'" in caught.value.fix
    assert "openmpi=VERSION=BUILD" in caught.value.fix


@pytest.mark.parametrize(
    ("ranged", "chosen", "allowed"),
    [
        ("openmpi=4.1.6=*_external", "openmpi=4.1.6=external", False),
        ("openmpi=4.1.6=*_external", "openmpi=4.1.6=h1_external", True),
        ("openmpi=4.1.6=*_external", "openmpi=4.1.6", False),
        ("cudatoolkit=11.8|12.1", "cudatoolkit=11.8.0", True),
        ("cudatoolkit=11.8|12.1", "cudatoolkit=12.1.1", True),
        ("cudatoolkit=11.8|12.1", "cudatoolkit=11.7.0", False),
        ("x264>=1,<2|>3", "x264=4.0.0", True),
        ("ffmpeg", "ffmpeg=6.1.1=h1", True),
    ],
)
def test_the_input_chooses_within_the_files_range(ranged: str, chosen: str, *, allowed: bool) -> None:
    assert Package.parse(ranged).allows(exact(chosen)) is allowed
