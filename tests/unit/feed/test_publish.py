"""Publishing: whatever the feed answers has a name, and the index decides."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.errors.feed import (
    FeedForbidden,
    FeedNotFound,
    FileTooLarge,
    LocalVersion,
    MetadataTooNew,
    NothingStored,
    NotVisible,
    Redirected,
    SignInPage,
    TokenRefused,
    UploadFailed,
    VersionTaken,
)
from amlwheel.errors.foreign import FileChanged
from amlwheel.feed import publish
from amlwheel.feed.index import Index
from amlwheel.model import exact
from amlwheel.model.feed import Feed
from amlwheel.model.wheel import Wheel
from amlwheel.plan.change import Verb
from amlwheel.transport import http
from unit.feed.pages import OTHER, SIGN_IN, page, serve
from unit.parts import CANARY, FEED, TOKEN, answer, make, sha


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


# --- before the upload


def test_what_artifacts_would_refuse_is_refused_before(wheel: Wheel, tmp_path: Path) -> None:
    local = make(tmp_path, "acme-1.0+g12-py3-none-any.whl")
    with pytest.raises(LocalVersion, match="takes no local versions"):
        publish.refuse_unpublishable(local, FEED)
    large = replace(wheel, size=publish.LARGEST + 1)
    with pytest.raises(FileTooLarge, match="500 MiB; Azure Artifacts takes 500"):
        publish.refuse_unpublishable(large, FEED)
    for each in (local, large):
        publish.refuse_unpublishable(each, OTHER)
    publish.refuse_unpublishable(replace(wheel, size=publish.LARGEST), FEED)


@pytest.mark.parametrize(
    ("version", "known"), [("1.0", True), ("2.5", True), ("2.6", False), ("3.0", False), ("2.10", False)]
)
def test_metadata_newer_than_known_is_refused(wheel: Wheel, version: str, *, known: bool) -> None:
    newer = replace(wheel, metadata_version=version)
    if known:
        publish.refuse_unpublishable(newer, OTHER)
        return
    with pytest.raises(MetadataTooNew, match=f"Metadata-Version {version}"):
        publish.refuse_unpublishable(newer, OTHER)


# --- planning


def test_a_new_wheel_is_created_and_a_known_one_kept(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    published: list[Wheel] = []
    monkeypatch.setattr(publish, "publish", lambda _, wheel, *__: published.append(wheel))
    serve(monkeypatch, answer(404, "package"), page(("old.whl", sha("x"))), page((wheel.filename, wheel.sha256)))
    new, newer, known = (publish.plan(Index(FEED, TOKEN), wheel, print) for _ in range(3))
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


def test_the_same_version_with_other_bytes_is_a_conflict(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    serve(monkeypatch, page((wheel.filename, sha("other"))))
    with pytest.raises(VersionTaken, match="already has"):
        publish.plan(Index(FEED, TOKEN), wheel, print)


@pytest.mark.parametrize(
    ("published", "file", "refused"),
    [
        (None, "slow-1.0.tar.gz", True),
        (frozenset(["slow"]), "slow-1.0-py3-none-any.whl", True),
        (frozenset(["slow"]), "slow-1.0-0amlwheel-py3-none-any.whl", False),
        (frozenset(), "slow-1.0.tar.gz", False),
    ],
)
def test_a_package_of_the_feeds_own_is_not_replaced_by_a_build(
    monkeypatch: pytest.MonkeyPatch, published: frozenset[str] | None, file: str, *, refused: bool
) -> None:
    serve(monkeypatch, page((file, sha("theirs"))))
    if not refused:
        publish.refuse_replacement(Index(FEED, TOKEN), "slow", published, "0amlwheel")
        return
    with pytest.raises(VersionTaken, match=f"a package of its own named slow: {file}") as caught:
        publish.refuse_replacement(Index(FEED, TOKEN), "slow", published, "0amlwheel")
    assert caught.value.fix.startswith("Take slow out of `from-source`")


@pytest.mark.parametrize("theirs", ["ours", "other", ""])
def test_a_file_without_a_sha256_on_the_page_is_read(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, theirs: str
) -> None:
    asked: list[tuple[object, ...]] = []

    def read(url: str, token: object, most: int, headers: object) -> str:
        assert headers == {}
        asked.append((url, token, most))
        return {"ours": wheel.sha256, "other": sha("other"), "": ""}[theirs]

    monkeypatch.setattr(http, "sha256", read)
    serve(monkeypatch, answer(text=f'<a href="/files/{wheel.filename}#md5=00">x</a>'))
    if theirs == "ours":
        assert publish.plan(Index(OTHER, TOKEN), wheel, print).verb is Verb.KEEP
    else:
        with pytest.raises(VersionTaken, match="already has"):
            publish.plan(Index(OTHER, TOKEN), wheel, print)
    # The page's files are on index.example, which isn't the host that the token is for.
    assert asked == [(f"https://index.example/files/{wheel.filename}", None, wheel.size)]


# --- publishing


class Upload:
    """Runs `publish` against a list of answers to the POST (or failures) and a list of index pages."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, posts: Sequence[object], pages: Sequence[requests.Response]
    ) -> None:
        """Take the place of the network."""
        self.posts, self.sent, self.pauses, self.warnings = list(posts), 0, list[float](), list[str]()
        monkeypatch.setattr(publish, "_post", self.post)
        self.asked = serve(monkeypatch, *pages)

    def post(self, *_: object) -> object:
        self.sent += 1
        given = self.posts.pop(0)
        if isinstance(given, StepError):
            raise given
        return given

    def run(self, wheel: Wheel, to: Feed = FEED) -> None:
        publish.publish(Index(to, TOKEN), wheel, self.warnings.append, self.pauses.append)


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
        ([answer(429, Retry_After="7"), answer(201)], [7.0]),
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


