"""Where the token for Azure comes from: detectors, one for each way of signing in, in the order of their precedence.

A detector returns None if its way isn't set up, its credential if it is, and raises if it is set up wrongly.
"""

import os
import shutil
from collections.abc import Callable, Mapping
from functools import partial

from azure.core.credentials import TokenCredential

from ..errors.sign_in import SignInFailed
from ..hosts import azure_variables
from ..model.secret import Secret
from ..transport import azure
from . import github, service_connection
from .credential import Credential

Variables = Mapping[str, str]
Detector = Callable[[Variables], TokenCredential | None]


def find(
    environ: Variables = os.environ,
    mask: Callable[[Secret], None] = lambda _: None,
    application: tuple[str, str] = ("", ""),
) -> Credential:
    """Return the first credential that the environment offers; raise SignInFailed when there is none.

    `mask` is called with every token that is fetched. `application` is the client id and the tenant for sign-in by
    OIDC: if the user names one, no other way is tried.
    """
    by_oidc: Detector = partial(github.detect, application=application, mask=mask)
    for label, detect in {"OIDC": by_oidc, **_DETECTORS, **_with(mask)}.items():
        try:
            credential = detect(environ)
        except (OSError, ValueError) as error:  # azure-identity checks its arguments
            raise SignInFailed(f"Sign-in by {label} has an invalid setting.", details=str(error)) from None
        if credential:
            return Credential(credential, label, mask)
    agent = azure_variables.is_job(environ)  # only Azure Pipelines has service connections
    looked = ", ".join(label for label in _DETECTORS if agent or label != "service connection")
    fix = _ON_AZURE_PIPELINES if agent else "" if environ.get("GITHUB_ACTIONS") == "true" else _ELSEWHERE
    raise SignInFailed(f"Nothing to sign in to Azure with: looked for {looked}.", fix=fix)


def service_principal(environ: Variables) -> TokenCredential | None:
    """Detect a service principal with secret or certificate (AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH)."""
    secret = environ.get("AZURE_CLIENT_SECRET", "").strip()
    certificate = environ.get("AZURE_CLIENT_CERTIFICATE_PATH", "").strip()
    if not secret and not certificate:
        return None
    tenant, client = _identity(environ, "A service principal's secret")
    # Each detector imports only its own credential: azure.identity takes 0.3 s.
    from azure.identity import CertificateCredential, ClientSecretCredential  # noqa: PLC0415

    if secret:
        return ClientSecretCredential(tenant, client, secret, **azure.ENTRA)
    password = environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
    return CertificateCredential(tenant, client, certificate, password=password, **azure.ENTRA)


def workload_identity(environ: Variables, mask: github.Mask = lambda _: None) -> TokenCredential | None:
    """Detect a federated token in a file (AZURE_FEDERATED_TOKEN_FILE), as on Kubernetes runners."""
    file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "").strip()
    if not file:
        return None
    tenant, client = _identity(environ, "AZURE_FEDERATED_TOKEN_FILE")
    return github.from_file(file, tenant, client, mask)


def _identity(environ: Variables, what: str) -> tuple[str, str]:
    """Return tenant and client id, without the white space of a pasted value; raise SignInFailed if one is missing."""
    ids = {name: environ.get(name, "").strip() for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID")}
    missing = [name for name, value in ids.items() if not value]
    if missing:
        raise SignInFailed(f"{what} is set, but not {' and '.join(missing)}.")
    return ids["AZURE_TENANT_ID"], ids["AZURE_CLIENT_ID"]


def azure_cli(environ: Variables) -> TokenCredential | None:
    """Detect the Azure CLI, which azure/login and AzureCLI@2 log in; only its use shows whether it is logged in."""
    if not shutil.which("az", path=environ.get("PATH")):
        return None
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    return AzureCliCredential(process_timeout=60)


def _with(mask: github.Mask) -> Mapping[str, Detector]:
    """Return the detectors of credentials that get a token of the host's first, which is masked as well."""
    return {
        "service connection": partial(service_connection.service_connection, mask=mask),
        "workload identity": partial(workload_identity, mask=mask),
    }


_ELSEWHERE = (
    "Sign in with the Azure CLI: az login. A machine without a person needs AZURE_TENANT_ID, AZURE_CLIENT_ID and "
    "AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE) as variables."
)
_ON_AZURE_PIPELINES = (
    "Name an Azure Resource Manager service connection in azureSubscription: in this task or, for a script, in "
    "AzureCLI@2, which signs in for the script."
)
_DETECTORS: Mapping[str, Detector] = {
    "service connection": service_connection.service_connection,
    "service principal": service_principal,
    "workload identity": workload_identity,
    "Azure CLI": azure_cli,
}
