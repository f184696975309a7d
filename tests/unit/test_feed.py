"""Looking at the feed, and publishing: whatever it answers has a name, and the index decides."""

import base64
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from amlwheel import feed, http
from amlwheel.change import Verb
from amlwheel.errors import (
    FeedForbidden,
    FeedNotFound,
    FeedUnexpected,
    FileTooLarge,
    LocalVersion,
    MetadataTooNew,
    NoNetwork,
    NotAMember,
    NotVisible,
    Redirected,
    SignInPage,
    StepError,
    TokenRefused,
    TooSlow,
    UploadFailed,
    VersionTaken,
    ViewNotFound,
)
from amlwheel.model import Wheel
from amlwheel.secret import Secret
from amlwheel.spelling import parse_feed
from unit.parts import CANARY, FEED, TOKEN, answer, make, sha

SIGN_IN = (
    '<html><head><title>Azure DevOps Services | Sign In</title></head><body><form action="/_signin"></form></body>'
)
OTHER = parse_feed("https://pypi.example/simple/")
Get = Callable[..., requests.Response]


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


def serve(monkeypatch: pytest.MonkeyPatch, *answers: requests.Response) -> list[tuple[str, Secret]]:
    """Have the feed give these answers to reads, the last one for ever; return the list of questions."""
    asked: list[tuple[str, Secret]] = []

    def get(url: str, *, token: Secret, accept: str) -> requests.Response:
        assert accept == "text/html"
        asked.append((url, token))
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(http, "get", get)
    return asked


LINK = '<a href="../../g-u-i-d/pypi/download/x/{0}#sha256={1}" data-requires-python="&gt;=3.10">{0}</a><br/>'


def page(*files: tuple[str, str], title: str = "Links") -> requests.Response:
    """Return a package's page as Artifacts writes it."""
    links = "".join(LINK.format(*file) for file in files)
    return answer(text=f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{links}</body></html>")


# --- looking


def test_looking_asks_what_pip_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, page(("a-1-py3-none-any.whl", sha("a")), ("b%2B1.whl", sha("b"))))
    seen = feed.look(FEED, "Acme_Churn", TOKEN, "feed-token")
    assert seen.files == {"a-1-py3-none-any.whl": sha("a"), "b+1.whl": sha("b")}
    assert asked == [(f"{FEED.index_url}acme-churn/", TOKEN)]


def test_a_file_without_sha256_is_seen_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a name="x"></a><a href="/files/a.whl#md5=00">a.whl</a><a href="b.whl">b</a>'))
    assert feed.look(FEED, "a", TOKEN, "feed-token").files == {"a.whl": "", "b.whl": ""}


def test_a_link_that_is_no_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a href="https://[broken/x.whl">x</a><a href="b.whl">b</a>'))
    assert feed.look(FEED, "a", TOKEN, "feed-token").files == {"b.whl": ""}


def test_an_unknown_package_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, '{"message": "Package \'a\' not found", "typeKey": "PackageNotFoundException"}'))
    assert feed.look(FEED, "a", TOKEN, "feed-token") == feed.Page({})


def test_addresses_are_those_of_the_links(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(text='<a href="../../files/a%2Bb.whl#sha256=0">a</a>'))
    assert feed.look(FEED, "a", TOKEN, "feed-token").urls == {"a+b.whl": "https://index.example/files/a%2Bb.whl"}


def test_a_package_of_which_nothing_is_saved_yet_is_empty_to_a_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The 401 in Azure's words (azure-sdk-for-net#53264); the token is fine."""
    words = "No local versions of package 'a'; please provide authentication to access versions from upstream"
    serve(monkeypatch, answer(401, "", f"Unauthorized - {words}"))
    assert feed.look(FEED, "a", TOKEN, "connection-token") == feed.Page({})


def test_a_view_that_is_not_there_is_not_a_missing_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, '{"typeKey": "FeedViewNotFoundException"}'))
    with pytest.raises(ViewNotFound, match=r"^Feed acme/ml/wheels has no view Relaese\.$"):
        feed.look(parse_feed("acme/ml/wheels@Relaese"), "a", TOKEN, "feed-token")


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
        feed.look(FEED, "a", TOKEN, "feed-token")
    assert said in caught.value.what
    assert CANARY not in f"{caught.value.what} {caught.value.details}"


