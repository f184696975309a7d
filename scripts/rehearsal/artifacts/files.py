"""A feed's files: stored by pypiserver, one instance a folder."""

import email
import functools
import hashlib
import pathlib
import sys
import threading
import warnings
import zipfile
from dataclasses import dataclass

from werkzeug.test import Client

from .filenames import identity

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it uses the cgi module, and an old way to hook into imports
    import pypiserver  # type: ignore[import-untyped]

# Its copy of bottle hooks itself into every later import, in a way that Python 3.10 and 3.11 warn about.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "_ImportRedirect"]


@dataclass(frozen=True)
class Distribution:
    """A file of a feed. `name` is normalised (PEP 503); `version` is as the file name says it."""

    filename: str
    name: str
    version: str
    sha256: str
    requires_python: str | None


class Shelf:
    """A folder of wheels and sdists behind pypiserver. One request at a time: pypiserver has a race."""

    _lock = threading.Lock()

    def __init__(self, folder: pathlib.Path) -> None:
        """Serve `folder`."""
        self.folder = folder
        self._client = Client(
            pypiserver.app(
                roots=[folder],
                authenticate=[],
                password_file=".",  # without one, pypiserver wants none of the actions unauthenticated
                disable_fallback=True,
                hash_algo="sha256",
                backend_arg="simple-dir",
            )
        )

    def upload(self, body: bytes, content_type: str) -> int:
        """Store an upload as a client sent it; return pypiserver's status: 200, 400 or 409.

        The user agent isn't passed on: to twine pypiserver says 400 where it means 409.
        """
        with self._lock:
            return self._client.post("/", data=body, content_type=content_type).status_code

    def read(self, filename: str) -> bytes:
        """Return a file's bytes; OSError if it isn't there."""
        with self._lock:
            return (self.folder / filename).read_bytes()

    def distributions(self) -> list[Distribution]:
        """Return all files, by name and version."""
        with self._lock:
            paths = sorted(path for path in self.folder.iterdir() if path.suffix in {".whl", ".gz", ".zip"})
            found = [inspect(path, path.stat().st_mtime_ns) for path in paths]
        return sorted(found, key=lambda one: (one.name, one.version, one.filename))


@functools.lru_cache(maxsize=4096)
def inspect(path: pathlib.Path, _mtime: int = 0) -> Distribution:
    """Return what a file says of itself (`requires_python` for wheels only)."""
    name, version = identity(path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Distribution(path.name, name, version, digest, _requires_python(path))


def _requires_python(path: pathlib.Path) -> str | None:
    if path.suffix != ".whl":
        return None
    with zipfile.ZipFile(path) as wheel:
        metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(wheel.read(metadata)).get("Requires-Python")
