"""What mitmproxy hands to an app, made into what ASGI promises."""

import urllib.parse

from starlette.types import ASGIApp, Receive, Scope, Send


def repaired(app: ASGIApp, host: str) -> ASGIApp:
    """Wrap an app so that mitmproxy's scope is what ASGI promises.

    mitmproxy percent-encodes `path` once more, gives `raw_path` as text with the query, and the
    scheme in capitals; it decodes the query string, which we therefore take from `raw_path`; and
    HTTP/2 requests have no `host` header.
    """

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        raw, _, query = scope["raw_path"].partition("?")
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        fixed = {
            "headers": [(b"host", host.encode()), *headers],
            "path": urllib.parse.unquote(raw),
            "raw_path": raw.encode(),
            "query_string": query.encode(),
            "scheme": scope["scheme"].lower(),
        }
        await app({**scope, **fixed}, receive, send)

    return call
