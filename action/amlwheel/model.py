"""The frozen nouns that rooms hand to each other. They parse, derive and compare; none of them does anything."""

import hashlib
import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name
from packaging.version import Version

from .errors.inputs import BadImage, BadWorkspace

ARTIFACTS = "https://pkgs.dev.azure.com"
# What zipfile and packaging raise for a damaged, encrypted or made-up archive.
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
# What the lock is made for, in uv's spelling. Old enough for every image of azureml (Ubuntu 20.04 has glibc 2.31), new
# enough for today's wheels; PEP 600.
PLATFORM = "x86_64-manylinux_2_28"


@dataclass(frozen=True)
class Feed:
    """A Python index that takes uploads; every address is derived here, so that none can disagree with another.

    `index_url` ends with a slash. For Azure Artifacts `organisation`, `project` (absent for a feed of the whole
    organisation), `name` and `view` are set, and the paths are those of the artifacts-keyring README and uv#7860.
    For any other PEP 503 repository only the addresses are; `upload_url` is empty where nothing can be uploaded.
    """

    index_url: str
    upload_url: str
    target: str
    organisation: str | None = None
    project: str | None = None
    name: str = ""
    view: str | None = None

    @classmethod
    def artifacts(cls, organisation: str, project: str | None, name: str, view: str | None) -> "Feed":
        """Return the feed of Azure Artifacts. Uploads go to the feed itself, never to a view (Learn, feeds/views).

        The connection's target is the organisation, which the image builder matches by host and longest prefix
        (azure-sdk-for-python#22441; Learn, how-to-use-private-python-packages).
        """
        owner = f"{ARTIFACTS}/{quote(organisation, safe='')}"
        scope = f"{owner}/{quote(project, safe='')}" if project else owner
        base = f"{scope}/_packaging/{quote(name, safe='')}"
        seen = f"{base}@{quote(view, safe='')}" if view else base
        return cls(f"{seen}/pypi/simple/", f"{base}/pypi/upload/", owner, organisation, project, name, view)

    @property
    def is_artifacts(self) -> bool:
        """Whether this is a feed of Azure Artifacts."""
        return self.organisation is not None

    @property
    def host(self) -> str:
        """The host (with port) of the index."""
        return urlsplit(self.index_url).netloc

    @property
    def label(self) -> str:
        """The shortest unambiguous spelling, accepted by `feed` again."""
        if not self.is_artifacts:
            return self.index_url
        view = f"@{self.view}" if self.view else ""
        return "/".join(part for part in (self.organisation, self.project, self.name + view) if part)

    def through(self, view: str | None) -> "Feed":
        """Return this feed as `view` shows it, or as itself with None. Other repositories have no views."""
        return Feed.artifacts(self.organisation, self.project, self.name, view) if self.organisation else self

    def version_url(self, package: str, version: str) -> str:
        """Return the address by which a version is promoted (REST reference, Python - Update Package Version)."""
        owner = "/".join(quote(part, safe="") for part in (self.organisation, self.project) if part)
        feed, name = quote(self.name, safe=""), canonicalize_name(package)
        return f"{ARTIFACTS}/{owner}/_apis/packaging/feeds/{feed}/pypi/packages/{name}/versions/{quote(version)}"

    def option(self, *, only: bool) -> str:
        """Return pip's option for this index: beside the public one, or in its place (`only`)."""
        return f"{'--index-url' if only else '--extra-index-url'} {self.index_url}"

    def page(self, package: str) -> str:
        """Return the address of a package's page (PEP 503: normalised name, trailing slash)."""
        return f"{self.index_url}{canonicalize_name(package)}/"


@dataclass(frozen=True)
class Wheel:
    """A built wheel and what its metadata says."""

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

    @property
    def filename(self) -> str:
        """The file's name, by which indexes know it."""
        return self.path.name

    @property
    def project(self) -> str:
        """The normalised package name (PEP 503)."""
        return canonicalize_name(self.name)


