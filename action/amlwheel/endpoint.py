"""What an Azure Pipelines agent hands to a task: the service connection, and the job's own token.

The variables are those of azure-pipelines-agent's `Handler.AddEndpointsToEnvironment`; the parameters' names those that
azure-pipelines-tasks' `azure-arm-rest` reads. The GUID in a variable's name keeps its lower case.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import AccessToken, TokenCredential

from .errors.base import Several, StepError
from .errors.feed import FeedForbidden
from .errors.sign_in import UnusableServiceConnection
from .inputs.reading import AZURE_NAMES
from .model import jwt
from .model.feed_spelling import parse_feed
from .model.secret import Secret
from .transport import http

CONNECTION = f"INPUT_{AZURE_NAMES['azure-subscription'].upper()}"
MARGIN = 60  # seconds that a federated token must still live to be exchanged
Variables = Mapping[str, str]


def is_task(environ: Variables) -> bool:
    """Tell whether this is our task, and not a script step: the agent hands over a task's inputs.

    Not each of them where Windows drops empty variables: with `route` workspace there need be no feed.
    """
    return bool(environ.get("TF_BUILD")) and ("INPUT_FEED" in environ or "INPUT_WORKSPACE" in environ)


def job_token(environ: Variables) -> str:
    """Return the job's own token, System.AccessToken: a task always gets it, a script only when it is mapped."""
    variable = "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN"
    return environ.get(variable) or environ.get("SYSTEM_ACCESSTOKEN") or ""


def secrets(environ: Variables) -> tuple[str, ...]:
    """Return what must never be shown of all that the agent hands over, line by line: a certificate has many."""
    prefix = f"ENDPOINT_AUTH_PARAMETER_{environ.get(CONNECTION, '').strip()}_"
    names = ("SERVICEPRINCIPALKEY", "SERVICEPRINCIPALCERTIFICATE", "IDTOKEN")
    texts = [job_token(environ), *(environ.get(prefix + name, "") for name in names)]
    return tuple(line for text in texts for line in text.splitlines() if "-----" not in line)


def feed_token(feed: str, environ: Variables) -> str:
    """Return the token by which the job may use `feed` if nobody gave one: its own, in its own organisation."""
    try:
        organisation = parse_feed(feed).organisation
    except StepError:  # told with all other problems of the inputs
        return ""
    return job_token(environ) if organisation and organisation.lower() == _organisation(environ).lower() else ""


def _organisation(environ: Variables) -> str:
    """Return the job's organisation; its address is either `dev.azure.com/ORG` or `ORG.visualstudio.com`."""
    parts = urlsplit(environ.get("SYSTEM_COLLECTIONURI") or environ.get("SYSTEM_TEAMFOUNDATIONCOLLECTIONURI") or "")
    host = parts.hostname or ""
    return host.partition(".")[0] if host.endswith(".visualstudio.com") else parts.path.strip("/").partition("/")[0]


def advise(error: StepError, environ: Variables) -> StepError:
    """Return `error`; where the feed forbids the pipeline's own identity to publish, the fix says which it is."""
    for each in error.errors if isinstance(error, Several) else (error,):
        if isinstance(each, FeedForbidden) and "`feed-token`" in each.what and not _given(environ):
            each.fix = (
                f"In Artifacts > feed settings > Permissions add {_identity(environ)} as Feed Publisher (Contributor); "
                "the feed's own message above names the identity that asked."
            )
    return error


def _given(environ: Variables) -> str:
    return (environ.get("INPUT_FEEDTOKEN") or environ.get("AMLWHEEL_FEED_TOKEN") or "").strip()


def _identity(environ: Variables) -> str:
    """Name the build identity (Learn, pipelines/process/access-tokens), or the connection's application."""
    connection = environ.get(CONNECTION, "").strip()
    if connection and not feed_token(environ.get("INPUT_FEED", ""), environ):
        client = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_SERVICEPRINCIPALID") or "of the agent's machine"
        return f"the service connection's identity {client}, a member of the feed's organisation,"
    organisation = _organisation(environ)
    project = environ.get("SYSTEM_TEAMPROJECT", "PROJECT")
    return (
        f"'{project} Build Service ({organisation})' (or 'Project Collection Build Service ({organisation})', if the "
        "pipeline's authorization scope isn't limited to its project)"
    )


