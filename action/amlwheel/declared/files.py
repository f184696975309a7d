"""The inputs `requirements` and `conda`, with the files that they name, as what they declare."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..errors.base import StepError, together
from ..errors.declared import NotTaken
from ..errors.inputs import BadInput
from ..model.conda import Conda, Package
from ..model.declared import Declared
from . import conda_file, indexes, pip_lines
from .pip_lines import Line
from .reader import Reader
from .surroundings import Surroundings


def read(text: str, conda: Sequence[Package], around: Surroundings) -> Declared:
    """Read the input `requirements` (lines as pip reads them; paths of requirements and conda files) and `conda`.

    Raises every problem of every line together: NotTaken, CondaNotExact, BadInput.
    """
    reader = Reader(around)
    found = Conda(tuple(conda))
    pending: list[Line] = []
    for line in pip_lines.lines(text, None, around.folder):
        path = _path(line, around)
        if path is None:
            pending.append(line)
            continue
        reader.lines(pending)
        pending = []
        found = _file(reader, line, path, found)
    reader.lines(pending)
    reader.finish()
    named, refused = indexes.named(reader.indexes, [*reader.requirements, *reader.constraints], around)
    problems: list[StepError] = [*reader.problems, *refused, *_twice(found)]
    if problems:
        raise together(problems)
    return Declared(
        requirements=tuple(reader.requirements),
        constraints=(*reader.constraints, *_same_version(found)),
        hashed=tuple(reader.hashed),
        commits=tuple(reader.commits),
        indexes=named,
        conda=found,
        extras={folder: frozenset(extras) for folder, extras in reader.extras.items()},
        groups={folder: frozenset(groups) for folder, groups in reader.groups.items()},
        grouped=tuple(reader.grouped),
        notes=tuple(reader.notes),
    )


def _path(line: Line, around: Surroundings) -> Path | None:
    """Return the file that a line of the input is the path of, None when it is none.

    As a requirement, a forgotten requirements.txt would be the package of that name on the public index.
    """
    path = around.folder / line.text
    if os.path.isfile(path) and not line.text.endswith((".whl", ".gz", ".zip")):  # noqa: PTH113  # any text
        return path
    if re.fullmatch(r"[^\s@\[\]<>=;]+\.(txt|in|lock|ya?ml)", line.text) and not line.text.startswith("-"):
        raise BadInput(
            f"`requirements` names the file {line.text!r}, which doesn't exist.",
            fix="Give the path of `requirements` from the folder in which the step runs.",
        )
    return None


def _file(reader: Reader, line: Line, path: Path, conda: Conda) -> Conda:
    """Read a requirements file or a conda file into `reader`; return the conda packages so far."""
    try:
        _refuse_other_kind(line, path)
        text = pip_lines.decode(path.read_bytes(), line.text)
        if not conda_file.is_conda(text):
            reader.file(line, line.text, constraint=False)
            return conda
        text, path = _inside(text, line, path, reader.around)
        shown = Path(os.path.relpath(path, reader.around.folder))
        return _conda(reader, conda_file.read(text, shown), path, conda)
    except StepError as problem:
        reader.problems.append(problem)
        return conda


def _refuse_other_kind(line: Line, path: Path) -> None:
    """Raise NotTaken for a project's own file, which isn't a list of requirements."""
    if path.suffix in (".toml", ".py", ".cfg") or path.name in ("uv.lock", "poetry.lock", "Pipfile", "Pipfile.lock"):
        locked = path.name.endswith(".lock")
        raise NotTaken(
            f"{line.text} isn't a list of requirements.",
            cause="It is the lock of another tool." if locked else "What a project itself needs is locked in any case.",
            fix=(
                "Export it as a requirements file with hashes (uv export, poetry export, pipenv requirements --hash)."
                if locked
                else "Take the line out; name extras and groups of the project as .[EXTRA] and .:GROUP."
            ),
        )


def _inside(text: str, line: Line, path: Path, around: Surroundings) -> tuple[str, Path]:
    """Return text and path of the conda file; that of an environment of Azure ML stands in it or beside it.

    Raises NotTaken where that has another image than `base-image`.
    """
    asset = conda_file.asset(text, Path(line.text))
    if asset is None:
        return text, path
    if asset.image and asset.image != around.image:
        raise NotTaken(
            f"{line.text} has the image {asset.image}, but `base-image` is {around.image or 'another one'}.",
            cause="The file and the input name two images, and an environment has one.",
            fix=f"Set `base-image` to {asset.image}",
        )
    beside = path.parent / asset.path
    if asset.path and not os.path.isfile(beside):  # noqa: PTH113  # any text
        raise NotTaken(
            f"{line.text} names the conda file {asset.path!r}, which doesn't exist.",
            cause="The path starts from the folder of the file in which it stands.",
            fix="Correct `conda_file` there, or commit the file.",
        )
    return (asset.held, path) if asset.held else (pip_lines.decode(beside.read_bytes(), asset.path), beside)


def _conda(reader: Reader, file: conda_file.CondaFile, path: Path, conda: Conda) -> Conda:
    taken = conda_file.take(file, conda.packages, reader.around.python)
    reader.requirements += taken.requirements
    reader.notes += taken.notes
    reader.problems += taken.problems
    reader.lines(pip_lines.lines(file.pip, Path(f"{file.path.as_posix()}, pip"), path.parent))
    return conda_file.joined(file, taken.packages, conda)


def _same_version(conda: Conda) -> tuple[Requirement, ...]:
    """Return constraints by which the lock has the same version of a Python package that conda installs.

    Else pip would put another one in the place of conda's, in silence.
    """
    exact = [each for each in conda.packages if each.on_pypi and re.fullmatch(r"[\d.]+", each.version)]
    return tuple(Requirement(f"{each.on_pypi}=={each.version}") for each in exact)


def _twice(conda: Conda) -> list[NotTaken]:
    """Return a problem for each conda package that is named in two versions."""
    texts: dict[str, str] = {}
    problems = []
    for each in conda.packages:
        other = texts.setdefault(canonicalize_name(each.name), each.text)
        if other != each.text:
            problems.append(
                NotTaken(
                    f"The conda package {each.name} is named twice: {other} and {each.text}.",
                    cause="Two places name it in two versions: conda files, or one of them and `conda`.",
                    fix=f"Leave one of the two out: {other} or {each.text}.",
                )
            )
    return problems
