"""One HTTP session: bounded, repeated where that is safe, and silent about credentials."""

import socket
import ssl
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests
import urllib3
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from requests.adapters import HTTPAdapter
from unit.parts import CANARY, TOKEN, answer, sha
from urllib3.exceptions import MaxRetryError, NameResolutionError, NewConnectionError, ProxyError

URL = "https://me:x@index.example:8443/simple/"


class Wire(HTTPAdapter):
    """Takes the place of the network: keeps what is sent."""

    def __init__(self, given: requests.Response | Exception) -> None:
        """Answer with `given`, or raise it."""
        super().__init__()
        self.given = given
        self.sent: list[tuple[requests.PreparedRequest, object]] = []

    def send(self, request: requests.PreparedRequest, *_: object, **more: object) -> requests.Response:
        self.sent.append((request, more["timeout"]))
        if isinstance(self.given, Exception):
            raise self.given
        self.given.request = request
        return self.given


def wire(monkeypatch: pytest.MonkeyPatch, given: requests.Response | Exception) -> Wire:
    made, session = Wire(given), requests.Session()
    session.mount("https://", made)
    monkeypatch.setattr(http, "session", lambda **_: session)
    return made


# --- requests


def test_a_token_travels_as_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = wire(monkeypatch, answer(200, "hello"))
    assert http.get("https://index.example/x", token=TOKEN, accept="text/html", headers={"X-Mine": "1"}).text == "hello"
    ((request, timeout),) = sent.sent
    assert request.headers["Authorization"] == requests.auth._basic_auth_str("amlwheel", CANARY)
    assert request.headers["Accept"] == "text/html"
    assert request.headers["X-Mine"] == "1"
    assert timeout == (10, 20)


def test_the_first_byte_is_all_that_a_look_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = wire(monkeypatch, answer(206))
    http.get("https://index.example/x", token=TOKEN, first_byte=True)
    assert sent.sent[0][0].headers["Range"] == "bytes=0-0"


def test_a_patch_is_json_with_the_token_as_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, url = wire(monkeypatch, answer(302, Location="https://elsewhere.example/")), "https://index.example/x"
    assert http.send("PATCH", url, token=TOKEN, headers={"Accept": "a/b"}, body={"a": 1}).status_code == 302
    ((request, timeout),) = sent.sent
    assert (request.method, request.body) == ("PATCH", b'{"a": 1}')
    assert request.headers["Authorization"] == requests.auth._basic_auth_str("amlwheel", CANARY)
    assert request.headers["Accept"] == "a/b"
    assert request.headers["Content-Type"] == "application/json"
    assert timeout == (10, 20)


def test_a_bearer_token_travels_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = wire(monkeypatch, answer())
    http.get("https://registry.example/x", bearer=TOKEN)
    assert sent.sent[0][0].headers["Authorization"] == f"Bearer {CANARY}"


@pytest.mark.parametrize("bearer", [None, TOKEN])
def test_a_netrc_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bearer: Secret | None) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine index.example login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    sent = wire(monkeypatch, answer())
    http.get("https://index.example/x", bearer=bearer)
    assert sent.sent[0][0].headers.get("Authorization") == (f"Bearer {CANARY}" if bearer else None)


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = wire(monkeypatch, answer(302, Location="https://evil.example/"))
    assert http.get("https://index.example/x", token=TOKEN).status_code == 302
    assert len(sent.sent) == 1


# --- failures


