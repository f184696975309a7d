"""Two public feeds of Azure Artifacts answer as the stand-in does; run by hand and weekly: `scripts/test public`.

Where they can't be reached the tests are skipped, unless AMLWHEEL_TEST_PUBLIC is set.
"""

import os

import pytest
import requests
from public.contract import Place, differences, look

FEEDS = {
    # The development builds of Azure's own SDK; everything else comes from its upstream (azure-sdk-for-python, doc).
    "azure-sdk": Place(
        "https://pkgs.dev.azure.com/azure-sdk/public/_packaging/azure-sdk-for-python/pypi/simple/",
        "azure-core",
        "geohash-hilbert",
    ),
    # ONNX Runtime's nightly builds, by the older host name.
    "ort-nightly": Place(
        "https://aiinfra.pkgs.visualstudio.com/PublicPackages/_packaging/ORT-Nightly/pypi/simple/", "ort-nightly"
    ),
}
DOWN = (403, 407, 502, 503, 504)  # a proxy's no, or a service that is down


def unreachable(place: Place) -> str:
    """Return why a feed can't be asked from here, empty if it can."""
    try:
        status = requests.get(f"{place.index}{place.name}/", timeout=10).status_code
    except requests.RequestException as error:
        return type(error).__name__
    return f"status {status}" if status in DOWN else ""


@pytest.mark.parametrize("feed", FEEDS)
def test_a_public_feed_answers_as_the_stand_in_does(feed: str) -> None:
    place = FEEDS[feed]
    why = unreachable(place)
    if why and not os.environ.get("AMLWHEEL_TEST_PUBLIC"):
        pytest.skip(f"{feed} can't be reached from here: {why}")
    assert not why
    assert differences(look(requests.Session(), place)) == []
