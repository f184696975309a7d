"""What follows from the inputs of the step, for the rooms above."""

from collections.abc import Mapping
from pathlib import Path

from ..model.azure import Registry, Target, Workspace
from ..model.feed import Feed
from ..model.package_index import PackageIndex
from .knob import Command, IndexMode, Proof, RouteName, SdkVersion


class Facts:
    """What the inputs of one run mean together; `step.Inputs` has the values."""

    feed: Feed | None
    feed_view: str
    workspace: tuple[Target, ...]
    index: IndexMode
    command: Command
    route: RouteName
    mirror: bool
    sdk: SdkVersion
    verify: Proof
    dry_run: bool
    client_id: str
    tenant_id: str
    folders: Mapping[str, Path]
    package_indexes: tuple[PackageIndex, ...]
    torch_backend: PackageIndex | None

    def folder(self, name: str) -> Path:
        """Return the folder from which paths in the input `name` count: the table's, or the one where the step runs."""
        return self.folders.get(name, Path())

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """The targets that are workspaces: they have connections, storage and images."""
        return tuple(each for each in self.workspace if isinstance(each, Workspace))

    @property
    def registries(self) -> tuple[Registry, ...]:
        """The targets that are registries."""
        return tuple(each for each in self.workspace if isinstance(each, Registry))

    @property
    def releases(self) -> bool:
        """Whether the run makes a release; otherwise it only stores connections."""
        return self.command == "release"

    @property
    def publishes(self) -> bool:
        """Whether the wheels go to the feed."""
        return self.route == "feed"

    @property
    def from_commit(self) -> bool:
        """Whether images are built from a commit of a git repository."""
        return self.route == "git"

    @property
    def feed_only(self) -> bool:
        """Whether all packages come from the feed, and none from the public index."""
        return self.index == "only"

    @property
    def named_indexes(self) -> tuple[PackageIndex, ...]:
        """The indexes that the inputs name for certain packages."""
        return (*self.package_indexes, *filter(None, [self.torch_backend]))

    @property
    def connects(self) -> bool:
        """Whether each workspace needs a connection, to the feed or to the repository, to build images with."""
        return self.from_commit or (self.feed is not None and not self.mirror)

    @property
    def azureml(self) -> bool:
        """Whether azureml-core is needed: for its way to the workspace, its storage, or its image builds."""
        return self.sdk == "v1" or (self.releases and (self.route == "workspace" or self.asks_builder))

    @property
    def proves(self) -> bool:
        """Whether the lock is installed as a proof, before the environment is registered."""
        return self.verify != "none"

    @property
    def asks_builder(self) -> bool:
        """Whether each workspace builds the image or tells how it would. In a dry run there is none to build."""
        return self.verify in ("recipe", "image") and not self.dry_run

    @property
    def view(self) -> str:
        """The view to promote to: `feed-view`, or the one in `feed`. Every version is in Local (Learn, feeds/views)."""
        in_feed = self.feed.view if self.feed and self.publishes else None
        view = self.feed_view or in_feed or ""
        return "" if view.lower() == "local" else view

    @property
    def application(self) -> tuple[str, str]:
        """The application that signs in by OIDC, and its tenant; both are empty when another identity signs in."""
        return self.client_id, self.tenant_id
