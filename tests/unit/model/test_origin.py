"""The one rule by which a credential may go somewhere: scheme, host and port."""

import pytest
from amlwheel.model.origin import same

HERE = "https://feed.example/simple/"


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        ("https://feed.example/files/a.whl", True),
        ("https://feed.example:443/files/a.whl", True),
        ("HTTPS://FEED.example/x", True),
        ("https://me:x@feed.example/x", True),
        ("http://feed.example/files/a.whl", False),
        ("http://feed.example:443/files/a.whl", False),
        ("https://feed.example:8443/a.whl", False),
        ("https://feed.example.evil.example/", False),
        ("https://feed.example@evil.example/", False),
        ("https://sub.feed.example/", False),
        ("//feed.example/a.whl", False),
        ("https://[feed.example/a.whl", False),
        ("https://feed.example:port/a.whl", False),
        ("/files/a.whl", False),
        ("", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(other: str, *, is_same: bool) -> None:
    assert same(HERE, other) is same(other, HERE) is is_same


def test_what_is_no_address_is_like_nothing() -> None:
    assert not same("", "")
    assert same("http://127.0.0.1:8080/a", "http://127.0.0.1:8080/b")
