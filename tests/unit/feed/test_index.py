"""Looking at the feed: whatever it answers has a name."""

import base64
import json
import time

import pytest
import requests
from amlwheel.errors.base import StepError
from amlwheel.errors.feed import (
    FeedForbidden,
    FeedNotFound,
    FeedUnexpected,
    NotAMember,
    Redirected,
    SignInPage,
    TokenRefused,
    ViewNotFound,
)
from amlwheel.errors.transport import BeyondBounds
from amlwheel.feed import answers
from amlwheel.feed import index as feed_index
from amlwheel.feed.index import Index
from amlwheel.model import feed
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from unit.feed.pages import OTHER, SIGN_IN, page, serve
from unit.parts import CANARY, FEED, TOKEN, answer, sha

# --- looking


def test_looking_asks_what_pip_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, page(("a-1-py3-none-any.whl", sha("a")), ("b%2B1.whl", sha("b"))))
    seen = Index(FEED, TOKEN, "feed-token").page("Acme_Churn")
    assert seen.files == {"a-1-py3-none-any.whl": sha("a"), "b+1.whl": sha("b")}
    assert asked == [(f"{FEED.index_url}acme-churn/", TOKEN)]


def test_a_file_without_sha256_is_seen_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a name="x"></a><a href="/files/a.whl#md5=00">a.whl</a><a href="b.whl">b</a>'))
    assert Index(FEED, TOKEN, "feed-token").page("a").files == {"a.whl": "", "b.whl": ""}


def test_a_link_that_is_no_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a href="https://[broken/x.whl">x</a><a href="b.whl">b</a>'))
    assert Index(FEED, TOKEN, "feed-token").page("a").files == {"b.whl": ""}


def test_a_page_that_pythons_parser_gives_up_is_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(_parser: object, _text: str) -> None:
        raise AssertionError("expected name token at '<![1'")  # some Pythons do, for that text

    monkeypatch.setattr(feed_index._Links, "feed", gives_up)
    with pytest.raises(FeedUnexpected, match=r"isn't HTML: expected name token at '<!\[1'"):
        feed_index.read(answer(text="<![1"))


def test_an_unknown_package_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, '{"message": "Package \'a\' not found", "typeKey": "PackageNotFoundException"}'))
    assert Index(FEED, TOKEN, "feed-token").page("a") == feed_index.Page({})


def test_addresses_are_those_of_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a href="../../files/a%2Bb.whl#sha256=0">a</a>'))
    assert Index(FEED, TOKEN, "feed-token").page("a").urls == {"a+b.whl": "https://index.example/files/a%2Bb.whl"}


