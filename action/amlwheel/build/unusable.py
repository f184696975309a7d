"""Why a wheel can't be used: the cause and the fix that fit."""

import contextlib
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from packaging import utils
from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from ..errors.build import BadWheel
from ..model.declared import wheel_problem, without_fragment

POINTER = re.compile(
    rb"version https://(git-lfs|hawser)\.github\.com/spec/.*\noid sha256:", re.DOTALL
)  # Git LFS, docs/spec.md
LARGEST_POINTER = 1024  # bytes; likewise


def refuse_addresses(path: Path, requires: Sequence[Requirement]) -> None:
    """Raise BadWheel for requirements by address: pip and uv follow the address whatever else is pinned beside it.

    Found by trying: with hashes, pip 26 and uv 0.13 read `NAME @ file:///…` and don't take a pinned wheel of that name.
    """
    local = [each.name for each in requires if (each.url or "").startswith("file:")]
    if local:
        name, names = local[0], ", ".join(local)
        raise BadWheel(
            f"{path.name} requires {names} by a path of this machine, which no image has.",
            cause="The project requires another one by its path, and the build backend writes the path into the wheel.",
            fix=f'Require {name} by name (Poetry: {name} = "*" in [tool.poetry.dependencies], and the path in '
            f"[tool.poetry.group.dev.dependencies]), and give the folder of {name} a line of its own in `package-dir`.",
        )
    addresses = [each.name for each in requires if each.url and wheel_problem(without_fragment(each.url))]
    if addresses:
        raise BadWheel(
            f"{path.name} requires {', '.join(addresses)} by address, which can't be locked.",
            cause="Only a wheel at an https address, without a credential or a query, is the same for everybody.",
            fix="Publish the packages that are required by address to the feed, and require them by version.",
        )


def unreadable(path: Path, error: Exception) -> BadWheel:
    """Return the error for a file that can't be read as a wheel, by what the reader said."""
    what = f"{path.name} can't be read as a wheel."
    if _is_pointer(path):
        return BadWheel(
            what,
            cause="The file is a pointer of Git LFS: the checkout didn't fetch the file itself.",
            fix="Check the code out with `lfs: true`.",
        )
    if isinstance(error, (utils.InvalidWheelFilename, InvalidVersion)):
        return BadWheel(
            what,
            cause="Its name isn't that of a wheel, NAME-VERSION-PYTHON-ABI-PLATFORM.whl: it was renamed.",
            fix="Give the file the name that the build tool gave it.",
            details=str(error),
        )
    if isinstance(error, (StopIteration, zipfile.BadZipFile)):
        return BadWheel(
            what,
            cause="The file isn't a wheel, or was cut off on its way here.",
            fix="Build the wheel again, and check it with python -m twine check.",
            details=str(error),
        )
    return BadWheel(
        what,
        cause="The tool that wrote the wheel wrote invalid metadata: a name, version or requirement without sense.",
        fix="Correct what the details name in the project's settings, and build the wheel again.",
        details=str(error),
    )


def _is_pointer(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.stat().st_size < LARGEST_POINTER and POINTER.match(path.read_bytes()) is not None
    return False
