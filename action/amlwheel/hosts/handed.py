"""The files through which a step hands values to GitHub's runner, as the step wrote them and nobody else.

The variables that name them are kept from builds and imports, but the files lie beside each other in one folder, and
belong to the same user. The runner reads them when the step has ended, however it ended. An Action around the step
has files of its own in there (actions/runner, FileCommandManager.cs, ActionRunner.cs).
"""

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from ..errors.foreign import HostFilesChanged

VARIABLES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
FOLDER = "_runner_file_commands"


class Handed:
    """The host's files, by what they should hold; None for one that isn't there."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Note what they hold now: the step's own files, and those of the Actions around it."""
        named = {Path(environ[name]) for name in VARIABLES if environ.get(name)}
        beside = {path for each in named if each.parent.name == FOLDER for path in _files(each.parent)}
        self._known = {path: path.read_bytes() if path.is_file() else None for path in named | beside}

    def append(self, path: Path, text: str) -> None:
        """Add a text of our own to one of the files."""
        self.check()
        with path.open("ab") as file:
            file.write(text.encode())
        self._known[path] = (self._known.get(path) or b"") + text.encode()

    def check(self) -> None:
        """Raise HostFilesChanged if somebody else has written to a file; what was there is there again then."""
        changed = sorted(path for path, known in self._known.items() if not _holds(path, known))
        for path in changed:
            _restore(path, self._known[path])
        if changed:
            raise HostFilesChanged(
                f"Code of others wrote to {', '.join(path.name for path in changed)}, from which the host reads what "
                "this step hands to later ones. What it wrote is taken out again."
            )


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


def _holds(path: Path, known: bytes | None) -> bool:
    """Tell whether a file holds what is known and is a plain one: reading a pipe would wait, a link leads elsewhere."""
    try:
        found = os.lstat(path)
    except OSError:
        return known is None
    same = known is not None and stat.S_ISREG(found.st_mode) and found.st_size == len(known)
    return same and path.read_bytes() == known


def _restore(path: Path, known: bytes | None) -> None:
    """Put a new file in its place: what lies there now may be a link to a file of the user's."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
        if known is not None:
            with path.open("xb") as file:
                file.write(known)
