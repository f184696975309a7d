"""The environment: one definition, its canonical hash, and the version that follows from it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from .model import Image, Pin, Python, Wheel

# pip of conda-forge (noarch, for every Python that the step offers); conda needs one exact version.
PIP = "25.1.1"
LONGEST_NAME = 255  # characters; azure-rest-api-specs, mfe.json 2024-04-01
Spec = dict[str, Any]


@dataclass(frozen=True)
class Base:
    """What packages are installed into: an image (by digest) and the Python that conda puts there."""

    image: Image
    python: Python


@dataclass(frozen=True)
class Environment:
    """An environment as it will be registered. `conda` is the YAML text, `spec` what it says, `pins` what is in it."""

    name: str
    version: str
    base: Base
    pins: tuple[Pin, ...]
    spec: Spec
    conda: str

    @property
    def reference(self) -> str:
        """How jobs name it."""
        return f"azureml:{self.name}:{self.version}"

    @property
    def image(self) -> Image:
        """The base image."""
        return self.base.image

    @property
    def pip(self) -> list[str]:
        """The `pip:` list: options first, then one requirement an item."""
        return list(self.spec["dependencies"][-1]["pip"])

    def same_as(self, image: str, conda: str) -> bool:
        """Tell whether a registered image and conda text mean the same: services and SDKs write YAML anew."""
        try:
            return image == self.image.pinned and bool(yaml.safe_load(conda) == self.spec)
        except (yaml.YAMLError, AttributeError, ValueError):  # no text at all; a date such as 2026-02-31
            return False


def define(name: str, lead: Wheel, pins: Iterable[Pin], base: Base, index: str) -> Environment:
    """Return the environment of these parts; `lead` gives it version and, without a `name`, its name.

    `index` is the pip option that leads to the feed. The version is `<package version>-<first 12 hex digits of the
    sha256 of spec and image>`: same content, same version; other content, another one.
    """
    pins = tuple(pins)
    spec: Spec = {
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [
            f"python={base.python.exact}",
            f"pip={PIP}",
            {"pip": [index, "--require-hashes", *(pin.line for pin in pins)]},
        ],
    }
    # An epoch's "!" isn't safe in the URLs and shell lines that a version travels through.
    version = f"{lead.version}".replace("!", "-") + f"-{digest(spec, base.image)[:12]}"
    return Environment((name or lead.project)[:LONGEST_NAME], version, base, pins, spec, to_yaml(spec))


def digest(spec: Spec, image: Image) -> str:
    """Return the sha256 (hex) of the definition in canonical form: JSON, keys sorted, no white space."""
    canonical = json.dumps(
        {"conda": spec, "image": image.pinned}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def to_yaml(spec: Spec) -> str:
    """Write a conda spec. Requirements stay on one line each: a folded one is easy to break by hand."""
    text: str = yaml.safe_dump(spec, sort_keys=False, width=10**6, allow_unicode=True)
    return text
