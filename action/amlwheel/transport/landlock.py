"""Landlock: a thread gives up rights to files and to other processes, for itself and for all that it starts.

Source: landlock(7). The numbers are those of linux/landlock.h and linux/prctl.h, and the same on every processor.
"""

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

OLDEST = 2  # version (Linux 5.19); the first one forbids to move files between folders, and so breaks builds
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _BENEATH, _NO_NEW_PRIVILEGES = 1, 1, 38
_DROP = 24  # from what root keeps when it starts a program
_OF_ROOT = (21, 38)  # CAP_SYS_ADMIN, CAP_PERFMON: with either, root reads another process whatever Landlock says
_TO_FILE = 1 << 1
_TRUNCATE, _SINCE_TRUNCATE = 1 << 14, 3
_TO_FOLDER = 0x3FF0  # make and remove whatever lies in it, and move files between folders
_SIGNALS, _SINCE_SIGNALS = 1 << 1, 6
_PATH_ONLY = getattr(os, "O_PATH", 0)
T = TypeVar("T")


def _call(number: int, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    result = int(library.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@cache
def version() -> int:
    """Return the kernel's version of Landlock; 0 where there is none, or where it can't be used."""
    if sys.platform != "linux":
        return 0
    try:
        found = _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
        return within((), (), lambda: found) if found >= OLDEST else 0
    except (OSError, AttributeError):
        return 0


def within(writable: Sequence[Path], kept: Sequence[Path], do: Callable[[], T]) -> T:
    """Return what `do` returns. The thread that calls it, and all that it starts, can't change what is `kept`.

    It can write wherever else it could; and in `writable`, whatever lies in there. Folders above what is kept get no
    new entries, since a right holds for all that is below. Without both it writes nothing. It can't look into a process
    that isn't its own, nor send it a signal (since Linux 6.12), nor become another user: no sudo. Raises OSError.
    """

    def restricted() -> T:
        ruleset = _ruleset(writable, kept)
        try:
            for option, value in ((_NO_NEW_PRIVILEGES, 1), *((_DROP, each) for each in _OF_ROOT)):
                ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
            _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
        finally:
            os.close(ruleset)
        return do()

    with ThreadPoolExecutor(max_workers=1) as pool:  # the rights of this thread end with it
        return pool.submit(restricted).result()


def _ruleset(writable: Sequence[Path], kept: Sequence[Path]) -> int:
    known = _kernel()
    file = _TO_FILE | (_TRUNCATE if known >= _SINCE_TRUNCATE else 0)
    attributes = struct.pack("=QQQ", file | _TO_FOLDER, 0, _SIGNALS if known >= _SINCE_SIGNALS else 0)
    attributes = attributes[: 24 if known >= _SINCE_SIGNALS else 8]
    ruleset = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    above = frozenset(folder for each in kept for folder in each.parents)
    for path in (*writable, *(_open_to(Path("/"), above, frozenset(kept)) if kept else ())):
        _allow(ruleset, path, file)
    return ruleset


@cache
def _kernel() -> int:
    return _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))


def _open_to(folder: Path, above: AbstractSet[Path], kept: AbstractSet[Path]) -> Iterator[Path]:
    """Yield the folders and files that hold nothing that is `kept`, as few as there can be.

    No link is followed: what it leads to is found where it is.
    """
    try:
        entries = [folder / each.name for each in os.scandir(folder) if not each.is_symlink()]
    except OSError:  # not ours to read, so nothing of ours is in it
        return
    for entry in entries:
        if entry in kept:
            continue
        if entry in above:
            yield from _open_to(entry, above, kept)
        else:
            yield entry


def _allow(ruleset: int, path: Path, file: int) -> None:
    try:
        opened = os.open(path, _PATH_ONLY | os.O_CLOEXEC)
    except OSError:  # it is gone, or belongs to somebody else
        return
    try:
        folder = stat.S_ISDIR(os.fstat(opened).st_mode)
        rule = struct.pack("=Qi", file | _TO_FOLDER if folder else file, opened)
        _call(_ADD, ctypes.c_int(ruleset), ctypes.c_int(_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(opened)
