"""Which of a version's wheels pip takes in the image."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from packaging import tags, utils

from .environment import Python
from .wheel import File

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}  # PEP 600's other names


def _platforms(glibc: int) -> Iterable[str]:
    """Yield the platform tags that an image with glibc 2.`glibc` can load, in pip's order: newest glibc first."""
    for minor in range(glibc, 4, -1):
        yield f"manylinux_2_{minor}_x86_64"
        if minor in _LEGACY:
            yield f"{_LEGACY[minor]}_x86_64"
    yield "linux_x86_64"


def supported(python: Python) -> Sequence[tags.Tag]:
    """Return the tags that `python` in the image installs, the preferred first, as pip gets them from `packaging`."""
    platforms = list(_platforms(python.platform.glibc))
    interpreter = f"cp{''.join(map(str, python.numbers))}"
    return [
        *tags.cpython_tags(python.numbers, platforms=platforms),
        *tags.compatible_tags(python.numbers, interpreter, platforms),
    ]


@cache  # 2 ms, for each package of a lock
def _ranks(python: Python) -> Mapping[tags.Tag, int]:
    return {tag: rank for rank, tag in reversed(list(enumerate(supported(python))))}


def best(wheels: Iterable[str], python: Python) -> str:
    """Return the file name that pip prefers among the `wheels` of one version, empty when none fits.

    The preferred tag of a wheel decides, then the higher build tag (pip, `CandidateEvaluator._sort_key`).
    """
    ranks = _ranks(python)
    fitting = []
    for filename in wheels:
        if not re.fullmatch(r"[\w.+!-]+", filename):  # packaging lets a build tag hold anything, a path as well
            continue
        try:
            _, _, build, found = utils.parse_wheel_filename(filename)
        except (utils.InvalidWheelFilename, ValueError):  # an index may list anything
            continue
        if found & ranks.keys():
            fitting.append((-min(ranks[tag] for tag in found & ranks.keys()), build, filename))
    return max(fitting, default=(0, (), ""))[-1]


def best_file(files: Iterable[File], python: Python) -> File | None:
    """Return the file that pip prefers among the wheels of one version, None when none fits."""
    named = {file.name: file for file in files}
    return named.get(best(named, python))
