"""One definition, one version: the same content never changes its name, other content always does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from amlwheel.model.conda import Conda, exact
from amlwheel.model.environment import Base, Definition, Image, Python, bare, define, digest, to_yaml
from amlwheel.model.wheel import Pin, Wheel
from hypothesis import given
from hypothesis import strategies as st
from unit.parts import BASE, DIGEST, FEED, IMAGE, defined, make, pins, sha

GOLDEN = f"""\
channels:
- conda-forge
- nodefaults
dependencies:
- python=3.11.13
- pip=26.2.1
- pip:
  - --extra-index-url https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/
  - --require-hashes
  - acme-churn==1.2.3 --hash=sha256:{"a" * 64}
  - numpy==2.2.0 --hash=sha256:{"b" * 64} --hash=sha256:{"c" * 64}
"""


@pytest.fixture
def lead(tmp_path: Path) -> Wheel:
    return make(tmp_path)


def test_the_conda_specification_is_golden(lead: Wheel) -> None:
    locked = [
        Pin("acme-churn", "1.2.3", ("a" * 64,), private=True),
        Pin("numpy", "2.2.0", ("b" * 64, "c" * 64)),
    ]
    made = define("", lead, locked, BASE, [FEED.option(only=False)])
    assert made.conda == GOLDEN
    assert made.version == "1.2.3-3e6572c1dec5"
    assert made.reference == f"azureml:acme-churn:{made.version}"
    assert made.pip == yaml.safe_load(GOLDEN)["dependencies"][-1]["pip"]
    assert made.image is IMAGE
    assert made.pins == tuple(locked)


def test_the_version_says_package_and_content(lead: Wheel) -> None:
    made = defined(lead)
    assert made.version == f"1.2.3-{digest(made.spec, IMAGE)[:12]}"
    assert defined(lead, "mine").reference == f"azureml:mine:{made.version}"
    assert defined(lead) == made


def test_an_epoch_is_spelled_for_addresses(tmp_path: Path) -> None:
    assert defined(make(tmp_path, "acme-1!2.0-py3-none-any.whl")).version.startswith("1-2.0-")


def test_any_other_content_is_another_version(lead: Wheel) -> None:
    index, locked = FEED.option(only=False), pins(lead)
    others = [
        define("", lead, locked, BASE, [index]),
        define("", lead, locked, BASE, [FEED.option(only=True)]),
        define("", lead, locked[:1], BASE, [index]),
        define("", lead, (locked[0], replace(locked[1], sha256=(sha("other"),))), BASE, [index]),
        define("", lead, locked, Base(IMAGE, Python("3.11.12")), [index]),
        define("", lead, locked, Base(replace(IMAGE, digest="sha256:" + "e" * 64), BASE.python), [index]),
    ]
    assert len({each.version for each in others}) == len(others)


def test_a_moved_tag_with_the_same_digest_is_the_same_version(lead: Wheel) -> None:
    moved = Base(Image(IMAGE.registry, IMAGE.repository, "latest", DIGEST), BASE.python)
    assert define("", lead, pins(lead), moved, [FEED.option(only=False)]).version == defined(lead).version


SPECS = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=90) | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz-", min_size=1), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcxyz-", min_size=1), SPECS, max_size=5), st.randoms(use_true_random=False))
def test_the_hash_does_not_see_how_the_yaml_is_written(spec: dict[str, object], random: object) -> None:
    keys = list(spec)
    random.shuffle(keys)  # type: ignore[attr-defined]  # hypothesis names no type for it
    shuffled = {key: spec[key] for key in keys}
    rewritten = yaml.safe_load(yaml.safe_dump(spec, sort_keys=True, width=20, default_flow_style=random is None))
    expected = digest(spec, IMAGE)
    assert digest(shuffled, IMAGE) == digest(rewritten, IMAGE) == expected
    assert digest(yaml.safe_load(to_yaml(spec)), IMAGE) == expected


def test_what_means_the_same_is_the_same(lead: Wheel) -> None:
    made = defined(lead)
    for conda in (
        made.conda,
        f"# a comment\n{made.conda}",
        yaml.safe_dump(made.spec, sort_keys=True, width=40),
        yaml.safe_dump(made.spec, default_flow_style=True),
        json.dumps(made.spec),
    ):
        assert made.same_as(Definition.read(IMAGE.pinned, conda))


@pytest.mark.parametrize("conda", ["", "name: [", "when: 2026-02-31", "- a", "a: &x\n  <<: *y", "!!python/none x"])
def test_what_is_no_specification_is_another(lead: Wheel, conda: str) -> None:
    assert not defined(lead).same_as(Definition.read(IMAGE.pinned, conda))


def test_another_image_or_hash_is_another(lead: Wheel) -> None:
    made = defined(lead)
    assert not made.same_as(Definition.read(IMAGE.tagged, made.conda))
    assert not made.same_as(Definition.read(IMAGE.pinned, made.conda.replace(lead.sha256, sha("altered"))))


def test_a_registered_spec_is_bare_again_without_the_addresses_of_its_storage(lead: Wheel) -> None:
    stored = tuple(replace(pin, stored=lead.filename) if pin.private else pin for pin in pins(lead))
    made = define("", lead, stored, BASE, [])
    located = made.at({lead.filename: f"https://acme.blob.core.windows.net/store/a%20b/{lead.filename}"})
    assert located.spec != made.spec
    assert bare(located.spec) == bare(made.spec) == made.spec


def test_conda_packages_are_part_of_the_definition(lead: Wheel) -> None:
    conda = Conda((exact("ffmpeg=6.1.1"), exact("tk=8.6=h1")), ("nvidia", "conda-forge", "nodefaults"))
    made = define("", lead, pins(lead), BASE, [], conda=conda)
    assert made.spec["channels"] == ["nvidia", "conda-forge", "nodefaults"]
    assert made.spec["dependencies"][:-1] == ["python=3.11.13", "pip=26.2.1", "ffmpeg=6.1.1", "tk=8.6=h1"]
    assert made.version != define("", lead, pins(lead), BASE, []).version
    built = [replace(pin, requirement=f"{pin.name} @ git+https://x@{'c' * 40}") for pin in pins(lead)]
    ours = define("", lead, built, BASE, [], conda=Conda((exact("git=2.40.1"),)))
    assert [each for each in ours.spec["dependencies"][:-1] if "git" in each] == ["git=2.40.1"]