# --- the service connection


def service_connection(environ: Variables) -> TokenCredential | None:
    """Detect the Azure Resource Manager service connection that the task was given, in any of its three schemes.

    Raises UnusableServiceConnection when it isn't one, or not for this pipeline.
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
    if scheme.lower() not in _SCHEMES:
        raise UnusableServiceConnection(f"`azure-subscription` has the scheme {scheme}, which isn't Azure's.")
    cloud = environ.get(f"ENDPOINT_DATA_{name}_ENVIRONMENT") or "AzureCloud"
    if cloud.lower() != "azurecloud":
        raise UnusableServiceConnection(f"`azure-subscription` leads to {cloud}; this step knows AzureCloud only.")
    return _SCHEMES[scheme.lower()](environ, name)


def _parameter(environ: Variables, connection: str, name: str) -> str:
    value = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_{name}", "").strip()
    if not value:
        raise UnusableServiceConnection(f"The service connection of `azure-subscription` has no {name}.")
    return value


def _principal(environ: Variables, connection: str) -> TokenCredential:
    """Return the credential of a connection that holds a secret, or a certificate with its key."""
    from azure.identity import CertificateCredential, ClientSecretCredential  # noqa: PLC0415  # 0.3 s

    tenant, client = (_parameter(environ, connection, name) for name in ("TENANTID", "SERVICEPRINCIPALID"))
    kind = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_AUTHENTICATIONTYPE", "")
    if kind.lower() == "spncertificate":
        pem = _parameter(environ, connection, "SERVICEPRINCIPALCERTIFICATE")
        return CertificateCredential(tenant, client, certificate_data=pem.encode(), **http.ENTRA)
    secret = _parameter(environ, connection, "SERVICEPRINCIPALKEY")
    return ClientSecretCredential(tenant, client, secret, **http.ENTRA)


def _managed(environ: Variables, connection: str) -> TokenCredential:
    """Return the credential of the agent's own machine."""
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415

    del environ, connection
    return ManagedIdentityCredential()


class _Federated:
    """Workload identity federation: the token that came with the job while it lives, else one asked for just now."""

    def __init__(self, environ: Variables, connection: str) -> None:
        from azure.identity import AzurePipelinesCredential, ClientAssertionCredential  # noqa: PLC0415

        tenant, client = (_parameter(environ, connection, name) for name in ("TENANTID", "SERVICEPRINCIPALID"))
        self._late = environ.get(f"ENDPOINT_AUTH_PARAMETER_{connection}_IDTOKEN", "")
        self._bound = ClientAssertionCredential(tenant, client, lambda: self._late, **http.ENTRA)
        token = Secret(job_token(environ)) if environ.get("SYSTEM_OIDCREQUESTURI") else None
        if not token and not self._late:
            raise UnusableServiceConnection(
                "The agent gives no federated token for `azure-subscription` (no System.OidcRequestUri).",
                fix="Update the agent; it must be newer than 3.225.",
            )
        self._asking = token and AzurePipelinesCredential(
            tenant_id=tenant,
            client_id=client,
            service_connection_id=connection,
            system_access_token=token.reveal(),
            **http.ENTRA,
        )

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return a token for `scopes`, from a federated token that is fetched now and exchanged at once."""
        if self._asking and not _lives(self._late):
            return self._asking.get_token(*scopes, **more)
        return self._bound.get_token(*scopes, **more)


def _lives(token: str) -> bool:
    """Tell whether a JWT will live for a while. Who signed it is Entra's matter."""
    ends = jwt.of(token).get("exp")
    return isinstance(ends, (int, float)) and ends - time.time() > MARGIN


_SCHEMES: Mapping[str, Callable[[Variables, str], TokenCredential]] = {
    "workloadidentityfederation": _Federated,
    "serviceprincipal": _principal,
    "managedserviceidentity": _managed,
}
