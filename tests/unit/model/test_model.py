"""The nouns: what they derive, and what they refuse."""

import re
from pathlib import Path

import pytest
from amlwheel.errors.inputs import BadImage, BadWorkspace
from amlwheel.model.azure import Connection, Registry, Workspace, connection_name, kinds, target
from amlwheel.model.environment import Image, Python
from amlwheel.model.feed import Feed
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.wheel import Pin
from hypothesis import given
from hypothesis import strategies as st
from unit.parts import DIGEST, FEED, GUID, WORKSPACE, make

LONGEST = "a" * 60


def test_addresses_of_a_projects_feed() -> None:
    feed = Feed.artifacts("acme", "My Team", "wheels", "Release")
    scope = "https://pkgs.dev.azure.com/acme/My%20Team/_packaging"
    assert feed.index_url == f"{scope}/wheels@Release/pypi/simple/"
    assert feed.upload_url == f"{scope}/wheels/pypi/upload/"
    assert feed.target == "https://pkgs.dev.azure.com/acme"
    assert feed.label == "acme/My Team/wheels@Release"


def test_addresses_of_an_organisations_feed() -> None:
    feed = Feed.artifacts("acme", None, "wheels", None)
    assert feed.index_url == "https://pkgs.dev.azure.com/acme/_packaging/wheels/pypi/simple/"
    assert feed.host == "pkgs.dev.azure.com"
    assert feed.page("Acme.Churn_2") == f"{feed.index_url}acme-churn-2/"


def test_a_feed_is_seen_through_a_view_and_without_one() -> None:
    feed = Feed.artifacts("acme", "Data Science", "wheels", None)
    seen = feed.through("Release")
    assert seen.index_url == "https://pkgs.dev.azure.com/acme/Data%20Science/_packaging/wheels@Release/pypi/simple/"
    assert (seen.upload_url, seen.through(None)) == (feed.upload_url, feed)
    other = Feed("https://index.example/simple/", "https://index.example/", "https://index.example")
    assert other.through("Release") is other


@pytest.mark.parametrize(("project", "scope"), [("Data Science", "acme/Data%20Science"), (None, "acme")])
def test_the_address_of_a_version_is_that_of_the_feed_itself(project: str | None, scope: str) -> None:
    feed = Feed.artifacts("acme", project, "wheels", "Release")
    path = "_apis/packaging/feeds/wheels/pypi/packages/acme-churn/versions/1%211.0"
    assert feed.version_url("Acme_Churn", "1!1.0") == f"https://pkgs.dev.azure.com/{scope}/{path}"


def test_pips_option_stands_beside_the_public_index_or_in_its_place() -> None:
    assert FEED.option(only=False) == f"--extra-index-url {FEED.index_url}"
    assert FEED.option(only=True) == f"--index-url {FEED.index_url}"


def test_a_wheel_knows_its_names(tmp_path: Path) -> None:
    wheel = make(tmp_path, "Acme_Churn-1.0-py3-none-any.whl")
    assert (wheel.filename, wheel.project) == ("Acme_Churn-1.0-py3-none-any.whl", "acme-churn")


def test_a_pin_is_one_line_with_all_hashes() -> None:
    assert Pin("numpy", "2.0", ("aa", "bb")).line == "numpy==2.0 --hash=sha256:aa --hash=sha256:bb"
    assert Pin("numpy", "2.0", (), private=True) == Pin("numpy", "2.0", ())


def test_python_knows_its_minor_version() -> None:
    python = Python("3.10.18")
    assert (python.minor, python.numbers) == ("3.10", (3, 10))


@pytest.mark.parametrize(
    ("text", "tagged", "pinned"),
    [
        ("mcr.microsoft.com/azureml/base:20260101.v1", "mcr.microsoft.com/azureml/base:20260101.v1", None),
        (f"mcr.microsoft.com/a/b@{DIGEST}", f"mcr.microsoft.com/a/b@{DIGEST}", f"mcr.microsoft.com/a/b@{DIGEST}"),
        (f"localhost:5000/a:1@{DIGEST}", "localhost:5000/a:1", f"localhost:5000/a@{DIGEST}"),
    ],
)
def test_an_image_is_read_with_tag_or_digest(text: str, tagged: str, pinned: str | None) -> None:
    image = Image.parse(text)
    assert image.tagged == tagged
    assert not image.digest if pinned is None else image.pinned == pinned


@pytest.mark.parametrize(
    "text",
    ["", "ubuntu", "ubuntu:22.04", "azureml/base:1", "mcr.microsoft.com/Base:1", "mcr.microsoft.com/b:tä", "a.b/c:1\n"],
)
def test_what_names_no_image_is_refused(text: str) -> None:
    with pytest.raises(BadImage, match="names no image"):
        Image.parse(text)


