"""A registry of Azure Machine Learning: where it is, and how an environment gets into it.

The requests are those of azure-ai-ml 1.35 (`_utils/_registry_utils.py`), the client that Learn names for registries. It
also asks for a place to upload a build context to; an environment with an image and a conda file has none.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ..errors.transport import CredentialElsewhere
from ..errors.workspace import RegistryRefused
from ..model.azure import Registry
from ..model.environment import Definition, Environment
from ..model.package_index import shown
from ..model.secret import excerpt
from ..transport.arm import Arm, Json, check, code_of, object_in
from .arm import asset, definition, path_in

DISCOVERY = "https://eastus.api.azureml.ms"  # azure-ai-ml, `_azure_environments.py`, of the public cloud
VERSION = "2021-10-01-dataplanepreview"
FRONT = "mferp/managementfrontend"
PATIENCE = 600  # seconds for an environment to be made
LONGEST = 30  # seconds between two questions; the longest that azure-core itself would wait
_UNMADE = ("failed", "canceled")
_HOST = r"[a-z0-9-]+\.api\.azureml\.ms"


@dataclass(frozen=True)
class Place:
    """Where the environments of a `registry` are: `id` is its resource id, and `arm` asks the region that it is in."""

    registry: Registry
    id: str
    arm: Arm
    pause: Callable[[float], None] = time.sleep

    @property
    def root(self) -> str:
        """What the paths of its parts begin with."""
        return f"/{FRONT}{self.id}"

    def find(self, environment: Environment) -> Definition | None:
        """Return what is registered under the name and version of `environment`; None when nothing is."""
        return definition(made(self.arm.find(path_in(self.root, environment), self.registry)))

    def register(self, environment: Environment, tags: Mapping[str, str]) -> None:
        """PUT the version, and wait until the registry has made it; raise RegistryRefused if it doesn't."""
        status, body, headers = self.arm.exchange("PUT", path_in(self.root, environment), asset(environment, tags))
        check(status, body, self.registry)
        operation = headers.get("Azure-AsyncOperation")
        if operation:
            self._wait(operation, environment)

    def _wait(self, operation: str, environment: Environment) -> None:
        """Ask at the address `operation` until it has ended; the pauses are the server's, or grow from a second on."""
        waited, pause = 0.0, 1.0
        while waited < PATIENCE:
            status, body, headers = self.arm.exchange("GET", operation)
            if status == 404:  # noqa: PLR2004  # forgotten: the version itself is read next
                return
            check(status, body, self.registry)
            ended = str(body.get("status")).lower()
            if ended == "succeeded":
                return
            if ended in _UNMADE:
                raise self._failed(body, environment)
            asked = headers.get("Retry-After", "")
            seconds = min(float(asked) if asked.isdecimal() and int(asked) else pause, LONGEST)
            self.pause(seconds)
            waited, pause = waited + seconds, pause * 2
        raise RegistryRefused(
            f"The {self.registry.label} hasn't made {environment.name} within {PATIENCE // 60} minutes.",
            cause="It is busy, or builds the image.",
            fix="Run the step again: it finds what is registered by then.",
        )

    def _failed(self, body: Json, environment: Environment) -> RegistryRefused:
        said = object_in(body.get("error")).get("message") or ""
        what = f"{body.get('status')} {code_of(body)}".strip()[:200]
        return RegistryRefused(
            f"The {self.registry.label} couldn't make {environment.name}: {what}.", details=excerpt(str(said), 2000)
        )


def made(version: Json | None) -> Json | None:
    """Return a version as a registry shows it; None for one that it couldn't make, which is of no use to anybody."""
    state = object_in((version or {}).get("properties")).get("provisioningState")
    return None if str(state).lower() in _UNMADE else version


def find(arm: Arm, registry: Registry) -> Place:
    """Ask where `registry` is, which only its name says.

    Raises RegistryNotFound, RegistryForbidden, RegistryRefused; CredentialElsewhere for an answer that leads to a host
    which isn't Azure Machine Learning's.
    """
    path = f"/registrymanagement/v1.0/registries/{quote(registry.name)}/discovery"
    status, page = arm.at(DISCOVERY, "v1.0").send("GET", path)
    check(status, page, registry)
    address = str(page.get("primaryRegionResourceProviderUri") or "")
    split = urlsplit(address)
    if split.scheme != "https" or not re.fullmatch(_HOST, split.netloc, re.IGNORECASE):
        raise CredentialElsewhere(f"The {registry.label} is said to be at {shown(address)[:200] or 'no address'}.")
    subscription, group = (quote(str(page.get(key) or ""), safe="") for key in ("subscriptionId", "resourceGroup"))
    if not (subscription and group):
        raise RegistryRefused(f"The answer about {registry.label} doesn't tell its subscription and resource group.")
    return Place(
        registry,
        f"/subscriptions/{subscription}/resourceGroups/{group}"
        f"/providers/Microsoft.MachineLearningServices/registries/{quote(registry.name)}",
        arm.at(f"https://{split.netloc}", VERSION),
    )