@dataclass(frozen=True)
class File:
    """A wheel that an index offers: name, address without user information, sha256 (hex), bytes (0: not told)."""

    name: str
    url: str
    sha256: str
    size: int = 0


@dataclass(frozen=True, order=True)
class Pin:
    """One package of the lock: version, sha256 (hex) of each wheel that fits the image, and whether the feed has it.

    `stored` is the file name of a wheel that lies in the workspace's own storage (`route: workspace`), `address` where
    a wheel lies in a container (`route: storage`), `requirement` a whole line that needs no hash beside it, such as a
    commit (`route: git`). `files` are the index's own.
    """

    name: str
    version: str
    sha256: tuple[str, ...]
    private: bool = field(default=False, compare=False)
    stored: str = ""
    address: str = ""
    requirement: str = ""
    files: tuple[File, ...] = field(default=(), compare=False, repr=False)

    @property
    def from_feed(self) -> bool:
        """Whether images get it from the feed."""
        return self.private and not (self.stored or self.address or self.requirement)

    @property
    def line(self) -> str:
        """The requirement as pip reads it, on one line: conda's `pip:` list breaks at continuations.

        A stored wheel stands there by its file name, in whose place `Environment.at` puts the address. A bare address
        is what every pip from 23.2 on and uv take with a hash beside it; see docs/design.md.
        """
        return self.requirement or self._line(self.address or self.stored or f"{self.name}=={self.version}")

    @property
    def local_line(self) -> str:
        """The requirement for pip in `output-dir`, where `dist/` has our wheels: nobody else may read the storage.

        What else is in a container has its own index, too, or else it couldn't have been mirrored.
        """
        ours = self.stored or (unquote(self.address.rpartition("/")[2]) if not self.files else "")
        return self._line(f"./dist/{ours}" if ours else f"{self.name}=={self.version}")

    def _line(self, requirement: str) -> str:
        return " ".join([requirement, *(f"--hash=sha256:{digest}" for digest in self.sha256)])


@dataclass(frozen=True)
class Container:
    """A container of blobs in Azure Storage's public cloud."""

    account: str
    name: str

    @property
    def service(self) -> str:
        """The address of the account's blobs."""
        return f"https://{self.account}.blob.core.windows.net"

    @property
    def url(self) -> str:
        """The address, as `storage-container` takes it."""
        return f"{self.service}/{self.name}"

    def address(self, project: str, filename: str) -> str:
        """Return the address of a wheel. A plus sign is escaped, since a query's rules would make a space of it."""
        return f"{self.url}/{quote(f'{project}/{filename}')}"


