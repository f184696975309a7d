"""What Azure DevOps tells about a feed, and what it means when it tells nothing."""

import os
import warnings
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.base import NoNetwork, Several, StepError
from amlwheel.errors.feed import FeedForbidden, FeedNotFound, ViewNotFound
from amlwheel.feed import artifacts
from amlwheel.feed.artifacts import Facts
from amlwheel.model.feed import Feed
from amlwheel.model.feed_spelling import parse_feed
from unit.parts import CANARY, FEED, TOKEN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its first import prints SyntaxWarnings
    from azure.devops import exceptions
    from azure.devops._file_cache import OPTIONS_CACHE
    from azure.devops.client_configuration import ClientConfiguration
    from azure.devops.v7_1.feed import feed_client
from azure.core.exceptions import DeserializationError
from msrest.exceptions import ClientRequestError
from requests.exceptions import ChunkedEncodingError, RetryError

OWN = (None, "", "00000000-0000-0000-0000-000000000000")
UPSTREAM = "11111111-1111-1111-1111-111111111111"


@dataclass
class Version:
    direct_upstream_source_id: str | None


@dataclass
class Package:
    name: str
    versions: list[Version] | None


@dataclass
class Client:
    """Gives packages page by page."""

    packages: list[Package]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_packages(self, **query: Any) -> list[Package]:  # noqa: ANN401  # as the real one
        self.asked.append(query)
        return self.packages[query["skip"] : query["skip"] + query["top"]]


@pytest.mark.parametrize("feed", [FEED, parse_feed("https://pkgs.dev.azure.com/Acme/_packaging/wheels/pypi/simple/")])
def test_the_package_knows_where_to_ask(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str, str]] = []

    def send(_: object, request: Any, headers: Any, **__: object) -> None:  # noqa: ANN401  # as the package's own
        sent.append((request.method, request.url.partition("?")[0].lower(), headers["Accept"]))
        raise RetryError

    for name, value in (("file_name", f"{artifacts._cache().name}/options.json"), ("initial_load_occurred", False)):
        monkeypatch.setattr(OPTIONS_CACHE, name, value)  # in a run, the package is imported with this folder
    monkeypatch.setattr(feed_client.FeedClient, "_locations_cache", {})
    monkeypatch.setattr(feed_client.FeedClient, "_send_request", send)
    client = artifacts._client(feed, TOKEN)
    questions = [partial(client.get_packages, feed.name, feed.project), partial(client.get_feeds, feed.project)]
    questions += [
        partial(client.get_feed_views, feed.name, feed.project),
        partial(client.get_feed, feed.name, feed.project),
    ]
    for each in questions:
        with pytest.raises(RetryError):
            each()
    root = f"https://feeds.dev.azure.com/{feed.organisation}".lower()
    ways = [f"{feed.name}/Packages", "", f"{feed.name}/Views", feed.name]
    places = [f"{'/' + feed.project if feed.project else ''}/_apis/Packaging/Feeds/{each}".rstrip("/") for each in ways]
    assert [(method, url.removeprefix(root)) for method, url, _ in sent] == [("GET", each.lower()) for each in places]
    assert {accept for *_, accept in sent} == {"application/json;api-version=7.1-preview.1"}


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (999, 1), (1000, 2), (2001, 3)])
def test_all_pages_are_read(count: int, pages: int) -> None:
    client = Client([Package(f"p{number}", []) for number in range(count)])
    assert artifacts._packages(client, FEED) == client.packages
    assert len(client.asked) == pages
    assert client.asked[0]["feed_id"] == "wheels"
    assert client.asked[0]["project"] == "ml"
    assert client.asked[0]["include_all_versions"] is True


def test_a_list_without_end_is_not_read_for_ever() -> None:
    endless = SimpleNamespace(get_packages=lambda **_: [Package("a", [])] * artifacts._PAGE)
    assert len(artifacts._packages(endless, FEED)) == artifacts._PAGE * artifacts._PAGES


@pytest.mark.parametrize("source", OWN)
def test_a_package_is_the_feeds_own_when_any_version_is(source: str | None) -> None:
    assert artifacts._is_own(Package("a", [Version(UPSTREAM), Version(source)]))


@pytest.mark.parametrize("versions", [None, [], [Version(UPSTREAM)]])
def test_a_package_that_only_came_through_is_not(versions: list[Version] | None) -> None:
    assert not artifacts._is_own(Package("a", versions))


