"""A feed: an index of Python packages that takes uploads, with every address derived from its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from packaging.utils import canonicalize_name

ARTIFACTS = "https://pkgs.dev.azure.com"
DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"  # Azure DevOps, as an audience of Entra (its TwineAuthenticateV1 task)
# It asks Azure DevOps for a 401 in place of a redirect to a sign-in page (artifacts-keyring-nofuss 1.3.3).
NO_SIGN_IN_PAGE = MappingProxyType({"X-TFS-FedAuthRedirect": "Suppress"})


@dataclass(frozen=True)
class Feed:
    """A Python index that takes uploads; every address is derived here, so that none can disagree with another.

    `index_url` ends with a slash. For Azure Artifacts `organisation`, `project` (absent for a feed of the whole
    organisation), `name` and `view` are set, and the paths are those of the artifacts-keyring README and uv#7860.
    For any other PEP 503 repository only the addresses are; `upload_url` is empty where nothing can be uploaded.
    `short`: it was written as ORG/FEED.
    """

    index_url: str
    upload_url: str
    target: str
    organisation: str | None = None
    project: str | None = None
    name: str = ""
    view: str | None = None
    short: bool = field(default=False, compare=False)

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
    def headers(self) -> Mapping[str, str]:
        """The headers that every request to it has."""
        return NO_SIGN_IN_PAGE if self.is_artifacts else MappingProxyType({})

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

    def web_page(self, package: str) -> str:
        """Return the address of a package's page for people in Azure Artifacts; other repositories have none."""
        owner = "/".join(quote(part, safe="") for part in (self.organisation, self.project) if part)
        name = quote(self.name, safe="")
        return f"https://dev.azure.com/{owner}/_artifacts/feed/{name}/PyPI/{canonicalize_name(package)}"

    def option(self, *, only: bool) -> str:
        """Return pip's option for this index: beside the public one, or in its place (`only`)."""
        return f"{'--index-url' if only else '--extra-index-url'} {self.index_url}"

    def page(self, package: str) -> str:
        """Return the address of a package's page (PEP 503: normalised name, trailing slash)."""
        return f"{self.index_url}{canonicalize_name(package)}/"
