"""What a checkout must hold before it is built: every submodule, and on a tag exactly what was tagged."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors.build import CheckoutChanged, CheckoutIncomplete
from ..transport import tools
from . import declared, members


def check(folders: Sequence[str], versions: Sequence[str] | None) -> None:
    """Raise CheckoutIncomplete for an empty submodule, and on a tag CheckoutChanged for changed files.

    `versions` are the texts in the pushed tag that may be its version; None without a tag. A change that only writes
    one of them into a file is how many pipelines set the version, and passes.
    """
    for folder in map(Path, folders):
        empty = [each for each in _empty_submodules(folder) if not members.beside_the_package(each)]
        if empty:
            raise CheckoutIncomplete(
                f"The folder of the submodule {empty[0]!r} in {str(folder)!r} is empty.",
                cause="CI hosts check out no submodules unless they are asked to.",
                fix="Run git submodule update --init --recursive before this step, or check out with submodules: "
                "recursive (actions/checkout, or checkout: self of Azure Pipelines).",
                details="\n".join(empty),
            )
        changed = "" if versions is None else tools.changes(folder)
        if changed and not _stamped(folder, versions or ()):
            raise differs(changed)


def differs(changed: str) -> CheckoutChanged:
    """Return the error for files that `git status` lists as `changed`."""
    files = [line.strip().partition(" ")[2].strip() for line in changed.splitlines()]
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""  # noqa: PLR2004  # what a line holds
    shown = ", ".join(files[:3])
    return CheckoutChanged(
        f"The checkout is changed: {shown}{more}. On a tag it must be what was tagged.",
        fix=f"Put the files back before this step (git checkout -- {' '.join(files[:3])}), or stop the earlier step "
        "from changing them.",
        details=changed[:2000],
    )


def dirt(folder: Path) -> str:
    """Return what makes the version that a tool reads from git differ from the tag, as `git status` lists it.

    setuptools-scm 10 and versioneer look at tracked files of the whole repository; dunamai 1.26, of which
    poetry-dynamic-versioning and uv-dynamic-versioning are made, also at untracked ones (`_git.py`, `__init__.py`).
    """
    root = Path(tools.git(folder, "rev-parse", "--show-toplevel") or folder)
    counts_all = re.search(r"dunamai|dynamic-versioning", str(declared.pyproject(folder)))
    return tools.changes(root) or (tools.git(root, "status", "--porcelain") if counts_all else "")


def _stamped(folder: Path, versions: Sequence[str]) -> bool:
    """Tell whether the changes are of lines only, and each new line holds the tag's version."""
    lines = tools.git(folder, "diff", "HEAD", "--unified=0", "--no-ext-diff", "--no-color", "--", ".").splitlines()
    old = [line for line in lines if re.match(r"-(?!-- )", line)]
    new = [line for line in lines if re.match(r"\+(?!\+\+ )", line)]
    return len(old) == len(new) > 0 and all(any(each in line for each in versions) for line in new)


def _empty_submodules(folder: Path) -> Iterator[str]:
    """Yield the empty submodules below `folder`, and those within submodules. In the index they have mode 160000."""
    for line in tools.git(folder, "ls-files", "--stage", "-z", "--", ".").split("\0"):
        mode, _, path = line.partition(" ")[0], *line.partition("\t")[1:]
        place = folder / path
        if mode != "160000":
            continue
        if place.is_dir() and any(place.iterdir()):
            yield from (f"{path}/{each}" for each in _empty_submodules(place))
        else:
            yield path
