"""Where a token for Azure Resource Manager can come from: small detectors, each "not me", "me", or "me, but broken"."""

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from . import endpoint, oidc
from .errors.base import NoNetwork, StepError
from .errors.sign_in import FederationExpired, FederationMismatch, FederationRefused, SignInFailed
from .model.secret import Secret
from .transport import http

ARM_SCOPE = "https://management.azure.com/.default"
FEED_SCOPE = (
    "499b84ac-1321-427f-aa17-267ca6975798/.default"  # Azure DevOps (azure-pipelines-tasks, TwineAuthenticateV1)
)
# What azure-identity's EnvironmentCredential reads, and what asks GitHub for tokens; a server's error could repeat it.
SECRETS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_PASSWORD", oidc.REQUEST_TOKEN)
LOGIN_HOST = "login.microsoftonline.com"
EARLY = 300  # seconds before its end at which a token is fetched anew
Variables = Mapping[str, str]
Detector = Callable[[Variables], TokenCredential | None]


class Credential:
    """A credential that asks once for each scope, also when several threads need a token at the same time."""

    def __init__(self, source: TokenCredential, label: str, seen: Callable[[Secret], None]) -> None:
        """Wrap `source`; `label` names it for people, `seen` is told of every token, so that the host can mask it."""
        self.label = label
        self._source = source
        self._seen = seen
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], AccessToken] = {}
        self._failure: StepError | None = None

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return a token for `scopes`; raise SignInFailed with Entra's own words (AADSTS…), or NoNetwork.

        `claims` are a service's demand for a newer token than the one it was shown.
        """
        with self._lock:
            token = self._tokens.get(scopes)
            if token is None or more.get("claims") or token.expires_on - time.time() < EARLY:
                token = self._tokens[scopes] = self._fetch(*scopes, **more)
                self._seen(Secret(token.token))
            return token

    def _fetch(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        if self._failure:
            raise self._failure  # whoever asks next would only wait as long again
        try:
            return self._source.get_token(*scopes, **more)
        except StepError as error:
            self._failure = error
            raise
        except (OSError, ValueError) as error:
            self._failure = SignInFailed(f"Sign-in by {self.label} failed.", details=str(error))
            raise self._failure from None
        except AzureError as error:
            # azure-identity wraps what the network did. Nothing is chained: the originals carry the request.
            cause = error.__cause__ or error
            if isinstance(cause, (ServiceRequestError, ServiceResponseError)):
                self._failure = NoNetwork(LOGIN_HOST, type(cause.inner_exception).__name__)
            else:
                self._failure = _refusal(self.label, error, self._source)
            raise self._failure from None


def _refusal(label: str, error: AzureError, source: TokenCredential) -> StepError:
    """Return the error that Entra's words stand for (Learn, reference-error-codes)."""
    said = str(error.message)
    request = getattr(getattr(error, "response", None), "request", None)
    if "/oidctoken" in getattr(request, "url", ""):  # System.OidcRequestUri, asked by AzurePipelinesCredential
        return FederationRefused(f"Azure Pipelines gave no federated token to {label}.", details=said)
    if "AADSTS700024" in said:
        return FederationExpired(f"Entra refused the federated token of {label}: its time is over.", details=said)
    if re.search(r"AADSTS7002(11|12|13|1)\b", said):
        found = re.search(r"subject\s+'([^']*)'", said)
        subject, command = source.remedy if isinstance(source, oidc.GitHub) else (found[1] if found else "", "")
        fix = command and f"{command} (for a managed identity, the same by az identity federated-credential create)"
        whose = f" with the subject '{subject}'" if subject else ""
        return FederationMismatch(f"Entra knows no federated credential{whose} for {label}.", fix=fix, details=said)
    fix = {"service connection": _MEND_CONNECTION, "OIDC": _MEND_OIDC}.get(label, "")
    return SignInFailed(f"Sign-in by {label} failed.", fix=fix, details=said)


def find(
    environ: Variables = os.environ,
    seen: Callable[[Secret], None] = lambda _: None,
    application: tuple[str, str] = ("", ""),
) -> Credential:
    """Return the first credential that the environment offers; raise SignInFailed when there is none.

    `application` is the client id and the tenant that the user wants to sign in by OIDC: nothing else is tried then.
    """
    by_oidc: Detector = partial(oidc.detect, application=application, seen=seen)
    for label, detect in {"OIDC": by_oidc, **_DETECTORS}.items():
        try:
            source = detect(environ)
        except (OSError, ValueError) as error:  # azure-identity's checks of what it is given
            message = f"Sign-in by {label} is set up with a value that can't be."
            raise SignInFailed(message, details=str(error)) from None
        if source:
            return Credential(source, label, seen)
    agent = bool(environ.get("TF_BUILD"))  # nobody else has heard of a service connection
    looked = ", ".join(label for label in _DETECTORS if agent or label != "service connection")
    message = f"Nothing to sign in to Azure with: looked for {looked}."
    raise SignInFailed(message, fix=_ON_AZURE_PIPELINES if agent else "")


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
        message = f"{what} is set, but not {' and '.join(missing)}."
        raise SignInFailed(message)
    return found["AZURE_TENANT_ID"], found["AZURE_CLIENT_ID"]


def azure_cli(environ: Variables) -> TokenCredential | None:
    """Detect the Azure CLI, as azure/login and AzureCLI@2 leave it behind; whether it is logged in shows on use."""
    if not shutil.which("az", path=environ.get("PATH")):
        return None
    from azure.identity import AzureCliCredential  # noqa: PLC0415

    return AzureCliCredential(process_timeout=60)


_MEND_CONNECTION = (
    "Mend the service connection as the words above say: renew its secret or certificate; for a managed identity, run "
    "the agent on an Azure machine that has one."
)
_MEND_OIDC = (
    "See that `client-id` is the application's (client) id, not its object id, that `tenant-id` is its tenant's, and "
    "that it has a service principal (az ad sp create --id CLIENT-ID). If Entra has a fault, run the step again."
)
_ON_AZURE_PIPELINES = (
    "Name an Azure Resource Manager service connection in azureSubscription: of this task or, for a script, of "
    "AzureCLI@2, which signs in for it."
)
_DETECTORS: Mapping[str, Detector] = {
    "service connection": endpoint.service_connection,
    "service principal": service_principal,
    "workload identity": workload_identity,
    "Azure CLI": azure_cli,
}
