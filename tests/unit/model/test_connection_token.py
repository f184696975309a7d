"""What can be told of the token that a workspace is to hold: its end, its kind, and why the feed refused it."""

import base64
import json
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from amlwheel.errors.base import StepError
from amlwheel.errors.feed import FeedForbidden, FeedNotFound, Redirected, SignInPage, TokenRefused
from amlwheel.errors.inputs import ShortLivedToken, TokenExpired
from amlwheel.model import connection_token
from amlwheel.model.feed_spelling import parse_feed
from amlwheel.model.secret import Secret
from unit.parts import FEED, TOKEN

ROUNDS = connection_token.ROUNDS  # before they are made quick

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=timezone.utc)
TODAY = NOW.date()
OTHER = parse_feed("https://index.example/simple/")
PAT = "a1B2" * 19 + "AZDO" + "x9Y8"
OLD_PAT = "a2b7" * 13


def jwt(payload: object, head: object = None) -> Secret:
    """Return a token of RFC 7515's shape, signed by nobody."""
    parts = [head or {"typ": "JWT", "alg": "RS256"}, payload]
    coded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return Secret(".".join([*coded, "fake-signature"]))


# --- dates


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-03-01", "2027-03-01"),
        ("2028-02-29", "2028-02-29"),
        ("2027-03-01T23:46:23.32Z", "2027-03-01"),
        ("2027-03-01T23:46", "2027-03-01"),
    ],
)
def test_a_date_or_a_time_in_utc_is_a_day(text: str, day: str) -> None:
    assert connection_token.day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "2027-02-29", "2027-13-01", "2027-3-1", "20270301", "01.03.2027", "2027-W09-1", "٢٠٢٧-03-01", "2027-03-01 ",
        "2027-03-01T01:00:00+02:00", "2027-03-01T25:00:00Z", "2027-03-01Tx", "2027-03-01\n", "0000-01-01", "tomorrow",
    ],
)  # fmt: skip
def test_what_is_no_day_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"isn't a date|must be in|out of range"):
        connection_token.day(text)


# --- before anything is asked


def refused(token: Secret, expires: str = "", *, feed: Any = FEED, job: str = "") -> StepError:  # noqa: ANN401
    with pytest.raises(StepError) as caught:
        connection_token.check(token, feed, expires, Secret(job), NOW)
    return caught.value


def test_a_token_whose_last_day_is_over_is_refused() -> None:
    problem = refused(TOKEN, "2026-11-24")
    assert isinstance(problem, TokenExpired)
    assert problem.what == "By `connection-token-expires`, `connection-token` expired on 2026-11-24."
    assert "`connection-token-expires`" in problem.fix


@pytest.mark.parametrize("expires", ["", "2026-11-25", "2027-01-01"])
def test_its_last_day_still_counts(expires: str) -> None:
    connection_token.check(TOKEN, FEED, expires, Secret(""), NOW)


@pytest.mark.parametrize(
    ("exp", "said"),
    [
        (1795644000, "; this one expires at 2026-11-25 22:00 UTC."),
        (1795644000.5, "; this one expires at 2026-11-25 22:00 UTC."),
        ("soon", "."),
        (True, "."),
        (1e300, "."),
        (-1, "."),
        (None, "."),
    ],
)
def test_an_access_token_is_refused_with_its_end_if_it_tells_it(exp: object, said: str) -> None:
    problem = refused(jwt({"aud": "499b84ac", "exp": exp}))
    assert isinstance(problem, ShortLivedToken)
    assert problem.what == f"`connection-token` is an access token (a JWT), not a personal access token{said}"


@pytest.mark.parametrize(
    "token", [jwt(["exp"]), jwt(7), Secret("eyJhbGciOiJSUzI1NiJ9.%%%.x"), jwt({}).reveal() + ".a.b"]
)
def test_an_access_token_is_known_by_its_head(token: Secret | str) -> None:
    assert isinstance(refused(token if isinstance(token, Secret) else Secret(token)), ShortLivedToken)


@pytest.mark.parametrize(
    "text", [PAT, OLD_PAT, "a.b.c", "eyJ.eyJ.x", "e30.e30.x", "MQ.MQ.x", "WzFd.e30.x", "ab", "a..c"]
)
def test_what_only_looks_like_one_is_not_refused(text: str) -> None:
    connection_token.check(Secret(text), FEED, "", Secret(""), NOW)


def test_another_repository_may_take_such_tokens() -> None:
    connection_token.check(jwt({"exp": 1795644000}), OTHER, "", Secret(""), NOW)


@pytest.mark.parametrize("feed", [FEED, OTHER])
def test_the_jobs_own_token_ends_with_the_job(feed: Any) -> None:  # noqa: ANN401
    problem = refused(TOKEN, feed=feed, job=TOKEN.reveal())
    assert isinstance(problem, ShortLivedToken)
    assert problem.what == "`connection-token` is the job's own token (System.AccessToken), which expires with the job."


# --- warnings


@pytest.mark.parametrize(
    ("token", "expires", "job"), [("fake", "2020-01-01", ""), ("fake", "", "fake"), ("ghs_fake", "", "")]
)
def test_a_token_for_a_repository_ends_too(token: str, expires: str, job: str) -> None:
    problem = refused(Secret(token), expires, feed=None, job=job)
    assert problem.fix.startswith("Make a new token that may read the repository's code")
    connection_token.check(jwt({"exp": 1795644000}), None, "", Secret(""), NOW)
    connection_token.check(Secret("ghs_fake"), FEED, "", Secret(""), NOW)


