"""An input, declared once for the command line, action.yml, the task's manifest and the README."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Style = Literal["github", "azure", "terminal"]
# The words of the inputs `command`, `route`, `index`, `sdk`, `verify` and `audit`, in the order in which manifests list
# them.
Command = Literal["release", "connect"]
RouteName = Literal["feed", "workspace", "storage", "git"]
IndexMode = Literal["extra", "only"]
SdkVersion = Literal["v2", "v1"]
Proof = Literal["none", "files", "install", "import", "recipe", "image"]
AuditMode = Literal["warn", "refuse", "none"]
# What may be the case in a run, so that some inputs mean nothing in it; `rules` tells which cases apply.
Case = Literal[RouteName, "mirror", "no feed"]
# What `command` connect takes: who signs in, where to store which token. Every other input belongs to a release. It has
# no use for `output-dir`, and for `feed-token` only a warning; both often stand there for all steps of a job.
_CONNECTING = frozenset(
    "command feed feed-token feed-user workspace connection-name connection-token connection-user "
    "connection-token-expires route git-repository mirror sdk dry-run output-dir client-id tenant-id "
    "azure-subscription timeout-minutes trace".split()
)


@dataclass(frozen=True)
class Knob:
    """One input as users see it: help, default as text, and kind.

    `unless` are the routes with which a required input may be left out. `refused` has the cases in which the input
    means nothing, each with the reason that the user reads. `pipeline` says why only the pipeline can give it; an input
    without such a reason may stand in the project's own table as well, unless it is a secret.
    """

    help: str
    default: str = ""
    group: str = "more"
    required: bool = False
    unless: tuple[RouteName, ...] = ()
    refused: Mapping[Case, str] = field(default_factory=dict)
    secret: bool = False
    pipeline: str = ""
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

    @property
    def own(self) -> bool:
        """Whether the project's table, `[tool.amlwheel]`, may give it."""
        return not (self.secret or self.pipeline)

    @property
    def connects(self) -> bool:
        """Whether `command` connect takes it."""
        return self.name in _CONNECTING

    @property
    def filled(self) -> str:
        """The default that a host may fill in: none where the project's table may give a value.

        What a host fills in can't be told from what the pipeline gives, and that would win over the table.
        """
        return "" if self.own else self.default

    @property
    def explained(self) -> str:
        """The help, with the default that no host fills in."""
        return f"{self.help} Default: `{self.default}`." if self.default and self.own else self.help

    def spelled(self, style: Style) -> str:
        """Return the name that a user of this host writes. Secrets have no option: they never go into argv."""
        if style == "terminal":
            return self.variable if self.secret else f"--{self.name}"
        return self.camel if style == "azure" else self.name


def camel(name: str) -> str:
    """Return an input's or output's name for Azure Pipelines, whose task schema takes letters and digits only."""
    first, *rest = name.split("-")
    return first + "".join(part.title() for part in rest)


def knob(text: str, **more: Any) -> Any:  # noqa: ANN401  # dataclasses.field is typed the same way
    """Declare an input with its help `text`; `more` are fields of `Knob`."""
    return field(metadata={"knob": Knob(text, **more)})


def knobs(of: type, style: Style | None = None) -> tuple[Knob, ...]:
    """Return all knobs of a class of inputs in their order, or those that the host of `style` has."""
    named = (
        dataclasses.replace(item.metadata["knob"], name=item.name.replace("_", "-"))
        for item in dataclasses.fields(of)
        if "knob" in item.metadata
    )
    return tuple(each for each in named if style is None or style in each.styles)
