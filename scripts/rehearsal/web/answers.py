"""Answers that every stand-in may give: JSON, one that ends the handling of a request, and reason phrases."""

from typing import Any

from starlette.responses import JSONResponse, Response

REASON_HEADER = "rehearsal-reason"
"""Carries a reason phrase to the proxy, which takes it off again: ASGI has no place for one."""


class Refusal(Exception):  # noqa: N818  # it is an answer, seldom an error
    """Ends the handling of a request with this answer."""

    def __init__(self, response: Response) -> None:
        """Keep the answer."""
        super().__init__(response.status_code)
        self.response = response


def with_reason(response: Response, reason: str) -> Response:
    """Return the answer with this reason phrase, on one line and in latin-1 as HTTP/1.1 wants it."""
    line = " ".join(reason.split())
    response.headers[REASON_HEADER] = line.encode("latin-1", "replace").decode("latin-1")
    return response


def json_answer(status: int, content: Any, **headers: str) -> Response:  # noqa: ANN401  # JSON
    """Return a JSON answer; `headers` are spelled with underscores."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(content, status, fields)
