"""What the feed answers before anything is made, asked with both tokens at once."""

from concurrent.futures import Future
from datetime import date

import pytest
import requests
from amlwheel.errors.base import StepError
from amlwheel.errors.feed import FeedForbidden, FeedNotFound, TokenRefused, UserNeeded
from amlwheel.feed import access, artifacts
from amlwheel.feed.access import FeedAccess
from amlwheel.feed.artifacts import Facts
from amlwheel.feed.index import Index
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.plan.observe import Observer, observing
from amlwheel.transport import http
from unit.feed.pages import OTHER, page, serve
from unit.parts import CANARY, FEED, TOKEN, answer, sha

READING = Secret("fake-reading-token")
WRITER, READER = Index(FEED, TOKEN), Index(FEED, READING, "connection-token")
NO_FEED = answer(404, '{"typeKey": "FeedIdNotFoundException"}')
FILES = page(("acme_churn-1-py3-none-any.whl", sha("a")))


def ask(index: Index = WRITER, reader: Index | None = READER) -> FeedAccess:
    with observing() as observer:
        return access.ask(
            index,
            reader,
            "acme-churn",
            observer,
            publish=True,
            view="Release",
            upstream=False,
            today=date(2026, 11, 27),
        )


@pytest.fixture(autouse=True)
def questions(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Have Azure DevOps know one package, and return what it is asked."""
    asked: list[dict[str, object]] = []

    def facts(feed: object, token: object, tell: artifacts.Tell, **more: object) -> Facts:
        asked.append({"feed": feed, "token": token, **more})
        tell(frozenset(["known"]))
        return Facts(frozenset(["known"]))

    monkeypatch.setattr(artifacts, "facts", facts)
    return asked


def give(monkeypatch: pytest.MonkeyPatch, writer: requests.Response, reader: requests.Response) -> None:
    """Have the feed answer by token."""
    monkeypatch.setattr(http, "get", lambda _, *, token, **__: reader if token == READING else writer)


def test_both_tokens_ask_for_the_page_and_one_for_the_facts(
    monkeypatch: pytest.MonkeyPatch, questions: list[dict[str, object]]
) -> None:
    asked = serve(monkeypatch, FILES)
    found = ask()
    assert (found.settle(), found.names.result(0)) == (Facts(frozenset(["known"])), frozenset(["known"]))
    assert {token.reveal() for _, token in asked} == {TOKEN.reveal(), READING.reveal()}
    assert {url for url, _ in asked} == {FEED.page("acme-churn")}
    assert questions == [{"feed": FEED, "token": TOKEN, "publish": True, "view": "Release", "upstream": False}]


def test_without_a_reader_one_token_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, FILES)
    ask(reader=None)
    assert asked == [(FEED.page("acme-churn"), TOKEN)]


def test_another_repository_is_asked_for_its_names_alone(
    monkeypatch: pytest.MonkeyPatch, questions: list[dict[str, object]]
) -> None:
    serve(monkeypatch, answer(text='<a href="/simple/own/">own</a>'))
    found = ask(Index(OTHER, TOKEN), None)
    assert (found.settle(), found.names.result(0)) == (Facts(frozenset(["own"])), frozenset(["own"]))
    assert questions == []


@pytest.mark.parametrize("told", [False, True])
def test_who_waits_for_the_names_alone_waits_for_nothing_else(monkeypatch: pytest.MonkeyPatch, *, told: bool) -> None:
    serve(monkeypatch, FILES)

    def facts(feed: object, token: object, tell: artifacts.Tell, **_: object) -> Facts:
        del feed, token
        if told:
            tell(frozenset(["known"]))
        raise FeedForbidden(CANARY)

    monkeypatch.setattr(artifacts, "facts", facts)
    observer = Observer()
    found = access.ask(
        WRITER, None, "acme-churn", observer, publish=True, view="", upstream=False, today=date(2026, 11, 27)
    )
    with pytest.raises(FeedForbidden):
        observer.settle()
    assert isinstance(found.names.exception(0), FeedForbidden) is not told
    cancelled = Future[Facts]()
    cancelled.cancel()
    access._fail(Future(), cancelled)  # a question that was never asked


def test_a_refusal_of_the_reading_token_names_its_usual_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, FILES, answer(403))
    with pytest.raises(FeedForbidden) as caught:
        ask()
    assert "`connection-token`" in caught.value.what
    assert "isn't a Feed Reader" in caught.value.cause


def test_a_feed_that_only_the_reader_does_not_see_is_a_matter_of_its_token(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, FILES, NO_FEED)
    with pytest.raises(FeedNotFound, match="`connection-token` sees no feed acme/ml/wheels"):
        ask()


def test_a_feed_that_neither_token_sees_is_one_problem_without_a_word_of_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    give(monkeypatch, NO_FEED, NO_FEED)
    with pytest.raises(StepError) as caught:
        ask()
    assert type(caught.value) is FeedNotFound
    assert caught.value.what == "There is no feed acme/ml/wheels."


def test_a_doubtful_page_of_a_view_is_settled_by_the_feed_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, answer(404), answer(404))
    doubtful = ask(WRITER.through("Release"), None)
    with pytest.raises(FeedNotFound, match="There is no index at"):
        doubtful.settle()
    assert [url for url, _ in asked] == [FEED.through("Release").page("acme-churn"), FEED.page("known")]


ELSEWHERE = parse_feed("https://pypi.example/simple/")


@pytest.mark.parametrize("token", [READING, READING.of("images")])
def test_another_repository_is_asked_as_the_builder_may_ask_it(token: Secret, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token without a user is stored as a PAT, which the builder sends as the user, without a password."""
    monkeypatch.setattr(http, "get", lambda _, *, token, **__: answer(401) if token.alone else FILES)
    reader = Index(ELSEWHERE, token, "connection-token")
    if token.user:
        ask(Index(ELSEWHERE, TOKEN), reader)
        return
    told = (
        r"pypi\.example refuses `connection-token` as the user, without a password, and takes it as the password of a"
    )
    with pytest.raises(UserNeeded, match=told):
        ask(Index(ELSEWHERE, TOKEN), reader)
    with pytest.raises(UserNeeded, match=told):
        access.check_reader(reader, date(2026, 11, 27))


def test_a_token_that_is_refused_in_both_forms_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "get", lambda *_, **__: answer(401))
    said = []
    for index in (Index(ELSEWHERE, READING, "connection-token"), READER):
        with pytest.raises(TokenRefused) as caught:
            access.check_reader(index, date(2026, 11, 27))
        said.append(caught.value.what)
    assert said[0].endswith("401. So it did with the token as the user, without a password.")
    assert said[1].endswith("401.")  # Azure Artifacts takes either form


def test_a_repository_that_takes_it_so_needs_no_user(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []

    def get(_: str, *, token: Secret, **__: object) -> requests.Response:
        sent.append(http.login(token))
        return FILES

    monkeypatch.setattr(http, "get", get)
    ask(Index(ELSEWHERE, TOKEN), Index(ELSEWHERE, READING, "connection-token"))
    assert (READING.reveal(), "") in sent
    assert (http.USER, READING.reveal()) in sent
