"""Which wheel pip takes: the order of tags, then of build tags."""

import itertools

import pytest
from amlwheel.model.environment import Python
from amlwheel.model.glibc import Platform
from amlwheel.model.wheel_tags import best, supported
from packaging.tags import Tag

PYTHON = Python("3.11.13")
NEWEST_FIRST = [
    "demo-1.0-2-cp311-cp311-manylinux_2_28_x86_64.whl",
    "demo-1.0-1-cp311-cp311-manylinux_2_28_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux2014_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux1_x86_64.whl",
    "demo-1.0-cp311-cp311-linux_x86_64.whl",
    "demo-1.0-cp311-abi3-manylinux_2_28_x86_64.whl",
    "demo-1.0-cp39-abi3-manylinux_2_28_x86_64.whl",
    "demo-1.0-py3-none-manylinux_2_17_x86_64.whl",
    "demo-1.0-py311-none-any.whl",
    "demo-1.0-py2.py3-none-any.whl",
]
NEVER = [
    "pkg-1.0-1/../../evil-py3-none-any.whl",  # packaging takes it
    "pkg-1.0-1\\..\\evil-py3-none-any.whl",
    "demo-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_34_x86_64.whl",
    "demo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
    "demo-1.0-cp311-cp311-win_amd64.whl",
    "demo-1.0-cp311-cp311-manylinux_2_28_aarch64.whl",
    "no wheel.whl",
    "demo-1.0.tar.gz",
]


@pytest.mark.parametrize(("better", "worse"), list(itertools.pairwise(NEWEST_FIRST)))
def test_the_better_of_two_wheels_is_taken_in_either_order(better: str, worse: str) -> None:
    assert best([better, worse, *NEVER], PYTHON) == best([worse, better], PYTHON) == better


def test_what_does_not_fit_is_never_taken() -> None:
    assert best(NEVER, PYTHON) == ""
    assert best([], PYTHON) == ""


def test_tags_are_those_of_the_image_whatever_runs_this() -> None:
    tags = supported(Python("3.13.5"))
    assert tags[0] == Tag("cp313", "cp313", "manylinux_2_28_x86_64")
    assert Tag("cp311", "cp311", "manylinux_2_28_x86_64") not in tags
    newer = supported(Python("3.13.5", Platform(35)))
    assert newer[0] == Tag("cp313", "cp313", "manylinux_2_35_x86_64")
    assert set(tags) < set(newer)
