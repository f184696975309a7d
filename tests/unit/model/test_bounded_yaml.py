"""YAML of others is read under a bound, and fast."""

import time

import pytest
import yaml
from amlwheel.model.bounded_yaml import BeyondBounds, load

LAUGHS = "\n".join(["a0: &a0 [x]", *(f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]" for at in range(1, 50))])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "has the alias *a0, which must be written out"),
        ("base: &x {a: 1}\nmore:\n  <<: *x", "has the alias *x, which must be written out"),
        ("[" * 10**5, "is nested without an end"),
        ("{a: " * 10**4, "is nested without an end"),
        ("- " * 10**3 + "x", "is nested without an end"),
        ("#" * 2**22 + "\n", "has more than 4 million characters"),
    ],
)
def test_what_stands_for_more_than_it_says_is_refused_at_once(text: str, said: str) -> None:
    start = time.monotonic()
    with pytest.raises(BeyondBounds) as caught:
        load(text)
    assert str(caught.value) == said
    assert time.monotonic() - start < 0.3


def test_the_rest_is_read_as_ever() -> None:
    text = "a: &name [1, {b: [x]}]\nc: '*name'\n"
    assert load(text) == yaml.safe_load(text)
    assert load("") is None
