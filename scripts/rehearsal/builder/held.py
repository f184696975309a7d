"""What keeps an image from being built, whatever its packages are: the workspace's network, an image without conda."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..state import images
from ..state.store import Store


class HeldError(Exception):
    """No image can be built here."""


def check_network(network: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Raise HeldError if a workspace's network keeps builds from its registry, or from the hosts of `lines` for pip.

    Sources: terraform-azurerm-avm-res-machinelearningservices-workspace#45 for the code; Learn, how-to-managed-network.
    That a closed workspace's registry is closed as well is our model, and so are the other words. Of public packages
    this much is looked at: that a rule lets out another host than those of `lines`.
    """
    if network.get("publicNetworkAccess") == "Disabled" and not network.get("imageBuildCompute"):
        raise HeldError("ImageBuildComputeNotValid: the container registry is behind a network, and no compute is set.")
    managed = network.get("managedNetwork") or {}
    if managed.get("isolationMode") != "AllowOnlyApprovedOutbound":
        return
    allowed = {each["destination"] for each in managed["outboundRules"].values() if each["type"] == "FQDN"}
    wanted = set(re.findall(r"https://(?:[^/@\s]+@)?([^/:\s]+)", "\n".join(lines)))
    for host in sorted(wanted - allowed):
        raise HeldError(f"ERROR: Could not connect to {host}: no rule of the managed network lets it out.")
    if not allowed - wanted:
        raise HeldError("CondaHTTPError: HTTP 000 CONNECTION FAILED for the channel conda-forge")


def check_conda(store: Store, manifest: str) -> None:
    """Raise HeldError if the image of `manifest` has no conda: "conda --version" is a step of its own in build logs."""
    blobs, content = store.read("registry")[images.BLOBS], json.loads(manifest)
    if "manifests" in content:
        content = json.loads(blobs[content["manifests"][0]["digest"]])
    if "conda" not in blobs[content["config"]["digest"]]:
        raise HeldError("Step 6/15 : RUN conda --version\nConda command not found")
