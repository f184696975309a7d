"""Which lock of the team's own is used, and how it is read for this run."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.pylock import is_valid_pylock_path
from packaging.utils import canonicalize_name

from ..build import project, wheel
from ..declared import team_lock
from ..declared.surroundings import Surroundings, plain
from ..declared.team_lock import OTHERS
from ..declared.uv_lock import Asked
from ..errors.inputs import BadInput
from ..inputs.step import Inputs
from ..model.declared import Declared
from ..model.team_lock import TeamLock
from ..origins import uv
from ..origins.declared import PUBLIC
from ..transport import tools


def find(inputs: Inputs) -> Path | None:
    """Return the lock that `lock` names or, by default, that of the leading package or of its workspace.

    None without any. A wheel that was built earlier may be of another commit, so nothing is taken for it by default.
    Raises BadInput for a file that isn't there, and where several could be meant.
    """
    if inputs.lock == "auto":
        return None if inputs.wheel else _only(_beside(inputs))
    if inputs.lock == "resolve":
        return None
    path = inputs.folder("lock") / inputs.lock
    if not path.is_file():
        wrong = "is a folder" if path.is_dir() else "doesn't exist"
        raise BadInput(
            f"`lock` names the file {inputs.lock!r}, which {wrong}.",
            cause="The path is misspelt, or the file isn't committed.",
            fix="Give the path of `lock` from the folder in which the step runs; or set it to auto or resolve.",
        )
    if path.name == "uv.lock" and _root(path.parent) != path.parent.resolve():
        raise BadInput(
            f"`lock` names {inputs.lock}, but its folder belongs to a workspace, which has one lock.",
            cause="uv reads the lock in the root of a workspace and no other.",
            fix=f"Set `lock` to {_here(_root(path.parent) / path.name)}, and remove {inputs.lock}.",
        )
    return path


def read(path: Path, inputs: Inputs, asked: Declared, around: Surroundings, defaults: Sequence[str]) -> TeamLock:
    """Read the lock at `path` for our packages, with the extras and groups that are `asked` for.

    `defaults` are the addresses of the public index and of its mirrors: to the lock they are all the same.
    """
    nothing = frozenset[str]()
    ours = [
        Asked(name, asked.extras.get(folder, nothing), asked.groups.get(folder, nothing))
        for name, folder in _ours(inputs).items()
    ]
    found = team_lock.read(path, _label(path), around, ours, whole=bool(asked.requirements))
    public = {*map(plain, defaults)}
    packages = {
        name: replace(each, place=PUBLIC)
        if each.kind == "index" and each.place and plain(each.place) in public
        else each
        for name, each in found.packages.items()
    }
    return replace(found, packages=packages)


def warnings(inputs: Inputs, used: Path | None) -> Iterator[str]:
    """Yield what a team may take for its lock, although it isn't used, and that the used one isn't committed."""
    if used and tools.git(used.parent, "ls-files", "--others", "--", used.name):
        yield f"{_label(used)} isn't committed, so another checkout of the commit has another lock, or none."
    if inputs.lock != "auto":
        return
    beside = _beside(inputs)
    if beside and not used:
        path = _label(beside[0])
        yield f"{path} isn't used, since the wheels were built earlier. Is it theirs? Then name it in `lock`."
    for folder in _folders(inputs) if not beside else ():
        for name in sorted(OTHERS.keys() & {each.name for each in folder.iterdir()}):
            path = _label(folder / name)
            yield f"{path} isn't used. Run `{OTHERS[name]}`, and set `lock` to requirements.lock, to use its versions."
    for each in inputs.package_dir[1:]:
        other = Path(each) / "uv.lock"
        if other.is_file() and used and other.resolve() != used.resolve():
            yield f"{_label(other)} isn't used, since {_label(used)} is that of the leading package."


def _ours(inputs: Inputs) -> dict[str, str]:
    """Return the folders of our packages by normalised name, as far as it is known before a build."""
    named = map(canonicalize_name, project.expected_names(inputs.package_dir, ()))
    folders: dict[str, str] = dict(zip(named, inputs.package_dir, strict=True))
    if not inputs.wheel:
        return folders
    wheels = project.expected_names((), wheel.find(inputs.wheel, Path(inputs.output_dir)))
    lone = inputs.package_dir[0] if len(wheels) == 1 else ""
    return {name: folders.get(name, lone) for name in map(canonicalize_name, wheels)}


def _only(found: list[Path]) -> Path | None:
    if len(found) > 1:
        raise BadInput(
            f"`lock` could be {' or '.join(map(_here, found))}.",
            cause="The project has several locks, and none of them is pylock.toml.",
            fix=f"Set `lock` to one of them, such as {_here(found[0])}; or to resolve.",
        )
    return found[0] if found else None


def _beside(inputs: Inputs) -> list[Path]:
    return next(filter(None, map(_in, _folders(inputs))), [])


def _folders(inputs: Inputs) -> list[Path]:
    """Return the folder of the leading package, and the root of its workspace within the checkout."""
    lead = Path(inputs.package_dir[0])
    root, checkout = _root(lead), tools.git(lead, "rev-parse", "--show-toplevel")
    within = checkout and root != lead.resolve() and root.is_relative_to(Path(checkout).resolve())
    return [lead, Path(os.path.relpath(root))] if within else [lead]


def _root(folder: Path) -> Path:
    """Return the root of the workspace to which `folder` belongs; itself, if it belongs to none."""
    return uv.workspace(folder.resolve()) or folder.resolve()


def _in(folder: Path) -> list[Path]:
    """Return the lock in `folder`, or those that could be it.

    A uv.lock in a member of a workspace is a leftover that uv doesn't read.
    """
    if (folder / "uv.lock").is_file() and _root(folder) == folder.resolve():
        return [folder / "uv.lock"]
    if (folder / "pylock.toml").is_file():
        return [folder / "pylock.toml"]
    return sorted(each for each in folder.glob("pylock.*.toml") if is_valid_pylock_path(each))


def _here(path: Path) -> str:
    """Return a path from the folder in which the step runs, as inputs take it."""
    return os.path.relpath(path).replace(os.sep, "/")


def _label(path: Path) -> str:
    """Return the path of a lock for people and for the receipt: if it isn't below this folder, from the checkout's."""
    shown, checkout = _here(path), tools.git(path.parent, "rev-parse", "--show-toplevel")
    if shown.startswith("..") and checkout:
        return path.resolve().relative_to(Path(checkout).resolve()).as_posix()
    return shown
