"""A file's bytes, held so that nobody else can change them any more between their check and their use."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors.base import NoRoom
from ..errors.foreign import FileChanged

BLOCK = 2**20  # bytes


@contextlib.contextmanager
def held(path: Path, sha256: str) -> Iterator[IO[bytes]]:
    """Open a private copy of a file that has exactly this sha256 (hex); raise FileChanged if the file has another.

    The copy has no name (O_TMPFILE, or removed at once), and our descriptors are closed to other processes of the user
    (proc(5), PR_SET_DUMPABLE). So what is read from it is what was hashed, also if a request is sent again. It is on
    disk, since a wheel may have a GB. Raises NoRoom.
    """
    with contextlib.ExitStack() as stack:
        try:
            copy = stack.enter_context(tempfile.TemporaryFile(prefix="amlwheel-"))
            found = _copy(path, copy)
        except OSError as error:
            raise _failed(path, error) from None
        if found != sha256:
            raise FileChanged(f"{path.name} has sha256 {found[:12]}…, and had {sha256[:12]}… when it was inspected.")
        copy.seek(0)
        yield copy


def _copy(path: Path, copy: IO[bytes]) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
            copy.write(block)
    copy.flush()
    return digest.hexdigest()


def _failed(path: Path, error: OSError) -> FileChanged | NoRoom:
    why = error.strerror or os.strerror(error.errno or 0)
    if path.is_file():
        return NoRoom(f"{path.name} can't be copied to a temporary file before it is sent: {why}.")
    return FileChanged(f"{path.name} is gone since it was inspected: {why}.")
