"""The container images that exist in the local Azure."""

import hashlib
import json
from typing import Any

from . import names

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
BLOBS = "blobs"
"""Beside the hosts: digest → text of the images' configurations, and of manifests that only an index names."""

_IMAGES = {
    "mcr.microsoft.com": {
        "azureml/openmpi4.1.0-ubuntu22.04": ["20250701.v2", "20251025.v1", "20251130.v1", "20260715.v1"],
        "azureml/openmpi5.0-ubuntu24.04": ["20251025.v1", "20251130.v1"],
        "azureml/minimal-ubuntu22.04-py311-cpu-inference": ["20251130.v1"],
    },
    names.TOKEN_REGISTRY: {"ml/base": ["1.0", "1.1"]},
    names.PRIVATE_REGISTRY: {"ml/base": ["1.0"], "ml/laptop": ["1.0"]},
    names.OTHER_REGISTRY: {"ml/base": ["1.0"], "ml/slim": ["1.0"]},
}


_GLIBC = {"20.04": 31, "22.04": 35, "24.04": 39}
"""Ubuntu's glibc 2.N (packages.ubuntu.com, libc6)."""


def document() -> dict[str, Any]:
    """Return host → repository → tag → manifest text, and `BLOBS`. `latest` is the newest tag's manifest."""
    made: dict[str, Any] = {BLOBS: {}}
    for host, repositories in _IMAGES.items():
        for repository, tags in repositories.items():
            for tag in tags:
                add(made, host, repository, tag)
            found = made[host][repository]
            found["latest"] = found[tags[-1]]
    return made


def add(hosts: dict[str, Any], host: str, repository: str, tag: str) -> None:
    """Add an image: with conda, unless it is `slim`, and for linux/amd64, unless it was made on a `laptop`.

    The images of a company's own registry are indexes, as buildx pushes them, with a record of the build.
    """
    image = f"{host}/{repository}:{tag}"
    content = config(image, conda="slim" not in repository, architecture="arm64" if "laptop" in repository else "amd64")
    single = manifest(image, content)
    hosts[BLOBS][digest(content)] = content
    if host == names.OTHER_REGISTRY:
        hosts[BLOBS][digest(single)] = single
        single = _index(single)
    hosts.setdefault(host, {}).setdefault(repository, {})[tag] = single


def digest(manifest: str) -> str:
    """Return the digest by which a manifest is pinned: the sha256 of its bytes (OCI distribution spec)."""
    return "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()


def glibc(image: str) -> int:
    """Return N of glibc 2.N in an image of ours; those without Ubuntu in their names have an old one."""
    return next((minor for version, minor in _GLIBC.items() if f"ubuntu{version}" in image), 28)


def manifest(image: str, config: str) -> str:
    """Return a manifest for one platform, as the AML base images have; the blobs of its layers don't exist."""

    def layer(kind: str, size: int) -> dict[str, Any]:
        name = hashlib.sha256(f"{image} {kind}".encode()).hexdigest()
        kind = "application/vnd.docker.image.rootfs.diff.tar.gzip"
        return {"mediaType": kind, "size": size, "digest": f"sha256:{name}"}

    content = {
        "schemaVersion": 2,
        "mediaType": MEDIA_TYPE,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": digest(config),
        },
        "layers": [layer("ubuntu", 29_536_777), layer("openmpi", 412_008_143)],
    }
    return json.dumps(content, indent=3)


def config(image: str, *, conda: bool = True, architecture: str = "amd64") -> str:
    """Return an image's configuration (OCI image specification, config.md), shaped as those of the AML base images."""
    folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    made = "RUN /bin/sh -c curl -fsSL https://repo.anaconda.com/miniconda/installer.sh | bash" if conda else "RUN true"
    content = {
        "architecture": architecture,
        "os": "linux",
        "created": "2025-11-30T08:15:30.123456789Z",
        "config": {
            "Env": [f"PATH=/opt/miniconda/bin:{folders}" if conda else f"PATH={folders}", f"IMAGE={image}"],
            "Labels": {"org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "22.04"},
        },
        "history": [
            {"created_by": "/bin/sh -c #(nop) ADD file:1 in / "},
            {"created_by": "ENV LANG=C.UTF-8", "empty_layer": True},
            {"created_by": made},
        ],
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digit * 64}" for digit in "12"]},
    }
    return json.dumps(content)


def _index(single: str) -> str:
    named = {"mediaType": MEDIA_TYPE, "size": len(single), "digest": digest(single)}
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": INDEX_TYPE,
            "manifests": [
                {**named, "platform": {"architecture": "amd64", "os": "linux"}},
                {**named, "platform": {"architecture": "unknown", "os": "unknown"}},
            ],
        },
        indent=2,
    )