def warned(expires: str, *, told: bool = True, token: Secret = TOKEN, feed: Any = FEED) -> list[str]:  # noqa: ANN401
    return list(connection_token.warnings(token, feed, expires, told=told, now=NOW))


@pytest.mark.parametrize(
    ("days", "when"), [(0, "today"), (1, "tomorrow"), (2, "in 2 days"), (20, "in 20 days"), (21, "in 21 days")]
)
@pytest.mark.parametrize("told", [True, False])
def test_three_weeks_before_its_end_it_is_time_for_another(days: int, when: str, *, told: bool) -> None:
    expires = (TODAY + timedelta(days)).isoformat()
    (said,) = warned(expires, told=told)
    assert f"`connection-token` expires {when}, on {expires}" in said
    assert "organisation-scoped personal access token of acme with Packaging (read)" in said
    assert "`connection-token-expires`" in said


@pytest.mark.parametrize("expires", ["", "2026-12-17", "9999-12-31"])
def test_earlier_there_is_nothing_to_say(expires: str) -> None:
    assert warned(expires) == []


def test_a_remembered_date_that_is_over_is_a_warning_since_the_feed_still_takes_the_token() -> None:
    (said,) = warned("2026-11-24", told=False)
    assert "2026-11-24" in said
    assert "the feed still takes it" in said
    assert "`connection-token-expires`" in said


@pytest.mark.parametrize(("exp", "count"), [(1795644000, 1), (1795644000 + 30 * 86400, 0), (None, 0)])
def test_a_token_of_another_repository_that_tells_its_end_is_believed(exp: object, count: int) -> None:
    said = warned("", token=jwt({}, {"alg": "A128GCMKW", "exp": exp}), feed=OTHER)
    assert len(said) == count
    assert all("By its own content, `connection-token` expires at 2026-11-25 22:00 UTC" in each for each in said)


# --- why the feed refused it


def explained(error: StepError, today: date = TODAY, token: str = PAT) -> StepError:
    return connection_token.explain(error, Secret(token), FEED, today)


def test_a_refusal_names_the_kinds_of_reasons() -> None:
    found = explained(TokenRefused("x"))
    assert (
        found.cause
        == "It has expired, was revoked, belongs to another organisation, or lacks the scope Packaging (read)."
    )
    assert "organisation-scoped personal access token of acme with Packaging (read)" in found.fix
    assert "`connection-token`" in found.fix


@pytest.mark.parametrize(
    ("today", "first"), [(date(2026, 11, 30), False), (date(2026, 12, 1), True), (date(2027, 6, 1), True)]
)
def test_from_the_day_on_which_global_tokens_end_that_is_the_likely_cause(today: date, *, first: bool) -> None:
    assert (
        explained(TokenRefused("x"), today).cause.startswith("Tokens for all organisations ended on 2026-12-01")
        is first
    )


@pytest.mark.parametrize(("token", "odd"), [(PAT, False), (OLD_PAT, False), ("ghp_fake", True), (PAT + "x", True)])
def test_a_token_that_is_none_of_azure_devops_is_told_by_its_shape(token: str, *, odd: bool) -> None:
    said = explained(TokenRefused("x"), token=token).cause
    assert ("doesn't look like a personal access token of Azure DevOps" in said) is odd


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (SignInPage("x"), "Azure DevOps doesn't know it"),
        (Redirected("x"), "Azure DevOps doesn't know it"),
        (FeedForbidden("x"), "whose owner isn't a Feed Reader"),
        (FeedNotFound("x"), "whose owner isn't a Feed Reader"),
    ],
)
def test_every_way_to_say_no_has_its_own_sentence_and_the_scope(error: StepError, cause: str) -> None:
    found = explained(error)
    assert cause in found.cause
    assert "Packaging (read)" in found.fix
    assert "`connection-token`" in found.fix


def test_other_repositories_and_other_errors_keep_their_words() -> None:
    assert connection_token.explain(TokenRefused("x"), TOKEN, OTHER, TODAY).cause == TokenRefused.cause
    assert explained(TokenExpired("x")).cause == TokenExpired.cause


def test_a_connection_of_a_user_holds_name_and_password_encoded() -> None:
    """The service writes them into an address as they are (Learn, how-to-connection)."""
    kind, held = connection_token.credentials(Secret("fa:ke@pa/ss%40", "ci@acme.example"))
    assert (kind, held) == (
        "UsernamePassword",
        {"username": "ci%40acme.example", "password": "fa%3Ake%40pa%2Fss%2540"},
    )
    assert connection_token.credentials(Secret("fa%ke")) == ("PAT", {"pat": "fa%ke"})


def test_a_fingerprint_tells_users_apart() -> None:
    marks = {connection_token.fingerprint(Secret("fake-token", user), "place") for user in ("", "ci", "other")}
    assert len(marks) == 3


def test_a_guess_of_a_token_costs_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROUNDS >= 200_000
    quick = connection_token.fingerprint(TOKEN, "place")
    monkeypatch.setattr(connection_token, "ROUNDS", ROUNDS)
    assert connection_token.fingerprint(TOKEN, "place") != quick
