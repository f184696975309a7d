"""A token of Entra for a scope, kept until shortly before its end, and what a refusal means."""

import re
import threading
import time
from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from ..errors.base import NoNetwork, StepError
from ..errors.sign_in import FederationExpired, FederationMismatch, FederationRefused, SignInFailed
from ..model.secret import Secret
from . import github

ARM_SCOPE = "https://management.azure.com/.default"
FEED_SCOPE = (
    "499b84ac-1321-427f-aa17-267ca6975798/.default"  # Azure DevOps (azure-pipelines-tasks, TwineAuthenticateV1)
)
LOGIN_HOST = "login.microsoftonline.com"
EARLY = 300  # seconds before its end at which a token is fetched anew


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
        subject, command = source.remedy if isinstance(source, github.GitHub) else (found[1] if found else "", "")
        fix = command and f"{command} (for a managed identity, the same by az identity federated-credential create)"
        whose = f" with the subject '{subject}'" if subject else ""
        return FederationMismatch(f"Entra knows no federated credential{whose} for {label}.", fix=fix, details=said)
    fix = {"service connection": _MEND_CONNECTION, "OIDC": _MEND_OIDC}.get(label, "")
    return SignInFailed(f"Sign-in by {label} failed.", fix=fix, details=said)


_MEND_CONNECTION = (
    "Mend the service connection as the words above say: renew its secret or certificate; for a managed identity, run "
    "the agent on an Azure machine that has one."
)
_MEND_OIDC = (
    "See that `client-id` is the application's (client) id, not its object id, that `tenant-id` is its tenant's, and "
    "that it has a service principal (az ad sp create --id CLIENT-ID). If Entra has a fault, run the step again."
)
