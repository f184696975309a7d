"""HTTP for everything that isn't Azure Resource Manager: one session, with timeouts, retries and our own errors."""

import contextlib
import hashlib
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util.ssl_ import create_urllib3_context

from .. import __version__
from ..errors.base import NoNetwork, TooSlow
from ..model.secret import Secret
from . import bounds

# Azure DevOps takes any non-empty user name beside a token (artifacts-keyring; uv's guide to Azure Artifacts).
USER = "amlwheel"
CONNECT, READ = 10, 20  # seconds; an answer that never came is asked for twice within `bounds.WHOLE`
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
LONGEST_PAUSE = 30.0  # seconds; a server may ask for an hour, and nobody at a red release waits for that


class _Retry(Retry):
    """Retries of reads, with the server's Retry-After obeyed up to a bound."""

    def get_retry_after(self, response: BaseHTTPResponse) -> float | None:
        """Return the seconds that the server asks for; None when its value is invalid."""
        try:
            return super().get_retry_after(response)
        except InvalidHeader:
            return None

    def increment(self, *given: Any, **more: Any) -> "_Retry":  # noqa: ANN401
        """Give up at once for a server that asks for more than LONGEST_PAUSE: whoever comes earlier is sent away."""
        response = more.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_PAUSE:
            raise MaxRetryError(more["_pool"], str(given[1]))  # with `raise_on_status` off, it means the response
        return super().increment(*given, **more)


class _Adapter(HTTPAdapter):
    """Bounds every request, and turns Nagle's algorithm off behind proxies: urllib3 leaves it on, 40 ms a POST."""

    def __init__(self, answer: float, retry: Retry) -> None:
        """Wait at most `answer` seconds for a response when the caller sets no limit, as twine doesn't."""
        self._answer = answer
        super().__init__(max_retries=retry, pool_maxsize=48)  # 16 workspaces are asked three things each at once

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:  # noqa: ANN401
        """Send `request` with a time limit in any case."""
        more["timeout"] = more.get("timeout") or (CONNECT, self._answer)
        response = super().send(request, *args, **more)
        response.encoding = response.encoding or "utf-8"  # else requests tries 80 encodings, which takes 0.1 s
        return response

    def init_poolmanager(self, *given: Any, **more: Any) -> None:  # noqa: ANN401
        """Make the manager of connections, with the roots that all share."""
        super().init_poolmanager(*given, **more, ssl_context=_context())

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:  # noqa: ANN401  # requests has no better type
        """Return the proxy's manager with TCP_NODELAY set, and the roots that all share."""
        more["ssl_context"] = _context()
        more["socket_options"] = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        return super().proxy_manager_for(proxy, **more)


@cache
def _context() -> ssl.SSLContext:
    """Return the TLS settings of all connections. urllib3 would read the roots for each of them: 1 MB, and 20 ms."""
    made = create_urllib3_context()
    made.load_verify_locations = cache(made.load_verify_locations)  # type: ignore[assignment, method-assign]
    return made


def adapter(answer: float = READ, *, repeats: int = 4) -> HTTPAdapter:
    """Return an adapter that waits `answer` seconds and repeats reads when network or server fail for a moment.

    Give no `repeats` for writes: behind a proxy urllib3 takes a connection that was reset for one that was never made,
    and sends any method again, with a body that is used up.
    """
    retry = _Retry(
        total=repeats,
        connect=2,
        backoff_factor=0.5,
        status_forcelist=(429, 500, 502, 503, 504),
        allowed_methods=("GET", "HEAD"),
        raise_on_status=False,
    )
    return _Adapter(answer, retry)


def single() -> HTTPAdapter:
    """Return an adapter that repeats nothing, for a client that repeats its requests itself: it sees each failure."""
    return _Adapter(READ, Retry(total=False, redirect=False, raise_on_status=False))


@cache
def session(repeats: int = 4) -> requests.Session:
    """Return the session of this process. It honours the proxy and CA variables of company runners."""
    made = requests.Session()
    made.mount("https://", adapter(repeats=repeats))
    made.mount("http://", adapter(repeats=repeats))
    made.headers["User-Agent"] = f"amlwheel/{__version__}"
    return made


def plain_session() -> requests.Session:
    """Return a session for a client that signs and repeats its requests itself, but for 429 (azure-storage-blob).

    That is a proxy's or a gateway's, and says that nothing has happened; so any method is sent again.
    """
    retry = _Retry(
        total=None,  # with a number, a Retry-After would count for 503, too, which the client repeats itself
        connect=0,
        read=0,
        other=0,
        status=4,
        backoff_factor=0.5,
        status_forcelist=(429,),
        allowed_methods=None,
        raise_on_status=False,
    )
    made = requests.Session()
    made.mount("https://", _Adapter(READ, retry))
    made.auth = _no_netrc  # it would take the place of the client's own header
    return made


