"""What a release names in Azure: a workspace, its connection to a feed or repository, a registry, a container."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from ..errors.inputs import BadInput, BadWorkspace
from . import origin
from .feed import Feed

# As references, resource ids and the studio have it. A workspace's resource group may be called `registries`.
_REGISTRY = re.compile(
    r"(azureml|ml\.azure\.com|Microsoft\.MachineLearningServices)[:/]+registries\b|^/*registries\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Container:
    """A container of blobs in Azure Storage's public cloud."""

    account: str
    name: str

    @classmethod
    def parse(cls, text: str) -> "Container":
        """Return the container that `https://ACCOUNT.blob.core.windows.net/CONTAINER` names.

        Raises BadInput, which shows no signature. Source of the rules: Learn, resource-name-rules, and the REST
        reference, "Naming and referencing containers".
        """
        if re.search(r"[?#@&=%;]", text):
            raise BadInput(
                "it is more than an address: the rest could be a credential, and none is needed.",
                fix="Write the address alone; if it was a signed one, revoke the signature.",
            )
        scheme, _, rest = text.rpartition("://")
        host, _, name = rest.rstrip("/").partition("/")
        host = host.lower()
        account, _, domain = host.partition(".")
        if domain.endswith((".chinacloudapi.cn", ".usgovcloudapi.net")):
            raise BadInput(f"{host} belongs to another cloud; the step supports Azure's public cloud alone.")
        if scheme.lower() != "https" or domain != "blob.core.windows.net":
            message = f"{text!r} isn't of the form https://ACCOUNT.blob.core.windows.net/CONTAINER."
            hint = "A private endpoint doesn't change the name, only the address that it resolves to."
            raise BadInput(message, fix=f"Copy the container's address from the portal. {hint}")
        if not re.fullmatch(r"[a-z0-9]{3,24}", account):
            raise BadInput(f"{account!r} can't be a storage account: 3 to 24 lower-case letters and digits.")
        if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", name):
            raise BadInput(f"{name!r} can't be a container: 3 to 63 lower-case letters, digits and single dashes.")
        return cls(account, name)

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
        if _REGISTRY.search(text):
            raise BadWorkspace(
                f"`workspace` {text!r} is a registry, and only a workspace will do here.",
                cause="A registry has no connections and runs no jobs.",
            )
        found = re.search(r"/?subscriptions/([^/?&]+)/resource-?groups/([^/?&]+)/(.*)", text, re.IGNORECASE)
        if found:
            name = re.search(r"(?:^|\.MachineLearningServices/)workspaces/([^/?&]+)", found[3], re.IGNORECASE)
            if not name:
                raise BadWorkspace(
                    f"`workspace` {text!r} is a resource id, but not one of a Machine Learning workspace."
                )
            return cls._checked(text, found[1], found[2], name[1])
        parts = text.strip("/").split("/")
        if len(parts) != 3:  # noqa: PLR2004  # subscription, group, name
            raise BadWorkspace(f"`workspace` {text!r} has {len(parts)} part(s) between slashes; 3 are needed.")
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
                raise BadWorkspace(f"`workspace` {text!r}: {part!r} can't be {what}.")
        return cls(subscription.lower(), group, name)

    @property
    def id(self) -> str:
        """The resource id in Azure Resource Manager."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}"
        )

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name

    def reference(self, environment: str, version: str) -> str:
        """Return the environment as jobs on this workspace name it."""
        return f"azureml:{environment}:{version}"

    def studio(self, environment: str, version: str) -> str:
        """Return the address of an environment's page in the studio of Azure's public cloud, as the studio has it."""
        return f"https://ml.azure.com/environments/{quote(environment)}/version/{quote(version)}?wsid={self.id}"


@dataclass(frozen=True)
class Registry:
    """A registry of Azure Machine Learning: the workspaces of an organisation share its environments."""

    name: str

    @classmethod
    def parse(cls, text: str) -> "Registry":
        """Read `azureml://registries/NAME`, as Azure itself spells it (Learn, how-to-share-models-pipelines-…).

        Raises BadWorkspace. Source of the name's pattern: azure-rest-api-specs, 2024-04-01, `registryName`.
        """
        found = re.fullmatch(r"azureml://registries/([a-zA-Z0-9][a-zA-Z0-9_-]{2,32})/?", text, re.IGNORECASE)
        if not found:
            raise BadWorkspace(
                f"`workspace` {text!r} isn't a registry as azureml://registries/NAME.",
                cause="The line has more or less than the registry's name: 3 to 33 letters, digits, - and _.",
                fix="Write the registry as azureml://registries/NAME (az ml registry list shows the names).",
            )
        return cls(found[1])

    @property
    def id(self) -> str:
        """The registry as references have it. Its resource id is known only once it was asked for."""
        return f"azureml://registries/{self.name}"

    @property
    def label(self) -> str:
        """What people call it."""
        return f"registry {self.name}"

    def reference(self, environment: str, version: str) -> str:
        """Return the environment as jobs on every workspace name it."""
        return f"{self.id}/environments/{environment}/versions/{version}"

    def studio(self, environment: str, version: str) -> str:
        """Return the address of an environment's page in the studio, as azureml-assets' wiki has it."""
        page = f"{quote(self.name)}/environments/{quote(environment)}/version/{quote(version)}"
        return f"https://ml.azure.com/registries/{page}"


Target: TypeAlias = Workspace | Registry
"""Where an environment is registered."""


def kinds(targets: Iterable[Target]) -> str:
    """Return what `targets` are, for people."""
    found = {"registries" if isinstance(each, Registry) else "workspaces" for each in targets}
    return " and ".join(sorted(found, reverse=True))


def target(text: str) -> Target:
    """Read a workspace or a registry; raise BadWorkspace."""
    return Registry.parse(text) if _REGISTRY.search(text) else Workspace.parse(text)


@dataclass(frozen=True)
class Connection:
    """A workspace's connection to a feed or a repository. The token isn't part of it: it is passed by itself.

    `index` is the address that is read with it. `token_expires` is the token's last day (`YYYY-MM-DD`, UTC); empty
    when it isn't known.
    """

    name: str
    target: str
    category: str = "PythonFeed"
    index: str = ""
    token_expires: str = ""

    @classmethod
    def of(cls, feed: Feed, name: str = "") -> "Connection":
        """Return the feed's connection; without a `name` the name is derived from the target.

        One target, one name: two connections with the same target break image builds (azure-docs#114975).
        """
        return cls(name or connection_name(feed), feed.target, index=feed.index_url)

    def covers(self, url: str) -> bool:
        """Tell whether the image builder would use this connection for `url`: same host, and a prefix of its path."""
        ours, theirs = origin.split(self.target), origin.split(url)
        prefix = ours.path.rstrip("/").lower()
        return origin.same(self.target, url) and (theirs.path.lower() + "/").startswith(prefix + "/")


def connection_name(feed: Feed) -> str:
    """Return a name for the feed's connection that the service accepts: 3 to 33 letters, digits, `-` and `_`.

    Source of the rule: azure-rest-api-specs, machineLearningServices.json 2024-04-01, `connectionName`.
    """
    owner, path = feed.organisation or feed.host, urlsplit(feed.target).path
    name = f"feed-{re.sub(r'[^a-zA-Z0-9_-]+', '-', owner)}"
    if path and not feed.is_artifacts:  # one of several on this host
        return f"{name[:24].rstrip('-')}-{hashlib.sha256(feed.target.lower().encode()).hexdigest()[:8]}"
    return name[:33].rstrip("-")
