"""A requirement that a line of a requirements file names: by name, by the address of a wheel, or as our own package."""

import os
import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote

from packaging import utils
from packaging.requirements import InvalidRequirement, Requirement

from ..errors.declared import NotTaken
from ..model.declared import filename, wheel_problem, without_fragment
from ..model.origin import split
from .pip_lines import Line, masked
from .surroundings import Surroundings, is_project

_ARCHIVES = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar", ".zip")  # pip, `utils/filetypes.py`
_COMMIT = r"(?:(?P<name>[\w.-]+)\s*(?:\[.*\])?\s*@\s*)?(?P<url>(?:git|hg|svn|bzr)(?:\+\w+)?(?:://|@)\S+)"


@dataclass(frozen=True)
class Own:
    """Our own package, by its folder in `package-dir`, with extras or a dependency group (PEP 735) of its own."""

    folder: str
    extras: frozenset[str] = frozenset()
    group: str = ""


def read(line: Line, text: str, around: Surroundings) -> Requirement | Own:
    """Read what a line requires; raise NotTaken, with the way that there is, for what an image can't get."""
    commit = re.match(_COMMIT, text)
    name = commit["name"] or _egg(commit["url"]) if commit else text.partition("@")[0].partition("[")[0].strip()
    ours = around.names.get(utils.canonicalize_name(name))
    if ours is not None and "@" in text:  # as pip freeze writes it, in whatever state it was installed
        return Own(ours, _extras(text.partition("@")[0].partition("[")[2]))
    if commit:
        return _commit(line, name, commit["url"], around)
    if re.match(r"https?://", text):
        return _address(line, text)
    if _is_path(text):
        return _path(line, text, around)
    requirement = _requirement(line, text)
    if re.search(r"\.(txt|in|ya?ml|toml|cfg)$", text):
        raise NotTaken(
            f"{line.place}: {text!r} is read by pip as the name of a package, which anybody may publish.",
            cause="The option -r in front of a file is missing.",
            fix=f"Write -r {text}",
        )
    return _checked(line, requirement) if requirement.url else requirement


def _requirement(line: Line, text: str) -> Requirement:
    """Read `text` by PEP 508; raise NotTaken."""
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        why = masked(str(error).splitlines()[0])
        raise NotTaken(
            f"{line.place}: {line.shown!r} isn't a requirement: {why}.",
            cause="The line is misspelt; PEP 508 has the grammar.",
            fix="Write one requirement a line, such as torch>=2.4 or scikit-learn[alldeps]==1.5.2.",
        ) from None


def _is_path(text: str) -> bool:
    """Tell whether pip would take `text` for a path (pip, `_looks_like_path`); `.:group` and `file:` are paths too."""
    head = re.split(r"\s|;|\s@\s", text, maxsplit=1)[0].partition("[")[0]
    if " @ " in text or re.match(r"[\w.-]+(\[[^]]*\])?\s*@\s*\w+:", text):
        return " @ file:" in text or "@file:" in text
    return head.startswith((".", "file:")) or "/" in head or "\\" in head or head.endswith(".whl")


def _path(line: Line, text: str, around: Surroundings) -> Requirement | Own:
    """Read a path: our own package, with its extras or a group, or a file or folder that can't travel to the image."""
    local = re.sub(r"^(?:[\w.-]+(?:\[[^]]*\])?\s*@\s*)?(?:file:(?://(?:localhost)?(?=/))?)?", "", text)
    local = unquote(local) if "file:" in text else local
    match = re.fullmatch(
        r"(?P<path>[^\[\];]+?)(?:\[(?P<extras>[\w\s.,-]*)\]|:(?P<group>[\w.-]+))?(?:\s*;.*)?(?:#.*)?", local
    )
    if not match:
        raise NotTaken(f"{line.place}: {line.shown!r} isn't a path that pip knows.")
    path = re.sub(r"(^|/)pyproject\.toml$", r"\1.", match["path"].strip())
    if path.endswith((".whl", *_ARCHIVES)):
        raise _file(line, path)
    folder = around.own(path, line.folder)
    if folder is None:
        raise _frozen(line, text) if " @ file:" in text else _other_folder(line, path, around)
    return Own(folder, _extras(match["extras"] or ""), match["group"] or "")


def _extras(text: str) -> frozenset[str]:
    """Return the normalised names of the extras in a list of them."""
    return frozenset(str(utils.canonicalize_name(each)) for each in re.findall(r"[\w.-]+", text))


def _file(line: Line, path: str) -> NotTaken:
    """Return the error for a file beside the list."""
    name = re.split(r"[/\\]", path)[-1]
    return NotTaken(
        f"{line.place}: {path} is a file beside the list, which doesn't travel to the image.",
        cause="Images get wheels that are stored. `wheel` stores them too, but the step then builds nothing itself.",
        fix=f"Publish {path} to the feed once (twine upload), and write {_pin(name)} in its place.",
    )


def _frozen(line: Line, text: str) -> NotTaken:
    """Return the error for `NAME @ file:///…`, which pip freeze writes of a package that conda installed."""
    name = text.partition(" @ ")[0]
    return NotTaken(
        f"{line.place}: {name} is named by a path of the machine on which the list was made.",
        cause="pip freeze writes such lines for packages that conda or a local file has installed.",
        fix=f"Write {name}==VERSION; pip list --format=freeze makes a whole list of such lines.",
    )


