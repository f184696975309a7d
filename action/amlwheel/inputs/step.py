"""The inputs of the step."""

from dataclasses import dataclass
from typing import get_args

from ..model.azure import Container, Workspace
from ..model.conda import Package
from ..model.environment import Image, Python
from ..model.feed import Feed
from ..model.repository import Repository
from ..model.secret import Secret
from . import readers
from .knob import Case, IndexMode, Proof, RouteName, SdkVersion, knob

_UNPUBLISHED: dict[Case, str] = dict.fromkeys(("workspace", "storage", "git"), "nothing is published")
_UNPROMOTED: dict[Case, str] = {case: f"{why}, so nothing can be promoted" for case, why in _UNPUBLISHED.items()}
_STORAGE_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "git"), "it is for `route` storage alone")
_GIT_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "storage"), "it is for `route` git alone")
_NO_CONNECTION = "images need no connection"


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of one run, read and checked. Names become `kebab-case` on GitHub, `camelCase` on Azure Pipelines."""

    package_dir: tuple[str, ...] = knob(
        "Folder of the project to build. Several lines build several packages into one environment.",
        default=".",
        group="package",
        lines=True,
        read=readers.lines,
    )
    wheel: tuple[str, ...] = knob(
        "Wheels that were built earlier, as file patterns, one a line. The step then builds nothing.",
        group="package",
        refused={"git": "images are built from the commit"},
        lines=True,
        read=readers.lines,
    )
    feed: Feed | None = knob(
        "Azure Artifacts feed in any spelling (URL, `ORG/PROJECT/FEED`, `ORG/FEED`), or the URL of another "
        "repository's simple index. With `route: workspace` and `route: storage` the step only reads from it, and it "
        "may be left out; `route: git` uses no feed.",
        group="feed",
        required=True,
        unless=("workspace", "storage", "git"),
        refused={"git": "nothing is published, and images need no feed"},
        read=readers.feed,
    )
    feed_token: Secret = knob(
        "Token that may publish to the feed (Packaging, read and write). Default for Azure Artifacts: on Azure "
        "Pipelines the job's own token, if the feed belongs to its organisation; otherwise an Entra token of the "
        "identity that signs in to Azure.",
        group="feed",
        refused={"git": "no feed is used"},
        secret=True,
        read=readers.token,
    )
    feed_user: str = knob(
        "Name of the user to whom `feed-token` belongs, for repositories that ask for one. Azure Artifacts takes any "
        "name, so it needs none here.",
        group="feed",
        refused={"git": "no feed is used", "no feed": "it names a user of the feed"},
        read=readers.user,
    )
    feed_upload_url: str = knob(
        "Address for uploads, for another repository than Azure Artifacts. Default: derived from `feed`.",
        group="feed",
        refused=_UNPUBLISHED,
        read=readers.upload_url,
    )
    feed_view: str = knob(
        "View to which the release is promoted, such as `Release`. Default: the view in `feed` (`FEED@VIEW`), if there "
        "is one.",
        group="feed",
        refused=_UNPROMOTED,
        read=readers.matching(r"\w[\w .-]*", "the view's name alone, such as Release"),
    )
    workspace: tuple[Workspace, ...] = knob(
        "Azure Machine Learning workspace: `SUBSCRIPTION/RESOURCE-GROUP/NAME` or its resource id. Several lines "
        "name several workspaces.",
        group="workspace",
        required=True,
        lines=True,
        read=readers.workspaces,
    )
    connection_name: str = knob(
        "Name of the workspace's connection to the feed or repository. Default: derived from the feed or repository.",
        group="workspace",
        refused={"mirror": _NO_CONNECTION, "no feed": "it names the connection to the feed"},
        read=readers.matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", "3 to 33 letters, digits, - and _"),
    )
    connection_token: Secret = knob(
        "Secret that the workspace stores to build images with: an organisation-scoped personal access token with "
        "Packaging (read). With `route: git` a token that may read the repository: Contents (read-only) on GitHub, "
        "Code (read) on Azure Repos.",
        group="workspace",
        secret=True,
        read=readers.token,
    )
    connection_user: str = knob(
        "Name of the user to whom `connection-token` belongs. With a name the workspace stores user name and password, "
        "otherwise a personal access token. Default: `feed-user`.",
        group="workspace",
        refused={
            "git": "a token for git needs no user",
            "mirror": _NO_CONNECTION,
            "no feed": "it names a user of the feed",
        },
        read=readers.user,
    )
    connection_token_expires: str = knob(
        "Last day of `connection-token`, as `YYYY-MM-DD` in UTC; of a time (`2027-03-01T10:00:00Z`) only the day "
        "counts. The step warns from 21 days before that day on, refuses an expired token and, with `sdk: v2`, stores "
        "the date beside the token.",
        group="workspace",
        refused={"mirror": _NO_CONNECTION, "no feed": "it belongs to the token for the feed"},
        read=readers.day,
    )
    environment_name: str = knob(
        "Name of the environment. Default: the package's name.",
        group="environment",
        read=readers.environment_name,
    )
    python_version: Python = knob(
        f"Python version of the environment: {', '.join(readers.PYTHONS)}, or a patch version of one of these.",
        default="3.11",
        group="environment",
        read=readers.python,
    )
    base_image: Image = knob(
        "Container image that the environment is built on. The step pins it to its digest.",
        default=readers.DEFAULT_IMAGE,
        group="environment",
        read=Image.parse,
    )
    requirements: str = knob(
        "More requirements to lock, one a line, as pip reads them; also the path of a requirements file or of a conda "
        "file (`conda.yml`), an https address of a wheel, `.[EXTRA]` and `.:GROUP` for extras and dependency groups of "
        "the project.",
        group="environment",
        lines=True,
    )
    conda: tuple[Package, ...] = knob(
        "Conda packages of the environment, `NAME=VERSION` or `NAME=VERSION=BUILD`, one a line. A version has three "
        "parts, such as `ffmpeg=6.1.1`, or is written as `NAME==VERSION`. They come from conda-forge, or from the "
        "channels of a conda file in `requirements`.",
        group="environment",
        lines=True,
        read=readers.conda,
    )
    index: IndexMode = knob(
        "`extra`: packages come from the public index and from the feed. `only`: all packages come from the feed, "
        "which then needs the public index as an upstream.",
        default="extra",
        group="environment",
        refused={
            "git": "no feed is used, and every file has its own address",
            "no feed": "it tells what comes from the feed",
        },
        choices=get_args(IndexMode),
    )
    route: RouteName = knob(
        "How the package reaches the image: through the `feed`; through the storage of each `workspace`, for a few "
        "packages and without a feed; through a container of blobs (`storage`), for all workspaces; or from its `git` "
        "repository, where each image build fetches and builds the commit.",
        default="feed",
        choices=get_args(RouteName),
    )
    storage_container: Container | None = knob(
        "For `route: storage`: `https://ACCOUNT.blob.core.windows.net/CONTAINER`. The identity that signs in to Azure "
        "needs the role Storage Blob Data Contributor on it, each workspace's identity Storage Blob Data Reader.",
        refused=_STORAGE_ONLY,
        shown="route = storage",
        read=readers.container,
    )
    mirror: bool = knob(
        "For `route: storage`: store every package of the lock in the container, so that images are built without a "
        "package index. Only Python and pip still come from conda's channel.",
        default="false",
        refused=_STORAGE_ONLY,
        shown="route = storage",
        boolean=True,
        read=readers.boolean,
    )
    git_repository: Repository | None = knob(
        "For `route: git`: `https://HOST/OWNER/REPO`, if it isn't the checkout's origin. Put `@COMMIT` (the full id) "
        "behind it, if it isn't the commit that is checked out.",
        refused=_GIT_ONLY,
        shown="route = git",
        read=readers.repository,
    )
    sdk: SdkVersion = knob(
        "How the step talks to the workspace: through Azure Resource Manager (`v2`) or azureml-core (`v1`).",
        default="v2",
        choices=get_args(SdkVersion),
    )
    verify: Proof = knob(
        "How the environment is proven: `install` installs the lock as the image builder will, before the environment "
        "is registered; `image` also waits for the workspace's own image build, afterwards; `none` does neither.",
        default="install",
        choices=get_args(Proof),
    )
    dry_run: bool = knob(
        "Print the plan and emit the files, but change nothing.", default="false", boolean=True, read=readers.boolean
    )
    output_dir: str = knob(
        "Folder for the emitted files.",
        default="aml-environment",
        # Paths of files in it become outputs, which users paste into shell lines.
        read=readers.matching(
            r"[\w .,:/\\@+=!~%()-]+", "letters, digits, spaces and . , : / \\ @ + = ! ~ % ( ) - only"
        ),
    )
    client_id: str = knob(
        "Entra application (client id) that signs in by OIDC, without a secret; the job needs `id-token: write`.",
        group="workspace",
        styles=("github", "terminal"),
        read=readers.guid,
    )
    tenant_id: str = knob(
        "Entra tenant of `client-id`.", group="workspace", styles=("github", "terminal"), read=readers.guid
    )
    azure_subscription: str = knob(
        "Azure Resource Manager service connection that signs in to Azure; its identity needs the role AzureML Data "
        "Scientist on the workspace.",
        group="workspace",
        styles=("azure",),
    )

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
    def connects(self) -> bool:
        """Whether each workspace needs a connection, to the feed or to the repository, to build images with."""
        return self.from_commit or (self.feed is not None and not self.mirror)

    @property
    def azureml(self) -> bool:
        """Whether azureml-core is needed: for its way to the workspace, its storage, or its image builds."""
        return self.sdk == "v1" or self.route == "workspace" or self.builds_images

    @property
    def proves(self) -> bool:
        """Whether the lock is installed as a proof, before the environment is registered."""
        return self.verify != "none"

    @property
    def builds_images(self) -> bool:
        """Whether the step has each workspace build the image, and waits for it. A dry run builds none."""
        return self.verify == "image" and not self.dry_run

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
