"""What the environment has to hold, from the inputs and the team's own files, as values for the services."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ..build import checkout, project, tag
from ..declared import files
from ..declared.surroundings import Surroundings
from ..environment.requirements import Requirements
from ..errors.declared import NotTaken
from ..inputs.step import Inputs
from ..model.commit import Commit
from ..model.declared import Declared
from ..model.environment import Python
from ..model.wheel import Wheel
from . import team_lock

_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")


def declared(inputs: Inputs, environ: Mapping[str, str], pushed: str = "") -> Declared:
    """Read `requirements`, `conda`, `lock` and the files that they name, or the lock that the project has.

    `pushed` is the tag that is released, if one is. Raises what `files.read`, `team_lock.find` and `team_lock.read`
    raise; for a checkout that was changed what `checkout.check` raises, since that may be why a lock is no good.
    """
    path = team_lock.find(inputs)
    if path and not inputs.wheel and not inputs.from_commit:
        checkout.check(inputs.package_dir, tag.versions(pushed) if pushed else None)
    around = _around(inputs, environ, plain=not path)
    asked = files.read(_located(inputs.requirements, inputs.folder("requirements")), inputs.conda, around)
    return replace(
        asked,
        lock=team_lock.read(path, inputs, asked, around, _defaults(environ)) if path else None,
        warnings=tuple(team_lock.warnings(inputs, path)),
    )


def _around(inputs: Inputs, environ: Mapping[str, str], *, plain: bool) -> Surroundings:
    """Return what lies around the files; the indexes of this machine only where a file may name one."""
    if plain and not inputs.requirements:
        return Surroundings(Path(), inputs.package_dir, inputs.python_version)
    named = (each.url for each in inputs.named_indexes)
    indexes = (*_defaults(environ), *named)
    names = map(canonicalize_name, project.expected_names(inputs.package_dir, ()))
    return Surroundings(
        Path(),
        inputs.package_dir,
        inputs.python_version,
        inputs.feed,
        indexes,
        inputs.from_source,
        image=inputs.base_image.tagged,
        feed_only=inputs.feed_only,
        from_commit=inputs.from_commit,
        names=dict(zip(names, inputs.package_dir, strict=True)),
    )


def _defaults(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the addresses of the public index, and of the mirror of it that this machine uses."""
    return (_public_index(), *filter(None, map(environ.get, _INDEXES)))


def _located(text: str, folder: Path) -> str:
    """Return `requirements` with the files that it names where they are: paths count from `folder`."""

    def located(match: re.Match[str]) -> str:
        path = folder / match[2]
        return f"{match[1] or ''}{path.as_posix()}" if path.is_file() else match[0]

    return re.sub(r"(?m)^(-[rc][ =]?|--(?:requirement|constraint)[ =])?([^\s#]+)$", located, text)


def _public_index() -> str:
    """Return the address of the public index, which twine knows: nothing here names a registry's host."""
    from twine.utils import DEFAULT_REPOSITORY  # noqa: PLC0415  # a fifth of a second, for runs that need it

    return f"https://{urlsplit(DEFAULT_REPOSITORY).netloc.removeprefix('upload.')}/simple/"


def requirements(asked: Declared, wheels: Sequence[Wheel], folders: Sequence[str], python: Python) -> Requirements:
    """Return what has to be locked: `wheels` (built from `folders`, or earlier), and what is `asked` beside them.

    Raises NotTaken for another version of our own package, and for an extra that it doesn't have.
    """
    extras = tuple(_extras(_wheel(folder, wheels, folders), names) for folder, names in asked.extras.items() if names)
    needs = Requirements(tuple(wheels), (*asked.requirements, *extras), python, asked.constraints, team=asked.lock)
    for each in (*needs.more, *needs.constraints):
        _refuse_other_version(each, wheels)
        _refuse_unknown_extras(each, wheels)
    return needs


def commits(asked: Declared, tables: Mapping[str, Commit], needs: Requirements) -> list[Commit]:
    """Return the packages that are to be built from commits: those `asked` for, and what projects' `tables` name.

    A table counts for what is required directly, as for the tools that read it.
    """
    found = {name: each for name, each in tables.items() if name in needs.direct - needs.own}
    return [*{**found, **{each.name: Commit.parse(each.name, str(each.url)) for each in asked.commits}}.values()]


def _wheel(folder: str, wheels: Sequence[Wheel], folders: Sequence[str]) -> Wheel:
    """Return the wheel of the project in `folder`: by its place, or of wheels that were built earlier by its name."""
    if len(wheels) == len(folders):
        return wheels[list(folders).index(folder)]
    (name,) = project.expected_names([folder], ())
    return next((each for each in wheels if each.project == canonicalize_name(name)), wheels[0])


def _extras(wheel: Wheel, names: frozenset[str]) -> Requirement:
    return Requirement(f"{wheel.project}[{','.join(sorted(names))}]")


def _refuse_other_version(requirement: Requirement, wheels: Sequence[Wheel]) -> None:
    """Raise NotTaken for a list that names one of our packages in another version than the one that is released."""
    for wheel in wheels:
        named = wheel.project == canonicalize_name(requirement.name)
        if named and not requirement.specifier.contains(wheel.version, prereleases=True):
            raise NotTaken(
                f"`requirements` asks for {requirement}, but this run releases {wheel.project} {wheel.version}.",
                cause="The list has the version of an earlier release.",
                fix=f"Take {wheel.project} out of the list: the version that is released is in the environment anyway.",
            )


def _refuse_unknown_extras(requirement: Requirement, wheels: Sequence[Wheel]) -> None:
    """Raise NotTaken for an extra that one of our `wheels` doesn't have: the resolver would say nothing."""
    wheel = next((each for each in wheels if each.project == canonicalize_name(requirement.name)), None)
    asked = {str(canonicalize_name(each)) for each in requirement.extras}
    missing = sorted(asked - wheel.extras) if wheel else []
    if wheel and missing:
        raise NotTaken(
            f"`requirements` asks for {wheel.project}[{','.join(missing)}], but {wheel.filename} has no such extra.",
            cause="The extra is misspelt, or the name is that of a dependency group, which is asked for as .:NAME.",
            fix=f"Name one of its extras: {', '.join(sorted(wheel.extras)) or 'it has none'}.",
        )