POOL = urllib3.HTTPSConnectionPool("index.example")
REFUSED = NewConnectionError(POOL, "Failed to establish a new connection: [Errno 111] Connection refused")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "kind", "said"),
    [
        (requests.ConnectTimeout(CANARY), NoNetwork, "no connection within 10 seconds"),
        (requests.ReadTimeout(CANARY), TooSlow, ""),
        (requests.ConnectionError(MaxRetryError(POOL, f"/{CANARY}", REFUSED)), NoNetwork, "Connection refused"),
        (
            requests.ConnectionError(
                MaxRetryError(POOL, f"/{CANARY}", NameResolutionError("index.example", POOL, socket.gaierror("x")))  # type: ignore[arg-type]
            ),
            NoNetwork,
            "NameResolutionError",
        ),
        (
            requests.exceptions.ProxyError(
                MaxRetryError(POOL, f"/{CANARY}", ProxyError("Unable to connect", OSError("403")))
            ),
            NoNetwork,
            "ProxyError: ('Unable to connect'",
        ),
        (requests.ConnectionError(OSError(104, "Connection reset by peer")), NoNetwork, "Connection reset by peer"),
        (requests.ConnectionError(), NoNetwork, "ConnectionError"),
        (ValueError("Invalid IPv6 URL"), NoNetwork, "ValueError"),
        (requests.exceptions.InvalidProxyURL("no host"), NoNetwork, "no host"),
        (requests.exceptions.ChunkedEncodingError(CANARY), NoNetwork, "ChunkedEncodingError"),
    ],
)
def test_a_failure_names_the_host_and_nothing_of_the_request(
    failure: Exception, kind: type[StepError], said: str
) -> None:
    with pytest.raises(kind) as caught, http.network(URL):
        raise failure
    assert "index.example:8443" in caught.value.what
    assert "me:x" not in caught.value.what
    assert said in caught.value.details
    assert CANARY not in f"{caught.value.what} {caught.value.details}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_get_fails_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    wire(monkeypatch, requests.ReadTimeout())
    with pytest.raises(TooSlow, match=r"index\.example gave no answer within 20 seconds"):
        http.get("https://index.example/x")


# --- the adapter


def test_reads_are_repeated_a_bounded_number_of_times_and_writes_never() -> None:
    retry = http.adapter().max_retries
    assert (retry.total, retry.connect) == (4, 2)
    assert retry.is_retry("GET", 503)
    assert retry.is_retry("GET", 429)
    assert not retry.is_retry("POST", 503)
    assert not retry.is_retry("GET", 404)
    assert retry.raise_on_status is False


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("7", 7.0),
        ("soon", None),
        (None, None),
    ],
)
def test_a_server_may_ask_for_a_pause(asked: str | None, seconds: float | None) -> None:
    response = urllib3.HTTPResponse(headers={"Retry-After": asked} if asked else {})
    retry = http.adapter().max_retries
    assert retry.get_retry_after(response) == seconds
    assert retry.increment("GET", URL, response=response).total == 3


@pytest.mark.parametrize(
    "asked",
    ["3600", format_datetime(datetime.now(timezone.utc) + timedelta(hours=1), usegmt=True)],
    ids=["seconds", "date"],  # with the date in it, two workers would name it otherwise
)
def test_nobody_waits_for_an_hour(asked: str) -> None:
    response = urllib3.HTTPResponse(headers={"Retry-After": asked}, status=429)
    with pytest.raises(MaxRetryError):
        http.adapter().max_retries.increment("GET", URL, response=response, _pool=None)


@pytest.mark.parametrize(("given", "limit"), [(None, (10, 300.0)), ((1, 2), (1, 2))])
def test_every_request_has_a_time_limit(
    monkeypatch: pytest.MonkeyPatch, given: tuple[int, int] | None, limit: tuple[float, float]
) -> None:
    limits: list[object] = []

    def send(*_: object, timeout: object) -> requests.Response:
        limits.append(timeout)
        return answer()

    monkeypatch.setattr(HTTPAdapter, "send", send)
    http.adapter(300.0).send(requests.Request("GET", URL).prepare(), timeout=given)
    assert limits == [limit]


def test_nagles_algorithm_is_off_behind_a_proxy() -> None:
    manager = http.adapter().proxy_manager_for("http://proxy.example:3128")
    assert (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) in manager.connection_pool_kw["socket_options"]


class Redirects(Wire):
    """Sends the first request on to another host."""

    def send(self, request: requests.PreparedRequest, *given: object, **more: object) -> requests.Response:
        said = super().send(request, *given, **more)
        return said if len(self.sent) > 1 else self._on(request)

    @staticmethod
    def _on(request: requests.PreparedRequest) -> requests.Response:
        said = answer(302, "", Location="https://files.other.example/f.whl")
        said.request, said.url = request, str(request.url)
        return said