def test_a_401_names_the_organisations_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = "11111111-2222-3333-4444-555555555555"
    where = f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"
    serve(monkeypatch, answer(401, WWW_Authenticate=where))
    with pytest.raises(TokenRefused, match=f"Entra tenant {tenant}"):
        feed.look(FEED, "a", TOKEN, "connection-token")


def test_an_identity_of_another_tenant_hears_of_the_organisations(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (f"{digit * 8}-2222-3333-4444-555555555555" for digit in "19")
    said = base64.urlsafe_b64encode(json.dumps({"aud": feed.DEVOPS, "tid": ours, "oid": "o"}).encode()).decode()
    for tenant, told in ((theirs, True), (ours, False)):
        where = f"Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"
        serve(monkeypatch, answer(401, WWW_Authenticate=where))
        with pytest.raises(NotAMember) as caught:
            feed.look(FEED, "a", Secret(f"e30.{said}.x"), "feed-token")
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
        feed.look(FEED, "a", token, "feed-token")


@pytest.mark.parametrize("package", ["design-inputs", "acme-signin", "sign-in", "acme_signin"])
def test_a_package_with_sign_in_in_its_name_is_no_sign_in_page(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    name = f"{package.replace('-', '_')}-1.0-py3-none-any.whl"
    serve(monkeypatch, page((name, sha("x")), title=f"Links for {package}"))
    assert feed.look(FEED, package, TOKEN, "feed-token").files == {name: sha("x")}


def test_a_sign_in_page_has_to_be_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(200, SIGN_IN, Content_Type="application/json"))
    assert feed.look(FEED, "a", TOKEN, "feed-token").files == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"message": "no"}', "no"), ("[]", "why"), ("<html>", "why"), ('"text"', "why"), ('{"message": 7}', "7")],
)
def test_a_servers_own_words_are_its_message_or_its_reason(text: str, said: str) -> None:
    assert feed.message_of(answer(400, text, "why")) == said


def test_names_are_those_in_the_root_of_the_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = serve(monkeypatch, answer(text='<a href="/simple/Acme_Churn/">x</a><a href="numpy">numpy</a>'))
    assert feed.names(OTHER, TOKEN) == frozenset(["acme-churn", "numpy"])
    assert asked == [(OTHER.index_url, TOKEN)]


@pytest.mark.parametrize("given", [answer(404), answer(200, "[]", Content_Type="application/json")])
def test_names_are_unknown_where_the_root_does_not_list_them(
    monkeypatch: pytest.MonkeyPatch, given: requests.Response
) -> None:
    serve(monkeypatch, given)
    assert feed.names(OTHER, TOKEN) is None


# --- before the upload


def test_what_artifacts_would_refuse_is_refused_before(wheel: Wheel, tmp_path: Path) -> None:
    local = make(tmp_path, "acme-1.0+g12-py3-none-any.whl")
    with pytest.raises(LocalVersion, match="takes no local versions"):
        feed.refuse_unpublishable(local, FEED)
    large = replace(wheel, size=feed.LARGEST + 1)
    with pytest.raises(FileTooLarge, match="500 MiB; Azure Artifacts takes 500"):
        feed.refuse_unpublishable(large, FEED)
    for each in (local, large):
        feed.refuse_unpublishable(each, OTHER)
    feed.refuse_unpublishable(replace(wheel, size=feed.LARGEST), FEED)


@pytest.mark.parametrize(
    ("version", "known"), [("1.0", True), ("2.5", True), ("2.6", False), ("3.0", False), ("2.10", False)]
)
def test_metadata_newer_than_known_is_refused(wheel: Wheel, version: str, *, known: bool) -> None:
    newer = replace(wheel, metadata_version=version)
    if known:
        feed.refuse_unpublishable(newer, OTHER)
        return
    with pytest.raises(MetadataTooNew, match=f"Metadata-Version {version}"):
        feed.refuse_unpublishable(newer, OTHER)


