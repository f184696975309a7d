"""Every knob of the step, declared once. Manifests, command line and README tables are derived from `Inputs`."""

import argparse
import dataclasses
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from .errors.base import StepError, together
from .errors.inputs import BadFeed, BadInput, MissingToken, UserNotStorable
from .model import connection_token as tokens
from .model.azure import Container, Workspace, parse_container
from .model.environment import Image, Python
from .model.feed import Feed
from .model.feed_spelling import parse_feed, parse_upload_url
from .model.repository import Repository
from .model.secret import Secret

Read = TypeVar("Read")
Style = Literal["github", "azure", "terminal"]
# Dated, so that it doesn't move. It is the default of azureml-core 1.61.0.post4.
DEFAULT_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:20251130.v1"
# The newest patch of each minor version that conda-forge is known to carry: conda needs one exact version.
PYTHONS = {"3.10": "3.10.18", "3.11": "3.11.13", "3.12": "3.12.11", "3.13": "3.13.5", "3.14": "3.14.0"}


@dataclass(frozen=True)
class Knob:
    """What the outside needs to know about one input: help, default as text, and its kind.

    `unless` are the routes with which a required input may be left out.
    """

    help: str
    default: str = ""
    group: str = "more"
    required: bool = False
    unless: tuple[str, ...] = ()
    secret: bool = False
    lines: bool = False
    shown: str = ""  # when Azure Pipelines' editor shows it: `route = storage`
    boolean: bool = False
    choices: tuple[str, ...] = ()
    styles: tuple[Style, ...] = ("github", "azure", "terminal")
    read: Callable[[str], Any] = str
    name: str = ""

    @property
    def field(self) -> str:
        """The name as an identifier: `feed_token`."""
        return self.name.replace("-", "_")

    @property
    def camel(self) -> str:
        """The name on Azure Pipelines: `feedToken`."""
        return camel(self.name)

    @property
    def variable(self) -> str:
        """The environment variable that carries it: `AMLWHEEL_FEED_TOKEN`."""
        return f"AMLWHEEL_{self.field.upper()}"

    def spelled(self, style: Style) -> str:
        """Return the name that a user of this host writes. Secrets have no option: they never go into argv."""
        if style == "terminal":
            return self.variable if self.secret else f"--{self.name}"
        return self.camel if style == "azure" else self.name


def camel(name: str) -> str:
    """Return an input's or output's name for Azure Pipelines, whose task schema takes letters and digits only."""
    first, *rest = name.split("-")
    return first + "".join(part.title() for part in rest)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        message = f"{text!r} is neither true nor false."
        raise BadInput(message)
    return text.lower() == "true"


def _workspaces(text: str) -> tuple[Workspace, ...]:
    return tuple(dict.fromkeys(Workspace.parse(line) for line in _lines(text)))


def _python(text: str) -> Python:
    """Read `3.11` or `3.11.9`. `3.1` is what YAML makes of an unquoted 3.10."""
    minor = ".".join(text.split(".")[:2])
    if minor not in PYTHONS or not re.fullmatch(r"\d+\.\d+(\.\d+)?", text, re.ASCII):
        message = f"{text!r} is not one of {', '.join(PYTHONS)} (or one of their patch versions)."
        quotes = "Quote it in YAML: python-version: '3.10'." if text == "3.1" else ""
        raise BadInput(message, fix=quotes)
    return Python(text if text.count(".") == 2 else PYTHONS[minor])  # noqa: PLR2004  # major.minor.patch


def _matching(pattern: str, rule: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and not re.fullmatch(pattern, text):
            message = f"{text!r} isn't valid: {rule}."
            raise BadInput(message)
        return text

    return read


def _feed(text: str) -> Feed | None:
    return parse_feed(text) if text else None


def _repository(text: str) -> Repository | None:
    return Repository.parse(text) if text else None


def _container(text: str) -> Container | Literal[""]:
    return parse_container(text) if text else ""


def _environment_name(text: str) -> str:
    """Read an environment's name; the rule is the service's (azure-rest-api-specs, mfe.json 2024-04-01)."""
    plain = _matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}", "up to 255 letters, digits, - and _; no dots")(text)
    refuse_reserved(plain)
    return plain


def refuse_reserved(name: str) -> None:
    """Raise BadInput for a name that only Microsoft's own environments may have (azure-docs#65770)."""
    if name.lower().startswith("azureml"):
        message = f"the environment's name {name!r} begins with AzureML, which Azure keeps for itself."
        raise BadInput(message, fix="Set `environment-name` to a name that begins otherwise.")


