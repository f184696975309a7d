"""The inputs of the step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from ..model.azure import Container, Workspace
from ..model.conda import Package
from ..model.environment import Image, Python
from ..model.feed import Feed
from ..model.package_index import PackageIndex
from ..model.repository import Repository
from ..model.secret import Secret
from . import readers
from .facts import Facts
from .knob import Case, IndexMode, Proof, RouteName, SdkVersion, knob

_UNPUBLISHED: dict[Case, str] = dict.fromkeys(("workspace", "storage", "git"), "nothing is published")
_UNPROMOTED: dict[Case, str] = {case: f"{why}, so nothing can be promoted" for case, why in _UNPUBLISHED.items()}
_STORAGE_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "git"), "it is for `route` storage alone")
_GIT_ONLY: dict[Case, str] = dict.fromkeys(("feed", "workspace", "storage"), "it is for `route` git alone")
_NO_CONNECTION = "images need no connection"
_BESIDE_IT = "it belongs to a token, which the pipeline gives"
_WHO_SIGNS_IN = "it says who signs in, and that differs from host to host"


@dataclass(frozen=True, kw_only=True)
class Inputs(Facts):
    """The inputs of one run, read and checked. Names become `kebab-case` on GitHub, `camelCase` on Azure Pipelines."""

    package_dir: tuple[str, ...] = knob(
        "Folder of the project to build. Several lines build several packages into one environment.",
        default=".",
        group="package",
        pipeline="it says where the table is",
        lines=True,
        read=readers.lines,
    )
    wheel: tuple[str, ...] = knob(
        "Wheels that were built earlier, as file patterns, one a line. The step then builds nothing.",
        group="package",
        refused={"git": "images are built from the commit"},
        pipeline="wheels are given to one run, which builds none",
        lines=True,
        read=readers.lines,
    )
    build_env: tuple[str, ...] = knob(
        "Names of environment variables that the build may see, one a line, beside those of compilers, build tools and "
        "the run (`CI`, `GITHUB_SHA`, `BUILD_BUILDNUMBER`, and so on). No secrets: the build runs the project's code.",
        group="package",
        refused={"git": "images are built from the commit, where no such variable is set"},
        lines=True,
        read=readers.variables,
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
        pipeline=_BESIDE_IT,
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
        pipeline=_BESIDE_IT,
        read=readers.user,
    )
    connection_token_expires: str = knob(
        "Last day of `connection-token`, as `YYYY-MM-DD` in UTC; of a time (`2027-03-01T10:00:00Z`) only the day "
        "counts. The step warns from 21 days before that day on, refuses an expired token and, with `sdk: v2`, stores "
        "the date beside the token.",
        group="workspace",
        refused={"mirror": _NO_CONNECTION, "no feed": "it belongs to the token for the feed"},
        pipeline=_BESIDE_IT,
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
    lock: str = knob(
        "The team's own lock, which gives name, version, sha256 and index of every package: the path of a `uv.lock`, "
        "of a `pylock.toml`, or of a requirements file with hashes. `auto` takes the `uv.lock` or `pylock.toml` of the "
        "leading package or of its uv workspace, if there is one; `resolve` takes none.",
        default="auto",
        group="environment",
    )
    from_source: frozenset[str] = knob(
        "Packages, one a line, that may be built from their source: where a package was published without a wheel, the "
        "step builds one from the sdist, whose sha256 is locked, and publishes it beside yours. `all`: every package "
        "that has no wheel that fits.",
        group="environment",
        refused={"git": "images build the project's commit alone"},
        lines=True,
        read=readers.names,
    )
    package_indexes: tuple[PackageIndex, ...] = knob(
        "Indexes beside the public one and the feed: `URL NAME NAME...` a line. These packages come from that index "
        "and from no other. What uv, Poetry or PDM have in `pyproject.toml` is read without it.",
        group="environment",
        lines=True,
        read=readers.package_indexes,
    )
    torch_backend: PackageIndex | None = knob(
        "The builds of PyTorch to take, in uv's words: `cpu`, `cu126`, ... Its packages come from PyTorch's own index "
        "for that backend.",
        group="environment",
        read=readers.torch_backend,
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
        "Print the plan and emit the files, but change nothing.",
        default="false",
        pipeline="whoever starts a run says whether it changes anything",
        boolean=True,
        read=readers.boolean,
    )
    output_dir: str = knob(
        "Folder for the emitted files.",
        default="aml-environment",
        pipeline="later steps of the pipeline read the files from there",
        # Paths of files in it become outputs, which users paste into shell lines.
        read=readers.matching(
            r"[\w .,:/\\@+=!~%()-]+", "letters, digits, spaces and . , : / \\ @ + = ! ~ % ( ) - only"
        ),
    )
    client_id: str = knob(
        "Entra application (client id) that signs in by OIDC, without a secret; the job needs `id-token: write`.",
        group="workspace",
        pipeline=_WHO_SIGNS_IN,
        styles=("github", "terminal"),
        read=readers.guid,
    )
    tenant_id: str = knob(
        "Entra tenant of `client-id`.",
        group="workspace",
        pipeline=_WHO_SIGNS_IN,
        styles=("github", "terminal"),
        read=readers.guid,
    )
    azure_subscription: str = knob(
        "Azure Resource Manager service connection that signs in to Azure; its identity needs the role AzureML Data "
        "Scientist on the workspace.",
        group="workspace",
        pipeline="Azure Pipelines opens the service connection before the step runs",
        styles=("azure",),
    )

    folders: Mapping[str, Path] = field(default_factory=dict)
    """The folder of the project whose table gives an input, by input; no input itself."""
