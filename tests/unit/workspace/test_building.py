"""What in a workspace's network may keep it from building images."""

from typing import Any

import pytest
from amlwheel.workspace.building import warnings
from unit.parts import WORKSPACE

HOST = "pkgs.dev.azure.com"


def managed(*destinations: str) -> dict[str, Any]:
    """Return the properties of a workspace whose managed network lets only these hosts out, and a private endpoint."""
    rules: dict[str, Any] = {name: {"type": "FQDN", "destination": name} for name in destinations}
    rules["storage"] = {"type": "PrivateEndpoint", "destination": {"subresourceTarget": "blob"}}
    return {"managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound", "outboundRules": rules}}


@pytest.mark.parametrize(
    "shown",
    [
        {},
        {"publicNetworkAccess": None, "managedNetwork": None, "imageBuildCompute": 3},
        {"publicNetworkAccess": "Enabled", "managedNetwork": {"isolationMode": "Disabled"}},
        {"publicNetworkAccess": "Disabled", "imageBuildCompute": "builder"},
        {"managedNetwork": {"isolationMode": "AllowInternetOutbound"}},
        managed("*.dev.azure.com", "packages.example"),
        managed(HOST, "*.example"),
    ],
)
def test_an_open_network_is_no_word_worth(shown: dict[str, Any]) -> None:
    assert list(warnings(WORKSPACE, shown, HOST)) == []


def test_a_closed_workspace_that_names_no_compute_is_told_of_with_the_command() -> None:
    (told,) = warnings(WORKSPACE, {"publicNetworkAccess": "Disabled", "imageBuildCompute": None}, HOST)
    assert f"az ml workspace update --name {WORKSPACE.name} --resource-group {WORKSPACE.group} --image-build" in told


@pytest.mark.parametrize("rules", [{"managedNetwork": {"isolationMode": "AllowOnlyApprovedOutbound"}}, managed()])
def test_a_network_that_lets_nothing_out_lacks_feed_and_public_packages(rules: dict[str, Any]) -> None:
    feed, public = warnings(WORKSPACE, rules, HOST)
    assert feed.endswith(f"--rule packages --type fqdn --destination {HOST}")
    assert "none for public packages" in public


def test_each_is_told_by_itself() -> None:
    (feed,) = warnings(WORKSPACE, managed("packages.example"), HOST)
    assert f"{HOST} isn't one" in feed
    (public,) = warnings(WORKSPACE, managed(HOST), HOST)
    assert "none for public packages" in public
    (stored,) = warnings(WORKSPACE, managed(), "")
    assert "none for public packages" in stored