def _token(text: str) -> Secret:
    """Read a token; what isn't printable ASCII was pasted with something that no HTTP header can carry."""
    if not re.fullmatch(r"[!-~]*", text):
        message = "it holds a space, a line break, or another character that no token has."
        raise BadInput(message, fix="Store the token again, alone and on one line.")
    return Secret(text)


# RFC 7617: no colon, since the password stands behind the first one.
_user = _matching(r"[!-9;-~]([ -9;-~]*[!-9;-~])?", "printable ASCII without a colon")


def _upload_url(text: str) -> str:
    return parse_upload_url(text) if text else ""


def _guid(text: str) -> str:
    """Read an id of Entra."""
    return _matching(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a GUID, as Entra shows it")(text).lower()


def _days(text: str) -> int | None:
    """Read a number of days."""
    return int(_matching(r"[0-9]{1,4}", "a number of days")(text)) if text else None


def _check_pair(client: str, tenant: str) -> None:
    """Raise BadInput for half a sign-in; what was refused for another reason is None."""
    if "" in (client, tenant) and (client or tenant):
        message = "`client-id` and `tenant-id` belong together, and one of them is empty."
        raise BadInput(message)


def _day(text: str) -> str:
    """Read a date as Azure DevOps shows it, or a time in UTC as its interface does; empty stays empty."""
    try:
        return tokens.day(text) if text else ""
    except ValueError:
        message = f"{text!r} is no date of the form YYYY-MM-DD."
        raise BadInput(message) from None


def knob(text: str, **more: Any) -> Any:  # noqa: ANN401  # dataclasses.field is typed the same way
    """Declare an input with its help `text`; `more` are fields of `Knob`."""
    return field(metadata={"knob": Knob(text, **more)})


_FEEDLESS = ("workspace", "storage")  # routes that publish nothing to a feed


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of one run, read and checked. Names become `kebab-case` on GitHub, `camelCase` on Azure Pipelines."""

    package_dir: tuple[str, ...] = knob(
        "Folder of the project to build. Several lines build several packages into one environment.",
        default=".",
        group="package",
        lines=True,
        read=_lines,
    )
    wheel: tuple[str, ...] = knob(
        "Wheels built earlier, as file patterns, one a line. Skips the build.",
        group="package",
        lines=True,
        read=_lines,
    )
    feed: Feed | None = knob(
        "Azure Artifacts feed in any spelling (URL, `ORG/PROJECT/FEED`, `ORG/FEED`), or the URL of another "
        "repository's simple index. With `route: workspace` or `storage` it is only read from, and may be left out; "
        "with `route: git` there is none.",
        group="feed",
        required=True,
        unless=(*_FEEDLESS, "git"),
        read=_feed,
    )
    feed_token: Secret = knob(
        "Token that may publish to the feed (Packaging, read and write). Default for Azure Artifacts: on Azure "
        "Pipelines the job's own, if the feed is of its organisation; else one of Entra, of who signs in to Azure.",
        group="feed",
        secret=True,
        read=_token,
    )
    feed_user: str = knob(
        "Name of the user whose `feed-token` is, for repositories that want one. Default: any name, as Azure Artifacts "
        "takes it.",
        group="feed",
        read=_user,
    )
    feed_upload_url: str = knob(
        "Address for uploads to another repository than Azure Artifacts. Default: derived from `feed`.",
        group="feed",
        read=_upload_url,
    )
    feed_view: str = knob(
        "View to promote the release to, such as `Release`. Default: the one in `feed` (`FEED@VIEW`), if any.",
        group="feed",
        read=_matching(r"\w[\w .-]*", "the view's name alone, such as Release"),
    )
    workspace: tuple[Workspace, ...] = knob(
        "Azure Machine Learning workspace: `SUBSCRIPTION/RESOURCE-GROUP/NAME` or its resource id. Several lines "
        "name several workspaces.",
        group="workspace",
        required=True,
        lines=True,
        read=_workspaces,
    )
    connection_name: str = knob(
        "Name of the feed's connection on the workspace. Default: derived from the feed.",
        group="workspace",
        read=_matching(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", "3 to 33 letters, digits, - and _"),
    )
    connection_token: Secret = knob(
        "Secret to store on the workspace, with which images are built: an organisation-scoped personal access "
        "token with Packaging (read). With `route: git` one that may read the repository: Contents (read-only) on "
        "GitHub, Code (read) on Azure Repos.",
        group="workspace",
        secret=True,
        read=_token,
    )
    connection_user: str = knob(
        "Name of the user whose `connection-token` is. With one, the workspace stores user name and password, else a "
        "personal access token. Default: `feed-user`.",
        group="workspace",
        read=_user,
    )
    connection_token_expires: str = knob(
        "Last day of `connection-token`, as `YYYY-MM-DD` in UTC; a time (`2027-03-01T10:00:00Z`) is cut to its day. "
        "The step warns 21 days ahead, refuses an expired token and, with `sdk: v2`, stores the date beside it.",
        group="workspace",
        read=_day,
    )
    environment_name: str = knob(
        "Name of the environment. Default: the package's name.",
        group="environment",
        read=_environment_name,
    )
    python_version: Python = knob(
        f"Python of the environment: {', '.join(PYTHONS)}, or a patch version of these.",
        default="3.11",
        group="environment",
        read=_python,
    )
    base_image: Image = knob(
        "Container image of the environment. It is pinned to its digest.",
        default=DEFAULT_IMAGE,
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
        read=_container,
    )
    mirror: bool = knob(
        "For `route: storage`: store every package of the lock in the container, so that images are built without a "
        "package index; only Python and pip still come from conda's channel.",
        default="false",
        shown="route = storage",
        boolean=True,
        read=_boolean,
    )
    git_repository: Repository | None = knob(
        "For `route: git`: `https://HOST/OWNER/REPO`, if it isn't the checkout's origin, and `@COMMIT` (all digits) "
        "behind it, if it isn't what is checked out.",
        shown="route = git",
        read=_repository,
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
        "Print the plan and emit the files, but change nothing.", default="false", boolean=True, read=_boolean
    )
    output_dir: str = knob(
        "Folder for the emitted files.",
        default="aml-environment",
        # Paths of files in it become outputs, which users paste into shell lines.
        read=_matching(r"[\w .,:/\\@+=!~%()-]+", "letters, digits, spaces and . , : / \\ @ + = ! ~ % ( ) - only"),
    )
    client_id: str = knob(
        "Entra application (client id) to sign in as by OIDC, without a secret; the job needs `id-token: write`.",
        group="workspace",
        styles=("github", "terminal"),
        read=_guid,
    )
    tenant_id: str = knob("Entra tenant of `client-id`.", group="workspace", styles=("github", "terminal"), read=_guid)
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
            _check_pair(self.client_id, self.tenant_id)
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
            message = "`git-repository` is given, and `route` isn't git."
            return [BadInput(message, fix="Leave `git-repository` out, or set `route` to git.")] * bool(
                self.git_repository
            )
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
            for name in ("connection-name", "connection-user", "connection-token-expires") if self.mirror else ():
                if getattr(self, name.replace("-", "_")):
                    message = f"`{name}` with `mirror`: images need no connection."
                    found.append(BadInput(message, fix=f"Leave `{name}` out."))
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
            message = f"`feed-view` is {given!r}, but images would be built from the view {feed.view!r} in `feed`."
            return [BadInput(message, fix="Leave the view out in one of the two.")]
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


@dataclass(frozen=True, kw_only=True)
class Consumed:
    """The inputs of the companion that checks a release before a job uses it; see `consume`."""

    receipt: str = knob("Path of the receipt, `aml-release.json`.", default="aml-environment/aml-release.json")
    workspace: tuple[Workspace, ...] = knob(
        "Workspace, or several, one a line, where the environment has to be. Default: each that it was released to.",
        lines=True,
        read=_workspaces,
    )
    client_id: str = knob("Entra application to sign in as by OIDC; the job needs `id-token: write`.", read=_guid)
    tenant_id: str = knob("Entra tenant of `client-id`.", read=_guid)
    alarm_days: int | None = knob(
        "Fail when the stored token expires within so many days, if the day is known.", read=_days
    )

    def __post_init__(self) -> None:
        """Check what concerns several inputs."""
        _check_pair(self.client_id, self.tenant_id)

    @property
    def application(self) -> tuple[str, str]:
        """The application to sign in as by OIDC, and its tenant; empty when the user wants something else."""
        return self.client_id, self.tenant_id


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


def knobs(style: Style | None = None, of: type = Inputs) -> tuple[Knob, ...]:
    """Return all knobs of a class of inputs in their order, or those that the host of `style` has."""
    found = (
        dataclasses.replace(item.metadata["knob"], name=item.name.replace("_", "-")) for item in dataclasses.fields(of)
    )
    return tuple(each for each in found if style is None or style in each.styles)


def spell(text: str, style: Style) -> str:
    """Rewrite every input in backticks to the name that a user of the host writes."""
    names = {each.name: each.spelled(style) for each in (*knobs(of=Consumed), *knobs())}
    return re.sub(r"`([a-z-]+)`", lambda match: f"`{names.get(match[1], match[1])}`", text)


def parser(of: type = Inputs) -> argparse.ArgumentParser:
    """Return the command line's parser; it has no option for secrets, which come from the environment."""
    made = argparse.ArgumentParser(
        prog="amlwheel",
        description=__doc__,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        exit_on_error=False,
        epilog="Secrets come from the environment: " + ", ".join(each.variable for each in knobs(of=of) if each.secret),
    )
    for each in knobs("terminal", of):
        if not each.secret:
            default = f" (default: {each.default})" if each.default else ""
            shape: dict[str, Any] = {"action": "append"} if each.lines else {}
            shape = {"nargs": "?", "const": "true"} if each.boolean else shape
            text = (each.help + default).replace("%", "%%")
            made.add_argument(f"--{each.name}", metavar="VALUE", help=text, **shape)
    return made


def from_command_line(arguments: Sequence[str], of: type = Inputs) -> dict[str, str]:
    """Return what the command line says, by input name; an option given several times becomes several lines.

    Raises BadInput for what isn't an option, with the option that was probably meant.
    """
    try:
        options, unknown = parser(of).parse_known_args(arguments)
    except argparse.ArgumentError as problem:
        message = f"{problem.argument_name}: {problem.message}."
        raise BadInput(message) from None
    if unknown:
        near = difflib.get_close_matches(unknown[0].split("=")[0], [f"--{each.name}" for each in knobs(of=of)], n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        shown = unknown[0].split("=")[0]
        if shown in [f"--{each.name}" for each in knobs(of=of) if each.secret]:
            meant = " Secrets are given by environment variable, never as an option."
        message = f"{shown} is not an option.{meant}"
        raise BadInput(message)
    return {
        name.replace("_", "-"): value if isinstance(value, str) else "\n".join(value)
        for name, value in vars(options).items()
    }


def from_environment(environ: Mapping[str, str], style: Style, of: type = Inputs) -> dict[str, str]:
    """Return what the environment says, by input name: `AMLWHEEL_*`, or an Azure Pipelines task's `INPUT_*`.

    The agent upper-cases the names (azure-pipelines-task-lib, `getInput`).
    """
    if style != "azure":
        return {each.name: environ[each.variable] for each in knobs(style, of) if each.variable in environ}
    found = {}
    for each in knobs("azure", of):
        variable = f"INPUT_{AZURE_NAMES.get(each.name, each.camel).upper()}"
        if variable in environ:
            found[each.name] = environ[variable]
    return found


# The house convention of Microsoft's tasks: users write the alias, the agent hands over this name.
AZURE_NAMES = {"azure-subscription": "connectedServiceNameARM"}


def read(given: Mapping[str, str]) -> Inputs:
    """Turn texts by input name into the step's `Inputs`; see `read_as`."""
    return read_as(Inputs, given)


def read_as(of: type[Read], given: Mapping[str, str]) -> Read:
    """Turn texts by input name into inputs of the class `of`.

    Raises one StepError with every problem of every input; nothing in it repeats the value of a secret.
    """
    values: dict[str, Any] = {}
    problems: list[StepError] = []
    for each in knobs(of=of):
        try:
            optional = given.get("route", "").strip() in each.unless
            values[each.field] = _value(each, given.get(each.name, "").strip(), optional=optional)
        except StepError as problem:
            problems.append(problem)
            values[each.field] = None
    try:
        inputs = of(**values)
    except StepError as problem:
        problems.extend(getattr(problem, "errors", (problem,)))
    if problems:
        raise together(problems)
    return inputs


def _value(each: Knob, text: str, *, optional: bool) -> Any:  # noqa: ANN401  # each knob has its own type
    """Read one input; raise a StepError that names it."""
    if re.fullmatch(r"\$\(.*\)", text):
        message = f"`{each.name}` is the literal text of a variable that was never set"
        raise BadInput(message + (f": {text}." if not each.secret else "."))
    unset = re.search(r"\$\([\w.]+\)", text)
    if unset and not each.secret:
        message = f"`{each.name}` holds the literal text of a variable that was never set: {unset[0]}."
        raise BadInput(message)
    text = text or each.default
    if each.required and not text and not optional:
        message = f"`{each.name}` is required."
        raise BadInput(message)
    if each.choices and text not in each.choices:
        near = difflib.get_close_matches(text.lower(), each.choices, n=1)
        message = f"`{each.name}` can't be {text!r}; it is one of {', '.join(each.choices)}."
        raise BadInput(message, fix=f"Did you mean {near[0]!r}?" if near else "")
    try:
        return each.read(text)
    except BadInput as problem:
        message = f"`{each.name}`: {problem.what}"
        raise BadInput(message, fix=problem.fix) from None