@pytest.mark.parametrize("place", ["http://{}/a.whl", "https://{}:8443/a.whl", "https://elsewhere.example/a.whl"])
def test_the_token_goes_to_the_origin_of_the_feed_alone(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    asked: list[Secret | None] = []
    monkeypatch.setattr(http, "sha256", lambda _, token, *__: asked.append(token))
    monkeypatch.setattr(http, "get", lambda _, token, **__: asked.append(token))
    monkeypatch.setattr(http, "stream", lambda _, token, __: asked.append(token))
    index, url = Index(FEED, TOKEN), place.format(FEED.host)
    index.sha256(url, 1)
    index.fetch(url)
    index.stream(url)
    assert asked == [None, None, None]
    index.fetch(f"https://{FEED.host}:443/a.whl")
    assert asked[-1] is TOKEN


def test_a_package_of_which_nothing_is_saved_yet_is_empty_to_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 401 in Azure's words (azure-sdk-for-net#53264); the token is fine."""
    words = "No local versions of package 'a'; please provide authentication to access versions from upstream"
    serve(monkeypatch, answer(401, "", f"Unauthorized - {words}"))
    assert Index(FEED, TOKEN, "connection-token").page("a") == feed_index.Page({})


def test_a_view_that_is_not_there_is_not_a_missing_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, '{"typeKey": "FeedViewNotFoundException"}'))
    with pytest.raises(ViewNotFound, match=r"^Feed acme/ml/wheels has no view Relaese\.$"):
        Index(parse_feed("acme/ml/wheels@Relaese"), TOKEN, "feed-token").page("a")


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        (answer(401, "", "Unauthorized"), TokenRefused, "The feed refused `feed-token`, used for acme/ml/wheels: 401."),
        (answer(203, SIGN_IN), SignInPage, "answered 203 and a sign-in page to `feed-token`"),
        (answer(200, SIGN_IN), SignInPage, "answered 200 and a sign-in page to `feed-token`"),
        (
            answer(302, "", Location="https://acme.vssps.visualstudio.com/_signin?reply=x"),
            Redirected,
            "302 to https://acme.vssps.visualstudio.com/_signin.",
        ),
        (answer(308), Redirected, "308 to nowhere"),
        (answer(403, '{"message": "needs Contributor"}'), FeedForbidden, "forbids this to `feed-token`"),
        (answer(404, '{"typeKey": "FeedIdNotFoundException"}'), FeedNotFound, "no feed acme/ml/wheels"),
        (answer(404, '{"typeKey": "ProjectDoesNotExistWithNameException"}'), FeedNotFound, "no feed"),
        (answer(500, "", "Server Error"), FeedUnexpected, "answered 500"),
        (answer(418), FeedUnexpected, "answered 418"),
    ],
)
def test_every_refusal_has_its_name(
    monkeypatch: pytest.MonkeyPatch, given: requests.Response, kind: type[StepError], said: str
) -> None:
    serve(monkeypatch, given)
    with pytest.raises(kind) as caught:
        Index(FEED, TOKEN, "feed-token").page("a")
    assert said in caught.value.what
    assert CANARY not in f"{caught.value.what} {caught.value.details}"


def test_a_401_names_the_organisations_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = "11111111-2222-3333-4444-555555555555"
    where = f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"
    serve(monkeypatch, answer(401, WWW_Authenticate=where))
    with pytest.raises(TokenRefused, match=f"Entra tenant {tenant}"):
        Index(FEED, TOKEN, "connection-token").page("a")


def test_an_identity_of_another_tenant_hears_of_the_organisations(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (f"{digit * 8}-2222-3333-4444-555555555555" for digit in "19")
    said = base64.urlsafe_b64encode(json.dumps({"aud": feed.DEVOPS, "tid": ours, "oid": "o"}).encode()).decode()
    for tenant, told in ((theirs, True), (ours, False)):
        where = f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"
        serve(monkeypatch, answer(401, WWW_Authenticate=where))
        with pytest.raises(NotAMember) as caught:
            Index(FEED, Secret(f"e30.{said}.x"), "feed-token").page("a")
        assert (f"organisation belongs to Entra tenant {theirs}" in caught.value.what) == told
        assert ("Organization settings > Microsoft Entra" in caught.value.fix) == told


@pytest.mark.parametrize(("left", "kind"), [(-1, TokenRefused), (600, NotAMember)])
def test_a_token_of_entra_that_is_over_says_nothing_of_its_identity(
    monkeypatch: pytest.MonkeyPatch, left: int, kind: type[StepError]
) -> None:
    said = {"aud": feed.DEVOPS, "oid": "o", "exp": int(time.time()) + left}
    token = Secret(f"e30.{base64.urlsafe_b64encode(json.dumps(said).encode()).decode()}.x")
    serve(monkeypatch, answer(401))
    with pytest.raises(kind):
        Index(FEED, token, "feed-token").page("a")


@pytest.mark.parametrize("package", ["design-inputs", "acme-signin", "sign-in", "acme_signin"])
def test_a_package_with_sign_in_in_its_name_is_no_sign_in_page(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    name = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    serve(monkeypatch, page((name, sha("x")), title=f"Links for {package}"))
    assert Index(FEED, TOKEN, "feed-token").page(package).files == {name: sha("x")}


def test_a_sign_in_page_has_to_be_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(200, SIGN_IN, Content_Type="application/json"))
    assert Index(FEED, TOKEN, "feed-token").page("a").files == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"message": "no"}', "no"), ("[]", "why"), ("<html>", "why"), ('"text"', "why"), ('{"message": 7}', "7")],
)
def test_a_servers_own_words_are_its_message_or_its_reason(text: str, said: str) -> None:
    assert answers.message_of(answer(400, text, "why")) == said


