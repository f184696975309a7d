"""A requirement that a line of a requirements file names: by name, by the address of a wheel, or as our own package."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging import utils
from packaging.requirements import InvalidRequirement, Requirement

from ..errors.declared import NotTaken
from ..model.declared import filename, wheel_problem, without_fragment
from .pip_lines import Line, masked
from .surroundings import Surroundings

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
    if commit:
        raise _from_commit(line, commit["name"] or _egg(commit["url"]), commit["url"])
    if re.match(r"https?://", text):
        return _address(line, text)
    if _is_path(text):
        return _path(line, text, around)
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        why = masked(str(error).splitlines()[0])
        raise NotTaken(
            f"{line.place}: {line.shown!r} isn't a requirement: {why}.",
            cause="The line is misspelt; PEP 508 has the grammar.",
            fix="Write one requirement a line, such as torch>=2.4 or scikit-learn[alldeps]==1.5.2.",
        ) from None
    return _checked(line, requirement) if requirement.url else requirement


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
        raise _other_folder(line, path, around)
    extras = frozenset(str(utils.canonicalize_name(each)) for each in re.findall(r"[\w.-]+", match["extras"] or ""))
    return Own(folder, extras, match["group"] or "")


def _file(line: Line, path: str) -> NotTaken:
    """Return the error for a file beside the list."""
    name = Path(path).name
    try:
        project, version = utils.parse_wheel_filename(name)[:2]
    except (utils.InvalidWheelFilename, ValueError):
        return NotTaken(
            f"{line.place}: {path} is a file beside the list, which doesn't travel to the image.",
            fix=f"Build its wheel and publish that to the feed once; then write NAME==VERSION in place of {path}.",
        )
    return NotTaken(
        f"{line.place}: {path} is a wheel beside the list, which doesn't travel to the image.",
        cause="Images get wheels that are stored: in the feed, or by `wheel`, with which the step builds nothing itself.",
        fix=(
            f"Publish {path} to the feed once (twine upload), and write {project}=={version} in its place. Or build "
            "your project in an earlier step, and name both wheels in `wheel`, one a line."
        ),
    )


def _other_folder(line: Line, path: str, around: Surroundings) -> NotTaken:
    ours = "\n".join(around.packages)
    shown = ", ".join(each or "." for each in around.packages)
    return NotTaken(
        f"{line.place}: {path!r} is a folder that isn't in `package-dir` ({shown}).",
        cause="The image gets packages that are built in this run or published; it can't see the folder.",
        fix=f"Add the folder {path} to `package-dir`, on a line of its own behind {ours!r}; and take the line out.",
    )


def _address(line: Line, text: str) -> Requirement:
    """Read a bare address, which has its name and version in that of the file."""
    url, _, marker = re.split(r"(?:\s+;|;\s)", f"{text} ; ", maxsplit=1)[0].strip(), "", ""
    marker = text[len(url) :].strip().removeprefix(";").strip()
    problem = wheel_problem(without_fragment(url))
    if problem:
        raise _bad_address(line, url, problem)
    name = utils.parse_wheel_filename(filename(url))[0]
    return Requirement(f"{name} @ {url}" + (f" ; {marker}" if marker else ""))


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
    parts, name = urlsplit(url), filename(url)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…/{name}"
    archive = next((each for each in _ARCHIVES if name.endswith(each)), "")
    if archive:
        project, _, version = name.removesuffix(archive).rpartition("-")
        project = project or name.removesuffix(archive)
        pinned = f"{project}=={version}" if version and project else "NAME==VERSION"
        return NotTaken(
            f"{line.place}: {shown} is an sdist, which an image would have to build.",
            cause="Only wheels are taken by address. `from-source` builds sdists that an index has, by their names.",
            fix=(
                f"Name its wheel by address, if there is one; or write {pinned} in its place, and "
                f"{utils.canonicalize_name(project)} in `from-source`, if an index has it."
            ),
        )
    return NotTaken(
        f"{line.place}: {shown} {problem}.",
        cause="The image builder gets the address as it stands in the environment, and no credential for it.",
        fix="Publish that wheel to the feed, and write NAME==VERSION in place of the address.",
    )


def _egg(url: str) -> str:
    """Return the name of the package in an address of a repository: its `#egg=`, else the repository's own."""
    egg = re.search(r"[#&]egg=([\w.-]+)", url)
    return egg[1] if egg else re.sub(r"(\.git)?([@#].*)?$", "", url.rpartition("/")[2])


def _from_commit(line: Line, name: str, url: str) -> NotTaken:
    """Return the error for a package of a repository, which has to be built."""
    project = utils.canonicalize_name(name)
    return NotTaken(
        f"{line.place}: {project} comes from a repository, so it has to be built.",
        cause="Images take wheels alone. A branch or a tag would be other code tomorrow.",
        fix=(
            f"Write {project} in `from-source`, and the whole commit in the line: {project} @ {_pinned(masked(url))}."
        ),
    )


def _pinned(url: str) -> str:
    """Return the address of a repository with its commit, if it has one, else with the word COMMIT."""
    bare = url.partition("#")[0]
    scheme, _, rest = bare.partition("://")
    path, at, revision = rest.rpartition("@") if "@" in rest.partition("/")[2] else (rest, "", "")
    commit = revision if re.fullmatch(r"[0-9a-f]{40}", revision) else "COMMIT"
    del at
    return f"{scheme}://{path}@{commit}"
