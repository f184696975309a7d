"""The whole lock in a container (`mirror`): one wheel of each package, copied from its index and checked."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..errors.storage import NotMirrored
from ..model import wheel_tags
from ..model.environment import Python
from ..model.wheel import File, Pin
from ..plan.change import Change, Verb
from ..plan.observe import observing
from ..transport.download import Downloads
from .blobs import Blobs

EVERY = 5.0  # seconds between two lines of progress
_SHOWN = 3  # names in a line of the plan


def best(pin: Pin, python: Python) -> File:
    """Return the wheel of `pin` that pip in the image would take; raise NotMirrored when there is none."""
    file = wheel_tags.best_file((each for each in pin.files if each.sha256 in pin.sha256), python)
    if not file:
        raise NotMirrored(f"No wheel of {pin.name} {pin.version} that fits the image has a sha256.")
    return file


@dataclass(frozen=True)
class Mirror:
    """Stores files of the lock in a container: several at a time, and only those that are missing."""

    blobs: Blobs
    downloads: Downloads
    say: Callable[[str], None]

    def plan(self, files: Mapping[str, File]) -> Change[tuple[str, ...]]:
        """Say which of `files` (by their paths in the container) are missing; raise BlobDiffers for other bytes.

        One change stands for all of them; the receipt lists each.
        """
        with observing() as observer:
            stored = [
                observer.ask(partial(self.blobs.has, path, file.sha256, file.size)) for path, file in files.items()
            ]
        missing = {path: file for (path, file), there in zip(files.items(), stored, strict=True) if not there.result()}
        subject = f"mirror of {len(files)} packages in {self.blobs.container.url}"
        result = tuple(files)
        if not missing:
            return Change(subject, Verb.KEEP, "all are there with the same sha256", result)
        names = [file.name for file in missing.values()]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        why = f"{len(missing)} new: {', '.join(names[:_SHOWN])}{more}"
        return Change(subject, Verb.CREATE, why, result, partial(self.store, missing))

    def store(self, files: Mapping[str, File]) -> None:
        """Store `files` in the container. When one fails, those that are stored stay, and aren't sent again."""
        scratch = tempfile.TemporaryDirectory(prefix="amlwheel-", ignore_cleanup_errors=True)  # some may write on
        with scratch as folder, observing() as observer:
            waiting = [
                observer.ask(partial(self._store, path, file, Path(folder) / str(number)))
                for number, (path, file) in enumerate(files.items())
            ]
            try:
                self._follow(waiting)
            except BaseException:  # cancelled: what hasn't begun shall never begin
                for each in waiting:
                    each.cancel()
                raise

    def _follow(self, waiting: Sequence[Future[int]]) -> None:
        """Report the progress now and then."""
        reported, size = time.monotonic(), 0
        for number, done in enumerate(as_completed(waiting), 1):
            size += done.result() if not done.exception() else 0
            if time.monotonic() - reported > EVERY or number == len(waiting):
                reported = time.monotonic()
                self.say(f"       {number} of {len(waiting)} files, {size / 2**20:.0f} MB")

    def _store(self, path: str, file: File, place: Path) -> int:
        with _room(file.name):
            self.downloads.fetch(file, place)
        self.blobs.put(path, place, file.sha256)
        size = place.stat().st_size
        place.unlink()  # a lock with torch in it is several GB
        return size


def fetch(blobs: Blobs, files: Iterable[tuple[str, Path, str]]) -> None:
    """Read `files` (path, file, sha256) back from the container, except those that were read before."""

    def read(path: str, file: Path, sha256: str) -> None:
        with _room(file.name):
            blobs.fetch(path, file, sha256)

    with observing() as observer:
        for path, file, sha256 in files:
            if not file.exists():
                observer.ask(partial(read, path, file, sha256))


@contextlib.contextmanager
def _room(name: str) -> Iterator[None]:
    """Turn errors of the disk into NotMirrored; a lock can be larger than the free space of a runner."""
    try:
        yield
    except OSError as error:
        raise NotMirrored(
            f"{name} can't be kept on this machine meanwhile: {error.strerror}.",
            fix="Make room for temporary files, or name a folder that has room in TMPDIR; what is stored is kept.",
        ) from None
