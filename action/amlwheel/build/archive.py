"""What a wheel's archive may hold: what pip refuses, and what two readers would read differently, is refused.

pip installs no file outside its place and knows the schemes of `.data` (pip, operations/install/wheel.py). It never
compares RECORD with the files; the public index does, and refuses bombs and doubled names (PyPI's blog, 2025-08-07).
"""

import base64
import configparser
import csv
import hashlib
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors.build import BadWheel

SMALL = 64 * 2**20  # bytes; what unpacks to less is no bomb, however well it is packed
MOST_TIMES = 50  # the public index takes no more for what isn't small (warehouse, forklift/legacy.py)
MOST = 2**34  # bytes of all files; an image with more in one package couldn't be built
LARGEST_METADATA = 2**23  # bytes of METADATA, WHEEL and entry_points.txt, which are read as a whole
LARGEST_RECORD = 2**26  # likewise; a line has some hundred bytes
_REQUIRED = ("METADATA", "WHEEL", "RECORD")
_SCHEMES = frozenset(("platlib", "purelib", "headers", "scripts", "data"))  # pip, models/scheme.py
_SIGNATURES = frozenset(("RECORD.jws", "RECORD.p7s"))  # not in RECORD (PEP 427)
_HASHES = frozenset(("sha256", "sha384", "sha512"))  # PEP 427: sha256 or better
# Absolute, with a drive, with a backslash or a control character, or with a part that is empty or made of dots.
UNSAFE = re.compile(r"^[A-Za-z]:|[\\\x00-\x1f\x7f]|(^|/)\.{0,2}(/|$)")
_SCRIPT = re.compile(r"[\w.]+\s*:\s*[\w.]+\s*(\[[^\]]*\]\s*)?")  # entry-points specification, "Use for scripts"
_OUTSIDE = "The wheel was made or changed by hand: installers refuse such a file, or write it where it doesn't belong."
_TWICE = "Installers and people would see different files, by system and by tool."
_UNFIT = "A file was changed, added or taken away after the wheel was built, so its RECORD doesn't fit any more."
_BROKEN = "The build backend, or a tool that changed the wheel later, wrote metadata that pip refuses."
_BOMB = "It would fill memory or disk of whatever unpacks it."
_REBUILD = "Build the wheel again with python -m build --wheel and a current build backend, and leave it unchanged."
_SCRIPTS = 'Write each script in [project.scripts] of pyproject.toml as name = "package.module:function".'


def check(archive: zipfile.ZipFile, path: Path) -> None:
    """Raise BadWheel unless pip installs the wheel at `path`, and its RECORD is true. All files are read in blocks."""
    info = check_members(archive, path)
    _check_wheel_version(archive.read(f"{info}/WHEEL"), path)
    if f"{info}/entry_points.txt" in archive.NameToInfo:
        _check_scripts(archive.read(f"{info}/entry_points.txt"), path)
    _check_record(archive, info, path)


def check_members(archive: zipfile.ZipFile, path: Path) -> str:
    """Raise BadWheel for names, kinds and sizes of files that no wheel has; return the name of its .dist-info folder.

    Nothing is unpacked for it.
    """
    items = archive.infolist()
    for what in (*_unsafe(items), *_doubled(items)):
        raise BadWheel(f"{path.name} {what[:300]}.", cause=_TWICE if "twice" in what else _OUTSIDE, fix=_REBUILD)
    refuse_bomb(items, path)
    tops = sorted({item.filename.partition("/")[0] for item in items})
    infos = [top for top in tops if top.endswith(".dist-info")]
    if len(infos) != 1:
        raise _broken(path, f"has {len(infos)} folders of metadata (.dist-info), and not one")
    for name in _REQUIRED:
        if f"{infos[0]}/{name}" not in archive.NameToInfo:
            raise _broken(path, f"has no {name} in {infos[0]}")
    for name in (*_REQUIRED, "entry_points.txt"):
        size = next((item.file_size for item in items if item.filename == f"{infos[0]}/{name}"), 0)
        if size > (LARGEST_RECORD if name == "RECORD" else LARGEST_METADATA):
            raise BadWheel(
                f"The {name} of {path.name} has {size} bytes.",
                cause="A long description holds pictures or data, or the wheel was made to fill the memory of readers.",
                fix="Shorten the file that `readme` in pyproject.toml names, and build the wheel again.",
            )
    return infos[0]