def test_names_are_those_in_the_root_of_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, answer(text='<a href="/simple/Acme_Churn/">x</a><a href="numpy">numpy</a>'))
    assert Index(OTHER, TOKEN).names() == frozenset(["acme-churn", "numpy"])
    assert asked == [(OTHER.index_url, TOKEN)]


@pytest.mark.parametrize("given", [answer(404), answer(200, "[]", Content_Type="application/json")])
def test_names_are_unknown_where_the_root_does_not_list_them(
    monkeypatch: pytest.MonkeyPatch, given: requests.Response
) -> None:
    serve(monkeypatch, given)
    assert Index(OTHER, TOKEN).names() is None


# --- a 404 that doesn't say what is unknown


def test_a_404_without_words_is_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, "", "Not Found"))
    assert Index(FEED, TOKEN, "feed-token").page("a") == feed_index.Page({}, doubtful=True)


DOUBT = feed_index.Page({}, doubtful=True)


@pytest.mark.parametrize(
    ("seen", "published", "index"),
    [
        (feed_index.Page({}), None, page()),
        (DOUBT, frozenset[str](), page()),
        (DOUBT, frozenset(["numpy"]), page(("numpy.whl", sha("n")))),
    ],
)
def test_a_feed_of_which_something_else_knows_is_there(
    monkeypatch: pytest.MonkeyPatch, seen: feed_index.Page, published: frozenset[str] | None, index: requests.Response
) -> None:
    serve(monkeypatch, index)
    Index(FEED, TOKEN).settle(seen, published)


@pytest.mark.parametrize("published", [None, frozenset(["numpy"])])
def test_a_feed_of_which_nothing_knows_is_not_there(
    monkeypatch: pytest.MonkeyPatch, published: frozenset[str] | None
) -> None:
    serve(monkeypatch, answer(404))
    with pytest.raises(FeedNotFound, match="no index at"):
        Index(FEED, TOKEN).settle(DOUBT, published)
    Index(OTHER, TOKEN).settle(DOUBT, published)


# --- other repositories


def test_gitlab_sends_on_what_it_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its manual, "Package forwarding": a package that isn't there is a redirect to PyPI."""
    serve(monkeypatch, answer(302, Location="https://public.example/simple/acme-churn/"))
    assert Index(OTHER, TOKEN, "feed-token").page("Acme_Churn") == feed_index.Page({})