# --- planning


def test_a_new_wheel_is_created_and_a_known_one_kept(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    published: list[Wheel] = []
    monkeypatch.setattr(feed, "publish", lambda _, wheel, *__: published.append(wheel))
    serve(monkeypatch, answer(404, "package"), page(("old.whl", sha("x"))), page((wheel.filename, wheel.sha256)))
    new, newer, known = (feed.plan(FEED, wheel, TOKEN, print) for _ in range(3))
    assert [(each.verb, each.why) for each in (new, newer)] == [
        (Verb.CREATE, "new package"),
        (Verb.CREATE, "new version"),
    ]
    assert (known.verb, known.result, known.subject) == (Verb.KEEP, wheel.sha256, f"wheel {wheel.filename}")
    assert published == []
    known.effect()
    assert published == []
    new.effect()
    assert published == [wheel]


@pytest.mark.parametrize("theirs", [sha("other"), ""])
def test_the_same_version_with_other_bytes_is_a_conflict(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, theirs: str
) -> None:
    serve(monkeypatch, page((wheel.filename, theirs)))
    with pytest.raises(VersionTaken, match="already has"):
        feed.plan(FEED, wheel, TOKEN, print)


# --- publishing


class Upload:
    """Runs `publish` against a list of answers to the POST (or failures) and a list of index pages."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, posts: Sequence[object], pages: Sequence[requests.Response]
    ) -> None:
        """Take the place of the network."""
        self.posts, self.sent, self.pauses, self.warnings = list(posts), 0, list[float](), list[str]()
        monkeypatch.setattr(feed, "_post", self.post)
        self.asked = serve(monkeypatch, *pages)

    def post(self, *_: object) -> object:
        self.sent += 1
        given = self.posts.pop(0)
        if isinstance(given, StepError):
            raise given
        return given

    def run(self, wheel: Wheel) -> None:
        feed.publish(FEED, wheel, TOKEN, self.warnings.append, self.pauses.append)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_an_accepted_upload_is_done_when_the_index_shows_it(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int
) -> None:
    shown = page((wheel.filename, wheel.sha256))
    upload = Upload(monkeypatch, [answer(status)], [page(), page(), shown])
    upload.run(wheel)
    assert (upload.sent, upload.pauses, upload.warnings) == (1, [0.25, 0.5], [])
    assert len(upload.asked) == 3


@pytest.mark.parametrize(
    ("posts", "pauses"),
    [
        ([answer(409)], []),
        ([answer(503), answer(409)], [1.0]),
        ([answer(503), answer(502), answer(202)], [1.0, 3.0]),
        ([NoNetwork("pkgs.dev.azure.com", "reset"), answer(409)], [1.0]),
        ([TooSlow("no answer."), answer(201)], [1.0]),
        ([answer(429, Retry_After="7"), answer(201)], [7.0]),
        ([answer(429, Retry_After="3600"), answer(201)], [http.LONGEST_PAUSE]),
        ([answer(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"), answer(201)], [1.0]),
        ([answer(503), answer(503), answer(503), answer(409)], [1.0, 3.0, 9.0]),
    ],
)
def test_what_is_on_the_index_is_published_whatever_the_upload_said(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, posts: list[object], pauses: list[float]
) -> None:
    count = len(posts)
    upload = Upload(monkeypatch, posts, [page((wheel.filename, wheel.sha256))])
    upload.run(wheel)
    assert (upload.sent, upload.pauses, len(upload.warnings)) == (count, pauses, count - 1)


@pytest.mark.parametrize(
    ("posts", "kind"),
    [
        ([answer(409)], VersionTaken),
        ([answer(503), answer(409)], VersionTaken),
        ([answer(202)], VersionTaken),
        ([answer(203, SIGN_IN)], SignInPage),
        ([answer(200, SIGN_IN)], SignInPage),
        ([answer(302, Location="x")], Redirected),
        ([answer(401)], TokenRefused),
        ([answer(403)], FeedForbidden),
        ([answer(404)], FeedNotFound),
        ([answer(400, '{"message": "Metadata version \'2.4\' is unsupported."}')], MetadataTooNew),
        ([answer(400, '{"message": "Local version segments"}')], UploadFailed),
        ([answer(503)] * 4, UploadFailed),
        ([NoNetwork("h")] * 4, NoNetwork),
    ],
)
def test_a_refused_upload_has_its_name(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, posts: list[object], kind: type[StepError]
) -> None:
    upload = Upload(monkeypatch, posts, [page((wheel.filename, sha("other bytes")))])
    with pytest.raises(kind) as caught:
        upload.run(wheel)
    assert upload.posts == []
    assert CANARY not in f"{caught.value.what} {caught.value.details}"


@pytest.mark.parametrize(("status", "least", "most"), [(202, feed.VISIBLE_WITHIN, 140)])
def test_what_never_shows_on_the_index_is_not_published(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int, least: float, most: float
) -> None:
    upload = Upload(monkeypatch, [answer(status)], [page()])
    with pytest.raises(NotVisible, match="doesn't show it after"):
        upload.run(wheel)
    assert least <= sum(upload.pauses) <= most


def test_what_is_refused_as_there_and_never_shows_was_deleted(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    upload = Upload(monkeypatch, [answer(409)], [page()])
    with pytest.raises(VersionTaken, match="index doesn't show it") as caught:
        upload.run(wheel)
    assert "deleted" in caught.value.cause
    assert feed.CONFLICT_WITHIN <= sum(upload.pauses) <= 31


def test_one_upload_is_one_post_of_the_file_with_the_token_as_password(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel
) -> None:
    sent: list[requests.PreparedRequest] = []

    def send(_: object, request: requests.PreparedRequest, **__: object) -> requests.Response:
        sent.append(request)
        body: Any = request.body
        request.body = body.read()
        return answer(503)

    monkeypatch.setattr(http._Adapter, "send", send)
    assert feed._post(FEED, wheel, TOKEN).status_code == 503
    (request,) = sent
    assert (request.method, request.url) == ("POST", FEED.upload_url)
    assert request.headers["Authorization"] == requests.auth._basic_auth_str("amlwheel", CANARY)
    assert isinstance(request.body, bytes)
    assert wheel.path.read_bytes() in request.body
    assert wheel.sha256.encode() in request.body


def test_an_upload_into_nothing_is_no_network(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    def send(*_: object, **__: object) -> requests.Response:
        raise requests.ConnectionError(OSError(104, "reset by peer"))

    monkeypatch.setattr(http._Adapter, "send", send)
    with pytest.raises(NoNetwork) as caught:
        feed._post(FEED, wheel, TOKEN)
    assert caught.value.host == "pkgs.dev.azure.com"


# --- a 404 that doesn't say what is unknown


def test_a_404_without_words_is_doubtful(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, answer(404, "", "Not Found"))
    assert feed.look(FEED, "a", TOKEN, "feed-token") == feed.Page({}, doubtful=True)


DOUBT = feed.Page({}, doubtful=True)


@pytest.mark.parametrize(
    ("seen", "published", "index"),
    [
        (feed.Page({}), None, page()),
        (DOUBT, frozenset[str](), page()),
        (DOUBT, frozenset(["numpy"]), page(("numpy.whl", sha("n")))),
    ],
)
def test_a_feed_of_which_something_else_knows_is_there(
    monkeypatch: pytest.MonkeyPatch, seen: feed.Page, published: frozenset[str] | None, index: requests.Response
) -> None:
    serve(monkeypatch, index)
    feed.settle(FEED, seen, published, TOKEN)


@pytest.mark.parametrize("published", [None, frozenset(["numpy"])])
def test_a_feed_of_which_nothing_knows_is_not_there(
    monkeypatch: pytest.MonkeyPatch, published: frozenset[str] | None
) -> None:
    serve(monkeypatch, answer(404))
    with pytest.raises(FeedNotFound, match="no index at"):
        feed.settle(FEED, DOUBT, published, TOKEN)
    feed.settle(OTHER, DOUBT, published, TOKEN)
