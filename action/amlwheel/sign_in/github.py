"""Sign-in by OIDC, without a secret: the job's own token is exchanged for a token of an application of Entra.

GitHub: a job with `id-token: write` may ask `$ACTIONS_ID_TOKEN_REQUEST_URL` for a token (GitHub docs, OpenID Connect
reference); it lives five minutes, so it is fetched just before it is exchanged. Elsewhere the token is in a file.
"""

import contextlib
import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from azure.core.credentials import AccessToken, TokenCredential

from ..errors.sign_in import FederationRefused, NoIdToken
from ..hosts.github import is_job
from ..model import jwt
from ..model.secret import Secret
from ..transport import azure, http

AUDIENCE = "api://AzureADTokenExchange"  # Learn, workload-identity-federation-create-trust
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # names
Variables = Mapping[str, str]
Mask = Callable[[Secret], None]


def detect(environ: Variables, application: tuple[str, str], mask: Mask) -> TokenCredential | None:
    """Return the credential of `application` (client id, tenant), with a token of GitHub's or one in a file.

    None if no application is named. Raises NoIdToken if one is named and the job has no token, FederationRefused if
    GitHub's variables are wrong.
    """
    client, tenant = application
    if not client:
        return None
    if is_job(environ):
        return _github(environ, client, tenant, mask)
    file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "").strip()
    if not file:
        raise NoIdToken(
            "`client-id` asks for sign-in by OIDC, and this machine has no token for it.",
            cause="This isn't GitHub Actions, and AZURE_FEDERATED_TOKEN_FILE isn't set.",
            fix="Leave `client-id` and `tenant-id` out to sign in by other means, such as the Azure CLI.",
        )
    return from_file(file, tenant, client, mask)


def from_file(file: str, tenant: str, client: str, mask: Mask) -> TokenCredential:
    """Return the credential of an application with a token in a file. Its client names one that can't be read."""
    from azure.identity import WorkloadIdentityCredential  # noqa: PLC0415  # 0.3 s

    with contextlib.suppress(OSError):
        mask(Secret(Path(file).read_text("utf-8", "replace")))
    return WorkloadIdentityCredential(tenant_id=tenant, client_id=client, token_file_path=file, **azure.ENTRA)


def _github(environ: Variables, client: str, tenant: str, mask: Mask) -> TokenCredential:
    url, token = (environ.get(name, "").strip() for name in (REQUEST_URL, REQUEST_TOKEN))
    if not url or not token:
        raise NoIdToken("GitHub gives this job no token for sign-in by OIDC.")
    if not url.startswith("https://"):
        cause, fix = "Something other than GitHub's runner has set it.", "Don't set this variable: the runner does."
        raise FederationRefused(f"{REQUEST_URL} isn't an https address.", cause=cause, fix=fix)
    return GitHubCredential(client, tenant, url, Secret(token), mask)


class GitHubCredential:
    """Signs in to Entra as an application, with tokens that GitHub gives to the running job."""

    def __init__(self, client: str, tenant: str, url: str, request_token: Secret, mask: Mask) -> None:
        """Fetch the job's tokens from `url` with the `request_token`; `mask` is called with each of them."""
        self._client, self._tenant, self._url, self._request_token, self._mask = (
            client,
            tenant,
            url,
            request_token,
            mask,
        )
        self._claims: Mapping[str, Any] = {}

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return Entra's token for `scopes`; raise FederationRefused if GitHub gives the job no token to exchange."""
        from azure.identity import ClientAssertionCredential  # noqa: PLC0415  # 0.3 s

        token = self._fetch()
        exchange = ClientAssertionCredential(self._tenant, self._client, lambda: token, **azure.ENTRA)
        return exchange.get_token(*scopes, **more)

    def presented(self) -> Mapping[str, Any]:
        """Return the claims of the job's token; raise FederationRefused if GitHub gives none."""
        self._fetch()
        return self._claims

    def _fetch(self) -> str:
        response = http.get(f"{self._url}&audience={quote(AUDIENCE, safe='')}", bearer=self._request_token)
        try:
            token = str(response.json()["value"]) if response.status_code == requests.codes.ok else ""
        except (KeyError, TypeError, ValueError, RecursionError):
            token = ""
        self._claims = jwt.of(token)
        if not self._claims:
            raise FederationRefused(
                f"GitHub gave no token for sign-in: its service answered {response.status_code}.",
                cause=_GITHUB_CAUSE,
                fix=_GITHUB_FIX,
            )
        self._mask(Secret(token))
        return token

    @property
    def remedy(self) -> tuple[str, str]:
        """The job's subject, and the command that adds a federated credential for it to the application.

        The name of a federated credential is unique in its application, so it is derived from the subject.
        """
        subject, issuer = (str(self._claims.get(name, "")) for name in ("sub", "iss"))
        name = f"amlwheel-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
        trust = {"name": name, "issuer": issuer, "subject": subject, "audiences": [AUDIENCE]}
        parameters = shlex.quote(json.dumps(trust, ensure_ascii=True))
        return subject, f"az ad app federated-credential create --id {self._client} --parameters {parameters}"


_GITHUB_CAUSE = "GitHub's token service is failing, or the job has passed its time limit."
_GITHUB_FIX = "Run the job again; githubstatus.com reports outages. What is done is kept."