# --- asking


VIEWS = ("Local", "Prerelease", "Release")


@dataclass
class Azure:
    """Azure DevOps: a feed, who may do what there, and what it answers instead."""

    packages: list[Package] = field(default_factory=list)
    role: str = "contributor"
    upstreams: list[str] | None = field(default_factory=list)
    listed: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(name="Wheels", id="guid", project="ml"))
    errors: dict[str, Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    config: ClientConfiguration = field(default_factory=lambda: ClientConfiguration("https://feeds.dev.azure.com"))

    def connect(self, address: str, credential: Any) -> "Azure":  # noqa: ANN401  # the package has no types
        assert address == "https://feeds.dev.azure.com/acme"
        assert (credential.username, credential.password) == ("", CANARY)
        assert Path(os.environ["AZURE_DEVOPS_CACHE_DIR"]).is_dir()
        return self

    def answer(self, question: str) -> None:
        self.asked.append(question)
        if question in self.errors:
            raise self.errors[question]

    def get_packages(self, **query: Any) -> list[Package]:  # noqa: ANN401  # as the real one
        self.answer("packages")
        return self.packages[query["skip"] :]

    def get_feeds(self, project: str | None, feed_role: str) -> list[SimpleNamespace]:
        assert project == "ml"
        self.answer(feed_role)
        return [self.listed] if feed_role == self.role else []

    def get_feed_views(self, feed: str, project: str | None) -> list[SimpleNamespace]:
        assert (feed, project) == ("wheels", "ml")
        self.answer("views")
        return [SimpleNamespace(name=each) for each in VIEWS]

    def get_feed(self, feed: str, project: str | None) -> SimpleNamespace:
        assert (feed, project) == ("wheels", "ml")
        self.answer("feed")
        told = [each.partition(" ") for each in self.upstreams or ()]
        found = [SimpleNamespace(protocol=name, upstream_source_type=kind or "public") for name, _, kind in told]
        return SimpleNamespace(upstream_sources=None if self.upstreams is None else found)


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Azure:
    made = Azure()
    monkeypatch.setenv("AZURE_DEVOPS_CACHE_DIR", "")  # so that it is put back
    monkeypatch.setattr(feed_client, "FeedClient", made.connect)
    return made


def ask(feed: Feed = FEED, view: str = "", *, publish: bool = False, upstream: bool = False) -> Facts:
    return artifacts.facts(feed, TOKEN, lambda _: None, publish=publish, view=view, upstream=upstream)


def test_published_names_are_the_feeds_own_normalised(azure: Azure) -> None:
    azure.packages += [Package("Acme_Churn", [Version(None)]), Package("numpy", [Version(UPSTREAM)])]
    assert ask() == Facts(frozenset(["acme-churn"]))
    assert azure.asked == ["packages"]


def test_the_names_are_told_before_all_else_is_asked(azure: Azure) -> None:
    told = list[tuple[frozenset[str] | None, list[str]]]()

    def ask() -> None:
        artifacts.facts(
            FEED, TOKEN, lambda names: told.append((names, [*azure.asked])), publish=True, view="", upstream=False
        )

    azure.role = "reader"
    with pytest.raises(FeedForbidden):
        ask()
    azure.errors["packages"] = service("AccessDeniedException")
    ask()
    assert [names for names, _ in told] == [frozenset(), None]
    assert told[0][1] == ["packages"]


def test_the_cache_is_private_to_the_run_and_lasts_as_long(azure: Azure) -> None:
    """The package fixes the folder when it is imported, and fails when it has gone."""
    ask()
    folder = Path(os.environ["AZURE_DEVOPS_CACHE_DIR"])
    ask()
    assert Path(os.environ["AZURE_DEVOPS_CACHE_DIR"]) == folder
    assert folder.stat().st_mode & 0o077 == 0
    assert azure.asked == ["packages"] * 2


@pytest.mark.parametrize("role", ["contributor", "administrator"])
def test_a_contributor_may_publish(azure: Azure, role: str) -> None:
    azure.role = role
    assert ask(publish=True).untold == ()


@pytest.mark.parametrize("role", ["reader", "collaborator"])
def test_who_is_less_than_a_contributor_is_told_the_role(azure: Azure, role: str) -> None:
    azure.role = role
    with pytest.raises(FeedForbidden, match="may not publish to acme/ml/wheels: its identity isn't a Contributor"):
        ask(publish=True)


@pytest.mark.parametrize(
    ("name", "value"), [("role", "custom"), ("listed", SimpleNamespace(name="wheels", id="guid", project=None))]
)
def test_nobody_is_stopped_by_a_doubt(azure: Azure, name: str, value: object) -> None:
    setattr(azure, name, value)
    assert ask(publish=True).untold == ("whether the token may publish",)


def test_a_feed_may_be_named_by_its_guid(azure: Azure) -> None:
    assert ask(parse_feed("acme/ml/GUID"), publish=True).untold == ()
    assert azure.asked == ["packages", "contributor"]


@pytest.mark.parametrize(("view", "spelled"), [("Release", "Release"), ("release", "Release")])
def test_a_view_goes_by_its_name_in_any_case(azure: Azure, view: str, spelled: str) -> None:
    facts = ask(view=view)
    assert facts.views == VIEWS
    assert facts.spelled(view) == spelled
    assert azure.asked == ["packages", "views"]


def test_a_view_that_is_not_there_is_told_with_those_that_are(azure: Azure) -> None:
    with pytest.raises(ViewNotFound, match=r"^Feed acme/ml/wheels has no view Relaese\.$") as caught:
        ask(parse_feed("acme/ml/wheels@Relaese"), "Relaese")
    assert caught.value.cause.endswith("The views of the feed are Local, Prerelease, Release.")
    azure.role = "reader"
    with pytest.raises(Several):
        ask(view="Relaese", publish=True)


@pytest.mark.parametrize(
    ("upstreams", "feed", "expected", "public"),
    [
        (["npm", "PyPI Public", "npm internal"], "acme/ml/wheels", True, True),
        (["PyPI public", "PyPI internal"], "acme/ml/wheels", True, False),
        (["npm"], "acme/ml/wheels", False, False),
        (None, "acme/ml/wheels", False, False),
        (["PyPI"], "acme/ml/wheels@Release", False, False),
    ],
)
def test_an_upstream_for_python_packages(
    azure: Azure, upstreams: list[str] | None, feed: str, *, expected: bool, public: bool
) -> None:
    azure.upstreams = upstreams
    facts = ask(parse_feed(feed), upstream=True)
    assert (facts.upstream, facts.public) == (expected, public)


def service(key: str) -> Exception:
    """Return an error as Azure DevOps words it."""
    unsaid = ("inner_exception", "exception_id", "type_name", "error_code", "event_id", "custom_properties")
    said = SimpleNamespace(message="words", type_key=key, **dict.fromkeys(unsaid))
    error: Exception = exceptions.AzureDevOpsServiceError(said)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (service("FeedIdNotFoundException"), FeedNotFound),
        (service("ProjectDoesNotExistWithNameException"), FeedNotFound),
        (ClientRequestError(CANARY, OSError(CANARY)), NoNetwork),
        (ChunkedEncodingError(CANARY), NoNetwork),
    ],
)
def test_what_is_missing_or_out_of_reach_has_its_name(azure: Azure, error: Exception, kind: type[StepError]) -> None:
    azure.errors["packages"] = error
    with pytest.raises(kind) as caught:
        ask()
    assert not azure.config.retry_policy.policy.respect_retry_after_header  # nobody waits an hour for these facts
    assert CANARY not in f"{caught.value.what} {caught.value.details}"


@pytest.mark.parametrize(
    "error",
    [
        service("AccessDeniedException"),
        exceptions.AzureDevOpsAuthenticationError("401"),
        exceptions.AzureDevOpsClientError("x"),
        DeserializationError("text/html"),
        ClientRequestError("x", RetryError()),
        ClientRequestError("Received status code 429"),
        ValueError("API resource location is not registered"),
    ],
)
def test_a_token_that_may_not_ask_is_asked_for_nothing_more(azure: Azure, error: Exception) -> None:
    azure.errors["packages"] = error
    facts = ask(view="Release", publish=True, upstream=True)
    assert (facts.published, facts.views, facts.upstream) == (None, None, None)
    assert len(facts.untold) == 4
    assert facts.spelled("release") == "release"
    assert azure.asked == ["packages"]


def test_what_was_told_before_a_refusal_counts(azure: Azure) -> None:
    azure.errors["views"] = service("AccessDeniedException")
    assert ask(view="Release", publish=True) == Facts(frozenset(), untold=("whether view Release exists",))
