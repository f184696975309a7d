"""The projects of a checkout: what is developed side by side, whether a tool's table says so or not."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..transport import tools
from . import pdm, poetry, uv
from .declared import Declared, Target
from .tables import project_name, settings

MOST = 500  # projects whose names are read
_SAMPLES = frozenset("test tests testing fixtures example examples sample samples docs templates".split())


def read(folders: Sequence[Path], target: Target) -> Declared:
    """Return what the projects in `folders` declare, and which other projects are developed beside them."""
    whole = Declared()
    for each in folders:
        folder = each.resolve()
        whole += Declared(members=projects(folder))
        whole += uv.read(folder, target) + poetry.read(folder, target) + pdm.read(folder)
    return whole


def projects(folder: Path) -> dict[str, Path]:
    """Return the folders of the projects in the checkout around `folder` by normalised name; none without git.

    Samples and test data don't count: their names may be those of anything.
    """
    root = tools.git(folder, "rev-parse", "--show-toplevel")
    listed = tools.git(Path(root), "ls-files", "-z", "--", "pyproject.toml", "*/pyproject.toml") if root else ""
    paths = [PurePosixPath(each) for each in sorted(filter(None, listed.split("\0")))]
    found: dict[str, Path] = {}
    for path in [each for each in paths if not _SAMPLES & {*each.parts}][:MOST]:
        found.setdefault(project_name(settings(Path(root, path))), Path(root, path).parent)
    return {name: each for name, each in found.items() if name}


def of_wheels(names: Sequence[str], folder: Path) -> list[Path]:
    """Return the folders of the projects in the checkout around `folder` that have these names."""
    known = {**projects(folder), project_name(settings(folder / "pyproject.toml")): folder}
    return [known[name] for name in names if name in known]