@pytest.mark.parametrize(
    "place", ["https://pypi.example/login", "https://sso.example/simple/other/", "https://pypi.example/simple/a/"]
)
def test_any_other_redirect_is_none_to_follow(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    serve(monkeypatch, answer(302, Location=place))
    with pytest.raises(Redirected) as caught:
        Index(OTHER, TOKEN, "feed-token").page("a")
    assert "`feed-user`" in caught.value.fix


@pytest.mark.parametrize(("status", "kind"), [(401, TokenRefused), (403, FeedForbidden)])
def test_advice_for_another_repository_is_about_its_users(
    monkeypatch: pytest.MonkeyPatch, status: int, kind: type[StepError]
) -> None:
    serve(monkeypatch, answer(status))
    with pytest.raises(kind) as caught:
        Index(OTHER, TOKEN, "connection-token").page("a")
    assert "Check `connection-user` and `connection-token`" in caught.value.fix
    assert "Azure" not in f"{caught.value.cause} {caught.value.fix}"
    serve(monkeypatch, answer(status))
    with pytest.raises(kind) as caught:
        Index(FEED, TOKEN, "connection-token").page("a")
    assert "connection-user" not in caught.value.fix


def test_an_address_of_devpi_without_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, "<html>", X_Devpi_Server_Version="6.20.3"))
    with pytest.raises(FeedNotFound) as caught:
        Index(parse_feed("https://devpi.example/ci/dev"), TOKEN, "feed-token").page("a")
    assert caught.value.fix == "Write `feed` as https://devpi.example/ci/dev/+simple/."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer(403, '{"errors": [{"status": 403, "message": "Not enough permissions to delete"}]}'), "Not enough"),
        (answer(400, "<title>400</title><p>Repository does not allow updating assets: x</p>"), "not allow updating"),
        (answer(400, "<style>p {}</style><p>no</p>", "Bad Request"), "Bad Request no"),
        (answer(400, "<script >{</script><b>no</b><style>{", "Bad Request"), "Bad Request no"),
    ],
)
def test_the_words_of_other_repositories_are_found(given: requests.Response, said: str) -> None:
    assert said in answers.message_of(given)
    assert "{" not in answers.message_of(given)


def test_a_root_that_lists_the_world_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    links = "".join(f'<a href="p{number}/"></a>' for number in range(feed_index.MOST_NAMES + 1))
    serve(monkeypatch, answer(text=links))
    assert Index(OTHER, TOKEN).names() is None


def test_a_root_that_is_too_large_to_be_read_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(*_: object, **__: object) -> requests.Response:
        raise BeyondBounds("index.example answered with more than 32 MiB.")

    monkeypatch.setattr(http, "get", get)
    assert Index(OTHER, TOKEN).names() is None


@pytest.mark.parametrize("piece", ["<script ", "<style>x", "<", "<script></script", "</style"])
def test_a_page_is_read_in_linear_time(piece: str) -> None:
    start = time.monotonic()
    answers.message_of(answer(500, piece * (100_000 // len(piece))))
    assert time.monotonic() - start < 0.2


DEVPI = parse_feed("https://devpi.example/ci/dev/+simple/")


@pytest.mark.parametrize("text", ["<html>", "[]", '{"result": 1}', '{"result": {"type": "stage"}}'])
def test_a_devpi_that_answers_otherwise_tells_nothing(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    serve(monkeypatch, answer(text=text))
    assert Index(DEVPI, TOKEN).names() is None


def test_bases_of_devpi_that_go_round_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(
        monkeypatch, answer(text='{"result": {"type": "stage", "projects": ["A_b"], "bases": ["ci/dev", "x/y"]}}')
    )
    assert Index(DEVPI, TOKEN).names() == frozenset(["a-b"])
    root = "https://devpi.example"
    assert [url for url, _ in asked] == [f"{root}/ci/dev", f"{root}/x/y?no_projects=", f"{root}/x/y"]


def test_a_project_of_gitlab_that_nobody_shows_us_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, '{"message": "404 Project Not Found"}'))
    with pytest.raises(FeedNotFound) as caught:
        Index(OTHER, TOKEN, "feed-token").page("a")
    assert "hidden from this user" in caught.value.cause
    serve(monkeypatch, answer(404, '{"message": "404 Package Not Found"}'))
    assert Index(OTHER, TOKEN, "feed-token").page("a") == feed_index.Page({})


def test_a_mirror_below_an_index_of_devpi_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    root = "https://devpi.example"
    results = {
        f"{root}/ci/dev": {"projects": ["ours"], "bases": ["root/pypi"]},
        f"{root}/root/pypi?no_projects=": {"type": "mirror"},
    }
    monkeypatch.setattr(http, "get", lambda url, **_: answer(text=json.dumps({"result": results[url]})))
    assert Index(DEVPI, TOKEN).names() == frozenset(["ours"])
