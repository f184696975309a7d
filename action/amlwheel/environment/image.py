"""Turn an image's tag into its digest with the registry's HTTP interface, and look at what it is."""

import dataclasses
import difflib
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import requests

from ..errors.base import StepError
from ..errors.environment import ImageDenied, ImageNotFound, ImageRefused, NoConda, OtherPlatform
from ..model.environment import Image
from ..model.origin import split
from ..model.secret import excerpt
from .image_config import PLATFORM, Config
from .registry import DENIED, Login, Registry, object_in

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 2**22  # bytes of a configuration: the specification's advice for manifests


@dataclass(frozen=True)
class Found:
    """An image by its digest, and what its configuration tells; None when it wasn't asked for, or isn't readable."""

    image: Image
    config: Config | None = None

    @property
    def warning(self) -> str:
        """What may keep images from being built on it."""
        if not self.config or self.config.conda:
            return ""
        return (
            f"{self.image.tagged} has no folder of conda on its PATH, and Azure ML builds images with conda: without "
            "it, every build ends with `Conda command not found`."
        )


def pin(image: Image, login: Login) -> Found:
    """Return `image` with its digest; when it already has one, the registry isn't asked.

    Raises ImageNotFound (with the nearest tags, if the registry lists them), ImageDenied, ImageRefused, RealmElsewhere,
    OtherPlatform, NoConda, NoNetwork, TooSlow.
    """
    if image.digest:
        return Found(image)
    registry = Registry(image, login)
    response = registry.get(f"manifests/{image.tag}")
    _check(response, image, registry)
    digest = response.headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(digest) or digest != f"sha256:{hashlib.sha256(response.content).hexdigest()}":
        what = "with another manifest than its digest says" if digest else "without a digest"
        raise ImageRefused(f"{image.registry} answered {what} for {image.tagged}.", details=excerpt(response.text, 500))
    return Found(dataclasses.replace(image, digest=digest), _config(registry, image, object_in(response)))


def _check(response: requests.Response, image: Image, registry: Registry) -> None:
    """Raise the error for an answer that is no manifest."""
    status, said = response.status_code, excerpt(response.text, 500)
    if _is_page(response):
        raise _no_registry(response, image)
    if status == requests.codes.not_found:
        raise _unknown(image, registry)
    if status in DENIED:
        raise _denied(image, registry, status, said)
    if status != requests.codes.ok:
        raise ImageRefused(f"{image.registry} answered {status} for {image.tagged}.", details=said)


def _is_page(response: requests.Response) -> bool:
    """Tell whether people were meant: a page, or the way to one; not a server's failure, or a challenge for clients."""
    if response.is_redirect:
        return True
    html = response.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html"
    return html and response.status_code < requests.codes.server_error and "WWW-Authenticate" not in response.headers


def _no_registry(response: requests.Response, image: Image) -> ImageRefused:
    """Return the error for a page, which is never shown."""
    place = split(response.headers.get("Location", "")).hostname if response.is_redirect else ""
    what = f"sends to {place or 'another address'}" if response.is_redirect else "answered with a page for people"
    return ImageRefused(
        f"{image.registry} {what} ({response.status_code}), as no registry does, for {image.tagged}.",
        cause="The host is a website, or a proxy between it and this runner shows its own page.",
        fix="Set `base-image` to the registry's own host (what `docker pull` takes), and let the proxy pass it.",
    )


def _denied(image: Image, registry: Registry, status: int, said: str) -> ImageDenied:
    """Return the error for a registry that lets nobody, or not this user, pull."""
    what = f"{image.registry} doesn't let the step read {image.tagged} ({status})."
    if registry.login.given:
        return ImageDenied(
            what,
            cause="The registry doesn't take `base-image-token` with its user, or they may not pull this image.",
            fix="Set `base-image-user` and `base-image-token` to a user who may pull the image.",
            details=said,
        )
    if registry.azure:
        return _denied_by_azure(image, what, said if registry.refused is None else excerpt(registry.refused.text, 500))
    return ImageDenied(what, details=said)


def _denied_by_azure(image: Image, what: str, said: str) -> ImageDenied:
    """Return the error for an Azure Container Registry: its firewall (aka.ms/acr/firewall), or the identity's role."""
    name = image.registry.partition(".")[0]
    outside = re.search(r"client with IP '([0-9a-f.:]+)'", said)
    if outside:
        return ImageDenied(
            what,
            cause="The registry's firewall doesn't let this runner in.",
            fix=f"Let it in: az acr network-rule add --name {name} --ip-address {outside[1]}",
            details=said,
        )
    return ImageDenied(
        what,
        cause="The identity that signs in to Azure may not pull from the registry.",
        fix="Grant the role: az role assignment create --role AcrPull --assignee CLIENT-ID --scope "
        f"$(az acr show --name {name} --query id --output tsv)",
        details=said,
    )


def _unknown(image: Image, registry: Registry) -> ImageNotFound:
    """Return the error for an unknown tag or repository."""
    response = registry.get("tags/list")
    tags = object_in(response).get("tags") if response.status_code == requests.codes.ok else None
    if not isinstance(tags, list) or not tags:
        return ImageNotFound(f"{image.registry} doesn't know {image.tagged}.")
    near = difflib.get_close_matches(image.tag, map(str, tags), n=3, cutoff=0.3) or sorted(map(str, tags))[-3:]
    return ImageNotFound(
        f"{image.registry}/{image.repository} has no tag {image.tag}.",
        fix=f"Set `base-image` to an existing tag; the nearest are {', '.join(near)}.",
    )


def _config(registry: Registry, image: Image, manifest: dict[str, Any]) -> Config | None:
    """Return the configuration of the image for our platform; None if it isn't readable.

    Raises OtherPlatform and NoConda: only for what is sure.
    """
    ours = _ours(manifest["manifests"], image) if isinstance(manifest.get("manifests"), list) else ""
    try:
        single = object_in(registry.get(f"manifests/{ours}")) if ours else manifest
        digest = str(_of(single.get("config")).get("digest"))
        content = registry.blob(digest, _LARGEST) if _DIGEST.fullmatch(digest) else b""
    except StepError:
        return None
    config = Config.read(content)
    if config and config.platform != PLATFORM:
        raise _other(image, config.platform)
    if config and not config.conda and not config.mentioned:
        raise NoConda(f"{image.tagged} has no conda: none is on its PATH, and none of its layers speaks of it.")
    return config


def _ours(entries: list[Any], image: Image) -> str:
    """Return the digest of the manifest for our platform in an index; raise OtherPlatform."""
    platforms = {_platform(_of(_of(each).get("platform"))): _of(each) for each in entries}
    if PLATFORM in platforms:
        return str(platforms[PLATFORM].get("digest"))
    raise _other(image, *sorted(platforms.keys() - {"unknown/unknown"}))  # which an index has for attestations


def _platform(told: dict[str, Any]) -> str:
    return f"{told.get('os')}/{told.get('architecture')}"


def _other(image: Image, *platforms: str) -> OtherPlatform:
    return OtherPlatform(f"{image.registry} has {image.tagged} for {', '.join(platforms) or 'no platform'} only.")


def _of(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
