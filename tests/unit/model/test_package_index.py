"""Addresses of indexes: which are the same, which images can use, and that no credential is shown."""

import pytest
from amlwheel.model import package_index
from amlwheel.model.package_index import PackageIndex, same_address, shown, unfit


def test_names_may_be_patterns() -> None:
    index = PackageIndex("https://i.example", frozenset(["torch", "acme-*"]))
    assert [index.serves(name) for name in ("torch", "torchvision", "acme-x")] == [True, False, True]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://i.example/simple", ""),
        ("https://download.pytorch.org/whl/cu126/", ""),
        ("http://localhost:8080/simple", ""),
        ("https://me@i.example/simple", "has a user name"),
        ("https://me:pass/word@i.example/simple", "has a user name"),
        ("https://${USER}/simple", "a variable"),
        ("https://i.example/simple?token=1", "a token"),
        ("http://i.example/simple", "isn't encrypted"),
        ("file:///wheels", "isn't the https address"),
        ("./wheels", "isn't the https address"),
        ("https://[i/simple", "isn't an address"),
        ("https://i.example/a b", "isn't the https address"),
    ],
)
def test_which_addresses_images_can_use(address: str, why: str) -> None:
    assert unfit(address).startswith(why) if not why else why in unfit(address)


def test_what_is_shown_of_an_address() -> None:
    assert shown("https://me:pass/w@rd@i.example/simple?sig=1") == "https://i.example/simple"
    assert same_address("https://i.example/simple/", "https://i.example/simple")
    assert package_index.torch("cpu").url == "https://download.pytorch.org/whl/cpu"
    assert {"torch", "torchvision", "torchao"} < package_index.torch("cpu").names
