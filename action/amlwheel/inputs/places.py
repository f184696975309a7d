"""The inputs that say what is released to where: packages, feed, workspaces."""

from dataclasses import dataclass

from ..model.azure import Target
from ..model.feed import Feed
from ..model.secret import Secret
from . import readers
from .facts import Facts
from .knob import knob
from .reasons import BESIDE_IT, NO_CONNECTION, UNPROMOTED, UNPUBLISHED


@dataclass(frozen=True, kw_only=True)
class Places(Facts):
    """Packages, feed and workspaces with their tokens; `step.Inputs` has the rest."""

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
        pipeline=BESIDE_IT,
        read=readers.user,
    )
    feed_upload_url: str = knob(
        "Address for uploads, for another repository than Azure Artifacts. Default: derived from `feed`.",
        group="feed",
        refused=UNPUBLISHED,
        read=readers.upload_url,
    )
    feed_view: str = knob(
        "View to which the release is promoted, such as `Release`. Default: the view in `feed` (`FEED@VIEW`), if there "
        "is one.",
        group="feed",
        refused=UNPROMOTED,
        read=readers.matching(r"\w[\w .-]*", "the view's name alone, such as Release"),
    )
    workspace: tuple[Target, ...] = knob(
        "Azure Machine Learning workspace: `SUBSCRIPTION/RESOURCE-GROUP/NAME` or its resource id; or a registry, "
        "`azureml://registries/NAME`, for the environment alone: connections are the workspaces'. Several lines "
        "name several, which are changed at the same time; one in two spellings counts once.",
        group="workspace",
        required=True,
        lines=True,
        read=readers.targets,
    )
    connection_name: str = knob(
        "Name of the workspace's connection to the feed or repository. Default: derived from the feed or repository.",
        group="workspace",
        refused={"mirror": NO_CONNECTION, "no feed": "it names the connection to the feed"},
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
            "mirror": NO_CONNECTION,
            "no feed": "it names a user of the feed",
        },
        pipeline=BESIDE_IT,
        read=readers.user,
    )
    connection_token_expires: str = knob(
        "Last day of `connection-token`, as `YYYY-MM-DD` in UTC; of a time (`2027-03-01T10:00:00Z`) only the day "
        "counts. The step warns from 21 days before that day on, refuses an expired token and, with `sdk: v2`, stores "
        "the date beside the token.",
        group="workspace",
        refused={"mirror": NO_CONNECTION, "no feed": "it belongs to the token for the feed"},
        pipeline=BESIDE_IT,
        read=readers.day,
    )
