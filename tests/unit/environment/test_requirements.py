"""The names that an environment needs, and the addresses among them."""

from pathlib import Path

from amlwheel.environment.requirements import Requirements
from amlwheel.model.environment import Python
from packaging.requirements import Requirement
from unit.parts import make

PYTHON = Python("3.11.13")
URL = "https://x.example/tips-1.0-py3-none-any.whl"


def test_names_are_our_own_or_required_directly(tmp_path: Path) -> None:
    wheel = make(tmp_path, more="Requires-Dist: numpy>=2\nRequires-Dist: Acme_Base\nRequires-Dist: x; extra == 'y'\n")
    needs = Requirements((wheel,), (Requirement("Scikit.Learn"),), PYTHON)
    assert needs.own == {"acme-churn"}
    assert needs.direct == {"numpy", "acme-base", "scikit-learn"}


def test_an_extra_that_is_asked_for_counts(tmp_path: Path) -> None:
    wheel = make(tmp_path, more="Provides-Extra: y\nRequires-Dist: x; extra == 'y'\n")
    assert Requirements((wheel,), (Requirement("acme_churn[y]"),), PYTHON).direct == {"acme-churn", "x"}


def test_what_another_platform_requires_is_not_asked_for() -> None:
    windows = [Requirement("acme-win; sys_platform == 'win32'"), Requirement("acme-fast; extra == 'fast'")]
    assert Requirements((), (*windows, Requirement("acme-nix; os_name == 'posix'")), PYTHON).direct == {"acme-nix"}


def test_an_address_is_spelled_as_our_metadata_have_it(tmp_path: Path) -> None:
    wheel = make(tmp_path, more=f"Requires-Dist: Tips @ {URL}#sha256=00\n")
    needs = Requirements((wheel,), (Requirement(f"tips @ {URL}"), Requirement(f"o @ {URL} ; extra == 'x'")), PYTHON)
    assert needs.addresses == {"tips": f"{URL}#sha256=00"}
    assert wheel.requires_by_address("tips")
    assert not wheel.requires_by_address("numpy")