def refuse_bomb(items: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Raise BadWheel if an archive would unpack to far more than its size. zipfile reads no more than is declared."""
    total, packed = sum(item.file_size for item in items), path.stat().st_size
    if total > MOST or total > max(SMALL, MOST_TIMES * packed):
        bound = f"{MOST} bytes" if total > MOST else f"{MOST_TIMES} times its own size"
        raise BadWheel(
            f"{path.name} would unpack to {total} bytes, which is more than {bound}.",
            cause=f"The archive was made to unpack to too much, or holds a file of zeros. {_BOMB}",
            fix="Leave large generated files out of the package, and build the wheel again.",
        )


def _unsafe(items: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    """Yield what is wrong with single files. zipfile cuts names at a NUL, so the original name is looked at."""
    for item in items:
        name = item.orig_filename
        first, *rest = name.split("/")
        if UNSAFE.search(name.removesuffix("/")):
            yield f"holds a file in a place that isn't the package's: {name!r}"
        if stat.S_IFMT(item.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
            yield f"holds a link or a device, which installers write as a file: {name!r}"
        if first.endswith(".data") and not item.is_dir() and (not rest[1:] or rest[0] not in _SCHEMES):
            yield f"holds a file of a kind that pip doesn't know (those are {', '.join(sorted(_SCHEMES))}): {name!r}"


def _doubled(items: Sequence[zipfile.ZipInfo]) -> Iterator[str]:
    """Yield names that are there twice, at least to a system that takes capitals for small letters."""
    seen: dict[str, str] = {}
    for item in (item for item in items if not item.is_dir()):
        other = seen.setdefault(_folded(item.filename), item.filename)
        if seen[_folded(item.filename)] is not item.filename:
            also = f" (once as {other!r})" if other != item.filename else ""
            yield f"holds {item.filename!r} twice{also}"
    for item in items:
        above = next((each for each in map(str, PurePosixPath(item.filename).parents) if _folded(each) in seen), "")
        if above:
            yield f"holds {above!r} twice: as a file, and as the folder of {item.filename!r}"


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _check_wheel_version(text: bytes, path: Path) -> None:
    """Raise BadWheel for a version of the format that pip doesn't read (pip, utils/wheel.py)."""
    found = re.search(rb"^Wheel-Version:[ \t]*(\d+)(\.\d+)*[ \t]*\r?$", text, re.MULTILINE | re.IGNORECASE)
    if not found or int(found[1]) > 1 or not _is_text(text):
        raise _broken(path, "has no Wheel-Version in its WHEEL that pip reads (1.0)")


def _is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_scripts(text: bytes, path: Path) -> None:
    """Raise BadWheel for scripts that pip doesn't make: without a function, or in another folder."""
    parser = configparser.ConfigParser(delimiters=("=",), strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as its documentation says
    try:
        parser.read_string(text.decode())
    except (configparser.Error, UnicodeDecodeError):
        raise _broken(path, "has an entry_points.txt that can't be read", _SCRIPTS) from None
    for group in ("console_scripts", "gui_scripts"):
        for name, value in parser.items(group) if parser.has_section(group) else ():
            if not _SCRIPT.fullmatch(value) or re.search(r"[/\\]|^\.*$", name):
                raise _broken(path, f"declares the script {name!r} in a way that pip refuses", _SCRIPTS)


def _check_record(archive: zipfile.ZipFile, info: str, path: Path) -> None:
    """Raise BadWheel unless RECORD lists every file once, with its sha256, and nothing else (PEP 427)."""
    own = f"{info}/RECORD"
    listed = _rows(archive.read(own), path)
    files = [item for item in archive.infolist() if not item.is_dir()]
    left_out = {own, *(f"{info}/{name}" for name in _SIGNATURES)}
    for item in files:
        name = item.filename
        if name in left_out:
            continue
        if name not in listed:
            raise _unfit(path, f"doesn't list {name!r}")
        algorithm, _, digest = listed[name].partition("=")
        if algorithm not in _HASHES:
            raise _unfit(path, f"has no sha256 of {name!r}")
        with archive.open(item) as file:
            if _digest(file, algorithm) != digest.rstrip("="):
                raise _unfit(path, f"has another hash of {name!r}")
    gone = listed.keys() - {item.filename for item in files} - left_out
    if gone:
        raise _unfit(path, f"lists {min(gone)!r}, which isn't there")


def _rows(record: bytes, path: Path) -> dict[str, str]:
    """Return the hashes in a RECORD by file; folders, which some tools list, are left out."""
    listed: dict[str, str] = {}
    try:
        for name, digest, *_ in csv.reader(io.StringIO(record.decode(), newline="")):
            if name in listed:
                raise _unfit(path, f"lists {name!r} twice")
            if not name.endswith("/"):
                listed[name] = digest
    except (csv.Error, ValueError) as error:  # a row of one column, and an empty one, on which pip fails as well
        raise _unfit(path, f"can't be read ({error})") from None
    return listed


def _digest(file: IO[bytes], algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    while block := file.read(2**20):
        digest.update(block)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode()


def _unfit(path: Path, what: str) -> BadWheel:
    return BadWheel(f"The RECORD of {path.name} {what[:300]}.", cause=_UNFIT, fix=_REBUILD)


def _broken(path: Path, what: str, fix: str = _REBUILD) -> BadWheel:
    return BadWheel(f"{path.name} {what[:300]}.", cause=_BROKEN, fix=fix)
