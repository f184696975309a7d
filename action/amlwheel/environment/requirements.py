"""What an environment has to hold: our wheels, and the requirements that the user adds."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..errors.inputs import BadInput
from ..model.environment import Python
from ..model.wheel import Wheel


@dataclass(frozen=True)
class Requirements:
    """What the resolver has to satisfy: our `wheels` and `more` requirements, for the image's `python`.

    `constraints` bound versions without requiring a package, as pip's `-c` does.
    """

    wheels: tuple[Wheel, ...]
    more: tuple[Requirement, ...]
    python: Python
    constraints: tuple[Requirement, ...] = ()

    @property
    def own(self) -> set[str]:
        """The normalised names of our wheels."""
        return {wheel.project for wheel in self.wheels}

    @property
    def direct(self) -> set[str]:
        """The normalised names that we or our wheels require for this Python on Linux x86-64, without an extra."""
        target = {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": self.python.exact,
            "python_version": self.python.minor,
            "sys_platform": "linux",
        }
        needs = [*self.more, *(each for wheel in self.wheels for each in wheel.requires)]
        applicable = (each for each in needs if not each.marker or each.marker.evaluate(target))
        return {str(canonicalize_name(each.name)) for each in applicable}


def read(text: str, folder: Path) -> tuple[Requirement, ...]:
    """Read the `requirements` input: lines, or the path (from `folder`) of a file that holds them.

    Raises BadInput with every line that isn't a plain requirement (PEP 508). Options are refused: an index named there
    would bypass the rule that each name has one source.
    """
    parsed: list[Requirement] = []
    wrong: list[str] = []
    for line in _lines(text, folder):
        plain = re.sub(r"(^|\s)#.*$", "", line).strip()
        try:
            parsed += [Requirement(plain)] if plain else []
        except InvalidRequirement:
            wrong.append(re.sub(r"//[^/\s]*@", "//***@", plain))
    _refuse([*wrong, *(each.name for each in parsed if each.url)])
    return tuple(parsed)


def _lines(text: str, folder: Path) -> list[str]:
    """Return the lines of the input; those of the file when its only line is the path of one."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) != 1:
        return lines
    (line,) = lines
    path = folder / line.strip()
    if os.path.isfile(path):  # noqa: PTH113  # takes any text for a path
        return _file_lines(path)
    if re.search(r"[/\\]|\.(txt|in|lock)$", line.strip()) and "@" not in line:
        # As a requirement, a forgotten requirements.txt would be the package of that name on the public index.
        raise BadInput(
            f"`requirements` names the file {str(path)!r}, which doesn't exist.",
            fix="Give the path of `requirements` from the folder in which the step runs.",
        )
    return lines


def _file_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BadInput(
            f"`requirements` {str(path)!r} isn't a text file in UTF-8.",
            fix="Save the file of `requirements` in UTF-8; PowerShell's > writes UTF-16.",
        ) from None


def _refuse(wrong: Sequence[str]) -> None:
    """Raise BadInput that quotes the `wrong` lines, unless there are none."""
    if wrong:
        raise BadInput(
            f"`requirements` has {len(wrong)} line(s) that aren't plain requirements: {'; '.join(wrong[:5])[:300]}.",
            fix="Write one PEP 508 requirement a line, such as torch>=2.4; no options, paths or addresses.",
        )
