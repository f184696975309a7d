"""Turn an image's tag into its digest with the registry's HTTP interface (OCI distribution specification)."""

import dataclasses
import difflib
import re
from typing import Any
from urllib.parse import quote

import requests

from ..errors.environment import ImageNotFound, ImageRefused
from ..model.environment import Image
from ..model.secret import Secret, excerpt
from ..transport import http

_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
# The names of Docker Hub's images have one host, and another host serves them (distribution/reference, `normalize.go`).
_SERVED_BY = {"docker.io": "registry-1.docker.io"}


def pin(image: Image) -> Image:
    """Return `image` with its digest; when it already has one, the registry isn't asked.

    Raises ImageNotFound (with the nearest tags, if the registry lists them), ImageRefused, NoNetwork.
    """
    if image.digest:
        return image
    base = f"https://{_SERVED_BY.get(image.registry, image.registry)}/v2/{image.repository}"
    response, token = _ask(f"{base}/manifests/{image.tag}")
    if response.status_code == requests.codes.not_found:
        raise _unknown(image, base, token)
    digest = response.headers.get("Docker-Content-Digest", "")
    if response.status_code != requests.codes.ok or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ImageRefused(
            f"{image.registry} answered {response.status_code} for {image.tagged}.", details=excerpt(response.text, 500)
        )
    return dataclasses.replace(image, digest=digest)


def _ask(url: str, token: Secret | None = None) -> tuple[requests.Response, Secret | None]:
    """GET from the registry, with an anonymous token if it demands one (distribution, "Token authentication")."""
    response = http.get(url, accept=_MANIFESTS, bearer=token)
    challenge = response.headers.get("WWW-Authenticate", "")
    if response.status_code == requests.codes.unauthorized and not token and challenge.lower().startswith("bearer "):
        token = _anonymous(dict(re.findall(r'(\w+)="([^"]*)"', challenge)))
        if token:
            return _ask(url, token)
    return response, token


def _anonymous(challenge: dict[str, str]) -> Secret | None:
    """Fetch an anonymous token from the address in the registry's `challenge`; None when there is none."""
    realm = challenge.pop("realm", "")
    if not re.match(r"https://[\w.-]+(:\d+)?/", realm):
        return None
    query = "&".join(
        f"{key}={quote(value, safe='')}" for key, value in challenge.items() if key in ("service", "scope")
    )
    response = http.get(f"{realm}?{query}", accept="application/json")
    if response.status_code != requests.codes.ok:
        return None
    answer = _object(response)
    return Secret(str(answer.get("token") or answer.get("access_token") or ""))


def _object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object in a response; an empty one when there is none."""
    try:
        data = response.json()
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _unknown(image: Image, base: str, token: Secret | None) -> ImageNotFound:
    """Return the error for an unknown tag or repository."""
    response, _ = _ask(f"{base}/tags/list", token)
    tags = _object(response).get("tags") if response.status_code == requests.codes.ok else None
    if not isinstance(tags, list) or not tags:
        return ImageNotFound(f"{image.registry} doesn't know {image.tagged}.")
    near = difflib.get_close_matches(image.tag, map(str, tags), n=3, cutoff=0.3) or sorted(map(str, tags))[-3:]
    return ImageNotFound(
        f"{image.registry}/{image.repository} has no tag {image.tag}.",
        fix=f"Set `base-image` to an existing tag; the nearest are {', '.join(near)}.",
    )
