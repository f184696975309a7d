"""A published wheel is read as the image builder will: page, file, every byte."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from amlwheel.errors.environment import ProofFailed
from amlwheel.errors.feed import FeedUnexpected, UserNeeded
from amlwheel.feed.index import Index, Page
from amlwheel.feed.read_back import fetch
from amlwheel.model.secret import Secret
from unit.parts import FEED, TOKEN, answer, make

INDEX = Index(FEED, TOKEN.of("images"), "connection-token")
PAT = Index(FEED, TOKEN, "connection-token")


def serve(monkeypatch: pytest.MonkeyPatch, page: dict[str, str], status: Callable[[Secret], int]) -> None:
    """Have the feed show `page`, and answer for its files by token."""

    @contextlib.contextmanager
    def stream(index: Index, _url: str) -> Iterator[requests.Response]:
        yield answer(status(index.token))

    monkeypatch.setattr(Index, "page", lambda *_: Page(page, urls=dict.fromkeys(page, "https://f.example/x.whl")))
    monkeypatch.setattr(Index, "stream", stream)


def test_a_wheel_that_readers_do_not_get_is_not_registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    page, served = {wheel.filename: wheel.sha256}, [wheel.sha256]
    asked: list[tuple[str, int]] = []
    serve(monkeypatch, page, lambda _: 404)

    def sha256(_: Index, url: str, most: int) -> str:
        asked.append((url, most))
        return served[0]

    monkeypatch.setattr(Index, "sha256", sha256)
    fetch(INDEX, wheel)
    assert asked == [("https://f.example/x.whl", wheel.size)]
    page[wheel.filename] = ""
    fetch(INDEX, wheel)
    served[0] = ""
    with pytest.raises(ProofFailed, match="gives `connection-token` no file, or a larger one for acme_churn"):
        fetch(INDEX, wheel)
    page[wheel.filename] = "b" * 64
    with pytest.raises(ProofFailed, match=f"another file: sha256 {'b' * 64}"):
        fetch(INDEX, wheel)
    page.clear()
    with pytest.raises(ProofFailed, match="doesn't show acme_churn") as caught:
        fetch(INDEX, wheel)
    assert "Run the step again" in caught.value.fix


@pytest.mark.parametrize(("as_user", "refused"), [(True, "as the user, without"), (False, "as the password of a user")])
def test_a_file_that_one_form_of_the_token_does_not_get(
    *, as_user: bool, refused: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The builder's form compares every byte; the earlier form is asked whether it gets them, too."""
    wheel = make(tmp_path)
    gets = {"status": 200}
    serve(monkeypatch, {wheel.filename: wheel.sha256}, lambda token: 401 if token.alone is as_user else gets["status"])

    def sha256(index: Index, _url: str, _most: int) -> str:
        assert index.token.alone
        return "" if as_user else wheel.sha256

    monkeypatch.setattr(Index, "sha256", sha256)
    with pytest.raises(UserNeeded, match=f"refuses `connection-token` {refused}") as caught:
        fetch(PAT, wheel)
    assert caught.value.fix.startswith("Set `connection-user` to any name")
    assert ("name before" in caught.value.cause) is not as_user


def test_both_forms_get_the_file_or_the_next_run_tries_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = make(tmp_path)
    status = {True: 200, False: 200}
    serve(monkeypatch, {wheel.filename: wheel.sha256}, lambda token: status[token.alone])
    monkeypatch.setattr(Index, "sha256", lambda *_: wheel.sha256)
    fetch(PAT, wheel)
    status[False] = 503
    with pytest.raises(FeedUnexpected) as caught:
        fetch(PAT, wheel)
    assert caught.value.what.endswith("answered 503. That was the answer to the token as the password of a user.")


def test_a_file_that_is_there_is_not_read_to_be_told_so() -> None:
    def read(*_: object) -> bytes:
        raise AssertionError

    answer = requests.Response()
    answer.status_code, answer.headers["Content-Type"] = 200, "application/octet-stream"
    answer.raw = SimpleNamespace(read=read)
    INDEX.check(answer)