def test_a_file_is_read_where_it_is_redirected_to_and_only_its_index_is_told_the_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text(f"machine files.other.example login me password {CANARY}")
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    made, session = Redirects(answer(200, "wheel")), requests.Session()
    session.mount("https://", made)
    monkeypatch.setattr(http, "session", lambda: session)
    with http.stream("https://index.example/f.whl", TOKEN.of("me")) as said:
        assert said.content == b"wheel"
    first, second = (request.headers.get("Authorization", "") for request, _ in made.sent)
    assert first.startswith("Basic ")
    assert not second
    assert [limit for _, limit in made.sent] == [(http.CONNECT, http.READ)] * 2


def test_a_client_that_repeats_by_itself_gets_a_session_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", "/nowhere")
    session = http.plain_session()
    request = session.prepare_request(requests.Request("GET", "https://x", headers={"Authorization": "Bearer x"}))
    assert request.headers["Authorization"] == "Bearer x"


def test_there_is_one_session_with_our_name_and_adapters() -> None:
    session = http.session()
    assert session is http.session()
    assert str(session.headers["User-Agent"]).startswith("amlwheel/")
    assert all(isinstance(session.get_adapter(url), http._Adapter) for url in ("https://a.example", "http://a.example"))
    assert session.trust_env


# --- a question that a run can do without


def test_a_question_is_asked_once_and_without_a_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    sent, url = wire(monkeypatch, answer(302, "{}", Location="https://elsewhere.example/")), "https://osv.example/x"
    assert http.ask(url, until=time.monotonic() + 3, most=2, body={"a": 1}) == (302, b"{}")
    ((request, limits),) = sent.sent
    assert (request.method, request.body) == ("POST", b'{"a": 1}')
    assert "Authorization" not in request.headers
    assert all(2.9 < limit <= 3 for limit in limits)  # type: ignore[attr-defined]
    http.ask(url, until=time.monotonic() + 3, most=2)
    assert sent.sent[1][0].method == "GET"
    assert http.adapter(repeats=0).max_retries.total == 0


@pytest.mark.parametrize(("left", "most"), [(3, 1), (-1, 2)], ids=["too much", "too late"])
def test_an_answer_that_is_too_much_or_too_late_is_none(monkeypatch: pytest.MonkeyPatch, left: int, most: int) -> None:
    wire(monkeypatch, answer(200, "{}"))
    with pytest.raises(TooSlow):
        http.ask("https://osv.example/x", until=time.monotonic() + left, most=most)


# --- a file's sha256


@pytest.mark.parametrize(
    ("given", "most", "expected"),
    [
        (answer(200, "bytes"), 5, sha("bytes")),
        (answer(200, "bytes"), 4, ""),
        (answer(404, "bytes"), 5, ""),
    ],
)
def test_a_file_is_read_as_far_as_it_may_be_ours(
    monkeypatch: pytest.MonkeyPatch, given: requests.Response, most: int, expected: str
) -> None:
    sent = wire(monkeypatch, given)
    assert http.sha256("https://index.example/x.whl", TOKEN.of("ci"), most) == expected
    ((request, timeout),) = sent.sent
    assert request.headers["Authorization"] == requests.auth._basic_auth_str("ci", CANARY)
    assert timeout == (10, 20)


def test_a_file_elsewhere_is_read_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = wire(monkeypatch, answer(200, "bytes"))
    assert http.sha256("https://files.example/x.whl", None, 5) == sha("bytes")
    assert "Authorization" not in sent.sent[0][0].headers


def test_all_connections_share_the_roots_which_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", lambda *given: read.append(given[1:]))
    http._context.cache_clear()
    one, two = http.adapter(), http.single()
    contexts = [one.poolmanager.connection_pool_kw["ssl_context"], http._context()]
    contexts.append(two.proxy_manager_for("http://proxy.example:8080").connection_pool_kw["ssl_context"])
    assert len(set(map(id, contexts))) == 1
    for each in contexts:
        each.load_verify_locations("roots.pem", None, None)
    assert read == [("roots.pem", None, None)]
    http._context.cache_clear()
