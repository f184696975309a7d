"""The `requirements` input, and the names that an environment needs."""

from pathlib import Path

import pytest
from amlwheel.environment import requirements
from amlwheel.environment.requirements import Requirements
from amlwheel.errors.inputs import BadInput
from amlwheel.model.environment import Python
from packaging.requirements import Requirement
from unit.parts import CANARY, make

PYTHON = Python("3.11.13")


def test_requirements_are_lines_without_comments(tmp_path: Path) -> None:
    text = "torch>=2.4  # the net\n\n# only a comment\nlightgbm[scikit-learn]==4.5; python_version < '3.13'\n"
    assert [str(each) for each in requirements.read(text, tmp_path)] == [
        "torch>=2.4",
        'lightgbm[scikit-learn]==4.5; python_version < "3.13"',
    ]
    assert requirements.read("", tmp_path) == ()


def test_one_line_may_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("\ufefftorch\nnumpy\n", encoding="utf-8")
    assert [each.name for each in requirements.read(" more.txt ", tmp_path)] == ["torch", "numpy"]
    with pytest.raises(BadInput, match="which doesn't exist"):  # as a package, anybody could own that name
        requirements.read("no-such.txt", tmp_path)


def test_a_long_line_is_no_file(tmp_path: Path) -> None:
    line = f"torch; platform_version == '{'x' * 400}'"
    assert [each.name for each in requirements.read(line, tmp_path)] == ["torch"]


def test_a_file_in_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("torch\n", encoding="utf-16")
    with pytest.raises(BadInput, match="isn't a text file in UTF-8") as caught:
        requirements.read("more.txt", tmp_path)
    assert "`requirements`" in caught.value.fix


@pytest.mark.parametrize(
    "line",
    ["-r other.txt", "--index-url https://x.example/", "./folder", "pkg @ https://x.example/p.whl", "torch=>2", "-e ."],
)
def test_what_would_bring_an_index_of_its_own_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadInput, match=r"1 line\(s\) that aren't plain requirements"):
        requirements.read(f"torch\n{line}", tmp_path)


def test_a_credential_in_a_refused_line_is_not_repeated(tmp_path: Path) -> None:
    lines = f"--extra-index-url https://me:{CANARY}@x.example/\npkg @ https://{CANARY}@x.example/p.whl"
    with pytest.raises(BadInput, match=r"2 line\(s\)") as caught:
        requirements.read(lines, tmp_path)
    assert CANARY not in caught.value.what
    assert "//***@x.example/" in caught.value.what


def test_names_are_our_own_or_required_directly(tmp_path: Path) -> None:
    wheel = make(tmp_path, more="Requires-Dist: numpy>=2\nRequires-Dist: Acme_Base\nRequires-Dist: x; extra == 'y'\n")
    needs = Requirements((wheel,), (Requirement("Scikit.Learn"),), PYTHON)
    assert needs.own == {"acme-churn"}
    assert needs.direct == {"numpy", "acme-base", "scikit-learn"}


def test_what_another_platform_requires_is_not_asked_for() -> None:
    windows = [Requirement("acme-win; sys_platform == 'win32'"), Requirement("acme-fast; extra == 'fast'")]
    assert Requirements((), (*windows, Requirement("acme-nix; os_name == 'posix'")), PYTHON).direct == {"acme-nix"}
