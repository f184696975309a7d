"""The project to rehearse with: the sample as a git repository, an sdist unpacked, or the user's own folder."""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator

from ..git_host.git import git_environment
from .options import DEFAULT_PROJECT

GENERATED = ("build", "dist", "*.egg-info", "__pycache__", ".venv", ".git")


@contextlib.contextmanager
def ready(project: pathlib.Path, scratch: pathlib.Path) -> Iterator[pathlib.Path]:
    """Give the folder to build: `project` itself, or for the sample or an sdist one below `scratch`.

    ValueError for an sdist that isn't one.
    """
    if project == DEFAULT_PROJECT:
        yield commit(project, scratch / project.name)
    elif project.is_file():
        yield unpack(project, scratch / "sdist")
    else:
        yield project


def commit(project: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """Copy a project to `place` and commit it there, always as the same commit; without git it is only copied."""

    def generated(folder: str, names: list[str]) -> set[str]:
        """Tell `copytree` what to leave out. Below the project's own folder, `build` and `dist` may be packages."""
        patterns = GENERATED if pathlib.Path(folder) == project else set(GENERATED) - {"build", "dist"}
        return shutil.ignore_patterns(*patterns)(folder, names)

    shutil.copytree(project, place, ignore=generated)
    git = shutil.which("git")
    if git is None:
        return place
    settings = [part for name in _SETTINGS for part in ("-c", name)]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Sample project"]):
        subprocess.run([git, *settings, *command], cwd=place, env=git_environment(), check=True)
    return place


_SETTINGS = ("init.defaultBranch=main", "core.autocrlf=false", "commit.gpgsign=false", "core.fileMode=false")


def unpack(sdist: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """Unpack an sdist below `place`, never outside; return the project's folder; ValueError if there isn't one."""
    place.mkdir(parents=True)
    try:
        if sdist.suffix == ".zip":
            with zipfile.ZipFile(sdist) as archive:
                archive.extractall(place)  # noqa: S202  # zipfile drops ".." and roots itself
        else:
            with tarfile.open(sdist) as archive:
                _extract(archive, place)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise ValueError(f"{sdist} can't be unpacked: {error}") from error
    folders = [entry for entry in place.iterdir() if entry.is_dir()]
    if len(folders) != 1:
        raise ValueError(f"{sdist} is no sdist: it has {len(folders)} folders at its top, not one")
    return folders[0]


def _extract(archive: tarfile.TarFile, place: pathlib.Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(place, filter="data")
        return
    version = ".".join(str(part) for part in sys.version_info[:3])
    raise ValueError(f"Python {version} can't unpack safely (PEP 706): use a newer patch release")
