"""A secret is found in a text also where somebody wrapped, cut or escaped it."""

import time
from random import Random

import pytest
from amlwheel.hosts.hiding import Hiding
from amlwheel.model.secret import Secret
from unit.parts import CANARY

PAT = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz234567", k=52))  # noqa: S311  # no secret


def hiding(*secrets: str) -> Hiding:
    made = Hiding()
    for each in secrets:
        made.add(form for form in Secret(each).forms("me") if len(form) >= 8)
    return made


@pytest.mark.parametrize("at", [12, 20, 40])
def test_a_wrapped_or_cut_secret_is_hidden_in_its_pieces(at: int) -> None:
    known = hiding(PAT)
    assert known.hidden(f"token={PAT[:at]}\n| {PAT[at:]}!") == "token=***\n| ***!"
    assert known.hidden(f'"{PAT[:at]}') == '"***'
    assert known.hidden(f"x{PAT[2 : at + 2]}y{PAT[-12:]}") == "x***y***"


def test_other_texts_are_left_as_they_are() -> None:
    text = f"Downloading numpy-2.2.0-cp311-manylinux_2_17_x86_64.whl {PAT[:11]} {'a' * 100}"
    assert hiding(PAT, CANARY).hidden(text) == text
    assert Hiding().hidden(text) == text


def test_a_short_secret_is_hidden_as_a_whole_only() -> None:
    known = hiding("main-release-branch", "main-release-branch")
    assert known.hidden("main-release-branch of main-release") == "*** of main-release"


def test_a_long_log_is_read_fast() -> None:
    known, start = hiding(PAT, CANARY, "eyJ" + PAT * 40), time.monotonic()
    known.hidden("Downloading numpy-2.2.0-cp311-manylinux_2_17_x86_64.whl from somewhere\n" * 3000)
    assert time.monotonic() - start < 0.3
