"""Wheels that are required by their address: checked before the lock, and pinned in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import requests
from packaging import utils

from ..errors.declared import HashNotHeld, NotTaken
from ..model import wheel_tags
from ..model.declared import Hashed, filename, without_fragment
from ..model.environment import Python
from ..model.wheel import File, Pin
from ..transport import http
from .requirements import applies

LARGEST = 2 * 2**30  # bytes


def fetch(addresses: Mapping[str, str], python: Python) -> dict[str, Pin]:
    """Download each wheel as an image build will, without any credential; return their pins by name.

    `addresses` are by normalised name. Raises NotTaken for a file that isn't given to everybody or doesn't fit the
    image, HashNotHeld where the address names another sha256, NoNetwork, TooSlow.
    """
    return {name: _fetch(name, url, python) for name, url in addresses.items()}


def _fetch(name: str, url: str, python: Python) -> Pin:
    bare = without_fragment(url)
    _, version, _, tags = utils.parse_wheel_filename(filename(url))
    if not tags & {*wheel_tags.supported(python)}:
        raise NotTaken(
            f"{filename(url)} doesn't fit the image: Python {python.minor} on Linux x86-64.",
            cause="The address is that of a wheel for another Python or platform.",
            fix=f"Name the address of the wheel for Python {python.minor} on Linux x86-64, or set `python-version`.",
        )
    digest = http.sha256(bare, None, LARGEST)
    if not digest:
        raise NotTaken(
            f"{name}: {bare} gives no file to somebody without a credential (it answered {_answer(bare)}).",
            cause="The address is misspelt, or one has to sign in there. The image builder has no credential for it.",
            fix=f"Correct the address; or publish the wheel to the feed, and require {name}=={version} in its place.",
        )
    declared = {value for key, _, value in (each.partition("=") for each in _fragment(url)) if key == "sha256"}
    if declared - {digest}:
        raise HashNotHeld(
            f"{name}: the file at {bare} has sha256 {digest}, but {', '.join(sorted(declared))} is declared.",
            cause="The file was replaced, or the declared hash is that of another file.",
            fix="Find out who replaced the file; then declare its new sha256, or go back to the old file.",
        )
    return Pin(name, str(version), (digest,), files=(File(filename(url), bare, digest),), url=url)


def _fragment(url: str) -> list[str]:
    return url.partition("#")[2].split("&")


def _answer(url: str) -> str:
    """Return the status that an address answers to somebody without a credential."""
    status = http.get(url, first_byte=True).status_code
    return "too many bytes" if status in (requests.codes.ok, requests.codes.partial_content) else str(status)


def hold(pins: Sequence[Pin], hashed: Sequence[Hashed], python: Python) -> tuple[Pin, ...]:
    """Return the pins, each declared one with its declared sha256 alone, as pip takes no other file.

    (pip, `filter_unallowed_hashes`.) Raises HashNotHeld where none of the lock's files has a declared one.
    """
    declared: dict[str, set[str]] = {}
    for each in hashed:
        if applies(each.requirement, python):
            declared.setdefault(utils.canonicalize_name(each.requirement.name), set()).update(each.sha256)
    return tuple(_held(pin, declared[pin.name]) if pin.name in declared else pin for pin in pins)


def _held(pin: Pin, declared: set[str]) -> Pin:
    kept = tuple(each for each in pin.sha256 if each in declared)
    if not kept:
        raise HashNotHeld(
            f"{pin.name} {pin.version}: the files that fit the image have sha256 {_some(pin.sha256)}; "
            f"`requirements` declares {_some(sorted(declared))}."
        )
    return replace(pin, sha256=kept, files=tuple(file for file in pin.files if file.sha256 in kept))


def _some(digests: Sequence[str]) -> str:
    more = f" and {len(digests) - 2} more" if len(digests) > 2 else ""  # noqa: PLR2004  # enough to compare
    return " or ".join(digests[:2]) + more
