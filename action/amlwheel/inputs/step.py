"""The inputs of the step."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

from ..errors.base import StepError, together
from ..errors.inputs import BadFeed, BadInput, MissingToken, UserNotStorable
from ..model.azure import Container, Workspace
from ..model.environment import Image, Python
from ..model.feed import Feed
from ..model.repository import Repository
from ..model.secret import Secret
from . import readers
from .knob import knob

_FEEDLESS = ("workspace", "storage")  # routes that publish nothing to a feed


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
        "Wheels built earlier, as file patterns, one a line. Skips the build.",
        group="package",
        lines=True,
        read=readers.lines,
    )
    feed: Feed | None = knob(
        "Azure Artifacts feed in any spelling (URL, `ORG/PROJECT/FEED`, `ORG/FEED`), or the URL of another "
        "repository's simple index. With `route: workspace` or `storage` it is only read from, and may be left out; "
        "with `route: git` there is none.",
        group="feed",
        required=True,
        unless=(*_FEEDLESS, "git"),
        read=readers.feed,
    )
    feed_token: Secret = knob(
        "Token that may publish to the feed (Packaging, read and write). Default for Azure Artifacts: on Azure "
        "Pipelines the job's own, if the feed is of its organisation; else one of Entra, of who signs in to Azure.",
        group="feed",
        secret=True,
        read=readers.token,
    )
    feed_user: str = knob(
        "Name of the user whose `feed-token` is, for repositories that want one. Default: any name, as Azure Artifacts "
        "takes it.",
        group="feed",
        read=readers.user,
    )
    feed_upload_url: str = knob(
        "Address for uploads to another repository than Azure Artifacts. Default: derived from `feed`.",
        group="feed",
        read=readers.upload_url,
    )
    feed_view: str = knob(
        "View to promote the release to, such as `Release`. Default: the one in `feed` (`FEED@VIEW`), if any.",
        group="feed",
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
        "Name of the feed's connection on the workspace. Default: derived from the feed.",
        group="workspace",
        read=readers.matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", "3 to 33 letters, digits, - and _"),
    )
    connection_token: Secret = knob(
        "Secret to store on the workspace, with which images are built: an organisation-scoped personal access "
        "token with Packaging (read). With `route: git` one that may read the repository: Contents (read-only) on "
        "GitHub, Code (read) on Azure Repos.",
        group="workspace",
        secret=True,
        read=readers.token,
    )
    connection_user: str = knob(
        "Name of the user whose `connection-token` is. With one, the workspace stores user name and password, else a "
        "personal access token. Default: `feed-user`.",
        group="workspace",
        read=readers.user,
    )
    connection_token_expires: str = knob(
        "Last day of `connection-token`, as `YYYY-MM-DD` in UTC; a time (`2027-03-01T10:00:00Z`) is cut to its day. "
        "The step warns 21 days ahead, refuses an expired token and, with `sdk: v2`, stores the date beside it.",
        group="workspace",
        read=readers.day,
    )
    environment_name: str = knob(
        "Name of the environment. Default: the package's name.",
        group="environment",
        read=readers.environment_name,
    )
    python_version: Python = knob(
        f"Python of the environment: {', '.join(readers.PYTHONS)}, or a patch version of these.",
        default="3.11",
        group="environment",
        read=readers.python,
    )
    base_image: Image = knob(
        "Container image of the environment. It is pinned to its digest.",
        default=readers.DEFAULT_IMAGE,
        group="environment",
        read=Image.parse,
    )
    requirements: str = knob(
        "More requirements to lock in: one a line, or the path of a file that holds them.",
        group="environment",
        lines=True,
    )
    index: str = knob(
        "`extra`: the public index plus the feed. `only`: the feed alone, which then needs the public index as an "
        "upstream.",
        default="extra",
        group="environment",
        choices=("extra", "only"),
    )
    route: str = knob(
        "How the package reaches the image: through the `feed`; through the storage of each `workspace`, for a few "
        "packages and without a feed; through a container of blobs (`storage`), for all workspaces; or from its `git` "
        "repository, where each image build fetches and builds the commit.",
        default="feed",
        choices=("feed", "workspace", "storage", "git"),
    )
    storage_container: Container | Literal[""] | None = knob(
        "For `route: storage`: `https://ACCOUNT.blob.core.windows.net/CONTAINER`. Who signs in to Azure needs the role "
        "Storage Blob Data Contributor on it, each workspace's identity Storage Blob Data Reader.",
        shown="route = storage",
        read=readers.container,
    )
    mirror: bool = knob(
        "For `route: storage`: store every package of the lock in the container, so that images are built without a "
        "package index; only Python and pip still come from conda's channel.",
        default="false",
        shown="route = storage",
        boolean=True,
        read=readers.boolean,
    )
    git_repository: Repository | None = knob(
        "For `route: git`: `https://HOST/OWNER/REPO`, if it isn't the checkout's origin, and `@COMMIT` (all digits) "
        "behind it, if it isn't what is checked out.",
        shown="route = git",
        read=readers.repository,
    )
    sdk: str = knob(
        "Way to the workspace: Azure Resource Manager (`v2`) or azureml-core (`v1`).",
        default="v2",
        choices=("v2", "v1"),
    )
    verify: str = knob(
        "Proof: `install` installs the lock as the image builder will, before it is registered; `image` also awaits "
        "the workspace's own image build, afterwards; `none`.",
        default="install",
        choices=("none", "install", "image"),
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
        "Entra application (client id) to sign in as by OIDC, without a secret; the job needs `id-token: write`.",
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

    def __post_init__(self) -> None:
        """Check what concerns several inputs; raise all problems together."""
        problems: list[StepError] = [
            MissingToken(f"`{name}` is empty.", fix=self._token_fix(name))
            for name in _TOKEN_FIX
            if getattr(self, name.replace("-", "_")) == Secret("")  # None: refused for another reason
            and (self.feed or self.route not in _FEEDLESS)
            and (name == "feed-token" or self.connects)
            and not (name == "feed-token" and getattr(self.feed, "is_artifacts", True))  # then Entra gives one
        ]
        try:
            readers.check_pair(self.client_id, self.tenant_id)
        except BadInput as problem:
            problems.append(problem)
        if self.route in _FEEDLESS and not self.feed:
            problems += [
                BadInput(f"`{name}` says something about a `feed`, and none is given.", fix=f"Leave `{name}` out.")
                for name, given in (
                    ("index", self.index == "only"),
                    ("connection-name", self.connection_name),
                    ("feed-user", self.feed_user),
                    ("connection-user", self.connection_user),
                    ("connection-token-expires", self.connection_token_expires),
                )
                if given
            ]
        problems += [*self._storage_problems(), *self._git_problems()]
        problems += [*self._view_problems(), *self._repository_problems()]
        if problems:
            raise together(problems)
        if self.feed and self.feed_upload_url:
            object.__setattr__(self, "feed", dataclasses.replace(self.feed, upload_url=self.feed_upload_url))
        users = {"feed_token": self.feed_user, "connection_token": self.connection_user or self.feed_user}
        for name, user in users.items():
            if getattr(self, name):  # None: refused for another reason
                object.__setattr__(self, name, getattr(self, name).of(user))

    def _token_fix(self, name: str) -> str:
        """Return what to do about a missing token."""
        if self.route == "git":
            return _REPOSITORY_FIX
        return _TOKEN_FIX[name] if getattr(self.feed, "is_artifacts", True) else f"{_ELSEWHERE_FIX} as `{name}`."

    def _repository_problems(self) -> list[StepError]:
        """Return what is wrong with `feed-upload-url` and the users, if anything."""
        found: list[StepError] = []
        if self.feed_upload_url and (self.route != "feed" or (self.feed and self.feed.is_artifacts)):
            why = "nothing is published" if self.route != "feed" else "Azure Artifacts has its own address for it"
            found.append(BadInput(f"`feed-upload-url`: {why}.", fix="Leave `feed-upload-url` out."))
        if self.feed and not self.feed.upload_url and not self.feed_upload_url and self.route == "feed":
            message = f"`feed` {self.feed.label} is the index of a group of GitLab, which takes no uploads."
            fix = "Give a project's https://HOST/api/v4/projects/ID/packages/pypi as `feed`, or as `feed-upload-url`."
            found.append(BadFeed(message, fix=fix))
        if self.sdk == "v1" and self.connects and (self.feed_user or self.connection_user):
            name = "connection-user" if self.connection_user else "feed-user"
            found.append(UserNotStorable(f"`{name}` can't be stored on a workspace with `sdk` v1."))
        return found

    def _git_problems(self) -> list[StepError]:
        """Return what makes no sense with `route` git, or without it."""
        if self.route != "git":
            return [
                BadInput(
                    "`git-repository` is given, and `route` isn't git.",
                    fix="Leave `git-repository` out, or set `route` to git.",
                )
            ] * bool(self.git_repository)
        why = {
            "wheel": "images are built from the commit",
            "feed": "nothing is published, and images need no feed",
            "feed-token": "no feed is used",
            "feed-user": "no feed is used",
            "connection-user": "a token for git needs no user",
            "feed-view": "nothing is published, so nothing can be promoted",
            "index": "no feed is used, and every file has its own address",
        }
        given = {name: getattr(self, name.replace("-", "_")) for name in why} | {"index": self.index == "only"}
        return [
            BadInput(f"`{name}` with `route` git: {why[name]}.", fix=f"Leave `{name}` out.")
            for name, value in given.items()
            if value
        ]

    def _storage_problems(self) -> list[StepError]:
        """Return what doesn't belong together of `route`, `storage-container` and `mirror`."""
        if self.route == "storage":
            found: list[StepError] = []
            if self.storage_container == "":  # None: refused for another reason
                found.append(BadInput("`route` storage needs a `storage-container`."))
            found += [
                BadInput(f"`{name}` with `mirror`: images need no connection.", fix=f"Leave `{name}` out.")
                for name in ("connection-name", "connection-user", "connection-token-expires")
                if self.mirror and getattr(self, name.replace("-", "_"))
            ]
            return found
        given = (("storage-container", self.storage_container), ("mirror", self.mirror))
        return [
            BadInput(f"`{name}` is for `route` storage alone.", fix=f"Leave `{name}` out.") for name, it in given if it
        ]

    def _view_problems(self) -> list[StepError]:
        """Return why nothing can be promoted to `feed-view`, if so."""
        given, feed = self.feed_view, self.feed
        if not given or self.route == "git":
            return []
        if self.route in _FEEDLESS:
            return [
                BadInput(f"`feed-view` with `route` {self.route}: nothing is published, so nothing can be promoted.")
            ]
        if feed and not feed.is_artifacts:
            return [BadInput("`feed-view`: only feeds of Azure Artifacts have views, and `feed` is another index.")]
        if feed and feed.view and feed.view.lower() != given.lower():
            return [
                BadInput(
                    f"`feed-view` is {given!r}, but images would be built from the view {feed.view!r} in `feed`.",
                    fix="Leave the view out in one of the two.",
                )
            ]
        return []

    @property
    def view(self) -> str:
        """The view to promote to: `feed-view`, or the one in `feed`. Every version is in Local (Learn, feeds/views)."""
        in_feed = self.feed.view if self.feed and self.route == "feed" else None
        found = self.feed_view or in_feed or ""
        return "" if found.lower() == "local" else found

    @property
    def application(self) -> tuple[str, str]:
        """The application to sign in as by OIDC, and its tenant; empty when the user wants something else."""
        return self.client_id, self.tenant_id

    @property
    def connects(self) -> bool:
        """Whether images are built with the feed, if there is one, and the workspace needs a connection to it."""
        return not self.mirror

    @property
    def azureml(self) -> bool:
        """Whether azureml-core is needed: for its way to the workspace, its storage, or its image builds."""
        return self.sdk == "v1" or self.route == "workspace" or (self.verify == "image" and not self.dry_run)


_ELSEWHERE_FIX = "Store the password or token of a user of the repository as a secret, and pass it"
_TOKEN_FIX = {
    "feed-token": "Make a token with scope Packaging (read and write), store it as a secret, and pass it as "
    "`feed-token`.",
    "connection-token": "Make an organisation-scoped personal access token with scope Packaging (read), store it as a "
    "secret, and pass it as `connection-token`.",
}
_REPOSITORY_FIX = (
    "Make a token that may read the repository (GitHub: fine-grained, Contents read-only; Azure Repos: Code read), "
    "store it as a secret, and pass it as `connection-token`."
)