def test_an_image_needs_tag_or_digest() -> None:
    with pytest.raises(BadImage, match="neither a tag nor a digest"):
        Image.parse("mcr.microsoft.com/azureml/base")


@pytest.mark.parametrize(
    "text",
    [
        f"{GUID}/rg/research",
        f"/{GUID}/rg/research/",
        WORKSPACE.id,
        WORKSPACE.id.replace("resourceGroups", "resourcegroups"),
        f"https://ml.azure.com/home?wsid={WORKSPACE.id}&tid=1",
        f"https://ml.azure.com/runs/1?wsid=/subscriptions/{GUID}/resourcegroups/rg/workspaces/research&tid=1",
        f"https://portal.azure.com/#@acme.example/resource{WORKSPACE.id}/overview",
    ],
)
def test_all_spellings_of_one_workspace_are_equal(text: str) -> None:
    assert Workspace.parse(text) == WORKSPACE
    assert Workspace.parse(WORKSPACE.id) == WORKSPACE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rg/research", "2 part(s)"),
        ("not-a-guid/rg/research", "'not-a-guid' can't be the subscription"),
        (f"{GUID}/rg./research", "'rg.' can't be the resource group"),
        (f"{GUID}/rg/x", "'x' can't be the workspace's name"),
        (f"{GUID}/rg/-research", "can't be the workspace's name"),
        (f"/subscriptions/{GUID}/resourceGroups/rg/providers/Microsoft.Web/sites/x", "not one of a Machine Learning"),
        ("azureml://registries/acme", "is a registry"),
    ],
)
def test_the_wrong_part_of_a_workspace_is_named(text: str, said: str) -> None:
    with pytest.raises(BadWorkspace) as caught:
        Workspace.parse(text)
    assert said in caught.value.what


def test_a_registry_is_named_as_azure_names_it() -> None:
    found = target("azureml://registries/acme-models/")
    assert found == Registry("acme-models")
    assert (found.id, found.label) == ("azureml://registries/acme-models", "registry acme-models")
    assert found.reference("churn", "1.0-a") == "azureml://registries/acme-models/environments/churn/versions/1.0-a"
    assert found.studio("churn", "1.0+a").endswith("/registries/acme-models/environments/churn/version/1.0%2Ba")
    assert target(WORKSPACE.id) == WORKSPACE
    assert (kinds([found]), kinds([WORKSPACE])) == ("registries", "workspaces")
    assert kinds([found, WORKSPACE]) == "workspaces and registries"
    for group in ("registries", "ml-registries"):  # a resource group may have this name
        there = Workspace(GUID, group, "research")
        assert [target(text) for text in (there.id, f"{GUID}/{group}/research")] == [there, there]
    assert WORKSPACE.reference("churn", "1.0-a") == "azureml:churn:1.0-a"


@pytest.mark.parametrize(
    "text",
    [
        "azureml://registries/a",
        "azureml://registries/acme/environments/churn/versions/1",
        "azureml://registries/",
        "registries/acme",
        f"/subscriptions/{GUID}/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/acme",
    ],
)
def test_another_spelling_of_a_registry_is_refused_with_the_right_one(text: str) -> None:
    with pytest.raises(BadWorkspace, match="isn't a registry as azureml://registries/NAME") as caught:
        target(text)
    assert "Write the registry as azureml://registries/NAME" in caught.value.fix


@pytest.mark.parametrize(
    ("target", "url", "covered"),
    [
        ("https://pkgs.dev.azure.com/acme", "https://pkgs.dev.azure.com/acme/_packaging/f/pypi/simple/", True),
        ("https://pkgs.dev.azure.com/Acme/", "https://PKGS.dev.azure.com/acme/x", True),
        ("https://pkgs.dev.azure.com", "https://pkgs.dev.azure.com/acme", True),
        ("https://pkgs.dev.azure.com/acme", "https://pkgs.dev.azure.com/acme-two/x", False),
        ("https://pkgs.dev.azure.com/acme", "https://acme.pkgs.visualstudio.com/acme/x", False),
    ],
)
def test_a_connection_covers_addresses_below_its_target(target: str, url: str, *, covered: bool) -> None:
    assert Connection("feed", target).covers(url) is covered


@given(st.from_regex(r"[a-z0-9]{1,40}", fullmatch=True) | st.just(LONGEST))
def test_a_derived_connection_name_is_one_that_the_service_takes(organisation: str) -> None:
    for feed in (Feed.artifacts(organisation, None, "f", None), parse_feed(f"https://{organisation}.example:1/simple")):
        assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,32}", connection_name(feed))


def test_a_connection_has_the_name_it_is_given_or_its_organisations() -> None:
    assert Connection.of(FEED) == Connection(
        "feed-acme", "https://pkgs.dev.azure.com/acme", "PythonFeed", FEED.index_url
    )
    assert Connection.of(FEED, "mine").name == "mine"
