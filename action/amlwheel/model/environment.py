"""The environment: image, Python and pins; one definition, its canonical hash, and the version that follows from it."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import yaml

from ..errors.inputs import BadImage
from . import bounded_yaml
from .conda import NO_CONDA, Conda
from .glibc import UNTOLD, Platform
from .wheel import Pin, Wheel


@dataclass(frozen=True)
class Python:
    """The image's Python: the exact version that conda gets, and the platform that it runs on."""

    exact: str
    platform: Platform = UNTOLD

    @property
    def minor(self) -> str:
        """Major and minor, such as `3.11`."""
        return ".".join(self.exact.split(".")[:2])

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor as numbers, as wheel tags need them."""
        major, minor = self.minor.split(".")
        return int(major), int(minor)

    @property
    def markers(self) -> dict[str, str]:
        """The values of environment markers (PEP 508) in the image: Linux x86-64, no extra."""
        return {
            "extra": "",
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": self.exact,
            "python_version": self.minor,
            "sys_platform": "linux",
        }


@dataclass(frozen=True)
class Image:
    """A container image: registry host, repository, and a tag or a digest (`sha256:…`)."""

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> "Image":
        """Read `REGISTRY/REPOSITORY:TAG`, `…@sha256:DIGEST` or both; raise BadImage.

        The grammar is that of the OCI distribution specification; a registry is required, since the short names of
        Docker Hub mean something else on every machine.
        """
        pattern = (
            r"(?P<registry>[a-z0-9.-]+(?::\d+)?)/(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
            r"(?::(?P<tag>\w[\w.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
        )
        match = re.fullmatch(pattern, text, re.ASCII)
        if not match or not re.search(r"[.:]", match["registry"]):
            raise BadImage(f"`base-image` is {text!r}, which names no image of a registry.")
        if not match["tag"] and not match["digest"]:
            raise BadImage(f"`base-image` {text!r} has neither a tag nor a digest.")
        return cls(match["registry"], match["repository"], match["tag"] or "", match["digest"] or "")

    @property
    def platform(self) -> Platform:
        """What wheels must fit in the image, as far as its name tells; a digest alone tells nothing."""
        return Platform.of(self.repository, self.tag)

    @property
    def pinned(self) -> str:
        """The name by digest, the only form that is ever registered."""
        return f"{self.registry}/{self.repository}@{self.digest}"

    @property
    def tagged(self) -> str:
        """The name as the user wrote it."""
        return f"{self.registry}/{self.repository}:{self.tag}" if self.tag else self.pinned


# pip of conda-forge (noarch, for every Python that the step offers); conda needs one exact version. Every release is
# audited with it, so it is one without known vulnerabilities (the last before it: PYSEC-2026-196, fixed in 26.1.2).
PIP = "26.2.1"
# git of conda-forge (conda-forge/git-feedstock), for pip to fetch commits: Azure ML's newer images have none
# (Azure/AzureML-Containers). conda runs pip with the environment's programs first on PATH.
GIT = "2.52.0"
LONGEST_NAME = 255  # characters; azure-rest-api-specs, mfe.json 2024-04-01
Spec = dict[str, Any]


@dataclass(frozen=True)
class Base:
    """The base of an environment: an image (by digest) and the Python that conda installs there."""

    image: Image
    python: Python


@dataclass(frozen=True)
class Environment:
    """An environment as it will be registered: `conda` is the YAML text, `spec` the same as data, `pins` the lock."""

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

    def taking(self, names: frozenset[str]) -> "Environment":
        """Return the environment with these packages from the public index: the same files as the feed's."""
        pins = (replace(pin, private=False, index="") if pin.name in names else pin for pin in self.pins)
        return replace(self, pins=tuple(pins))

    def at(self, addresses: Mapping[str, str]) -> "Environment":
        """Return the environment with each stored wheel, by file name, at its address in one workspace's storage.

        Name and version stay: every workspace has storage of its own, and the content is the same in all of them.
        """
        lines = [" ".join([addresses.get(first, first), *rest]) for first, *rest in map(str.split, self.pip)]
        return self.listing(lines)

    def listing(self, lines: Sequence[str]) -> "Environment":
        """Return the environment with other `lines` in its `pip:` list, under the same name and version."""
        spec = {**self.spec, "dependencies": [*self.spec["dependencies"][:-1], {"pip": list(lines)}]}
        return replace(self, spec=spec, conda=to_yaml(spec))

    @property
    def whole(self) -> bool:
        """Whether every stored wheel has an address."""
        return not any(map(_is_bare, self.pip))

    def same_as(self, registered: "Definition") -> bool:
        """Tell whether a registered definition means the same; a wheel without an address may be anywhere."""
        return registered.image == self.image.pinned and _same(self.spec, registered.spec)


