"""Where a token for Azure Resource Manager can come from: small detectors, each "not me", "me", or "me, but broken"."""

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial

from azure.core.credentials import TokenCredential

from ..errors.sign_in import SignInFailed
from ..model.secret import Secret
from ..transport import http
from . import github, service_connection
from .credential import Credential

# What azure-identity's EnvironmentCredential reads, and what asks GitHub for tokens; a server's error could repeat it.
SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", github.REQUEST_TOKEN)
Variables = Mapping[str, str]
Detector = Callable[[Variables], TokenCredential | None]


def find(
    environ: Variables = os.environ,
    seen: Callable[[Secret], None] = lambda _: None,
    application: tuple[str, str] = ("", ""),
) -> Credential:
    """Return the first credential that the environment offers; raise SignInFailed when there is none.

    `application` is the client id and the tenant that the user wants to sign in by OIDC: nothing else is tried then.
    """
    by_oidc: Detector = partial(github.detect, application=application, seen=seen)
    for label, detect in {"OIDC": by_oidc, **_DETECTORS}.items():
        try:
            source = detect(environ)
        except (OSError, ValueError) as error:  # azure-identity's checks of what it is given
            raise SignInFailed(
                f"Sign-in by {label} is set up with a value that can't be.", details=str(error)
            ) from None
        if source:
            return Credential(source, label, seen)
    agent = bool(environ.get("TF_BUILD"))  # nobody else has heard of a service connection
    looked = ", ".join(label for label in _DETECTORS if agent or label != "service connection")
    raise SignInFailed(
        f"Nothing to sign in to Azure with: looked for {looked}.", fix=_ON_AZURE_PIPELINES if agent else ""
    )


def service_principal(environ: Variables) -> TokenCredential | None:
    """Detect a service principal with secret or certificate (AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH)."""
    secret = environ.get("AZURE_CLIENT_SECRET", "").strip()
    certificate = environ.get("AZURE_CLIENT_CERTIFICATE_PATH", "").strip()
    if not secret and not certificate:
        return None
    tenant, client = _identity(environ, "A service principal's secret")
    # Each detector loads only what it needs.
    from azure.identity import CertificateCredential, ClientSecretCredential  # noqa: PLC0415

    if secret:
        return ClientSecretCredential(tenant, client, secret, **http.ENTRA)
    password = environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
    return CertificateCredential(tenant, client, certificate, password=password, **http.ENTRA)


def workload_identity(environ: Variables) -> TokenCredential | None:
    """Detect a federated token in a file (AZURE_FEDERATED_TOKEN_FILE), as Kubernetes runners have it."""
    file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "").strip()
    if not file:
        return None
    tenant, client = _identity(environ, "AZURE_FEDERATED_TOKEN_FILE")
    from azure.identity import WorkloadIdentityCredential  # noqa: PLC0415

    return WorkloadIdentityCredential(tenant_id=tenant, client_id=client, token_file_path=file, **http.ENTRA)


def _identity(environ: Variables, what: str) -> tuple[str, str]:
    """Return tenant and client id; a pasted value often brings white space. Raises SignInFailed when one is missing."""
    found = {name: environ.get(name, "").strip() for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise SignInFailed(f"{what} is set, but not {' and '.join(missing)}.")
    return found["AZURE_TENANT_ID"], found["AZURE_CLIENT_ID"]


def azure_cli(environ: Variables) -> TokenCredential | None:
    """Detect the Azure CLI, as azure/login and AzureCLI@2 leave it behind; whether it is logged in shows on use."""
    if not shutil.which("az", path=environ.get("PATH")):
        return None
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    return AzureCliCredential(process_timeout=60)


_ON_AZURE_PIPELINES = (
    "Name an Azure Resource Manager service connection in azureSubscription: of this task or, for a script, of "
    "AzureCLI@2, which signs in for it."
)
_DETECTORS: Mapping[str, Detector] = {
    "service connection": service_connection.service_connection,
    "service principal": service_principal,
    "workload identity": workload_identity,
    "Azure CLI": azure_cli,
}
