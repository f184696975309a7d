"""Promotion to a view: kept where it is done, tried again after a fault, and believed only when the view shows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from amlwheel.errors.base import NoNetwork, StepError, TooSlow
from amlwheel.errors.feed import NotInView, PromotionRefused, Redirected, SignInPage, TokenRefused, VersionTaken
from amlwheel.feed import promote as view
from amlwheel.feed.index import Index
from amlwheel.model.feed import NO_SIGN_IN_PAGE
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Wheel
from amlwheel.plan.change import Verb
from amlwheel.transport import http
from unit.parts import CANARY, FEED, TOKEN, answer, make, sha

SIGN_IN = "<html><title>Azure DevOps | Sign In</title></html>"


@pytest.fixture
def wheel(tmp_path: Path) -> Wheel:
    return make(tmp_path)


@dataclass
class Service:
    """The feed: what it answers to the promotion, and what its view then shows."""

    answers: list[requests.Response | StepError]
    shown: list[str]
    wheel: Wheel
    patches: list[tuple[str, object]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def patch(
        self, method: str, url: str, *, token: Secret, headers: Mapping[str, str], body: object
    ) -> requests.Response:
        assert (method, token) == ("PATCH", TOKEN)
        assert headers == {"Accept": "application/json;api-version=7.1-preview.1", **NO_SIGN_IN_PAGE}
        self.patches.append((url, body))
        given = self.answers.pop(0)
        if isinstance(given, StepError):
            raise given
        return given

    def get(self, url: str, *, token: Secret, accept: str, headers: object) -> requests.Response:
        assert url == f"{FEED.through('Release').index_url}acme-churn/"
        assert token == TOKEN
        assert accept
        assert headers
        digest = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        link = f'<a href="{self.wheel.filename}#sha256={digest}"></a>'
        return answer(text=link) if digest else answer(404, "no package")

    def promote(self) -> None:
        view.promote(Index(FEED, TOKEN), "Release", self.wheel, self.warnings.append, self.pauses.append)


def serve(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, answers: Sequence[requests.Response | StepError], *shown: str
) -> Service:
    made = Service(list(answers), list(shown) or [wheel.sha256], wheel)
    monkeypatch.setattr(http, "send", made.patch)
    monkeypatch.setattr(http, "get", made.get)
    return made


def test_what_the_view_shows_is_kept(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    serve(monkeypatch, wheel, [])
    change = view.plan(Index(FEED, TOKEN), "Release", wheel, print)
    assert (change.verb, change.result) == (Verb.KEEP, "Release")
    change.effect()


@pytest.mark.parametrize("shown", ["", sha("other")])
def test_what_it_does_not_show_is_promoted(monkeypatch: pytest.MonkeyPatch, wheel: Wheel, shown: str) -> None:
    service = serve(monkeypatch, wheel, [answer(202)], shown, wheel.sha256)
    change = view.plan(Index(FEED, TOKEN), "Release", wheel, print)
    assert (change.verb, change.subject) == (Verb.CREATE, "view Release of acme_churn-1.2.3-py3-none-any.whl")
    assert service.patches == []
    change.effect()
    patch = {"views": {"op": "add", "path": "/views/-", "value": "Release"}}
    assert service.patches == [(FEED.version_url("acme-churn", "1.2.3"), patch)]


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_accepted_promotion_is_done_when_the_view_shows_it(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, status: int
) -> None:
    service = serve(monkeypatch, wheel, [answer(status)], "", "", wheel.sha256)
    service.promote()
    assert (service.pauses, service.warnings) == ([0.25, 0.5], [])


def test_what_never_shows_is_not_in_the_view(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    service = serve(monkeypatch, wheel, [answer(202)], "")
    with pytest.raises(NotInView, match="was promoted to view Release of acme/ml/wheels, which doesn't show it"):
        service.promote()
    assert sum(service.pauses) >= 120


def test_other_bytes_in_the_view_are_a_conflict(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    with pytest.raises(VersionTaken):
        serve(monkeypatch, wheel, [answer(202)], sha("other")).promote()


@pytest.mark.parametrize(
    "fault", [answer(503), answer(500), answer(429), answer(404), NoNetwork("x"), TooSlow("no answer")]
)
def test_a_fault_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, wheel: Wheel, fault: requests.Response | StepError
) -> None:
    service = serve(monkeypatch, wheel, [fault, answer(202)])
    service.promote()
    assert service.pauses == [1.0]
    assert service.warnings[0].endswith("Trying again in 1 seconds.")


@pytest.mark.parametrize(
    ("answers", "kind", "cause"),
    [
        ([answer(403, '{"message": "needs Promote"}')], PromotionRefused, "only Contributors promote"),
        ([answer(404)] * 3, PromotionRefused, "no such view, or view or version have been deleted since"),
        ([answer(503)] * 3, PromotionRefused, "The service is failing, or has reached a limit."),
        ([answer(400)], PromotionRefused, "The service is failing, or has reached a limit."),
        ([answer(401)], TokenRefused, ""),
        ([answer(203, SIGN_IN)], SignInPage, ""),
        ([answer(200, SIGN_IN)], SignInPage, ""),
        ([answer(302)], Redirected, ""),
        ([NoNetwork("x")] * 3, NoNetwork, ""),
    ],
)
def test_a_refused_promotion_has_its_name(
    monkeypatch: pytest.MonkeyPatch,
    wheel: Wheel,
    answers: list[requests.Response | StepError],
    kind: type[StepError],
    cause: str,
) -> None:
    service = serve(monkeypatch, wheel, answers)
    with pytest.raises(kind) as caught:
        service.promote()
    assert cause in caught.value.cause
    assert service.answers == []
    assert CANARY not in f"{caught.value.what} {caught.value.details}"
