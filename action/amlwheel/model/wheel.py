"""Wheels, the files that an index offers, and the pins of a lock: values that derive and compare."""

import lzma
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

# What zipfile and packaging raise for a damaged, encrypted or forged archive.
UNREADABLE = (
    OSError,
    EOFError,
    RuntimeError,
    StopIteration,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class File:
    """A file that an index offers: name, address without user information, sha256 (hex), bytes (0: unknown)."""

    name: str
    url: str
    sha256: str
    size: int = 0


@dataclass(frozen=True)
class Wheel:
    """A built wheel and what its metadata says; `sdist` is the file or commit from which it was built."""

    path: Path
    sha256: str
    size: int
    name: str
    version: Version
    metadata_version: str
    requires_python: SpecifierSet
    requires: tuple[Requirement, ...]
    tags: frozenset[Tag]
    modules: tuple[str, ...]
    sdist: File | None = None
    extras: frozenset[str] = frozenset()

    @property
    def filename(self) -> str:
        """The file's name, by which indexes know it."""
        return self.path.name

    @property
    def project(self) -> str:
        """The normalised package name (PEP 503)."""
        return canonicalize_name(self.name)

    def requires_by_address(self, name: str) -> bool:
        """Tell whether its metadata name an address for the package `name`: then pip takes it from no other."""
        return any(each.url and canonicalize_name(each.name) == name for each in self.requires)


@dataclass(frozen=True, order=True)
class Pin:
    """One package of the lock: version, sha256 (hex) of each wheel that fits the image, and whether the feed has it.

    `stored` is the file name of a wheel that lies in the workspace's own storage (`route: workspace`), `address` where
    a wheel lies in a container (`route: storage`), `requirement` a whole line that needs no hash beside it, such as a
    commit (`route: git`). `url` is where a wheel lies that is required by its address. `files` are the index's own.
    `index` is the address of an index other than the public one and the feed, if the package comes from such.
    """

    name: str
    version: str
    sha256: tuple[str, ...]
    private: bool = field(default=False, compare=False)
    stored: str = ""
    address: str = ""
    requirement: str = ""
    files: tuple[File, ...] = field(default=(), compare=False, repr=False)
    index: str = field(default="", compare=False)
    url: str = field(default="", kw_only=True)

    @property
    def from_feed(self) -> bool:
        """Whether images get it from the feed."""
        return self.private and not (self.stored or self.address or self.requirement or self.url)

    @property
    def line(self) -> str:
        """The requirement as pip reads it, on one line: conda's `pip:` list breaks at continuations.

        A stored wheel is listed by its file name, which `Environment.at` replaces by the address. A wheel in a
        container is listed by its bare address, which every pip from 23.2 on and uv take with a hash beside it; see
        docs/design.md. One that is required by address is listed as `NAME @ ADDRESS`, spelled as in the metadata that
        require it.
        """
        return self.requirement or self._line(self.address or self.stored or self._named)

    @property
    def local_line(self) -> str:
        """The requirement for pip in `output-dir`, where `dist/` has our wheels: nobody else may read the storage.

        Other packages in a container come from their index: the mirror got them there.
        """
        ours = self.stored or (unquote(self.address.rpartition("/")[2]) if not self.files else "")
        return self._line(f"./dist/{ours}" if ours else self._named)

    @property
    def _named(self) -> str:
        return f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"

    def _line(self, requirement: str) -> str:
        return " ".join([requirement, *(f"--hash=sha256:{digest}" for digest in self.sha256)])
