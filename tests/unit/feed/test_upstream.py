"""What a reader can't fetch yet is found out before it is needed, and saved through the feed."""

import threading

import pytest
import requests
from amlwheel.errors.base import Several
from amlwheel.errors.feed import NotSaved
from amlwheel.feed import upstream
from amlwheel.feed.index import Index
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Pin
from amlwheel.plan.change import Verb
from amlwheel.transport import http
from unit.parts import FEED, TOKEN, answer, sha

READING = Secret("fake-reading-token-0123")
PINS = (Pin("numpy", "2.0", (sha("numpy"),)), Pin("six", "1.17", (sha("six"),)))
PAGE = f"{FEED.index_url}../files"
SIGN_IN = "https://spsprodweu1.vssps.visualstudio.com/_signin"


class Feed:
    """A feed with the upstream's packages, some of which are saved."""

    def __init__(self, *saved: str) -> None:
        """Have `saved`."""
        self.saved = set(saved)
        self.refusal: requests.Response | None = None
        self.host = "https://pkgs.dev.azure.com"
        self.asked: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def get(
        self, url: str, *, token: Secret | None, headers: object, accept: str = "", first_byte: bool = False
    ) -> requests.Response:
        assert headers == FEED.headers
        package = url.rstrip("/").rpartition("/")[2].partition("-")[0]
        who = "nobody" if token is None else "reader" if token == READING else "writer"
        if accept:
            name = f"{package}-1-py3-none-any.whl"
            others = f'<a href="{self.host}/files/{package}-0.whl#sha256={sha("old")}"></a>'
            return answer(text=f'{others}<a href="{self.host}/files/{name}#sha256={sha(package)}"></a>')
        with self.lock:
            self.asked.append((who, package))
        assert first_byte is (who != "writer")
        if who == "writer" and self.refusal is None:
            self.saved.add(package)
        if who == "writer" and self.refusal is not None:
            return self.refusal
        return answer(206, Content_Type="application/octet-stream") if package in self.saved else answer(403)


@pytest.fixture
def feed(monkeypatch: pytest.MonkeyPatch) -> Feed:
    made = Feed("numpy")
    monkeypatch.setattr(http, "get", made.get)
    return made


def test_what_a_reader_gets_is_kept(feed: Feed) -> None:
    feed.saved.add("six")
    change = upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)
    assert (change.verb, change.why, change.result) == (Verb.KEEP, "all 2 can be read", frozenset())
    assert sorted(feed.asked) == [("reader", "numpy"), ("reader", "six")]


def test_what_it_does_not_get_is_saved_by_who_may(feed: Feed) -> None:
    change = upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)
    assert (change.verb, change.why) == (Verb.CREATE, "1 from its upstream: six 1.17")
    assert feed.saved == {"numpy"}
    feed.asked.clear()
    change.effect()
    assert feed.asked == [("writer", "six"), ("reader", "six")]
    assert upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS).verb is Verb.KEEP


def test_a_plan_tells_whether_something_has_to_be_saved(feed: Feed) -> None:
    unsaved = upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)
    assert upstream.saving([unsaved]) is unsaved
    assert unsaved.result == frozenset()
    both = (Index(FEED, TOKEN), Index(FEED, READING, "connection-token"))
    assert upstream.plan(*both, PINS, lambda _: True).result == {"six"}
    feed.saved.update(pin.name for pin in PINS)
    assert upstream.saving([upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)]) is None
    assert upstream.saving([]) is None


def test_a_long_list_is_cut(feed: Feed) -> None:
    feed.saved.clear()
    pins = [Pin(f"p{number}", "1", (sha(f"p{number}"),)) for number in range(7)]
    assert upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), pins).why.endswith(
        "p3 1, p4 1 and 2 more"
    )


def test_a_page_without_the_file_shows_nothing_saved(feed: Feed) -> None:
    pin = Pin("six", "2", (sha("nowhere"),))
    assert upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), [pin]).verb is Verb.CREATE
    with pytest.raises(NotSaved, match="six 2 was fetched through acme/ml/wheels, but `connection-token` can't"):
        upstream.save(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), [pin])
    assert feed.asked == []


@pytest.mark.parametrize(
    "refusal", [answer(401), answer(403), answer(404), answer(203), answer(302, Location=SIGN_IN), answer(503)]
)
def test_a_refusal_to_save_has_its_name(feed: Feed, refusal: requests.Response) -> None:
    feed.refusal = refusal
    with pytest.raises(NotSaved, match=f"answered {refusal.status_code} when six 1.17 was to be saved"):
        upstream.save(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS[1:])
    feed.saved.clear()
    with pytest.raises(Several):
        upstream.save(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)


def test_a_redirect_to_a_store_is_a_file(feed: Feed) -> None:
    feed.refusal = answer(303, Location="https://store.example/blob?sig=x")
    feed.saved.add("six")
    upstream.save(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)


def test_no_token_is_sent_to_another_host(feed: Feed) -> None:
    feed.host = "https://pkgs.dev.azure.com.evil.example"
    upstream.plan(Index(FEED, TOKEN), Index(FEED, READING, "connection-token"), PINS)
    assert {who for who, _ in feed.asked} == {"nobody"}
