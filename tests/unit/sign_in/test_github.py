"""Sign-in by OIDC: not asked for, asked for and possible, asked for and broken."""

import base64
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from amlwheel.errors.sign_in import FederationMismatch, FederationRefused, NoIdToken
from amlwheel.model import jwt as claims
from amlwheel.model.secret import Secret
from amlwheel.sign_in import detectors
from amlwheel.sign_in import github as oidc
from amlwheel.sign_in.credential import Credential
from amlwheel.transport import http
from azure.core.exceptions import ClientAuthenticationError
from unit.parts import CANARY, GUID

APPLICATION = ("c11e0000-0000-4000-8000-00000000fa4e", "7e7a0000-0000-4000-8000-00000000fa4e")
GITHUB = {
    "GITHUB_ACTIONS": "true",
    oidc.REQUEST_URL: "https://tokens.example/87/idtoken?api-version=2.0",
    oidc.REQUEST_TOKEN: "fake-token-that-asks",
}
SUBJECT = "repo:acme/demo:environment:it's release"


def jwt(said: Mapping[str, Any]) -> str:
    body = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return f"e30.{body}.fake"


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c.d", "a.!.c", "a.bnVsbA.c", "a.W10.c", "é.é.é", f"a.{'W1tb' * 10**5}.c"]
)
def test_what_is_no_jwt_claims_nothing(text: str) -> None:
    assert claims.of(text) == {}


def test_a_jwt_claims() -> None:
    assert claims.of(jwt({"sub": SUBJECT})) == {"sub": SUBJECT}


def detect(environ: Mapping[str, str], application: tuple[str, str] = APPLICATION) -> object:
    return oidc.detect(environ, application, lambda _: None)


def test_nobody_asks_for_it() -> None:
    assert detect(GITHUB, ("", "")) is None


@pytest.mark.parametrize("missing", [oidc.REQUEST_URL, oidc.REQUEST_TOKEN])
def test_a_job_without_the_permission_is_told_which(missing: str) -> None:
    with pytest.raises(NoIdToken) as caught:
        detect({name: value for name, value in GITHUB.items() if name != missing})
    assert "permissions: {id-token: write, contents: read}" in caught.value.fix
    assert "fork" in caught.value.cause


def test_a_token_in_a_file_is_masked_before_it_is_sent(tmp_path: Path) -> None:
    masked: list[str] = []
    (tmp_path / "token").write_text(f"{CANARY}\n")
    environ = {"AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    assert oidc.detect(environ, APPLICATION, lambda token: masked.append(token.reveal()))
    ids = {"AZURE_TENANT_ID": GUID, "AZURE_CLIENT_ID": GUID}
    assert detectors.find({**environ, **ids}, lambda token: masked.append(token.reveal()))
    assert masked == [CANARY, CANARY]


def test_elsewhere_a_file_holds_the_token_or_there_is_none() -> None:
    assert detect({"AZURE_FEDERATED_TOKEN_FILE": "/no/such/file"})
    with pytest.raises(NoIdToken) as caught:
        detect({"AZURE_CLIENT_SECRET": "fake-secret"})
    assert "GitHub Actions" in caught.value.cause


def test_tokens_are_asked_for_by_https_alone() -> None:
    with pytest.raises(FederationRefused) as caught:
        detect({**GITHUB, oidc.REQUEST_URL: "http://tokens.example/"})
    assert "ervice connection" not in caught.value.cause + caught.value.fix


def answer(status: int, body: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body.encode()
    return response


def github(
    monkeypatch: pytest.MonkeyPatch, said: requests.Response
) -> tuple[oidc.GitHubCredential, list[Any], list[str]]:
    asked: list[Any] = []
    masked: list[str] = []

    def get(url: str, *, bearer: Secret) -> requests.Response:
        asked.append((url, bearer.reveal()))
        return said

    monkeypatch.setattr(http, "get", get)
    found = oidc.detect(GITHUB, APPLICATION, lambda secret: masked.append(secret.reveal()))
    assert isinstance(found, oidc.GitHubCredential)
    return found, asked, masked


def test_the_token_is_for_entra_and_known_to_the_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    token = jwt({"sub": SUBJECT, "iss": "https://token.example"})
    found, asked, masked = github(monkeypatch, answer(200, json.dumps({"value": token})))
    assert found._fetch() == token
    assert asked == [(f"{GITHUB[oidc.REQUEST_URL]}&audience=api%3A%2F%2FAzureADTokenExchange", "fake-token-that-asks")]
    assert masked == [token]


def test_what_entra_will_be_sent_is_known_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"sub": SUBJECT, "iss": "https://token.example"}
    found, _, masked = github(monkeypatch, answer(200, json.dumps({"value": jwt(said)})))
    assert Credential(found, "OIDC", print).presented() == said
    assert masked == [jwt(said)]


def test_the_remedy_is_a_command_that_a_shell_reads_right(monkeypatch: pytest.MonkeyPatch) -> None:
    token = jwt({"sub": SUBJECT, "iss": "https://token.example"})
    found, _, _ = github(monkeypatch, answer(200, json.dumps({"value": token})))
    found._fetch()
    subject, command = found.remedy
    *_, told = shlex.split(command)
    assert subject == SUBJECT
    said = json.loads(told)
    assert re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}", said.pop("name"))
    assert said == {
        "issuer": "https://token.example",
        "subject": SUBJECT,
        "audiences": ["api://AzureADTokenExchange"],
    }


def test_a_subject_that_entra_does_not_know_is_told_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _, _ = github(monkeypatch, answer(200, json.dumps({"value": jwt({"sub": SUBJECT})})))

    def refuse(*_: object) -> None:
        found._fetch()
        raise ClientAuthenticationError("AADSTS700213: no matching federated identity record")

    monkeypatch.setattr(found, "get_token", refuse)
    with pytest.raises(FederationMismatch, match=re.escape(f"with the subject '{SUBJECT}' for OIDC")) as caught:
        Credential(found, "OIDC", lambda _: None).get_token("scope")
    assert found.remedy[1] in caught.value.fix


def test_each_subject_has_a_credential_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    for subject in ("repo:acme/demo:environment:release", "repo:acme/demo:environment:training"):
        found, _, _ = github(monkeypatch, answer(200, json.dumps({"value": jwt({"sub": subject})})))
        found._fetch()
        names.append(json.loads(shlex.split(found.remedy[1])[-1])["name"])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, "{}"), (500, "{"), (200, "[]"), (200, '{"value": "no token"}'), (200, "{}"), (200, "[" * 10**5)],
)
def test_a_token_service_that_gives_none(monkeypatch: pytest.MonkeyPatch, status: int, body: str) -> None:
    found, _, masked = github(monkeypatch, answer(status, body))
    with pytest.raises(FederationRefused, match=str(status)):
        found.get_token("scope")
    assert masked == []
