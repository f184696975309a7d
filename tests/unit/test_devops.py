"""Which packages of a feed are its own."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel import devops
from amlwheel.errors import FeedNotFound, NoNetwork, StepError
from unit.parts import CANARY, FEED, TOKEN

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its first import prints SyntaxWarnings
    from azure.devops import connection, exceptions
from azure.core.exceptions import DeserializationError
from msrest.exceptions import ClientRequestError
from requests.exceptions import RetryError

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


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (999, 1), (1000, 2), (2001, 3)])
def test_all_pages_are_read(count: int, pages: int) -> None:
    client = Client([Package(f"p{number}", []) for number in range(count)])
    assert devops._packages(client, FEED) == client.packages
    assert len(client.asked) == pages
    assert client.asked[0]["feed_id"] == "wheels"
    assert client.asked[0]["project"] == "ml"
    assert client.asked[0]["include_all_versions"] is True


def test_a_list_without_end_is_not_read_for_ever() -> None:
    endless = SimpleNamespace(get_packages=lambda **_: [Package("a", [])] * devops._PAGE)
    assert len(devops._packages(endless, FEED)) == devops._PAGE * devops._PAGES


@pytest.mark.parametrize("source", OWN)
def test_a_package_is_the_feeds_own_when_any_version_is(source: str | None) -> None:
    assert devops._is_own(Package("a", [Version(UPSTREAM), Version(source)]))


@pytest.mark.parametrize("versions", [None, [], [Version(UPSTREAM)]])
def test_a_package_that_only_came_through_is_not(versions: list[Version] | None) -> None:
    assert not devops._is_own(Package("a", versions))


# --- asking


Answer = Callable[[dict[str, Any]], list[Package]]


def connect(monkeypatch: pytest.MonkeyPatch, answer: Answer) -> list[str]:
    """Have Azure DevOps give this answer; return the list of addresses that were connected to."""
    addresses: list[str] = []

    def make(base_url: str, creds: Any) -> object:  # noqa: ANN401  # the package has no types
        assert (creds.username, creds.password) == ("", CANARY)
        assert Path(os.environ["AZURE_DEVOPS_CACHE_DIR"]).is_dir()
        addresses.append(base_url)
        client = SimpleNamespace(get_packages=lambda **query: answer(query))
        return SimpleNamespace(clients_v7_1=SimpleNamespace(get_feed_client=lambda: client))

    monkeypatch.setenv("AZURE_DEVOPS_CACHE_DIR", "")  # so that it is put back
    monkeypatch.setattr(connection, "Connection", make)
    return addresses


def test_published_names_are_the_feeds_own_normalised(monkeypatch: pytest.MonkeyPatch) -> None:
    packages = [Package("Acme_Churn", [Version(None)]), Package("numpy", [Version(UPSTREAM)])]
    addresses = connect(monkeypatch, lambda _: packages)
    assert devops.published(FEED, TOKEN) == frozenset(["acme-churn"])
    assert addresses == ["https://dev.azure.com/acme"]


def service(key: str) -> Exception:
    """Return an error as Azure DevOps words it."""
    unsaid = ("inner_exception", "exception_id", "type_name", "error_code", "event_id", "custom_properties")
    said = SimpleNamespace(message="words", type_key=key, **dict.fromkeys(unsaid))
    error: Exception = exceptions.AzureDevOpsServiceError(said)
    return error


def failing(error: Exception) -> Answer:
    def answer(_: object) -> list[Package]:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (service("FeedIdNotFoundException"), FeedNotFound),
        (service("ProjectDoesNotExistWithNameException"), FeedNotFound),
        (ClientRequestError(CANARY, OSError(CANARY)), NoNetwork),
    ],
)
def test_what_is_missing_or_out_of_reach_has_its_name(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[StepError]
) -> None:
    connect(monkeypatch, failing(error))
    with pytest.raises(kind) as caught:
        devops.published(FEED, TOKEN)
    assert CANARY not in f"{caught.value.what} {caught.value.details}"


@pytest.mark.parametrize(
    "error",
    [
        service("AccessDeniedException"),
        exceptions.AzureDevOpsAuthenticationError("401"),
        exceptions.AzureDevOpsClientError("x"),
        DeserializationError("text/html"),
        ClientRequestError("x", RetryError()),
    ],
)
def test_a_token_that_may_not_ask_leaves_the_names_unknown(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    connect(monkeypatch, failing(error))
    assert devops.published(FEED, TOKEN) is None
