"""What a run tells where debug lines are shown: each request, each tool. `__main__` says who listens.

It isn't Python's logging: libraries log signed addresses there, so that azureml-core's process turns all of it off.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import requests

listeners: list[Callable[[str], object]] = []


def tell(text: str) -> None:
    """Tell whoever listens. The text may be hostile."""
    for each in listeners:
        each(text)


def request(asked: requests.PreparedRequest, ended: requests.Response | Exception, began: float) -> None:
    """Tell of a request that began at `began` (time.monotonic), and of the attempts before its last one.

    A query may hold a signature, and headers a token: neither is told.
    """
    if not listeners:
        return
    parts = urlsplit(asked.url or "")
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    how = f"{asked.method} {address}: {_answer(ended)}, {(time.monotonic() - began) * 1000:.0f} ms"
    before = [str(each.status or type(each.error).__name__) for each in _earlier(ended)]
    tell(f"{how}, attempt {len(before) + 1} after {', '.join(before)}" if before else how)


def _answer(ended: requests.Response | Exception) -> str:
    return type(ended).__name__ if isinstance(ended, Exception) else str(ended.status_code)


def _earlier(ended: requests.Response | Exception) -> tuple:  # type: ignore[type-arg]
    return getattr(getattr(getattr(ended, "raw", None), "retries", None), "history", ())
