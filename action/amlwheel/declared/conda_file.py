"""A conda environment file: its packages, its pip part, and the Python that it wants."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ..errors.base import StepError
from ..errors.declared import NotTaken
from ..errors.inputs import BadInput
from ..model import bounded_yaml
from ..model.conda import Conda, Package, exact
from ..model.environment import Python
from ..model.origin import split
from .pip_lines import masked

# conda reads no others but `prefix` and `variables` (conda, `env/env.py`).
_KEYS = ("name", "channels", "dependencies", "prefix", "variables")


@dataclass(frozen=True)
class CondaFile:
    """What a conda environment file holds: `pip` is the text of its pip part, `packages` are conda's in order."""

    path: Path
    channels: tuple[str, ...]
    packages: tuple[Package, ...]
    pip: str
    python: str
    pip_version: str


@dataclass(frozen=True)
class Asset:
    """An environment of Azure ML: the path of its conda file, or what that would hold, and its base image."""

    path: str
    held: str
    image: str


@dataclass
class Taken:
    """What an environment takes of a conda file, and what it can't: requirements, packages, notes, problems."""

    requirements: list[Requirement]
    packages: list[Package]
    notes: list[str]
    problems: list[StepError]


def is_conda(text: str) -> bool:
    """Tell by its content whether a file is one of conda's, or an environment of Azure ML that names or holds one."""
    return bool(re.search(r"^(dependencies|conda_file)\s*:", text, re.MULTILINE))


def read(text: str, path: Path) -> CondaFile:
    """Read a conda environment file; raise NotTaken if conda itself couldn't."""
    data = _yaml(text, path)
    items = data.get("dependencies") if isinstance(data, dict) else None
    if not isinstance(items, list):
        raise _broken(path, "has no list of dependencies")
    unknown = [str(each) for each in data if each not in _KEYS]
    if unknown or data.get("variables"):
        raise NotTaken(
            f"{path.as_posix()} has {', '.join(unknown) or 'variables'}, which isn't part of an environment here.",
            cause="The environment holds channels, conda packages and pip's lock.",
            fix="Take it out; variables of a job belong in the job's `environment_variables`.",
        )
    texts = [each for each in items if isinstance(each, str)]
    lists = [each["pip"] for each in items if isinstance(each, dict) and list(each) == ["pip"]]
    pip = [line for each in lists if isinstance(each, list) for line in each]
    if len(texts) + len(lists) != len(items):
        raise _broken(path, "has a dependency that is neither text nor pip's list")
    packages = [Package.parse(each) for each in texts]
    wanted = {each.name: each.range for each in packages if each.name in ("python", "pip")}
    rest = tuple(each for each in packages if each.name not in wanted)
    return CondaFile(
        path, _channels(data, path), rest, "\n".join(map(str, pip)), wanted.get("python", ""), wanted.get("pip", "")
    )


def asset(text: str, path: Path) -> Asset | None:
    """Read an environment of Azure ML's CLI (its environment.schema.json); None when it is conda's own file."""
    data = _yaml(text, path)
    if not isinstance(data, dict) or "conda_file" not in data:
        return None
    inside = data["conda_file"]
    held = yaml.safe_dump(inside) if isinstance(inside, dict) else ""
    return Asset("" if held else str(inside), held, str(data.get("image") or ""))


def _yaml(text: str, path: Path) -> Any:  # noqa: ANN401  # YAML
    try:
        return bounded_yaml.load(text)
    except bounded_yaml.BeyondBounds as error:
        cause = "Few such lines can stand for more values than a machine holds, so the step reads none."
        fix = f"Write out each value of {path.name} where it is used, in less than 4 million characters."
        raise NotTaken(f"{path.as_posix()} {error}.", cause=cause, fix=fix) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _broken(path, f"isn't YAML (line {mark.line + 1})" if mark else "isn't YAML") from None


def take(file: CondaFile, given: Sequence[Package], python: Python) -> Taken:
    """Sort a file's packages: exact ones stay conda's, Python packages of a range are locked from the public index.

    A package that is `given` by the input `conda` takes the place of its range in the file.
    """
    taken = Taken([], [], [], [])
    exactly = {each.name: each for each in given}
    for each in file.packages:
        try:
            _take(each, exactly.get(each.name), taken)
        except StepError as problem:
            taken.problems.append(problem)
    taken.problems += _python(file, python)
    if file.pip_version:
        taken.notes.append(
            f"{file.path.as_posix()}: pip{file.pip_version} isn't taken: the environment has its own pip, which only "
            "installs the lock"
        )
    return taken


def joined(file: CondaFile, packages: list[Package], before: Conda) -> Conda:
    """Return the packages before those of `before`, with the channels that the file names, in its order.

    Python and pip are conda-forge's, so that channel is always there. Without packages no other channel is needed.
    """
    if not packages:
        return before
    named = dict.fromkeys([*file.channels, *before.channels])
    named.pop("nodefaults", None)
    ends = [] if "defaults" in named else ["nodefaults"]
    return Conda(tuple(dict.fromkeys([*packages, *before.packages])), (*named, *ends))


def _take(package: Package, given: Package | None, taken: Taken) -> None:
    if given and package.allows(given):
        taken.packages.append(given)
        return
    if package.exact or package.on_pypi != package.name:
        taken.packages.append(exact(package.text))
        return
    requirement = Requirement(f"{package.name}{package.specifier}")
    taken.requirements.append(requirement)
    taken.notes.append(f"{package.text} of conda is locked by sha256 from the public index, as {requirement}")


def _python(file: CondaFile, python: Python) -> Iterator[StepError]:
    """Yield a problem if the file wants another Python than `python-version`."""
    wanted = Package("", "python", file.python)
    if file.python and not SpecifierSet(_specifier(wanted)).contains(Version(python.exact), prereleases=True):
        number = re.search(r"\d+(\.\d+){1,2}", file.python)
        yield BadInput(
            f"{file.path.as_posix()} has python{file.python}, but `python-version` is {python.exact}.",
            cause="The file and the input name two Pythons, and an environment has one.",
            fix=f"Set `python-version` to {number[0] if number else 'the one in the file'}.",
        )


def _specifier(package: Package) -> str:
    """Return a range in Python's spelling: an exact version with or without its build, else as for any package."""
    whole = re.fullmatch(r"(==?)\s*(\d[\d.]*)(=\w+)?", package.range)
    if whole and (whole[3] or whole[1] == "==") and whole[2].count(".") > 1:
        return f"=={whole[2]}"
    return f"=={whole[2].rstrip('.')}.*" if whole else package.specifier


def _channels(data: dict[str, Any], path: Path) -> tuple[str, ...]:
    given = data.get("channels") or []
    found = [str(each) for each in (given if isinstance(given, list) else [given])]
    for each in found:
        parts = split(each)
        if "@" in parts.netloc or "/t/" in parts.path or not re.fullmatch(r"(https://)?[\w.:/-]+", each):
            raise NotTaken(
                f"{path.as_posix()}: the channel {masked(each).partition('/t/')[0]} can't be in an environment.",
                cause="A channel is a name or an https address, without a credential, which everybody could read.",
                fix="Name a public channel, such as conda-forge.",
            )
    return tuple(found)


def _broken(path: Path, why: str) -> NotTaken:
    return NotTaken(
        f"{path.as_posix()} {why}.",
        cause="conda couldn't read the file, either.",
        fix="Correct the file; conda env create -f FILE --dry-run says what conda reads.",
    )
