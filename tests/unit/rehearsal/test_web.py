"""The tokens that stand-ins issue and check."""

import base64

import pytest
from rehearsal.web import tokens
from rehearsal.web.authorization import basic_password


def test_token_is_verified_by_its_key_alone() -> None:
    token = tokens.issue({"aud": "a"}, "key")
    assert tokens.verified(token, "key") == {"aud": "a"} == tokens.claims(token)
    assert tokens.verified(token, "other") is None
    assert tokens.verified("x.y.z", "key") is None
    assert tokens.claims("not a token") is None


@pytest.mark.parametrize(
    ("pair", "either", "as_user", "as_password"),
    [
        ("pat:", "pat", "pat", None),
        ("ado:pat", "pat", None, "pat"),
        (":pat", "pat", None, "pat"),
        (":", None, None, None),
    ],
)
def test_a_token_is_user_or_password(pair: str, either: str, as_user: str, as_password: str) -> None:
    header = f"Basic {base64.b64encode(pair.encode()).decode()}"
    assert basic_password(header) == either
    assert basic_password(header, "user") == as_user
    assert basic_password(header, "password") == as_password