@dataclass(frozen=True)
class Python:
    """The image's Python: what the user asked for, and the exact version that conda gets."""

    exact: str

    @property
    def minor(self) -> str:
        """Major and minor, such as `3.11`."""
        return ".".join(self.exact.split(".")[:2])

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor as numbers, as wheel tags need them."""
        major, minor = self.minor.split(".")
        return int(major), int(minor)


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
            message = f"`base-image` is {text!r}, which names no image of a registry."
            raise BadImage(message)
        if not match["tag"] and not match["digest"]:
            message = f"`base-image` {text!r} has neither a tag nor a digest."
            raise BadImage(message)
        return cls(match["registry"], match["repository"], match["tag"] or "", match["digest"] or "")

    @property
    def pinned(self) -> str:
        """The name by digest, the only form that is ever registered."""
        return f"{self.registry}/{self.repository}@{self.digest}"

    @property
    def tagged(self) -> str:
        """The name as a person wrote it."""
        return f"{self.registry}/{self.repository}:{self.tag}" if self.tag else self.pinned


@dataclass(frozen=True)
class Workspace:
    """A workspace of Azure Machine Learning."""

    subscription: str
    group: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Workspace":
        """Read `SUBSCRIPTION/GROUP/NAME`, a resource id, or a studio or portal address that holds one.

        Raises BadWorkspace, which says which part is wrong.
        """
        if re.search(r"\bregistries/", text, re.IGNORECASE):
            message = f"`workspace` {text!r} is a registry, and an environment is registered on workspaces."
            raise BadWorkspace(message, cause="Neither SDK registers on a registry and its workspaces alike.")
        found = re.search(r"/?subscriptions/([^/?&]+)/resource-?groups/([^/?&]+)/(.*)", text, re.IGNORECASE)
        if found:
            name = re.search(r"(?:^|\.MachineLearningServices/)workspaces/([^/?&]+)", found[3], re.IGNORECASE)
            if not name:
                message = f"`workspace` {text!r} is a resource id, but not one of a Machine Learning workspace."
                raise BadWorkspace(message)
            return cls._checked(text, found[1], found[2], name[1])
        parts = text.strip("/").split("/")
        if len(parts) != 3:  # noqa: PLR2004  # subscription, group, name
            message = f"`workspace` {text!r} has {len(parts)} part(s) between slashes; 3 are needed."
            raise BadWorkspace(message)
        return cls._checked(text, *parts)

    @classmethod
    def _checked(cls, text: str, subscription: str, group: str, name: str) -> "Workspace":
        """Check the parts against Azure's naming rules (Learn, resource-name-rules) and return the workspace."""
        rules = {
            "the subscription, a GUID such as 00000000-0000-0000-0000-000000000000": (
                subscription,
                r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
            ),
            "the resource group": (group, r"[\w.()-]{1,90}(?<!\.)"),
            "the workspace's name (3 to 33 letters, digits, - and _)": (
                name,
                r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}",
            ),
        }
        for what, (part, pattern) in rules.items():
            if not re.fullmatch(pattern, part):
                message = f"`workspace` {text!r}: {part!r} can't be {what}."
                raise BadWorkspace(message)
        return cls(subscription.lower(), group, name)

    @property
    def id(self) -> str:
        """The resource id in Azure Resource Manager."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )


@dataclass(frozen=True)
class Connection:
    """What a workspace knows of a feed or a repository. The token isn't part of it: it is handed over once.

    `index` is what shall be read with it. `token_expires` is the token's last day (`YYYY-MM-DD`, UTC); empty when
    nobody has said it.
    """

    name: str
    target: str
    category: str = "PythonFeed"
    index: str = ""
    token_expires: str = ""

    @classmethod
    def of(cls, feed: Feed, name: str = "") -> "Connection":
        """Return the feed's connection; without a `name` it is derived from the target.

        One target, one name: two connections with the same target break image builds (azure-docs#114975).
        """
        return cls(name or connection_name(feed), feed.target, index=feed.index_url)

    def covers(self, url: str) -> bool:
        """Tell whether the image builder would use this connection for `url`: same host, and a prefix of its path."""
        ours, theirs = urlsplit(self.target), urlsplit(url)
        prefix = ours.path.rstrip("/").lower()
        return ours.netloc.lower() == theirs.netloc.lower() and (theirs.path.lower() + "/").startswith(prefix + "/")


def connection_name(feed: Feed) -> str:
    """Return a name for the feed's connection that the service accepts: 3 to 33 letters, digits, `-` and `_`.

    Source of the rule: azure-rest-api-specs, machineLearningServices.json 2024-04-01, `connectionName`.
    """
    owner, path = feed.organisation or feed.host, urlsplit(feed.target).path
    name = f"feed-{re.sub(r'[^a-zA-Z0-9_-]+', '-', owner)}"
    if path and not feed.is_artifacts:  # one of several on this host
        return f"{name[:24].rstrip('-')}-{hashlib.sha256(feed.target.lower().encode()).hexdigest()[:8]}"
    return name[:33].rstrip("-")


@dataclass(frozen=True)
class Source:
    """Where the code came from; a part is empty where nothing tells. `dirty`: tracked files differ from the commit.

    `run` is the address of the CI run that released it.
    """

    repository: str = ""
    commit: str = ""
    tag: str = ""
    dirty: bool = False
    run: str = ""
