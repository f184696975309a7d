"""The builder's files beside what was registered: what differs, and how little of a secret text is told."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from amlwheel.model.environment import Environment
from amlwheel.model.recipe import Beside, Recipe, compare, told
from unit.parts import CANARY, DIGEST, FEED, defined, make, sha

INDEX = FEED.index_url
SAME = f"FROM mcr.microsoft.com/azureml/base@{DIGEST}"
PLAIN = "pkgs.dev.azure.com with no credential"


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return defined(make(tmp_path))


def beside(environment: Environment, *changes: tuple[str, str], dockerfile: str = SAME, **more: object) -> Beside:
    """Compare with the registered spec, in whose lines each first text is replaced by the second."""
    lines = environment.pip
    for old, new in changes:
        assert any(old in line for line in lines)
        lines = [line.replace(old, new) for line in lines if new or line != old]
    pip: dict[str, Any] = {"pip": lines}
    spec = {**environment.spec, "dependencies": [*environment.spec["dependencies"][:-1], pip], **more}
    found = compare(environment, Recipe(dockerfile, spec), lambda address: address.startswith("https://pkgs."))
    assert CANARY not in repr(found)
    return found


@pytest.mark.parametrize(
    ("inserted", "kind"),
    [
        (f"{CANARY}@", "a token as the user, without a password"),
        (f"{CANARY}:@", "a token as the user, without a password"),
        (f"ado:{CANARY}@", "a user and a password"),
        (f":{CANARY}@", "a user and a password"),
    ],
)
def test_a_credential_is_told_by_place_and_kind(environment: Environment, inserted: str, kind: str) -> None:
    found = beside(environment, ("https://pkgs.", f"https://{inserted}pkgs."))
    assert found == Beside(places=(f"pkgs.dev.azure.com with {kind}",))


def test_a_signature_is_a_credential_and_other_queries_stay(environment: Environment) -> None:
    line = environment.pip[-1]
    at = environment.listing([f"https://a.blob.core.windows.net/c/x%2B1.whl?v=1 {line}"])
    text = f"https://a.blob.core.windows.net/c/x+1.whl?v=1&sig={CANARY} {line}"
    spec = {**at.spec, "dependencies": [*at.spec["dependencies"][:-1], {"pip": [text]}]}
    signed = compare(at, Recipe("", spec), bool)
    assert signed.places == ()  # its query isn't ours, so it is another address
    text = text.replace("v=1&", "")
    spec["dependencies"][-1] = {"pip": [text]}
    at = environment.listing([f"https://a.blob.core.windows.net/c/x%2B1.whl {line}"])
    assert compare(at, Recipe("", spec), bool) == Beside(places=("a.blob.core.windows.net with a signature",))


def test_an_address_without_the_credential_that_it_needs_is_told(environment: Environment) -> None:
    assert beside(environment) == Beside(places=(PLAIN,), bare=(INDEX.rstrip("/"),))


def test_the_same_in_other_spelling_is_the_same(environment: Environment) -> None:
    lines = [line.replace(" --hash", " \\\n  --hash") for line in environment.pip]
    lines = [line.replace("--extra-index-url ", "--extra-index-url=") for line in lines]
    spec = {**environment.spec, "name": "other", "dependencies": [*environment.spec["dependencies"]]}
    spec["dependencies"][-1] = {"pip": lines[::-1]}
    found = compare(environment, Recipe("", spec), lambda _: False)
    assert found == Beside(places=(PLAIN,))


@pytest.mark.parametrize(
    ("old", "new", "lacks"),
    [
        (f" --hash=sha256:{sha('numpy one')}", "", ["the sha256 of numpy==2.2.0"]),
        (sha("numpy one"), sha("another"), ["the sha256 of numpy==2.2.0"]),
        ("--require-hashes", "--pre", ["--require-hashes"]),
        ("numpy==2.2.0", f"{CANARY}@x", ["numpy==2.2.0"]),
        (INDEX, f"https://{CANARY}@other.example/", [f"--extra-index-url {INDEX.rstrip('/')}"]),
        (INDEX, f"https://[{CANARY}", [f"--extra-index-url {INDEX.rstrip('/')}"]),
    ],
)
def test_what_a_recipe_leaves_out_or_changes_is_told_in_our_words(
    environment: Environment, old: str, new: str, lacks: list[str]
) -> None:
    assert [*beside(environment, (old, new)).lacks] == lacks


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("scipy==1.0", {"adds": ("scipy",)}),
        ("azureml-defaults", {"adds": ("1 line(s) without a name",)}),
        (f"{CANARY}", {"adds": ("1 line(s) without a name",)}),
        (f"https://{CANARY}@x.example/a.whl", {"adds": ("1 line(s) without a name",)}),
        (f"acme @ https://x:{CANARY}@x.example/a.whl", {"adds": ("acme",)}),
        ("ghp_" + "a" * 36 + "==1", {"adds": ("1 line(s) without a name",)}),
        ("--trusted-host x.example", {"more": ("--trusted-host",)}),
        (f"--{CANARY}", {"more": ("an unknown option",)}),
    ],
)
def test_of_what_a_recipe_adds_only_names_are_told(
    environment: Environment, line: str, found: Mapping[str, tuple[str, ...]]
) -> None:
    pip = {"pip": [*environment.pip, line]}
    spec = {**environment.spec, "dependencies": [*environment.spec["dependencies"][:-1], pip]}
    more = compare(environment, Recipe(SAME, spec), lambda _: False)
    assert more == Beside(places=(PLAIN,), **found)
    assert CANARY not in repr(more)


def test_a_hash_more_lets_another_file_in(environment: Environment) -> None:
    found = beside(environment, ("numpy==2.2.0", f"numpy==2.2.0 --hash=sha256:{sha('more')}"))
    assert (found.lacks, found.adds) == ((), ("another sha256 of numpy==2.2.0",))


def test_condas_part_and_the_image_count_as_well(environment: Environment) -> None:
    found = beside(environment, channels=["conda-forge", f"https://{CANARY}@x.example"], dockerfile="FROM ubuntu:22.04")
    assert found.lacks == (f"the base image's digest {DIGEST[:19]}…", "channel nodefaults")
    assert found.more == ("1 line(s) without a name",)


@pytest.mark.parametrize("spec", [None, [], {}, {"dependencies": "x"}, {"dependencies": [3, {"pip": "x"}, {"npm": 1}]}])
def test_a_recipe_of_nothing_leaves_everything_out(environment: Environment, spec: object) -> None:
    found = compare(environment, Recipe("", spec), lambda _: True)
    count = len(environment.pip) + len(environment.spec["channels"]) + len(environment.spec["dependencies"]) - 1
    assert (len(found.lacks), found.adds, found.places, found.bare) == (count, (), (), ())
    assert told(found.lacks).endswith(f" and {count - 5} more")
    assert told(("a", "b")) == "a, b"


def test_neither_file_is_shown() -> None:
    assert CANARY not in repr(Recipe(CANARY, {"pip": CANARY}))