@pytest.mark.parametrize(("there", "sent"), [(True, 1), (False, 2)])
def test_an_answer_that_never_ends_is_not_waited_for_again_if_the_file_is_there(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, *, there: bool, sent: int
) -> None:
    shown = page((wheel.filename, wheel.sha256))
    posts: list[object] = [TooSlow("no answer."), answer(201)][:sent]
    upload = Upload(monkeypatch, posts, [shown] if there else [page(), shown])
    upload.run(wheel)
    assert (upload.sent, upload.posts) == (sent, [])


@pytest.mark.parametrize(
    ("posts", "kind"),
    [
        ([answer(409)], VersionTaken),
        ([answer(503), answer(409)], VersionTaken),
        ([answer(202)], VersionTaken),
        ([answer(203, SIGN_IN)], SignInPage),
        ([answer(200, SIGN_IN)], SignInPage),
        ([answer(302, Location="x")], Redirected),
        ([answer(400)], VersionTaken),
        ([answer(403)], VersionTaken),
        ([answer(401)], TokenRefused),
        ([answer(404)], FeedNotFound),
        ([answer(503)] * 4, UploadFailed),
        ([answer(429, Retry_After="3600")], UploadFailed),
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


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(403, '{"message": "needs Contributor"}'), FeedForbidden),
        (answer(400, '{"message": "Metadata version \'2.4\' is unsupported."}'), MetadataTooNew),
        (answer(400, '{"message": "Local version segments"}'), UploadFailed),
    ],
)
def test_a_refusal_of_what_is_not_there_has_its_name_at_once(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, given: requests.Response, kind: type[StepError]
) -> None:
    upload = Upload(monkeypatch, [given], [page()])
    with pytest.raises(kind):
        upload.run(wheel)
    assert upload.pauses == []


@pytest.mark.parametrize(("status", "least", "most"), [(202, publish.VISIBLE_WITHIN, 140)])
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
    assert publish.CONFLICT_WITHIN <= sum(upload.pauses) <= 31


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
    with exact.held(wheel.path, wheel.sha256) as content:
        assert [publish._post(Index(FEED, TOKEN), wheel, content).status_code for _ in range(2)] == [503, 503]
    request = sent[1]  # the second is as whole as the first
    assert (request.method, request.url) == ("POST", FEED.upload_url)
    assert request.headers["Authorization"] == requests.auth._basic_auth_str("amlwheel", CANARY)
    assert isinstance(request.body, bytes)
    assert wheel.path.read_bytes() in request.body
    assert wheel.sha256.encode() in request.body


def test_what_is_sent_is_what_was_inspected_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, tmp_path: Path
) -> None:
    """The file is replaced before the upload, and after it was checked: each time before twine reads it by its path."""
    post, upload = publish._post, Upload(monkeypatch, [], [page()])
    (tmp_path / "other").mkdir()
    other = make(tmp_path / "other", more="Requires-Python: >=3.12\n").path.read_bytes()
    with exact.held(wheel.path, wheel.sha256) as content:
        wheel.path.write_bytes(other)
        with pytest.raises(FileChanged, match=r"isn't the inspected file's"):
            post(Index(FEED, TOKEN), wheel, content)
        content.seek(0)
        assert content.read() != other
    with pytest.raises(FileChanged, match=f"had {wheel.sha256[:12]}… when it was inspected"):
        upload.run(wheel)
    wheel.path.unlink()
    with pytest.raises(FileChanged, match="is gone since it was inspected: No such file"):
        upload.run(wheel)
    assert upload.sent == 0


def test_an_upload_into_nothing_is_no_network(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    def send(*_: object, **__: object) -> requests.Response:
        raise requests.ConnectionError(OSError(104, "reset by peer"))

    monkeypatch.setattr(http._Adapter, "send", send)
    with exact.held(wheel.path, wheel.sha256) as content, pytest.raises(NoNetwork) as caught:
        publish._post(Index(FEED, TOKEN), wheel, content)
    assert caught.value.host == "pkgs.dev.azure.com"


# --- other repositories


@pytest.mark.parametrize(("status", "kind", "most"), [(200, NothingStored, 60), (202, NotVisible, 140)])
def test_another_repository_that_stores_nothing_is_told_soon(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int, kind: type[StepError], most: float
) -> None:
    upload = Upload(monkeypatch, [answer(status)], [page()])
    with pytest.raises(kind, match="doesn't show it after"):
        upload.run(wheel, OTHER)
    assert publish.SHOWN_WITHIN <= sum(upload.pauses) <= most


@pytest.mark.parametrize("status", [400, 403, 409])
def test_another_repositorys_refusal_of_our_own_file_is_none(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int
) -> None:
    Upload(monkeypatch, [answer(status)], [page((wheel.filename, wheel.sha256))]).run(wheel, OTHER)
    with pytest.raises(VersionTaken):
        Upload(monkeypatch, [answer(status)], [page((wheel.filename, sha("x")))]).run(wheel, OTHER)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409])
def test_another_repositorys_refusal_keeps_its_words(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int
) -> None:
    kind = FeedForbidden if status == 403 else UploadFailed
    upload = Upload(monkeypatch, [answer(status, "<p>because of us</p>")], [page()])
    with pytest.raises(kind) as caught:
        upload.run(wheel, OTHER)
    assert "because of us" in caught.value.details
    assert ("`feed-upload-url`" in caught.value.fix) is (status in (404, 405))
