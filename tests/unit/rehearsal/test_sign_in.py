"""Who gets a token from the stand-in of Entra, and what such a token says."""

import time

import pytest
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.store import Store
from rehearsal.web import tokens
from unit.rehearsal.asking import entra_token


def test_token_has_the_claims_that_clients_read(store: Store) -> None:
    claims = tokens.claims(entra_token(store).json["access_token"])
    assert claims is not None
    assert claims["aud"] == "https://management.azure.com"
    assert (claims["tid"], claims["appid"], claims["idtyp"]) == (names.TENANT_ID, names.CLIENT_ID, "app")
    assert claims["exp"] > time.time()


def test_double_slash_scope_is_the_old_audience(store: Store) -> None:
    claims = tokens.claims(entra_token(store, "https://management.core.windows.net/").json["access_token"])
    assert claims is not None
    assert claims["aud"] == "https://management.core.windows.net/"


@pytest.mark.parametrize(
    ("fields", "status", "number"),
    [
        ({"client_secret": "wrong"}, 401, 7000215),
        ({"tenant": names.CLIENT_ID}, 400, 90002),
        ({"client_id": names.TENANT_ID}, 400, 700016),
        ({"grant_type": "password"}, 400, 70003),
        ({"scope": "https://elsewhere.example/.default"}, 400, 500011),
    ],
)
def test_entra_says_no(store: Store, fields: dict[str, str], status: int, number: int) -> None:
    answer = entra_token(store, **fields)
    assert (answer.status, answer.json["error_codes"]) == (status, [number])
    assert answer.json["error_description"].startswith(f"AADSTS{number}: ")


def federated(**claims: object) -> dict[str, str]:
    known = {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "api://AzureADTokenExchange",
        "sub": "repo:acme/churn:ref:refs/tags/v1.4.0",
        "exp": time.time() + 60,
    }
    return {"client_assertion_type": entra._ASSERTION, "client_assertion": tokens.issue({**known, **claims}, "theirs")}


def test_federated_credential_is_accepted(store: Store) -> None:
    assert entra_token(store, client_secret="", **federated()).status == 200


@pytest.mark.parametrize(
    ("claims", "number"),
    [({"sub": "repo:evil/x"}, 700213), ({"aud": "x"}, 700213), ({"iss": "x"}, 700213), ({"exp": 1}, 700024)],
)
def test_other_assertions_are_not(store: Store, claims: dict[str, object], number: int) -> None:
    assert entra_token(store, **federated(**claims)).json["error_codes"] == [number]
