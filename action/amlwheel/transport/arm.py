"""Requests to Azure Resource Manager, with retries, time limits and the step's own errors.

Source of the paths, bodies and rules: azure-rest-api-specs, Microsoft.MachineLearningServices, stable/2024-04-01.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from azure.core.pipeline import policies
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy, ARMHttpLoggingPolicy

from .. import __version__
from ..errors.base import StepError
from ..errors.transport import CredentialElsewhere
from ..errors.workspace import (
    AzureRefused,
    RegistryForbidden,
    RegistryNotFound,
    RegistryRefused,
    WorkspaceForbidden,
    WorkspaceNotFound,
)
from ..model import origin
from ..model.azure import Registry, Target
from ..model.package_index import shown
from ..model.secret import excerpt
from . import http
from .azure import Retries, network

ARM = "https://management.azure.com"
API_VERSION = "2024-04-01"
BRIEF = 5  # seconds for a question that may stay unanswered
Json = dict[str, Any]


class Arm:
    """A client of Azure Resource Manager, or of another service that takes its tokens and answers as it does."""

    def __init__(
        self,
        credential: Any,  # noqa: ANN401  # azure-core's protocol is structural
        scope: str,
        base: str = ARM,
        version: str = API_VERSION,
    ) -> None:
        """Sign in with `credential` for `scope`, and ask at the address `base`, mostly for the api-version `version`.

        The policies are listed one by one, because the default set registers resource providers on some 409s. The
        library's own transport keeps ten connections, each with its own copy of all roots.
        """
        self._credential, self._scope, self._base, self._version = credential, scope, base, version
        session = requests.Session()
        session.mount("https://", http.single())
        self._client: ARMPipelineClient[HttpRequest, HttpResponse] = ARMPipelineClient(
            base_url=base,
            transport=RequestsTransport(session=session, session_owner=False),
            policies=[
                policies.RequestIdPolicy(),
                policies.HeadersPolicy(),
                policies.UserAgentPolicy(f"amlwheel/{__version__}"),
                Retries(),
                ARMChallengeAuthenticationPolicy(credential, scope),
                ARMHttpLoggingPolicy(),
            ],
        )

    def at(self, base: str, version: str) -> "Arm":
        """Return a client for another service that takes the same tokens."""
        return Arm(self._credential, self._scope, base, version)

    def send(
        self, method: str, path: str, body: Json | None = None, *, version: str = "", brief: bool = False
    ) -> tuple[int, Json]:
        """Send one request and return the response's status and JSON body; see `exchange`."""
        status, data, _ = self.exchange(method, path, body, version=version, brief=brief)
        return status, data

    def exchange(
        self, method: str, path: str, body: Json | None = None, *, version: str = "", brief: bool = False
    ) -> tuple[int, Json, Mapping[str, str]]:
        """Send one request and return the response's status, JSON body and headers; no status raises anything.

        With `brief` there is one attempt only, and little time for it.

        `path` begins with a slash or is a whole address (a nextLink), which has to be one of the same service.
        A bare array, the shape of lists before 2021 (azure-rest-api-specs, workspace connections 2020-06-01), is
        returned as `{"value": …}`, the shape of today.
        Raises NoNetwork, TooSlow, BeyondBounds, CredentialElsewhere, and AzureRefused for a success without JSON.
        """
        whole = not path.startswith("/")
        url = path if whole else self._base + path
        if not origin.same(url, self._base):
            raise CredentialElsewhere(f"An answer of {self._base} continues elsewhere: at {shown(url)[:200]}.")
        params = {} if whole else {"api-version": version or self._version}
        request = (
            HttpRequest(method, url, params=params, json=body) if body else HttpRequest(method, url, params=params)
        )
        read = BRIEF if brief else http.READ
        more: dict[str, Any] = {"retry_total": 0} if brief else {}
        with network(self._base.removeprefix("https://"), read):
            response = self._client.send_request(request, connection_timeout=http.CONNECT, read_timeout=read, **more)
            try:
                data = response.json() if response.content else {}
            except ValueError:
                data = None
        if isinstance(data, list):
            data = {"value": data}
        if not isinstance(data, dict) and response.status_code < 400:  # noqa: PLR2004
            raise AzureRefused(
                f"The response from {self._service} address has status {response.status_code} and no JSON.",
                cause="A proxy or a sign-in page on the way answers in place of Azure.",
            )
        return response.status_code, object_in(data), response.headers

    @property
    def _service(self) -> str:
        return "Azure Resource Manager's" if self._base == ARM else "a registry's"

    def find(self, path: str, target: Target) -> Json | None:
        """GET a part of a workspace or registry; return None when it doesn't have it (404).

        Raises as `send` and `check` do.
        """
        status, body = self.send("GET", path)
        if status == 404:  # noqa: PLR2004
            return None  # that the target itself exists was checked before; error codes for a missing part vary
        check(status, body, target)
        return body


