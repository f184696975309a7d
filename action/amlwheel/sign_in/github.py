"""Sign-in without a secret: a job's own token says who asks, and Entra knows for whom it may sign in.

GitHub: a job with `id-token: write` may ask `$ACTIONS_ID_TOKEN_REQUEST_URL` for a token (GitHub docs, OpenID Connect
reference); it lives five minutes, so it is fetched just before it is exchanged. Elsewhere the token is in a file.
"""

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import requests
from azure.core.credentials import AccessToken, TokenCredential

from ..errors.sign_in import FederationRefused, NoIdToken
from ..model import jwt
from ..model.secret import Secret
from ..transport import http

AUDIENCE = "api://AzureADTokenExchange"  # Learn, workload-identity-federation-create-trust
REQUEST_URL, REQUEST_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"  # names
Variables = Mapping[str, str]
Seen = Callable[[Secret], None]


def detect(environ: Variables, application: tuple[str, str], seen: Seen) -> TokenCredential | None:
    """Detect who signs in for `application` (client id, tenant): nobody, GitHub's job, or who has a token in a file.

    Raises NoIdToken when an application is named and the job has no token of its own.
    """
    client, tenant = application
    if not client:
        return None
    if environ.get("GITHUB_ACTIONS") == "true":
        return _github(environ, client, tenant, seen)
    file = environ.get("AZURE_FEDERATED_TOKEN_FILE", "").strip()
    if not file:
        raise NoIdToken(
            "`client-id` asks for sign-in by OIDC, and nothing here gives a token for it.",
            cause="This isn't GitHub Actions, and AZURE_FEDERATED_TOKEN_FILE isn't set.",
            fix="Leave `client-id` and `tenant-id` out to sign in by other means, such as the Azure CLI.",
        )
    from azure.identity import WorkloadIdentityCredential  # noqa: PLC0415  # 0.3 s

    return WorkloadIdentityCredential(tenant_id=tenant, client_id=client, token_file_path=file, **http.ENTRA)


def _github(environ: Variables, client: str, tenant: str, seen: Seen) -> TokenCredential:
    url, token = (environ.get(name, "").strip() for name in (REQUEST_URL, REQUEST_TOKEN))
    if not url or not token:
        raise NoIdToken("GitHub gives this job no token for sign-in by OIDC.")
    if not url.startswith("https://"):
        cause, fix = "Something else than GitHub's runner has set it.", "Leave this variable to the runner."
        raise FederationRefused(f"{REQUEST_URL} isn't an https address.", cause=cause, fix=fix)
    return GitHub(client, tenant, url, Secret(token), seen)


class GitHub:
    """Signs in to Entra as an application, with tokens that GitHub gives to the running job."""

    def __init__(self, client: str, tenant: str, url: str, asking: Secret, seen: Seen) -> None:
        """Ask `url` with the token `asking`; `seen` is told of every token, so that the host can mask it."""
        self._client, self._tenant, self._url, self._asking, self._seen = client, tenant, url, asking, seen
        self._shown: Mapping[str, Any] = {}

    def get_token(self, *scopes: str, **more: Any) -> AccessToken:  # noqa: ANN401  # azure-core's protocol
        """Return a token of Entra for `scopes`; raise FederationRefused when GitHub gives none to exchange."""
        from azure.identity import ClientAssertionCredential  # noqa: PLC0415  # 0.3 s

        assertion = self._ask()
        made = ClientAssertionCredential(self._tenant, self._client, lambda: assertion, **http.ENTRA)
        return made.get_token(*scopes, **more)

    def _ask(self) -> str:
        response = http.get(f"{self._url}&audience={quote(AUDIENCE, safe='')}", bearer=self._asking)
        try:
            token = str(response.json()["value"]) if response.status_code == requests.codes.ok else ""
        except (KeyError, TypeError, ValueError, RecursionError):
            token = ""
        if not jwt.of(token):
            raise FederationRefused(
                f"GitHub gave no token for sign-in: its service answered {response.status_code}.",
                cause=_GITHUB_CAUSE,
                fix=_GITHUB_FIX,
            )
        self._seen(Secret(token))
        self._shown = jwt.of(token)
        return token

    @property
    def remedy(self) -> tuple[str, str]:
        """The subject that Entra was shown, and the command that makes Entra know it.

        An application has one federated credential of a name, and one for each of its jobs' subjects: so a name of its
        own for each.
        """
        subject, issuer = (str(self._shown.get(name, "")) for name in ("sub", "iss"))
        name = f"amlwheel-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
        trust = {"name": name, "issuer": issuer, "subject": subject, "audiences": [AUDIENCE]}
        told = shlex.quote(json.dumps(trust, ensure_ascii=True))
        return subject, f"az ad app federated-credential create --id {self._client} --parameters {told}"


_GITHUB_CAUSE = "GitHub's token service has a fault, or the job is over its time."
_GITHUB_FIX = "Run the job again; githubstatus.com tells of outages. What is done is kept."
