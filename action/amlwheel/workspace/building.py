"""What may keep a workspace from building images, as far as it shows its network."""

from collections.abc import Iterator

from ..model.azure import Workspace
from ..transport.arm import Json, object_in


def warnings(workspace: Workspace, shown: Json, host: str) -> Iterator[str]:
    """Yield what is wrong with the network of `workspace`, whose properties are `shown`, each with the command for it.

    `host` is that of the feed or repository that images are built from; empty without one. Whether the registry of a
    workspace is behind a network isn't shown; that it is where the workspace's public access is off is likely. Sources:
    Learn, how-to-secure-workspace-vnet and how-to-managed-network; azure-docs#123350; the error
    ImageBuildComputeNotValid in terraform-azurerm-avm-res-machinelearningservices-workspace#45.
    """
    where = f"--name {workspace.name} --resource-group {workspace.group}"
    closed = str(shown.get("publicNetworkAccess")).lower() == "disabled"
    if closed and not shown.get("imageBuildCompute"):
        yield (
            f"Public access to {workspace.name} is off, and it names no compute that builds its images: if its "
            "container registry is behind a network too, each image build fails. Name one: "
            f"az ml workspace update {where} --image-build-compute CLUSTER"
        )
    network = object_in(shown.get("managedNetwork"))
    if str(network.get("isolationMode")).lower() != "allowonlyapprovedoutbound":
        return
    rules = [object_in(each) for each in object_in(network.get("outboundRules")).values()]
    allowed = [str(each.get("destination")).lower() for each in rules if str(each.get("type")).upper() == "FQDN"]
    add = f"az ml workspace outbound-rule set --workspace-name {workspace.name} --resource-group {workspace.group}"
    if host and not any(_covers(each, host) for each in allowed):
        yield (
            f"The managed network of {workspace.name} lets only approved hosts out, and {host} isn't one: no image can "
            f"be built. Add it: {add} --rule packages --type fqdn --destination {host}"
        )
    if all(_covers(each, host) for each in allowed):
        yield (
            f"The managed network of {workspace.name} lets only approved hosts out, and none for public packages: "
            "images need the hosts of conda-forge and, unless everything comes from the feed, of the public index. "
            f"Add each: {add} --rule NAME --type fqdn --destination HOST"
        )


def _covers(destination: str, host: str) -> bool:
    """Tell whether a rule's destination (a host, or `*.` and a domain) lets `host` out."""
    return host == destination or (destination.startswith("*.") and host.endswith(destination[1:]))
