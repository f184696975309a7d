"""A feed's answers to reads, in place of the network."""

from collections.abc import Mapping

import pytest
import requests
from amlwheel.model.feed import ARTIFACTS, NO_SIGN_IN_PAGE
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from unit.parts import answer

SIGN_IN = (
    '<html><head><title>Azure DevOps Services | Sign In</title></head><body><form action="/_signin"></form></body>'
)
OTHER = parse_feed("https://pypi.example/simple/")


def serve(monkeypatch: pytest.MonkeyPatch, *answers: requests.Response) -> list[tuple[str, Secret]]:
    """Have the feed give these answers to reads, the last one for ever; return the list of questions.

    Azure DevOps is asked for no sign-in page, and no other repository is.
    """
    asked: list[tuple[str, Secret]] = []

    def get(url: str, *, token: Secret, accept: str, headers: Mapping[str, str]) -> requests.Response:
        assert headers == (NO_SIGN_IN_PAGE if url.startswith(ARTIFACTS) else {})
        assert accept in ("text/html", "application/json")
        asked.append((url, token))
        return answers[min(len(asked), len(answers)) - 1]

    monkeypatch.setattr(http, "get", get)
    return asked


LINK = '<a href="../../g-u-i-d/pypi/download/x/{0}#sha256={1}" data-requires-python="&gt;=3.10">{0}</a><br/>'


def page(*files: tuple[str, str], title: str = "Links") -> requests.Response:
    """Return a package's page as Artifacts writes it."""
    links = "".join(LINK.format(*file) for file in files)
    return answer(text=f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{links}</body></html>")
