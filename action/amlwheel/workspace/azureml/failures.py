"""What the failures of azureml-core and of the libraries below it mean: they are of many kinds."""

import re
from urllib.parse import urlsplit

import requests


def kind(error: BaseException) -> str:
    """Return the kind of a failure: the class's name, or `network` or `timeout`, which have many classes."""
    chain = list(_chain(error))
    if "BeyondBounds" in {type(each).__name__ for each in chain}:
        return "BeyondBounds"
    if any(isinstance(each, requests.Timeout) or "Timeout" in type(each).__name__ for each in chain):
        return "timeout"
    network = (requests.ConnectionError, ConnectionError, requests.exceptions.ChunkedEncodingError)
    if any(isinstance(each, network) for each in chain):
        return "network"
    return type(error).__name__


def status(error: BaseException) -> int:
    """Return the HTTP status behind a failure, 0 without one; builtin exceptions have it in their text."""
    for each in _chain(error):
        code = getattr(getattr(each, "response", None), "status_code", None) or getattr(each, "status_code", None)
        if isinstance(code, int):
            return code
    found = re.search(r"\bCode: (\d{3})\b", str(error))
    return int(found[1]) if found else 0


def host(error: BaseException) -> str:
    """Return the host that answered, empty when it is unknown."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        url = getattr(response, "url", None) or getattr(getattr(response, "request", None), "url", None)
        if isinstance(url, str):
            return urlsplit(url).hostname or ""
    return ""


def _chain(error: BaseException | None) -> "list[BaseException]":
    """Return a failure and its causes, in the ways in which the libraries below the SDK keep them."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = getattr(error, "inner_exception", None) or getattr(error, "_inner_exception", None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
    return found
