"""The tokens that stand-ins issue and check."""

from rehearsal.web import tokens


def test_token_is_verified_by_its_key_alone() -> None:
    token = tokens.issue({"aud": "a"}, "key")
    assert tokens.verified(token, "key") == {"aud": "a"} == tokens.claims(token)
    assert tokens.verified(token, "other") is None
    assert tokens.verified("x.y.z", "key") is None
    assert tokens.claims("not a token") is None
