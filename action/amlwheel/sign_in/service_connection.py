"""The Azure Resource Manager service connection of an Azure Pipelines task, in any of its three schemes.

The parameters' names are those that azure-pipelines-tasks' `azure-arm-rest` reads.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential

from ..errors.sign_in import UnusableServiceConnection
from ..hosts.azure_variables import CONNECTION, Variables, job_token
from ..model import jwt
from ..model.secret import Secret
from ..transport import azure

_FEDERATED = "workloadidentityfederation"
MARGIN = 60  # seconds for which a federated token must still be valid to be exchanged


def service_connection(environ: Variables, mask: Callable[[Secret], None] = lambda _: None) -> TokenCredential | None:
    """Detect the task's Azure Resource Manager service connection, in any of its three schemes.

    `mask` is called with every federated token that the host gives.

    Raises UnusableServiceConnection if it is of another type, or this pipeline may not use it.
    """
    name = environ.get(CONNECTION, "").strip()
    if not name:
        return None
    scheme = environ.get(f"ENDPOINT_AUTH_SCHEME_{name}", "")
    if not scheme:
        raise UnusableServiceConnection(
            "The agent has no service connection for `azure-subscription`.",
            cause="It doesn't exist, or the pipeline hasn't been permitted to use it.",
        )
    if scheme.lower() not in (_FEDERATED, *_SCHEMES):
        raise UnusableServiceConnection(
            f"`azure-subscription` has the scheme {scheme}, which isn't one of Azure Resource Manager."
        )
    cloud = environ.get(f"ENDPOINT_DATA_{name}_ENVIRONMENT") or "AzureCloud"
    if cloud.lower() != "azurecloud":
        raise UnusableServiceConnection(f"`azure-subscription` leads to {cloud}; this step knows AzureCloud only.")
    return _Federated(environ, name, mask) if scheme.lower() == _FEDERATED else _SCHEMES[scheme.lower()](environ, name)


def _parameter(environ: Variables, connection: str, name: str) -> str:
    value = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_{name}", "").strip()
    if not value:
        raise UnusableServiceConnection(f"The service connection of `azure-subscription` has no {name}.")
    return value


def _principal(environ: Variables, connection: str) -> TokenCredential:
    """Return the credential of a service principal with a secret, or with a certificate and its key."""
    from azure.identity import CertificateCredential, ClientSecretCredential  # noqa: PLC0415  # 0.3 s

    tenant, client = (_parameter(environ, connection, name) for name in ("TENANTID", "SERVICEPRINCIPALID"))
    kind = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_AUTHENTICATIONTYPE", "")
    if kind.lower() == "spncertificate":
        pem = _parameter(environ, connection, "SERVICEPRINCIPALCERTIFICATE")
        return CertificateCredential(tenant, client, certificate_data=pem.encode(), **azure.ENTRA)
    secret = _parameter(environ, connection, "SERVICEPRINCIPALKEY")
    return ClientSecretCredential(tenant, client, secret, **azure.ENTRA)


def _managed(environ: Variables, connection: str) -> TokenCredential:
    """Return the credential of the agent's own machine."""
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415

    del environ, connection
    return ManagedIdentityCredential()


class _Federated:
    """Workload identity federation: with the token that came with the job or, once it has expired, with a new one."""

    def __init__(self, environ: Variables, connection: str, mask: Callable[[Secret], None]) -> None:
        from azure.identity import AzurePipelinesCredential, ClientAssertionCredential  # noqa: PLC0415

        class Masked(AzurePipelinesCredential):
            """Has the host mask each token that it gets from Azure Pipelines, before Entra is sent it."""

            def _get_oidc_token(self) -> str:
                token = str(super()._get_oidc_token())
                mask(Secret(token))
                return token

        tenant, client = (_parameter(environ, connection, name) for name in ("TENANTID", "SERVICEPRINCIPALID"))
        self._id_token = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_IDTOKEN", "")
        self._with_id_token = ClientAssertionCredential(tenant, client, lambda: self._id_token, **azure.ENTRA)
        token = Secret(job_token(environ)) if environ.get("SYSTEM_OIDCREQUESTURI") else None
        if not token and not self._id_token:
            raise UnusableServiceConnection(
                "The agent gives no federated token for `azure-subscription` (no System.OidcRequestUri).",
                fix="Update the agent; it must be newer than 3.225.",
            )
        self._with_new_token = token and Masked(
            tenant_id=tenant,
            client_id=client,
            service_connection_id=connection,
            system_access_token=token.reveal(),
            **azure.ENTRA,
        )

    def presented(self) -> Mapping[str, Any]:
        """Return the claims of the token that came with the job; empty if none came."""
        return jwt.of(self._id_token)

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return Entra's token for `scopes`, exchanged for a federated token that is still valid."""
        if self._with_new_token and not _is_valid(self._id_token):
            return self._with_new_token.get_token(*scopes, **more)
        return self._with_id_token.get_token(*scopes, **more)


def _is_valid(token: str) -> bool:
    """Tell whether a JWT is valid long enough to be exchanged. Entra checks its signature."""
    expires = jwt.of(token).get("exp")
    return isinstance(expires, (int, float)) and expires - time.time() > MARGIN


_SCHEMES: Mapping[str, Callable[[Variables, str], TokenCredential]] = {
    "serviceprincipal": _principal,
    "managedserviceidentity": _managed,
}
