"""What debug lines say beside requests and tools: the versions, and what the run has decided."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version

from .. import __version__
from ..model.wheel import Pin
from ..report.release import Release

LIBRARIES = ("build", "twine", "uv", "requests", "urllib3", "azure-core", "azure-identity")


def versions() -> str:
    """Return what runs here."""
    python = f"Python {platform.python_version()} ({sys.executable}) on {platform.platform()}"
    return ", ".join([f"amlwheel {__version__}", python, *(f"{each} {version(each)}" for each in LIBRARIES)])


def decided(release: Release) -> Iterator[str]:
    """Yield what the plan rests on, line by line; the plan itself stands in the log in any case."""
    environment, connection = release.environment, release.connection
    yield f"route {release.route}: {release.place}"
    yield f"{environment.reference} is derived from its conda spec and {environment.image.pinned}"
    if connection:
        yield f"connection {connection.name} to {connection.target}"
    for pin in environment.pins:
        yield f"{pin.name} {pin.version} from {_home(pin)}, {len(pin.sha256)} file(s)"


def _home(pin: Pin) -> str:
    """Return where images get a package from."""
    elsewhere = pin.stored or pin.address or pin.requirement or pin.url or pin.index
    return elsewhere or ("the feed" if pin.private else "the public index")
