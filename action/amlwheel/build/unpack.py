"""Unpack the sdists of others: nothing lands outside of the folder, and nothing fills memory or disk."""

import bz2
import gzip
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from . import archive as archives

_OPENERS: dict[bytes, Callable[..., Any]] = {  # by the first bytes of a file
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}


def unpack(path: Path, name: str, into: Path) -> None:
    """Unpack the sdist at `path` into a folder, by its `name`, as pip and uv do: a tar can have a zip behind its end.

    Raises BadWheel for a bomb in a zip, else what zipfile and tarfile raise, ValueError for what they would take.
    """
    if name.endswith(".zip"):
        _unzip(path, into)
        return
    with path.open("rb") as file:
        start = file.read(6)
    opener = next((each for mark, each in _OPENERS.items() if start.startswith(mark)), open)
    most = min(archives.MOST, max(archives.SMALL, archives.MOST_TIMES * path.stat().st_size))
    bounded: Any = _Bounded(opener(path, "rb"), most)
    with bounded.file, tarfile.open(fileobj=bounded, mode="r|") as archive:
        archive.extractall(into, filter=_member)  # noqa: S202  # the filter decides


def _unzip(path: Path, into: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        archives.refuse_bomb(archive.infolist(), path)
        for item in archive.infolist():
            if archives.UNSAFE.search(item.orig_filename.removesuffix("/")):
                raise ValueError(f"{item.orig_filename!r} isn't a path inside of a folder")
        archive.extractall(into)  # noqa: S202  # the names are checked


def _member(item: tarfile.TarInfo, into: str) -> tarfile.TarInfo | None:
    """Let through what PEP 706 calls data: no device, and no path or link to outside.

    A sparse file has any size without any bytes, and an absolute path is meant for another place.
    """
    if item.issparse() or item.name.startswith("/"):
        raise ValueError(f"{item.name!r} is a sparse file, or an absolute path")
    return tarfile.data_filter(item, into)


class _Bounded:
    """A file that is read up to a bound. It is behind the decompression, so that headers count as well."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        """Begin at the start of `file`; `most` are the bytes that may be read."""
        self.file, self._left, self._most = file, most, most

    def read(self, size: int) -> bytes:
        """Read a block; raise ValueError beyond the bound."""
        block = self.file.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {self._most} bytes, which would fill memory or disk")
        return block