@contextlib.contextmanager
def network(url: str, answer: float = READ) -> Iterator[None]:
    """Turn the failures of `requests` on the way to `url` into NoNetwork and TooSlow, which name the host only.

    `answer` is the limit, in seconds, that the request has for an answer.

    The original exception isn't chained: it carries the request with its Authorization header.
    """
    host = urlsplit(url).netloc.rpartition("@")[2]
    try:
        yield
    except requests.Timeout as error:
        if isinstance(error, requests.ConnectTimeout):
            raise NoNetwork(host, f"no connection within {CONNECT} seconds") from None
        raise TooSlow(f"{host} gave no answer within {answer:.0f} seconds.") from None
    except (requests.ConnectionError, requests.exceptions.InvalidProxyURL) as error:
        raise NoNetwork(host, _reason(error)) from None
    except (requests.RequestException, ValueError) as error:  # the second is for a redirect to `https://[x`
        raise NoNetwork(host, type(error).__name__) from None


def get(  # noqa: PLR0913  # each has its default, and all have names
    url: str,
    *,
    token: Secret | None = None,
    accept: str = "*/*",
    bearer: Secret | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
    first_byte: bool = False,
) -> requests.Response:
    """GET `url` (or the `first_byte` of it) without following redirects, retrying reads; raise NoNetwork or TooSlow.

    `token` travels as the password of HTTP Basic, see `login`; `bearer` as RFC 6750 has it.
    """
    more = {"Authorization": f"Bearer {bearer.reveal()}"} if bearer else {}
    more |= {"Range": "bytes=0-0"} if first_byte else {}
    return send("GET", url, token=token, headers={"Accept": accept, **headers, **more})


def send(  # noqa: PLR0913  # as `get`
    method: str,
    url: str,
    *,
    token: Secret | None,
    headers: Mapping[str, str],
    body: object = None,
    form: Mapping[str, str] | None = None,
) -> requests.Response:
    """Send a request, `body` as JSON or a `form`, without following redirects; retry only reads.

    Raises NoNetwork, TooSlow.
    """
    auth = login(token) if token else _no_netrc
    limits = (CONNECT, READ)
    with network(url):
        return session().request(
            method, url, json=body, data=form, headers=dict(headers), auth=auth, timeout=limits, allow_redirects=False
        )


@contextlib.contextmanager
def stream(
    url: str, token: Secret | None = None, headers: Mapping[str, str] = NO_HEADERS, *, repeated: bool = True
) -> Iterator[requests.Response]:
    """GET `url` and follow redirects; the body is read while the block runs. Raises NoNetwork or TooSlow, there too.

    The token goes to the host of `url` alone: requests takes it off where another one is asked. A request that a run
    can do without isn't `repeated`.
    """
    auth, limits = login(token) if token else _no_netrc, (CONNECT, READ)
    opened = session() if repeated else session(repeats=0)
    with network(url):
        answer = opened.get(url, headers=dict(headers), auth=auth, timeout=limits, stream=True)
        yield answer
        answer.close()  # not after TooSlow: somebody may be reading still, and holds its lock


def blocks(answer: requests.Response) -> Iterator[bytes]:
    """Yield the file that is streamed; raise TooSlow for one that comes too slowly."""
    return bounds.paced(answer.iter_content(bounds.BLOCK), urlsplit(answer.url).netloc)


def ask(url: str, *, until: float, most: int, body: object = None) -> tuple[int, bytes]:
    """GET `url`, or POST `body` as JSON to it, without a credential; return status and content.

    For a question that a run can do without: nothing is repeated, and it is over by `until` (time.monotonic).
    Raises NoNetwork, and TooSlow, also for more than `most` bytes.
    """
    left = max(until - time.monotonic(), 0.001)
    more: dict[str, Any] = {"auth": _no_netrc, "allow_redirects": False, "stream": True, "timeout": (left, left)}
    method = "GET" if body is None else "POST"

    def read() -> tuple[int, bytes]:
        content = bytearray()
        with session(repeats=0).request(method, url, json=body, **more) as response:
            for block in response.iter_content(2**16):
                content += block
                if len(content) > most or time.monotonic() > until:
                    raise TooSlow(f"{urlsplit(url).netloc} sends too much, or too slowly.")
            return response.status_code, bytes(content)

    with network(url, left):
        return bounds.within(left, urlsplit(url).netloc, read)


def sha256(url: str, token: Secret | None, most: int, headers: Mapping[str, str] = NO_HEADERS) -> str:
    """Return the sha256 (hex) of the file at `url`; empty when there is none, or one of more than `most` bytes."""
    digest, left = hashlib.sha256(), most
    with stream(url, token, headers) as response:
        if response.status_code != requests.codes.ok:
            return ""
        for block in blocks(response):
            digest.update(block)
            left -= len(block)
            if left < 0:
                return ""
    return digest.hexdigest()


def login(token: Secret) -> tuple[str, str]:
    """Return user name and password with which `token` is used."""
    return (token.reveal(), "") if token.alone else (token.user or USER, token.reveal())


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the request as it is: with any `auth` given, requests doesn't look into a netrc file."""
    return request


def _reason(error: requests.RequestException) -> str:
    """Return the innermost cause's text, such as `[Errno 111] Connection refused`; it names no URL."""
    cause: object = error
    while isinstance(cause, BaseException):
        reason = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        if not isinstance(reason, BaseException):
            break
        cause = reason
    text = str(cause)
    return f"{type(cause).__name__}: {text.rpartition('object at')[2].partition('>: ')[2] or text}"[:300]
