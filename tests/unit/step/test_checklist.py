"""`check`: everything is asked at once, and what is missing is told together."""

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from amlwheel.environment import image
from amlwheel.errors.base import StepError
from amlwheel.errors.environment import ImageNotFound
from amlwheel.errors.feed import FeedForbidden
from amlwheel.errors.sign_in import FederationMismatch, FederationRefused, SignInFailed
from amlwheel.errors.workspace import WorkspaceForbidden
from amlwheel.feed import access as feed_access
from amlwheel.feed import artifacts, index
from amlwheel.feed.artifacts import Facts
from amlwheel.git import remote
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs import reading
from amlwheel.report.checklist import Point, Trust, lines, page
from amlwheel.sign_in import detectors
from amlwheel.sign_in.credential import Credential
from amlwheel.step import checklist
from amlwheel.workspace.look import Permissions, WorkspaceState
from azure.core.credentials import AccessToken
from unit.parts import IMAGE

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
GIVEN = {"feed": "acme/ml/wheels", "workspace": "00000000-0000-4000-8000-000000000001/rg/train", "check": "true"}
ALLOWED = Permissions(({"actions": ["*"]},))
SUBJECT = "repo:acme/churn:environment:release-check"
CLAIMS = {"iss": "https://issuer.example", "aud": "api://x", "sub": SUBJECT}


class Source:
    """Signs in, or doesn't."""

    def __init__(self, error: StepError | None = None, claims: Mapping[str, Any] | StepError = CLAIMS) -> None:
        """Raise `error`, or have these claims."""
        self.error, self.claims = error, claims

    def get_token(self, *_: str, **__: object) -> AccessToken:
        if self.error:
            raise self.error
        return AccessToken("entra-token-of-the-test", 4102444800)

    def presented(self) -> Mapping[str, Any]:
        if isinstance(self.claims, StepError):
            raise self.claims
        return self.claims


class Page:
    doubtful = False


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Everything is set up; return what the run's page gets."""
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    monkeypatch.setattr(detectors, "find", lambda *_: Credential(Source(), "OIDC", lambda _: None))
    monkeypatch.setattr(checklist, "look", lambda *_: WorkspaceState((), ALLOWED))
    monkeypatch.setattr(index.Index, "page", lambda *_: Page())
    monkeypatch.setattr(index.Index, "settle", lambda *_: None)
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: Facts(frozenset()))
    monkeypatch.setattr(feed_access, "check_reader", lambda *_: None)
    monkeypatch.setattr(image, "pin", lambda *_: image.Found(IMAGE, None))
    monkeypatch.setattr(Terminal, "summary", lambda _, text: told.append(text))
    return told


def run(**more: str) -> None:
    given = {
        "connection-token": "token-that-only-reads",
        **GIVEN,
        **{key.replace("_", "-"): v for key, v in more.items()},
    }
    checklist.run(reading.read(given), {}, Terminal(), NOW)


def test_what_is_set_up_is_told_with_the_subjects_first(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(connection_token_expires="2027-01-01")
    printed = capsys.readouterr().out
    assert printed.index(f"  {SUBJECT}\n") < printed.index("5 of 5 OK")
    for name in ("release", "release-check", "training"):
        assert printed.count(f":environment:{name}\n") == 1
    for each in ("by OIDC", "the identity may publish", "the identity has its role", "last day 2027-01-01"):
        assert each in printed
        assert each in said[0]


def test_all_that_is_missing_is_told_at_once(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checklist, "look", lambda *_: WorkspaceState((), Permissions(({"actions": []},))))

    def refuse(*_: object, **__: object) -> None:
        raise FeedForbidden("no")

    def nowhere(*_: object) -> None:
        raise ImageNotFound("no")

    monkeypatch.setattr(artifacts, "facts", refuse)
    monkeypatch.setattr(image, "pin", nowhere)
    with pytest.raises(StepError) as caught:
        run(connection_token="")
    codes = [each.code for each in caught.value.errors]  # type: ignore[attr-defined]  # there are several
    assert codes == ["AW33", f"AW{WorkspaceForbidden.status}", "AW13", f"AW{ImageNotFound.status}"]
    assert "1 of 5 OK" in capsys.readouterr().out
    assert "## Set up: 1 of 5" in said[0]


def test_what_needs_the_sign_in_is_unknown_without_one(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = FederationMismatch("no")
    source = Source(failed, FederationRefused("no token at all"))
    monkeypatch.setattr(detectors, "find", lambda *_: Credential(source, "OIDC", lambda _: None))
    monkeypatch.setattr(checklist, "look", lambda arm, _: arm._credential.get_token("arm"))
    monkeypatch.setattr(checklist, "Arm", lambda credential, _: type("Arm", (), {"_credential": credential})())
    with pytest.raises(FederationMismatch):
        run()
    printed = capsys.readouterr().out
    assert "Entra must trust" not in printed + said[0]
    states = [line.split()[0] for line in printed.splitlines() if line.startswith("       ")]
    assert states == ["missing", "unknown", "unknown", "OK", "OK"]


def test_nothing_to_sign_in_with_is_one_line_of_the_list(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def find(*_: object) -> None:
        raise SignInFailed("Nothing to sign in with.")

    monkeypatch.setattr(detectors, "find", find)
    with pytest.raises(SignInFailed):
        run()
    assert "| missing | sign-in to Azure | AW40" in said[0]
    assert "Entra must trust" not in said[0]


@pytest.mark.usefixtures("said")
def test_what_a_service_does_not_tell_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checklist, "look", lambda *_: WorkspaceState(()))
    monkeypatch.setattr(artifacts, "facts", lambda *_, **__: Facts(None, untold=("whether the token may publish",)))
    run(connection_token_expires="2026-03-05")
    printed = capsys.readouterr().out
    assert "may read; not told: whether the token may publish" in printed
    assert "the role isn't told" in printed
    assert "may read; last day 2026-03-05. " in printed
    assert "expires in 4 days" in printed


@pytest.mark.usefixtures("said")
def test_other_routes_have_other_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []
    monkeypatch.setattr(remote, "check_readable", lambda repository, _: asked.append(repository.url))
    monkeypatch.setattr(checklist, "usable_container", lambda *_, **more: asked.append(min(more)))
    run(route="git", git_repository="https://github.com/acme/churn", feed="")
    assert asked == ["https://github.com/acme/churn"]
    run(route="storage", storage_container="https://acmewheels.blob.core.windows.net/wheels")
    assert asked[1:] == ["warn"]
    printed = capsys.readouterr().out
    assert "storage container" in printed
    assert "the identity may read\n" in printed


@pytest.mark.usefixtures("said")
def test_a_repository_that_needs_a_token_has_none() -> None:
    with pytest.raises(StepError, match="`feed-token` is empty"):
        run(feed="https://pypi.acme.invalid/simple/")


@pytest.mark.usefixtures("said")
def test_a_bug_stays_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "pin", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        run()


def test_foreign_text_is_escaped_on_the_page() -> None:
    text = page([Point("feed <b>", "a|b")], Trust("<i>", "a", ("x`y",)))
    assert "<b>" not in text
    assert "a|b" not in text
    assert "x`y" not in text
    assert "Entra" not in page([Point("feed", "a")], Trust())
    assert lines([Point("a", "b"), Point("abc", "d")]) == ["OK       a    b", "OK       abc  d"]
