"""Entra's tokens, one for each scope, kept until shortly before they expire; and the errors for Entra's refusals."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from ..errors.base import NoNetwork, StepError
from ..errors.sign_in import FederationExpired, FederationMismatch, FederationRefused, SignInFailed
from ..model.feed import DEVOPS
from ..model.secret import Secret
from . import github

ARM_SCOPE = "https://management.azure.com/.default"
FEED_SCOPE = f"{DEVOPS}/.default"
LOGIN_HOST = "login.microsoftonline.com"
EARLY = 300  # seconds before a token expires at which a new one is fetched


class Credential:
    """A credential that asks once for each scope, also when several threads need a token at the same time."""

    def __init__(self, source: TokenCredential, label: str, mask: Callable[[Secret], None]) -> None:
        """Wrap `source`, which people know as `label`; `mask` is called with every token."""
        self.label = label
        self._source = source
        self._mask = mask
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, ...], AccessToken] = {}
        self._failure: StepError | None = None

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return a token for `scopes`; raise SignInFailed with Entra's own words (AADSTS…), or NoNetwork.

        With `claims` a service demands a newer token than the one that it was sent.
        """
        with self._lock:
            token = self._tokens.get(scopes)
            if token is None or more.get("claims") or token.expires_on - time.time() < EARLY:
                token = self._tokens[scopes] = self._fetch(*scopes, **more)
                self._mask(Secret(token.token))
            return token

    def presented(self) -> Mapping[str, Any]:
        """Return the claims of the federated token that Entra is sent; empty if none is, or nobody knows it yet."""
        asked: Callable[[], Mapping[str, Any]] = getattr(self._source, "presented", dict)
        return asked()

    def _fetch(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        if self._failure:
            raise self._failure  # another try would fail as slowly
        try:
            return self._source.get_token(*scopes, **more)
        except StepError as error:
            self._failure = error
            raise
        except (OSError, ValueError) as error:
            self._failure = SignInFailed(f"Sign-in by {self.label} failed.", details=str(error))
            raise self._failure from None
        except AzureError as error:
            # azure-identity wraps failures of the network. Nothing is chained: the original errors hold the request.
            cause = error.__cause__ or error
            if isinstance(cause, StepError):
                self._failure = cause
            elif isinstance(cause, (ServiceRequestError, ServiceResponseError)):
                self._failure = NoNetwork(LOGIN_HOST, type(cause.inner_exception).__name__)
            else:
                self._failure = _refusal(self.label, error, self._source)
            raise self._failure from None


def _refusal(label: str, error: AzureError, source: TokenCredential) -> StepError:
    """Return the error for Entra's words (Learn, reference-error-codes)."""
    words = str(error.message)
    request = getattr(getattr(error, "response", None), "request", None)
    if "/oidctoken" in getattr(request, "url", ""):  # System.OidcRequestUri, asked by AzurePipelinesCredential
        return FederationRefused(f"Azure Pipelines gave no federated token to {label}.", details=words)
    if "AADSTS700024" in words:
        return FederationExpired(
            f"Entra refused the federated token of {label}: it isn't valid (yet, or any more).", details=words
        )
    if re.search(r"AADSTS7002(11|12|13|1)\b", words):
        subject, command = _remedy(words, source)
        fix = command and f"{command} (for a managed identity, the same by az identity federated-credential create)"
        whose = f" with the subject '{subject}'" if subject else ""
        return FederationMismatch(f"Entra knows no federated credential{whose} for {label}.", fix=fix, details=words)
    fix = {"service connection": _FIX_CONNECTION, "OIDC": _FIX_OIDC}.get(label, "")
    return SignInFailed(f"Sign-in by {label} failed.", fix=fix, details=words)


def _remedy(words: str, source: TokenCredential) -> tuple[str, str]:
    """Return the subject that Entra doesn't know, and the command that adds it to the application; "" if unknown."""
    if isinstance(source, github.GitHubCredential):
        return source.remedy
    quoted = re.search(r"subject\s+'([^']*)'", words)
    return (quoted[1] if quoted else ""), ""


_FIX_CONNECTION = (
    "Fix the service connection as the message above says: renew its secret or certificate; for a managed identity, "
    "run the agent on an Azure machine that has one."
)
_FIX_OIDC = (
    "Check that `client-id` is the application's (client) id, not its object id, that `tenant-id` is the application's "
    "tenant, and that it has a service principal (az ad sp create --id CLIENT-ID). If Entra is failing, run the step "
    "again."
)