def _same(ours: object, theirs: object) -> bool:
    """Compare two specs; only a wheel's bare file name is the same as an address that ends in it."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, str) and isinstance(theirs, str) and _is_bare(ours):
        return theirs.startswith("https://") and unquote(theirs).endswith("/" + ours)
    return bool(ours == theirs)


def _is_bare(item: str) -> bool:
    """Tell whether an item of the `pip:` list is a stored wheel whose address isn't known."""
    return ".whl --hash=" in item and "://" not in item


@dataclass(frozen=True)
class Definition:
    """A definition that a workspace has: image, and conda spec as data, since services and SDKs rewrite the YAML."""

    image: str
    spec: object

    @classmethod
    def read(cls, image: str, conda: str) -> "Definition":
        """Return the definition of an image and a conda text; a text that isn't YAML becomes None, no spec at all."""
        try:
            return cls(image, _parsed(conda))
        except (bounded_yaml.ERROR, TypeError, AttributeError, ValueError):  # no text; a date such as 2026-02-31
            return cls(image, None)


@lru_cache(maxsize=8)
def _parsed(conda: str) -> object:
    """Return a text as data, which nobody changes: workspaces have the same one, and each takes 15 ms."""
    return bounded_yaml.load(conda)


def define(  # noqa: PLR0913  # what an environment is made of
    name: str, lead: Wheel, pins: Iterable[Pin], base: Base, options: Sequence[str], *, conda: Conda = NO_CONDA
) -> Environment:
    """Return the environment of these parts; `lead` gives it version and, without a `name`, its name.

    `options` are pip's, such as the one that leads to the feed. pip can't check hashes of commits, so where one is
    listed the mode that demands them is off, and each file has its sha256 in its address; and git is installed for pip.
    `conda` are packages of conda's channels, as the user wrote them.

    The version is `<package version>-<first 12 hex digits of the sha256 of spec and image>`: same content, same
    version; other content, another one.
    """
    pins = tuple(pins)
    from_git = any(pin.requirement for pin in pins)
    hashed = [] if from_git else ["--require-hashes"]
    spec: Spec = {
        "channels": list(conda.channels),
        "dependencies": [
            f"python={base.python.exact}",
            f"pip={PIP}",
            *([f"git={GIT}"] if from_git and "git" not in conda.names else []),
            *conda.lines,
            {"pip": [*options, *hashed, *(pin.line for pin in pins)]},
        ],
    }
    # An epoch's "!" isn't safe in the URLs and shell lines that a version travels through.
    version = f"{lead.version}".replace("!", "-") + f"-{digest(spec, base.image)[:12]}"
    return Environment((name or lead.project)[:LONGEST_NAME], version, base, pins, spec, to_yaml(spec))


def bare(spec: Spec) -> Spec:
    """Return a registered spec with each stored wheel's address replaced by its file name, as the digest knows it."""
    *conda, last = spec["dependencies"]
    pip = [
        re.sub(r"^https://\S+/([^/\s]+\.whl)(?= --hash=)", lambda url: unquote(url[1]), each) for each in last["pip"]
    ]
    return {**spec, "dependencies": [*conda, {**last, "pip": pip}]}


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
