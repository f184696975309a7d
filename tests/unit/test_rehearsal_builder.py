"""The image builder's rules: which credentials go where, and which specs it can't build."""

import textwrap
from typing import Any

import pytest
import yaml
from rehearsal import builder, conda_spec, target_pip, targets

FEED = "https://pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/"


def connection(target: str, pat: str = "p", category: str = "PythonFeed") -> dict[str, Any]:
    return {"category": category, "target": target, "authType": "PAT", "credentials": {"pat": pat}}


@pytest.mark.parametrize(
    "target",
    [
        "https://pkgs.dev.azure.com",
        "https://pkgs.dev.azure.com/",
        "https://pkgs.dev.azure.com/acme",
        "https://PKGS.dev.azure.com/Acme/",
        "pkgs.dev.azure.com/acme/ml",
        FEED,
    ],
)
def test_target_on_the_same_host_that_starts_the_path_matches(target: str) -> None:
    assert targets.with_credentials(FEED, [connection(target)]) == FEED.replace("https://", "https://ado:p@")


@pytest.mark.parametrize(
    "one",
    [
        connection("https://acme.pkgs.visualstudio.com"),
        connection("https://pkgs.dev.azure.com/acm"),
        connection("https://pkgs.dev.azure.com/other"),
        connection("https://pkgs.dev.azure.com/acme", category="Git"),
        {"category": "PythonFeed", "target": "https://pkgs.dev.azure.com/acme", "authType": "None"},
    ],
)
def test_anything_else_leaves_the_url_alone(one: dict[str, Any]) -> None:
    assert targets.with_credentials(FEED, [one]) == FEED


def test_longest_target_wins() -> None:
    known = [connection(f"https://pkgs.dev.azure.com{path}", pat) for path, pat in (("", "a"), ("/acme/ml", "c"))]
    known.insert(1, connection("https://pkgs.dev.azure.com/acme", "b"))
    assert "ado:c@" in targets.with_credentials(FEED, known)


def test_two_connections_with_one_target_break_the_build() -> None:
    known = [connection("https://pkgs.dev.azure.com/acme"), connection("https://pkgs.dev.azure.com/acme/")]
    with pytest.raises(targets.AmbiguousTargetError, match="Unique workspace connection not available"):
        targets.with_credentials(FEED, known)


def test_credentials_in_the_url_stay() -> None:
    url = FEED.replace("https://", "https://me:mine@")
    assert targets.with_credentials(url, [connection("https://pkgs.dev.azure.com")]) == url


def test_pat_is_encoded_and_a_password_is_taken_as_stored() -> None:
    assert targets.credentials(connection("x", "a/b")) == "ado:a%2Fb"
    stored = {"username": "u%40x", "password": "p%2F"}
    assert targets.credentials({"authType": "UsernamePassword", "credentials": stored}) == "u%40x:p%2F"


@pytest.mark.parametrize("option", ["--index-url ", "--extra-index-url ", "--extra-index-url=", "-i ", "--find-links "])
def test_credentials_go_into_index_options(option: str) -> None:
    known = [connection("https://pkgs.dev.azure.com")]
    line = builder.insert_credentials(option + FEED, known)
    assert line == option + FEED.replace("https://", "https://ado:p@")


@pytest.mark.parametrize("line", ["--require-hashes", "numpy==2.0 --hash=sha256:00", f"a @ {FEED}a.whl"])
def test_other_lines_stay(line: str) -> None:
    assert builder.insert_credentials(line, [connection("https://pkgs.dev.azure.com")]) == line


def test_log_is_masked() -> None:
    text = "Looking in https://ado:SECRET@pkgs.dev.azure.com/x, SECRET"
    assert builder.masked(text, ["SECRET"]) == "Looking in https://****@pkgs.dev.azure.com/x, ****"


def spec(*pip: object, python: str = "python=3.11.9", **more: object) -> str:
    content: dict[str, object] = {
        "name": "x",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": [python, "pip=26.3", {"pip": list(pip)}],
    }
    return yaml.safe_dump({**content, **more}, sort_keys=False, width=10_000)


def test_good_spec_is_read() -> None:
    lines = (f"--extra-index-url {FEED}", "--require-hashes", "a==1 --hash=sha256:00 --hash=sha256:01")
    assert conda_spec.parse(spec(*lines)) == conda_spec.CondaSpec("3.11.9", "26.3", lines)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "isn't YAML"),
        ("[]", "list of dependencies"),
        ("name: x", "list of dependencies"),
        (spec(extra=1), "unknown keys: extra"),
        (spec(channels=[]), "without channels"),
        (spec(python="python>=3.11"), "exact versions"),
        (spec(python="python=3.11.*"), "exact versions"),
        (spec(python="numpy=2.0"), "exact versions"),
        (spec(dependencies=["pip=26.3"]), "no exact version of python"),
        (spec(dependencies=["python=3.11.9", {"pip": "a"}]), "can't read"),
        (spec({"--only-binary": "all:"}), "quote it"),
        (spec("--no-deps"), "no such option"),
        (spec("-r requirements.txt"), "only the spec's text"),
    ],
)
def test_spec_that_conda_would_choke_on_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(conda_spec.SpecError, match=complaint):
        conda_spec.parse(text)


def test_unquoted_only_binary_is_the_mapping_that_yaml_makes_of_it() -> None:
    text = textwrap.dedent("""\
        channels: [conda-forge]
        dependencies:
          - python=3.11.9
          - pip=26.3
          - pip:
            - --only-binary=:all:
        """)
    with pytest.raises(conda_spec.SpecError, match="quote it"):
        conda_spec.parse(text)


def test_markers_are_the_targets() -> None:
    environment = target_pip.target_environment("3.10.4")
    assert (environment["python_version"], environment["sys_platform"]) == ("3.10", "linux")


def test_platforms_go_from_new_to_old() -> None:
    tags = builder.platforms()
    assert tags[0] == "manylinux_2_28_x86_64"
    assert tags.index("manylinux_2_17_x86_64") + 1 == tags.index("manylinux2014_x86_64")
    assert tags[-1] == "linux_x86_64"
