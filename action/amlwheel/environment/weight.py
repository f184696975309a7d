"""What a proof fetches beside our own wheels: which files, how large, and whether the disk has room for them."""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..errors.base import NoRoom
from ..model import wheel_tags
from ..model.environment import Environment
from ..model.wheel import File, Pin, Wheel
from ..plan.observe import observing
from ..transport import sandbox
from ..transport.download import Downloads

UNPACKED = 1.5  # times the size of its wheels is the least that a lock takes when it is unpacked; CUDA's take 1.7


@dataclass(frozen=True)
class Weight:
    """The packages that come from elsewhere, each with the file that the image takes; None if no index lists it."""

    files: tuple[tuple[Pin, File | None], ...]

    @classmethod
    def of(cls, environment: Environment, wheels: Sequence[Wheel]) -> "Weight":
        """Return what the lock fetches beside our `wheels`."""
        ours, python = {each.project for each in wheels}, environment.base.python
        pins = [pin for pin in environment.pins if pin.name not in ours]
        files = (
            wheel_tags.best_file((each for each in pin.files if each.sha256 in pin.sha256), python) for pin in pins
        )
        return cls(tuple(zip(pins, files, strict=True)))

    @property
    def size(self) -> int:
        """The bytes, as far as the indexes tell them."""
        return sum(file.size for _, file in self.files if file)

    def __str__(self) -> str:
        """The number and size, for people."""
        number = len(self.files)
        return f"{number or 'no'} file{'' if number == 1 else 's'} from elsewhere, {megabytes(self.size)}"


def megabytes(size: float) -> str:
    """Return a size for people."""
    return f"{size / 2**20:.0f} MB" if size >= 10 * 2**20 else f"{size / 2**20:.1f} MB"


def check_room(weight: Weight) -> None:
    """Raise NoRoom if the packages can't fit where temporary files or uv's cache lie."""
    needed = weight.size * UNPACKED
    for folder in sorted({str(sandbox.private() or tempfile.gettempdir()), str(sandbox.TRUST.cache)}):
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise NoRoom(
                f"The environment's packages ({weight}) need at least {megabytes(needed)} when they are installed, "
                f"and {folder} has {megabytes(free)}."
            )


def ask(weight: Weight, downloads: Downloads) -> int:
    """Ask for the first byte of each file, and return how many there are; nobody knows an address of the others.

    The lock has the sha256 that the index tells, so what an image would get can't be another file. Raises what
    `downloads.ask` raises, for all files together.
    """
    listed = [file for _, file in weight.files if file]
    with observing() as observer:
        for file in listed:
            observer.ask(partial(downloads.ask, file))
    return len(listed)
