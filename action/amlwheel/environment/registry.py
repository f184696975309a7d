"""A container registry, asked as the OCI distribution specification and Docker's token specification have it."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from ..errors.environment import RealmElsewhere
from ..model import jwt
from ..model.environment import Image
from ..model.origin import split
from ..model.secret import Secret
from ..transport import http

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
# The names of Docker Hub's images have one host, and another host serves them (distribution/reference, `normalize.go`).
_SERVED_BY = {"docker.io": "registry-1.docker.io"}
DENIED = (requests.codes.unauthorized, requests.codes.forbidden)
_AZURE = re.compile(r"[a-z0-9][a-z0-9-]*\.azurecr\.io")


@dataclass(frozen=True)
class Login:
    """With what to sign in to a registry: what the user gave for it, or else a token of Entra for Azure's own.

    `mask` is called with every token that a registry gives.
    """

    given: Secret
    entra: Callable[[], Secret]
    mask: Callable[[Secret], None] = lambda _: None


class Registry:
    """The registry of one image's repository. It is asked without a credential, and with one if it demands that."""

    def __init__(self, image: Image, login: Login) -> None:
        """Sign in with `login`, if need be."""
        self.name, self.repository = image.registry, image.repository
        self.azure = bool(_AZURE.fullmatch(image.registry))
        self.login = login
        self.refused: requests.Response | None = None  # Azure's answer to a token of Entra
        self._entra = bool(_AZURE.fullmatch(image.registry)) and not login.given  # whether that is still to be tried
        self._host = _SERVED_BY.get(image.registry, image.registry)
        self._basic: Secret | None = None
        self._bearer: Secret | None = None

    def get(self, path: str) -> requests.Response:
        """GET what the repository has at `path`. Raises RealmElsewhere, NoNetwork, TooSlow."""
        response = self._ask(path)
        if response.status_code == requests.codes.unauthorized and not (self._basic or self._bearer):
            self._sign_in(response.headers.get("WWW-Authenticate", ""))
            if self._basic or self._bearer:
                response = self._ask(path)
        if response.status_code in DENIED and self._entra:
            self._entra = False
            token = self._azure_token()
            if token:
                self._bearer = token
                return self._ask(path)
        return response

    def blob(self, digest: str, most: int) -> bytes:
        """Return a blob by its sha256, empty if it isn't given or too long. Raises NoNetwork, TooSlow.

        Registries redirect to a store of their own, which gets no credential. Nothing is repeated: a run can do
        without, and a firewall may let the registry through and not its store.
        """
        headers = {"Authorization": f"Bearer {self._bearer.reveal()}"} if self._bearer else {}
        content = bytearray()
        url = self._url(f"blobs/{digest}")
        with http.stream(url, self._basic, headers, repeated=False) as response:
            if response.status_code != requests.codes.ok:
                return b""
            for block in http.blocks(response):
                content += block
                if len(content) > most:
                    return b""
        return bytes(content) if digest == f"sha256:{hashlib.sha256(content).hexdigest()}" else b""

    def _ask(self, path: str) -> requests.Response:
        return http.get(self._url(path), accept=MANIFESTS, token=self._basic, bearer=self._bearer)

    def _url(self, path: str) -> str:
        return f"https://{self._host}/v2/{self.repository}/{path}"

    def _sign_in(self, header: str) -> None:
        """Get the credential that the registry's challenge (RFC 9110, 11.6.1) asks for, if there is one."""
        challenges = dict(
            re.findall(r"(?:^|, *)(basic|bearer)\b *(.*?)(?=, *(?:basic|bearer)\b|$)", header, re.IGNORECASE)
        )
        told = {scheme.lower(): dict(re.findall(r'\b(\w+)="([^"]*)"', rest)) for scheme, rest in challenges.items()}
        if "bearer" in told:
            self._bearer = self._token(told["bearer"])
        elif "basic" in told:
            self._basic = self.login.given or None

    def _token(self, challenge: Mapping[str, str]) -> Secret | None:
        """Return a token from the realm of the challenge (distribution, "Token authentication"); None without one."""
        realm, given = challenge.get("realm", ""), self.login.given
        if not re.match(r"https://[\w.-]+(:\d+)?/", realm):
            return None
        if given:
            self._refuse_elsewhere(realm)
        query = "&".join(
            f"{key}={quote(value, safe='')}" for key, value in challenge.items() if key in ("service", "scope")
        )
        response = http.get(f"{realm}?{query}", accept="application/json", token=given or None)
        return self._secret(response, "token", "access_token")

    def _refuse_elsewhere(self, realm: str) -> None:
        """Refuse to send the user's credential to a host other than the registry's, or the domain that it is in.

        Whoever has `gitlab.com` also has `registry.gitlab.com`; Docker Hub's names are `docker.io` for all its hosts.
        """
        place, own = split(realm).hostname or "", self._host.partition(":")[0]
        in_it = "." in place and own.endswith(f".{place}")
        if place != own and not in_it and (self.name, place) != ("docker.io", "auth.docker.io"):
            raise RealmElsewhere(f"{self.name} wants `base-image-token` to be sent to {place}, so it was sent nowhere.")

    def _azure_token(self) -> Secret | None:
        """Return a token of Azure's registry for one of Entra (Azure/acr, AAD-OAuth.md); None if it is refused."""
        entra = self.login.entra()
        tenant = str(jwt.of(entra.reveal()).get("tid") or "")
        first = self._post("exchange", "refresh_token", access_token=entra, **({"tenant": tenant} if tenant else {}))
        scope = f"repository:{self.repository}:pull"
        return first and self._post("token", "access_token", refresh_token=first, scope=scope)

    def _post(self, path: str, wanted: str, **form: str | Secret) -> Secret | None:
        """Exchange a token, whose kind is the name of its field, for another one."""
        (grant,) = (name for name, value in form.items() if isinstance(value, Secret))
        plain = {name: value.reveal() if isinstance(value, Secret) else value for name, value in form.items()}
        fields = {"grant_type": grant, "service": self._host, **plain}
        accept = {"Accept": "application/json"}
        response = http.send("POST", f"https://{self._host}/oauth2/{path}", token=None, headers=accept, form=fields)
        token = self._secret(response, wanted)
        self.refused = None if token else response
        return token

    def _secret(self, response: requests.Response, *names: str) -> Secret | None:
        """Return the token under the first of `names` in a response; None without one."""
        answer = object_in(response) if response.status_code == requests.codes.ok else {}
        token = next((Secret(str(answer[name])) for name in names if answer.get(name)), None)
        if token:
            self.login.mask(token)
        return token


def object_in(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object in a response; an empty one when there is none."""
    try:
        data = response.json()
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