_NO_WORKSPACE = {
    "SubscriptionNotFound": "subscription",
    "InvalidSubscriptionId": "subscription",
    "ResourceGroupNotFound": "resource group",
    "ResourceNotFound": "workspace",
    "ParentResourceNotFound": "workspace",
    "WorkspaceNotFound": "workspace",
}


def check(status: int, body: Json, target: Target) -> None:
    """Raise WorkspaceForbidden, WorkspaceNotFound or AzureRefused unless the response is a success.

    A registry has errors of its own, each a kind of these.
    """
    if 200 <= status < 300:  # noqa: PLR2004
        return
    code, message = code_of(body), object_in(body.get("error")).get("message") or body.get("message") or ""
    details = excerpt(str(message), 2000)
    if isinstance(target, Registry):
        raise _refused(target, status, code, details)
    if status in (401, 403):
        raise WorkspaceForbidden(
            f"Azure Resource Manager forbids this on {target.id}: {status} {code}.",
            fix=grant(target),
            details=details,
        )
    if status == 404:  # noqa: PLR2004
        missing = _NO_WORKSPACE.get(code, "workspace")
        name = {"subscription": target.subscription, "resource group": target.group}.get(missing, target.name)
        raise WorkspaceNotFound(f"There is no {missing} {name}: 404 {code}.", details=details)
    raise AzureRefused(f"Azure Resource Manager answered {status} {code} for {target.name}.", details=details)


def _refused(registry: Registry, status: int, code: str, details: str) -> StepError:
    what = f"{status} {code}".strip()
    if status in (401, 403):
        return RegistryForbidden(f"The {registry.label} forbids this: {what}.", fix=grant(registry), details=details)
    if status == 404:  # noqa: PLR2004
        return RegistryNotFound(f"There is no {registry.label}: {what}.", details=details)
    refused = RegistryRefused(f"The {registry.label} answered {what}.", details=details)
    if status == 409:  # noqa: PLR2004  # and neither our definition nor another one is there
        refused.cause = "Another run is registering the same version at this moment."
        refused.fix = "Wait until that run has ended, and run the step again: it keeps what is registered by then."
    return refused


def grant(target: Target) -> str:
    """Return the advice that gives an identity every permission that the step needs (Learn, how-to-assign-roles)."""
    role, scope = "AzureML Data Scientist", target.id
    if isinstance(target, Registry):
        role, scope = "AzureML Registry User", f"$(az ml registry show --name {target.name} --query id --output tsv)"
    return f"Grant the role: az role assignment create --role '{role}' --assignee CLIENT-ID --scope {scope}"


def code_of(body: Json) -> str:
    """Return the error code in a response's body, empty when there is none."""
    return str(object_in(body.get("error")).get("code") or "")


def object_in(value: object) -> Json:
    """Return `value` if it is a JSON object, else an empty one: services don't always send what they document."""
    return value if isinstance(value, dict) else {}


def items_in(value: object) -> tuple[Json, ...]:
    """Return the objects in a JSON array; none when `value` isn't an array."""
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def allows(blocks: Sequence[Json], *, action: str = "", data: str = "") -> bool:
    """Tell whether one of the roles' permission `blocks` allows an `action` on resources, or on the `data` in them."""
    operation, kind = (data, "dataActions") if data else (action, "actions")

    def matches(patterns: object) -> bool:
        listed = patterns if isinstance(patterns, list) else ()
        return any(fnmatch.fnmatchcase(operation.lower(), str(each).lower()) for each in listed)

    return any(
        matches(block.get(kind)) and not matches(block.get(f"not{kind[0].upper()}{kind[1:]}")) for block in blocks
    )
