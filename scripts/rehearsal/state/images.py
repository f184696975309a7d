"""The container images that exist in the local Azure."""

import hashlib
import json
from typing import Any

from . import names

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

_IMAGES = {
    "mcr.microsoft.com": {
        "azureml/openmpi4.1.0-ubuntu22.04": ["20250701.v2", "20251025.v1", "20251130.v1"],
        "azureml/openmpi5.0-ubuntu24.04": ["20251025.v1", "20251130.v1"],
        "azureml/minimal-ubuntu22.04-py311-cpu-inference": ["20251130.v1"],
    },
    names.TOKEN_REGISTRY: {"ml/base": ["1.0", "1.1"]},
}


_GLIBC = {"20.04": 31, "22.04": 35, "24.04": 39}
"""Ubuntu's glibc 2.N (packages.ubuntu.com, libc6)."""


def document() -> dict[str, Any]:
    """Return host → repository → tag → manifest text. `latest` is the newest tag's manifest."""
    return {
        host: {repository: _tags(host, repository, tags) for repository, tags in repositories.items()}
        for host, repositories in _IMAGES.items()
    }


def digest(manifest: str) -> str:
    """Return the digest by which a manifest is pinned: the sha256 of its bytes (OCI distribution spec)."""
    return "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()


def glibc(image: str) -> int:
    """Return N of glibc 2.N in an image of ours; those without Ubuntu in their names have an old one."""
    return next((minor for version, minor in _GLIBC.items() if f"ubuntu{version}" in image), 28)


def _tags(host: str, repository: str, tags: list[str]) -> dict[str, str]:
    manifests = {tag: manifest(f"{host}/{repository}:{tag}") for tag in tags}
    return {**manifests, "latest": manifests[tags[-1]]}


def manifest(image: str) -> str:
    """Return a manifest for one platform, as the AML base images have; its blobs don't exist."""

    def blob(kind: str, media_type: str, size: int) -> dict[str, Any]:
        name = hashlib.sha256(f"{image} {kind}".encode()).hexdigest()
        return {"mediaType": media_type, "size": size, "digest": f"sha256:{name}"}

    layer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    content = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": blob("config", "application/vnd.docker.container.image.v1+json", 7023),
        "layers": [blob("ubuntu", layer, 29_536_777), blob("openmpi", layer, 412_008_143)],
    }
    return json.dumps(content, indent=3)