def _other_folder(line: Line, path: str, around: Surroundings) -> NotTaken:
    """Return the error for a folder that isn't ours."""
    shown = ", ".join(around.packages)
    places = (base / path for base in (around.folder, line.folder))
    place = next((each for each in places if os.path.isdir(each)), None)  # noqa: PTH112  # any text
    if place is None:
        return NotTaken(
            f"{line.place}: there is no folder {path!r}.",
            cause="The path is misspelt. It starts from the folder in which the step runs, or from that of the list.",
            fix=f"Correct the path {path} in the list; a package's name alone needs no slash.",
        )
    if not is_project(place):
        return NotTaken(
            f"{line.place}: the folder {path!r} has neither pyproject.toml nor setup.py.",
            cause="The folder holds lists or modules, but no package.",
            fix=f"Name the list in it: -r {path.rstrip('/')}/FILE",
        )
    beside = os.path.relpath(place, around.folder).replace(os.sep, "/")
    return NotTaken(
        f"{line.place}: {path!r} is a folder that isn't in `package-dir` ({shown}).",
        cause="The image gets packages that are built in this run or published; it can't see the folder.",
        fix=f"Add the folder to `package-dir`, one a line: {', '.join([*around.packages, beside])}",
    )


def _address(line: Line, text: str) -> Requirement:
    """Read a bare address, which has its name and version in that of the file."""
    url, _, marker = re.split(r"(?:\s+;|;\s)", f"{text} ; ", maxsplit=1)[0].strip(), "", ""
    marker = text[len(url) :].strip().removeprefix(";").strip()
    problem = wheel_problem(without_fragment(url))
    if problem:
        raise _bad_address(line, url, problem)
    name = utils.parse_wheel_filename(filename(url))[0]
    return _requirement(line, f"{name} @ {url}" + (f" ; {marker}" if marker else ""))


def _checked(line: Line, requirement: Requirement) -> Requirement:
    """Return a requirement by address if an image can take it; raise NotTaken."""
    url = str(requirement.url)
    problem = wheel_problem(without_fragment(url))
    if problem:
        raise _bad_address(line, url, problem)
    if utils.parse_wheel_filename(filename(url))[0] != utils.canonicalize_name(requirement.name):
        raise NotTaken(
            f"{line.place}: the address of {requirement.name} is that of {filename(url)}.",
            cause="Name and address belong to two packages.",
            fix="Correct the name or the address.",
        )
    return requirement


def _bad_address(line: Line, url: str, problem: str) -> NotTaken:
    """Return the error for an address; of one that could hold a credential only the host and the file are shown."""
    parts, name = split(url), filename(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…/{name}" if parts.scheme else "what is required"
    archive = next((each for each in _ARCHIVES if name.endswith(each)), "")
    if archive:
        project, _, version = re.sub(r"-(?=\d[^-]*$)", " ", name.removesuffix(archive)).partition(" ")
        pinned = f"{project}=={version}" if version else "NAME==VERSION"
        return NotTaken(
            f"{line.place}: {shown} is an sdist, which an image would have to build.",
            cause="`from-source` builds the sdists of an index by their names; at an address only wheels are taken.",
            fix=f"Build its wheel once (pip wheel --no-deps), publish it to the feed, and write {pinned} in its place.",
        )
    return NotTaken(
        f"{line.place}: {shown} {problem}.",
        cause="The image builder gets the address as it stands in the environment, and no credential for it.",
        fix=f"Publish that wheel to the feed once, and write {_pin(name)} in place of the address.",
    )


def _egg(url: str) -> str:
    """Return the name of the package in an address of a repository: its `#egg=`, else the repository's own."""
    egg = re.search(r"[#&]egg=([\w.-]+)", url)
    return egg[1] if egg else re.sub(r"(\.git)?([@#].*)?$", "", url.rpartition("/")[2])


def _pin(name: str) -> str:
    """Return the requirement that names the wheel `name` by its version."""
    try:
        project, version = utils.parse_wheel_filename(name)[:2]
    except (utils.InvalidWheelFilename, ValueError):
        return "NAME==VERSION"
    return f"{project}=={version}"


def _commit(line: Line, name: str, url: str, around: Surroundings) -> Requirement:
    """Return a package of a repository by its commit, if it may be built; raise NotTaken."""
    project = utils.canonicalize_name(name)
    pinned = _pinned(url)
    if around.builds(project) and re.fullmatch(r"git\+https://[^@?]+@[0-9a-f]{40}(#\S*)?", url):
        return Requirement(f"{project} @ {pinned}")
    return _refuse_commit(line, project, pinned, around)


def _refuse_commit(line: Line, project: str, pinned: str, around: Surroundings) -> NoReturn:
    raise NotTaken(
        f"{line.place}: {project} comes from a repository, so it has to be built.",
        cause="Images take wheels alone, and a branch or a tag is other code tomorrow: a commit's whole id is needed.",
        fix=f"Require a release of {project} that has a wheel, or release by another `route`, where `from-source` "
        "builds it."
        if around.from_commit
        else f"Write the line as {project} @ {masked(pinned)} and add to `from-source`: {project}",
    )


def _pinned(url: str) -> str:
    """Return the address of a repository by https with its commit, if it names one, else with the word COMMIT."""
    bare, _, fragment = url.partition("#")
    place = re.sub(r"^git(\+ssh)?://git@|^git@", "git+https://", bare)
    path, _, revision = place.rpartition("@") if "@" in place.partition("://")[2].partition("/")[2] else (place, "", "")
    folder = re.search(r"(?:^|&)(subdirectory=[^&]+)", fragment)
    commit = revision if re.fullmatch(r"[0-9a-f]{40}", revision) else "COMMIT"
    return f"{path}@{commit}" + (f"#{folder[1]}" if folder else "")
