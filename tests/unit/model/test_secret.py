"""A secret is never shown, whichever way somebody tries."""

import base64
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from amlwheel.model.secret import Secret, excerpt
from unit.parts import CANARY, TOKEN


@dataclass
class Holder:
    token: Secret


def raise_with_locals() -> str:
    def fail(token: Secret) -> None:
        raise LookupError(token)

    with pytest.raises(LookupError) as caught:
        fail(TOKEN)
    return "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())


@pytest.mark.parametrize(
    "show",
    [
        lambda: repr(TOKEN),
        lambda: str(TOKEN),
        lambda: f"{TOKEN}",
        lambda: f"{TOKEN!r:>40}",
        lambda: f"{TOKEN:>40}",
        lambda: "%s %r" % (TOKEN, TOKEN),  # noqa: UP031  # one of the ways to show it
        lambda: "{}".format(TOKEN),  # noqa: UP032  # likewise
        lambda: repr([TOKEN, {TOKEN: Holder(TOKEN)}]),
        lambda: json.dumps({"token": TOKEN}, default=str),
        lambda: str(logging.LogRecord("n", logging.INFO, "p", 1, "%s", (TOKEN,), None).getMessage()),
        raise_with_locals,
    ],
)
def test_is_shown_as_stars(show: Callable[[], str]) -> None:
    shown = show()
    assert "Secret(***)" in shown
    assert CANARY not in shown


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_refuses_to_be_pickled_or_copied(take: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError, match="can't be pickled"):
        take(TOKEN)


def test_has_no_attributes_to_list() -> None:
    with pytest.raises(TypeError):
        vars(TOKEN)
    with pytest.raises(TypeError):
        json.dumps(TOKEN)
    assert not isinstance(TOKEN, str)


def test_gives_the_text_back_without_the_newline_that_was_pasted() -> None:
    assert Secret(f" {CANARY}\n").reveal() == CANARY


def test_compares_with_secrets_only() -> None:
    assert Secret("one") == Secret("one ")
    assert Secret("one") != Secret("two")
    assert Secret("one") != "one"
    assert len({Secret("one"), Secret("one"), Secret("two")}) == 2


def test_knows_whether_there_is_anything_in_it() -> None:
    assert Secret("x")
    assert not Secret(" \n")


def test_tells_every_form_in_which_it_travels() -> None:
    forms = Secret("a/b c").forms("me")
    basic = base64.b64encode(b"me:a/b c").decode()
    assert forms == (
        "a/b c",
        basic,
        base64.b64encode(b"a/b c").decode(),
        base64.b64encode(b"a/b c:").decode(),
        base64.b64encode(b":a/b c").decode(),
        "a%2Fb%20c",
        "a/b%20c",
        "a%2fb%20c",
        "YS9iIG",
        "EvYiBj",
        "hL2IgY",
    )
    assert 'a\\"b' in Secret('a"b').forms("me")


@pytest.mark.parametrize("text", ["x", "xy", "xyz", "Basic of "])
def test_it_is_recognised_within_longer_base64(text: str) -> None:
    secret = Secret("fake>pat?with~signs")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(f"{text}{secret.reveal()}, and more".encode()).decode()
        assert any(form in whole for form in secret.forms("me"))


def test_a_user_goes_with_it_and_changes_nothing_else() -> None:
    named = TOKEN.of("ci")
    assert (named.user, named.reveal(), named == TOKEN, f"{named}") == ("ci", CANARY, True, "Secret(***)")


@pytest.mark.parametrize("before", [*range(2000 - len(CANARY) - 2, 2001)])
def test_a_cut_leaves_no_part_of_a_secret(before: int) -> None:
    """Whoever blanks out secrets knows them whole."""
    said = excerpt(f'{" " * before}"{CANARY}"{" more" * 100}', 2000)
    assert CANARY in said or CANARY[:1] not in said
    assert len(said) > before - 1


def test_a_short_text_is_whole() -> None:
    assert excerpt("all of it", 9) == "all of it"
