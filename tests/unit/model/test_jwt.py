"""Reading a JWT: signed, encrypted, or only similar to one."""

import base64
import json
from datetime import datetime, timezone

import pytest
from amlwheel.model import jwt

HEAD = {"typ": "JWT", "alg": "RS256"}


def coded(*parts: object) -> str:
    """Return parts as a JWT has them."""
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)


def test_the_claims_are_the_middle_of_three_parts() -> None:
    assert jwt.of(f"{coded(HEAD, {'sub': 'ä'})}.x") == {"sub": "ä"}
    assert jwt.of(f"{coded({}, {'sub': 'a'})}.x") == {"sub": "a"}


@pytest.mark.parametrize(
    "text", ["", "a.b", f"{coded(HEAD, ['sub'])}.x", "x.%%%.x", "x.ä.x", f"{coded(HEAD, {})}.a.b.c"]
)
def test_another_text_has_no_claims(text: str) -> None:
    assert jwt.of(text) == {}


def test_deeply_nested_json_is_no_claim() -> None:
    nested = base64.urlsafe_b64encode(b"[" * 200_000).decode()
    assert jwt.of(f"x.{nested}.x") == {}


def test_the_strict_reader_wants_an_algorithm_and_takes_the_head_of_an_encrypted_one() -> None:
    assert jwt.strictly(f"{coded(HEAD, {'exp': 7})}.x") == {**HEAD, "exp": 7}
    assert jwt.strictly(f"{coded({**HEAD, 'exp': 7})}.a.b.c.d") == {**HEAD, "exp": 7}


@pytest.mark.parametrize(
    "text", ["", "a.b.c", f"{coded({}, {'sub': 'a'})}.x", f"{coded({'alg': 7}, {})}.x", coded(HEAD)]
)
def test_what_only_looks_like_a_jwt_is_none(text: str) -> None:
    assert jwt.strictly(text) is None


def test_the_end_is_a_time_in_utc() -> None:
    assert jwt.end({"exp": 1795644000.5}) == datetime(2026, 11, 25, 22, 0, 0, 500000, tzinfo=timezone.utc)


@pytest.mark.parametrize("exp", [None, True, "soon", 0, -1, float("inf"), float("nan"), 1e300, 10**15])
def test_what_is_no_time_is_no_end(exp: object) -> None:
    assert jwt.end({"exp": exp}) is None
